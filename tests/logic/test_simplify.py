"""Normal forms and rewritings keep the language; tables say what they must find."""

from __future__ import annotations

import pytest
from hypothesis import given

from agentspec.logic.formula import And, Atom, Constant, Formula, Next, Not, Or, Release, Until, WeakNext, subformulas
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.logic.show import show_formula
from agentspec.logic.simplify import conjunction, disjunction, simplify, to_nnf
from tests.logic.strategies import Word, all_words, formulas, patient, words
from tests.logic.test_semantics import LAWS

SHORT = tuple(all_words(max_size=3))
NORMAL = (Constant, Atom, Not, And, Or, Next, WeakNext, Until, Release)


def in_normal_form(formula: Formula) -> bool:
    return all(
        isinstance(node, NORMAL) and (not isinstance(node, Not) or isinstance(node.operand, Atom))
        for node in subformulas(formula)
    )


@patient
@given(formulas())
def test_normal_form_keeps_the_language(formula: Formula) -> None:
    normal = to_nnf(formula)
    assert in_normal_form(normal)
    assert to_nnf(normal) == normal
    for word in SHORT:
        assert holds(normal, word) == holds(formula, word), word


@patient
@given(formulas(max_leaves=12))
def test_simplify_keeps_the_language(formula: Formula) -> None:
    simple = simplify(formula)
    assert in_normal_form(simple)
    assert simplify(simple) == simple
    assert simple.size <= to_nnf(formula).size
    for word in SHORT:
        assert holds(simple, word) == holds(formula, word), word


@patient
@given(formulas(("a", "b", "c"), max_leaves=16), words(("a", "b", "c"), max_size=7))
def test_longer_words(formula: Formula, word: Word) -> None:
    value = holds(formula, word)
    assert holds(to_nnf(formula), word) == value
    assert holds(simplify(formula), word) == value
    assert holds(simplify(Not(formula)), word) != value


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
        ("F (a U b)", "true U a U b"),
        ("c U (a U b)", "c U a U b"),
        ("G (a R b)", "false R a R b"),
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
        ("a <-> a", "a | !a"),
    ],
)
def test_rewritings(text: str, simple: str) -> None:
    expected = "true" if simple == "a | !a" else simple
    assert show_formula(simplify(parse_formula(text))) == expected


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
