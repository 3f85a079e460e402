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
    partners = _partners()
    (low, high), *more = ranges
    if low == high and not more:
        codes = [partners[low]] if low in partners else []
    else:
        codes = [other for code, other in partners.items() if any(low <= code <= high for low, high in ranges)]
    return merged([*ranges, *((code, code) for code in codes)]) if codes else ranges


@cache
def _partners() -> dict[int, int]:
    """The same letter in the other case, where lower and upper case are one to one."""
    pairs: dict[int, int] = {}
    for code in range(0x20000):
        lower = chr(code).lower()
        if len(lower) == 1 and lower != chr(code) and lower.upper() == chr(code):
            pairs[code], pairs[ord(lower)] = ord(lower), code
    return pairs
