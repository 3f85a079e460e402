"""The Python file of a tool as bytes: read once, within bounds, and hashed. Nothing here runs it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from agentspec import limits
from agentspec.errors import InvalidInput
from agentspec.reading import note


@dataclass(frozen=True)
class ToolFile:
    """A file at its real path. ``source`` has ``\\n`` as its line ends; ``sha256`` is that of ``source``.

    Who wants to run the file compiles ``source``: so what runs is what was hashed, whatever the disk holds by then.
    """

    path: Path
    source: bytes = field(repr=False)
    sha256: str


def read_tool_file(folder: Path, relative: str) -> ToolFile:
    """Read a file of a folder. Raises InvalidInput when it is missing, too large, or links lead out of the folder."""
    path = folder / relative
    try:
        root, real = folder.resolve(), path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # missing, or a loop of links
        raise InvalidInput(f"{path}: no such file") from None
    if not real.is_relative_to(root):
        raise InvalidInput(f"{path} is a link to {real}, which lies outside {root}")
    source = read_bounded(real, limits.TOOL_FILE_BYTES).replace(b"\r\n", b"\n")
    note(path)  # it may lead elsewhere some day
    return ToolFile(real, source, hashlib.sha256(source).hexdigest())


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes. Raises InvalidInput otherwise, naming it."""
    try:
        if not path.is_file():
            raise InvalidInput(f"{path}: {'not a regular file' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as problem:
        raise InvalidInput(f"{path}: cannot be read: {problem}") from None
    if len(content) > most:
        raise InvalidInput(f"{path}: larger than {most} bytes")
    note(path, content)
    return content
