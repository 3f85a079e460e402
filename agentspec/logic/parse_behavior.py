"""Text to behavior, such as ``question (thought action observation){0,5} thought (answer | unknown)``.

Steps one after another are a sequence; ``|`` is a choice and ``||`` an interleaving of sequences; ``* + ? {m,n} {n}
{m,} {,n}`` repeat what stands before them. Repetition binds most tightly, then sequence; ``|`` and ``||`` may not stand
side by side without parentheses, since either reading of ``a | b || c`` would surprise somebody. A name may be that of
a part, another behavior that stands for itself as if in parentheses.

Open parentheses are kept on a list, so that no text can exhaust Python's stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agentspec import limits
from agentspec.errors import SyntaxProblem
from agentspec.logic.behavior import EMPTY, NOTHING, Behavior, Step, choice, concat, interleave, repeat
from agentspec.logic.source import SourceText, quoted

_TOKEN = re.compile(
    r"""(?P<blank>(?:\s|\#[^\n]*)+)
      | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<number>[0-9]+)
      | (?P<sign>\|\||[|*+?{},()∅])
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
    """What stands since an open parenthesis: what ``operator`` joins so far, and the sequence being read."""

    opened: _Token | None
    operator: str | None = None
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

    def joined(self) -> Behavior:
        return interleave(self.options) if self.operator == "||" else choice(self.options)


def parse_behavior(
    text: str,
    *,
    parts: Mapping[str, Behavior] | None = None,
    source: str = "<behavior>",
    line: int = 1,
    column: int = 1,
) -> Behavior:
    """The normalised behavior that ``text`` writes; ``source``, ``line`` and ``column`` say where the text starts.

    A name in ``parts`` is that behavior, every other name a step. Raises SyntaxProblem, located at the offending
    token, if the text is no behavior, is too long or too deeply nested, or has more than ``limits.BEHAVIOR_SIZE``
    nodes with its parts written out.
    """
    place = SourceText(text, source, line, column)
    place.require_length()
    return _Parser(place, parts or {}).behavior()


def parse_parts(
    texts: Mapping[str, SourceText], relocate: Callable[[str, SyntaxProblem], SyntaxProblem] | None = None
) -> dict[str, Behavior]:
    """The behaviors of named parts, which may use each other's names in any order but never in a circle.

    Raises SyntaxProblem, located in the text of the part concerned; ``relocate`` is given that part's name and the
    problem and returns what is raised instead. A circle is named from part to part.
    """
    uses = {name: _uses(place, texts) for name, place in texts.items() if len(place.text) <= limits.TEXT_LENGTH}
    done: dict[str, Behavior] = {}
    for root in texts:
        path = {root: iter(uses.get(root, ()))} if root not in done else {}
        while path:
            name = next(reversed(path))
            place = texts[name]
            use = next((use for use in path[name] if use.text not in done), None)
            try:
                if use is None:
                    done[name] = parse_behavior(
                        place.text, parts=done, source=place.source, line=place.line, column=place.column
                    )
                    del path[name]
                elif use.text in path:
                    names = list(path)
                    circle = " -> ".join([*names[names.index(use.text) :], use.text])
                    raise place.problem(use.offset, f"part '{use.text}' is made of itself: {circle}")
                else:
                    path[use.text] = iter(uses.get(use.text, ()))
            except SyntaxProblem as problem:
                raise (relocate(name, problem) if relocate else problem) from None
    return done


def _uses(place: SourceText, names: Container[str]) -> list[_Token]:
    return [token for token in _tokens(place.text) if token.kind == "name" and token.text in names]


def _tokens(text: str) -> list[_Token]:
    return [
        _Token(match.lastgroup or "", match[0], match.start())
        for match in _TOKEN.finditer(text)
        if match.lastgroup != "blank"
    ]


class _Parser:
    def __init__(self, place: SourceText, parts: Mapping[str, Behavior]) -> None:
        self._place = place
        self._named = parts
        self._size = 0
        self._tokens = _tokens(place.text)
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
                group.add(self._step_or_part(token))
            elif token.text == "∅":
                group.add(NOTHING)
            elif token.text == "(":
                if len(groups) > limits.BEHAVIOR_DEPTH:
                    raise self._place.problem(token.offset, f"nested deeper than {limits.BEHAVIOR_DEPTH} levels")
                groups.append(_Group(token))
            elif token.text in ("|", "||", ")") or token.kind == "end":
                self._end_option(group, token)
                if token.text == ")":
                    if group.opened is None:
                        raise self._place.problem(token.offset, "unbalanced ')': no '(' is open")
                    groups.pop()
                    groups[-1].add(group.joined())
                elif token.kind == "end":
                    if group.opened is not None:
                        where = group.opened.offset
                        raise self._place.problem(where, "'(' is never closed; expected ')' before the end")
                    return group.joined()
                else:
                    self._set_operator(group, token)
            elif token.text in _SHORT or token.text == "{":
                self._repeat_last(group, token)
            else:
                raise self._problem(token, "a step, '|', '||', '(', ')' or a repetition")

    def _step_or_part(self, token: _Token) -> Behavior:
        found = self._named.get(token.text) or Step(token.text)
        self._size += found.size
        if self._size > (most := limits.BEHAVIOR_SIZE):
            message = f"with its parts written out, the behavior has more than {most} steps and operators"
            raise self._place.problem(token.offset, message)
        return found

    def _set_operator(self, group: _Group, token: _Token) -> None:
        if group.operator not in (None, token.text):
            raise self._place.problem(
                token.offset, f"'{token.text}' beside '{group.operator}'; put parentheses around what belongs together"
            )
        group.operator = token.text

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
        most = limits.BEHAVIOR_REPEAT
        if len(digits) > len(str(most)) or int(digits) > most:
            raise self._place.problem(token.offset, f"bound {quoted(token.text)} is too large; at most {most}")
        return int(digits)

    def _closing_brace(self) -> None:
        if not self._accept("}"):
            raise self._problem(self._tokens[self._index], "'}'")
