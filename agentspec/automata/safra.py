"""Deterministic automata from nondeterministic Büchi ones: breakpoints where that is enough, else Safra's trees.

Trees are those of Safra (FOCS 1988), their nodes numbered by age so that the result is a parity automaton (Piterman,
"From nondeterministic Büchi and Streett automata to deterministic parity automata", 2007), with acceptance on the
transitions (Schewe, "Tighter bounds for the determinisation of Büchi automata", 2009). Breakpoints are those of Miyano
& Hayashi (1984).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from agentspec.automata.acceptance import Inf, joined, parity_min_even, shifted
from agentspec.automata.fair import alive
from agentspec.automata.omega_graph import NONE, Graph, Marks, Move, completed, explored, negated
from agentspec.automata.reduce import reachable

MARKED = frozenset({0})
States = frozenset[int]
Tree = tuple[tuple[int, States], ...]
"""The parent and the label of each node, the oldest first; the root is its own parent."""


def one_set(graph: Graph) -> Graph:
    """The same language with the acceptance ``Inf(0)``, given a conjunction of ``Inf(0) .. Inf(k - 1)``.

    The sets are awaited one after the other (Gastin & Oddoux 2001), from the first again in each component.
    """
    sets = len(graph.acceptance.marks())
    if sets == 1:
        return graph
    if sets == 0:
        return graph.changed(lambda _, leaf: frozenset((t, MARKED) for t, _ in leaf), acceptance=Inf(0))
    component = graph.component

    def expand(key: tuple[int, int]) -> int:
        q, awaited = key

        def change(leaf: frozenset[Move]) -> frozenset[tuple[tuple[int, int], Marks]]:
            found = set()
            for t, marks in leaf:
                level, met = awaited, NONE
                if component[t] != component[q]:
                    level = 0
                else:
                    while level < sets and level in marks:
                        level += 1
                    if level == sets:
                        level, met = 0, MARKED
                        while level < sets - 1 and level in marks and not marks >= graph.acceptance.marks():
                            level += 1
                found.add(((t, level), met))
            return frozenset(found)

        return graph.table.apply(change, (graph.roots[q],))

    found, _ = explored(graph.table, graph.names, (graph.initial, 0), expand, Inf(0))
    return found


def breakpoints(graph: Graph, accepting: States) -> Graph:
    """A deterministic Büchi automaton of the words that a weak one rejects; ``accepting`` are the states of its parts.

    A state is the set of those reached, and of those the ones that have stayed in ``accepting`` since the last
    breakpoint: when there are none, there is a mark.
    """
    table = graph.table

    def expand(key: tuple[States, States]) -> int:
        here, staying = key

        def change(*leaves: frozenset[Move]) -> frozenset[tuple[tuple[States, States], Marks]]:
            after = frozenset(t for leaf in leaves for t, _ in leaf)
            on = frozenset(
                t
                for q, leaf in zip(sorted(here), leaves, strict=True)
                if q in staying
                for t, _ in leaf
                if t in accepting
            )
            return frozenset({((after, on), NONE) if on else ((after, after & accepting), MARKED)})

        if not here:
            return table.leaf(change())
        return table.apply(change, [graph.roots[q] for q in sorted(here)])

    start = frozenset({graph.initial})
    found, keys = explored(table, graph.names, (start, start & accepting), expand, Inf(0))
    return redirected(found, [key[0] for key in keys])


def determinised(graph: Graph) -> Graph:
    """A deterministic parity automaton (the least mark seen for ever is even) of a graph with acceptance ``Inf(0)``."""
    table = graph.table

    def expand(tree: Tree) -> int:
        states = sorted(tree[0][1])

        def change(*leaves: frozenset[Move]) -> frozenset[tuple[Tree, Marks]]:
            grown = _grown(tree, dict(zip(states, leaves, strict=True)))
            return frozenset() if grown is None else frozenset({grown})

        return table.apply(change, [graph.roots[q] for q in states])

    start: Tree = ((0, frozenset({graph.initial})),)
    found, trees = explored(table, graph.names, start, expand, Inf(0))
    priorities = frozenset[int]().union(*[marks for moves in found.moves for _, marks in moves])
    parity = found.with_acceptance(parity_min_even(1 + max(priorities, default=-1)))
    return redirected(parity, [tree[0][1] for tree in trees])


def _grown(tree: Tree, moves: dict[int, frozenset[Move]]) -> tuple[Tree, Marks] | None:
    """The tree after one letter and the priority of the step; None where no state is left."""
    old = len(tree)
    parents = [parent for parent, _ in tree] + list(range(old))
    labels = [{t for q in label for t, _ in moves[q]} for _, label in tree]
    labels += [{t for q in label for t, marks in moves[q] if marks} for _, label in tree]
    below: list[set[int]] = [set() for _ in labels]
    for node in range(1, 2 * old):
        parent = parents[node]
        labels[node] = (labels[node] & labels[parent]) - below[parent]
        below[parent] |= labels[node]
    if not labels[0]:
        return None
    good = [bool(label) and label == under for label, under in zip(labels, below, strict=True)]
    kept = [True]
    for node in range(1, 2 * old):
        parent = parents[node]
        kept.append(bool(labels[node]) and kept[parent] and not good[parent])
    place: dict[int, int] = {}
    for node in range(2 * old):
        if kept[node]:
            place[node] = len(place)
    after = tuple((place[parents[node]], frozenset(labels[node])) for node in place)
    least_good = next((node for node in range(old) if kept[node] and good[node]), old)
    least_gone = next((node for node in range(old) if not kept[node]), old)
    if least_good < least_gone:
        return after, frozenset({2 * least_good})
    return after, frozenset({2 * least_gone - 1}) if least_gone < old else NONE


def redirected(graph: Graph, languages: Sequence[Hashable]) -> Graph:
    """Of states with equal entries in ``languages`` (which must have equal languages) the one furthest on is entered.

    Only moves between components change, towards lower ones, so that what a run meets for ever does not.
    """
    best: dict[Hashable, int] = {}
    for q in graph.states:
        other = best.setdefault(languages[q], q)
        if graph.component[q] < graph.component[other]:
            best[languages[q]] = q
    image = [
        best[languages[q]] if graph.component[best[languages[q]]] < graph.component[q] else q for q in graph.states
    ]
    if image == list(graph.states):
        return graph
    found = graph.changed(lambda _, leaf: frozenset((image[t], marks) for t, marks in leaf))
    return reachable(Graph(found.table, found.names, found.roots, image[graph.initial], found.acceptance))


def language_classes(graph: Graph) -> list[int]:
    """A number for each state of a deterministic graph, equal just where the languages are."""
    full = completed(graph)
    size, table = len(full.roots), full.table
    shift = 1 + max(full.acceptance.marks(), default=-1)
    only_first = joined([full.acceptance, negated(shifted(full.acceptance, shift))], every=True)

    def both(one: frozenset[Move], two: frozenset[Move]) -> frozenset[Move]:
        return frozenset((p * size + q, m | {i + shift for i in n}) for p, m in one for q, n in two)

    known: dict[tuple[int, ...], int] = {}
    roots = tuple(table.apply(both, (p, q), known) for p in full.roots for q in full.roots)
    differ = alive(Graph(table, full.names, roots, 0, only_first).moves, only_first)

    def alike(p: int, q: int) -> bool:
        return p * size + q not in differ and q * size + p not in differ

    return [min(q for q in graph.states if alike(p, q)) for p in graph.states]
