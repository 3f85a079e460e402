"""Budgets and cost-to-go: what the cheapest good ending costs from everywhere, whatever the adversary does.

``tokens(q, s, c)`` is the least number of tokens with which the model can surely end well from arena state ``q``
with ``s`` steps and ``c`` tool calls left; a minimax over the arena in which each letter costs its least. It is
computed call by call, and for each number of calls step by step. What has ``c`` calls left depends on what has ``c``
and what has ``c - 1``, one step shorter; so where a number of steps, or a number of calls, changes nothing, no larger
one does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from agentspec import limits
from agentspec.automata.letter import Letter
from agentspec.automata.product import VIOLATED, Arena
from agentspec.errors import TooLarge


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
    """Cost-to-go over an arena. ``weights`` are the tokens with which each of the model's letters can surely be
    written, cue and border included.

    Ending costs nothing: its token is drawn only where a letter is offered beside it, so where one at least is left.
    """

    arena: Arena
    weights: dict[Letter, int]

    def tokens(self, state: int, steps: int, calls: int) -> float:
        """The least sure cost in tokens from ``state``; infinite where no budget of tokens suffices."""
        if state == VIOLATED or steps < 0 or calls < 0:
            return math.inf
        layers = self._layers[min(calls, len(self._layers) - 1)]
        return layers[min(steps, len(layers) - 1)][state]

    def fits(self, state: int, left: Budget) -> bool:
        """Whether a good end is sure from ``state`` with the budget."""
        return self.tokens(state, left.steps, left.calls) <= left.tokens

    def least(self) -> Budget:
        """A feasible budget from the start: least in tokens, then in steps, then in calls.

        The start must be winning.
        """
        start, many, longest = self.arena.initial, len(self._layers), max(map(len, self._layers))
        best = Budget(int(self.tokens(start, longest, many)), longest, many)
        while self.fits(start, shorter := replace(best, steps=best.steps - 1)):
            best = shorter
        while self.fits(start, fewer := replace(best, calls=best.calls - 1)):
            best = fewer
        return best

    @cached_property
    def _layers(self) -> list[list[list[float]]]:
        """By the calls left, the steps left and the state; the last entry of each stands for all larger numbers."""
        layers: list[list[list[float]]] = []
        cells = 0
        while len(layers) < 2 or layers[-1] != layers[-2]:
            layers.append(self._with_calls(layers[-1] if layers else None, limits.COST_CELLS - cells))
            cells += len(self.arena) * len(layers[-1])
        return layers[:-1]

    def _with_calls(self, fewer: list[list[float]] | None, most: int) -> list[list[float]]:
        """The layers of one number of calls from those of one ``fewer``: at least as many as they are."""
        states = range(len(self.arena))
        settled = 1 if fewer is None else len(fewer)
        layers = [[0.0 if q in self.arena.accepting else math.inf for q in states]]
        while len(layers) <= settled or layers[-1] != layers[-2]:
            if len(layers) * len(states) > most:
                raise TooLarge(
                    f"what endings cost from {len(states)} states comes to more than {limits.COST_CELLS} numbers; "
                    "use smaller repeats in the behavior, or smaller numbers in the rules"
                )
            called = None if fewer is None else fewer[min(len(layers), settled) - 1]
            layers.append([self._best(q, layers[-1], called) for q in states])
        return layers[:-1]

    def _best(self, state: int, shorter: list[float], called: list[float] | None) -> float:
        best = 0.0 if state in self.arena.accepting else math.inf
        moves = self.arena.moves[state]
        for choice in self.arena.choices[state]:
            best = min(best, max(self._after(letter, moves[letter], shorter, called) for letter in choice))
        return best

    def _after(self, letter: Letter, target: int, shorter: list[float], called: list[float] | None) -> float:
        then = called if letter.completes_call else shorter
        if target == VIOLATED or then is None:
            return math.inf
        return self.weights.get(letter, 0) + then[target]
