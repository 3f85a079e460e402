"""What a piece of work learns from the disk: the files it reads and those it looks for and does not find.

Rooms that read files say so here; nobody listens but who keeps results and must know when they are out of date.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

State = list[str | int]
"""What lies at a path: a word, or the size, SHA-256 and real path of a file."""


@dataclass
class Reading:
    """``seen``: the state of each path, as it was given, when it was looked at. ``whole``: nothing else was learnt."""

    seen: dict[str, State] = field(default_factory=dict)
    whole: bool = True

    def is_unchanged(self) -> bool:
        """Whether reading once more would show the same. A relative path is taken from the current folder."""
        return self.whole and all(_state(path, of_size=known[0]) == known for path, known in self.seen.items())


_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def recorded() -> Iterator[Reading]:
    """Listen to what is read within."""
    reading = Reading()
    token = _READING.set(reading)
    try:
        yield reading
    finally:
        _READING.reset(token)


def note(path: Path, content: bytes | None = None) -> None:
    """Say that the file was read, or, without content, that it was looked for."""
    reading = _READING.get()
    if reading is None:
        return
    found = _state(str(path), content)
    if content is not None and len(found) == 1:  # read from what is no file: nobody can read it again
        reading.whole = False
    if reading.seen.setdefault(str(path), found) != found:
        reading.whole = False


def note_environment() -> None:
    """Say that more than files was looked at."""
    reading = _READING.get()
    if reading is not None:
        reading.whole = False


def _state(path: str, content: bytes | None = None, of_size: str | int | None = None) -> State:
    """The state of a path. Where the size is not ``of_size``, the rest is not looked at."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            return ["no file"]
        if of_size is not None and of_size != status.st_size:
            return ["another size"]
        found = Path(path).read_bytes() if content is None else content
        return [len(found), hashlib.sha256(found).hexdigest(), os.path.realpath(path)]
    except (OSError, ValueError):
        return ["nothing"]
