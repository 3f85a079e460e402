"""What a caller may set for one run."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict

from agentspec.engines.engine import Engine
from agentspec.episode.journal import Journal
from agentspec.episode.session import Partly
from agentspec.episode.trace import StepRecord
from agentspec.errors import InvalidInput
from agentspec.guard.budget import Budget
from agentspec.spec.model import LimitsModel

OnStep = Callable[[StepRecord], object]
Trace = str | os.PathLike[str] | Literal[False] | None


class Options(TypedDict, total=False):
    """The keyword arguments of ``run``, ``steps``, ``arun`` and ``asteps``; ``Settings`` says what each means."""

    seed: int
    temperature: float
    max_tokens: int | None
    max_steps: int | None
    max_tool_calls: int | None
    timeout: float | None
    engine: Engine | None
    trace: Trace
    lookahead: int
    logprobs: bool
    on_step: OnStep | None
    guarded: bool | Partly
    examples: int | None


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a run with their defaults. Raises InvalidInput naming the one that cannot be.

    ``temperature`` 0 takes the likeliest token, above it ``seed`` decides; the three ``max_`` and ``timeout`` (seconds)
    stand in for the agent's own limits; ``engine`` for its model. ``trace`` is the folder for the record of the run:
    None the usual one, False none. ``lookahead`` is how many tokens may be guessed from the text so far and checked in
    one forward, which changes no text; 0 for none. ``logprobs`` True records, for each step that the model writes, how
    likely it was with the mask and without (`StepRecord`). ``on_step`` is called with each step. ``guarded`` False lets
    the model write freely; ``"monitor"`` too, but what breaks a rule is taken back; ``"grammar"`` keeps steps to their
    forms and nothing else (`docs/evaluation.md`). ``examples`` is how many of the agent's worked episodes the prompt
    shows, where that is not what the agent says; 0 for none.
    """

    seed: int = 0
    temperature: float = 0.0
    max_tokens: int | None = None
    max_steps: int | None = None
    max_tool_calls: int | None = None
    timeout: float | None = None
    engine: Engine | None = None
    trace: Trace = None
    lookahead: int = 8
    logprobs: bool = False
    on_step: OnStep | None = None
    guarded: bool | Partly = True
    examples: int | None = None

    def __post_init__(self) -> None:
        _whole("seed", self.seed, None)
        _whole("max_tokens", self.max_tokens, 1)
        _whole("max_steps", self.max_steps, 1)
        _whole("max_tool_calls", self.max_tool_calls, 0)
        _whole("lookahead", self.lookahead, 0)
        _whole("examples", self.examples, 0)
        if not _number(self.temperature) or self.temperature < 0:
            raise InvalidInput(f"temperature is a number of 0 or more, not {self.temperature!r}")
        if self.timeout is not None and (not _number(self.timeout) or self.timeout <= 0):
            raise InvalidInput(f"timeout is a number of seconds above 0, not {self.timeout!r}")
        if not (self.trace is None or self.trace is False or isinstance(self.trace, str | os.PathLike)):
            raise InvalidInput(f"trace is a folder, False for none or None for the usual one, not {self.trace!r}")
        if self.guarded not in (True, False, "grammar", "monitor"):
            raise InvalidInput(f"guarded is True, False, 'grammar' or 'monitor', not {self.guarded!r}")
        if self.on_step is not None and not callable(self.on_step):
            raise InvalidInput(f"on_step is a function of a step, not {self.on_step!r}")

    def budget(self, limits: LimitsModel) -> Budget:
        """The budget of the run: the agent's limits where nothing else is asked for."""
        return Budget(
            limits.max_tokens if self.max_tokens is None else self.max_tokens,
            limits.max_steps if self.max_steps is None else self.max_steps,
            limits.max_tool_calls if self.max_tool_calls is None else self.max_tool_calls,
        )

    def journal(self, name: str) -> Journal | None:
        """The journal of the run, if it keeps one."""
        if self.trace is False:
            return None
        return Journal(name, None if self.trace is None else Path(self.trace).expanduser())


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(name: str, value: Any, least: int | None) -> None:
    if value is None and least is not None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        bound = "" if least is None else f" of {least} or more"
        raise InvalidInput(f"{name} is a whole number{bound}, not {value!r}")
