"""Recorded traces on disk: message logs and journals, in JSON or JSON lines, with the place of everything.

Told apart by what they hold: one JSON value (a list of messages, an object with ``messages``, a list of such
conversations), one conversation a line, one message a line, or a journal of ours. What cannot be read is never dropped
in silence: a trace keeps what stood before the fault, and the fault with its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from agentspec import limits
from agentspec.episode.replay_json import Walk, name_of
from agentspec.errors import InvalidInput

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""What is read in folders."""

Kind = Literal["messages", "journal"]


@dataclass(frozen=True)
class Problem:
    """What is wrong with a file, and where: line and column from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class Places:
    """The lines on which the items of a trace begin; offsets in a text become lines only when one is asked for."""

    def __init__(self, lines: Sequence[int] = (), offsets: Sequence[int] = (), text: str = "", line: int = 0) -> None:
        self._lines, self._offsets, self._text, self._line = lines, offsets, text, line

    def line(self, index: int) -> int:
        """The line of an item, from 1."""
        if self._line or not (self._lines or self._offsets):
            return self._line or 1
        if self._lines:
            return self._lines[min(index, len(self._lines) - 1)]
        return self._text.count("\n", 0, self._offsets[min(index, len(self._offsets) - 1)]) + 1


@dataclass
class Recorded:
    """One trace as it was found: its items in order, messages or the records of a journal.

    ``problem`` is why it goes no further; then the items are those before it.
    """

    file: str
    line: int
    kind: Kind
    items: list[Any]
    places: Places
    problem: Problem | None = None
    name: str | None = None
    skipped: int = field(default=0)


def files_of(names: Iterable[str]) -> list[Path]:
    """The files that are meant: those named, and in folders all `SUFFIXES`, at any depth, sorted.

    Raises InvalidInput for a name that is neither, and for a folder without any.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        try:
            if path.is_dir():
                inside = sorted(_beneath(path))
                if not inside:
                    raise InvalidInput(f"{name}: no {', '.join(SUFFIXES)} file in this folder")
                found.update(dict.fromkeys(inside))
            elif path.exists():
                found[path] = None
            else:
                raise InvalidInput(f"{name}: no such file or folder")
        except (OSError, ValueError) as problem:
            raise InvalidInput(f"{name!r}: {problem}") from None
    return list(found)


def _beneath(folder: Path) -> Iterator[Path]:
    for here, _, names in os.walk(folder):
        yield from (Path(here) / name for name in names if name.lower().endswith(SUFFIXES))


def read_traces(path: Path) -> Iterator[Recorded]:
    """The traces of one file, one after the other. Raises nothing: what is wrong is each trace's ``problem``."""
    try:
        with path.open("rb") as stream:
            yield from _read(stream, str(path), path.suffix.lower() == ".json")
    except OSError as problem:
        yield _broken(Problem(str(path), 1, 1, problem.strerror or str(problem)))


def _broken(problem: Problem) -> Recorded:
    return Recorded(problem.file, problem.line, "messages", [], Places(line=problem.line), problem)


def _read(stream: BinaryIO, file: str, whole: bool) -> Iterator[Recorded]:
    first = stream.readline(limits.REPLAY_BYTES + 1)
    while first.strip(b"\xef\xbb\xbf \t\r\n") == b"" and first:
        first = stream.readline(limits.REPLAY_BYTES + 1)
    if not first:
        yield _broken(Problem(file, 1, 1, "the file is empty"))
        return
    more = stream.read(1)
    stream.seek(0)
    if more and _is_whole(first):
        whole = False
    elif not whole:
        alone = not more and (first.lstrip(b"\xef\xbb\xbf \t")[:1] == b"[" or b'"messages"' in first)
        whole = alone or first.strip() in (b"[", b"{")
    yield from _document(stream, file) if whole else _Lines(file).read(stream)


def _is_whole(line: bytes) -> bool:
    """Whether a first line is a JSON value by itself."""
    try:
        json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    return True


def _document(stream: BinaryIO, file: str) -> Iterator[Recorded]:
    raw = stream.read(limits.REPLAY_BYTES + 1)
    if len(raw) > limits.REPLAY_BYTES:
        yield _broken(
            Problem(file, 1, 1, f"one JSON value of more than {limits.REPLAY_BYTES} bytes: use one line a message")
        )
        return
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = raw[: problem.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        yield _broken(Problem(file, line, column, "not UTF-8 from here on"))
        return
    walk = Walk(text)
    fault: Problem | None = None
    try:
        walk.top()
    except json.JSONDecodeError as problem:
        fault = Problem(file, problem.lineno, problem.colno, f"not valid JSON: {problem.msg}")
    except (ValueError, RecursionError) as problem:
        reason = "nested too deeply" if isinstance(problem, RecursionError) else str(problem).partition(";")[0]
        fault = Problem(file, 1, 1, f"not valid JSON: {reason}")
    found = walk.conversations
    if not found:
        fault = fault or Problem(file, 1, 1, 'no messages: expected a list of them, or {"messages": [...]}')
        yield _broken(fault)
    for number, one in enumerate(found):
        line = text.count("\n", 0, one.offset) + 1
        problem_here = Problem(file, line, 1, one.fault) if one.fault else None
        if fault is not None and number == len(found) - 1:
            problem_here = fault
        yield Recorded(file, line, "messages", one.items, Places((), one.offsets, text), problem_here, one.name)


class _Lines:
    """One conversation a line, one message a line, or the records of a journal, by what the first line holds."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mode: Literal["", "conversations", "messages", "journal"] = ""
        self.items: list[Any] = []
        self.lines: list[int] = []
        self.skipped = 0
        self.fault: Problem | None = None

    def read(self, stream: BinaryIO) -> Iterator[Recorded]:
        number = 0
        while raw := stream.readline(limits.REPLAY_BYTES + 1):
            number += 1
            if len(raw) > limits.REPLAY_BYTES and not raw.endswith(b"\n"):
                while (rest := stream.readline(limits.REPLAY_BYTES)) and not rest.endswith(b"\n"):
                    pass
                value: Any = Problem(self.file, number, 1, f"a line of more than {limits.REPLAY_BYTES} bytes")
            elif not raw.strip():
                continue
            else:
                value = self._value(raw, number)
            yield from self._take(value, number)
        if self.items or self.fault:
            yield self._trace()

    def _value(self, raw: bytes, number: int) -> Any:
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            return json.loads(text)
        except UnicodeDecodeError as problem:
            column = len(raw[: problem.start].decode("utf-8", "replace")) + 1
            return Problem(self.file, number, column, "not UTF-8 from here on")
        except json.JSONDecodeError as problem:
            cut = " (the line is cut off)" if not raw.endswith(b"\n") else ""
            return Problem(self.file, number, problem.colno, f"not valid JSON: {problem.msg}{cut}")
        except RecursionError:
            return Problem(self.file, number, 1, "not valid JSON: nested too deeply")
        except ValueError as problem:
            return Problem(self.file, number, 1, f"not valid JSON: {str(problem).partition(';')[0]}")

    def _take(self, value: Any, number: int) -> Iterator[Recorded]:
        kind = _kind(value)
        if kind and not self.mode:
            self.mode = kind
        if self.mode in ("", "conversations"):
            yield self._conversation(value, number, kind)
        elif kind == "journal" and self.mode == "journal" and value["type"] == "episode" and self.items:
            yield self._trace()
            self._add(value, number)
        elif kind == self.mode:
            self._add(value, number)
        elif self.fault is None:
            what = "a message" if self.mode == "messages" else "a record of a journal"
            self.fault = value if isinstance(value, Problem) else Problem(self.file, number, 1, f"this is not {what}")
        else:
            self.skipped += 1

    def _add(self, value: Any, number: int) -> None:
        if self.fault is not None:
            self.skipped += 1
            return
        self.items.append(value)
        self.lines.append(number)

    def _conversation(self, value: Any, number: int, kind: str) -> Recorded:
        if isinstance(value, Problem):
            return _broken(value)
        if kind != "conversations":
            return _broken(
                Problem(self.file, number, 1, "neither a message, nor a conversation, nor a journal's record")
            )
        items = value if isinstance(value, list) else value["messages"]
        name = None if isinstance(value, list) else name_of(value)
        return Recorded(self.file, number, "messages", items, Places(line=number), None, name)

    def _trace(self) -> Recorded:
        line = self.lines[0] if self.lines else self.fault.line if self.fault else 1
        kind: Kind = "journal" if self.mode == "journal" else "messages"
        made = Recorded(
            self.file, line, kind, self.items, Places(self.lines), self.fault, skipped=self.skipped
        )  # fmt: skip
        self.items, self.lines, self.fault, self.skipped = [], [], None, 0
        return made


def _kind(value: Any) -> Literal["", "conversations", "messages", "journal"]:
    if isinstance(value, list):
        return "conversations"
    if not isinstance(value, dict):
        return ""
    if "role" in value:
        return "messages"
    if isinstance(value.get("messages"), list):
        return "conversations"
    return "journal" if value.get("type") in ("episode", "step", "result") else ""
