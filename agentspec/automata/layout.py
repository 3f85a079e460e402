"""Where the states and labels of a picture stand and how the arrows run: the second half of Sugiyama's method.

Coordinates are (along, across): ``along`` runs from column to column, ``across`` within one. Places within a column
are those nearest to the neighbours' that keep order and distance (least squares by pooling adjacent violators, Ayer et
al. 1955). Arrows are level inside columns and bend only between them, so they cross no state and no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from agentspec.automata.layers import Edge, Layers, layered

Point = tuple[float, float]
Beside = dict[int, list[tuple[int, float, bool]]]  # of a vertex: neighbour, weight, whether it is on the left
SWEEPS = 120
ROUNDS = 40
APART = 14.0
NARROWEST, WIDEST = 14.0, 46.0
PORTS = 9.0
INFINITE = float("inf")


@dataclass(frozen=True)
class Extent:
    """A box around a point of its centre line: ``length`` along, half to each side, ``lead`` and ``trail`` across."""

    length: float
    lead: float
    trail: float


@dataclass(frozen=True)
class Layout:
    """``states`` and ``labels`` are centres. An arrow is two lines through the points given, in its own direction,
    one up to the label and one behind it; neighbouring points on different levels are joined by a bend.
    """

    states: tuple[Point, ...]
    labels: dict[Edge, Point]
    arrows: dict[Edge, tuple[tuple[Point, ...], tuple[Point, ...]]]
    length: float
    breadth: float


def arranged(radius: float, states: list[Extent], labels: dict[Edge, Extent], initial: int) -> Layout:
    """Lay out circles of ``radius`` with room of ``states`` around each, and the labels of edges between them."""
    layers = layered(len(states), initial, {edge: extent.length for edge, extent in labels.items()})
    extents = {**dict(enumerate(states)), **{layers.label[edge]: extent for edge, extent in labels.items()}}
    for vertex in range(len(layers.column)):
        extents.setdefault(vertex, Extent(0.0, -2.0, -2.0))
    across = _across(layers, extents, len(states))
    top = min(across[v] - extents[v].lead for v in extents)
    across = [place - top for place in across]
    spans, length = _spans(layers, extents, across)
    centre = [(sum(spans[at]) / 2, place) for at, place in zip(layers.column, across, strict=True)]
    ports = _ports(layers, across, radius, len(states))
    return Layout(
        tuple(centre[: len(states)]),
        {edge: centre[link] for edge, link in layers.label.items()},
        {edge: _arrow(edge, layers, spans, centre, ports, radius, extents) for edge in labels},
        length,
        max(across[v] + extents[v].trail for v in extents),
    )


def _across(layers: Layers, extents: dict[int, Extent], states: int) -> list[float]:
    """The place of every vertex within its column."""
    beside: Beside = {vertex: [] for vertex in range(len(layers.column))}
    for one, other in layers.links():
        weight = 1.0 + 3.0 * ((one >= states) + (other >= states) - 1)
        beside[one].append((other, weight, False))
        beside[other].append((one, weight, True))
    distance = [
        [extents[one].trail + APART + extents[other].lead for one, other in pairwise(column)]
        for column in layers.columns
    ]
    across = [0.0] * len(layers.column)
    for column, apart in zip(layers.columns, distance, strict=True):
        _settle(column, apart, [0.0] * len(column), [1.0] * len(column), across)
    count = len(layers.columns)
    for sweep in range(SWEEPS):
        both = sweep >= SWEEPS // 2
        rightwards = sweep % 2 == 0
        for at in range(count) if rightwards else reversed(range(count)):
            wanted, weights = [], []
            for vertex in layers.columns[at]:
                near = [(across[n], w) for n, w, is_left in beside[vertex] if both or is_left == rightwards]
                total = sum(w for _, w in near)
                wanted.append(sum(place * w for place, w in near) / total if near else across[vertex])
                weights.append(total or 0.1)
            _settle(layers.columns[at], distance[at], wanted, weights, across)
    _straighten(layers, distance, beside, across)
    return across


def _straighten(layers: Layers, distance: list[list[float]], beside: Beside, across: list[float]) -> None:
    """Put strands, where one vertex follows the other without a fork, on one level as far as their columns allow."""
    place = {vertex: (at, i) for at, column in enumerate(layers.columns) for i, vertex in enumerate(column)}

    def room(vertex: int) -> Point:
        at, i = place[vertex]
        column, apart = layers.columns[at], distance[at]
        low = across[column[i - 1]] + apart[i - 1] if i else -INFINITE
        high = across[column[i + 1]] - apart[i] if i + 1 < len(column) else INFINITE
        return low, high

    strands = _strands(layers, beside)
    for _ in range(ROUNDS):
        for strand in strands:
            rest = strand
            while rest:
                low, high, size = -INFINITE, INFINITE, 0
                for vertex in rest:
                    lowest, highest = room(vertex)
                    if max(low, lowest) > min(high, highest) + 1e-6:
                        break
                    low, high, size = max(low, lowest), min(high, highest), size + 1
                size = max(size, 1)
                run, rest = rest[:size], rest[size:]
                near = [(across[n], w) for vertex in run for n, w, _ in beside[vertex] if n not in run]
                total = sum(w for _, w in near)
                wanted = sum(level * w for level, w in near) / total if near else across[run[0]]
                for vertex in run:
                    across[vertex] = min(max(wanted, low), high)


def _strands(layers: Layers, beside: Beside) -> list[tuple[int, ...]]:
    """All vertices in maximal paths along which there is no other way on and no other way back; long ones first."""
    after = {vertex: [n for n, _, is_left in near if not is_left] for vertex, near in beside.items()}
    before = {vertex: [n for n, _, is_left in near if is_left] for vertex, near in beside.items()}
    strands = []
    for vertex in (vertex for column in layers.columns for vertex in column):
        if len(before[vertex]) == 1 and len(after[before[vertex][0]]) == 1:
            continue
        strand = [vertex]
        while len(after[strand[-1]]) == 1 and len(before[after[strand[-1]][0]]) == 1:
            strand.append(after[strand[-1]][0])
        strands.append(tuple(strand))
    return sorted(strands, key=lambda strand: (-len(strand), strand))


def _settle(
    column: Sequence[int], distance: list[float], wanted: list[float], weights: list[float], across: list[float]
) -> None:
    """Set the places of a column: least squares from what is wanted, in order, at least ``distance`` apart."""
    offsets = [0.0]
    for apart in distance:
        offsets.append(offsets[-1] + apart)
    blocks: list[tuple[float, float, int]] = []
    for want, weight, offset in zip(wanted, weights, offsets, strict=False):
        mean, mass, size = want - offset, weight, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, many = blocks.pop()
            mean, mass, size = (mean * mass + other * heavy) / (mass + heavy), mass + heavy, size + many
        blocks.append((mean, mass, size))
    means = [mean for mean, _, size in blocks for _ in range(size)]
    for vertex, mean, offset in zip(column, means, offsets, strict=False):
        across[vertex] = mean + offset


def _spans(layers: Layers, extents: dict[int, Extent], across: list[float]) -> tuple[list[Point], float]:
    """Where each column begins and ends along; the steeper the arrows between two, the further they are apart."""
    steepest = [0.0] * len(layers.columns)
    for one, other in layers.links():
        at = layers.column[one]
        steepest[at] = max(steepest[at], abs(across[one] - across[other]))
    spans: list[Point] = []
    begin = 0.0
    for column, steep in zip(layers.columns, steepest, strict=True):
        end = begin + max(extents[vertex].length for vertex in column)
        spans.append((begin, end))
        begin = end + min(WIDEST, NARROWEST + 0.14 * steep)
    return spans, spans[-1][1]


def _ports(layers: Layers, across: list[float], radius: float, states: int) -> dict[tuple[int, int], float]:
    """For each pair (state, link beside it) how far across from the state's centre the arrow meets the circle."""
    beside: dict[tuple[int, int], list[int]] = {}
    for one, other in layers.links():
        if one < states:
            beside.setdefault((one, 1), []).append(other)
        if other < states:
            beside.setdefault((other, -1), []).append(one)
    ports = {}
    for (state, _), links in beside.items():
        step = min(PORTS, 1.4 * radius / max(1, len(links) - 1))
        for i, link in enumerate(sorted(links, key=lambda v: (across[v], v))):
            ports[state, link] = (i - (len(links) - 1) / 2) * step
    return ports


def _arrow(
    edge: Edge,
    layers: Layers,
    spans: list[Point],
    centre: list[Point],
    ports: dict[tuple[int, int], float],
    radius: float,
    extents: dict[int, Extent],
) -> tuple[tuple[Point, ...], tuple[Point, ...]]:
    left, right = sorted(edge, key=lambda state: layers.column[state])
    chain, label = layers.chains[edge], layers.label[edge]

    def meet(state: int, link: int, side: int) -> list[Point]:
        off = ports[state, link]
        along, across = centre[state]
        rim = (along + side * sqrt(radius**2 - off**2), across + off)
        return [rim, (spans[layers.column[state]][side == 1], across + off)]

    before, behind = meet(left, chain[0], 1), meet(right, chain[-1], -1)[::-1]
    part = before
    tail: list[Point] = []
    for link in chain:
        begin, end = spans[layers.column[link]]
        along, across = centre[link]
        part.append((begin, across))
        if link == label:
            part.append((along - extents[link].length / 2, across))
            part = tail
            part.append((along + extents[link].length / 2, across))
        part.append((end, across))
    tail += behind
    if edge in layers.backward:
        return tuple(tail[::-1]), tuple(before[::-1])
    return tuple(before), tuple(tail)
