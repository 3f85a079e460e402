"""Metrics, calls and intervals against their definitions."""

from __future__ import annotations

import itertools
import math
import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.errors import InvalidInput
from agentspec.evaluation.calls import calls_match, value_fits
from agentspec.evaluation.items import Call, Item, Said
from agentspec.evaluation.metrics import contains, exact, f1, last_number, metric, normalised, numeric
from agentspec.evaluation.stats import bootstrap, interval, mcnemar, wilson


def scored(name: str, answer: str | None, expected: Any, **more: Any) -> float:
    return metric(name, **more).score(Item("1", "t", expected), Said(answer))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("816", "816"), ("It is 1,234.50!", "1234.50"), ("-3", "-3"), ("3-5", "5"), ("3 - 5", "5"), ("a -7.", "-7"),
        ("2e5", "2E+5"), ("first 1, then 2.", "2"), ("12,345,678 apples", "12345678"), ("1,2,3", "3"), (".5", "0.5"),
        ("\N{MINUS SIGN}9", "-9"), ("no", None), ("", None), ("9" * 500, None), ("1e99999", "99999"),
    ],
)  # fmt: skip
def test_the_last_number(text: str, number: str | None) -> None:
    assert last_number(text) == (None if number is None else Decimal(number))


@given(st.integers(), st.text(alphabet="abc .,!?", max_size=9), st.text(alphabet="abc !?", max_size=9))
def test_a_number_is_found_behind_words(number: int, before: str, after: str) -> None:
    assert last_number(f"{before} {number:,} {after}") == number


def test_numeric() -> None:
    assert scored("numeric", "It costs $1,000.0", 1000) == 1
    assert scored("numeric", "999.5", "1000") == 0
    assert scored("numeric", "999.5", "1000", tolerance=0.5) == 1
    assert scored("numeric", "0.1", 0.3, tolerance=0.2) == 1
    assert scored("numeric", "1e9999", "-1e9999", tolerance=5.0) == 0
    assert scored("numeric", None, 1) == 0
    with pytest.raises(InvalidInput, match="holds no number"):
        metric("numeric").check("none")


def test_exact_and_contains() -> None:
    assert normalised("The  Cat, a DOG!") == "cat dog"
    assert exact("the cat.", "Cat") == 1
    assert exact("cats", "cat") == 0
    assert contains("It is Alexander Fleming, in 1928.", "alexander fleming") == 1
    assert contains("Alexander the Great Fleming", "alexander fleming") == 0
    assert contains("supercat", "cat") == 0
    assert contains("anything", "...") == 0
    assert scored("exact", "oslo", ["Bergen", "Oslo"]) == 1
    assert scored("exact", None, "oslo") == 0
    with pytest.raises(InvalidInput, match="a text, a number, or a list"):
        metric("exact").check({})


@given(st.lists(st.sampled_from(["red", "blue", "green", "the"]), max_size=6), st.lists(st.sampled_from(["red", "blue", "the"]), max_size=6))  # fmt: skip # noqa: E501
def test_f1_by_hand(one: list[str], other: list[str]) -> None:
    """Words are paired off greedily, each once."""
    words, wanted = [w for w in one if w != "the"], [w for w in other if w != "the"]
    left, common = list(wanted), 0
    for word in words:
        if word in left:
            left.remove(word)
            common += 1
    found = f1(" ".join(one), " ".join(other))
    if not words or not wanted:
        assert found == float(words == wanted)
    elif common == 0:
        assert found == 0
    else:
        precision, recall = common / len(words), common / len(wanted)
        assert math.isclose(found, 2 * precision * recall / (precision + recall))


def test_f1_of_a_verdict_is_right_or_wrong() -> None:
    assert f1("yes it is", "yes") == 0
    assert f1("Yes.", "yes") == 1


def test_an_unknown_metric_is_named() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'numeric'"):
        metric("numerical")


# ---- calls -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "accepted", "fits"),
    [
        (5, 5, True), (5.0, 5, True), (5, 5.0, True), (5, "5", False), ("5", 5, False), (True, 1, False),
        (True, True, True), ("New York", "new york", True), ("New-York.", "NewYork", True), ("York", "New York", False),
        ([1, 2], [1.0, 2], True), ([2, 1], [1, 2], False), ([1], [1, 2], False), (["A b"], ["ab"], True),
        ({"a": 1}, {"a": [1, 2]}, True), ({"a": 3}, {"a": [1, 2]}, False), ({}, {"a": [1, ""]}, True),
        ({}, {"a": [1]}, False), ({"a": 1, "b": 2}, {"a": [1]}, False), ([{"a": "X"}], [{"a": ["x"]}], True),
        (None, None, True), ("it's", 'it"s', True), ({"a": 1}, [1], False),
    ],
)  # fmt: skip
def test_a_value_is_one_that_is_accepted(value: Any, accepted: Any, fits: bool) -> None:
    assert value_fits(value, accepted) is fits


def test_arguments_may_be_left_out_only_where_that_is_accepted() -> None:
    wanted = [{"f": {"a": [1], "b": ["", "x"]}}]
    assert calls_match([Call("f", {"a": 1})], wanted)
    assert calls_match([Call("f", {"a": 1, "b": "X"})], wanted)
    assert not calls_match([Call("f", {"b": "x"})], wanted)
    assert not calls_match([Call("f", {"a": 1, "c": 1})], wanted)
    assert not calls_match([Call("g", {"a": 1})], wanted)
    assert not calls_match([], wanted)
    assert not calls_match([Call("f", {"a": 1})] * 2, wanted)
    assert calls_match([], [])


@given(st.lists(st.integers(0, 3), max_size=4), st.lists(st.sets(st.integers(0, 3), min_size=1), max_size=4))
def test_several_calls_are_matched_as_some_order_would(made: list[int], accepted: list[set[int]]) -> None:
    calls, wanted = [Call("f", {"a": one}) for one in made], [{"f": {"a": sorted(some)}} for some in accepted]
    some_order = len(made) == len(accepted) and any(
        all(one in some for one, some in zip(order, accepted, strict=True)) for order in itertools.permutations(made)
    )
    assert calls_match(calls, wanted) == some_order


# ---- intervals -------------------------------------------------------------------------------------------------------


def test_wilson_solves_its_equation() -> None:
    """Both ends p satisfy (share - p)^2 = z^2 p (1 - p) / n."""
    for right, of in ((3, 10), (50, 100), (1, 7), (99, 100)):
        for end in wilson(right, of):
            assert math.isclose((right / of - end) ** 2, 1.959963984540054**2 * end * (1 - end) / of, rel_tol=1e-9)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    assert wilson(0, 0) == (0, 1)


def test_bootstrap_is_near_the_normal_interval_and_seeded() -> None:
    rng = random.Random(1)
    values = [rng.gauss(0.3, 0.2) for _ in range(400)]
    mean = sum(values) / 400
    half = 1.96 * math.sqrt(sum((v - mean) ** 2 for v in values) / 400) / 20
    low, high = bootstrap(values)
    assert abs(low - (mean - half)) < 0.004
    assert abs(high - (mean + half)) < 0.004
    assert bootstrap(values) == (low, high)
    assert bootstrap(values, seed=1) != (low, high)
    assert bootstrap([0.5] * 9) == (0.5, 0.5)
    assert all(math.isnan(end) for end in bootstrap([]))
    assert interval([1, 0, 1]) == wilson(2, 3)
    assert interval([0.5, 0.25]) == bootstrap([0.5, 0.25])


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=10))
def test_mcnemar_counts_all_ways_to_turn_the_differences(pairs: list[tuple[int, int]]) -> None:
    apart = [a - b for a, b in pairs if a != b]
    seen = abs(sum(apart))
    ways = [abs(sum(signs)) >= seen for signs in itertools.product((-1, 1), repeat=len(apart))]
    found = mcnemar([a for a, _ in pairs], [b for _, b in pairs])
    assert found is not None
    assert math.isclose(found, Fraction(sum(ways), len(ways)))


def test_mcnemar_needs_right_or_wrong() -> None:
    assert mcnemar([0.5], [1]) is None


def test_numeric_of_two_texts() -> None:
    assert numeric("x", "1") == 0
