"""Automata as forests of decision diagrams whose leaves are states: minimisation and products.

Multi-terminal diagrams as in Mona (Henriksen et al. 1995) and Duret-Lutz et al. (2025). The minimal automaton is found
by Moore's refinement on whole diagrams: two states are equal while their diagrams, leaves replaced by classes, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.effort import Effort


@dataclass(frozen=True)
class Forest:
    """Node ``q`` below ``len(roots)`` is the leaf of state ``q``; node ``len(roots) + i`` tests variable ``rank[i]``.

    Children stand before their parents. State 0 is initial, and no word of no letters is accepted.
    """

    rank: list[int]
    low: list[int]
    high: list[int]
    roots: list[int]
    accepting: list[bool]

    @cached_property
    def dead(self) -> int:
        """The state that accepts nothing, in a minimal automaton; -1 where there is none."""
        return self._stuck(accepting=False)

    @cached_property
    def full(self) -> int:
        """The state that accepts whatever comes, in a minimal automaton; -1 where there is none."""
        return self._stuck(accepting=True)

    def _stuck(self, accepting: bool) -> int:
        loops = (q for q, root in enumerate(self.roots) if root == q and self.accepting[q] == accepting)
        return next(loops, -1)


def gathered(rank: list[int], low: list[int], high: list[int], roots: list[int], accepting: list[bool]) -> Forest:
    """A forest from nodes numbered from 0 and states ``q`` written as ``~q``."""
    size = len(roots)

    def placed(nodes: list[int]) -> list[int]:
        return [node + size if node >= 0 else ~node for node in nodes]

    return Forest(rank, placed(low), placed(high), placed(roots), accepting)


def minimised(forest: Forest) -> Forest:
    """The minimal automaton of the same language: a dead state, if any, is one of its states."""
    classes = [int(value) for value in forest.accepting]
    count = _renumber(classes)
    rows = list(zip(forest.rank, forest.low, forest.high, strict=True))
    while True:
        unique: dict[tuple[int, int, int], int] = {}
        image = classes[:]
        for rank, low, high in rows:
            left, right = image[low], image[high]
            if left == right:
                image.append(left)
            else:
                image.append(unique.setdefault((rank, left, right), count + len(unique)))
        finer: dict[tuple[int, int], int] = {}
        signatures = zip(classes, [image[root] for root in forest.roots], strict=True)
        refined = [finer.setdefault(signature, len(finer)) for signature in signatures]
        if len(finer) == count:
            break
        classes, count = refined, len(finer)
    roots, accepting = [0] * count, [False] * count
    for q, found in enumerate(classes):
        roots[found] = image[forest.roots[q]]
        accepting[found] = forest.accepting[q]
    ranks, lows, highs = zip(*unique, strict=True) if unique else ((), (), ())
    return Forest(list(ranks), list(lows), list(highs), roots, accepting)


def _renumber(classes: list[int]) -> int:
    numbers: dict[int, int] = {}
    classes[:] = [numbers.setdefault(found, len(numbers)) for found in classes]
    return len(numbers)


def product(one: Forest, two: Forest, effort: Effort, *, both: bool) -> Forest:
    """The intersection (``both``) or union of two minimal automata; minimise it after.

    Raises TooLarge where ``effort`` says so.
    """
    return _Product(one, two, effort, both).forest()


def exactly_one(ranks: Sequence[int]) -> Forest:
    """The automaton of the words in which exactly one of the variables, given in order, holds at each position."""
    nodes: list[tuple[int, int, int]] = []
    none, one = ~1, ~0  # what has been seen so far: leaves, then the nodes that read the variables after ``rank``
    for rank in reversed(ranks):
        nodes.append((rank, one, ~1))
        nodes.append((rank, none, one))
        none, one = len(nodes) - 1, (len(nodes) - 2)
    kept = [list(column) for column in zip(*nodes, strict=True)]
    return gathered(kept[0], kept[1], kept[2], [none, ~1], [True, False])


_LEAF = 1 << 30


class _Product:
    """Nodes of the product are numbered from 0, its states ``q`` written ``~q``; equal pairs are built once."""

    def __init__(self, one: Forest, two: Forest, effort: Effort, both: bool) -> None:
        self.one, self.two, self.effort, self.both = one, two, effort, both
        self.sink = (one.dead, two.dead) if both else (one.full, two.full)
        self.ranks = tuple([_LEAF] * len(side.roots) + side.rank for side in (one, two))
        self.lows = tuple([-1] * len(side.roots) + side.low for side in (one, two))
        self.highs = tuple([-1] * len(side.roots) + side.high for side in (one, two))
        self.unique: dict[tuple[int, int, int], int] = {}
        self.known: dict[tuple[int, int], int] = {}
        self.states: dict[tuple[int, int], int] = {}
        self.queue: list[tuple[int, int]] = []
        self.pause = 4_096

    def leaf(self, q: int, r: int) -> int:
        if q == self.sink[0] or r == self.sink[1]:
            q = r = -1
        number = self.states.get((q, r))
        if number is None:
            number = self.states[q, r] = len(self.queue)
            self.queue.append((q, r))
            self.effort.reached(len(self.queue))
        return ~number

    def node(self, f: int, g: int) -> int:
        key = (f, g)
        found = self.known.get(key)
        if found is not None:
            return found
        top, other = self.ranks[0][f], self.ranks[1][g]
        if f == self.sink[0] or g == self.sink[1] or top == other == _LEAF:
            result = self.leaf(f, g)
        else:
            if top == other:
                low = self.node(self.lows[0][f], self.lows[1][g])
                high = self.node(self.highs[0][f], self.highs[1][g])
            elif top < other:
                low, high = self.node(self.lows[0][f], g), self.node(self.highs[0][f], g)
            else:
                top = other
                low, high = self.node(f, self.lows[1][g]), self.node(f, self.highs[1][g])
            result = low if low == high else self.unique.setdefault((top, low, high), len(self.unique))
            if len(self.known) > self.pause:
                self.effort.spent(len(self.known))
                self.pause = len(self.known) + 4_096
        self.known[key] = result
        return result

    def forest(self) -> Forest:
        roots: list[int] = []
        accepting: list[bool] = []
        self.leaf(0, 0)
        for q, r in self.queue:
            if q == -1:
                roots.append(~len(roots))
                accepting.append(not self.both)
            else:
                roots.append(self.node(self.one.roots[q], self.two.roots[r]))
                yes, too = self.one.accepting[q], self.two.accepting[r]
                accepting.append((yes and too) if self.both else (yes or too))
        ranks, lows, highs = zip(*self.unique, strict=True) if self.unique else ((), (), ())
        return gathered(list(ranks), list(lows), list(highs), roots, accepting)
