"""Deterministic automata of infinite words: against the meaning, against nondeterministic ones, and known sizes."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf, parity_min_even
from agentspec.automata.buchi import Buchi
from agentspec.automata.determinize import cleaned, is_obligation
from agentspec.automata.emptiness import separating_lasso
from agentspec.automata.expansion import generalised_buchi
from agentspec.automata.omega import Omega
from agentspec.automata.omega_graph import complement
from agentspec.automata.reduce import reduced
from agentspec.automata.safra import breakpoints, determinised, one_set
from agentspec.automata.translate_omega import deterministic, to_buchi
from agentspec.automata.weak import accepting_states, weak_deterministic
from agentspec.logic.endless import endless
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from tests.automata import laws
from tests.automata.languages import valuations
from tests.automata.random_omega import accepted, graph, random_buchi, random_lassos, table, value
from tests.logic.strategies import all_lassos, formulas

AB = tuple(all_lassos("ab", 2)) + tuple(random_lassos(Random(1), ("a", "b"), 25))


def few(count: int) -> settings:
    return settings(deadline=None, max_examples=count, suppress_health_check=[HealthCheck.too_slow])


@few(40)
@given(formulas(max_leaves=6))
def test_the_future_on_lassos(formula: Formula) -> None:
    laws.agrees_on_lassos(deterministic, formula, ("a", "b"), AB)
    laws.is_deterministic(deterministic(formula, ("a", "b")), valuations("ab"))


@few(40)
@given(formulas(max_leaves=6, past=True))
def test_the_past_on_lassos(formula: Formula) -> None:
    laws.agrees_on_lassos(deterministic, formula, ("a", "b"), AB)
    laws.is_deterministic(deterministic(formula, ("a", "b")), valuations("ab"))


@few(20)
@given(formulas(max_leaves=5, past=True))
def test_no_lasso_separates_the_two_translations(formula: Formula) -> None:
    assert separating_lasso(to_buchi(formula, ("a", "b")), deterministic(formula, ("a", "b"))) is None


def test_trees_and_breakpoints_on_random_automata() -> None:
    rng = Random(7)
    weak = 0
    for _ in range(40):
        automaton = random_buchi(rng)
        words = accepted(automaton)
        small = reduced(graph(automaton))
        trees = determinised(one_set(small))
        assert trees.deterministic
        assert accepted(value(trees)) == words
        assert accepted(value(cleaned(trees))) == words
        assert accepted(value(cleaned(complement(trees)))) == [not yes for yes in words]
        accepting = accepting_states(small)
        if accepting is not None:
            weak += 1
            assert accepted(value(breakpoints(small, accepting))) == [not yes for yes in words]
        found = weak_deterministic(small, lambda trees=trees: complement(trees), sure=False)
        if found is not None:
            assert accepted(value(found)) == words
    assert weak > 10


@few(40)
@given(formulas(max_leaves=5, past=True))
def test_weak_automata_are_minimal(formula: Formula) -> None:
    """Any two states are told apart by a lasso."""
    omega = deterministic(formula, ("a", "b"))
    states = range(len(omega.edges))
    if accepting_states(graph(omega)) is None or len(states) > 6:
        return
    for one in states:
        for other in range(one):
            left, right = (Omega(omega.propositions, q, omega.edges, omega.acceptance) for q in (one, other))
            assert separating_lasso(left, right) is not None, (one, other)


@few(60)
@given(formulas(max_leaves=6, past=True))
def test_what_is_said_to_be_an_obligation_is_weak(formula: Formula) -> None:
    form = endless(formula)
    if is_obligation(form):
        buchi = reduced(generalised_buchi(form, ("a", "b"), table()))
        other = reduced(generalised_buchi(endless(parse_formula("true")), ("a", "b"), buchi.table))
        found = weak_deterministic(buchi, lambda: other, sure=True)
        assert found is not None
        assert accepting_states(found) is not None
        assert accepted(value(found), AB) == accepted(to_buchi(formula, ("a", "b")), AB)


FG_OR_GF = Any((Inf(0), Fin(1)))
SIZES: list[tuple[str, int, Acceptance]] = [
    ("true", 1, All(())),
    ("false", 1, All(())),
    ("a", 2, All(())),
    ("G a", 1, All(())),
    ("F a", 2, Inf(0)),
    ("a U b", 2, Inf(0)),
    ("!a W b", 2, All(())),
    ("G F a", 1, Inf(0)),
    ("F G a", 1, Fin(0)),
    ("G(a -> F b)", 2, Inf(0)),
    ("G(a -> X b)", 2, All(())),
    ("G(a -> (b U c))", 2, Inf(0)),
    ("G(a -> O b)", 2, All(())),
    ("G(a -> Y(!b S c))", 2, All(())),
    ("G(a -> F(b & O c))", 4, Inf(0)),
    ("G F(a & X b)", 2, Inf(0)),
    ("F G(a | X b)", 2, Fin(0)),
    ("F(a & X X X b)", 9, Inf(0)),
    ("G F a | F G b", 1, FG_OR_GF),
    ("G F a -> G F b", 1, Any((Fin(0), Inf(1)))),
    ("G(a -> F G b)", 2, Any((Fin(0), Fin(1)))),
    ("G(opened -> F closed) & G(closed -> !X closed)", 3, Inf(0)),
    ("G(a -> F b) & G(c -> F d)", 4, All((Inf(0), Inf(1)))),
    ("(G F a & G F b) -> G F c", 1, Any((Fin(0), Fin(1), Inf(2)))),
    ("G(a -> F b) & G(c -> F d) & G(e -> F f) & G(g -> F h)", 16, All((Inf(0), Inf(1), Inf(2), Inf(3)))),
]


@pytest.mark.parametrize(("text", "states", "acceptance"), SIZES)
def test_sizes(text: str, states: int, acceptance: Acceptance) -> None:
    omega = deterministic(parse_formula(text))
    assert len(omega.edges) == states
    assert omega.acceptance == acceptance or _alike(omega.acceptance, acceptance)


@pytest.mark.parametrize(
    ("text", "states"), [("F(b & G F a | X G b)", 3), ("a U G(b | X F a)", 3), ("G F (a U X b) <-> G F c", 1)]
)
def test_states_of_equal_languages_are_entered_once(text: str, states: int) -> None:
    assert len(deterministic(parse_formula(text)).edges) == states


def _alike(one: Acceptance, two: Acceptance) -> bool:
    """Equal but for the order of the parts and the numbers of the marks."""

    def shape(acceptance: Acceptance) -> object:
        if isinstance(acceptance, Inf | Fin):
            return type(acceptance).__name__
        return type(acceptance).__name__, sorted(str(shape(part)) for part in acceptance.parts)

    return shape(one) == shape(two)


def test_a_formula_that_only_trees_determinise() -> None:
    """Neither it nor its negation has a weak automaton."""
    formula = parse_formula("G((a & X F b) | (c U G d))")
    omega = deterministic(formula)
    laws.agrees_on_lassos(deterministic, formula, omega.propositions, random_lassos(Random(3), omega.propositions, 100))


def test_parity_reads_the_trees() -> None:
    """An automaton that guesses, and no formula: the result is a parity automaton."""
    automaton = to_buchi(parse_formula("F G a | F G b"))
    assert isinstance(automaton, Buchi)
    trees = determinised(one_set(graph(automaton)))
    priorities = 1 + max(trees.acceptance.marks())
    assert trees.acceptance == parity_min_even(priorities)
    assert separating_lasso(automaton, value(trees)) is None
