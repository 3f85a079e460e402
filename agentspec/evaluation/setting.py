"""Settings: what is compared. Each is one agent under one arm, with so many examples, a model and its sampling."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from types import MappingProxyType
from typing import Any, Literal

from agentspec.episode.moment import StepHandler
from agentspec.errors import InvalidInput, nearest
from agentspec.spec.model import Declaration
from agentspec.toolbox.tool import Tool

Arm = Literal["unguarded", "grammar", "monitor", "guard"]
ARMS: tuple[Arm, ...] = ("unguarded", "grammar", "monitor", "guard")
"""From the least that is kept to to the most: nothing, the form of each step, what is denied afterwards, all."""


@dataclass(frozen=True)
class Candidate:
    """An agent to be run: as it was named, with what it runs, imported already."""

    name: str
    declaration: Declaration
    tools: tuple[Tool, ...] = ()
    predicates: Mapping[str, Callable[..., Any]] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    handlers: Mapping[str, StepHandler] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def digest(self) -> str:
        """A sum over all that makes the agent what it is, its examples, limits and tools included."""
        agent = self.declaration
        parts = {
            "spec": agent.spec.digest,
            "instructions": agent.instructions,
            "examples": [text for text, _ in agent.example_files],
            "pick": None if agent.pick is None else repr(agent.pick),
            "limits": agent.limits.model_dump(),
            "rendering": agent.rendering.model_dump(),
            "tools": [ref.text for ref in agent.tools],
            "schemas": [tool.schema.to_json() for tool in self.tools],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Setting:
    """One column of the comparison; ``examples`` None leaves the agent's own."""

    agent: str
    arm: Arm
    examples: int | None
    model: str
    temperature: float = 0.0
    seed: int = 0

    @property
    def guarded(self) -> bool | Literal["grammar", "monitor"]:
        """The arm as a run takes it."""
        match self.arm:
            case "guard" | "unguarded":
                return self.arm == "guard"
            case "grammar" | "monitor":
                return self.arm

    @property
    def key(self) -> str:
        """What tells it from others, on one line."""
        shots = "own" if self.examples is None else str(self.examples)
        return f"{self.agent}|{self.arm}|{shots}|{self.model}|{self.temperature:g}|{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Its parts."""
        return asdict(self)


def grid(
    agents: Sequence[str],
    arms: Sequence[Arm],
    examples: Sequence[int | None],
    models: Sequence[str],
    temperatures: Sequence[float],
    seeds: Sequence[int],
) -> tuple[Setting, ...]:
    """Every combination, the arms of one side by side. Raises InvalidInput where one is asked for twice."""
    for what, some in (
        ("agent", agents), ("arm", arms), ("number of examples", examples), ("model", models),
        ("temperature", temperatures), ("seed", seeds),
    ):  # fmt: skip
        if len(set(some)) < len(some):
            raise InvalidInput(f"an evaluation takes each {what} once: {', '.join(map(str, some))}")
    parts = product(models, agents, temperatures, seeds, examples, arms)
    return tuple(Setting(agent, arm, k, model, t, seed) for model, agent, t, seed, k, arm in parts)


def arms_named(names: Sequence[str]) -> tuple[Arm, ...]:
    """The arms of these names, ``all`` being all. Raises InvalidInput for another."""
    found: list[Arm] = []
    for name in names:
        if name == "all":
            found += ARMS
        elif name in ARMS:
            found.append(name)
        else:
            raise InvalidInput(f"no arm is called '{name}'{nearest(name, [*ARMS, 'all'])}")
    return tuple(found)
