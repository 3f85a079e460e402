"""Text to behavior, such as ``question (thought action observation){0,5} thought (answer | unknown)``.

Steps side by side are a sequence, ``|`` is a choice, and ``* + ? {m,n} {n} {m,} {,n}`` repeat what stands before them.
Open parentheses are kept on a list, so that no text can exhaust Python's stack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from agentspec.errors import SyntaxProblem
from agentspec.logic.behavior import EMPTY, NOTHING, Behavior, Step, choice, concat, repeat
from agentspec.logic.source import SourceText, quoted

MAX_NESTING = 200
"""Parentheses that may be open at one place."""

MAX_REPEAT = 1_000
"""The largest number in ``{m,n}``."""

_TOKEN = re.compile(
    r"""(?P<blank>(?:\s|\#[^\n]*)+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<number>[0-9]+)
      | (?P<sign>[|*+?{},()∅])
      | (?P<unknown>.)""",
    re.VERBOSE | re.DOTALL,
)
_SHORT: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


@dataclass(slots=True)
class _Group:
    """What stands since an open parenthesis: finished options, and the parts of the one being read."""

    opened: _Token | None
    options: list[Behavior] = field(default_factory=list)
    parts: list[Behavior] = field(default_factory=list)
    repeated: bool = False
    """Whether the last part already carries a repetition."""

    def add(self, part: Behavior) -> None:
        self.parts.append(part)
        self.repeated = False

    def end_option(self) -> None:
        self.options.append(concat(self.parts))
        self.parts = []


def parse_behavior(text: str, *, source: str = "<behavior>", line: int = 1, column: int = 1) -> Behavior:
    """The normalised behavior that ``text`` writes; ``source``, ``line`` and ``column`` say where the text starts.

    Raises SyntaxProblem, located at the offending token, if the text is no behavior, is too long or too deeply nested.
    """
    place = SourceText(text, source, line, column)
    place.require_length()
    return _Parser(place).behavior()


class _Parser:
    def __init__(self, place: SourceText) -> None:
        self._place = place
        self._tokens = [
            _Token(match.lastgroup or "", match[0], match.start())
            for match in _TOKEN.finditer(place.text)
            if match.lastgroup != "blank"
        ]
        last = self._tokens[-1] if self._tokens else _Token("end", "", 0)
        self._tokens.append(_Token("end", "", last.offset + len(last.text)))
        self._index = 0

    def behavior(self) -> Behavior:
        """The whole text, one token after another."""
        if len(self._tokens) == 1:
            raise self._place.problem(0, "empty behavior; expected a step")
        groups = [_Group(None)]
        while True:
            token, group = self._take(), groups[-1]
            if token.kind == "name":
                group.add(Step(token.text))
            elif token.text == "∅":
                group.add(NOTHING)
            elif token.text == "(":
                if len(groups) > MAX_NESTING:
                    raise self._place.problem(token.offset, f"nested deeper than {MAX_NESTING} levels")
                groups.append(_Group(token))
            elif token.text in ("|", ")") or token.kind == "end":
                self._end_option(group, token)
                if token.text == ")":
                    if group.opened is None:
                        raise self._place.problem(token.offset, "unbalanced ')': no '(' is open")
                    groups.pop()
                    groups[-1].add(choice(group.options))
                elif token.kind == "end":
                    if group.opened is not None:
                        where = group.opened.offset
                        raise self._place.problem(where, "'(' is never closed; expected ')' before the end")
                    return choice(group.options)
            elif token.text in _SHORT or token.text == "{":
                self._repeat_last(group, token)
            else:
                raise self._problem(token, "a step, '|', '(', ')' or a repetition")

    def _take(self) -> _Token:
        token = self._tokens[self._index]
        if token.kind != "end":
            self._index += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._tokens[self._index].text == text
        self._index += found
        return found

    def _problem(self, token: _Token, expected: str) -> SyntaxProblem:
        found = "the end" if token.kind == "end" else quoted(token.text)
        return self._place.problem(token.offset, f"expected {expected}, found {found}")

    def _end_option(self, group: _Group, token: _Token) -> None:
        if group.parts:
            group.end_option()
        elif token.text == ")" and group.opened is not None and not group.options:
            group.options.append(EMPTY)
        else:
            raise self._problem(token, "a step or '('")

    def _repeat_last(self, group: _Group, token: _Token) -> None:
        if not group.parts:
            raise self._place.problem(token.offset, f"'{token.text}' repeats nothing; expected a step or '(' before it")
        if group.repeated:
            raise self._place.problem(
                token.offset, f"'{token.text}' after a repetition; put parentheses around what it repeats"
            )
        minimum, maximum = self._bounds() if token.text == "{" else _SHORT[token.text]
        group.parts[-1] = repeat(group.parts[-1], minimum, maximum)
        group.repeated = True

    def _bounds(self) -> tuple[int, int | None]:
        """What follows ``{``: ``n}``, ``m,n}``, ``m,}`` or ``,n}``."""
        if self._accept(","):
            high = self._number("a number")
            self._closing_brace()
            return 0, high
        low = self._number("a number or ','")
        if self._accept("}"):
            return low, low
        if not self._accept(","):
            raise self._problem(self._tokens[self._index], "',' or '}'")
        if self._accept("}"):
            return low, None
        where = self._tokens[self._index].offset
        high = self._number("a number or '}'")
        if high < low:
            raise self._place.problem(where, f"empty bounds {{{low},{high}}}: {high} is less than {low}")
        self._closing_brace()
        return low, high

    def _number(self, expected: str) -> int:
        token = self._take()
        if token.kind != "number":
            raise self._problem(token, expected)
        digits = token.text.lstrip("0") or "0"
        if len(digits) > len(str(MAX_REPEAT)) or int(digits) > MAX_REPEAT:
            raise self._place.problem(token.offset, f"bound {quoted(token.text)} is too large; at most {MAX_REPEAT}")
        return int(digits)

    def _closing_brace(self) -> None:
        if not self._accept("}"):
            raise self._problem(self._tokens[self._index], "'}'")
