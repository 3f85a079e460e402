"""What a step handler is given, and what it gives.

A handler is code that writes a step. At a tool's step its text is what the environment says there: data, whatever it
is, and a fault of the handler is ``error``. At a step of the model it proposes: its text is written, without a model
call, where guard, constraint and budget allow it; else, or where it proposes None, the model writes. So no handler can
break a rule or the budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from agentspec.errors import InvalidInput, nearest


@dataclass(frozen=True)
class Written:
    """A step of the episode: its name, its text, the tool it calls or answers, and a tool's result as JSON."""

    step: str
    content: str
    tool: str | None = None
    failed: bool = False
    value: Any = None


@dataclass(frozen=True)
class Answer:
    """How an agent that was asked ended: ``text`` is its answer, None unless ``status`` is accepted."""

    text: str | None
    status: str
    steps: tuple[Written, ...] = ()


@dataclass(frozen=True)
class Said:
    """A text with the value it stands for, which later handlers read as `Written.value`."""

    text: str
    value: Any = None


@dataclass(frozen=True)
class Moment:
    """Where the episode is when the step named ``step`` is to be written.

    ``seed`` is the run's; ``agents`` are the names of those that may be asked.
    """

    step: str
    task: str
    steps: tuple[Written, ...]
    seed: int = 0
    agents: tuple[str, ...] = ()
    asked: Callable[[str, str, int, float], Answer] | None = field(default=None, repr=False)
    weighed: Callable[[str], tuple[float, int]] | None = field(default=None, repr=False)

    def latest(self, step: str) -> Written | None:
        """The last step of a name, None where there is none."""
        return next((one for one in reversed(self.steps) if one.step == step), None)

    def since(self, step: str) -> tuple[Written, ...]:
        """The steps behind the last one of a name; all where there is none."""
        at = max((i for i, one in enumerate(self.steps) if one.step == step), default=-1)
        return self.steps[at + 1 :]

    def ask(self, agent: str, task: str | None = None, *, seed: int = 0, temperature: float = 0.0) -> Answer:
        """Run an agent on a task, by default that of the run, under its own guard, limits and tools.

        It has the model of this run and knows nothing of what was written here. Raises InvalidInput for an agent that
        the file does not name.
        """
        if agent not in self.agents or self.asked is None:
            hint = nearest(agent, [*self.agents]) if self.agents else ": it names none"
            raise InvalidInput(f"'{agent}' is no agent that '{self.step}' may ask{hint}")
        return self.asked(agent, self.task if task is None else task, seed, temperature)

    def weigh(self, text: str) -> tuple[float, int]:
        """The natural logarithm of the probability with which the model would write the text here, and its tokens."""
        if self.weighed is None:
            raise InvalidInput(f"there is no model to weigh a text of '{self.step}' by")
        return self.weighed(text)


class StepHandler(Protocol):
    """Code that writes a step; ``settings`` are those behind ``with``."""

    def __call__(self, moment: Moment, /, **settings: Any) -> str | Said | None:
        """The text of the step, or None where it has none to propose. ToolError says that it failed, in its words."""
