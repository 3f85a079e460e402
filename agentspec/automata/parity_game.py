"""Parity games: winning regions by Zielonka's recursive algorithm, and progress measures within one's own region.

Player 0 wins a play if the least priority seen infinitely often is even; a player who cannot move loses. The regions:
Zielonka, "Infinite games on finitely coloured graphs" (1998), as one recursion a priority with a loop inside. The
measures: Jurdzinski, "Small progress measures for solving parity games" (2000); keeping to moves along which they do
not grow (and fall at an odd priority) wins, whichever of those moves is taken (Bernet, Janin & Walukiewicz,
"Permissive strategies: from parity games to safety games", 2002).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

Measure = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ParityGame:
    """Vertices are ``0 .. len(owner) - 1``; ``owner[v]`` is the player (0 or 1) who moves at ``v``."""

    owner: tuple[int, ...]
    priority: tuple[int, ...]
    successors: tuple[tuple[int, ...], ...]

    @cached_property
    def predecessors(self) -> tuple[tuple[int, ...], ...]:
        """One entry an edge, as in ``successors``."""
        before: list[list[int]] = [[] for _ in self.owner]
        for v, targets in enumerate(self.successors):
            for target in targets:
                before[target].append(v)
        return tuple(map(tuple, before))

    @cached_property
    def winning(self) -> tuple[frozenset[int], frozenset[int]]:
        """The vertices from which player 0 wins, and those from which player 1 does."""
        won: tuple[set[int], set[int]] = (set(), set())
        rest = set(range(len(self.owner)))
        for loser in (0, 1):
            stuck = [v for v in rest if self.owner[v] == loser and not self.successors[v]]
            lost = self.attractor(1 - loser, stuck, rest)
            won[1 - loser].update(lost)
            rest -= lost
        for player, region in enumerate(self._solve(rest)):
            won[player].update(region)
        return frozenset(won[0]), frozenset(won[1])

    def attractor(self, player: int, goal: Collection[int], within: Collection[int]) -> set[int]:
        """The vertices of ``within`` from which ``player`` can force a visit to ``goal``, staying inside."""
        reached = set(goal)
        queue = deque(reached)
        waiting: dict[int, int] = {}
        while queue:
            for v in self.predecessors[queue.popleft()]:
                if v in reached or v not in within:
                    continue
                if self.owner[v] != player:
                    left = waiting[v] if v in waiting else sum(t in within for t in self.successors[v])
                    waiting[v] = left - 1
                    if left > 1:
                        continue
                reached.add(v)
                queue.append(v)
        return reached

    def _solve(self, vertices: set[int]) -> tuple[set[int], set[int]]:
        """The regions of a subgame in which everybody can always move."""
        won: tuple[set[int], set[int]] = (set(), set())
        while vertices:
            least = min(self.priority[v] for v in vertices)
            player = least % 2
            drawn = self.attractor(player, [v for v in vertices if self.priority[v] == least], vertices)
            others = self._solve(vertices - drawn)[1 - player]
            if not others:
                won[player].update(vertices)
                return won
            lost = self.attractor(1 - player, others, vertices)
            won[1 - player].update(lost)
            vertices = vertices - lost
        return won

    def measures(self, player: int) -> dict[int, Measure]:
        """Progress measures of ``player``, for each vertex of the player's own winning region.

        A measure counts, for each priority that is bad for the player (most significant first), how often it can be
        seen at most before a better one. Measures are compared up to the priority of the vertex that is left.
        """
        counted = self._counted(player)
        return self._lifted(player) if counted is None else counted

    def _counted(self, player: int) -> dict[int, Measure] | None:
        """As `measures` where one priority alone is bad and better ones can always be forced: counted from these."""
        region = self.winning[player]
        bad = {self.priority[v] for v in region if self.priority[v] % 2 != player}
        if len(bad) != 1:
            return None
        worst = next(iter(bad))
        value = {v: 0 for v in region if self.priority[v] < worst}
        queue = deque((v, 0) for v in value)
        waiting: dict[int, int] = {}
        done: set[int] = set()
        while queue:
            target, least = queue.popleft()
            if target in done:
                continue
            done.add(target)
            value[target] = least
            for v in self.predecessors[target]:
                if v not in region or v in done or self.priority[v] < worst:
                    continue
                if self.owner[v] != player:
                    waiting[v] = waiting.get(v, len(self.successors[v])) - 1
                    if waiting[v]:
                        continue
                if self.priority[v] == worst:
                    queue.append((v, least + 1))
                else:
                    queue.appendleft((v, least))
        return {v: (value[v],) for v in region} if len(done) == len(region) else None

    def _lifted(self, player: int) -> dict[int, Measure]:
        """The least measures, lifted from nothing until no vertex asks for more."""
        region = self.winning[player]
        bad = sorted({self.priority[v] for v in region if self.priority[v] % 2 != player})
        most = [sum(self.priority[v] == p for v in region) for p in bad]
        upto = {p: sum(q <= p for q in bad) for p in {self.priority[v] for v in region}}
        value: dict[int, Measure] = dict.fromkeys(region, (0,) * len(bad))
        queue = deque(region)
        queued = set(region)
        while queue:
            v = queue.popleft()
            queued.discard(v)
            targets = [value[t] for t in self.successors[v] if t in region]
            if not targets:  # the other player is stuck
                continue
            size = upto[self.priority[v]]
            needed = (min if self.owner[v] == player else max)(targets)[:size]
            if self.priority[v] % 2 != player:
                needed = _next(needed, most)
            needed += (0,) * (len(bad) - size)
            if needed > value[v]:
                value[v] = needed
                fresh = [u for u in self.predecessors[v] if u in region and u not in queued]
                queue.extend(dict.fromkeys(fresh))
                queued.update(fresh)
        return value


def _next(measure: Measure, most: list[int]) -> Measure:
    """The least larger measure of the same length; the part at ``i`` is at most ``most[i]``."""
    parts = list(measure)
    for i in reversed(range(len(parts))):
        if parts[i] < most[i] or i == 0:
            parts[i] += 1
            break
        parts[i] = 0
    return tuple(parts)
