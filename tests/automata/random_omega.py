"""Random Büchi automata, and lassos in plenty, for tests of what is done to automata of infinite words."""

from __future__ import annotations

from random import Random

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.effort import Effort
from agentspec.automata.letter import Letter
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega import Omega
from agentspec.automata.omega_graph import Graph, edges_of, graph_of
from tests.logic.strategies import Lasso, Word, all_lassos

LETTERS = (Letter(frozenset(), frozenset("a")), Letter(frozenset("a")))
ONE = tuple(all_lassos("a", 4))


def table() -> Mtbdd:
    return Mtbdd(Effort("test", 5_000, 400_000, 20.0))


def random_buchi(rng: Random, most: int = 4) -> Buchi:
    """Over the proposition a, with up to two acceptance sets; states that nothing reaches or leaves may be there."""
    states, sets, density = rng.randint(1, most), rng.choice((0, 1, 1, 1, 2)), rng.choice((0.3, 0.5, 0.7))
    edges = [
        [
            Edge(letter, target, frozenset(i for i in range(sets) if rng.random() < 0.35))
            for letter in LETTERS
            for target in range(states)
            if rng.random() < density
        ]
        for _ in range(states)
    ]
    return Buchi(("a",), 0, sets, tuple(map(tuple, edges)))


def random_omega(rng: Random, most: int = 4, marks: int = 3) -> Omega:
    """Deterministic, over the proposition a, with any condition."""
    states = rng.randint(1, most)
    edges = [
        [
            Edge(letter, rng.randrange(states), frozenset(i for i in range(marks) if rng.random() < 0.35))
            for letter in LETTERS
            if rng.random() < 0.9
        ]
        for _ in range(states)
    ]
    return Omega(("a",), 0, tuple(map(tuple, edges)), random_condition(rng, marks, 3))


def random_condition(rng: Random, marks: int, depth: int) -> Acceptance:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice((Inf, Fin))(rng.randrange(marks))
    parts = tuple(random_condition(rng, marks, depth - 1) for _ in range(rng.randint(1, 3)))
    return rng.choice((All, Any))(parts)


def graph(automaton: Buchi | Omega) -> Graph:
    return graph_of(automaton, table(), automaton.propositions)


def value(found: Graph) -> Buchi | Omega:
    """As an Omega where it is deterministic, else as a Buchi."""
    initial, edges = edges_of(found)
    if found.deterministic:
        return Omega(found.names, initial, edges, found.acceptance)
    return Buchi(found.names, initial, len(found.acceptance.marks()), edges)


def accepted(automaton: Buchi | Omega, lassos: tuple[Lasso, ...] = ONE) -> list[bool]:
    return [automaton.accepts(prefix, loop) for prefix, loop in lassos]


def random_lassos(rng: Random, names: tuple[str, ...], count: int) -> list[Lasso]:
    """Prefixes of up to 4 letters and loops of up to 4."""

    def word(length: int) -> Word:
        return tuple(frozenset(name for name in names if rng.random() < 0.5) for _ in range(length))

    return [(word(rng.randint(0, 4)), word(rng.randint(1, 4))) for _ in range(count)]
