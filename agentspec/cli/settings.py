"""What the command line may change of an agent's own settings, and what refuses a run before a model is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentspec.errors import BudgetRefused, SpecError

if TYPE_CHECKING:
    from agentspec.checking.compile import Compiled
    from agentspec.guard.budget import Budget


@dataclass(frozen=True)
class Settings:
    """What the command line may change of an agent's own settings; None leaves it."""

    model: str | None = None
    seed: int = 0
    temperature: float = 0.0
    max_tokens: int | None = None
    max_steps: int | None = None
    guarded: bool = True
    device: str = "auto"
    dtype: str = "auto"
    offline: bool = False
    tools: tuple[Path, ...] = ()
    examples: int | None = None


def checked(compiled: Compiled, task: str, settings: Settings) -> Budget:
    """The budget of the run. Raises what refuses the run before a model is loaded."""
    from agentspec.engines.device import check_names
    from agentspec.episode.episode import check_task
    from agentspec.episode.pool import pool_of
    from agentspec.guard.budget import Budget

    agent = compiled.agent
    check_task(task)
    check_names(settings.device, settings.dtype)
    if compiled.assumed_tools:
        raise SpecError(f"the agent '{agent.name}' has steps for tools and names none: add 'tools:'")
    limits = agent.limits
    budget = Budget(
        settings.max_tokens or limits.max_tokens, settings.max_steps or limits.max_steps, limits.max_tool_calls
    )
    if settings.guarded:
        try:
            compiled.guard.refuse_hopeless(budget)
        except BudgetRefused as problem:
            own = settings.max_tokens is None and settings.max_steps is None
            raise BudgetRefused(problem.message, location=agent.limits_location if own else None) from None
    pool_of(compiled)
    return budget


def model_name(asked: str | None, declared: str | None) -> str:
    """The model asked for: command line, then AGENTSPEC_MODEL, then the agent's, then the default."""
    import os

    from agentspec.engines.models import default_model

    return asked or os.environ.get("AGENTSPEC_MODEL") or declared or default_model()
