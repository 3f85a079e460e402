"""Binary decision diagrams: boolean functions as numbers, equal exactly if the numbers are.

Ordered, reduced and hash-consed (Bryant 1986). A function and its negation are neighbours (``f ^ 1``), so that
negation is free; ``FALSE`` is 0 and ``TRUE`` is 1. Variables are ranks: smaller ones are tested first.
"""

from __future__ import annotations

from agentspec.automata.effort import Effort

FALSE, TRUE = 0, 1
BELOW = 1 << 30
"""The rank of the two constants."""

_PAUSE = 4_096


class Bdd:
    """A table of functions; ``rank[f]`` is the first variable that ``f`` tests, ``low[f]`` and ``high[f]`` the rest.

    Operations raise TooLarge where ``effort`` says so, and RecursionError on functions of some 900 variables.
    """

    def __init__(self, effort: Effort) -> None:
        self.rank = [BELOW, BELOW]
        self.low = [FALSE, TRUE]
        self.high = [FALSE, TRUE]
        self._effort = effort
        self._unique: dict[tuple[int, int, int], int] = {}
        self._and: dict[tuple[int, int], int] = {}
        self._ite: dict[tuple[int, int, int], int] = {}
        self._pause = _PAUSE

    def node(self, rank: int, low: int, high: int) -> int:
        """``high`` where variable ``rank`` is true, else ``low``; both must only test later variables."""
        if low == high:
            return low
        found = self._unique.get((rank, low, high))
        if found is None:
            found = len(self.rank)
            self._unique[rank, low, high] = found
            self._unique[rank, low ^ 1, high ^ 1] = found + 1
            self.rank += (rank, rank)
            self.low += (low, low ^ 1)
            self.high += (high, high ^ 1)
        return found

    def variable(self, rank: int) -> int:
        """The function that is true where variable ``rank`` is."""
        return self.node(rank, FALSE, TRUE)

    def conj(self, f: int, g: int) -> int:
        """``f & g``"""
        if f == g or g == TRUE:
            return f
        if f == TRUE:
            return g
        if f == FALSE or g == FALSE or f == g ^ 1:
            return FALSE
        key = (f, g) if f < g else (g, f)
        found = self._and.get(key)
        if found is not None:
            return found
        if len(self._and) > self._pause:
            self._look()
        top, other = self.rank[f], self.rank[g]
        if top == other:
            low = self.conj(self.low[f], self.low[g])
            high = self.conj(self.high[f], self.high[g])
        elif top < other:
            low = self.conj(self.low[f], g)
            high = self.conj(self.high[f], g)
        else:
            top = other
            low = self.conj(f, self.low[g])
            high = self.conj(f, self.high[g])
        self._and[key] = result = low if low == high else self.node(top, low, high)
        return result

    def disj(self, f: int, g: int) -> int:
        """``f | g``"""
        return self.conj(f ^ 1, g ^ 1) ^ 1

    def ite(self, f: int, g: int, h: int) -> int:
        """``g`` where ``f`` is true, else ``h``."""
        if f <= TRUE:
            return g if f else h
        if g == h:
            return g
        if g in (FALSE, f ^ 1):
            return self.conj(f ^ 1, h)
        if h in (FALSE, f):
            return self.conj(f, g)
        if g in (TRUE, f):
            return self.conj(f ^ 1, h ^ 1) ^ 1
        if h in (TRUE, f ^ 1):
            return self.conj(f, g ^ 1) ^ 1
        key = (f, g, h)
        found = self._ite.get(key)
        if found is not None:
            return found
        if len(self._ite) > self._pause:
            self._look()
        rank, low, high = self.rank, self.low, self.high
        top = min(rank[f], rank[g], rank[h])
        f0, f1 = (low[f], high[f]) if rank[f] == top else (f, f)
        g0, g1 = (low[g], high[g]) if rank[g] == top else (g, g)
        h0, h1 = (low[h], high[h]) if rank[h] == top else (h, h)
        result = self._ite[key] = self.node(top, self.ite(f0, g0, h0), self.ite(f1, g1, h1))
        return result

    def _look(self) -> None:
        work = max(len(self._and), len(self._ite))
        self._effort.spent(work)
        self._pause = work + _PAUSE

    def support(self, f: int) -> frozenset[int]:
        """The variables that ``f`` depends on."""
        seen: set[int] = set()
        found: set[int] = set()
        stack = [f]
        while stack:
            g = stack.pop() & ~1
            if g not in seen and g > TRUE:
                seen.add(g)
                found.add(self.rank[g])
                stack += (self.low[g], self.high[g])
        return frozenset(found)
