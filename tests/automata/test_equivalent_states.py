"""Equivalent states, against Moore's refinement from the definition."""

from __future__ import annotations

import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentspec.automata.partition import equivalent_states

Graph = tuple[list[bool], list[list[tuple[str, int]]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Signatures and partial deterministic moves."""
    states = draw(st.integers(1, 9))
    target = st.integers(0, states - 1)
    moves = st.dictionaries(st.sampled_from("abc"), target, max_size=3).map(lambda found: list(found.items()))
    return (
        draw(st.lists(st.booleans(), min_size=states, max_size=states)),
        draw(st.lists(moves, min_size=states, max_size=states)),
    )


def refined(signatures: list[bool], edges: list[list[tuple[str, int]]]) -> set[frozenset[int]]:
    """Split by signature, then by where each label leads, until nothing is split."""
    states = range(len(edges))
    key: list[object] = list(signatures)
    while True:
        finer: list[object] = [(key[q], frozenset((a, key[t]) for a, t in edges[q])) for q in states]
        if len(set(finer)) == len(set(key)):
            return {frozenset(q for q in states if key[q] == one) for one in key}
        names = {one: i for i, one in enumerate(dict.fromkeys(finer))}
        key = [names[one] for one in finer]


@settings(deadline=None, max_examples=400)
@given(graphs())
@example(([False, True], [[], []]))
@example(([False, False], [[("a", 0)], []]))
def test_classes_are_those_of_the_definition(graph: Graph) -> None:
    found = equivalent_states(*graph)
    classes = {frozenset(q for q, other in enumerate(found) if other == one) for one in found}
    assert classes == refined(*graph)


def test_a_long_chain_takes_little_time() -> None:
    chain: list[list[tuple[str, int]]] = [[("a", q + 1)] for q in range(20_000)]
    start = time.perf_counter()
    assert len(set(equivalent_states([False] * 20_000 + [True], [*chain, []]))) == 20_001
    assert time.perf_counter() - start < 5
