"""Weak automata: in each strongly connected part either every cycle is accepted or none.

Deterministic ones recognise just the obligations, and have a minimal form (Löding, "Efficient minimization of
deterministic weak omega-automata", IPL 2001). It is found by the subset construction, a word tried in each part, and a
comparison with the language (Dax, Eisinger & Klaedtke, "Mechanizing the powerset construction for restricted classes of
omega-automata", ATVA 2007).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, Inf
from agentspec.automata.fair import fair_part, strong_parts
from agentspec.automata.omega_graph import NONE, Graph, Move, complement, completed, explored, negated, product
from agentspec.automata.reduce import merged, tidied, trimmed

MARKED = frozenset({0})


def accepting_states(graph: Graph) -> frozenset[int] | None:
    """The states of the parts whose every cycle is accepted; None where a part has cycles of both kinds.

    For deterministic and nondeterministic graphs with a conjunction of ``Inf``, and any weak deterministic graph.
    """
    found: set[int] = set()
    for part in strong_parts({q: list(moves) for q, moves in enumerate(graph.moves)}):
        seen = [marks for moves in part.values() for _, marks in moves]
        every = frozenset[int]().union(*seen)
        if not graph.acceptance.accepts(every):
            if fair_part(part, graph.acceptance) is not None:
                return None
            continue
        if not all(graph.acceptance.accepts(marks) for marks in seen) and _rejected(part, graph.acceptance):
            return None
        found |= set(part)
    return frozenset(found)


def _rejected(part: dict[int, list[Move]], acceptance: Acceptance) -> bool:
    return fair_part(part, negated(acceptance)) is not None


def minimal_weak(graph: Graph, accepting: frozenset[int]) -> Graph:
    """The minimal deterministic weak automaton; ``accepting`` are the states of the accepting parts of ``graph``."""
    full = completed(graph)
    colour: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for q in full.states:
        members.setdefault(full.component[q], []).append(q)
    most = 2 * len(members)
    for number in range(len(members)):
        states = members[number]
        after = [colour[full.component[t]] for q in states for t, _ in full.moves[q] if full.component[t] != number]
        least = min(after, default=most)
        if any(full.component[t] == number for q in states for t, _ in full.moves[q]):
            odd = states[0] not in accepting
            least -= (least + odd) % 2
        colour[number] = least
    even = [colour[full.component[q]] % 2 == 0 for q in full.states]
    marked = full.changed(
        lambda q, leaf: frozenset((t, MARKED if even[q] else NONE) for t, _ in leaf), acceptance=Inf(0)
    )
    return merged(tidied(trimmed(merged(marked)), across=False))


def weak_deterministic(buchi: Graph, negation: Callable[[], Graph], *, sure: bool) -> Graph | None:
    """The minimal deterministic weak automaton of the language, None where there is none (or the subsets are many).

    A deterministic automaton that is not weak has no weak equivalent (Wagner 1979). ``negation`` gives a Büchi one
    of the other words; it is not needed where the language is surely an obligation.
    """
    if buchi.deterministic:
        accepting = accepting_states(buchi)
        return None if accepting is None else minimal_weak(buchi, accepting)
    found = subsets(buchi)
    if found is None:
        return None
    graph, sets = found
    accepting = frozenset[int]()
    for part in strong_parts({q: list(moves) for q, moves in enumerate(graph.moves)}):
        start = min(part)
        if accepts_loop(buchi, sets[start], cycle(graph, start, part)):
            accepting |= set(part)
    weak = graph.changed(
        lambda q, leaf: frozenset((t, MARKED if q in accepting else NONE) for t, _ in leaf), acceptance=Inf(0)
    )
    if not sure and (_meet(weak, negation()) or _meet(complement(weak), buchi)):
        return None
    return minimal_weak(weak, accepting)


def _meet(one: Graph, two: Graph) -> bool:
    both = product(one, two, every=True)
    return fair_part({q: list(moves) for q, moves in enumerate(both.moves)}, both.acceptance) is not None


def subsets(graph: Graph) -> tuple[Graph, list[frozenset[int]]] | None:
    """The subset construction, complete, without marks, and each state's set; None past ``limits.SUBSET_STATES``."""
    table = graph.table
    known: dict[tuple[int, ...], int] = {}
    count = 0

    def after(*leaves: frozenset[Move]) -> frozenset[tuple[frozenset[int], frozenset[int]]]:
        return frozenset({(frozenset(t for leaf in leaves for t, _ in leaf), NONE)})

    def expand(states: frozenset[int]) -> int:
        nonlocal count
        count += 1
        if count > limits.SUBSET_STATES:
            raise _Many
        if not states:
            return table.leaf(after())
        return table.apply(after, [graph.roots[q] for q in sorted(states)], known)

    try:
        return explored(table, graph.names, frozenset({graph.initial}), expand, Inf(0))
    except _Many:
        return None


class _Many(Exception):
    """More subsets than are tried."""


def cycle(graph: Graph, start: int, part: dict[int, list[Move]]) -> list[frozenset[int]]:
    """Valuations, by rank, that lead a deterministic graph from ``start`` back to it inside a part."""
    came: dict[int, tuple[int, frozenset[int]]] = {}
    queue = deque([start])
    while start not in came:
        state = queue.popleft()
        for true, _, leaf in graph.table.paths(graph.roots[state]):
            for target, _ in leaf:
                if target in part and target not in came:
                    came[target] = (state, frozenset(true))
                    queue.append(target)
    word = [came[start][1]]
    state = came[start][0]
    while state != start:
        word.append(came[state][1])
        state = came[state][0]
    return word[::-1]


def accepts_loop(graph: Graph, states: Iterable[int], loop: list[frozenset[int]]) -> bool:
    """Whether from one of the states the loop, for ever, is accepted."""
    number: dict[tuple[int, int], int] = {}
    queue: list[tuple[int, int]] = []
    moves: dict[int, list[Move]] = {}

    def numbered(key: tuple[int, int]) -> int:
        if key not in number:
            number[key] = len(queue)
            queue.append(key)
        return number[key]

    for q in states:
        numbered((q, 0))
    for q, at in queue:
        after = (at + 1) % len(loop)
        moves[number[q, at]] = [(numbered((t, after)), marks) for t, marks in graph.step(q, loop[at])]
    return fair_part(moves, graph.acceptance) is not None
