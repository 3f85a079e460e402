"""Segments lowered to one llguidance grammar (its Lark dialect).

Every letter is one terminal, cue to border, so that the lexer never has to choose between ends: a border is a newline
and nothing before it holds one. The rules are right-linear over the segment's nodes.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from agentspec.automata.letter import Letter
from agentspec.content.constraint import (
    LINE,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Ranges,
    Repeat,
    Sequence,
    Substring,
)
from agentspec.content.json_schema import PLAIN
from agentspec.guard.segment import Segment


def lower(
    segment: Segment,
    text_of: Callable[[Letter], Constraint],
    together: Callable[[tuple[Letter, ...]], Constraint] | None = None,
) -> str:
    """The grammar of a segment; ``text_of`` gives the whole text of a letter, cue to border.

    Letters of one step and tool with the same node behind them are one terminal; ``together`` gives their texts, where
    it knows them more simply than as a choice. Of letters that one text may turn out to be, the first stands for all.
    """
    terminals: dict[tuple[Letter, ...], str] = {}
    rules: list[str] = []
    for i, node in enumerate(segment.nodes):
        alike: dict[tuple[str | None, str | None, int | None], dict[Letter, Letter]] = {}
        for letter, behind in node.alternatives:
            alike.setdefault((letter.step, letter.tool, behind), {}).setdefault(letter.choice, letter)
        ways = []
        for (_, _, behind), letters in alike.items():
            name = terminals.setdefault(tuple(letters.values()), f"L{len(terminals)}")
            ways.append(name if behind is None else f"{name} n{behind}")
        if node.may_end:
            ways.append('""')
        rules.append(f"n{i}: {' | '.join(ways)}")
    fragments = _Fragments()
    texts = {}  # held until all are written: fragments are known by identity
    several = together or (lambda some: Choice(tuple(map(text_of, some))))
    for some, name in terminals.items():
        texts[name] = text_of(some[0]) if len(some) == 1 else several(some)
    lexemes = [f"{name}: {fragments.expression(text)}" for name, text in texts.items()]
    return "\n".join(["start: n0", *rules, *lexemes, *fragments.definitions, ""])


def slices() -> list[str]:
    """Regexes whose token sets the tokenizer computes once: most of a mask inside free text is one of them."""
    return [f"{_class(ranges)}{{1,{most}}}" for ranges in (PLAIN, LINE) for most in (10, 30)]


class _Fragments:
    """Constraints as Lark expressions. A compound part used twice is defined once, so the text stays linear."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self._names: dict[int, str] = {}

    def expression(self, constraint: Constraint) -> str:
        match constraint:
            case Literal(text=text):
                return _quoted(text)
            case Characters(ranges=(), minimum=0):
                return '""'
            case Choice(options=()) | Characters(ranges=()):
                return "/[^\\s\\S]/"
            case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
                return f"/{_class(ranges)}{_times(minimum, maximum)}/" if maximum != 0 else '""'
            case Sequence(parts=parts):
                return " ".join(map(self._named, parts)) or '""'
            case Choice(options=options):
                return " | ".join(map(self._named, options))
            case Repeat(body=body, minimum=minimum, maximum=maximum):
                return f"({self._named(body)}){_times(minimum, maximum)}" if maximum != 0 else '""'
            case And(parts=parts):
                return " & ".join(map(self._named, parts))
            case Not(body=body):
                return f"~{self._named(body)}"
            case Substring(chunks=chunks):
                some = list(filter(None, chunks))  # llguidance takes no empty ones
                return f'%regex {{"substring_chunks": {json.dumps(some)}}}' if some else '""'
        raise TypeError(f"{constraint} has no texts before it is bound")

    def _named(self, constraint: Constraint) -> str:
        if isinstance(constraint, (Literal, Characters)):
            return self.expression(constraint)
        name = self._names.get(id(constraint))
        if name is None:
            name = self._names[id(constraint)] = f"F{len(self._names)}"
            self.definitions.append(f"{name}: {self.expression(constraint)}")
        return name


def _times(minimum: int, maximum: int | None) -> str:
    return f"{{{minimum},{'' if maximum is None else maximum}}}"


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", **{chr(code): f"\\u{code:04x}" for code in (*range(0x20), 0x7F)}}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'


def _class(ranges: Ranges) -> str:
    def point(code: int) -> str:
        return chr(code) if 0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A else f"\\u{{{code:x}}}"

    return "[" + "".join(point(a) if a == b else f"{point(a)}-{point(b)}" for a, b in ranges) + "]"
