"""Segments and constraints lowered to GBNF, the grammars of llama.cpp (`grammars/README.md` there).

GBNF has neither intersection nor complement: what holds one is written out, exactly, as the rules of its minimal
automaton. What llama.cpp refuses, or takes for something else, is never written: an empty class is the empty text
there, counts end below 2000, and a repetition without end of what may be empty recurses to the left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Several
from itertools import groupby

from agentspec.automata.letter import Letter
from agentspec.content.constraint import Characters, Choice, Constraint, Literal, Ranges, Repeat, Sequence
from agentspec.decoding.lower.machine import machine
from agentspec.decoding.lower.ways import TextOf, Together, texts, told, ways
from agentspec.errors import InvalidInput, TooLarge
from agentspec.guard.segment import Segment

COUNT = 1000
"""The largest count that is written; larger ones are made of blocks of as many."""
_INLINE = 60
_EMPTY = '""'


def lower(segment: Segment, text_of: TextOf, together: Together | None = None) -> str:
    """The grammar of a segment; ``text_of`` and ``together`` give the whole texts of letters, cue to border.

    A rule for each node, one for each step and tool, and those of their parts. Raises InvalidInput for a step without a
    text, TooLarge for one that takes too many states to write out; both name the step.
    """
    rules = _Rules()
    kept = ways(segment)
    nodes = {i: rules.named("root" if i == 0 else f"node-{i}") for i in kept}
    names: dict[tuple[Letter, ...], str] = {}
    for i, some in kept.items():
        written = []
        for way in some:
            if way.letters not in names:
                names[way.letters] = rules.named(told(way.letters))
            written.append(names[way.letters] + ("" if way.behind is None else f" {nodes[way.behind]}"))
        rules.define(nodes[i], [*written, *([_EMPTY] if segment.nodes[i].may_end else [])])
    for letters, name in names.items():
        try:
            has_text = rules.write(name, texts(letters, text_of, together))
        except TooLarge as problem:
            raise TooLarge(f"the step {told(letters)}: {problem.message}") from None
        if not has_text:
            raise InvalidInput(f"the step {told(letters)} has no text here")
    return str(rules)


def lower_text(constraint: Constraint) -> str:
    """The grammar of a constraint's texts. Raises InvalidInput where there is none, TooLarge as `lower`."""
    rules = _Rules()
    if not rules.write(rules.named("root"), constraint):
        raise InvalidInput("the constraint has no text")
    return str(rules)


class _Rules:
    """Rules in the order in which they are met. Expressions hold no ``|`` outside a rule of their own.

    `_full` gives all texts of a constraint, `_some` those that are not empty; None where there are none.
    """

    def __init__(self) -> None:
        self._rules: dict[str, list[str]] = {}
        self._known: dict[tuple[int, bool], str | None] = {}
        self._blocks: dict[str, str] = {}
        self._nullable: dict[int, bool] = {}
        self._held: list[Constraint] = []  # constraints are known by identity
        self._base = "root"

    def __str__(self) -> str:
        return "".join(f"{name} ::= {' | '.join(options)}\n" for name, options in self._rules.items())

    def named(self, wanted: str) -> str:
        """A legal name that is still free, made of the one wanted; its rule comes here."""
        legal = re.sub(r"[^A-Za-z0-9]+", "-", wanted).strip("-") or "step"
        name, count = legal, 1
        while name in self._rules:
            count += 1
            name = f"{legal}-{count}"
        self._rules[name] = []
        return name

    def define(self, name: str, options: Several[str]) -> None:
        """The rule of a name: at least one option."""
        assert options
        self._rules[name] = list(dict.fromkeys(options))

    def write(self, name: str, constraint: Constraint) -> bool:
        """The rule of a name as the texts of a constraint; False where there are none."""
        self._base = name
        self._held.append(constraint)
        found: list[str | None]
        match constraint:
            case Choice(options=some):
                found = [self._full(option) for option in some]
            case Sequence(parts=parts):
                found = [_row([self._full(part) for part in parts])]
            case _:
                found = [self._full(constraint)]
        if options := [text for text in found if text is not None]:
            self.define(name, options)
        return bool(options)

    # Constraints ----------------------------------------------------------------------------------------------------

    def _full(self, constraint: Constraint) -> str | None:
        return self._once(constraint, True)

    def _some(self, constraint: Constraint) -> str | None:
        return self._once(constraint, not self._may_be_empty(constraint))

    def _once(self, constraint: Constraint, full: bool) -> str | None:
        key = (id(constraint), full)
        if key not in self._known:
            self._known[key] = self._all(constraint) if full else self._without_empty(constraint)
        return self._known[key]

    def _all(self, constraint: Constraint) -> str | None:
        match constraint:
            case Literal(text=text):
                return _quoted(text)
            case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
                if maximum == 0 or not ranges:
                    return _EMPTY if minimum == 0 else None
                return self._times(self._class(ranges), minimum, maximum)
            case Sequence(parts=parts):
                return self._row([self._full(part) for part in parts])
            case Choice(options=options):
                return self._any([self._full(option) for option in options])
            case Repeat(body=body, minimum=minimum, maximum=maximum):
                unit = self._some(body) if maximum != 0 else None
                least = 0 if self._may_be_empty(body) else minimum
                if unit is None:
                    return _EMPTY if least == 0 or minimum == 0 else None
                return self._times(unit, least, maximum)
        return self._written_out(constraint)

    def _without_empty(self, constraint: Constraint) -> str | None:
        """The texts that are not empty, of a constraint that has the empty text."""
        match constraint:
            case Characters(ranges=ranges, maximum=maximum):
                return self._times(self._class(ranges), 1, maximum) if ranges and maximum != 0 else None
            case Sequence(parts=parts):
                tails = [
                    self._row([self._some(part), *map(self._full, parts[i + 1 :])]) for i, part in enumerate(parts)
                ]
                return self._any(tails)
            case Choice(options=options):
                return self._any([self._some(option) for option in options])
            case Repeat(body=body, maximum=maximum):
                unit = self._some(body) if maximum != 0 else None
                return None if unit is None else self._times(unit, 1, maximum)
            case Literal():
                return None
        name = self._written_out(constraint)
        return None if name is None or name == _EMPTY else self._any(self._rules[name][:-1])

    def _may_be_empty(self, constraint: Constraint) -> bool:
        known = self._nullable.get(id(constraint))
        if known is None:
            known = self._nullable[id(constraint)] = self._has_empty(constraint)
        return known

    def _has_empty(self, constraint: Constraint) -> bool:
        match constraint:
            case Literal(text=text):
                return not text
            case Characters(minimum=minimum):
                return minimum == 0
            case Sequence(parts=parts):
                return all(map(self._may_be_empty, parts))
            case Choice(options=options):
                return any(map(self._may_be_empty, options))
            case Repeat(body=body, minimum=minimum):
                return minimum == 0 or self._may_be_empty(body)
        name = self._full(constraint)
        return name is not None and (name == _EMPTY or self._rules[name][-1] == _EMPTY)

    # Expressions ----------------------------------------------------------------------------------------------------

    def _row(self, parts: Several[str | None]) -> str | None:
        """The parts one after another; the name of their rule where that is long: it may be used often."""
        row = _row(parts)
        return row if row is None or len(row) <= _INLINE or " " not in row else self._atom(row)

    def _any(self, options: Several[str | None]) -> str | None:
        """One of the options: a rule of its own, unless there is only one."""
        some = list(dict.fromkeys(option for option in options if option is not None))
        if len(some) < 2:
            return some[0] if some else None
        name = self.named(f"{self._base}-part")
        self.define(name, some)
        return name

    def _class(self, ranges: Ranges) -> str:
        """A class of characters; the name of its rule where it is long."""
        written = _class(ranges)
        return written if len(written) <= _INLINE // 2 else self._atom(written, "chars")

    def _atom(self, expression: str, name: str | None = None) -> str:
        """The expression where it may be counted, else the name of its rule."""
        if name is None and _ATOM.fullmatch(expression):
            return expression
        if expression not in self._blocks:
            self._blocks[expression] = self.named(name or f"{self._base}-part")
            self.define(self._blocks[expression], [expression])
        return self._blocks[expression]

    def _times(self, expression: str, minimum: int, maximum: int | None) -> str:
        """So many of an expression, None: without end. Each number of them is made in one way."""
        if (minimum, maximum) == (1, 1):
            return expression
        unit = self._atom(expression)
        if (maximum if maximum is not None else minimum) <= COUNT:
            return _EMPTY if maximum == 0 else unit + _count(minimum, maximum)
        blocks, rest = divmod(minimum, COUNT)
        block = self._atom(unit + _count(COUNT, COUNT))
        parts = [self._times(block, blocks, blocks) if blocks else "", unit + _count(rest, rest) if rest else ""]
        parts.append(unit + "*" if maximum is None else self._at_most(unit, block, maximum - minimum))
        return " ".join(filter(None, parts))

    def _at_most(self, unit: str, block: str, maximum: int) -> str:
        if maximum <= COUNT:
            return unit + _count(0, maximum) if maximum else ""
        blocks, rest = divmod(maximum, COUNT)
        few = (
            f"{self._times(block, 0, blocks - 1)} {unit}{_count(0, COUNT - 1)}"
            if blocks > 1
            else unit + _count(0, COUNT - 1)
        )
        many = self._times(block, blocks, blocks) + (f" {unit}{_count(0, rest)}" if rest else "")
        return str(self._any([few, many]))

    def _written_out(self, constraint: Constraint) -> str | None:
        """The name of the rule that is the start of the constraint's automaton; a last option is the empty text."""
        found = machine(constraint)
        if len(found.rows) < 2 and not any(found.rows):
            return _EMPTY if found.rows else None
        into = [2, *[0] * (len(found.rows) - 1)]
        for row in found.rows:
            for target in row:
                into[target] += 1
        names = {0: self.named(f"{self._base}-text")}
        queue = [0]
        for state in queue:
            options = []
            for target, cut in found.rows[state].items():
                path = [cut]
                while into[target] == 1 and not found.accepting[target] and len(found.rows[target]) == 1:
                    ((target, cut),) = found.rows[target].items()
                    path.append(cut)
                if found.rows[target] and target not in names:
                    names[target] = self.named(f"{self._base}-text")
                    queue.append(target)
                options.append(" ".join([*self._path(path), *([names[target]] if found.rows[target] else [])]))
            self._rules[names[state]] = [*options, *([_EMPTY] if found.accepting[state] else [])]
        return names[0]

    def _path(self, path: list[Ranges]) -> list[str]:
        """Characters one after another: words, and counted classes."""
        found = []
        for word, some in groupby(path, lambda cut: len(cut) == 1 and cut[0][0] == cut[0][1]):
            if word:
                found.append(_quoted("".join(chr(cut[0][0]) for cut in some)))
                continue
            for cut, same in groupby(some):
                found.append(self._times(self._class(cut), count := len(list(same)), count))
        return found


_WORD = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATOM = re.compile(rf"[A-Za-z0-9-]+|{_WORD.pattern}|\[(?:[^\]\\]|\\.)*\]")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", '"': '\\"'}


def _count(minimum: int, maximum: int | None) -> str:
    short = {(0, 1): "?", (0, None): "*", (1, None): "+", (1, 1): ""}.get((minimum, maximum))
    if short is not None:
        return short
    if minimum == maximum:
        return f"{{{minimum}}}"
    return f"{{{minimum},{'' if maximum is None else maximum}}}"


def _row(parts: Several[str | None]) -> str | None:
    if None in parts:
        return None
    row: list[str] = []
    for part in parts:
        if row and part and _WORD.fullmatch(row[-1]) and _WORD.fullmatch(part):
            row[-1] = row[-1][:-1] + part[1:]
        elif part and part != _EMPTY:
            row.append(part)
    return " ".join(row) or _EMPTY


def _quoted(text: str) -> str:
    return '"' + "".join(_NAMED.get(c) or (c if c.isprintable() else _escape(ord(c))) for c in text) + '"'


def _class(ranges: Ranges) -> str:
    return "[" + "".join(_point(a) if a == b else f"{_point(a)}-{_point(b)}" for a, b in ranges) + "]"


def _point(code: int) -> str:
    c = chr(code)
    if c in "[]-":
        return f"\\{c}"
    return _NAMED.get(c) or (c if c.isascii() and c.isprintable() and c != "^" else _escape(code))


def _escape(code: int) -> str:
    return f"\\x{code:02X}" if code < 0x80 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
