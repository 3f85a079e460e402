"""Shortest completions: as short as any text there is, and the same whatever was asked before."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import ANY, And, Characters, Constraint, Literal, Repeat, Sequence
from agentspec.content.cost import Completions, farthest
from agentspec.content.json_schema import from_schema
from agentspec.content.language import NOTHING, Language
from agentspec.content.regex import parse_regex
from tests.content.texts import constraints, trees

unhurried = settings(deadline=None, max_examples=80)


def reached(language: Language, start: int, most: int = 40) -> list[int]:
    """Some states from the start on."""
    found = [start]
    for state in found:
        found += [target for _, _, target in language.stretches(state) if target not in found]
        if len(found) > most:
            break
    return found


def least_bytes(language: Language, state: int, most: int = 60) -> int | None:
    """The bytes of a shortest text from a state, by growing the set of states reached byte by byte; None: no text."""
    levels: dict[int, set[int]] = {0: {state}}
    for size in range(most):
        for here in levels.get(size, set()):
            if language.accepts_at(here):
                return size
            for low, high, target in language.stretches(here):
                for edge, length in ((0x80, 1), (0x800, 2), (0x10000, 3), (0x110000, 4)):
                    if low < edge:
                        levels.setdefault(size + length, set()).add(target)
                        break
                assert high > low
    return None


def check(constraint: Constraint, drawn: Random) -> None:
    asked = Completions(list)
    start, far = asked.start(constraint), farthest(constraint)
    states = [state for state in reached(asked.language, start) if state != NOTHING]
    for state in drawn.sample(states, len(states)):
        expected = least_bytes(asked.language, state)
        assert expected is None or expected <= far
        assert expected is None or asked.language.at_least(state) <= expected
        try:
            text = asked.shortest(state)
        except ValueError:
            assert expected is None
            continue
        if expected is not None:
            assert len(text) == expected
            assert asked.language.accepts_at(asked.language.run(text.decode(), state))
    if start != NOTHING and least_bytes(asked.language, start) is not None:
        alone = Completions(list)
        assert alone.shortest(alone.start(constraint)) == asked.shortest(start), "whatever was asked before"


@unhurried
@given(trees("ab[é", leaves=6), st.randoms(use_true_random=False))
def test_completions_are_the_shortest_and_the_same_in_every_order(tree: Constraint, drawn: Random) -> None:
    check(And((Characters(ANY, 0, 8), tree)), drawn)


@unhurried
@given(constraints("aé", leaves=7), st.randoms(use_true_random=False))
def test_no_end_is_farther_than_farthest_says(constraint: Constraint, drawn: Random) -> None:
    check(constraint, drawn)
    check(Sequence((constraint, Literal("é"), Repeat(constraint, 1, 3))), drawn)


def test_how_far_an_end_may_be() -> None:
    for pattern, bytes_ in [("[a-z]{60,80}", 60), ("x?y{2,900}", 2), ("no|because é{10}", 28), ("(ab|cde){3,5}", 9)]:
        assert farthest(parse_regex(pattern).full()) == bytes_ + 3


def test_completions_of_long_and_short_branches() -> None:
    uneven = {"anyOf": [{"const": "no"}, {"type": "array", "items": {"type": "boolean"}, "minItems": 6, "maxItems": 9}]}
    for constraint in (from_schema(uneven), parse_regex("(no|not [a-z]{12})!|é{3}x|日[ab]{2}").full()):
        for seed in range(20):
            check(constraint, Random(seed))


def test_a_search_does_not_stop_at_what_an_earlier_one_found() -> None:
    """From behind ``[`` the end is far, and known; from the beginning it is near."""
    completions = Completions(list)
    start = completions.start(from_schema({"anyOf": [{"const": "no"}, {"enum": [["x" * 30]]}]}))
    assert len(completions.shortest(completions.language.run("[", start))) == 33
    assert completions.shortest(start) == b'"no"'
