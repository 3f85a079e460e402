"""The nearest text of a language, against all of its texts."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec import limits
from agentspec.content.constraint import Choice, Literal, line_of_text
from agentspec.content.language import Language
from agentspec.content.nearest import cut, distance, nearest, right_of
from agentspec.content.regex import parse_regex, regex_line

TEXTS = st.text("abc", max_size=6)


def slow_distance(one: str, other: str) -> int:
    """By the definition, without any table."""
    if not one or not other:
        return len(one) + len(other)
    return min(
        slow_distance(one[1:], other) + 1,
        slow_distance(one, other[1:]) + 1,
        slow_distance(one[1:], other[1:]) + (one[0] != other[0]),
    )


@given(st.text("ab", max_size=5), st.text("ab", max_size=5))
def test_distance_is_that_of_the_definition(one: str, other: str) -> None:
    assert distance(one, other) == slow_distance(one, other)


@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_no_text_of_the_language_is_nearer(texts: list[str], text: str) -> None:
    language = Language(Choice(tuple(map(Literal, texts))))
    found = nearest(language, text)
    assert found in texts
    assert distance(text, found) == min(distance(text, other) for other in texts)


@pytest.mark.parametrize("pattern", ["a(b|c)*", "[ab]{2,4}c", "(ab)+|c", "a?b?c?"])
def test_of_a_pattern_too(pattern: str) -> None:
    language = Language(regex_line(parse_regex(pattern, source="here"), 5))
    texts = ["".join(t) for n in range(1, 6) for t in product("abc", repeat=n) if language.accepts("".join(t))]
    for text in ["".join(t) for n in range(5) for t in product("abc", repeat=n)]:
        found = nearest(language, text)
        assert found is not None
        assert language.accepts(found)
        assert distance(text, found) == min(distance(text, other) for other in texts), (text, found)


def test_a_language_without_texts_has_no_nearest() -> None:
    assert nearest(Language(Choice(())), "a") is None


def test_the_case_of_a_letter_is_kept_to() -> None:
    language = Language(regex_line(parse_regex("[A-Z][0-9]{2}", source="here"), 10))
    assert nearest(language, "x42") == "X42"


def test_what_is_too_long_is_cut_at_a_word() -> None:
    assert cut(Language(line_of_text(1, 12)), "hello world of words") == "hello world"
    assert cut(Language(line_of_text(1, 3)), "hello") == "hel"
    assert cut(Language(Literal("no")), "yes") is None


def test_where_it_takes_too_long_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "NEAREST_PLACES", 3)
    assert nearest(Language(Choice((Literal("yesterday"), Literal("no")))), "yesterdax") == "yesterday"


def test_how_far_a_text_is_right() -> None:
    language = Language(Literal("abc"))
    assert [right_of(language, text)[0] for text in ("", "ab", "abc", "abd", "x")] == [0, 2, 3, 2, 0]
