"""Letters and their partners in the other case, against what Python says of every character."""

from __future__ import annotations

import pytest

from agentspec.content.constraint import Ranges
from agentspec.content.ranges import folded, merged

SURROGATES = range(0xD800, 0xE000)
PAIRS = [
    (chr(code), chr(code).lower())
    for code in range(0x110000)
    if code not in SURROGATES and chr(code).lower() != chr(code) and chr(code).lower().upper() == chr(code)
]
"""Upper and lower case, one to one."""


def expected(ranges: Ranges) -> Ranges:
    def inside(letter: str) -> bool:
        return any(low <= ord(letter) <= high for low, high in ranges)

    single = [(upper, lower) for upper, lower in PAIRS if len(lower) == 1]
    more = [ord(lower) for upper, lower in single if inside(upper)]
    more += [ord(upper) for upper, lower in single if inside(lower)]
    return merged([*ranges, *((code, code) for code in more)])


def test_every_letter_alone() -> None:
    partner = {one: other for pair in PAIRS if len(pair[1]) == 1 for one, other in (pair, pair[::-1])}
    for code in range(0x20000):
        if code not in SURROGATES:
            other = partner.get(chr(code), chr(code))
            assert folded(((code, code),)) == merged([(code, code), (ord(other), ord(other))]), hex(code)


@pytest.mark.parametrize(
    "ranges",
    [
        ((0x41, 0x5A),),
        ((0x30, 0x39),),
        ((0x41, 0x41), (0x7A, 0x7A), (0xE4, 0xE4)),
        ((0x100, 0x1FF),),
        ((0x100, 0x200),),
        ((0, 0x10FFFF),),
        ((0x400, 0x44F), (0x1E900, 0x1E943), (0x10000, 0x1FFFF)),
    ],
)
def test_few_and_many_characters(ranges: Ranges) -> None:
    assert folded(ranges) == expected(ranges)
