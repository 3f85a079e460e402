"""Compiled agents, kept between processes: one file for each agent, in ``compiled`` in the user's cache folder.

An entry is used only while everything it was made from is as it was: the agent's files, what they extend, the spec,
the examples, lock files and the files of tools; also what was looked for and not found; and agentspec itself, Python
and pydantic. Agents with tools of installed packages are compiled each time, and faults are never kept.

What is compiled is a web of our own objects, and pickle keeps it. Loading a pickle can run any code, so an entry is
trusted exactly as far as Python trusts ``__pycache__``: as the user's own file. It is not opened unless folder and file
belong to the user and nobody else may write them; there is no way to name an entry, or to get one from elsewhere.
Whatever is wrong with one, the agent is compiled. ``AGENTSPEC_CACHE=off`` does without the cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import secrets
import stat
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pydantic

import agentspec
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.errors import AgentSpecError
from agentspec.reading import Reading, recorded
from agentspec.shipped import user_cache
from agentspec.spec.load import load_text
from agentspec.spec.resolve import resolve
from agentspec.spec.yaml import read_text

MOST_ENTRIES = 200
MOST_BYTES = 200_000_000
"""Of all entries together; the oldest go first."""

LARGEST = 20_000_000
"""Bytes of an entry."""


def compiled_agent(name: str) -> Compiled:
    """The agent or spec in a file, or shipped under a name, compiled, or the same from the cache.

    Raises InvalidInput as `spec.load.load` and `checking.compile.compile_agent` do.
    """
    path = resolve(name)
    entry = _entry(path)
    kept = entry.read() if entry is not None else None
    if kept is not None:
        return kept
    with recorded() as reading:
        made = compile_agent(load_text(read_text(path), str(path), path))
    if entry is not None and reading.whole:
        entry.write(made, reading)
    return made


def cache_folder() -> Path | None:
    """Where entries lie; None where they are not wanted, or where the user has no folder of their own."""
    if os.environ.get("AGENTSPEC_CACHE") == "off":
        return None
    folder = user_cache() / "compiled"
    return None if any(part.startswith("~") for part in folder.parts) else folder


@dataclass(frozen=True)
class Entry:
    """A file of the cache: a line of JSON (what was read, the sum of the rest), then the pickle."""

    folder: Path
    name: str

    def read(self) -> Compiled | None:
        """What is kept, if it is ours and nothing has changed."""
        try:
            content = self._content()
            if content is None:
                return None
            head, _, body = content.partition(b"\n")
            facts = json.loads(head)
            if facts["sha256"] != hashlib.sha256(body).hexdigest() or not Reading(facts["seen"]).is_unchanged():
                return None
            found = pickle.loads(body)
            return found if isinstance(found, Compiled) else None
        except Exception:  # whatever an odd file makes Python say: it is of no use
            return None

    def write(self, made: Compiled, reading: Reading) -> None:
        """Keep it, with what every run and check asks of it; where that cannot be done, nothing happens."""
        with contextlib.suppress(Exception):  # a full disk, a tree too deep for pickle: the agent is there all the same
            with contextlib.suppress(AgentSpecError):
                _ = made.realizable and made.guard.least()
            body = pickle.dumps(made, pickle.HIGHEST_PROTOCOL)
            facts = {"seen": reading.seen, "sha256": hashlib.sha256(body).hexdigest()}
            content = json.dumps(facts).encode() + b"\n" + body
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if len(content) <= LARGEST and _is_own(os.lstat(self.folder)):
                self._replace(content)
                _forget_old(self.folder)

    def _content(self) -> bytes | None:
        """What the file holds; None for one that others may have written."""
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with open(os.open(self.folder / self.name, flags), "rb") as file:
            status = os.fstat(file.fileno())
            safe = stat.S_ISREG(status.st_mode) and _is_own(status) and _is_own(os.lstat(self.folder))
            return file.read(LARGEST + 1) if safe else None

    def _replace(self, content: bytes) -> None:
        beside = self.folder / f"{self.name}-{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            with open(os.open(beside, flags, 0o600), "wb") as file:
                file.write(content)
            beside.replace(self.folder / self.name)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def _entry(path: Path) -> Entry | None:
    """The place of an agent's entry."""
    try:
        folder = cache_folder()
        if folder is None:
            return None
        key = (str(path), os.path.abspath(path), agentspec.__version__, sys.version, pydantic.VERSION, _source_state())
        return Entry(folder, hashlib.sha256(repr(key).encode(errors="surrogatepass")).hexdigest())
    except OSError:  # the current folder is gone
        return None


@cache
def _source_state() -> str:
    """A sum over names, sizes and times of agentspec's own modules: a checkout changes without a new version."""
    facts = []
    folders = [os.path.dirname(agentspec.__file__)]
    for folder in folders:
        with os.scandir(folder) as found:
            for one in found:
                if one.name.endswith(".py"):
                    status = one.stat()
                    facts.append((one.path, status.st_size, status.st_mtime_ns))
                elif "." not in one.name and not one.name.startswith("_") and one.is_dir():
                    folders.append(one.path)
    return hashlib.sha256(repr(sorted(facts)).encode()).hexdigest()


def _is_own(status: os.stat_result) -> bool:
    """Whether file or folder is the user's and nobody else's to write; systems without such owners are not asked."""
    if not hasattr(os, "geteuid"):
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _forget_old(folder: Path) -> None:
    """Delete all but the newest."""
    with os.scandir(folder) as found:
        files = [(one.stat(follow_symlinks=False), one.path) for one in found]
    room = MOST_BYTES
    for i, (status, path) in enumerate(sorted(files, key=lambda one: -one[0].st_mtime_ns)):
        room -= status.st_size
        if i >= MOST_ENTRIES or room < 0:
            with contextlib.suppress(OSError):
                os.unlink(path)
