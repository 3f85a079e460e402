"""Formulas over infinite words to Büchi automata, against the meaning on lassos and against finite words that end."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from agentspec import limits
from agentspec.automata.buchi import from_dfa
from agentspec.automata.emptiness import separating_lasso
from agentspec.automata.expansion import generalised_buchi
from agentspec.automata.omega_graph import Graph
from agentspec.automata.reduce import reduced, simulation
from agentspec.automata.safra import one_set
from agentspec.automata.translate import translate
from agentspec.automata.translate_omega import deterministic, to_buchi
from agentspec.errors import TooLarge
from agentspec.logic.endless import endless
from agentspec.logic.formula import Always, Atom, Formula, Next, Not, Since, Until, WeakNext, WeakUntil, subformulas
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds_on_lasso
from agentspec.logic.until_end import until_end
from tests.automata import laws
from tests.automata.random_omega import accepted, graph, random_buchi, random_lassos, table, value
from tests.logic.strategies import all_lassos, formulas

AB = tuple(all_lassos("ab", 2)) + tuple(random_lassos(Random(1), ("a", "b"), 25))
ABC = tuple(random_lassos(Random(2), ("a", "b", "c"), 50))


def few(count: int) -> settings:
    return settings(deadline=None, max_examples=count, suppress_health_check=[HealthCheck.too_slow])


@few(50)
@given(formulas(max_leaves=6))
def test_the_future_on_lassos(formula: Formula) -> None:
    laws.agrees_on_lassos(to_buchi, formula, ("a", "b"), AB)


@few(50)
@given(formulas(max_leaves=6, past=True))
def test_the_past_on_lassos(formula: Formula) -> None:
    laws.agrees_on_lassos(to_buchi, formula, ("a", "b"), AB)


@few(40)
@given(formulas(("a", "b", "c"), max_leaves=8, past=True))
def test_three_propositions(formula: Formula) -> None:
    laws.agrees_on_lassos(to_buchi, formula, ("c", "a", "b"), ABC)


@few(40)
@given(formulas(max_leaves=6, past=True))
def test_a_formula_and_its_negation_share_the_words(formula: Formula) -> None:
    one, other = to_buchi(formula, ("a", "b")), to_buchi(Not(formula), ("a", "b"))
    for prefix, loop in AB:
        assert one.accepts(prefix, loop) != other.accepts(prefix, loop)


@few(40)
@given(formulas(max_leaves=6, past=True))
def test_rewriting_for_infinite_words_keeps_the_meaning(formula: Formula) -> None:
    rewritten = endless(formula)
    for prefix, loop in AB:
        for position in range(3):
            assert holds_on_lasso(rewritten, prefix, loop, position) == holds_on_lasso(formula, prefix, loop, position)
    assert not any(isinstance(node, WeakNext) for node in subformulas(rewritten))


@few(40)
@given(formulas(max_leaves=6, past=True))
def test_finite_words_are_those_that_end(formula: Formula) -> None:
    """The minimal DFA, with ``end`` for ever after its words, and the formula said of w·end^ω: no lasso separates."""
    finite = from_dfa(translate(formula, ("a", "b")))
    assert separating_lasso(to_buchi(until_end(formula), ("a", "b", "end")), finite) is None


@pytest.mark.parametrize(
    "text", ["!last", "last", "X !a", "N a", "F last", "G(a -> X !b)", "a U X !b", "X a R b", "Y true"]
)
def test_the_last_position_of_finite_words(text: str) -> None:
    formula = parse_formula(text)
    finite = from_dfa(translate(formula, ("a", "b")))
    assert separating_lasso(to_buchi(until_end(formula), ("a", "b", "end")), finite) is None


@pytest.mark.parametrize(
    "text",
    [
        "F(a & G F b)",
        "F(a | F G b)",
        "G(a | F G b)",
        "G(a & G F b)",
        "a U (b & G F a)",
        "a U (b | G F !a)",
        "a R (b | F G a)",
        "a R (b & G F b)",
        "X(G F a & F G b)",
        "G(a -> (b U (a & (G F b | F G a))))",
        "O(a & G F b)",
    ],
)
def test_what_holds_everywhere_or_nowhere(text: str) -> None:
    formula = parse_formula(text)
    for translation in (to_buchi, deterministic):
        laws.agrees_on_lassos(translation, formula, ("a", "b"), AB)
    for prefix, loop in AB:
        assert holds_on_lasso(endless(formula), prefix, loop, 1) == holds_on_lasso(formula, prefix, loop, 1)


def test_reductions_keep_the_language() -> None:
    rng = Random(4)
    for _ in range(50):
        automaton = random_buchi(rng, 5)
        words = accepted(automaton)
        small = reduced(graph(automaton))
        assert accepted(value(small)) == words
        assert len(small.roots) <= len(automaton.edges)
        assert accepted(value(one_set(graph(automaton)))) == words


def test_simulation_is_inclusion() -> None:
    rng = Random(5)
    found = 0
    for _ in range(25):
        automaton = graph(random_buchi(rng))
        for one, two in simulation(automaton):
            if one != two:
                found += 1
                left, right = (accepted(value(_from(automaton, q))) for q in (one, two))
                assert all(b for a, b in zip(left, right, strict=True) if a)
    assert found > 10


def _from(automaton: Graph, initial: int) -> Graph:
    return Graph(automaton.table, automaton.names, automaton.roots, initial, automaton.acceptance)


@pytest.mark.parametrize(
    ("text", "states", "sets", "deterministic"),
    [
        ("true", 1, 0, True),
        ("false", 1, 0, True),
        ("last", 1, 0, True),
        ("a", 2, 0, True),
        ("G a", 1, 0, True),
        ("F a", 2, 1, True),
        ("G F a", 1, 1, True),
        ("F G a", 2, 1, False),
        ("a U b", 2, 1, True),
        ("X X a", 4, 0, True),
        ("G(a -> F b)", 2, 1, True),
        ("G(a -> (b U c))", 2, 1, True),
        ("G F a & G F b", 1, 2, True),
        ("G F a -> G F b", 4, 1, False),
        ("G(a -> F b) & G(c -> F d)", 4, 2, True),
        ("G(a -> Y(!b S c))", 2, 0, True),
        ("F(a & X X X b)", 5, 1, False),
    ],
)
def test_sizes(text: str, states: int, sets: int, deterministic: bool) -> None:
    automaton = to_buchi(parse_formula(text))
    found = (len(automaton.edges), automaton.sets, automaton.deterministic)
    assert found == (states, sets, deterministic)


def test_the_result_does_not_depend_on_the_order_of_operands_in_memory() -> None:
    text = "G(a -> F b) & (c S a | O(b & X c)) U G F c"
    assert to_buchi(parse_formula(text)) == to_buchi(parse_formula(text))


@pytest.mark.parametrize(
    "formula",
    [
        parse_formula(" & ".join(f"F(p{i} & X q{i})" for i in range(14))),
        parse_formula("F(" + " & ".join(f"X[{i}] p{i}" for i in range(1, 40)) + ")"),
        parse_formula("G F(a & X[30] b)"),
    ],
)
@pytest.mark.parametrize("translation", [to_buchi, deterministic])
def test_what_is_too_large_is_refused_in_time(
    translation: Callable[..., object], formula: Formula, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OMEGA_SECONDS", 0.3)
    began = time.monotonic()
    try:
        translation(formula, name="rule 'big'")
    except TooLarge as problem:
        assert problem.message.startswith("rule 'big': ")  # noqa: PT017 - it may be translated as well
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("operator", [Until, WeakUntil, Since])
def test_deep_nesting_ends(operator: Callable[..., Formula], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OMEGA_SECONDS", 0.2)
    formula: Formula = Atom("a")
    for i in range(500):
        formula = operator(Atom("ab"[i % 2]), Next(formula))
    with pytest.raises(TooLarge, match=r"^deep: .*; state it as several rules"):
        to_buchi(Always(formula), name="deep")


def test_propositions_are_kept_in_their_order() -> None:
    assert to_buchi(parse_formula("F b"), ("c", "b", "a")).propositions == ("c", "b", "a")
    assert generalised_buchi(parse_formula("b"), ("a", "b"), table()).names == ("a", "b")
