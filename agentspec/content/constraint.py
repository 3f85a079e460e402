"""Constraints: the sets of texts a step may hold, as an engine-independent tree.

What a model's step may hold is bounded: it has a longest text. ``max_bytes`` is also the bound on tokens, since a token
carries at least one byte. Predicates may be unbounded. `language` decides which texts a constraint has.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from agentspec.errors import InvalidInput

T = TypeVar("T")

Ranges = tuple[tuple[int, int], ...]
"""Sorted, disjoint, inclusive ranges of code points."""

_SURROGATES = (0xD800, 0xDFFF)


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Marker(Literal):
    """A text that is one special token where the tokenizer has one that is written like this."""


@dataclass(frozen=True, slots=True)
class Border(Literal):
    """The end of a step, for which the model's end token may stand where the model may end behind it."""


@dataclass(frozen=True, slots=True)
class Characters:
    """``minimum`` to ``maximum`` characters (None: without end), each within ``ranges``."""

    ranges: Ranges
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """One text of each part, joined."""

    parts: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A text of any of the options; without options there is none."""

    options: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``minimum`` to ``maximum`` texts (None: without end) of ``body``, joined."""

    body: Constraint
    minimum: int
    maximum: int | None


@dataclass(frozen=True, slots=True)
class And:
    """The texts that all ``parts`` share; at least one part."""

    parts: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Every text that is none of ``body``'s."""

    body: Constraint


@dataclass(frozen=True, slots=True)
class Substring:
    """Some of the ``chunks`` that stand one after another, joined; also the empty text."""

    chunks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """Text to be taken from what the steps named in ``of`` held; `bind` puts a constraint in its place.

    With ``latest`` it is taken from what was held last; it has at least ``min_words`` words.
    """

    of: tuple[str, ...]
    max_chars: int
    latest: bool = False
    min_words: int = 1


Constraint = Literal | Characters | Sequence | Choice | Repeat | And | Not | Substring | Quote

NO_TEXT: Final = Choice(())
"""No text at all."""


def ranges_without(*excluded: str | tuple[int, int]) -> Ranges:
    """All of Unicode but the characters (a string each) and ranges given; surrogates are never included."""
    holes = sorted([_SURROGATES, *((ord(c), ord(c)) if isinstance(c, str) else c for c in excluded)])
    kept: list[tuple[int, int]] = []
    start = 0
    for low, high in holes:
        if low > start:
            kept.append((start, low - 1))
        start = max(start, high + 1)
    if start <= 0x10FFFF:
        kept.append((start, 0x10FFFF))
    return tuple(kept)


_CONTROL = ((0, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029))
_BLANK = (" ", "\u00a0", "\u1680", (0x2000, 0x200A), "\u202f", "\u205f", "\u3000")
ANY = ranges_without()
"""Every character."""
LINE = ranges_without(*_CONTROL)
"""What a single line of text may hold: no control characters, no line or paragraph separators."""
VISIBLE = ranges_without(*_CONTROL, *_BLANK)
"""What a line may begin with."""


def line_of_text(min_chars: int, max_chars: int) -> Constraint:
    """A single line that does not begin with a blank; lengths in characters, ``1 <= min_chars <= max_chars``."""
    if not 1 <= min_chars <= max_chars:
        raise InvalidInput(f"text needs 1 <= min_chars <= max_chars, not {min_chars} and {max_chars}")
    return Sequence((Characters(VISIBLE, 1, 1), Characters(LINE, min_chars - 1, max_chars - 1)))


def either(options: Iterable[Constraint]) -> Constraint:
    """The texts of any of the options; what plainly has none is left out, and what is there already."""
    distinct: dict[object, Constraint] = {}
    for option in options:
        if not _is_void(option):
            distinct.setdefault(option if isinstance(option, Literal) else id(option), option)
    return (
        next(iter(distinct.values())) if len(distinct) == 1 else Choice((*distinct.values(),)) if distinct else NO_TEXT
    )


def _is_void(constraint: Constraint) -> bool:
    return constraint == NO_TEXT or (isinstance(constraint, Sequence | And) and NO_TEXT in constraint.parts)


def max_bytes(constraint: Constraint) -> float:
    """A bound on the length of every text in UTF-8 bytes; infinite where there is none."""
    return fold(constraint, _longest)


def fold(constraint: Constraint, combine: Callable[[Constraint, list[T]], T]) -> T:
    """``combine`` applied to each part and what it gave for the parts below; shared parts are visited once."""
    known: dict[int, T] = {}  # by identity: written out, shared parts may be exponentially many

    def visit(node: Constraint) -> T:
        if id(node) not in known:
            known[id(node)] = combine(node, [visit(part) for part in parts_of(node)])
        return known[id(node)]

    return visit(constraint)


def parts_of(constraint: Constraint) -> tuple[Constraint, ...]:
    """The constraints directly below."""
    match constraint:
        case Sequence(parts=parts) | And(parts=parts) | Choice(options=parts):
            return parts
        case Repeat(body=body) | Not(body=body):
            return (body,)
        case _:
            return ()


def rebuilt(constraint: Constraint, parts: list[Constraint]) -> Constraint:
    """The same kind of constraint over other parts."""
    match constraint:
        case Sequence():
            return Sequence(tuple(parts))
        case Choice():
            return Choice(tuple(parts))
        case And():
            return And(tuple(parts))
        case Repeat(minimum=minimum, maximum=maximum):
            return Repeat(parts[0], minimum, maximum)
        case Not():
            return Not(parts[0])
        case _:
            return constraint


def encoded(constraint: Constraint, table: Mapping[str, str]) -> Constraint:
    """The constraint of texts in which each character of ``table`` is written as the table says.

    A complement is taken among all texts, so it means what it says only within an encoded constraint.
    """

    def combine(node: Constraint, parts: list[Constraint]) -> Constraint:
        match node:
            case Literal(text=text):
                return Literal("".join(table.get(c, c) for c in text))
            case Substring(chunks=chunks):
                return Substring(tuple("".join(table.get(c, c) for c in chunk) for chunk in chunks))
            case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
                special = [c for c in table if within(ord(c), ranges)]
                if not special:
                    return node
                plain = minus(ranges, special)
                ways: list[Constraint] = [Literal(table[c]) for c in special]
                if plain:
                    ways.insert(0, Characters(plain, 1, 1))
                return Repeat(ways[0] if len(ways) == 1 else Choice(tuple(ways)), minimum, maximum)
            case _:
                return rebuilt(node, parts)

    return fold(constraint, combine)


def minus(ranges: Ranges, characters: Iterable[str]) -> Ranges:
    """The ranges without some characters."""
    left = list(ranges)
    for code in map(ord, characters):
        cut: list[tuple[int, int]] = []
        for low, high in left:
            if low <= code <= high:
                cut += [(low, code - 1)] if low < code else []
                cut += [(code + 1, high)] if code < high else []
            else:
                cut.append((low, high))
        left = cut
    return tuple(left)


def _longest(constraint: Constraint, below: list[float]) -> float:
    match constraint:
        case Literal(text=text):
            return len(text.encode())
        case Characters(ranges=ranges, maximum=maximum):
            widest = len(chr(ranges[-1][1]).encode()) if ranges else 0
            return math.inf if maximum is None and widest else (maximum or 0) * widest
        case Sequence():
            return sum(below)
        case Choice():
            return max(below, default=0)
        case And():
            return min(below)
        case Repeat(maximum=maximum):
            return (math.inf if below[0] else 0) if maximum is None else maximum * below[0]
        case Substring(chunks=chunks):
            return sum(len(chunk.encode()) for chunk in chunks)
        case Quote(max_chars=most):
            return 4 * most
        case Not():
            return math.inf


def within(code: int, ranges: Ranges) -> bool:
    """Whether a code point lies in the ranges."""
    return any(low <= code <= high for low, high in ranges)
