"""The transitions of a deterministic automaton as shared decision diagrams, read as if they were tuples of edges.

Eight independent rules have 257 states and 390,625 disjoint cubes, but a diagram of some thousand nodes: the cubes of a
state are written out only where somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

from agentspec.automata.letter import Letter

Edges = tuple[tuple[Letter, int], ...]

REJECTED = -1
_KEPT = 20_000


@dataclass(frozen=True, eq=False)
class Decisions(Sequence[Edges]):
    """``self[q]`` holds ``(letter, target)`` for state ``q``: disjoint cubes, in the order of a low-first walk.

    A node is a number from 0 and tests ``names[node]``; ``REJECTED`` is no transition, ``-2 - t`` leads to state ``t``.
    Two are equal exactly if their transitions are, given the same order of tests.
    """

    roots: tuple[int, ...]
    names: tuple[str, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    _cubes: dict[int, Edges] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.roots)

    @overload
    def __getitem__(self, index: int) -> Edges: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Edges, ...]: ...
    def __getitem__(self, index: int | slice) -> Edges | tuple[Edges, ...]:
        if isinstance(index, slice):
            return tuple([self[q] for q in range(len(self))[index]])
        state = range(len(self))[index]
        found = self._cubes.get(state)
        if found is None:
            found = tuple(self._walk(self.roots[state]))
            if sum(map(len, self._cubes.values())) + len(found) <= _KEPT:
                self._cubes[state] = found
        return found

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Decisions):
            return self._key() == other._key()
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[tuple[object, ...], ...]:
        return self.roots, self.names, self.low, self.high

    def __reduce__(self) -> tuple[type[Decisions], tuple[tuple[object, ...], ...]]:
        return Decisions, self._key()

    def step(self, state: int, valuation: Collection[str]) -> int | None:
        """The successor under a valuation (the set of true propositions): at most one test a proposition."""
        node = self.roots[state]
        names, low, high = self.names, self.low, self.high
        while node >= 0:
            node = high[node] if names[node] in valuation else low[node]
        return None if node == REJECTED else -2 - node

    def successors(self, state: int) -> tuple[int, ...]:
        """The different targets of a state, in the order of its cubes."""
        return tuple([-2 - leaf for leaf in self._leaves(state) if leaf != REJECTED])

    def complete(self, state: int) -> bool:
        """Whether every valuation has a transition."""
        return REJECTED not in self._leaves(state)

    def reaching(self, goal: Collection[int], *, rejection: bool = False) -> frozenset[int]:
        """The states from which one of ``goal`` can be reached, or with ``rejection`` a missing transition.

        Along the diagrams, which may be far fewer than the pairs of states they join.
        """
        above: dict[int, list[int]] = {}
        for node, below in enumerate(zip(self.low, self.high, strict=True)):
            for one in below:
                above.setdefault(one, []).append(node)
        states: dict[int, list[int]] = {}
        for state, root in enumerate(self.roots):
            states.setdefault(root, []).append(state)
        found = set(goal)
        stack = [*(-2 - state for state in found), *([REJECTED] if rejection else [])]
        seen = set(stack)
        while stack:
            node = stack.pop()
            reached = [state for state in states.get(node, ()) if state not in found]
            found.update(reached)
            for one in (*above.get(node, ()), *(-2 - state for state in reached)):
                if one not in seen:
                    seen.add(one)
                    stack.append(one)
        return frozenset(found)

    def letters(self) -> tuple[int, ...]:
        """For each state the number of its cubes, counted without writing them out."""
        found: dict[int, int] = {}
        for root in self.roots:
            stack = [root]
            while stack:
                node = stack.pop()
                if node in found:
                    continue
                if node < 0:
                    found[node] = int(node != REJECTED)
                    continue
                below = self.low[node], self.high[node]
                missing = [one for one in below if one not in found]
                stack += [node, *missing] if missing else []
                if not missing:
                    found[node] = found[below[0]] + found[below[1]]
        return tuple([found[root] for root in self.roots])

    def _leaves(self, state: int) -> list[int]:
        seen: set[int] = set()
        found: list[int] = []
        stack = [self.roots[state]]
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node < 0:
                found.append(node)
            else:
                stack += (self.high[node], self.low[node])
        return found

    def _walk(self, root: int) -> Iterator[tuple[Letter, int]]:
        stack: list[tuple[int, tuple[str, ...], tuple[str, ...]]] = [(root, (), ())]
        while stack:
            node, true, false = stack.pop()
            if node >= 0:
                name = (self.names[node],)
                stack.append((self.high[node], true + name, false))
                stack.append((self.low[node], true, false + name))
            elif node != REJECTED:
                yield Letter(frozenset(true), frozenset(false)), -2 - node
