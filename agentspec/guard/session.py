"""The guard of a session without an end: safety always, and what is owed within bounded turns.

A *turn* is what happens between two positions of the user. Most turns are *free*: every move inside the winning region.
While something is owed at the beginning of a turn, patience falls by one; where it is used up the turn is *ranked*:
only moves along which the progress measure does not grow. Patience is restored when the debt is paid.

Why that wins: priorities seen are even (good) or odd (bad), the least one seen for ever decides. The *debt* is the
least odd priority since the last payment, a payment an even priority below it. If payments go on for ever, no odd
priority can be the least: after each of its occurrences a smaller even one follows. If they stop while a debt is left,
patience runs out and all further turns are ranked, which wins from any position on. For one kind of obligation, or
several (Büchi, generalised Büchi), this is: at most ``patience`` turns with something owed, then straight to it.

Each turn has the limits of the agent to itself: a letter is offered only if the next position of the user is sure to be
reached within them. Turns that need not come to the user again have no such end; they are ranked, and stop at a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

from agentspec.automata.game import Solution
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega_game import Positions
from agentspec.automata.product import Arena
from agentspec.errors import BudgetRefused, EngineFault
from agentspec.guard.budget import Budget, Costs
from agentspec.guard.guard import Guard, Position

NOTHING_OWED = 1_000_000
PATIENCE = 3


class TurnGuard(Guard):
    """A guard whose good ends are those of a turn, at which nothing is written."""

    def may_end(self, state: int) -> bool:
        """A session does not end."""
        del state
        return False


@dataclass(frozen=True, eq=False)
class SessionGuard:
    """Shared between sessions. Its states are positions: arena states with the memory of what is owed."""

    positions: Positions
    weights: dict[Letter, int]
    patience: int = PATIENCE
    fallible: frozenset[str] = frozenset()

    @property
    def arena(self) -> Arena:
        """The arena of the positions, before pruning."""
        return self.positions.arena

    @cached_property
    def free(self) -> TurnGuard:
        """Every move inside the winning region, on the way to the next position of the user."""
        return self._turns(self._kept(ranked=False), endless=False)

    @cached_property
    def ranked(self) -> TurnGuard:
        """Only moves that bring what is owed nearer, on the way to the next position of the user."""
        return self._turns(self._kept(ranked=True), endless=False)

    @cached_property
    def endless(self) -> TurnGuard:
        """Moves that bring what is owed nearer, for turns that may never come to the user again."""
        return self._turns(self._kept(ranked=True), endless=True)

    def _kept(self, *, ranked: bool) -> tuple[dict[Letter, int], ...]:
        found, winning = self.positions, self.positions.winning
        kept: list[dict[Letter, int]] = []
        for v, moves in enumerate(found.arena.moves):
            if v not in winning:
                kept.append({})
            elif found.arena.owner[v] != Owner.MODEL:
                kept.append(moves)
            elif ranked:
                kept.append({a: moves[a] for a in found.ranked(v)})
            else:
                kept.append(found.arena.kept(v, winning))
        return tuple(kept)

    def _turns(self, moves: tuple[dict[Letter, int], ...], *, endless: bool) -> TurnGuard:
        whole, winning = self.positions.arena, self.positions.winning
        goals = frozenset(
            v for v in winning if whole.owner[v] == Owner.USER or (endless and whole.owner[v] != Owner.TOOL)
        )
        arena = replace(whole, moves=moves, accepting=goals)
        return TurnGuard(arena, Solution(dict.fromkeys(winning, 0)), Costs(arena, self.weights), fallible=self.fallible)

    # Turns --------------------------------------------------------------------------------------------------------

    def guard_of(self, state: int, *, ranked: bool) -> TurnGuard:
        """The guard of a turn that begins at the user's position ``state``."""
        if self._is_endless(state):
            return self.endless
        return self.ranked if ranked else self.free

    def _is_endless(self, state: int) -> bool:
        """Whether some answer to the user need not lead to the user again, however large the budget."""
        costs, plenty = self.ranked.costs, 10**9
        return any(costs.tokens(t, plenty, plenty) == float("inf") for t in self.arena.moves[state].values())

    def refuse_hopeless(self, budget: Budget) -> None:
        """Raises BudgetRefused where no number of tokens would suffice."""
        if not self.suffices(replace(budget, tokens=10**9)):
            raise BudgetRefused(f"a turn cannot surely end within {budget}; one that suffices: {self.least()}")

    def suffices(self, budget: Budget) -> bool:
        """Whether every turn that can come, ranked ones too, is sure to end within ``budget``."""
        return all(self.turn_fits(v, budget) for v in self._waiting)

    def turn_fits(self, state: int, budget: Budget) -> bool:
        """Whether a turn that begins at the user's position ``state`` is sure to end within ``budget``."""
        guard = self.guard_of(state, ranked=True)
        return all(guard.costs.fits(t, budget.after(a, 0)) for a, t in self.arena.moves[state].items())

    @cached_property
    def _waiting(self) -> tuple[int, ...]:
        """The user's positions that a session can come to."""
        seen = {self.arena.initial}
        queue = [self.arena.initial]
        for v in queue:
            for target in self.free.arena.moves[v].values():
                if target not in seen:
                    seen.add(target)
                    queue.append(target)
        return tuple(v for v in queue if self.arena.owner[v] == Owner.USER)

    def least(self) -> Budget:
        """A budget of a turn that suffices: least in tokens, then in steps, then in calls."""
        costs, many = self.ranked.costs, len(self.arena) + 1
        targets = [
            t for v in self._waiting if not self._is_endless(v) for t in self.arena.moves[v].values()
        ]  # fmt: skip
        best = Budget(int(max((costs.tokens(t, many, many) for t in targets), default=0)), many + 1, many)
        for part in ("steps", "calls"):
            low, high = 0, getattr(best, part)
            while low < high:
                middle = (low + high) // 2
                if self.suffices(replace(best, **{part: middle})):
                    high = middle
                else:
                    low = middle + 1
            best = replace(best, **{part: low})
        return best

    def start(self, budget: Budget) -> SessionPosition:
        """A position before the first step; ``budget`` is that of each turn.

        Raises BudgetRefused, with one feasible budget, when a turn could be too long for it.
        """
        if not self.suffices(budget):
            raise BudgetRefused(f"a turn cannot surely end within {budget}; one that suffices: {self.least()}")
        state = self.arena.initial
        guard = self.guard_of(state, ranked=False)
        return SessionPosition(guard, state, budget, session=self, limits=budget, patience=self.patience)


@dataclass
class SessionPosition(Position):
    """A cursor whose guard changes from turn to turn; a turn begins with the user's step.

    ``limits`` is the budget of the next turn. ``debt`` is the least bad priority not paid for yet, ``patience`` the
    number of turns that may still begin with a debt before one is ranked.
    """

    session: SessionGuard = field(kw_only=True)
    limits: Budget = field(kw_only=True)
    patience: int = field(kw_only=True)
    debt: int = NOTHING_OWED
    ranked: bool = False
    turn: int = 0
    _turns: list[tuple[Guard, int, int, bool, int]] = field(default_factory=list)

    @property
    def owes(self) -> bool:
        """Whether something is owed that was not paid for."""
        return self.debt != NOTHING_OWED

    def advance(self, letter: Letter, tokens: int = 0, *, landed: bool = False) -> None:
        """Take a step, as `Position.advance`; the user's step begins a turn."""
        before = (self.guard, self.patience, self.debt, self.ranked, self.turn)
        state, left = self.state, self.left
        try:
            if self.owner == Owner.USER:
                self._begin_turn()
            super().advance(letter, tokens, landed=landed)
        except EngineFault:
            self.guard, self.patience, self.debt, self.ranked, self.turn = before
            self.left = left
            raise
        self._past[-1] = (state, left)
        self._turns.append(before)
        self._settle(self.session.positions.priority[state][letter])

    def rollback(self, steps: int = 1) -> None:
        """Undo the last ``steps`` advances. Raises ValueError when there are fewer."""
        super().rollback(steps)
        for _ in range(steps):
            self.guard, self.patience, self.debt, self.ranked, self.turn = self._turns.pop()

    def _begin_turn(self) -> None:
        self.ranked = self.owes and self.patience == 0
        if self.owes and not self.ranked:
            self.patience -= 1
        self.turn += 1
        self.guard = self.session.guard_of(self.state, ranked=self.ranked)
        self.left = self.limits

    def _settle(self, priority: int) -> None:
        """Pay with an even priority below the debt, or owe an odd one."""
        if priority % 2:
            self.debt = min(self.debt, priority)
        elif priority < self.debt:
            self.debt, self.patience = NOTHING_OWED, self.session.patience
