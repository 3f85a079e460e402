"""The automaton by derivatives against the definition: what it accepts, whether it is empty, what it costs."""

from __future__ import annotations

from itertools import product
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import (
    ANY,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Quote,
    Repeat,
    Sequence,
    Substring,
)
from agentspec.content.language import ALL, NOTHING, Language
from agentspec.content.regex import parse_regex
from agentspec.errors import TooLarge
from tests.content.oracle import matches
from tests.content.texts import ranges_of, trees

quick = settings(deadline=None, max_examples=100)
SHORT = ["".join(letters) for length in range(6) for letters in product("ab", repeat=length)]
WIDE = ["".join(letters) for length in range(4) for letters in product('a"\\\né😀', repeat=length)]


def contains(constraint: Constraint) -> Constraint:
    """The texts in which one of the constraint's stands somewhere."""
    return Sequence((Characters(ANY, 0, None), constraint, Characters(ANY, 0, None)))


@quick
@given(trees("ab"))
def test_accepts_what_the_definition_accepts(constraint: Constraint) -> None:
    language = Language(constraint)
    for text in SHORT:
        assert language.accepts(text) == matches(constraint, text), text


@settings(deadline=None, max_examples=40)
@given(trees('a"\\\né😀'))
def test_accepts_what_the_definition_accepts_of_other_characters(constraint: Constraint) -> None:
    language = Language(constraint)
    for text in WIDE:
        assert language.accepts(text) == matches(constraint, text), ascii(text)


@quick
@given(trees("ab"))
def test_the_shortest_text_is_one_and_none_is_shorter(constraint: Constraint) -> None:
    language = Language(constraint)
    found = language.shortest()
    assert language.is_empty() == (found is None)
    if found is not None:
        assert matches(constraint, found)
        assert not any(matches(constraint, text) for text in SHORT if len(text) < len(found))
    else:
        assert not any(matches(constraint, text) for text in [*SHORT, *WIDE])


@quick
@given(trees("ab"), st.text("abc", max_size=8), st.integers(0, 8))
def test_a_text_may_be_read_in_pieces(constraint: Constraint, text: str, cut: int) -> None:
    language = Language(constraint)
    state = language.run(text[cut:], language.run(text[:cut]))
    one_by_one = language.start
    for character in text:
        one_by_one = language.step(one_by_one, character)
    assert language.accepts_at(state) == language.accepts_at(one_by_one) == matches(constraint, text)


@quick
@given(trees("ab"), trees("ab"))
def test_a_constraint_and_its_complement_partition_another(base: Constraint, other: Constraint) -> None:
    inside, outside, whole = Language(And((base, other))), Language(And((base, Not(other)))), Language(base)
    for text in SHORT:
        assert inside.accepts(text) + outside.accepts(text) == whole.accepts(text), text


@quick
@given(trees("ab"))
def test_successors_lead_where_steps_lead(constraint: Constraint) -> None:
    language = Language(constraint)
    states, todo = {language.start}, [language.start]
    while todo and len(states) < 30:
        state = todo.pop()
        ways = list(language.successors(state))
        assert all(language.step(state, character) == behind != NOTHING for character, behind in ways)
        reached = {behind for _, behind in ways}
        assert {language.step(state, character) for character in "abcé😀"} - {NOTHING} <= reached
        todo += reached - states
        states |= reached


def test_what_has_no_text_has_no_way_out() -> None:
    for nothing in (
        Choice(()),
        Characters((), 1, 2),
        And((Literal("a"), Literal("b"))),
        Sequence((Literal("a"), Choice(()))),
        Repeat(Choice(()), 1, None),
        Not(Characters(ANY, 0, None)),
        And((contains(Literal("a")), Not(contains(Literal("a"))))),
    ):
        assert Language(nothing).shortest() is None
    for empty in (
        Repeat(Choice(()), 0, None),
        Characters((), 0, 3),
        Sequence(()),
        Substring(()),
        Repeat(Literal(""), 5, 9),
    ):
        assert Language(empty).shortest() == ""
        assert not Language(empty).accepts("a")


def test_a_search_stops_where_it_has_found() -> None:
    language = Language(contains(Literal("ab")))
    assert language.run("xxab") == language.run("xxabxx") == ALL
    assert language.accepts("ab\ud800")
    assert not language.accepts("a\ud800b")


def test_a_quote_is_no_language_before_it_is_bound() -> None:
    with pytest.raises(TypeError, match="before it is bound"):
        Language(Sequence((Literal("a"), Quote(("step",), 3))))


def test_the_limit_on_states_names_the_culprit() -> None:
    many = And((contains(Repeat(Literal("a"), 50, 50)), Characters(ranges_of("ab"), 0, 40)))
    with pytest.raises(TooLarge, match=r"^step 'note': whether it has any text takes more than 30 states"):
        Language(many).is_empty(limit=30, what="step 'note'")
    assert Language(many).is_empty()


HOSTILE = [
    ("(a|a)*b", "a" * 1_000_000),
    ("(a?){50}a{50}", "a" * 1_000_000),
    (".*.*.*x", "a" * 1_000_000),
    ("(a*)*b", "a" * 1_000_000),
    ("(a|aa)+$", "a" * 1_000_000 + "!"),
    ("(.*)(.*)(.*)(.*)(.*)[^a]", "a" * 1_000_000),
    ("([ab]*a[ab]*)*c", "ab" * 500_000),
    ("a.{0,30}z", "ab" * 500_000),
    ("(x+x+)+y", "x" * 1_000_000),
    ("(?i)(yes|approve)d?$", "Yes, approved " * 70_000),
]


@pytest.mark.parametrize(("pattern", "text"), HOSTILE, ids=[pattern for pattern, _ in HOSTILE])
def test_a_megabyte_of_hostile_text_takes_seconds(pattern: str, text: str) -> None:
    began = perf_counter()
    regex = parse_regex(pattern)
    Language(regex.full()).accepts(text)
    Language(regex.search()).accepts(text)
    assert perf_counter() - began < 20


def test_memory_is_bounded_where_states_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentspec.content.language._KEPT", 2_000)
    search = parse_regex("a[ab]{8}c").search()
    drawn = "".join("ab"[(i * i + i // 7) % 2] for i in range(30_000))
    language = Language(search)
    assert not language.accepts(drawn)
    assert language.accepts(f"{drawn}aabbaabbac")
    assert len(language._nodes) < 60_000


def test_a_choice_of_many_literals() -> None:
    names = [f"{number:x}-name" for number in range(0, 400_000, 80)]
    language = Language(Choice(tuple(map(Literal, names))))
    assert all(language.accepts(name) for name in names[::50])
    assert not language.accepts("x-name")
