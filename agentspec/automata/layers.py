"""Which column each state of a picture stands in, and in which order: the first half of Sugiyama's method.

Sugiyama, Tagawa & Toda 1981; the heuristics are those of Gansner, Koutsofios, North & Vo 1993 in a simple form. Each
edge becomes a chain through all columns between its ends, one link of it holding the label, so that neither lines
nor labels can run over anything.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edge = tuple[int, int]
SWEEPS = 24


@dataclass(frozen=True)
class Layers:
    """Columns of vertices, in order. The states come first among the vertices, then the links of the chains.

    ``chains[edge]`` are the links from the end further left to the one further right, ``label[edge]`` is the link that
    holds the label. ``backward`` are the edges whose arrow points left. States stand in even columns, labels in odd.
    """

    columns: tuple[tuple[int, ...], ...]
    column: tuple[int, ...]
    chains: dict[Edge, tuple[int, ...]]
    label: dict[Edge, int]
    backward: frozenset[Edge]

    def links(self) -> list[Edge]:
        """All pairs of neighbours, left before right."""
        pairs = []
        for (source, target), chain in self.chains.items():
            left, right = (target, source) if (source, target) in self.backward else (source, target)
            path = (left, *chain, right)
            pairs += list(pairwise(path))
        return pairs


def layered(states: int, initial: int, lengths: dict[Edge, float]) -> Layers:
    """Lay out the states ``0 .. states - 1`` and the edges between different ones, given the length of each label."""
    edges = sorted(lengths)
    backward = _backward(states, initial, edges)
    rank = _ranks(states, [(t, s) if (s, t) in backward else (s, t) for s, t in edges])
    column = [2 * r for r in rank]
    chains: dict[Edge, tuple[int, ...]] = {}
    for edge in edges:
        low, high = sorted(column[q] for q in edge)
        first = len(column)
        column += range(low + 1, high)
        chains[edge] = tuple(range(first, len(column)))
    label = _label_links(lengths, chains, column)
    columns: list[list[int]] = [[] for _ in range(max(column) + 1)]
    for vertex, at in enumerate(column):
        columns[at].append(vertex)
    unordered = Layers(tuple(map(tuple, columns)), tuple(column), chains, label, backward)
    return Layers(_ordered(unordered), tuple(column), chains, label, backward)


def _backward(states: int, initial: int, edges: Sequence[Edge]) -> frozenset[Edge]:
    """Edges to the start, and those on a cycle that lead to a state nearer to it: without them there is no cycle."""
    after: list[list[int]] = [[] for _ in range(states)]
    for source, target in edges:
        after[source].append(target)
    near: dict[int, int] = {}
    for root in (initial, *range(states)):
        for state in _reached(after, [root], near):
            near[state] = len(near)
    reach = [set(_reached(after, after[state], {})) for state in range(states)]
    return frozenset((s, t) for s, t in edges if t == initial or (s in reach[t] and near[t] < near[s]))


def _reached(after: Sequence[Sequence[int]], roots: Iterable[int], known: Iterable[int]) -> list[int]:
    """The states reached from the roots, the known ones and what only they reach left out, breadth first."""
    seen = set(known)
    queue = deque(dict.fromkeys(root for root in roots if root not in seen))
    seen |= set(queue)
    found = []
    while queue:
        found.append(queue.popleft())
        for target in after[found[-1]]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return found


def _ranks(states: int, edges: Sequence[Edge]) -> list[int]:
    """Longest paths from the left; then states with more edges to the right than to the left move as far right."""
    before: list[list[int]] = [[] for _ in range(states)]
    after: list[list[int]] = [[] for _ in range(states)]
    for left, right in edges:
        before[right].append(left)
        after[left].append(right)
    rank = [0] * states
    waiting = [len(lefts) for lefts in before]
    ready = deque(state for state in range(states) if not waiting[state])
    order = []
    while ready:
        state = ready.popleft()
        order.append(state)
        for right in after[state]:
            rank[right] = max(rank[right], rank[state] + 1)
            waiting[right] -= 1
            if not waiting[right]:
                ready.append(right)
    for state in reversed(order):
        if len(after[state]) > len(before[state]) > 0:
            rank[state] = min(rank[right] for right in after[state]) - 1
    return rank


def _label_links(
    lengths: dict[Edge, float], chains: dict[Edge, tuple[int, ...]], column: Sequence[int]
) -> dict[Edge, int]:
    """The link of each chain that holds the label: where it widens its column least, then nearest to the middle."""
    widest = dict.fromkeys(column, 0.0)
    label: dict[Edge, int] = {}
    for edge in sorted(chains, key=lambda e: (len(chains[e]), e)):
        chain, length = chains[edge], lengths[edge]
        free = [i for i, link in enumerate(chain) if column[link] % 2]
        best = min(free, key=lambda i: (max(0.0, length - widest[column[chain[i]]]), abs(2 * i + 1 - len(chain)), i))
        label[edge] = chain[best]
        widest[column[chain[best]]] = max(widest[column[chain[best]]], length)
    return label


def _ordered(layers: Layers) -> tuple[tuple[int, ...], ...]:
    """Fewer crossings: sweeps by barycentre, then swaps of neighbours while they help; the best order seen is kept."""
    left: dict[int, list[int]] = {}
    right: dict[int, list[int]] = {}
    for one, other in layers.links():
        left.setdefault(other, []).append(one)
        right.setdefault(one, []).append(other)
    columns = [list(column) for column in layers.columns]
    best = [list(column) for column in columns]
    fewest = _crossings(columns, right)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        neighbours = left if rightwards else right
        for at in range(len(columns)) if rightwards else reversed(range(len(columns))):
            beside = at - 1 if rightwards else at + 1
            if 0 <= beside < len(columns):
                place = {vertex: i for i, vertex in enumerate(columns[beside])}
                columns[at] = _by_barycentre(columns[at], place, neighbours)
        _swap_neighbours(columns, left, right)
        count = _crossings(columns, right)
        if count < fewest:
            fewest, best = count, [list(column) for column in columns]
    return tuple(map(tuple, best))


def _by_barycentre(column: list[int], place: dict[int, int], neighbours: dict[int, list[int]]) -> list[int]:
    def key(at: int) -> float:
        beside = neighbours.get(column[at])
        return sum(place[n] for n in beside) / len(beside) if beside else float(at)

    return [column[at] for at in sorted(range(len(column)), key=key)]


def _swap_neighbours(columns: list[list[int]], left: dict[int, list[int]], right: dict[int, list[int]]) -> None:
    for at, column in enumerate(columns):
        before = {vertex: i for i, vertex in enumerate(columns[at - 1])} if at else {}
        after = {vertex: i for i, vertex in enumerate(columns[at + 1])} if at + 1 < len(columns) else {}
        for i in range(len(column) - 1):
            one, other = column[i], column[i + 1]
            kept, swapped = 0, 0
            for place, neighbours in ((before, left), (after, right)):
                ones = sorted(place[n] for n in neighbours.get(one, ()))
                others = sorted(place[n] for n in neighbours.get(other, ()))
                kept += _inverted(ones, others)
                swapped += _inverted(others, ones)
            if swapped < kept:
                column[i], column[i + 1] = other, one


def _inverted(above: list[int], below: list[int]) -> int:
    return sum(1 for a in above for b in below if a > b)


def _crossings(columns: list[list[int]], right: dict[int, list[int]]) -> int:
    count = 0
    for column, after in pairwise(columns):
        place = {vertex: i for i, vertex in enumerate(after)}
        passed: list[int] = []
        for vertex in column:
            ends = sorted(place[n] for n in right.get(vertex, ()))
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count
