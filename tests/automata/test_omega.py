"""Deterministic automata of infinite words and their conditions, against their definitions."""

from __future__ import annotations

from itertools import chain, combinations
from random import Random

import pytest

from agentspec.automata.acceptance import All, Any, Fin, Inf, generalized_buchi, joined, parity_min_even, shifted
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.fair import settled
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.omega_graph import complement, graph_of, negated, product
from agentspec.automata.reduce import merged, plain_marks, trimmed
from tests.automata.random_omega import ONE, accepted, graph, random_condition, random_omega, value

SEEN = [frozenset(chosen) for size in range(5) for chosen in combinations(range(4), size)]


def test_conditions_mean_what_they_say() -> None:
    condition = All((Inf(0), Any((Fin(1), Inf(2)))))
    for seen in SEEN:
        assert condition.accepts(seen) == (0 in seen and (1 not in seen or 2 in seen))
    assert condition.marks() == {0, 1, 2}
    assert All(()).accepts(frozenset())
    assert not Any(()).accepts(frozenset({0}))


@pytest.mark.parametrize("priorities", range(5))
def test_parity_is_about_the_least_mark(priorities: int) -> None:
    condition = parity_min_even(priorities)
    for seen in SEEN:
        inside = [mark for mark in seen if mark < priorities]
        assert condition.accepts(seen) == (bool(inside) and min(inside) % 2 == 0), seen


def test_conditions_rewritten() -> None:
    rng = Random(1)
    for _ in range(100):
        one, two = random_condition(rng, 4, 3), random_condition(rng, 4, 3)
        for seen in SEEN:
            assert negated(one).accepts(seen) != one.accepts(seen)
            assert shifted(one, 3).accepts(frozenset(mark + 3 for mark in seen)) == one.accepts(seen)
            assert joined([one, two], every=True).accepts(seen) == (one.accepts(seen) and two.accepts(seen))
            assert joined([one, two], every=False).accepts(seen) == (one.accepts(seen) or two.accepts(seen))
            assert settled(one, {0: 0 in seen, 2: 2 in seen}).accepts(seen) == one.accepts(seen)
    assert generalized_buchi(1) == Inf(0)
    assert generalized_buchi(2) == All((Inf(0), Inf(1)))


def test_step_takes_the_one_transition_there_is() -> None:
    a, not_a = Letter(frozenset("a")), Letter(frozenset(), frozenset("a"))
    omega = Omega(("a", "b"), 0, ((Edge(a, 1, frozenset({0})), Edge(not_a, 0)), ()), Inf(0))
    assert omega.step(0, {"a", "b"}) == Edge(a, 1, frozenset({0}))
    assert omega.step(0, frozenset("b")) == Edge(not_a, 0)
    assert omega.step(1, ["a"]) is None
    assert not omega.accepts([{"a"}], [set()])
    with pytest.raises(ValueError, match="loop"):
        omega.accepts([{"a"}], [])
    with pytest.raises(ValueError, match="loop"):
        Buchi(("a",), 0, 0, ((),)).accepts([{"a"}], [])


def test_a_long_walk_meets_what_accepts_says() -> None:
    """After so many rounds that states have returned, the marks of the last ones are those seen for ever."""
    rng = Random(2)
    for _ in range(100):
        omega = random_omega(rng)
        for prefix, loop in rng.sample(ONE, 20):
            state, met, stuck = omega.initial, frozenset[int](), False
            rounds = len(omega.edges)
            for i, valuation in enumerate(chain(prefix, *[loop] * (rounds + rounds))):
                edge = omega.step(state, valuation)
                if edge is None:
                    stuck = True
                    break
                state = edge.target
                if i >= len(prefix) + rounds * len(loop):
                    met |= edge.marks
            # after `rounds` rounds the walk is on its cycle; `rounds` more pass through all of it
            assert omega.accepts(prefix, loop) == (not stuck and omega.acceptance.accepts(met))


def test_boolean_operations_and_reductions() -> None:
    rng = Random(3)
    for _ in range(60):
        one, two = random_omega(rng), random_omega(rng)
        first, second = accepted(one), accepted(two)
        left = graph(one)
        assert accepted(value(complement(left))) == [not yes for yes in first]
        for small in (trimmed, merged, plain_marks):
            assert accepted(value(small(left))) == first, small
        both = product(left, graph_of(two, left.table, left.names), every=True)
        assert accepted(value(both)) == [a and b for a, b in zip(first, second, strict=True)]
