"""Whether two automata of infinite words have a word in common, written for certainty and not for speed.

A condition holds on some loop exactly if, for some set of marks that satisfies it, the transitions with no other marks
have a strongly connected part that shows all of them: every set is tried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import combinations

import networkx

from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.omega import Omega
from tests.automata.languages import Valuation, valuations
from tests.logic.strategies import Lasso

Node = tuple[int, int]
Step = tuple[Valuation, Node, frozenset[tuple[int, int]]]


def satisfied(automaton: Buchi | Omega, seen: frozenset[int]) -> bool:
    """Whether the marks seen for ever are accepted."""
    if isinstance(automaton, Buchi):
        return seen >= frozenset(range(automaton.sets))
    return automaton.acceptance.accepts(seen)


def common_lasso(one: Buchi | Omega, two: Buchi | Omega, propositions: Sequence[str]) -> Lasso | None:
    """A lasso over the propositions that both accept, or None."""
    letters = valuations(propositions)
    start = (one.initial, two.initial)
    graph: dict[Node, list[Step]] = {}
    stack = [start]
    while stack:
        node = stack.pop()
        if node in graph:
            continue
        graph[node] = [
            (letter, (left.target, right.target), _tagged(left, right))
            for letter in letters
            for left in one.edges[node[0]]
            if left.letter.matches(letter)
            for right in two.edges[node[1]]
            if right.letter.matches(letter)
        ]
        stack += [target for _, target, _ in graph[node]]
    marks = sorted({mark for steps in graph.values() for _, _, tagged in steps for mark in tagged})
    for size in range(len(marks) + 1):
        for chosen in map(frozenset, combinations(marks, size)):
            sides = [frozenset(mark for side, mark in chosen if side == here) for here in (0, 1)]
            if satisfied(one, sides[0]) and satisfied(two, sides[1]):
                found = _loop(graph, start, chosen)
                if found is not None:
                    return found
    return None


def _tagged(left: Edge, right: Edge) -> frozenset[tuple[int, int]]:
    return frozenset({(0, mark) for mark in left.marks} | {(1, mark) for mark in right.marks})


def _loop(graph: dict[Node, list[Step]], start: Node, marks: frozenset[tuple[int, int]]) -> Lasso | None:
    within = {node: [step for step in steps if step[2] <= marks] for node, steps in graph.items()}
    directed = networkx.DiGraph((node, target) for node, steps in within.items() for _, target, _ in steps)
    for component in networkx.strongly_connected_components(directed):
        inner = {node: [step for step in within[node] if step[1] in component] for node in component}
        shown = frozenset().union(*(step[2] for steps in inner.values() for step in steps))
        if shown != marks or not any(inner.values()):
            continue
        entry = min(component)
        loop: list[Valuation] = []
        here = entry
        for mark in [*sorted(marks), None]:
            path, here = _path(inner, here, mark, None if mark is not None else entry)
            loop += path
        prefix, _ = _path(graph, start, None, entry) if start != entry else ([], entry)
        return tuple(prefix), tuple(loop)
    return None


def _path(
    graph: dict[Node, list[Step]], start: Node, mark: tuple[int, int] | None, end: Node | None
) -> tuple[list[Valuation], Node]:
    """A shortest path of at least one transition that ends with the mark, or at the node."""
    queue: deque[tuple[Node, tuple[Valuation, ...]]] = deque([(start, ())])
    seen = {start}
    while queue:
        node, word = queue.popleft()
        for letter, target, tagged in graph[node]:
            if mark in tagged if mark is not None else target == end:
                return [*word, letter], target
            if target not in seen:
                seen.add(target)
                queue.append((target, (*word, letter)))
    raise AssertionError("not strongly connected")
