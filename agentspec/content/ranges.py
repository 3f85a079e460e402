"""Sets of characters as ranges: union, complement, and letters with their partners in the other case."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from agentspec.content.constraint import Ranges


def merged(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """The same characters as sorted, disjoint ranges without surrogates."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return inverse(inverse(tuple(found)))


def inverse(ranges: Ranges) -> Ranges:
    """Every other character."""
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in sorted([*ranges, (0xD800, 0xDFFF)]):
        if low > start:
            found.append((start, low - 1))
        start = max(start, high + 1)
    return (*found, (start, 0x10FFFF)) if start <= 0x10FFFF else tuple(found)


def folded(ranges: Ranges) -> Ranges:
    """The ranges with every letter's partner in the other case."""
    if sum(high - low for low, high in ranges) < _FEW:
        codes = [
            other for low, high in ranges for code in range(low, high + 1) if (other := _partner(code)) is not None
        ]
    else:
        codes = [other for code, other in _partners().items() if any(low <= code <= high for low, high in ranges)]
    return merged([*ranges, *((code, code) for code in codes)]) if codes else ranges


_FEW = 256
"""As many characters are looked at one by one; the table of all takes some 40 ms."""


def _partner(code: int) -> int | None:
    """The same letter in the other case, where lower and upper case are one to one."""
    letter = chr(code)
    lower, upper = letter.lower(), letter.upper()
    if len(lower) == 1 and lower != letter and lower.upper() == letter:
        return ord(lower)
    return ord(upper) if len(upper) == 1 and upper != letter and upper.lower() == letter else None


@cache
def _partners() -> dict[int, int]:
    """All letters with a partner; planes above the first two have none."""
    return {code: other for code in range(0x20000) if (other := _partner(code)) is not None}
