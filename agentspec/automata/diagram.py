"""Multi-terminal binary decision diagrams: functions from valuations to anything hashable.

Ordered, reduced and hash-consed (Bryant 1986; terminals as in Duret-Lutz et al. 2025): two functions are equal
exactly if their node numbers are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

from agentspec.errors import TooLarge

WORK_LIMIT = 100_000
V = TypeVar("V", bound=Hashable)


class Diagrams(Generic[V]):
    """A table of diagrams over ``order``; nodes are numbers, meaningful only in their own table."""

    def __init__(self, order: tuple[str, ...]) -> None:
        self.order = order
        self._rank = {name: rank for rank, name in enumerate(order)}
        self._nodes: list[tuple[int, int, int] | None] = []
        self._values: list[V | None] = []
        self._leaf_of: dict[V, int] = {}
        self._branch_of: dict[tuple[int, int, int], int] = {}

    def leaf(self, value: V) -> int:
        """The constant function ``value``."""
        node = self._leaf_of.get(value)
        if node is None:
            node = self._leaf_of[value] = len(self._nodes)
            self._nodes.append(None)
            self._values.append(value)
        return node

    def branch(self, name: str, low: int, high: int) -> int:
        """``high`` where ``name`` is true, else ``low``; both must only test names later in the order."""
        return self._branch(self._rank[name], low, high)

    def _branch(self, rank: int, low: int, high: int) -> int:
        if low == high:
            return low
        key = (rank, low, high)
        node = self._branch_of.get(key)
        if node is None:
            node = self._branch_of[key] = len(self._nodes)
            self._nodes.append(key)
            self._values.append(None)
        return node

    def value(self, node: int) -> V:
        """The value of a leaf."""
        value = self._values[node]
        assert value is not None
        return value

    def combine(self, operation: Callable[[V, V], V], left: int, right: int, memo: dict[tuple[int, int], int]) -> int:
        """Pointwise ``operation``; ``memo`` belongs to the operation and this table."""
        if len(memo) > WORK_LIMIT:
            raise TooLarge(f"its decision diagrams need more than {WORK_LIMIT} nodes")
        key = (left, right)
        found = memo.get(key)
        if found is not None:
            return found
        a, b = self._nodes[left], self._nodes[right]
        if a is None and b is None:
            node = self.leaf(operation(self.value(left), self.value(right)))
        else:
            rank = min(branch[0] for branch in (a, b) if branch is not None)
            left_low, left_high = (a[1], a[2]) if a is not None and a[0] == rank else (left, left)
            right_low, right_high = (b[1], b[2]) if b is not None and b[0] == rank else (right, right)
            low = self.combine(operation, left_low, right_low, memo)
            node = self._branch(rank, low, self.combine(operation, left_high, right_high, memo))
        memo[key] = node
        return node

    def rename(self, values: Callable[[V], Hashable], into: Diagrams[Hashable], node: int, memo: dict[int, int]) -> int:
        """The same function with every terminal mapped, in the table ``into`` of the same order."""
        found = memo.get(node)
        if found is not None:
            return found
        branch = self._nodes[node]
        if branch is None:
            result = into.leaf(values(self.value(node)))
        else:
            rank, low, high = branch
            result = into._branch(rank, self.rename(values, into, low, memo), self.rename(values, into, high, memo))
        memo[node] = result
        return result

    def leaves(self, node: int) -> list[V]:
        """The values the function takes, in the order a low-first walk meets them."""
        seen: set[int] = set()
        found: list[V] = []
        stack = [node]
        while stack:
            top = stack.pop()
            if top in seen:
                continue
            seen.add(top)
            branch = self._nodes[top]
            if branch is None:
                found.append(self.value(top))
            else:
                stack += [branch[2], branch[1]]
        return found

    def cubes(self, node: int) -> Iterator[tuple[dict[str, bool], V]]:
        """Disjoint cubes that cover all valuations, each with the function's value there."""
        stack: list[tuple[int, dict[str, bool]]] = [(node, {})]
        while stack:
            top, cube = stack.pop()
            branch = self._nodes[top]
            if branch is None:
                yield cube, self.value(top)
            else:
                rank, low, high = branch
                stack.append((high, {**cube, self.order[rank]: True}))
                stack.append((low, {**cube, self.order[rank]: False}))
