"""What a file says of a step that code writes: which handler, the agents it may ask, and its settings.

The settings of the handlers that are shipped are typed here, so that a file is checked before anything runs; what they
do is in ``agentspec.episode.handlers``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agentspec.content.predicate_ref import PredicateRef, parse_predicate_ref
from agentspec.errors import InvalidInput, nearest


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class Settings(BaseModel):
    """What stands behind ``with``; ``AGENTS`` says how many agents the handler asks, at least and at most."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    AGENTS: ClassVar[tuple[int, int]] = (0, 0)

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that the settings name."""
        return ()


class Vote(Settings):
    """Ask an agent several times and count its answers."""

    AGENTS: ClassVar[tuple[int, int]] = (1, 1)
    samples: Annotated[int, Field(ge=1, le=50)] = 5
    temperature: Annotated[float, Field(ge=0, le=10)] = 0.7


class Repeat(Settings):
    """Write what the latest of the steps ``of`` said that did not fail: the answer of an agent, or the text."""

    of: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that are repeated."""
        return tuple(self.of)


class Confirm(Settings):
    """Ask the person at the terminal about what stands at the steps ``of`` since they were last asked."""

    of: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]
    question: Annotated[str, Field(min_length=1, max_length=200)] = "Is this approved?"

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that are shown."""
        return tuple(self.of)


class Delegate(Settings):
    """Hand the task to an agent: the only one, or the one whose name stands at the step ``to``."""

    AGENTS: ClassVar[tuple[int, int]] = (1, 20)
    to: str | None = None
    task: str | None = None
    """The step whose text is the task; by default the task of the run."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of name and task."""
        return tuple(name for name in (self.to, self.task) if name is not None)


class Planned(Settings):
    """Write the calls planned at the steps of ``plan``, in their order, each ``#E`` replaced by what it stands for."""

    plan: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)]

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of the plan."""
        return tuple(self.plan)


class Summary(Settings):
    """Sum up what the step ``of`` said since ``since``, or give it as it is, whichever the model finds likelier."""

    AGENTS: ClassVar[tuple[int, int]] = (1, 1)
    of: str
    since: str
    alpha: Annotated[float, Field(ge=0, le=2)] = 0.6
    """How much longer texts are favoured: the exponent of the length normalisation (Wu et al. 2016)."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps of results and plan."""
        return (self.of, self.since)


SHIPPED: dict[str, type[Settings]] = {
    "confirm": Confirm, "delegate": Delegate, "planned": Planned, "repeat": Repeat, "summary": Summary, "vote": Vote,
}  # fmt: skip


@dataclass(frozen=True)
class Handler:
    """The handler of a step: ``settings`` is a model for one that is shipped, else what stands in the file.

    ``function`` is there for one in a Python file; ``agents`` are those it may ask, by name.
    """

    name: str
    settings: Settings | None = None
    given: dict[str, Any] = field(default_factory=dict, hash=False)
    function: PredicateRef | None = None
    agents: tuple[tuple[str, Path], ...] = ()


class Misplaced(InvalidInput):
    """A fault of what a file says of a handler, with the keys at which it stands beneath ``handler``."""

    def __init__(self, message: str, *place: str | int) -> None:
        super().__init__(message)
        self.place = place


def handler(name: str, given: dict[str, Any], agents: tuple[tuple[str, Path], ...], steps: list[str]) -> Handler:
    """The handler a file asks for. Raises Misplaced for a name, a setting or a number of agents that cannot be."""
    names = [agent for agent, _ in agents]
    for i, agent in enumerate(names):
        if agent in names[:i]:
            raise Misplaced(
                f"two agents of '{name}' are called '{agent}': one of their files needs another name", "agents"
            )
    if name not in SHIPPED:
        if re.search(r"[/:]|\.py$", name):
            return Handler(name, None, given, _function(name), agents)
        meant = nearest(name, [*SHIPPED])
        own = "" if "did you mean" in meant else "; your own is ./FILE.py:FUNCTION"
        raise Misplaced(f"no handler is called '{name}'{meant}{own}", "name")
    kind = SHIPPED[name]
    try:
        settings = kind.model_validate(given)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = [*first["loc"]]
        if first["type"] == "extra_forbidden":
            known = [*kind.model_fields]
            hint = nearest(str(place[0]), known)
            raise Misplaced(f"the handler '{name}' has no setting '{place[0]}'{hint}", "with", *place) from None
        what = f"the handler '{name}' needs the setting" if first["type"] == "missing" else f"the handler '{name}',"
        told = "" if first["type"] == "missing" else f": {first['msg'].lower()}"
        raise Misplaced(f"{what} '{'.'.join(map(str, place))}'{told}", "with", *place) from None
    least, most = kind.AGENTS
    if not least <= len(agents) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        agent_s = "agent" if most == 1 else "agents"
        raise Misplaced(
            f"the handler '{name}' asks {wanted} {agent_s}, not {len(agents)}: name them in 'agents'", "agents"
        )
    for step in settings.steps:
        if step not in steps:
            unknown = f"the handler '{name}' names the unknown step '{step}'{nearest(step, steps)}"
            raise Misplaced(unknown, "with", *_where(given, step))
    if isinstance(settings, Delegate) and settings.to is None and len(agents) > 1:
        raise Misplaced(
            f"the handler '{name}' has several agents: say at which step one is named, 'with: {{to: STEP}}'"
        )
    return Handler(name, settings, given, None, agents)


def _where(given: dict[str, Any], step: str) -> tuple[str | int, ...]:
    """Where among the settings a step is named."""
    for key, value in given.items():
        if value == step:
            return (key,)
        if isinstance(value, list) and step in value:
            return key, value.index(step)
    return ()


def _function(name: str) -> PredicateRef:
    try:
        return parse_predicate_ref(name)
    except InvalidInput as problem:
        raise Misplaced(problem.message.replace("predicate", "handler"), "name") from None


def functions_of(handlers: Mapping[str, Handler]) -> dict[str, PredicateRef]:
    """The functions of an author's own handlers, by step."""
    return {step: one.function for step, one in handlers.items() if one.function is not None}
