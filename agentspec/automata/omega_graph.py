"""Automata of infinite words whose moves are decision diagrams: what the constructions of this room work on.

The diagram of a state gives for each valuation the set of moves ``(target, marks)``; a run is accepted if the marks it
meets infinitely often fulfil the acceptance condition.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf, generalized_buchi, joined, shifted
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.components import components
from agentspec.automata.letter import Letter
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega import Omega

Marks = frozenset[int]
Move = tuple[int, Marks]
Key = TypeVar("Key", bound=Hashable)

NONE: Marks = frozenset()


@dataclass(frozen=True, eq=False)
class Graph:
    """States are ``0 .. len(roots) - 1``; the leaves of their diagrams are frozen sets of moves."""

    table: Mtbdd
    names: tuple[str, ...]
    roots: tuple[int, ...]
    initial: int
    acceptance: Acceptance

    @cached_property
    def moves(self) -> tuple[tuple[Move, ...], ...]:
        """The moves of each state, whatever the valuation, each once."""
        return tuple(tuple(dict.fromkeys(m for leaf in self.leaves(q) for m in ordered(leaf))) for q in self.states)

    def leaves(self, state: int) -> list[frozenset[Move]]:
        """The different sets of moves of a state."""
        return self.table.leaves(self.roots[state])

    @property
    def states(self) -> range:
        """All states."""
        return range(len(self.roots))

    @cached_property
    def deterministic(self) -> bool:
        """Whether no valuation has two moves."""
        return all(len(leaf) < 2 for q in self.states for leaf in self.leaves(q))

    @cached_property
    def component(self) -> tuple[int, ...]:
        """The strongly connected component of each state; a move never leads to a component of a higher number."""
        return components([[target for target, _ in moves] for moves in self.moves])

    def step(self, state: int, true: frozenset[int]) -> frozenset[Move]:
        """The moves of a state where exactly the propositions of these ranks hold."""
        found: frozenset[Move] = self.table.at(self.roots[state], true)
        return found

    def changed(
        self, change: Callable[[int, frozenset[Move]], frozenset[Move]], acceptance: Acceptance | None = None
    ) -> Graph:
        """The same states with other moves: ``change(state, moves)`` for each set of them."""
        roots = tuple([self.table.apply(lambda leaf, q=q: change(q, leaf), (self.roots[q],)) for q in self.states])
        return Graph(self.table, self.names, roots, self.initial, self.acceptance if acceptance is None else acceptance)

    def with_acceptance(self, acceptance: Acceptance) -> Graph:
        """The same moves with another condition."""
        return Graph(self.table, self.names, self.roots, self.initial, acceptance)


def ordered(leaf: frozenset[Move]) -> list[Move]:
    """The moves in an order that does not depend on how they are stored."""
    return sorted(leaf, key=lambda m: (m[0], sorted(m[1]))) if len(leaf) > 1 else list(leaf)


def explored(
    table: Mtbdd, names: tuple[str, ...], start: Key, expand: Callable[[Key], int], acceptance: Acceptance
) -> tuple[Graph, list[Key]]:
    """The graph of what can be reached from ``start``, and the key of each state.

    ``expand(key)`` is a diagram whose leaves are frozen sets of (key, marks). Raises TooLarge as the table's effort.
    """
    number = {start: 0}
    queue = [start]
    roots: list[int] = []

    def numbered(leaf: frozenset[tuple[Key, Marks]]) -> frozenset[Move]:
        for key, _ in leaf:
            if key not in number:
                number[key] = len(queue)
                queue.append(key)
                table.effort.reached(len(queue))
        return frozenset([(number[key], marks) for key, marks in leaf])

    known: dict[tuple[int, ...], int] = {}
    for key in queue:
        table.effort.spent(len(table.rank))
        roots.append(table.apply(numbered, (expand(key),), known))
    return Graph(table, names, tuple(roots), 0, acceptance), queue


def product(one: Graph, two: Graph, *, every: bool) -> Graph:
    """The words of both (``every``) or of either; for either, both must be complete and deterministic."""
    shift = 1 + max(one.acceptance.marks(), default=-1)
    used = one.acceptance.marks()

    def both(a: frozenset[Move], b: frozenset[Move]) -> frozenset[tuple[tuple[int, int], Marks]]:
        return frozenset(((p, q), (m & used) | {i + shift for i in n}) for p, m in a for q, n in b)

    known: dict[tuple[int, ...], int] = {}
    condition = joined([one.acceptance, shifted(two.acceptance, shift)], every=every)
    graph, _ = explored(
        one.table,
        one.names,
        (one.initial, two.initial),
        lambda pair: one.table.apply(both, (one.roots[pair[0]], two.roots[pair[1]]), known),
        condition,
    )
    return graph


def completed(graph: Graph) -> Graph:
    """The same language with a move for every valuation."""
    if all(leaf for q in graph.states for leaf in graph.leaves(q)):
        return graph
    sink, marks, acceptance = len(graph.roots), NONE, graph.acceptance
    if acceptance.accepts(NONE):
        used = acceptance.marks()
        fresh = 1 + max(used, default=-1)
        marks, acceptance = frozenset({fresh}), joined([acceptance, Fin(fresh)], every=True)
        graph = graph.changed(lambda _, leaf: frozenset((t, m & used) for t, m in leaf))
    to_sink = frozenset({(sink, marks)})
    full = graph.changed(lambda _, leaf: leaf or to_sink)
    return Graph(graph.table, graph.names, (*full.roots, graph.table.leaf(to_sink)), graph.initial, acceptance)


def complement(graph: Graph) -> Graph:
    """The words that a deterministic graph rejects."""
    full = completed(graph)
    return full.with_acceptance(negated(full.acceptance))


def negated(acceptance: Acceptance) -> Acceptance:
    """The condition that is fulfilled where this one is not."""
    match acceptance:
        case Inf(mark):
            return Fin(mark)
        case Fin(mark):
            return Inf(mark)
        case All(parts):
            return Any(tuple(negated(part) for part in parts))
        case Any(parts):
            return All(tuple(negated(part) for part in parts))


def graph_of(automaton: Buchi | Omega, table: Mtbdd, names: tuple[str, ...]) -> Graph:
    """The graph of an automaton whose letters are cubes of propositions; ``names`` must hold all of these."""
    rank = {name: i for i, name in enumerate(names)}
    empty = table.leaf(frozenset())
    known: dict[tuple[int, ...], int] = {}
    roots: list[int] = []
    for edges in automaton.edges:
        root = empty
        for edge in edges:
            cube = table.leaf(frozenset({(edge.target, edge.marks)}))
            literals = [(rank[name], name in edge.letter.true) for name in edge.letter.true | edge.letter.false]
            for r, sign in sorted(literals, reverse=True):
                cube = table.node(r, empty, cube) if sign else table.node(r, cube, empty)
            root = table.apply(frozenset.union, (root, cube), known)
        roots.append(root)
    acceptance = generalized_buchi(automaton.sets) if isinstance(automaton, Buchi) else automaton.acceptance
    return Graph(table, names, tuple(roots), automaton.initial, acceptance)


def edges_of(graph: Graph) -> tuple[int, tuple[tuple[Edge, ...], ...]]:
    """The initial state and the transitions as cubes, states numbered breadth first. Raises TooLarge past a limit."""
    table, names = graph.table, graph.names
    place = {graph.initial: 0}
    queue = [graph.initial]
    found: list[tuple[Edge, ...]] = []
    count, most = 0, limits.OMEGA_EDGES
    for state in queue:
        edges: list[Edge] = []
        for move in graph.moves[state]:
            if move[0] not in place:
                place[move[0]] = len(queue)
                queue.append(move[0])
            enabled = table.apply(lambda leaf, move=move: move in leaf, (graph.roots[state],))
            for true, false, value in table.paths(enabled):
                if value:
                    letter = Letter(frozenset(names[r] for r in true), frozenset(names[r] for r in false))
                    edges.append(Edge(letter, place[move[0]], move[1]))
                    count += 1
                    if count > most:
                        raise table.effort.refusal(f"its transitions come to more than {most} cubes")
        found.append(tuple(edges))
    return 0, tuple(found)
