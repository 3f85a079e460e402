"""From which states of an automaton some word is still accepted."""

from __future__ import annotations

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, generalized_buchi
from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa, backward
from agentspec.automata.omega import Omega

Arcs = list[tuple[int, int, frozenset[int]]]


def live_states(automaton: Dfa | Buchi | Omega) -> frozenset[int]:
    """The states from which an accepting state, or a cycle whose marks fulfil the condition, can be reached."""
    if isinstance(automaton, Dfa):
        return automaton.live
    condition = automaton.acceptance if isinstance(automaton, Omega) else generalized_buchi(automaton.sets)
    arcs = [(q, edge.target, edge.marks) for q, edges in enumerate(automaton.edges) for edge in edges]
    after: dict[int, list[int]] = {q: [] for q in range(len(automaton.edges))}
    for source, target, _ in arcs:
        after[source].append(target)
    return backward(after, _fulfilling(arcs, condition))


def _fulfilling(arcs: Arcs, condition: Acceptance) -> frozenset[int]:
    """The states on cycles that fulfil the condition (Emerson & Lei 1987).

    Where all cycles of a component together do not, one within it may, but only without some mark that is to be met
    finitely often: other marks never harm.
    """
    finite = _finite(condition)
    found: set[int] = set()
    seen: set[frozenset[tuple[int, int, frozenset[int]]]] = set()
    todo = [arcs]
    while todo:
        for inner in _components(todo.pop()):
            key = frozenset(inner)
            if key in seen:
                continue
            seen.add(key)
            marks = frozenset[int]().union(*[its for _, _, its in inner])
            if condition.accepts(marks):
                found |= {source for source, _, _ in inner}
            else:
                todo += [[arc for arc in inner if mark not in arc[2]] for mark in sorted(finite & marks)]
    return frozenset(found)


def _finite(condition: Acceptance) -> frozenset[int]:
    match condition:
        case Fin(mark):
            return frozenset({mark})
        case All(parts) | Any(parts):
            return frozenset[int]().union(*[_finite(part) for part in parts])
    return frozenset()


def _components(arcs: Arcs) -> list[Arcs]:
    """The arcs within each strongly connected component, of those that have any."""
    import networkx

    graph = networkx.DiGraph((source, target) for source, target, _ in arcs)
    place = {q: i for i, component in enumerate(networkx.strongly_connected_components(graph)) for q in component}
    within: dict[int, Arcs] = {}
    for arc in arcs:
        if place[arc[0]] == place[arc[1]]:
            within.setdefault(place[arc[0]], []).append(arc)
    return list(within.values())
