"""The cache of converted models: one folder each, whole or not there, made once however many ask.

A folder is made beside its place and renamed when all of it is there; `RECORD`, written last, lists its files.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agentspec.engines.lock import locked
from agentspec.engines.package import Progress
from agentspec.errors import ModelMissing
from agentspec.shipped import user_cache

CONVERSION = 1
"""Raised when `convert` writes something else: older folders are then left alone and the model is made anew."""

RECORD = "agentspec.json"
"""In each converted folder, written last: where it comes from and the size of every file."""


def cache_folder() -> Path:
    """Where converted models lie: ``models`` in ``AGENTSPEC_CACHE_DIR``, else in the user's cache folder."""
    return user_cache() / "models"


def record(folder: Path) -> dict[str, Any] | None:
    """What was written down beside a converted model, None for a folder that was not made here."""
    try:
        facts: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and isinstance(facts.get("files"), dict) else None


def is_intact(folder: Path) -> bool:
    """Whether all that the conversion wrote is there, at its size."""
    facts = record(folder)
    if facts is None:
        return False
    try:
        return all((folder / name).stat().st_size == size for name, size in facts["files"].items())
    except OSError:
        return False


def converted() -> list[Path]:
    """The whole models in the cache."""
    return [folder for folder in sorted(cache_folder().glob("[!.]*")) if is_intact(folder)]


def build(
    folder: Path,
    make: Callable[[Path, Path], dict[str, Any]],
    progress: Progress,
    *,
    name: str,
    room: int | None,
    lock: str | None = None,
) -> Path:
    """``folder`` in the cache, made first if it is not there whole. Two at once do the work once.

    ``make(workplace, model)`` writes the files into the empty folder ``model``, beneath ``workplace`` where it may
    leave what it likes, and returns what to record. ``room`` is the free space that takes, in bytes, if known. Raises
    ModelMissing when there is no room or the cache cannot be written; whatever fails, nothing of it stays.
    """
    key = folder.name
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with locked(cache_folder() / (lock or f".{key}.lock"), waiting=lambda: progress("wait", 0, None)) as held:
            if is_intact(folder):
                return folder
            if held:  # nobody else is at work on it: what others left behind is nobody's
                for left in cache_folder().glob(f".{key}-????????"):
                    shutil.rmtree(left, ignore_errors=True)
            with _workplace(key) as workplace:
                free = shutil.disk_usage(workplace).free
                if room is not None and free < room:
                    raise OSError(f"only {free / 1e9:.1f} GB are free")
                made = workplace / "model"
                made.mkdir()
                write_record(made, make(workplace, made))
                _settle(made, folder)
    except OSError as problem:
        about = f" (about {room / 1e9:.1f} GB while fetching)" if room is not None else ""
        raise ModelMissing(
            f"{name} could not be put into {cache_folder()}: {problem}\n"
            f"  make room there{about}, or set AGENTSPEC_CACHE_DIR to another folder"
        ) from problem
    return folder


def write_record(folder: Path, facts: dict[str, Any]) -> None:
    """Write ``RECORD``: the facts, and which files there are. Raises ModelMissing where config.json is missing."""
    if not (folder / "config.json").is_file():
        raise ModelMissing(f"the conversion of {facts.get('name', folder.name)} wrote no config.json")
    usual = (folder / "config.json").stat().st_mode & 0o777
    sizes = {}
    for file in sorted(folder.iterdir()):
        if file.name != RECORD:
            file.chmod(usual)  # safetensors writes 0600, of no use to the others who share a cache
            sizes[file.name] = file.stat().st_size
    text = json.dumps({**facts, "files": sizes}, indent=2) + "\n"
    new = folder / f".{RECORD}.new"
    new.write_text(text, encoding="utf-8")
    new.replace(folder / RECORD)


def _settle(made: Path, folder: Path) -> None:
    """Give a finished folder its name; whoever comes second (without locks) finds it done."""
    if folder.exists() and not is_intact(folder):
        folder.rename(made.parent / "damaged")
    try:
        made.rename(folder)
    except OSError:
        if not is_intact(folder):
            raise


@contextlib.contextmanager
def _workplace(key: str) -> Iterator[Path]:
    """A folder in the cache, so that a rename ends the work; gone afterwards, whatever happened."""
    folder = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=cache_folder()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
