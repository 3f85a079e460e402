"""The guard: behavior, rules and game in one immutable object, and a small cursor on it.

A position offers exactly the letters after which a good end is still sure: their targets are winning and, under a
budget, the letter's least tokens and the cost-to-go behind it fit what is left (the most permissive strategy within the
budget). That what is written as the letter stays within what is left is the decoder's affair (`decoding.landing`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from agentspec.automata.game import Solution
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena
from agentspec.errors import BudgetRefused, EngineFault
from agentspec.guard.budget import Budget, Costs

TRIES = 8
"""How often a step is written where the guarantee is partial, before the run stops."""


@dataclass(frozen=True, eq=False)
class Guard:
    """Shared between episodes; all state is in ``Position``.

    ``sure`` is there where the guarantee is partial: the guard of the same arena in which the model is not ``knowing``.
    From where that one has a good end, it decides; elsewhere letters are offered that a text may fail to be. Texts of
    the steps in ``fallible`` may fail by themselves. Before steps in ``proposed`` the model stops: code may write them.
    """

    arena: Arena
    solution: Solution
    costs: Costs
    sure: Guard | None = None
    fallible: frozenset[str] = frozenset()
    proposed: frozenset[str] = frozenset()

    def start(self, budget: Budget) -> Position:
        """A position before the first step. Raises BudgetRefused, with one feasible budget, when it is too small."""
        if not self.suffices(budget):
            raise BudgetRefused(f"an episode cannot surely end within {budget}; one that suffices: {self.least()}")
        return Position(self, self.arena.initial, budget)

    def refuse_hopeless(self, budget: Budget) -> None:
        """Raises BudgetRefused where no number of tokens would suffice."""
        if not self.suffices(replace(budget, tokens=10**9)):
            raise BudgetRefused(f"an episode cannot surely end within {budget}; one that suffices: {self.least()}")

    def suffices(self, budget: Budget) -> bool:
        """Whether an episode surely ends within ``budget``."""
        return self.costs.fits(self.arena.initial, budget)

    def least(self) -> Budget:
        """A feasible budget: least in tokens, then in steps, then in calls."""
        return self.costs.least()

    def owner(self, state: int) -> Owner | None:
        """Who writes next; None where the episode can only end."""
        return self.arena.owner[state]

    def offered(self, state: int, left: Budget) -> tuple[Letter, ...]:
        """The model's letters at ``state`` after which a good end is sure within the budget.

        Letters that differ in nothing but what is open are offered together or not at all.
        """
        return tuple(letter for choice in self.offered_choices(state, left) for letter in choice)

    def offered_choices(self, state: int, left: Budget) -> tuple[tuple[Letter, ...], ...]:
        """What the model may choose among at ``state``: the letters offered, those that one text may be together."""
        if self.arena.owner[state] != Owner.MODEL:
            return ()
        guard = self.deciding(state, left)
        return tuple(
            choice
            for choice in guard.arena.choices[state]
            if all(guard._holds(letter, guard.arena.moves[state][letter], left) for letter in choice)
        )

    def deciding(self, state: int, left: Budget) -> Guard:
        """The guard that decides at ``state``: the sure one, where there is one, as long as it has a good end."""
        return self.sure if self.sure is not None and self.sure.costs.fits(state, left) else self

    def _holds(self, letter: Letter, target: int, left: Budget) -> bool:
        weight = self.costs.weights.get(letter, 0)
        return target in self.solution.rank and self.costs.fits(target, left.after(letter, weight))

    def endures(self, state: int, left: Budget) -> bool:
        """Whether a good end is sure within the budget whichever of the letters at ``state`` others write."""
        guard = self.deciding(state, left)
        return all(guard._holds(letter, target, left) for letter, target in guard.arena.moves[state].items())

    def turns_out(self, state: int, offered: Collection[Letter]) -> tuple[Letter, ...]:
        """The letters that a text of those offered at ``state`` may turn out to be; more only where it may fail."""
        if self.sure is None:
            return tuple(offered)
        choices = {letter.choice for letter in offered}
        return tuple(letter for letter in self.arena.moves[state] if letter.choice in choices)

    def may_end(self, state: int) -> bool:
        """Whether the model may end here: by a token where letters are offered beside it, else without one."""
        return state in self.arena.accepting

    def possible(self, state: int) -> tuple[Letter, ...]:
        """The letters that exist at ``state``, whoever writes them, wanted or not."""
        return tuple(self.arena.moves[state])

    def excluded(self, state: int) -> dict[Letter, str]:
        """The letters of tools and users that an assumption rules out at ``state``, each with its name."""
        return self.arena.excluded[state] if self.arena.excluded else {}


@dataclass
class Position:
    """A cursor: the arena state and the budget left, with its history for ``rollback``."""

    guard: Guard
    state: int
    left: Budget
    _past: list[tuple[int, Budget]] = field(default_factory=list)

    @property
    def owner(self) -> Owner | None:
        """Who writes next; None where the episode can only end."""
        return self.guard.owner(self.state)

    @property
    def is_accepting(self) -> bool:
        """Whether the episode may end here."""
        return self.guard.may_end(self.state)

    @property
    def must_end(self) -> bool:
        """Whether ending is all that is left: a step of code that need not be is there where it can do no harm."""
        if not self.is_accepting or self.owner == Owner.USER:
            return False
        if self.owner == Owner.TOOL:
            return not self.guard.endures(self.state, self.left)
        return not self.allowed()

    def allowed(self) -> tuple[Letter, ...]:
        """The letters allowed next: the model's as ``Guard.offered``, the adversary's as they exist."""
        if self.owner == Owner.MODEL:
            return self.guard.offered(self.state, self.left)
        return self.guard.possible(self.state)

    def advance(self, letter: Letter, tokens: int = 0, *, landed: bool = False) -> None:
        """Take a step that cost the model ``tokens``. Raises EngineFault, and stays, where it is not allowed.

        A step that has ``landed`` was written under the budget, and part of the next one may be written and paid for
        already: only whether it is within the rules is asked.
        """
        target = self.guard.arena.moves[self.state].get(letter, VIOLATED)
        left = self.left.after(letter, tokens)
        if landed:
            if target not in self.guard.solution.rank:
                raise EngineFault(f"the guard does not allow {letter} here")
        elif letter not in self.allowed():
            raise EngineFault(f"the guard does not allow {letter} here; allowed: {_listed(self.allowed())}")
        elif target == VIOLATED or not self.guard.costs.fits(target, left):
            raise EngineFault(f"after {letter} with {tokens} tokens no good end is sure within {left}")
        self._past.append((self.state, self.left))
        self.state, self.left = target, left

    def spend(self, tokens: int) -> None:
        """Take tokens that were written and taken back off the budget."""
        self.left = replace(self.left, tokens=self.left.tokens - tokens)

    def rollback(self, steps: int = 1) -> None:
        """Undo the last ``steps`` advances. Raises ValueError when there are fewer."""
        if not 0 <= steps <= len(self._past):
            raise ValueError(f"{len(self._past)} steps can be undone, not {steps}")
        for _ in range(steps):
            self.state, self.left = self._past.pop()


def _listed(letters: tuple[Letter, ...]) -> str:
    return ", ".join(map(str, letters)) or "nothing"
