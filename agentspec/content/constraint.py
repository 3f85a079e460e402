"""Constraints: the sets of texts a step may hold, as an engine-independent tree.

All constraints here are bounded: each has a longest text. ``max_bytes`` is also the bound on tokens, since a token
carries at least one byte. ``matches`` is the definition, used to re-validate what an engine wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentspec.errors import InvalidInput

Ranges = tuple[tuple[int, int], ...]
"""Sorted, disjoint, inclusive ranges of code points."""

_SURROGATES = (0xD800, 0xDFFF)


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Characters:
    """``minimum`` to ``maximum`` characters, each within ``ranges``."""

    ranges: Ranges
    minimum: int
    maximum: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """One text of each part, joined."""

    parts: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A text of any of the options."""

    options: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """``minimum`` to ``maximum`` texts of ``body``, joined."""

    body: Constraint
    minimum: int
    maximum: int


Constraint = Literal | Characters | Sequence | Choice | Repeat


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
LINE = ranges_without(*_CONTROL)
"""What a single line of text may hold: no control characters, no line or paragraph separators."""
VISIBLE = ranges_without(*_CONTROL, *_BLANK)
"""What a line may begin with."""


def line_of_text(min_chars: int, max_chars: int) -> Constraint:
    """A single line that does not begin with a blank; lengths in characters, ``1 <= min_chars <= max_chars``."""
    if not 1 <= min_chars <= max_chars:
        raise InvalidInput(f"text needs 1 <= min_chars <= max_chars, not {min_chars} and {max_chars}")
    return Sequence((Characters(VISIBLE, 1, 1), Characters(LINE, min_chars - 1, max_chars - 1)))


def max_bytes(constraint: Constraint) -> int:
    """The length of the longest text in UTF-8 bytes."""
    known: dict[int, int] = {}  # by identity: parts are shared, and written out they may be exponentially many

    def longest(node: Constraint) -> int:
        if id(node) not in known:
            known[id(node)] = _longest(node, longest)
        return known[id(node)]

    return longest(constraint)


def _longest(constraint: Constraint, longest: Callable[[Constraint], int]) -> int:
    match constraint:
        case Literal(text=text):
            return len(text.encode())
        case Characters(ranges=ranges, maximum=maximum):
            return maximum * len(chr(ranges[-1][1]).encode())
        case Sequence(parts=parts):
            return sum(map(longest, parts))
        case Choice(options=options):
            return max(map(longest, options))
        case Repeat(body=body, maximum=maximum):
            return maximum * longest(body)


def matches(constraint: Constraint, text: str) -> bool:
    """Whether the whole text is one of the constraint's."""
    return len(text) in _ends(constraint, text, 0, {})


def _ends(
    constraint: Constraint, text: str, start: int, known: dict[tuple[int, int], frozenset[int]]
) -> frozenset[int]:
    key = (id(constraint), start)
    if key not in known:
        known[key] = _ends_afresh(constraint, text, start, known)
    return known[key]


def _ends_afresh(
    constraint: Constraint, text: str, start: int, known: dict[tuple[int, int], frozenset[int]]
) -> frozenset[int]:
    match constraint:
        case Literal(text=literal):
            return frozenset({start + len(literal)}) if text.startswith(literal, start) else frozenset()
        case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
            end = start
            while end < len(text) and end - start < maximum and _within(ord(text[end]), ranges):
                end += 1
            return frozenset(range(start + minimum, end + 1))
        case Sequence(parts=parts):
            ends = frozenset({start})
            for part in parts:
                ends = frozenset().union(*(_ends(part, text, end, known) for end in ends))
            return ends
        case Choice(options=options):
            return frozenset().union(*(_ends(option, text, start, known) for option in options))
        case Repeat(body=body, minimum=minimum, maximum=maximum):
            ends = frozenset({start})
            found = ends if minimum == 0 else frozenset()
            for count in range(1, maximum + 1):
                ends = frozenset().union(*(_ends(body, text, end, known) for end in ends))
                if not ends:
                    break
                if count >= minimum:
                    found |= ends
            return found


def _within(code: int, ranges: Ranges) -> bool:
    return any(low <= code <= high for low, high in ranges)
