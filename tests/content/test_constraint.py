"""Constraints against their texts, listed one by one."""

from __future__ import annotations

from itertools import pairwise, product
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import (
    LINE,
    VISIBLE,
    Characters,
    Choice,
    Constraint,
    Literal,
    Repeat,
    Sequence,
    line_of_text,
    max_bytes,
    ranges_without,
)
from agentspec.errors import InvalidInput
from tests.content.oracle import matches
from tests.content.texts import constraints, sample, texts

quick = settings(deadline=None, max_examples=150)
SHORT = ["".join(letters) for length in range(5) for letters in product("abc", repeat=length)]


@quick
@given(constraints("abc"))
def test_matches_exactly_the_texts(constraint: Constraint) -> None:
    expected = texts(constraint, 4)
    assert {text for text in SHORT if matches(constraint, text)} == expected


@quick
@given(constraints("abc"), st.text("abcd", max_size=7))
def test_matches_on_longer_texts(constraint: Constraint, text: str) -> None:
    assert matches(constraint, text) == (text in texts(constraint, len(text)))


@quick
@given(constraints("abé😀", leaves=4))
def test_max_bytes_is_the_longest_text(constraint: Constraint) -> None:
    assume(max_bytes(constraint) <= 14)
    every = texts(constraint, 14)
    assert every
    assert max_bytes(constraint) == max(len(text.encode()) for text in every)


@settings(deadline=None, max_examples=80)
@given(constraints("aé€😀", leaves=8), st.randoms(use_true_random=False))
def test_no_sampled_text_is_longer_than_max_bytes(constraint: Constraint, drawn: Random) -> None:
    for _ in range(10):
        text = sample(constraint, drawn)
        assert matches(constraint, text)
        assert len(text.encode()) <= max_bytes(constraint)


@pytest.mark.parametrize(
    ("constraint", "bytes_"),
    [
        (Literal(""), 0),
        (Literal("é😀"), 6),
        (Characters(((0x61, 0x7A),), 0, 0), 0),
        (Characters(((0x61, 0x7A), (0x1F600, 0x1F600)), 1, 3), 12),
        (Characters(((0x61, 0x7FF),), 1, 3), 6),
        (Sequence(()), 0),
        (Choice((Literal("abc"), Literal("é"))), 3),
        (Repeat(Literal("ab"), 0, 0), 0),
        (Repeat(Repeat(Literal("€"), 1, 2), 0, 3), 18),
    ],
)
def test_max_bytes_table(constraint: Constraint, bytes_: int) -> None:
    assert max_bytes(constraint) == bytes_


def test_two_equal_parts_are_kept_apart() -> None:
    """The memo must not confuse equal constraints at different places, nor one constraint in two places."""
    optional = Choice((Literal(""), Literal("a")))
    twice = Sequence((optional, optional, Literal("b"), optional))
    assert [text for text in ("b", "ab", "aab", "aaba", "aaab", "ba", "baa") if matches(twice, text)] == [
        "b", "ab", "aab", "aaba", "ba",
    ]  # fmt: skip


def test_a_long_ambiguous_text_takes_no_time() -> None:
    ambiguous = Repeat(Choice((Literal("a"), Literal("aa"), Literal(""))), 0, 60)
    assert matches(ambiguous, "a" * 60)
    assert matches(ambiguous, "a" * 120)
    assert not matches(ambiguous, "a" * 121)


# ---- ranges


def within(ranges: tuple[tuple[int, int], ...], character: str) -> bool:
    return any(low <= ord(character) <= high for low, high in ranges)


holes = st.lists(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.tuples(st.integers(0, 0x10FFFF), st.integers(0, 300)).map(lambda p: (p[0], min(p[0] + p[1], 0x10FFFF))),
    ),
    max_size=5,
)


@quick
@given(holes)
def test_ranges_without_is_everything_else(excluded: list[str | tuple[int, int]]) -> None:
    ranges = ranges_without(*excluded)
    out = {(ord(hole), ord(hole)) if isinstance(hole, str) else hole for hole in excluded} | {(0xD800, 0xDFFF)}
    assert all(low <= high for low, high in ranges)
    assert all(one[1] < two[0] - 1 for one, two in pairwise(ranges))
    edges = {0, 0x10FFFF, *(edge + d for pair in (*out, *ranges) for edge in pair for d in (-1, 0, 1))}
    for code in (code for code in edges if 0 <= code <= 0x10FFFF):
        is_out = any(low <= code <= high for low, high in out)
        assert any(low <= code <= high for low, high in ranges) != is_out, hex(code)


def test_ranges_without_anything_has_no_surrogates() -> None:
    assert ranges_without() == ((0, 0xD7FF), (0xE000, 0x10FFFF))
    assert ranges_without((0, 0x10FFFF)) == ()
    assert ranges_without("b", (0x63, 0x10FFFF)) == ((0, 0x61),)


def test_a_line_holds_no_line_break_of_any_kind() -> None:
    for code in [*range(0x20), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029]:
        assert not within(LINE, chr(code)), hex(code)
    for character in " ~é€😀\u00a0\u3000\ufeff":
        assert within(LINE, character)
    for code in range(0x3100):
        character = chr(code)
        assert len(f"a{character}b".splitlines()) == 1 or not within(LINE, character), hex(code)


def test_visible_is_a_line_without_blanks() -> None:
    for code in [*range(0x3100), 0xFEFF, 0x1F600, 0x10FFFF]:
        character = chr(code)
        assert within(VISIBLE, character) == (within(LINE, character) and not character.isspace()), hex(code)


# ---- lines of text


@pytest.mark.parametrize(
    ("low", "high", "fine", "wrong"),
    [
        (1, 1, ["a", "😀", "é"], ["", " ", "ab", "\n", "\t"]),
        (2, 3, ["ab", "a ", "a b", "😀 😀"], ["a", " ab", "abcd", "a\nb", "a\u2028", "\u00a0ab", "a\x7f"]),
        (1, 10_000, ["a" * 10_000], ["a" * 10_001]),
    ],
)
def test_line_of_text(low: int, high: int, fine: list[str], wrong: list[str]) -> None:
    line = line_of_text(low, high)
    for text in fine:
        assert matches(line, text), text
    for text in wrong:
        assert not matches(line, text), text


@pytest.mark.parametrize(("low", "high"), [(0, 5), (3, 2), (-1, 1)])
def test_line_of_text_refuses_bad_bounds(low: int, high: int) -> None:
    with pytest.raises(InvalidInput, match=f"{low} and {high}"):
        line_of_text(low, high)
