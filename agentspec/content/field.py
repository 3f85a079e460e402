"""One field of a template, ``{name:type}``: its texts and its value; the types are listed in `format`."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentspec import limits
from agentspec.content.constraint import Characters, Choice, Constraint, Literal, Quote, Sequence, either
from agentspec.content.numbers import number
from agentspec.content.quotation import any_quotation
from agentspec.content.ranges import merged
from agentspec.content.regex import parse_regex, regex_line
from agentspec.errors import InvalidInput, nearest
from agentspec.logic.source import SourceText, quoted

TYPES = ["text", "word", "int", "number", "bool", "date", "choice", "regex", "span"]
LENGTH = 200
"""The most characters of a field whose type sets no bound."""

WORD_LENGTH = 40

_NAME = string.ascii_letters + string.digits + "_-"
_WORD = merged((ord(character), ord(character)) for character in _NAME)
_DIGIT = ((0x30, 0x39),)


@dataclass(frozen=True)
class Field:
    """``type`` is as written; ``constraint`` may be a `Quote`, to be bound."""

    name: str
    type: str
    constraint: Constraint

    def value(self, text: str) -> Any:
        """What a text of the field stands for, as JSON can hold it."""
        kind = self.type.partition("(")[0]
        if kind == "bool":
            return text == "yes"
        if kind == "int" or (kind == "number" and "." not in text):
            return int(text)
        return float(text) if kind == "number" else text


def field_of(source: SourceText, at: int) -> tuple[Field, int]:
    """The field whose brace stands ``at`` in a template, and the place behind it. Raises SyntaxProblem."""
    return _FieldReader(source, at).field()


class _FieldReader:
    def __init__(self, source: SourceText, at: int) -> None:
        self.source = source
        self.text = source.text
        self.start = at
        self.at = at + 1

    def field(self) -> tuple[Field, int]:
        name = self.name()
        if not name or name[0] not in string.ascii_letters + "_":
            raise self.source.problem(self.at - len(name), "a field is written {name:type}, and a brace {{")
        if not self.text.startswith(":", self.at):
            raise self.source.problem(
                self.at, f"the field '{name}' has no type; write {{{name}:text}}, or one of {_VALID}"
            )
        self.at += 1
        place = self.at
        kind = self.name()
        if kind not in TYPES:
            raise self.source.problem(place, f"{quoted(kind)} is no type of a field{nearest(kind, TYPES)}")
        argument = self.argument(kind)
        if not self.text.startswith("}", self.at):
            raise self.source.problem(self.at, f"the field '{name}' is not closed; a '}}' is missing here")
        constraint = self.constraint(kind, argument, place)
        return Field(name, self.text[place : self.at], constraint), self.at + 1

    def name(self) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] in _NAME:
            self.at += 1
        return self.text[start : self.at]

    def argument(self, kind: str) -> tuple[str, int] | None:
        """What stands in parentheses behind the type, and where."""
        if not self.text.startswith("(", self.at):
            return None
        start = self.at + 1
        depth, in_class, at = 1, False, start
        while at < len(self.text) and depth:
            character = self.text[at]
            if character == "\\":
                at += 1
            elif kind == "regex" and character in "[]":
                in_class = character == "["
            elif not in_class and character in "()":
                depth += 1 if character == "(" and kind == "regex" else -1 if character == ")" else 0
            at += 1
        if depth:
            raise self.source.problem(start - 1, "this '(' is never closed")
        self.at = at
        return self.text[start : at - 1], start

    def constraint(self, kind: str, argument: tuple[str, int] | None, place: int) -> Constraint:
        takes: dict[str, Callable[[str, int], Constraint]] = {
            "text": self.line, "choice": self.choice, "regex": self.regex, "span": self.span,
        }  # fmt: skip
        if kind in takes:
            if argument is None and kind != "text":
                example = {"choice": "choice(yes|no)", "regex": "regex([A-Z]+)", "span": "span(observation)"}[kind]
                raise self.source.problem(place, f"'{kind}' needs an argument, such as {example}")
            return takes[kind](*(argument or (str(LENGTH), place)))
        if argument is not None:
            raise self.source.problem(argument[1] - 1, f"'{kind}' takes no argument")
        return _PLAIN[kind]

    def line(self, written: str, at: int) -> Constraint:
        return any_quotation(Quote((), self.length(written, at)))

    def length(self, written: str, at: int) -> int:
        digits = written.strip()
        if not digits or not set(digits) <= set(string.digits) or not 1 <= int(digits[:9]) <= limits.FIELD_LENGTH:
            raise self.source.problem(
                at, f"a length is a whole number from 1 to {limits.FIELD_LENGTH}, not {quoted(digits)}"
            )
        return int(digits)

    def choice(self, written: str, at: int) -> Constraint:
        options, option, i = [], "", 0
        while i < len(written):
            if written[i] == "|":
                options.append(option)
                option = ""
            else:
                i += written[i] == "\\"
                option += written[i : i + 1]
            i += 1
        options.append(option)
        for option in options:
            if not option or option != option.strip() or not option.isprintable() or options.count(option) > 1:
                message = f"a choice is of distinct, printable texts without blanks around them, not {quoted(option)}"
                raise self.source.problem(at, message)
        return either(map(Literal, options))

    def regex(self, written: str, at: int) -> Constraint:
        parsed = parse_regex(written, source=self.source.source, line=1, column=at + 1)
        try:
            return regex_line(parsed, LENGTH, what="regex")
        except InvalidInput as problem:
            raise self.source.problem(at, problem.message) from None

    def span(self, written: str, at: int) -> Constraint:
        names = [name.strip() for name in written.split(",")]
        most, words, latest = LENGTH, 1, False
        while len(names) > 1 and (names[-1][:1].isdigit() or names[-1] == "last"):
            said = names.pop()
            if said == "last":
                latest = True
            elif said.endswith(("word", "words")):
                words = self.length(said.removesuffix("s").removesuffix("word"), at)
            else:
                most = self.length(said, at)
        for name in names:
            if not name or not set(name) <= set(_NAME) or name[0] not in string.ascii_letters + "_":
                raise self.source.problem(
                    at, f"a span names steps, and then perhaps last, 3 words, or a length, not {quoted(name)}"
                )
        return Quote(tuple(dict.fromkeys(names)), most, latest, words)


def date() -> Constraint:
    """The days of the years 1000 to 9999, such as ``2024-02-29``."""

    def numbers(low: int, high: int, but: tuple[int, ...] = ()) -> Constraint:
        return Choice(tuple(Literal(f"{value:02}") for value in range(low, high + 1) if value not in but))

    thirty = (4, 6, 9, 11)
    days = Choice(
        (
            Sequence((numbers(1, 12, (2, *thirty)), Literal("-"), numbers(1, 31))),
            Sequence((Choice(tuple(Literal(f"{month:02}") for month in thirty)), Literal("-"), numbers(1, 30))),
            Sequence((Literal("02-"), numbers(1, 28))),
        )
    )
    fourth = tuple(Literal(f"{year:02}") for year in range(4, 100, 4))
    century = tuple(Literal(f"{year:02}00") for year in range(12, 100, 4))
    leap = Choice((Sequence((numbers(10, 99), Choice(fourth))), *century))
    year = Sequence((Characters(((0x31, 0x39),), 1, 1), Characters(_DIGIT, 3, 3)))
    return Choice((Sequence((year, Literal("-"), days)), Sequence((leap, Literal("-02-29")))))


_PLAIN: dict[str, Constraint] = {
    "word": Characters(_WORD, 1, WORD_LENGTH),
    "int": number(integer=True),
    "number": number(integer=False),
    "bool": Choice((Literal("yes"), Literal("no"))),
    "date": date(),
}
_VALID = ", ".join(TYPES)
