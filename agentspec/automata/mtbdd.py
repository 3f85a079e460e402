"""Decision diagrams with values at the leaves: functions from valuations to anything that can be hashed.

Ordered, reduced and hash-consed (Bryant 1986; multi-terminal as in Henriksen et al. 1995), so that equal functions are
equal numbers. Variables are ranks: smaller ones are tested first.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence

from agentspec.automata.effort import Effort

LEAF = 1 << 30
"""The rank of leaves."""

_PAUSE = 2_048


class Mtbdd:
    """A table of diagrams. ``rank[f]`` is the first variable that ``f`` tests, ``value[f]`` what a leaf holds."""

    def __init__(self, effort: Effort) -> None:
        self.rank: list[int] = []
        self.low: list[int] = []
        self.high: list[int] = []
        self.value: list[typing.Any] = []
        self.effort = effort
        self._nodes: dict[tuple[int, int, int], int] = {}
        self._leaves: dict[Hashable, int] = {}
        self._work = 0

    def leaf(self, value: Hashable) -> int:
        """The function that is ``value`` everywhere."""
        found = self._leaves.get(value)
        if found is None:
            found = self._leaves[value] = self._put(LEAF, -1, -1, value)
        return found

    def node(self, rank: int, low: int, high: int) -> int:
        """``high`` where variable ``rank`` is true, else ``low``; both must only test later variables."""
        if low == high:
            return low
        found = self._nodes.get((rank, low, high))
        if found is None:
            found = self._nodes[rank, low, high] = self._put(rank, low, high, None)
        return found

    def _put(self, rank: int, low: int, high: int, value: object) -> int:
        self.rank.append(rank)
        self.low.append(low)
        self.high.append(high)
        self.value.append(value)
        return len(self.rank) - 1

    def apply(
        self,
        combine: Callable[..., Hashable],
        roots: Sequence[int],
        known: dict[tuple[int, ...], int] | None = None,
    ) -> int:
        """The function whose value is ``combine`` of those of ``roots``; ``known`` may be shared by calls alike.

        Raises TooLarge where the effort says so.
        """
        memo: dict[tuple[int, ...], int] = {} if known is None else known
        ranks, lows, highs, values = self.rank, self.low, self.high, self.value

        def walk(nodes: tuple[int, ...]) -> int:
            found = memo.get(nodes)
            if found is not None:
                return found
            self._work += 1
            if self._work % _PAUSE == 0:
                self.effort.spent(len(ranks))
            top = min([ranks[f] for f in nodes])
            if top == LEAF:
                result = self.leaf(combine(*[values[f] for f in nodes]))
            else:
                low = walk(tuple([lows[f] if ranks[f] == top else f for f in nodes]))
                high = walk(tuple([highs[f] if ranks[f] == top else f for f in nodes]))
                result = self.node(top, low, high)
            memo[nodes] = result
            return result

        return walk(tuple(roots))

    def without(self, first: int, join: Callable[[typing.Any, typing.Any], Hashable], root: int) -> int:
        """The function in which every variable from rank ``first`` on is chosen: ``join`` of the values of both."""
        known: dict[int, int] = {}
        both: dict[tuple[int, ...], int] = {}

        def walk(f: int) -> int:
            if self.rank[f] == LEAF:
                return f
            found = known.get(f)
            if found is None:
                low, high = walk(self.low[f]), walk(self.high[f])
                rank = self.rank[f]
                found = self.node(rank, low, high) if rank < first else self.apply(join, (low, high), both)
                known[f] = found
            return found

        return walk(root)

    def leaves(self, root: int) -> list[typing.Any]:
        """The different values, in the order of a walk that tries false first."""
        seen: set[int] = set()
        found: list[typing.Any] = []
        stack = [root]
        while stack:
            f = stack.pop()
            if f in seen:
                continue
            seen.add(f)
            if self.rank[f] == LEAF:
                found.append(self.value[f])
            else:
                stack += (self.high[f], self.low[f])
        return found

    def paths(self, root: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], typing.Any]]:
        """Disjoint cubes that cover all valuations: the ranks that are true, those that are false, and the value."""
        stack: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = [(root, (), ())]
        while stack:
            f, true, false = stack.pop()
            rank = self.rank[f]
            if rank == LEAF:
                yield true, false, self.value[f]
            else:
                stack += ((self.high[f], (*true, rank), false), (self.low[f], true, (*false, rank)))

    def at(self, root: int, true: Collection[int]) -> typing.Any:
        """The value where exactly the ranks ``true`` hold."""
        while self.rank[root] != LEAF:
            root = self.high[root] if self.rank[root] in true else self.low[root]
        return self.value[root]

    def together(self, f: int, g: int) -> list[tuple[typing.Any, typing.Any]]:
        """The different pairs of values that two functions have at one valuation."""
        found: dict[tuple[int, int], None] = {}
        seen: set[tuple[int, int]] = set()
        stack = [(f, g)]
        while stack:
            pair = stack.pop()
            if pair in seen:
                continue
            seen.add(pair)
            a, b = pair
            top = min(self.rank[a], self.rank[b])
            if top == LEAF:
                found[pair] = None
                continue
            lows = (self.low[a] if self.rank[a] == top else a, self.low[b] if self.rank[b] == top else b)
            highs = (self.high[a] if self.rank[a] == top else a, self.high[b] if self.rank[b] == top else b)
            stack += (highs, lows)
        return [(self.value[a], self.value[b]) for a, b in found]
