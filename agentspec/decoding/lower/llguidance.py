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
    Border,
    Characters,
    Choice,
    Constraint,
    Literal,
    Marker,
    Not,
    Ranges,
    Repeat,
    Sequence,
    Substring,
)
from agentspec.content.json_text import PLAIN
from agentspec.decoding.lower.ways import grouped
from agentspec.guard.segment import Segment


def lower(
    segment: Segment,
    text_of: Callable[[Letter], Constraint],
    together: Callable[[tuple[Letter, ...]], Constraint] | None = None,
    special: Callable[[str], int | None] = lambda _: None,
) -> str:
    """The grammar of a segment; ``text_of`` gives the whole text of a letter, cue to border.

    Letters of one step and tool with the same node behind them are one terminal; ``together`` gives their texts, where
    it knows them more simply than as a choice. Of letters that one text may turn out to be, the first stands for all.
    ``special`` gives the special token that is written like a text, if there is one: then the text is that token alone.
    """
    lowering = _Lowering(text_of, together or (lambda some: Choice(tuple(map(text_of, some)))), special)
    rules: list[str] = []
    for i, node in enumerate(segment.nodes):
        ways = []
        for way in grouped(node):
            name = lowering.named(way.letters)
            ways.append(name if way.behind is None else f"{name} n{way.behind}")
            ends = way.behind is not None and segment.nodes[way.behind].may_end
            if ends and (ended := lowering.ended(way.letters)):
                ways.append(ended)
        if node.may_end:
            ways.append('""')
        rules.append(f"n{i}: {' | '.join(ways)}")
    return "\n".join(["start: n0", *rules, *lowering.definitions, *lowering.fragments.definitions, ""])


class _Lowering:
    """The texts of letters as terminals, or, where special tokens are among them, as rules over those and terminals."""

    def __init__(
        self,
        text_of: Callable[[Letter], Constraint],
        together: Callable[[tuple[Letter, ...]], Constraint],
        special: Callable[[str], int | None],
    ) -> None:
        self._text_of, self._together, self._special = text_of, together, special
        self._texts: dict[tuple[Letter, ...], Constraint] = {}
        self._names: dict[tuple[tuple[Letter, ...], bool], str] = {}
        self._held: list[Constraint] = []  # until all are written: fragments are known by identity
        self.definitions: list[str] = []
        self.fragments = _Fragments()

    def named(self, letters: tuple[Letter, ...]) -> str:
        """The name of the texts of letters."""
        return self._named(letters, self._text(letters), ended=False)

    def ended(self, letters: tuple[Letter, ...]) -> str | None:
        """The name of their texts without a border, where the end of all may stand in its place."""
        match self._text(letters):
            case Sequence(parts=(*before, Border())):
                return self._named(letters, Sequence(tuple(before)), ended=True)
            case Choice(options=options) if all(map(_has_border, options)):
                shorter = [Sequence(option.parts[:-1]) for option in options if isinstance(option, Sequence)]
                return self._named(letters, Choice(tuple(shorter)), ended=True)
        return None

    def _text(self, letters: tuple[Letter, ...]) -> Constraint:
        if letters not in self._texts:
            self._texts[letters] = self._text_of(letters[0]) if len(letters) == 1 else self._together(letters)
        return self._texts[letters]

    def _named(self, letters: tuple[Letter, ...], text: Constraint, *, ended: bool) -> str:
        name = self._names.get((letters, ended))
        if name is not None:
            return name
        forms, number = self._forms(text), len(self._names)
        self._held += [part for form in forms for part in form if not isinstance(part, int)]
        if forms == [[text]]:
            name = f"L{number}"
            self.definitions.append(f"{name}: {self.fragments.expression(text)}")
        else:
            name = f"l{number}"
            ways = [" ".join(self._part(part, name) for part in form) for form in forms]
            self.definitions.append(f"{name}: {' | '.join(ways)}")
        self._names[letters, ended] = name
        return name

    def _part(self, part: Constraint | int, name: str) -> str:
        if isinstance(part, int):
            return f"<[{part}]>"
        lexeme = f"{name.upper()}P{len(self.definitions)}"
        self.definitions.append(f"{lexeme}: {self.fragments.expression(part)}")
        return lexeme

    def _forms(self, text: Constraint) -> list[list[Constraint | int]]:
        """The ways to write a text, each as terminals and special tokens in turn."""
        match text:
            case Choice(options=options) if any(map(self._is_marked, options)):
                return [form for option in options for form in self._forms(option)]
            case Sequence() if self._is_marked(text):
                form: list[Constraint | int] = []
                plain: list[Constraint] = []
                for part in text.parts:
                    token = self._special(part.text) if isinstance(part, Marker) else None
                    if token is None:
                        plain.append(part)
                        continue
                    form += [*([Sequence(tuple(plain))] if plain else []), token]
                    plain = []
                return [[*form, *([Sequence(tuple(plain))] if plain else [])]]
        return [[text]]

    def _is_marked(self, text: Constraint) -> bool:
        return isinstance(text, Sequence) and any(
            isinstance(part, Marker) and self._special(part.text) is not None for part in text.parts
        )


def _has_border(text: Constraint) -> bool:
    return isinstance(text, Sequence) and isinstance(text.parts[-1], Border)


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
