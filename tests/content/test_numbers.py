"""Numbers by value: every comparison against Decimal, over all short texts and random long ones."""

from __future__ import annotations

import operator
import re
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import And, Constraint
from agentspec.content.language import Language
from agentspec.content.numbers import (
    DIGITS,
    Comparison,
    compared,
    decimal_of,
    multiple_of,
    number,
    whole_valued,
)
from agentspec.errors import InvalidInput
from tests.decoding.grammar import texts_of

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
COMPARISONS: list[Comparison] = ["<", "<=", ">", ">=", "="]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
SHORT = ["".join(letters) for length in range(1, 6) for letters in product("-019.", repeat=length)]
TEXTS = [text for text in SHORT if NUMBER.fullmatch(text)]
OTHERS = [text for text in SHORT if not NUMBER.fullmatch(text)][::9]
BOUNDS = [
    "0",
    "-0",
    "0.0",
    "1",
    "-1",
    "9",
    "10",
    "-10",
    "0.5",
    "-0.5",
    "0.05",
    "0.10",
    "1.01",
    "-1.910",
    "99",
    "100",
    "1e2",
    "1e-3",
]

numerals = st.builds(
    lambda sign, whole, fraction: f"{sign}{whole}{fraction}",
    st.sampled_from(["", "-"]),
    st.one_of(st.integers(0, 200), st.integers(0, 10**20)).map(str),
    st.one_of(st.just(""), st.text("0123456789", min_size=1, max_size=6).map(lambda digits: f".{digits}")),
)
decimals = st.one_of(numerals, st.sampled_from(["5e3", "1.5e-2", "-2e10", "7E+2"])).map(Decimal)


def taken(constraint: Constraint, texts: list[str]) -> set[str]:
    language = Language(constraint)
    return {text for text in texts if language.accepts(text)}


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_all_short_texts_compare_as_decimals(comparison: Comparison, bound: str) -> None:
    constraint = compared(comparison, Decimal(bound))
    expected = {text for text in TEXTS if OPERATORS[comparison](Decimal(text), Decimal(bound))}
    assert taken(constraint, TEXTS) == expected
    assert not taken(constraint, OTHERS)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(COMPARISONS), decimals, st.lists(numerals, min_size=1, max_size=5))
def test_random_texts_compare_as_decimals(comparison: Comparison, bound: Decimal, texts: list[str]) -> None:
    near = f"{bound:f}"
    texts = [*texts, near, near + "0" if "." in near else near + ".0", near[:-1] + "1"]
    texts = [text for text in texts if NUMBER.fullmatch(text)]
    expected = {text for text in texts if OPERATORS[comparison](Decimal(text), bound)}
    assert taken(compared(comparison, bound), texts) == expected


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(COMPARISONS), decimals, st.lists(numerals, min_size=1, max_size=8))
def test_the_grammar_compares_alike(comparison: Comparison, bound: Decimal, texts: list[str]) -> None:
    both = And((number(integer=False), compared(comparison, bound)))
    assume(not Language(both).is_empty())
    assert texts_of(both, texts) == taken(both, texts)


@pytest.mark.parametrize(
    "step", ["1", "2", "3", "7", "10", "25", "60", "100", "1000", "0.1", "0.01", "0.05", "0.25", "1.5", "12.5", "2e1"]
)
def test_multiples(step: str) -> None:
    texts = [
        *map(str, range(-130, 1300, 7)),
        *(f"{n}.{f}" for n in (0, -0, 1, 25, 99) for f in ("0", "00", "5", "25", "05", "50", "250", "001")),
    ]
    texts = [*texts, *TEXTS]
    expected = {text for text in texts if Decimal(text) % Decimal(step) == 0}
    assert taken(multiple_of(Decimal(step)), texts) == expected
    assert not taken(multiple_of(Decimal(step)), OTHERS)


@settings(deadline=None, max_examples=8)
@given(st.integers(1, 400), st.integers(0, 3), st.integers(-(10**14), 10**14), st.integers(0, 4))
def test_random_multiples(unit: int, places: int, value: int, other: int) -> None:
    step = Decimal(unit).scaleb(-places)
    try:
        language = Language(multiple_of(step))
    except InvalidInput:
        assert unit > 100
        return
    for exact in (Decimal(value).scaleb(-other), step * (value % 10**10)):
        assert language.accepts(f"{exact:f}") == (exact % step == 0), (exact, step)


@pytest.mark.parametrize("step", ["0", "-1", "1001", "1.0001", "997", "1e50", "1e-50"])
def test_steps_whose_multiples_cannot_be_told(step: str) -> None:
    with pytest.raises(InvalidInput, match=r"multiples|more than 40 digits"):
        multiple_of(Decimal(step))


def test_whole_values() -> None:
    assert taken(whole_valued(), TEXTS) == {text for text in TEXTS if Decimal(text) == int(Decimal(text))}


@pytest.mark.parametrize("integer", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_what_a_model_may_write(integer: bool, signed: bool) -> None:
    expected = {text for text in TEXTS if (signed or text[0] != "-") and not (integer and "." in text)}
    assert taken(number(integer=integer, signed=signed), [*TEXTS, *OTHERS]) == expected
    language = Language(number(integer=integer, signed=signed))
    assert language.accepts("9" * DIGITS)
    assert not language.accepts("9" * (DIGITS + 1))
    assert language.accepts("1." + "9" * (DIGITS - 1)) == (not integer)
    assert not language.accepts("1." + "9" * DIGITS)


def test_long_bounds() -> None:
    bound = Decimal("9" * 39 + "." + "9" * 40)
    assert taken(compared(">", bound), ["1" + "0" * 39, "9" * 39, "9" * 39 + "." + "9" * 41]) == {
        "1" + "0" * 39,
        "9" * 39 + "." + "9" * 41,
    }
    for long in ("1e40", "-1e40", "1e-41", "1E+99999999", "0E-999"):
        with pytest.raises(InvalidInput, match="more than 40 digits"):
            compared("<", Decimal(long))


def test_numbers_as_written() -> None:
    assert decimal_of(0.1) == Decimal("0.1")
    assert decimal_of(1e22) == Decimal(10) ** 22
    assert decimal_of(10**50) == Decimal(10**50)
    assert decimal_of(Decimal("1.10")) == Decimal("1.1")
    for other in (True, "1", None, float("nan"), float("inf"), Decimal("NaN"), [1]):
        assert decimal_of(other) is None
