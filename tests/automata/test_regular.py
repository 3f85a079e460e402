"""Behaviors to automata, against a matcher written from the meaning of regular expressions."""

from __future__ import annotations

import time
from functools import cache
from itertools import chain, combinations

import pytest
from hypothesis import given, settings

from agentspec import limits
from agentspec.automata.dfa import Dfa
from agentspec.automata.regular import behavior_dfa
from agentspec.errors import TooLarge
from agentspec.logic.behavior import Behavior, Choice, Concat, Empty, Interleave, Nothing, Repeat, Step
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
        case Interleave(parts):
            return frozenset(end for end in range(start, len(word) + 1) if mixed(parts, word[start:end]))
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


@cache
def mixed(parts: tuple[Behavior, ...], word: tuple[str, ...]) -> bool:
    """Whether the word is a shuffle of words of the parts: each choice of the first part's positions is tried."""
    if not parts:
        return not word
    places = range(len(word))
    for mine in chain.from_iterable(combinations(places, count) for count in range(len(word) + 1)):
        own = tuple(word[i] for i in mine)
        if len(own) in ends(parts[0], own, 0) and mixed(parts[1:], tuple(word[i] for i in places if i not in mine)):
            return True
    return False


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
    ("a b || c", 6),
    ("a || b || c", 8),
    ("a b || a c", 8),
    ("(a b)* || c", 4),
    ("(a b)* || (a c)*", 5),
    ("a{3} || b{2}", 12),
    ("a || a || a", 4),
    ("(a || b){2} c", 8),
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
    monkeypatch.setattr(limits, "BEHAVIOR_STATES", 10)
    with pytest.raises(TooLarge, match=r"needs more than 10 states; use smaller repeats"):
        behavior_dfa(parse_behavior("a{20}"), STEPS)
    with pytest.raises(TooLarge, match=r"needs more than 10 states; use smaller repeats"):
        behavior_dfa(parse_behavior("(a | b)* a (a | b){4}"), STEPS)


def test_too_many_alternatives_that_begin_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BEHAVIOR_WORK", 100)
    with pytest.raises(TooLarge, match=r"too many alternatives that begin alike; use smaller"):
        behavior_dfa(parse_behavior("(a | b)* a (a | b){6}"), STEPS)


@pytest.mark.parametrize("text", ["a{100} || b{100} || c{100}", "b | (a (b{200} || c{200}) a)*"])
def test_a_product_that_is_too_large_is_refused_before_it_is_built(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(
        TooLarge, match=r"interleaves parts of \d+ x \d+( x \d+)? states, more than 20000: '[abc]\{\d+\} \|\| "
    ):
        behavior_dfa(parse_behavior(text), STEPS)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ("a{0,1000} b", 1002),
        ("(a b){0,500}", 1001),
        ("a (b c){0,500} c", 1003),
        ("a{0,100} || b{0,20}", 2121),
        ("((a? b?){0,50} || c) c", 203),
    ],
)
def test_large_repeats_need_a_state_a_turn_and_little_time(text: str, states: int) -> None:
    start = time.perf_counter()
    dfa = behavior_dfa(parse_behavior(text), STEPS)
    assert len(dfa.edges) == states
    assert time.perf_counter() - start < 10
