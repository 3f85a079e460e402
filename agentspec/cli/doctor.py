"""``agentspec doctor``: whether an agent can run here, what is missing, and what to do about it."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

DISTRIBUTION = "agentspec-ltl"
ENGINE = ("torch", "transformers", "llguidance")
"""What an engine imports; everything else starts without them."""

STATUSES = ("ok", "warning", "problem")
"""From good to bad; only a problem keeps an agent from running."""

VARIABLES = {
    "AGENTSPEC_MODEL": "the model used where none is named",
    "AGENTSPEC_CACHE_DIR": "the folder of converted models and compiled agents",
    "AGENTSPEC_CACHE": "'off': compile agents each time",
    "AGENTSPEC_TRACE_DIR": "the folder of traces",
    "AGENTSPEC_STATE_DIR": "the folder of what is trusted",
    "AGENTSPEC_LOG_LEVEL": "how much libraries may say",
    "HF_HOME": "the folder of Hugging Face's tools",
    "HF_HUB_CACHE": "the folder of models from the hub",
    "HF_HUB_OFFLINE": "1 forbids the network",
    "HF_ENDPOINT": "another hub",
    "HF_TOKEN": "for gated and private models of the hub",
    "NO_COLOR": "no colours",
    "OPENAI_BASE_URL": "a model server",
    "OPENAI_API_KEY": "a model server's key",
}
SECRET = {"HF_TOKEN", "OPENAI_API_KEY"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its name, ``ok``, ``warning`` or ``problem``, what was found, what to do."""

    name: str
    status: str
    found: str
    advice: str | None = None


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False) -> None:
    """Check this machine: packages, models, devices, folders, settings.

    Exit code 0: an agent can run; 1: something keeps it from that.
    """
    checks: list[Check] = []
    for section, look in SECTIONS.items():
        try:
            checks += look()
        except Exception as problem:  # what a broken installation raises is exactly what is looked for
            checks.append(Check(section, "problem", f"{type(problem).__name__}: {problem}", REINSTALL))
    status = max((check.status for check in checks), key=STATUSES.index)
    if as_json:
        shown = {"schema_version": 1, "status": status, "checks": [asdict(check) for check in checks]}
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        _print(checks)
    raise typer.Exit(1 if status == "problem" else 0)


def _print(checks: list[Check]) -> None:
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:  # one of the things that may be wrong
        for check in checks:
            typer.echo(f"{check.status:8} {check.name}: {check.found}")
            if check.advice:
                typer.echo(f"         {check.advice}")
        return
    console = Console(highlight=False, soft_wrap=True)
    styles = {"ok": "green", "warning": "yellow", "problem": "bold red"}
    width = max(len(check.name) for check in checks)
    for check in checks:
        console.print(Text(f"{check.status:8}", style=styles[check.status]), f"{check.name:{width}}", check.found)
        if check.advice:
            indent = " " * (10 + width)
            console.print(Text("\n".join(f"{indent}{line}" for line in check.advice.splitlines()), style="dim"))
    problems, warnings = (sum(check.status == status for check in checks) for status in ("problem", "warning"))
    if problems:
        console.print(Text(f"\nNo agent can run here: problems {problems}, warnings {warnings}.", style="bold red"))
    else:
        console.print(Text(f"\nAn agent can run here: warnings {warnings}.", style="bold green"))


def _python() -> Iterator[Check]:
    build = f"{platform.python_implementation()} {platform.python_version()} ({sys.executable})"
    wanted = _metadata("Requires-Python")
    fits = wanted is None or _fits(platform.python_version(), wanted)
    yield Check("python", *(("ok", build) if fits else ("problem", build, f"agentspec needs Python {wanted}")))
    yield Check("platform", "ok", platform.platform())
    import agentspec

    place = Path(agentspec.__file__).parent
    if wanted is None:
        yield Check("agentspec", "warning", f"{agentspec.__version__} in {place}, not installed", REINSTALL)
    else:
        yield Check("agentspec", "ok", f"{agentspec.__version__} in {place}")


REINSTALL = f"{sys.executable} -m pip install --upgrade {DISTRIBUTION}"


def _packages() -> Iterator[Check]:
    """Each package that agentspec requires, by its own metadata: there, and of a version that it asks for."""
    try:
        required = [line for line in importlib.metadata.requires(DISTRIBUTION) or [] if "extra ==" not in line]
    except importlib.metadata.PackageNotFoundError:
        required = [*ENGINE, "huggingface_hub", "pydantic", "typer"]
    for line in sorted(required, key=str.lower):
        read = re.fullmatch(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*([^;]*)(?:;.*)?", line)
        if read is None:
            yield Check(line, "warning", "a requirement that cannot be read")
            continue
        name, wanted = read[1], read[2].strip().strip("()")
        install = f'{sys.executable} -m pip install "{name}{wanted}"'
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(name, "problem", "not installed", install)
            continue
        if _fits(version, wanted):
            yield Check(name, "ok", version)
        else:
            yield Check(name, "problem", f"{version}, agentspec needs {wanted}", install)
    if not any(line.lower().startswith("huggingface") for line in required):
        yield Check("huggingface_hub", "ok", importlib.metadata.version("huggingface_hub"))


def _metadata(key: str) -> str | None:
    try:
        return importlib.metadata.metadata(DISTRIBUTION)[key]
    except (importlib.metadata.PackageNotFoundError, KeyError):
        return None


def _fits(version: str, wanted: str) -> bool:
    """Whether a version is one of those wanted; True where ``packaging`` is not there to tell."""
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    return SpecifierSet(wanted).contains(version, prereleases=True)


def _models() -> Iterator[Check]:
    from agentspec.engines import hub, models
    from agentspec.errors import AgentSpecError

    name, offline = models.default_model(), hub.is_offline()
    try:
        folder = models.locate(name)
    except AgentSpecError as problem:
        yield Check("default model", "problem", problem.message, "set AGENTSPEC_MODEL to another model, or unset it")
    else:
        if folder is not None:
            yield Check("default model", "ok", f"{name} in {folder}")
        else:
            advice = f"agentspec models fetch {name}"
            how = (
                ("problem", ", and HF_HUB_OFFLINE forbids it") if offline else ("warning", "; the first run fetches it")
            )
            yield Check("default model", how[0], f"{name} is not here{how[1]}", advice)
    here = models.here()
    yield _writable("model cache", models.cache_folder(), "AGENTSPEC_CACHE_DIR")
    for one in here:
        if one.kind != "hub":
            yield Check("model", "ok", f"{one.name} ({one.kind}), {_amount(one.size)}")
    for place in sorted(models.cache_folder().glob("[!.]*")):
        if place.is_dir() and place not in [one.folder for one in here]:
            yield Check("model", "warning", f"{place} is damaged or of another version", f"delete it: {place}")
    cache = hub.hub_cache()
    whole = [one for one in here if one.kind == "hub"]
    yield Check("hub cache", "ok", f"{cache}, {len(whole)} models" if cache.is_dir() else f"{cache}, not there yet")
    for one in whole:
        yield Check("hub model", "ok", f"{one.name}, {_amount(one.size)}")


def _devices() -> Iterator[Check]:
    for name in ENGINE:
        try:
            importlib.import_module(name)
        except Exception as problem:  # a package can be there and broken, in any way
            told = str(problem).strip().splitlines() or [""]
            advice = f"{sys.executable} -m pip install --force-reinstall {name}"
            yield Check(f"import {name}", "problem", f"{type(problem).__name__}: {told[0]}", advice)
            return
    from agentspec.engines.transformers import devices

    for device in devices():
        memory = f", {_amount(device['memory'])}" if device["memory"] else ""
        yield Check("device", "ok", f"{device['name']}: {device['what']}{memory}")


def _room() -> Iterator[Check]:
    from agentspec.engines import memory, models

    free = memory.available()
    known = models.KNOWN[next(iter(models.KNOWN))]
    if free is None:
        yield Check("memory", "ok", "what is free cannot be told on this system")
    elif free < 8 * known.parameters:
        yield Check(
            "memory", "warning", f"{_amount(free)} free", f"the smallest model wants {_amount(8 * known.parameters)}"
        )
    else:
        yield Check("memory", "ok", f"{_amount(free)} free")
    place = _existing(models.cache_folder())
    disk = shutil.disk_usage(place).free
    if disk < known.disk_bytes and models.locate(known.name) is None:
        advice = f"fetching the default model takes {_amount(known.disk_bytes)}: make room, or set AGENTSPEC_CACHE_DIR"
        yield Check("disk", "warning", f"{_amount(disk)} free at {place}", advice)
    else:
        yield Check("disk", "ok", f"{_amount(disk)} free at {place}")


def _spot() -> Iterator[Check]:
    if importlib.util.find_spec("spot") is None:
        yield Check("Spot", "ok", "not installed; not needed")
        return
    from agentspec.automata import spot
    from agentspec.errors import InvalidInput

    try:
        version = spot.version()
    except InvalidInput as problem:
        yield Check("Spot", "warning", problem.message, "not needed, and harmless where nobody asks for it")
        return
    without = "" if hasattr(spot.load(), "ltlf_to_mtdfa") else ", without ltlf_to_mtdfa (a later one is faster)"
    yield Check("Spot", "ok", f"{version}{without}; for --backend spot")


def _folders() -> Iterator[Check]:
    from agentspec.episode.journal import trace_folder

    yield _writable("trace folder", trace_folder(), "AGENTSPEC_TRACE_DIR")


def _environment() -> Iterator[Check]:
    for name, means in VARIABLES.items():
        value = os.environ.get(name)
        if value is None:
            continue
        shown = "set (not shown)" if name in SECRET else re.sub("//[^/@]*@", "//", value)
        if name == "AGENTSPEC_LOG_LEVEL" and value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            yield Check(name, "warning", shown, "choose debug, info, warning, error or critical")
        elif name.startswith("OPENAI"):
            yield Check(name, "ok", f"{shown}: {means}; this version uses none")
        else:
            yield Check(name, "ok", f"{shown}: {means}")


SECTIONS: dict[str, Callable[[], Iterator[Check]]] = {
    "python": _python,
    "packages": _packages,
    "models": _models,
    "devices": _devices,
    "memory and disk": _room,
    "Spot": _spot,
    "folders": _folders,
    "environment": _environment,
}


def _writable(name: str, folder: Path, variable: str) -> Check:
    """Whether a file can be written there, or the folder made; nothing of the try stays."""
    place = _existing(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".agentspec-"):
            pass
    except OSError as problem:
        why = problem.strerror or str(problem)
        return Check(name, "problem", f"{folder} cannot be written: {why}", f"set {variable} to another folder")
    return Check(name, "ok", f"{folder}" + ("" if folder.is_dir() else ", made when needed"))


def _existing(folder: Path) -> Path:
    """The folder or the nearest above it that is there."""
    return next((place for place in (folder, *folder.parents) if place.exists()), Path.cwd())


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
