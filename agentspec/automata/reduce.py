"""Smaller automata of the same infinite words.

States from which nothing is accepted go, marks that decide nothing go (both by strongly connected components: Couvreur
1999; Somenzi & Bloem 2000), states with equal moves become one, and so do states that simulate each other; of two moves
the one whose target is simulated by the other's goes (Etessami & Holzmann 2000; Somenzi & Bloem 2000).
"""

from __future__ import annotations

from itertools import combinations

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf, generalized_buchi, joined
from agentspec.automata.fair import alive, settled, strong_parts
from agentspec.automata.omega_graph import NONE, Graph, Marks, Move, explored


def reduced(graph: Graph) -> Graph:
    """A smaller automaton of the same language; the acceptance is and stays a conjunction of ``Inf``."""
    small = merged(tidied(trimmed(graph), across=True))
    if 1 < len(small.roots) ** 2 <= limits.SIMULATION_PAIRS:
        small = trimmed(simulated(small))
    return merged(tidied(small, across=False))


def reachable(graph: Graph) -> Graph:
    """Without the states that are never reached; the others numbered breadth first."""
    found, _ = explored(graph.table, graph.names, graph.initial, lambda q: graph.roots[q], graph.acceptance)
    return found


def trimmed(graph: Graph) -> Graph:
    """Without moves after which nothing is accepted, and without what is not reached."""
    live = alive(graph.moves, graph.acceptance)
    if len(live) == len(graph.roots):
        return reachable(graph)
    return reachable(graph.changed(lambda _, leaf: frozenset(m for m in leaf if m[0] in live)))


def merged(graph: Graph) -> Graph:
    """States whose moves are equal, up to states that are merged, become one (Moore)."""
    table = graph.table
    classes = [0] * len(graph.roots)
    count = 1
    while True:
        known: dict[tuple[int, ...], int] = {}

        def renamed(leaf: frozenset[Move], classes: list[int] = classes) -> frozenset[Move]:
            return frozenset((classes[t], marks) for t, marks in leaf)

        images = [table.apply(renamed, (root,), known) for root in graph.roots]
        numbers: dict[tuple[int, int], int] = {}
        finer = [numbers.setdefault(key, len(numbers)) for key in zip(classes, images, strict=True)]
        if len(numbers) == count:
            break
        classes, count = finer, len(numbers)
    roots = [0] * count
    for q, number in enumerate(classes):
        roots[number] = images[q]
    small = Graph(table, graph.names, tuple(roots), classes[graph.initial], graph.acceptance)
    return reachable(small)


# -- marks ---------------------------------------------------------------------------------------------------------


def tidied(graph: Graph, *, across: bool) -> Graph:
    """As few acceptance sets as each component needs; moves between components have all marks if ``across``."""
    parts = strong_parts({q: list(moves) for q, moves in enumerate(graph.moves)})
    every = graph.acceptance.marks()
    part_of = {q: i for i, part in enumerate(parts) for q in part}
    kept: list[list[int] | None] = []
    full: list[Marks] = []
    for part in parts:
        seen = frozenset[int]().union(*[marks for moves in part.values() for _, marks in moves])
        if not every <= seen:
            kept.append(None)
            full.append(NONE)
            continue
        certain = frozenset(mark for mark in every if not _avoids(part, mark))
        kept.append(_needed(part, sorted(every - certain)))
        full.append(certain)
    count = max([len(marks) for marks in kept if marks is not None], default=0)
    if count == 0 and any(marks is None for marks in kept):
        count = 1
    new = frozenset(range(count))

    def change(q: int, leaf: frozenset[Move]) -> frozenset[Move]:
        found = set()
        for target, marks in leaf:
            i = part_of.get(q)
            own = kept[i] if i is not None else None
            if i is None or part_of.get(target) != i:
                found.add((target, new if across else NONE))
            elif own is None:
                found.add((target, NONE))
            else:
                met = {number for number, mark in enumerate(own) if mark in marks}
                found.add((target, frozenset(met | set(range(len(own), count)))))
        return frozenset(found)

    return graph.changed(change, generalized_buchi(count))


def _avoids(part: dict[int, list[Move]], mark: int) -> bool:
    """Whether a cycle has no move with the mark."""
    return bool(strong_parts({q: [m for m in moves if mark not in m[1]] for q, moves in part.items()}))


def _needed(part: dict[int, list[Move]], marks: list[int]) -> list[int]:
    """The marks without those that every move with some other one has."""
    together: dict[int, list[Marks]] = {
        mark: [met for moves in part.values() for _, met in moves if mark in met] for mark in marks
    }
    kept = list(marks)
    for one, other in combinations(marks, 2):
        for needless, enough in ((one, other), (other, one)):
            if needless in kept and enough in kept and all(needless in met for met in together[enough]):
                kept.remove(needless)
    return kept


def plain_marks(graph: Graph) -> Graph:
    """Any condition, said with as few marks as can be seen to matter, numbered from 0; needless ones are gone."""
    inside = [(q, m) for q in graph.states for m in graph.moves[q] if graph.component[m[0]] == graph.component[q]]
    meets = {mark: frozenset(m for m in inside if mark in m[1][1]) for mark in graph.acceptance.marks()}
    known = {mark: bool(met) for mark, met in meets.items() if not met or len(met) == len(set(inside))}
    same: dict[frozenset[tuple[int, Move]], int] = {}
    number: dict[int, int] = {}
    for mark in sorted(meets):
        if mark not in known:
            number[mark] = same.setdefault(meets[mark], len(same))
    component = graph.component

    def change(q: int, leaf: frozenset[Move]) -> frozenset[Move]:
        return frozenset(
            (t, frozenset(number[i] for i in marks if i in number) if component[t] == component[q] else NONE)
            for t, marks in leaf
        )

    return graph.changed(change, _renumbered(settled(graph.acceptance, known), number))


def _renumbered(acceptance: Acceptance, number: dict[int, int]) -> Acceptance:
    match acceptance:
        case Inf(mark):
            return Inf(number[mark])
        case Fin(mark):
            return Fin(number[mark])
        case All(parts) | Any(parts):
            found = dict.fromkeys(_renumbered(part, number) for part in parts)
            return joined(list(found), every=isinstance(acceptance, All))


# -- simulation ----------------------------------------------------------------------------------------------------


def simulation(graph: Graph) -> frozenset[tuple[int, int]]:
    """The pairs ``(s, t)`` such that ``t`` can answer each move of ``s`` with the same valuation and no fewer marks."""
    table = graph.table
    pairs = {}
    for s in graph.states:
        table.effort.spent(len(table.rank))
        for t in graph.states:
            if s != t:
                pairs[s, t] = table.together(graph.roots[s], graph.roots[t])
    related = {(q, q) for q in graph.states} | set(pairs)
    changing = True
    while changing:
        table.effort.spent(len(table.rank))
        lost = [
            pair
            for pair, leaves in pairs.items()
            if not all(
                any(marks <= others and (q, r) in related for r, others in two)
                for one, two in leaves
                for q, marks in one
            )
        ]
        for pair in lost:
            del pairs[pair]
        related -= set(lost)
        changing = bool(lost)
    return frozenset(related)


def simulated(graph: Graph) -> Graph:
    """States that simulate each other become one; moves that another one makes needless go."""
    related = simulation(graph)
    first = [min(t for t in graph.states if (q, t) in related and (t, q) in related) for q in graph.states]

    def change(_: int, leaf: frozenset[Move]) -> frozenset[Move]:
        moves = {(first[t], marks) for t, marks in leaf}
        return frozenset(
            m for m in moves if not any(n != m and m[1] <= n[1] and (m[0], n[0]) in related for n in moves)
        )

    small = graph.changed(change)
    return reachable(Graph(small.table, small.names, small.roots, first[graph.initial], small.acceptance))
