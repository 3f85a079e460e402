"""The shape of spec and agent files, and what they become once loaded.

``Document`` is what stands in one YAML file (keys of the language, validated strictly, unknown keys refused);
``Spec`` and ``Declaration`` are the loaded, immutable values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agentspec.automata.letter import Owner
from agentspec.errors import Location
from agentspec.logic.behavior import Behavior
from agentspec.logic.formula import Formula

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=60)]


def _version(value: object) -> object:
    if type(value) is not int or value != 1:
        raise PydanticCustomError("version", "input should be 1")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TextModel(_Strict):
    """A single line of free text; lengths in characters."""

    min_chars: Annotated[int, Field(ge=1, le=10_000)] = 1
    max_chars: Annotated[int, Field(ge=1, le=10_000)] = 200


class StepModel(_Strict):
    """One step: who writes it, the cue that announces it, what a model's step may hold."""

    by: Literal["model", "tool", "user"]
    cue: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    text: TextModel | None = None
    choice: Annotated[list[str], Field(min_length=1)] | None = None
    tool: Literal["name", "arguments"] | None = None
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] | None = None


class RuleModel(_Strict):
    """One temporal rule over steps and built-in propositions."""

    id: Name
    ltl: str
    description: str = ""
    enforce: Literal["block", "warn", "log", "off"] = "block"


class LimitsModel(_Strict):
    """The budget of an episode: tokens the model emits, steps of every owner, completed calls; seconds."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    max_steps: Annotated[int, Field(ge=1, le=10_000)] = 40
    max_tool_calls: Annotated[int, Field(ge=0, le=1_000)] = 8
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


class Document(_Strict):
    """All keys of a file: a spec, an agent that names its spec, or both in one."""

    version: Annotated[int, BeforeValidator(_version)]
    name: Name
    description: str = ""
    semantics: Literal["finite"] = "finite"
    steps: dict[Name, StepModel] | None = None
    behavior: str | None = None
    rules: list[RuleModel] = []
    spec: str | None = None
    model: str | None = None
    instructions: str = ""
    tools: list[Name] = []
    examples: str | None = None
    limits: LimitsModel = LimitsModel()


@dataclass(frozen=True)
class Step:
    """A loaded step; exactly one of ``text``, ``choice`` and ``tool`` is set for a model's step."""

    name: str
    owner: Owner
    cue: str
    text: TextModel | None = None
    choice: tuple[str, ...] = ()
    tool: str | None = None
    max_tokens: int = 200


@dataclass(frozen=True)
class Rule:
    """A loaded rule; ``text`` is the formula as the author wrote it."""

    id: str
    formula: Formula
    text: str
    description: str
    enforce: str
    location: Location | None = None


@dataclass(frozen=True)
class Spec:
    """What an episode may be: steps, behavior and rules. ``source`` and ``digest`` say which text it came from."""

    name: str
    steps: dict[str, Step]
    behavior: Behavior
    behavior_text: str
    rules: tuple[Rule, ...]
    source: str = "<spec>"
    digest: str = ""
    description: str = ""
    behavior_location: Location | None = None


@dataclass(frozen=True)
class Declaration:
    """A spec with what it needs to run: model, prompt, tools by name, examples, limits."""

    name: str
    spec: Spec
    model: str | None = None
    instructions: str = ""
    tools: tuple[str, ...] = ()
    examples: str = ""
    examples_source: str = ""
    limits: LimitsModel = field(default_factory=LimitsModel)
    source: Path | None = None
    tools_location: Location | None = None
