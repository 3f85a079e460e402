"""Emptiness, intersection, inclusion and equality: a lasso is a proof, and where there is none there is none."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings

from agentspec import limits
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.emptiness import (
    Lasso,
    accepted_lasso,
    counterexample,
    formula_lasso,
    intersection,
    lasso_outside,
    separating_lasso,
)
from agentspec.automata.letter import Letter
from agentspec.automata.translate_omega import deterministic, to_buchi
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import And, Formula, Not
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds_on_lasso
from tests.automata.random_omega import accepted, random_buchi, random_omega
from tests.logic.strategies import all_lassos, formulas

few = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
AB = tuple(all_lassos("ab", 3))


def test_random_automata() -> None:
    """A lasso is accepted; where there is none, none of up to four letters is."""
    rng = Random(11)
    for _ in range(150):
        for automaton in (random_buchi(rng), random_omega(rng)):
            lasso = accepted_lasso(automaton)
            if lasso is None:
                assert not any(accepted(automaton))
            else:
                assert automaton.accepts(lasso.prefix, lasso.loop)
                assert len(lasso.prefix) < len(automaton.edges)


def test_inclusion_of_random_automata() -> None:
    rng = Random(12)
    included = 0
    for _ in range(40):
        one = rng.choice((random_buchi, random_omega))(rng, 3)
        other = rng.choice((random_buchi, random_omega))(rng, 3)
        lasso = lasso_outside(one, other)
        if lasso is None:
            included += 1
            assert all(b for a, b in zip(accepted(one), accepted(other), strict=True) if a)
        else:
            assert one.accepts(lasso.prefix, lasso.loop)
            assert not other.accepts(lasso.prefix, lasso.loop)
    assert 3 < included < 37


@few
@given(formulas(max_leaves=4, past=True), formulas(max_leaves=4, past=True))
def test_three_ways_to_compare_agree(one: Formula, two: Formula) -> None:
    """The negated formula, the deterministic right side and the determinised one: witnesses really separate."""
    lasso = counterexample(one, two)
    rights = [to_buchi(two, ("a", "b")), deterministic(two, ("a", "b"))]
    for left in (to_buchi(one, ("a", "b")), deterministic(one, ("a", "b"))):
        for right in rights:
            found = lasso_outside(left, right)
            assert (found is None) == (lasso is None)
            if found is not None:
                assert holds_on_lasso(one, found.prefix, found.loop)
                assert not holds_on_lasso(two, found.prefix, found.loop)
    if lasso is None:
        assert all(holds_on_lasso(two, prefix, loop) for prefix, loop in AB[:60] if holds_on_lasso(one, prefix, loop))


@few
@given(formulas(max_leaves=5, past=True), formulas(max_leaves=5))
def test_intersection(one: Formula, two: Formula) -> None:
    both = intersection(to_buchi(one, ("a", "b")), to_buchi(two, ("b", "a")))
    assert both.propositions == ("a", "b")
    for prefix, loop in AB[:60]:
        wanted = holds_on_lasso(one, prefix, loop) and holds_on_lasso(two, prefix, loop)
        assert both.accepts(prefix, loop) == wanted
    assert (accepted_lasso(both) is None) == (formula_lasso(And((one, two))) is None)


@pytest.mark.parametrize(
    ("text", "prefix", "loop"),
    [
        ("F a", 1, 1),
        ("G F a & G F !a", 0, 2),
        ("!a & X !a & G(a -> F b) & F a", 2, 2),
        ("F G a", 0, 1),
        ("Y true", None, None),
        ("G F a & F G !a", None, None),
        ("last", None, None),
    ],
)
def test_witnesses_are_short(text: str, prefix: int | None, loop: int | None) -> None:
    lasso = formula_lasso(parse_formula(text))
    if lasso is None:
        assert prefix is None
    else:
        assert holds_on_lasso(parse_formula(text), lasso.prefix, lasso.loop)
        assert (len(lasso.prefix), len(lasso.loop)) == (prefix, loop)


def test_known_implications() -> None:
    def implies(one: str, two: str) -> bool:
        return counterexample(parse_formula(one), parse_formula(two)) is None

    assert implies("F G a", "G F a")
    assert not implies("G F a", "F G a")
    assert implies("a U b", "F b")
    assert implies("G(a -> X b)", "G(Y a -> b)")
    assert implies("G(Y a -> b)", "G(a -> X b)")
    assert implies("G(a -> O b) & F a", "F b")
    assert separating_lasso(to_buchi(parse_formula("G(b -> O a)")), deterministic(parse_formula("!b W a"))) is None


def test_lassos_as_text() -> None:
    lasso = Lasso((frozenset(),), (frozenset("a"), frozenset("ba")))
    assert str(lasso) == "{} ({a} {a, b})^ω"


def test_letters_of_specs_are_refused() -> None:
    spec = Buchi(("a",), 0, 0, ((Edge(Letter(frozenset("a"), step="a"), 0),),))
    with pytest.raises(InvalidInput, match="steps of a spec"):
        lasso_outside(spec, spec)


def test_what_is_too_large_names_the_culprit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EMPTINESS_STATES", 3)
    with pytest.raises(TooLarge, match=r"^rules: .* more than 3 states"):
        formula_lasso(And((parse_formula("X X X X a"), Not(parse_formula("X X b")))), name="rules")
