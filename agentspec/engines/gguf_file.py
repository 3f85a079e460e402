"""A model given as a ``.gguf`` file: converted once, into the cache, under the sum of its content.

Later it is recognised by path, size and times without being read; after a move or a touch by its sum.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentspec.engines.cache import CONVERSION, RECORD, build, cache_folder, converted, record
from agentspec.engines.package import Progress, last_lines, own_code, run_child
from agentspec.errors import ModelMissing

logger = logging.getLogger("agentspec.models")

SUFFIX = ".gguf"
VERSIONS = (2, 3)

Converter = Callable[[Path, Path, Progress], dict[str, Any]]
"""Makes a folder's files from a GGUF file; returns facts for the record."""


def remembered(file: Path) -> Path | None:
    """The folder made from this very file, as far as path, size and times tell; None if there is none."""
    mark = _mark(file)
    if mark is not None:
        for folder in converted():
            if (record(folder) or {}).get("gguf") == mark:
                return folder
    return None


def remember(file: Path, folder: Path) -> None:
    """Let ``remembered`` find ``folder`` for ``file``; where the cache cannot be written, nothing happens."""
    facts = record(folder)
    if facts is None or facts.get("gguf") == (mark := _mark(file)):
        return
    new = folder / f".{RECORD}.{os.getpid()}"
    with contextlib.suppress(OSError):
        new.write_text(json.dumps({**facts, "gguf": mark}, indent=2) + "\n", encoding="utf-8")
        new.replace(folder / RECORD)


def place(sha256: str) -> Path:
    """Where the conversion of a file with this sum lies or will lie."""
    return cache_folder() / f"gguf-{sha256[:16]}-{CONVERSION}"


def checksum(file: Path, progress: Progress) -> str:
    """The sha256 sum of a GGUF file. Raises ModelMissing where it is none or cannot be read."""
    digest, done = hashlib.sha256(), 0
    try:
        total = file.stat().st_size
        with file.open("rb") as stream:
            _check_head(file, stream.read(24))
            stream.seek(0)
            while block := stream.read(1 << 22):
                digest.update(block)
                done += len(block)
                progress("verify", done, total)
    except OSError as problem:
        raise ModelMissing(f"the model file '{file}' cannot be read: {problem.strerror or problem}") from problem
    return digest.hexdigest()


def _check_head(file: Path, head: bytes) -> None:
    if head.startswith(b"version https:"):
        raise ModelMissing(f"'{file}' is a Git LFS pointer, not the model itself: run 'git lfs pull' where it is from")
    if head[:4] != b"GGUF":
        raise ModelMissing(f"'{file}' is no GGUF file: it begins with {head[:4]!r}, not with b'GGUF'")
    if len(head) < 24:
        raise ModelMissing(f"'{file}' is cut short: it has {len(head)} bytes")
    (version,) = struct.unpack("<I", head[4:8])
    if version not in VERSIONS:
        raise ModelMissing(
            f"'{file}' is a GGUF file of version {version}; readable: {', '.join(map(str, VERSIONS))}, little-endian"
        )


def make(file: Path, sha256: str, progress: Progress, convert: Converter) -> Path:
    """The folder converted from a file, made now if it is not there. Raises ModelMissing with what is wrong with it."""

    def work(workplace: Path, made: Path) -> dict[str, Any]:
        alone = workplace / f"source{SUFFIX}"  # nothing that lies beside the file may pass for a part of it
        try:
            alone.symlink_to(file.absolute())
        except OSError:  # a system without symbolic links
            alone = file.absolute()
        try:
            facts = convert(alone, made, progress)
        except ModelMissing as problem:
            raise ModelMissing(
                problem.message.replace(str(alone), alone.name).replace(alone.name, f"'{file}'")
            ) from problem
        return {"name": file.name, "sha256": sha256, "gguf": _mark(file), **facts}

    return build(place(sha256), work, progress, name=f"'{file}'", room=None, lock=".gguf.lock")


def convert_apart(file: Path, folder: Path, report: Progress) -> dict[str, Any]:
    """`convert` in a process of its own; what it measured. Raises ModelMissing with its last words."""
    import agentspec.engines.convert as conversion

    output = folder.parent / "conversion.txt"

    def look() -> None:
        said = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        report("convert", max(0, said.count("step ") - 1), len(conversion.STEPS))

    code, said = run_child(
        [sys.executable, "-m", conversion.__name__, str(file), str(folder)],
        environment={"HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": _verbosity(), **own_code()},
        folder=folder.parent,
        meanwhile=look,
        output=output,
    )
    logger.debug("conversion said:\n%s", said)
    if code != 0:
        why = (
            last_lines(said).removeprefix("error: ")
            if code > 0
            else f"it was ended by signal {-code}; was there too little memory?"
        )
        raise ModelMissing(f"{file.name} could not be converted: {why}")
    report("convert", len(conversion.STEPS), len(conversion.STEPS))
    facts: dict[str, Any] = json.loads([line for line in said.splitlines() if line.startswith("{")][-1])
    return facts


def _mark(file: Path) -> dict[str, Any] | None:
    try:
        found = file.resolve().stat()
        return {
            "path": str(file.resolve()),
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "ctime_ns": found.st_ctime_ns,
        }
    except OSError:
        return None


def _verbosity() -> str:
    level = os.environ.get("AGENTSPEC_LOG_LEVEL", "").lower()
    return level if level in ("debug", "info", "warning", "error", "critical") else "error"
