"""Budgets and cost-to-go: what the cheapest good ending costs from everywhere, whatever the adversary does.

``tokens(q, s, c)`` is the least number of tokens with which the model can surely end well from arena state ``q``
with ``s`` steps and ``c`` tool calls left; a minimax over the arena with worst-case weights, computed by layers in
``s`` until a layer repeats its predecessor (then all later ones do).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from agentspec.automata.letter import Letter
from agentspec.automata.product import VIOLATED, Arena
from agentspec.errors import TooLarge

CELL_LIMIT = 5_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left of an episode: tokens the model emits, steps of every owner, completed tool calls."""

    tokens: int
    steps: int
    calls: int

    def after(self, letter: Letter, tokens: int) -> Budget:
        """The budget once ``letter`` was written with so many tokens of the model."""
        return Budget(self.tokens - tokens, self.steps - 1, self.calls - letter.completes_call)

    def __str__(self) -> str:
        return f"{self.tokens} tokens, {self.steps} steps, {self.calls} tool call{'' if self.calls == 1 else 's'}"


@dataclass(frozen=True, eq=False)
class Costs:
    """Cost-to-go over an arena. ``weights`` bounds the tokens of each of the model's letters, cue and border included.

    Ending costs nothing: its token is drawn only where a letter is offered beside it, so where one at least is left.
    """

    arena: Arena
    weights: dict[Letter, int]

    def tokens(self, state: int, steps: int, calls: int) -> float:
        """The least sure cost in tokens from ``state``; infinite where no budget of tokens suffices.

        An optimal play repeats no state, so steps and calls beyond the number of states change nothing.
        """
        if state == VIOLATED or steps < 0 or calls < 0:
            return math.inf
        layers = self._layers
        return layers[min(steps, len(layers) - 1)][min(calls, len(layers[0]) - 1)][state]

    def fits(self, state: int, left: Budget) -> bool:
        """Whether a good end is sure from ``state`` with the budget."""
        return self.tokens(state, left.steps, left.calls) <= left.tokens

    def least(self) -> Budget:
        """A feasible budget from the start: least in tokens, then in steps, then in calls.

        The start must be winning.
        """
        start, many = self.arena.initial, self._most_calls
        best = Budget(int(self.tokens(start, len(self._layers), many)), len(self._layers), many)
        while self.fits(start, shorter := replace(best, steps=best.steps - 1)):
            best = shorter
        while self.fits(start, fewer := replace(best, calls=best.calls - 1)):
            best = fewer
        return best

    @cached_property
    def _most_calls(self) -> int:
        """No optimal play completes more calls: it repeats no state."""
        return sum(any(letter.completes_call for letter in moves) for moves in self.arena.moves)

    @cached_property
    def _layers(self) -> list[list[list[float]]]:
        layers = [self._first()]
        cells = len(self.arena) * (self._most_calls + 1)
        while len(layers) < 2 or layers[-1] != layers[-2]:
            if cells * len(layers) > CELL_LIMIT:
                raise TooLarge(
                    f"the costs of {len(self.arena)} states with up to {self._most_calls} calls are more than "
                    f"{CELL_LIMIT} numbers; use smaller repeats in the behavior"
                )
            layers.append(self._next(layers[-1]))
        return layers

    def _first(self) -> list[list[float]]:
        states = range(len(self.arena))
        ends = [0.0 if q in self.arena.accepting else math.inf for q in states]
        return [ends] * (self._most_calls + 1)

    def _next(self, shorter: list[list[float]]) -> list[list[float]]:
        return [[self._best(q, c, shorter) for q in range(len(self.arena))] for c in range(len(shorter))]

    def _best(self, state: int, calls: int, shorter: list[list[float]]) -> float:
        best = 0.0 if state in self.arena.accepting else math.inf
        moves = self.arena.moves[state]
        for choice in self.arena.choices[state]:
            best = min(best, max(self._after(letter, moves[letter], calls, shorter) for letter in choice))
        return best

    def _after(self, letter: Letter, target: int, calls: int, shorter: list[list[float]]) -> float:
        if target == VIOLATED or calls < letter.completes_call:
            return math.inf
        return self.weights.get(letter, 0) + shorter[calls - letter.completes_call][target]
