"""Automata as forests of decision diagrams whose leaves are states: minimisation and products.

Multi-terminal diagrams as in Mona (Henriksen et al. 1995) and Duret-Lutz et al. (2025). The minimal automaton is found
by Moore's refinement on whole diagrams: two states are equal while their diagrams, leaves replaced by classes, are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import count as count_from

from agentspec.automata.effort import Effort

_LEAF = 1 << 30
_PAUSE = 4_096
_FULL_TURNS = 8


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


def minimised(forest: Forest, effort: Effort | None = None) -> Forest:
    """The minimal automaton of the same language: a dead state, if any, is one of its states.

    Raises TooLarge where ``effort`` says so.
    """
    classes = _numbered(forest.accepting)
    count = max(classes) + 1
    rows = list(zip(forest.rank, forest.low, forest.high, strict=True))
    for turn in count_from(1):
        if turn == _FULL_TURNS:
            classes = _numbered(_refined(forest, classes, effort))
            count = max(classes) + 1
        if effort is not None:
            effort.spent(len(rows))
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


def _numbered(keys: Sequence[Hashable]) -> list[int]:
    numbers: dict[Hashable, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def _refined(forest: Forest, classes: list[int], effort: Effort | None) -> list[int]:
    """The coarsest stable partition finer than ``classes``, where long words are needed to tell states apart.

    Where a class splits, its largest part keeps the number (Hopcroft 1971), so that each turn looks again only at the
    diagrams above the leaves of the others.
    """
    size = len(forest.roots)
    above: list[list[int]] = [[] for _ in range(size + len(forest.rank))]
    for node, (low, high) in enumerate(zip(forest.low, forest.high, strict=True), size):
        above[low].append(node)
        above[high].append(node)
    rooted: dict[int, list[int]] = {}
    for q, root in enumerate(forest.roots):
        rooted.setdefault(root, []).append(q)
    members: dict[int, set[int]] = {}
    for q, found in enumerate(classes):
        members.setdefault(found, set()).add(q)
    image = [*classes, *[-1] * len(forest.rank)]
    unique: dict[tuple[int, int, int], int] = {}
    moved = list(range(size))  # leaves with a new class
    while moved:
        touched = _images(forest, image, above, moved, unique)
        if effort is not None:
            effort.spent(len(unique))
        changed: dict[int, dict[int, set[int]]] = {}
        for node in touched:
            for q in rooted.get(node, ()):
                changed.setdefault(image[q], {}).setdefault(image[node], set()).add(q)
        moved = []
        for found, parts in changed.items():
            rest = members[found]
            for part in parts.values():
                rest -= part
            for part in sorted(parts.values(), key=len):
                if len(part) > len(rest):
                    part, rest = rest, part
                if part:
                    number = len(members)
                    members[number] = part
                    moved += part
                    for q in part:
                        image[q] = number
            members[found] = rest
    return image[:size]


def _images(
    forest: Forest, image: list[int], above: list[list[int]], moved: list[int], unique: dict[tuple[int, int, int], int]
) -> list[int]:
    """Bring the images of the nodes above leaves that ``moved`` up to date; returns these leaves and what changed."""
    size = len(forest.roots)
    waiting = sorted({node for leaf in moved for node in above[leaf]})
    known = set(waiting)
    touched = moved[:]
    while waiting:
        node = heappop(waiting)
        low, high = image[forest.low[node - size]], image[forest.high[node - size]]
        found = low
        if low != high:
            found = unique.setdefault((forest.rank[node - size], low, high), size + len(unique))
        if found == image[node]:
            continue
        image[node] = found
        touched.append(node)
        for parent in above[node]:
            if parent not in known:
                known.add(parent)
                heappush(waiting, parent)
    return touched


def product(one: Forest, two: Forest, effort: Effort, *, both: bool) -> Forest:
    """The intersection (``both``) or union of two minimal automata; minimise it after.

    Raises TooLarge where ``effort`` says so.
    """
    sink, other_sink = (one.dead, two.dead) if both else (one.full, two.full)
    size, other_size = len(one.roots), len(two.roots)
    width = other_size + len(two.rank)
    rank, other_rank = [_LEAF] * size + one.rank, [_LEAF] * other_size + two.rank
    low, other_low = [-1] * size + one.low, [-1] * other_size + two.low
    high, other_high = [-1] * size + one.high, [-1] * other_size + two.high
    unique: dict[tuple[int, int, int], int] = {}
    known: dict[int, int] = {}
    states: dict[int, int] = {}
    queue: list[int] = []
    pause = _PAUSE

    def state(pair: int) -> int:
        found = states.get(pair)
        if found is None:
            found = states[pair] = ~len(queue)
            queue.append(pair)
            effort.reached(len(queue))
        return found

    def node(f: int, g: int) -> int:
        nonlocal pause
        if f == sink or g == other_sink:
            return state(-1)
        pair = f * width + g
        result = known.get(pair)
        if result is not None:
            return result
        top, other = rank[f], other_rank[g]
        if top < other:
            lows, highs = node(low[f], g), node(high[f], g)
        elif top > other:
            top = other
            lows, highs = node(f, other_low[g]), node(f, other_high[g])
        elif top == _LEAF:
            return state(pair)
        else:
            lows, highs = node(low[f], other_low[g]), node(high[f], other_high[g])
        if lows == highs:
            result = lows
        else:
            key = (top, lows, highs)
            result = unique.get(key)
            if result is None:
                result = unique[key] = len(unique)
        known[pair] = result
        if len(known) > pause:
            effort.spent(len(known))
            pause = len(known) + _PAUSE
        return result

    roots: list[int] = []
    accepting: list[bool] = []
    state(0)
    for pair in queue:
        if pair == -1:
            roots.append(states[-1])
            accepting.append(not both)
        else:
            q, r = divmod(pair, width)
            roots.append(node(one.roots[q], two.roots[r]))
            yes, too = one.accepting[q], two.accepting[r]
            accepting.append((yes and too) if both else (yes or too))
    ranks, lows, highs = zip(*unique, strict=True) if unique else ((), (), ())
    return gathered(list(ranks), list(lows), list(highs), roots, accepting)


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
