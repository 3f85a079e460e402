"""Normal forms and rewritings keep the language; tables say what they must find."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    And,
    Atom,
    Constant,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Since,
    Until,
    WeakNext,
    WeakSince,
    WeakYesterday,
    Yesterday,
    looks_back,
    subformulas,
)
from agentspec.logic.implication import AT_END, AT_START, NOT_AT_END
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso, truth_along
from agentspec.logic.show import show_formula
from agentspec.logic.simplify import conjunction, disjunction, simplify, to_nnf
from tests.logic.strategies import Lasso, Word, all_lassos, all_words, formulas, lassos, patient, words
from tests.logic.test_semantics import LAWS, PAST_LAWS

SHORT = tuple(all_words(max_size=3))
LASSOS = tuple(all_lassos(max_size=3))
NORMAL = (
    Constant,
    Atom,
    Not,
    And,
    Or,
    Next,
    WeakNext,
    Until,
    Release,
    Yesterday,
    WeakYesterday,
    Since,
    WeakSince,
)


def in_normal_form(formula: Formula) -> bool:
    return all(
        isinstance(node, NORMAL) and (not isinstance(node, Not) or isinstance(node.operand, Atom))
        for node in subformulas(formula)
    )


def assert_same(one: Formula, two: Formula, words: Iterable[Word], lassos: Iterable[Lasso]) -> None:
    """The same truth at every position of the words, and at the first ones of the lassos."""
    for word in words:
        assert truth_along(one, word)[one] == truth_along(two, word)[two], word
    for lasso in lassos:
        for at in range(3):
            assert holds_on_lasso(one, *lasso, at) == holds_on_lasso(two, *lasso, at), (lasso, at)


@patient
@given(formulas(past=True), lassos())
def test_normal_form_keeps_the_language(formula: Formula, lasso: Lasso) -> None:
    normal = to_nnf(formula)
    assert in_normal_form(normal)
    assert to_nnf(normal) == normal
    assert_same(normal, formula, SHORT, [lasso])


@patient
@given(formulas(max_leaves=12, past=True), st.lists(st.sampled_from(LASSOS), min_size=5, max_size=5))
def test_simplify_keeps_the_language(formula: Formula, some: list[Lasso]) -> None:
    assert_simple(formula)
    assert_same(simplify(formula), formula, SHORT, some)


def assert_simple(formula: Formula) -> None:
    simple = simplify(formula)
    assert in_normal_form(simple)
    assert simplify(simple) == simple
    assert simple.size <= to_nnf(formula).size
    assert looks_back(simple) <= looks_back(formula)


@patient
@given(formulas(("a", "b", "c"), max_leaves=16, past=True), words(("a", "b", "c"), max_size=7), lassos("abc", 4, 4))
def test_longer_words(formula: Formula, word: Word, lasso: Lasso) -> None:
    assert_same(to_nnf(formula), formula, [word], [lasso])
    assert_same(simplify(formula), formula, [word], [lasso])
    assert holds(simplify(Not(formula)), word) != holds(formula, word)


def close_relatives(rng: Random) -> Formula:
    """A temporal operator or a join over operands that are likely to be parts of each other."""
    pool: list[Formula] = [Atom("a"), Atom("b"), Not(Atom("a")), Not(Atom("b")), AT_END, NOT_AT_END, AT_START, TRUE]
    steps = (Next, WeakNext, Yesterday, WeakYesterday)
    for _ in range(rng.randint(2, 7)):
        one, two, three = rng.choices([*pool, *pool[8:] * 2], k=3)
        kind = rng.choice((Until, Release, Since, WeakSince, And, Or, *steps))
        if kind in (And, Or):
            pool.append(kind((one, two, three)[: rng.randint(2, 3)]))  # type: ignore[call-arg]
        elif kind in steps:
            pool.append(kind(one))  # type: ignore[call-arg]
        else:
            pool.append(kind(rng.choice((one, TRUE, FALSE)), rng.choice((two, two, FALSE))))  # type: ignore[call-arg]
    return pool[-1]


@pytest.mark.parametrize("seed", range(20))
def test_operands_that_are_parts_of_each_other(seed: int) -> None:
    rng = Random(seed)
    for _ in range(100):
        formula = close_relatives(rng)
        assert_simple(formula)
        assert_same(simplify(formula), formula, rng.sample(SHORT, 10), rng.sample(LASSOS, 2))


@pytest.mark.parametrize("seed", range(4))
def test_joins_of_formulas_that_are_not_simple(seed: int) -> None:
    rng = Random(seed)
    for _ in range(100):
        operands = [to_nnf(close_relatives(rng)) for _ in range(3)]
        some = rng.sample(SHORT, 8)
        assert_same(conjunction(operands), And(tuple(operands)), some, [])
        assert_same(disjunction(operands), Or(tuple(operands)), some, [])


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 120))
def test_all_words_up_to_length_4_and_all_lassos(seed: int) -> None:
    rng = Random(seed)
    for _ in range(30):
        formula = close_relatives(rng)
        assert_simple(formula)
        assert_same(simplify(formula), formula, all_words(max_size=4), LASSOS)


@pytest.mark.parametrize(("one", "two"), PAST_LAWS)
def test_past_laws_survive(one: str, two: str) -> None:
    assert_same(simplify(parse_formula(one)), simplify(parse_formula(two)), SHORT, LASSOS[:50:3])


@pytest.mark.parametrize(("one", "two"), LAWS)
def test_laws_survive(one: str, two: str) -> None:
    left, right = simplify(parse_formula(one)), simplify(parse_formula(two))
    assert all(holds(left, word) == holds(right, word) for word in SHORT)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("F a", "true U a"),
        ("G a", "false R a"),
        ("last", "N false"),
        ("!last", "X true"),
        ("!X a", "N !a"),
        ("!N a", "X !a"),
        ("!(a U b)", "!a R !b"),
        ("!(a R b)", "!a U !b"),
        ("a W b", "b R (a | b)"),
        ("a M b", "b U (a & b)"),
        ("!(a W b)", "!b U (!a & !b)"),
        ("!(a M b)", "!b R (!a | !b)"),
        ("a -> b", "!a | b"),
        ("!(a -> b)", "a & !b"),
        ("a xor b", "a & !b | !a & b"),
        ("a <-> b", "a & b | !a & !b"),
        ("!!a", "a"),
        ("!(a & b & c)", "!a | !b | !c"),
        ("O a", "true S a"),
        ("H a", "a B false"),
        ("!Y a", "Z !a"),
        ("!Z a", "Y !a"),
        ("!(a S b)", "!b B (!a & !b)"),
        ("!(a B b)", "!b S (!a & !b)"),
        ("!O a", "!a B false"),
        ("!H a", "true S !a"),
    ],
)
def test_normal_forms(text: str, normal: str) -> None:
    assert show_formula(to_nnf(parse_formula(text))) == normal


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("a & true & a", "a"),
        ("a & false", "false"),
        ("a | true", "true"),
        ("a | (b | a) | false", "a | b"),
        ("a & (b & (c & a))", "a & b & c"),
        ("a & !a", "false"),
        ("a | b | !a", "true"),
        ("last & X true", "false"),
        ("last | X true", "true"),
        ("a & (a | b)", "a"),
        ("a | a & X b", "a"),
        ("X true", "X true"),
        ("X false", "false"),
        ("N true", "true"),
        ("N false", "N false"),
        ("a U false", "false"),
        ("a U true", "true"),
        ("false U a", "a"),
        ("a U a", "a"),
        ("a U (a U b)", "a U b"),
        ("F F a", "true U a"),
        ("a U F b", "true U b"),
        ("F (a U b)", "true U b"),
        ("c U (a U b)", "c U a U b"),
        ("G (a R b)", "false R b"),
        ("X true & a & last", "false"),
        ("!a & b & a", "false"),
        ("G G a", "false R a"),
        ("a R G b", "false R b"),
        ("true R a", "a"),
        ("a R (a R b)", "a R b"),
        ("G true", "true"),
        ("F false", "false"),
        ("F last", "true U N false"),
        ("a xor a", "false"),
        ("F (c U F (a M b))", "true U (a & b)"),
        ("a & F a", "a"),
        ("F a | a", "true U a"),
        ("G a & a", "false R a"),
        ("G(a & b) & a & c", "false R (a & b) & c"),
        ("a | G a", "a"),
        ("G a & !a", "false"),
        ("F a | !a", "true"),
        ("a & b & (a U (b | c))", "a & b"),
        ("a U (b & (a U b))", "a U b"),
        ("(a U b) U b", "a U b"),
        ("(a R b) R b", "a R b"),
        ("(a | b) U b", "a U b"),
        ("!b U b", "true U b"),
        ("(a & !b) U b", "a U b"),
        ("!b W b", "true"),
        ("b W (a | b)", "b | a"),
        ("(a & b) R b", "a R b"),
        ("!b R b", "false R b"),
        ("a U (a | b)", "a | b"),
        ("(a & b) U a", "a"),
        ("F G F a", "false R true U a"),
        ("b U G F a", "false R true U a"),
        ("b R F G a", "true U false R a"),
        ("Y false", "false"),
        ("Z true", "true"),
        ("X Z a", "X Y a"),
        ("N Z a", "N Y a"),
        ("Z N a", "Z X a"),
        ("Y N true", "Y true"),
        ("X Z false", "false"),
        ("N Z false", "N false"),
        ("O O a", "true S a"),
        ("H H a", "a B false"),
        ("O(a S b)", "true S b"),
        ("H(a B b)", "(a | b) B false"),
        ("a S O b", "true S b"),
        ("a S (a S b)", "a S b"),
        ("a S (a B b)", "a B b"),
        ("a B (a S b)", "a B b"),
        ("(a S b) S b", "a S b"),
        ("(a B b) S b", "a S b"),
        ("(a S b) B b", "a S b"),
        ("(a | b) S b", "a S b"),
        ("(a & !b) S b", "a S b"),
        ("!b B b", "true"),
        ("O Z a", "true"),
        ("H Y a", "false"),
        ("O a & a", "a"),
        ("H a & a & b", "a B false & b"),
        ("H a | a", "a"),
        ("Z false & Y true", "false"),
        ("Z false | Y true", "true"),
        ("a <-> a", "a | !a"),
    ],
)
def test_rewritings(text: str, simple: str) -> None:
    expected = "true" if simple == "a | !a" else simple
    assert show_formula(simplify(parse_formula(text))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "!a R F(b R a)",
        "!a R (a R F b)",
        "!a U G(b U a)",
        "!a U (a U G b)",
        "a & (b R (a | b))",
        "b | (a U (a & b))",
        "a & b B false",
        "a & b S a",
        "(a | b) B false & a",
        "a B true S b",
        "(a R b) B false",
        "a S (Z b)",
        "a B (Y b)",
        "(a U b) U a",
        "a U (b U a)",
        "a U (b R a)",
        "a S (b B a)",
        "F(a & Z b)",
        "G F Y a",
        "X N a & N X b",
        "Y X a | Z N b",
    ],
)
def test_what_looks_needless_and_is_not(text: str) -> None:
    formula = parse_formula(text)
    assert_simple(formula)
    assert_same(simplify(formula), formula, SHORT, LASSOS[::5])


def test_nested_equivalences_stay_small_in_memory() -> None:
    formula = parse_formula(" <-> ".join(f"p{index}" for index in range(150)))
    assert len(subformulas(to_nnf(formula))) < 2_000
    assert to_nnf(formula).size > 2**150
    assert len(subformulas(simplify(formula))) < 2_000


def test_joining_formulas() -> None:
    a, b = Atom("a"), Atom("b")
    assert conjunction([]) == Constant(True)
    assert disjunction([]) == Constant(False)
    assert conjunction([And((a, And((b, a)))), b]) == And((a, b))
    assert disjunction([a, Or((b, a))]) == Or((a, b))


def test_tall_formulas_need_no_stack() -> None:
    formula: Formula = Atom("a")
    for _ in range(3_000):
        formula = Not(Next(formula))
    assert in_normal_form(simplify(formula))
