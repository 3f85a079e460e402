"""Behaviors to automata, against a matcher written from the meaning of regular expressions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from agentspec.automata import regular
from agentspec.automata.dfa import Dfa
from agentspec.automata.regular import behavior_dfa
from agentspec.errors import TooLarge
from agentspec.logic.behavior import Behavior, Choice, Concat, Empty, Nothing, Repeat, Step
from agentspec.logic.parse_behavior import parse_behavior
from tests.automata.languages import assert_minimal, assert_well_formed, words_up_to
from tests.logic.strategies import behaviors

quick = settings(deadline=None, max_examples=120)
STEPS = ("a", "b", "c")
LETTERS = [frozenset({step}) for step in STEPS]
UP_TO_5 = [tuple(next(iter(letter)) for letter in word) for word in words_up_to(LETTERS, 5)]


def ends(behavior: Behavior, word: tuple[str, ...], start: int) -> frozenset[int]:
    """Where a match that begins at ``start`` may end: the definition, nothing shared with derivatives."""
    match behavior:
        case Nothing():
            return frozenset()
        case Empty():
            return frozenset({start})
        case Step(name):
            return frozenset({start + 1}) if word[start : start + 1] == (name,) else frozenset()
        case Concat(parts):
            places = frozenset({start})
            for part in parts:
                places = frozenset(end for place in places for end in ends(part, word, place))
            return places
        case Choice(options):
            return frozenset(end for option in options for end in ends(option, word, start))
        case Repeat(body, minimum, maximum):
            places = frozenset({start})
            found: frozenset[int] = places if minimum == 0 else frozenset()
            last = minimum + len(word) + 1 if maximum is None else maximum
            for count in range(1, last + 1):
                places = frozenset(end for place in places for end in ends(body, word, place))
                if count >= minimum:
                    found |= places
            return found
    raise TypeError(behavior)


def accepts(dfa: Dfa, word: tuple[str, ...]) -> bool:
    return dfa.accepts([frozenset({step}) for step in word])


@quick
@given(behaviors(STEPS))
def test_accepts_exactly_the_words_of_the_behavior(behavior: Behavior) -> None:
    dfa = behavior_dfa(behavior, STEPS)
    assert_well_formed(dfa, LETTERS)
    for word in UP_TO_5:
        assert accepts(dfa, word) == (len(word) in ends(behavior, word, 0)), word


@quick
@given(behaviors(STEPS))
def test_minimal(behavior: Behavior) -> None:
    assert_minimal(behavior_dfa(behavior, STEPS), LETTERS)


SIZES = [
    ("a", 2),
    ("a*", 1),
    ("a+", 2),
    ("a{3}", 4),
    ("a{2,5}", 6),
    ("a b c", 4),
    ("a (b | c)", 3),
    ("a b | a c", 3),
    ("(a b)* | (a b)* a b", 2),
    ("(a | b)* a (a | b) (a | b)", 8),
    ("a? b? c?", 4),
    ("(a (b c){0,2})*", 5),
    ("()", 1),
    ("a b{2,} c", 5),
]


@pytest.mark.parametrize(("text", "states"), SIZES)
def test_known_sizes(text: str, states: int) -> None:
    behavior = parse_behavior(text)
    dfa = behavior_dfa(behavior, STEPS)
    assert_minimal(dfa, LETTERS)
    for word in UP_TO_5:
        assert accepts(dfa, word) == (len(word) in ends(behavior, word, 0)), word
    assert len(dfa.edges) == states


def test_alternatives_that_begin_alike_are_never_committed_to() -> None:
    dfa = behavior_dfa(parse_behavior("a b c | a c"), STEPS)
    assert accepts(dfa, ("a", "c"))
    assert accepts(dfa, ("a", "b", "c"))
    assert not accepts(dfa, ("a", "b"))


def test_the_letters_name_one_step_each() -> None:
    dfa = behavior_dfa(parse_behavior("a | b c"), STEPS)
    for edges in dfa.edges:
        for letter, _ in edges:
            assert len(letter.true) == 1
            assert letter.true | letter.false == set(STEPS)
    assert not dfa.accepts([{"a", "b"}])


def test_a_step_that_is_not_used_has_no_edge() -> None:
    dfa = behavior_dfa(parse_behavior("a"), ("a", "unused"))
    assert not dfa.accepts([{"unused"}])
    assert dfa.propositions == ("a", "unused")


def test_too_large_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular, "STATE_LIMIT", 10)
    with pytest.raises(TooLarge, match=r"more than 10 states; use smaller repeats"):
        behavior_dfa(parse_behavior("a{20}"), STEPS)


def test_a_thousand_repeats_are_a_thousand_states() -> None:
    dfa = behavior_dfa(parse_behavior("a{0,1000} b"), STEPS)
    assert len(dfa.edges) == 1002
