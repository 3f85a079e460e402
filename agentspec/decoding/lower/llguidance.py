"""Segments lowered to one llguidance grammar (its Lark dialect).

Every letter is one terminal, cue to border, so that the lexer never has to choose between ends: a border is a newline
and nothing before it holds one. The rules are right-linear over the segment's nodes.
"""

from __future__ import annotations

from collections.abc import Callable

from agentspec.automata.letter import Letter
from agentspec.content.constraint import LINE, Characters, Choice, Constraint, Literal, Ranges, Repeat, Sequence
from agentspec.content.json_schema import PLAIN
from agentspec.guard.segment import Segment


def lower(segment: Segment, text_of: Callable[[Letter], Constraint]) -> str:
    """The grammar of a segment; ``text_of`` gives the whole text of a letter, cue to border."""
    terminals: dict[Letter, str] = {}
    rules: list[str] = []
    for i, node in enumerate(segment.nodes):
        ways = []
        for letter, behind in node.alternatives:
            name = terminals.setdefault(letter, f"L{len(terminals)}")
            ways.append(name if behind is None else f"{name} n{behind}")
        if node.may_end:
            ways.append('""')
        rules.append(f"n{i}: {' | '.join(ways)}")
    fragments = _Fragments()
    texts = {name: text_of(letter) for letter, name in terminals.items()}  # fragments are known by identity
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
            case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
                return f"/{_class(ranges)}{{{minimum},{maximum}}}/" if maximum else '""'
            case Sequence(parts=parts):
                return " ".join(map(self._named, parts)) or '""'
            case Choice(options=options):
                return " | ".join(map(self._named, options))
            case Repeat(body=body, minimum=minimum, maximum=maximum):
                return f"({self._named(body)}){{{minimum},{maximum}}}" if maximum else '""'

    def _named(self, constraint: Constraint) -> str:
        if isinstance(constraint, (Literal, Characters)):
            return self.expression(constraint)
        name = self._names.get(id(constraint))
        if name is None:
            name = self._names[id(constraint)] = f"F{len(self._names)}"
            self.definitions.append(f"{name}: {self.expression(constraint)}")
        return name


def _quoted(text: str) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c, c) for c in text) + '"'


def _class(ranges: Ranges) -> str:
    def point(code: int) -> str:
        return chr(code) if 0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A or 0x61 <= code <= 0x7A else f"\\u{{{code:x}}}"

    return "[" + "".join(point(a) if a == b else f"{point(a)}-{point(b)}" for a, b in ranges) + "]"
