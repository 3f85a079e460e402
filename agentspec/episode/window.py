"""The context window: how much of a budget it holds beside the prompt, with all that tools and handlers may say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.engines.engine import Engine
from agentspec.episode.observe import observed
from agentspec.guard.budget import Budget


@dataclass(frozen=True, eq=False)
class Window:
    """What behind a prompt may need room. ``suffices`` says whether a good end is sure within a budget."""

    compiled: Compiled
    engine: Engine
    asked: Budget
    suffices: Callable[[Budget], bool]

    def within(self, room: int) -> Budget | None:
        """What was asked for, lowered to what so many tokens hold with all observations; None for too few tokens.

        Calls are given up first, then steps, of which handlers may write some.
        """
        for steps, most in self._most_told:
            for calls in range(self.asked.calls, -1, -1):
                budget = Budget(min(self.asked.tokens, room - most - calls * self._largest), steps, calls)
                if self.suffices(budget):
                    return budget
        return None

    def need(self, limits: Budget) -> int:
        """The most tokens that may come behind the prompt, or in sessions behind the user's line."""
        return limits.tokens + limits.calls * self._largest + self._most_told[0][1]

    @cached_property
    def _largest(self) -> int:
        """The most tokens that the answer to a call takes."""
        steps = self.compiled.agent.spec.steps
        answers = [name for name, step in steps.items() if step.handler is None]
        return max((observed(self.compiled, self.engine, name) for name in answers), default=0)

    @cached_property
    def _most_told(self) -> list[tuple[int, int]]:
        """The most tokens that steps which code writes take, by the steps of the episode, the most of them first."""
        return list(most_told(self.compiled, self.engine, self.asked.steps))


def most_told(compiled: Compiled, engine: Engine, steps: int) -> Iterator[tuple[int, int]]:
    """The most tokens that handlers' steps may add to the text in an episode of so many steps, and of fewer.

    From ``steps`` down, each number of steps that is the largest with what it may add.
    """
    spec = compiled.agent.spec
    room = {name: observed(compiled, engine, name) for name in spec.handlers if spec.steps[name].owner == Owner.TOOL}
    most = _told_within(compiled, room, steps) if any(room.values()) else [0]
    yield steps, most[-1]
    for many in range(len(most) - 2, -1, -1):
        if most[many] < most[many + 1]:
            yield many, most[many]


def _told_within(compiled: Compiled, room: dict[str, int], steps: int) -> list[int]:
    """What handlers may add at most from the start within 0, 1, 2 … steps, as long as more steps may add more."""
    arena, winning = compiled.arena, compiled.solution.rank
    ways = {
        (q, target, room.get(str(letter.step), 0)) for q in winning for letter, target in arena.kept(q, winning).items()
    }
    told, found = [0] * len(arena.moves), [0]
    while len(found) <= steps:
        longer = list(told)
        for q, target, more in ways:
            longer[q] = max(longer[q], told[target] + more)
        if longer == told:
            break
        told = longer
        found.append(told[arena.initial])
    return found
