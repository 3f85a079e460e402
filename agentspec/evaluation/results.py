"""The folder of an evaluation: what it compares, and a line for each result, written as it comes.

Several processes may fill one folder, each its own file; the same command goes on where it, or another, stopped.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from agentspec import limits
from agentspec.content.tool_file import read_bounded
from agentspec.engines.lock import locked
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.evaluation.play import Line
from agentspec.toolbox.trust import replace_text

Key = tuple[str, str]


@dataclass
class Store:
    """The results in a folder, or in memory where there is none. ``lines`` are by item and setting."""

    folder: Path | None
    lines: dict[Key, Line] = field(default_factory=dict)
    _file: IO[str] | None = None

    def add(self, line: Line) -> None:
        """Keep a result; it is on the disk when this returns."""
        self.lines[line.item, line.setting] = line
        if self._file is not None:
            self._file.write(json.dumps(line.to_json(), ensure_ascii=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def refresh(self) -> None:
        """Read what other processes have written meanwhile."""
        if self.folder is not None:
            self.lines = {**read_lines(self.folder), **self.lines}

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder as a whole."""
        if self.folder is not None:
            replace_text(self.folder / name, text)


@contextlib.contextmanager
def store(folder: Path | None, config: Mapping[str, Any], shard: tuple[int, int] = (1, 1)) -> Iterator[Store]:
    """The results of a folder, to be added to in the file of one shard.

    ``config`` is what results must agree in to be compared: the first process writes it. Raises InvalidInput where the
    folder's is another, naming what differs, and where another process fills the same file.
    """
    if folder is None:
        yield Store(None)
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", waiting=lambda: None):
            _agree(folder, config)
        name = "results.jsonl" if shard == (1, 1) else f"results-{shard[0]}of{shard[1]}.jsonl"
        with locked(folder / f".{name}.lock", waiting=lambda: _busy(folder / name)):
            _mend(folder / name)
            found = Store(folder, read_lines(folder))
            with (folder / name).open("a", encoding="utf-8", newline="\n") as file:
                found._file = file
                yield found
    except OSError as problem:
        if problem.filename is None:
            raise
        raise InvalidInput(f"{problem.filename}: {problem.strerror}") from None


def read_lines(folder: Path) -> dict[Key, Line]:
    """The results of all files of a folder; the first of an item and setting counts.

    A last line that another process is writing is left out. Raises SyntaxProblem for any other that is none.
    """
    found: dict[Key, Line] = {}
    for path in sorted(folder.glob("results*.jsonl")):
        whole, _, _ = read_bounded(path, limits.DATA_BYTES).rpartition(b"\n")
        for number, row in enumerate(whole.split(b"\n") if whole else [], start=1):
            try:
                line = Line.from_json(json.loads(row))
            except (ValueError, RecursionError) as problem:
                raise SyntaxProblem(f"not JSON: {problem}", location=Location(str(path), number, 1)) from None
            except InvalidInput as problem:
                raise SyntaxProblem(problem.message, location=Location(str(path), number, 1)) from None
            found.setdefault((line.item, line.setting), line)
    return found


def _busy(path: Path) -> None:
    raise InvalidInput(f"{path}: another process fills this file; --shard i/n gives each process one of its own")


def _mend(path: Path) -> None:
    """Cut a last line that was not written to its end."""
    if not path.exists():
        return
    content = read_bounded(path, limits.DATA_BYTES)
    kept = content.rfind(b"\n") + 1
    if kept < len(content):
        with path.open("r+b") as file:
            file.truncate(kept)


def _agree(folder: Path, config: Mapping[str, Any]) -> None:
    path = folder / "config.json"
    asked = json.loads(json.dumps(config))
    if not path.exists():
        if any(folder.glob("results*.jsonl")):
            raise InvalidInput(f"{folder}: results without the config.json that says what they are of")
        replace_text(path, json.dumps(asked, indent=1, ensure_ascii=False) + "\n")
        return
    try:
        there = json.loads(read_bounded(path, limits.DATA_BYTES))
    except (ValueError, RecursionError) as problem:
        raise InvalidInput(f"{path}: not JSON: {problem}") from None
    differ = _differences(there, asked, "") if isinstance(there, dict) else ["its config.json is no object"]
    if differ:
        raise InvalidInput(
            f"{folder} holds another evaluation: {'; '.join(differ[:6])}; name another folder, or delete this one"
        )
    if asked["agents"].keys() - there["agents"].keys():
        there["agents"].update(asked["agents"])
        replace_text(path, json.dumps(there, indent=1, ensure_ascii=False) + "\n")


def _differences(one: Any, other: Any, name: str) -> list[str]:
    """Where two configurations differ; agents that only one of them has are no difference."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = set(one) & set(other) if name == "agents" else set(one) | set(other)
        return [
            said
            for key in sorted(keys)
            for said in _differences(one.get(key), other.get(key), f"{name}.{key}" if name else key)
        ]
    if one == other:
        return []
    return [f"{name} was {_short(one)} and is {_short(other)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
