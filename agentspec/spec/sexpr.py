"""Symbolic expressions: lists in parentheses, words and strings in double quotes; ``#`` or ``;`` begins a comment."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentspec import limits
from agentspec.errors import Location, SyntaxProblem, TooLarge

_TOKEN = re.compile(
    r'(?P<blank>\s+|[#;][^\n]*)|(?P<open>\()|(?P<close>\))|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>[^\s()"#;]+)',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a string without its quotes (``quoted``)."""

    text: str
    location: Location
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A list; ``location`` is that of its parenthesis."""

    items: tuple[Word | Group, ...]
    location: Location

    @property
    def head(self) -> str:
        """The word it begins with; empty where it begins with none."""
        first = self.items[0] if self.items else None
        return first.text if isinstance(first, Word) and not first.quoted else ""


def read(text: str, source: str) -> list[Word | Group]:
    """The expressions of a text. Raises SyntaxProblem with the place, TooLarge where there is too much."""
    lines = text.split("\n")
    line, begin, at, count = 1, 0, 0, 0
    done: list[Word | Group] = []
    waiting: list[tuple[Location, list[Word | Group]]] = []

    def here(offset: int) -> Location:
        return Location(source, line, offset - begin + 1, lines[line - 1].rstrip("\r"))

    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise SyntaxProblem('this string has no end: a closing " is missing', location=here(at))
        into = waiting[-1][1] if waiting else done
        count += not (found["blank"] or found["close"])
        if count > limits.NOTATION_WORDS:
            raise TooLarge(f"there are more than {limits.NOTATION_WORDS} words, strings and lists", location=here(at))
        if found["open"]:
            if len(waiting) == limits.NOTATION_DEPTH:
                raise TooLarge(f"lists nest deeper than {limits.NOTATION_DEPTH}", location=here(at))
            waiting.append((here(at), []))
        elif found["close"]:
            if not waiting:
                raise SyntaxProblem("this ) closes nothing", location=here(at))
            opened, items = waiting.pop()
            (waiting[-1][1] if waiting else done).append(Group(tuple(items), opened))
        elif found["string"]:
            into.append(Word(re.sub(r"\\(.)", r"\1", found["string"][1:-1], flags=re.DOTALL), here(at), quoted=True))
        elif found["word"]:
            into.append(Word(found["word"], here(at)))
        newlines = found[0].count("\n")
        if newlines:
            line += newlines
            begin = at + found[0].rindex("\n") + 1
        at = found.end()
    if waiting:
        raise SyntaxProblem("this ( is never closed", location=waiting[-1][0])
    return done
