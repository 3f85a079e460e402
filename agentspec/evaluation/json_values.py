"""JSON values in a file, one a line or in one list, each with its place; what is none is a fault among them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentspec import limits
from agentspec.errors import Location, SyntaxProblem


@dataclass(frozen=True)
class Value:
    """A JSON value of a file and where it stands."""

    value: Any
    place: Location


def decoded(content: bytes, path: Path) -> str:
    """The text of a file. Raises SyntaxProblem where it is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        before = content[: problem.start]
        line, column = before.count(b"\n") + 1, problem.start - (before.rfind(b"\n") + 1) + 1
        raise SyntaxProblem("not UTF-8", location=Location(str(path), line, column)) from None


def values_in(text: str, source: str) -> Iterator[Value | SyntaxProblem]:
    """The values of JSON lines, or of one list, each with its place or what is wrong there."""
    items = _of_list(text, source) if text.lstrip()[:1] == "[" else _of_lines(text, source)
    for number, value in enumerate(items, start=1):
        if number > limits.DATA_ITEMS:
            yield SyntaxProblem(f"{source}: the first {limits.DATA_ITEMS} items are read, no more")
            return
        yield value


def _of_lines(text: str, source: str) -> Iterator[Value | SyntaxProblem]:
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line.strip():
            continue
        place = Location(source, number, 1, line[:200])
        if len(line) > limits.DATA_LINE:
            yield SyntaxProblem(f"the line has more than {limits.DATA_LINE} characters", location=place)
            continue
        try:
            yield Value(_DECODER.decode(line), place)
        except json.JSONDecodeError as problem:
            yield SyntaxProblem(f"not JSON: {problem.msg}", location=Location(source, number, problem.colno, line))
        except (ValueError, RecursionError) as problem:
            yield SyntaxProblem(f"not JSON: {_said(problem)}", location=place)


def _of_list(text: str, source: str) -> Iterator[Value | SyntaxProblem]:
    """The values of a list, until one is no JSON."""
    at, places = text.index("[") + 1, _Places(text, source)
    while True:
        at = _blank(text, at)
        if text[at : at + 1] == "]":
            if text[at + 1 :].strip():
                yield SyntaxProblem("something follows the list", location=places.of(_blank(text, at + 1)))
            return
        try:
            value, end = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as problem:
            what = f"not JSON: {problem.msg}; what follows is not read"
            yield SyntaxProblem(what, location=places.of(problem.pos))
            return
        except (ValueError, RecursionError) as problem:
            yield SyntaxProblem(f"not JSON: {_said(problem)}; what follows is not read", location=places.of(at))
            return
        if end - at > limits.DATA_LINE:
            yield SyntaxProblem(f"an item of more than {limits.DATA_LINE} characters", location=places.of(at))
        else:
            yield Value(value, places.of(at))
        at = _blank(text, end)
        if text[at : at + 1] == ",":
            at += 1
        elif text[at : at + 1] != "]":
            yield SyntaxProblem("a comma or ] is missing; what follows is not read", location=places.of(at))
            return


class _Places:
    """Line and column of places in a text, asked for from the first to the last."""

    def __init__(self, text: str, source: str) -> None:
        self._text, self._source = text, source
        self._line, self._start = 1, 0

    def of(self, at: int) -> Location:
        self._line += self._text.count("\n", self._start, at)
        self._start = max(self._text.rfind("\n", 0, at) + 1, self._start)
        end = self._text.find("\n", at)
        row = self._text[self._start : min(end if end >= 0 else len(self._text), self._start + 200)]
        return Location(self._source, self._line, at - self._start + 1, row)


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


_BLANK = re.compile(r"[ \t\r\n]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _said(problem: Exception) -> str:
    return "nested too deeply" if isinstance(problem, RecursionError) else str(problem)


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
