"""The shape of spec and agent files, and what they become once loaded.

``Document`` is what stands in one YAML file (keys of the language, validated strictly, unknown keys refused);
``Spec`` and ``Declaration`` are the loaded, immutable values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from agentspec.automata.letter import Owner
from agentspec.content.constraint import Constraint
from agentspec.content.predicate_ref import PredicateRef
from agentspec.content.schema_settings import JsonSchema, Unenforced
from agentspec.content.tool_ref import ToolRef
from agentspec.errors import Location
from agentspec.logic.behavior import Behavior
from agentspec.logic.formula import Formula
from agentspec.spec.handler import Handler
from agentspec.spec.history import Test

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*$", max_length=60)]
Length = Annotated[int, Field(ge=1, le=10_000)]
Words = Annotated[int, Field(ge=1, le=100)]


def _version(value: object) -> object:
    if type(value) is not int or value != 1:
        raise PydanticCustomError("version", "input should be 1")
    return value


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=False)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_LISTED = BeforeValidator(_listed, json_schema_input_type=Name | Annotated[list[Name], Field(min_length=1)])
"""One name stands for a list of one."""
_LISTED_FILES = BeforeValidator(_listed, json_schema_input_type=str | Annotated[list[str], Field(min_length=1)])


_LISTED_AGENTS = BeforeValidator(_listed, json_schema_input_type=str | list[str])


def _viewed(value: object) -> object:
    return [value] if isinstance(value, str) and value != "calls" else value


class TextModel(_Strict):
    """Free text on one line, or on up to ``max_lines``; lengths in characters."""

    min_chars: Length = 1
    max_chars: Length = 200
    max_lines: Annotated[int, Field(ge=1, le=500)] = 1


class RegexModel(_Strict):
    """One line that the whole pattern matches (the dialect of docs/language.md), at most ``max_chars`` long."""

    pattern: str
    max_chars: Length = 200


class SpanModel(_Strict):
    """Words taken verbatim from what tools (or the user) said at the steps ``of``."""

    of: Annotated[list[Name], Field(min_length=1), _LISTED]
    max_chars: Length = 200
    which: Literal["any", "last"] = "any"
    """Any of what was said there, or the last alone."""
    min_words: Words = 1


class FormatModel(_Strict):
    """A line with typed fields, such as ``{amount:number} to {name:text(40)}``, once or several times."""

    template: str
    repeat: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,3}\.\.[0-9]{1,3}$")] | None = None
    separator: Annotated[str, StringConstraints(min_length=1, max_length=20)] = ", "


class FreeModel(_Strict):
    """A reasoning region: any text, over several lines, up to its closing delimiter (the cue opens it)."""

    until: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    max_chars: Length = 600


class SamplingModel(_Strict):
    """How the tokens of a step are drawn, where it differs from the run."""

    temperature: Annotated[float, Field(ge=0, le=100)] | None = None
    """0 takes the likeliest token."""
    top_k: Annotated[int, Field(ge=0)] | None = None
    """The likeliest tokens that are drawn from; 0 for all."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    """The probability that those drawn from must have together."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    """The least probability, as a share of the likeliest token's."""
    repetition_penalty: Annotated[float, Field(gt=0, le=100)] | None = None
    """Above 1, tokens of the text so far become less likely."""


class HandlerModel(_Strict):
    """Code that writes a step: a shipped handler, or ./FILE.py:FUNCTION, with the agents it may ask."""

    model_config = ConfigDict(populate_by_name=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """confirm, delegate, planned, repeat, summary, vote, or your own."""
    agents: Annotated[list[str], Field(max_length=20), _LISTED_AGENTS] = []
    """The agents it may ask: files, or names of shipped ones."""
    settings: Annotated[dict[Name, Any], Field(alias="with")] = {}
    """Its settings."""


class JsonOptionsModel(_Strict):
    """How the step's ``json_schema`` is taken: what cannot be enforced, and bounds where the schema sets none."""

    mode: Literal["strict", "lenient"] = "strict"
    """strict refuses a keyword that cannot be enforced; lenient reports it and validates values by jsonschema."""
    max_chars: Length = 200
    """Characters of a string."""
    max_items: Annotated[int, Field(ge=0, le=1_000)] = 8
    """Items of an array."""
    max_digits: Annotated[int, Field(ge=1, le=30)] = 15
    """Digits of a number."""
    max_extra: Annotated[int, Field(ge=0, le=36)] = 4
    """Members of an object that the schema allows but does not name."""
    depth: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a schema that contains itself is entered again, and how deep lists of anything nest."""
    whitespace: Literal["none", "one-space"] = "none"
    """Nothing, or one space, behind each comma and colon."""


def _short(key: str, written: Any) -> Any:
    """A string stands for the mapping in which it is the value of ``key``; ``written`` is what may stand in a file."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=written
    )


class StepModel(_Strict):
    """One step: who writes it, the cue that announces it, what a model's step may hold (one of eight kinds)."""

    by: Literal["model", "tool", "user"]
    """Who writes the step."""
    cue: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    """The text that announces the step, such as [Thought]."""
    text: TextModel | None = None
    """Free text on one line, or on several."""
    choice: Annotated[list[str], Field(min_length=1)] | None = None
    """One of these lines."""
    regex: Annotated[RegexModel | None, _short("pattern", str | RegexModel | None)] = None
    """A line that the whole pattern matches."""
    json_schema: dict[str, Any] | None = None
    """A compact JSON value by this JSON Schema."""
    json_options: JsonOptionsModel | None = None
    """For json_schema: strict or lenient, and the bounds of what the schema leaves open."""
    tool: Literal["name", "arguments", "call"] | None = None
    """The name of a tool, the arguments of the tool chosen before, or both in one JSON object."""
    span: Annotated[SpanModel | None, _short("of", Name | SpanModel | None)] = None
    """Words taken verbatim from what tools or the user said."""
    format: Annotated[FormatModel | None, _short("template", str | FormatModel | None)] = None
    """A line with typed fields, such as {amount:number}."""
    free: Annotated[FreeModel | None, _short("until", str | FreeModel | None)] = None
    """Any text over several lines up to a closing delimiter."""
    max_tokens: Annotated[int, Field(ge=16, le=100_000)] | None = None
    """For steps of tools and users: how much of the text is shown to the model (200)."""
    handler: Annotated[HandlerModel | None, _short("name", str | HandlerModel | None)] = None
    """Code that writes the step; at the model's steps it proposes a text, which is taken where it is allowed."""
    hidden: bool = False
    """For steps of tools: the model does not see them."""
    sampling: SamplingModel | None = None
    """For the model's steps: how their tokens are drawn, where it differs from the run."""


KINDS = ("text", "choice", "regex", "json_schema", "tool", "span", "format", "free")


class PropositionModel(_Strict):
    """A predicate over what a step holds: a pattern on its text, conditions on its JSON value, or a function."""

    at: Annotated[list[Name], Field(min_length=1), _LISTED]
    """The step or steps at which the predicate is read."""
    tool: str | None = None
    matches: str | None = None
    """The whole text matches this pattern."""
    contains: str | None = None
    """The pattern matches somewhere in the text."""
    where: dict[str, Any] | None = None
    """Conditions on properties of the JSON value: const, enum, minimum, maximum, pattern and so on."""
    python: str | None = None
    """A function of the text or the decoded value, called at run time, such as ./checks.py:is_polite."""
    description: str = ""


_Names = Annotated[list[Name], Field(min_length=1)]
_Each = Annotated[dict[Name, Literal["tools", "steps"] | _Names], Field(alias="for")]
_View = Annotated[_Names | Literal["calls"] | None, BeforeValidator(_viewed, json_schema_input_type=Name | _Names)]
FORMS = ("ltl", "template", "deny", "require", "unique", "verbatim")


class RuleModel(_Strict):
    """One rule over steps, built-in propositions and the file's own, or over what was written, in one of six forms."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [form]} for form in FORMS]})

    id: Name
    ltl: str | None = None
    """The formula, such as G(call(pay) -> F paid)."""
    template: str | None = None
    """The name of a template (agentspec templates), such as response; its parameters stand in params."""
    params: dict[Name, str | int | Annotated[list[str], Field(min_length=2, max_length=2)]] = {}
    """The template's parameters: propositions or formulas, and numbers."""
    deny: str | None = None
    """What may not happen; with when only then, with unless only if that did not happen before."""
    require: str | None = None
    """What must happen, or, with when, must hold at every such position."""
    unique: str | None = None
    """What may not come twice: call(TOOL) or calls with the same arguments, or an argument, args.NAME, with when."""
    verbatim: str | None = None
    """An argument, args.NAME, or a field, STEP.NAME, that is taken word for word from what the steps of said."""
    of: Annotated[list[Name], _LISTED] = []
    """For verbatim: the steps of tools and users it is taken from."""
    which: Literal["any", "last"] | None = None
    """For verbatim: from any of what was said there, or from the last alone."""
    min_words: Words | None = None
    """For verbatim: at least so many words."""
    max_chars: Length | None = None
    """For verbatim: at most so many characters (200)."""
    when: str | None = None
    unless: str | None = None
    before: str | None = None
    after: str | None = None
    each: _Each = {}
    """One rule for each value of the variables: all tools, all steps, or those listed."""
    view: _View = None
    """The rule sees only these steps, or only calls and their answers (calls)."""
    assume: bool = False
    """An assumption about tools and users instead of a rule for the model."""
    description: str = ""
    enforce: Literal["block", "warn", "log", "off"] = "block"
    """block: no token after which it cannot be satisfied; warn, log: watched only; off."""


class LimitsModel(_Strict):
    """The budget of an episode: tokens the model emits, steps of every owner, completed calls; seconds."""

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 4000
    """Tokens the model emits."""
    max_steps: Annotated[int, Field(ge=1, le=10_000)] = 40
    """Steps of every owner."""
    max_tool_calls: Annotated[int, Field(ge=0, le=1_000)] = 8
    """Completed tool calls, failed ones too."""
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Seconds."""
    patience: Annotated[int, Field(ge=0, le=1_000)] = 3
    """In sessions without an end: turns of the user for which an obligation may wait."""


StyleName = Literal["chat", "text", "hermes", "llama3", "mistral"]


class RenderingModel(_Strict):
    """The prompt, and how the model writes: ``prefill`` begins its turn."""

    style: StyleName = "chat"
    """chat: through the model's chat template; text: one transcript; hermes, llama3, mistral: chat, with calls and
    their answers written as these families of models write them."""
    prefill: str = ""
    """Text that begins the model's turn."""
    bare: Annotated[list[Name], _LISTED] = []
    """For hermes, llama3, mistral: steps of the model that are written without their cues."""


By = Literal["order", "seed", "similarity"]


class ExamplesModel(_Strict):
    """Worked episodes for the prompt: the files, beside this one, and how many of them a run shows."""

    file: Annotated[list[str], Field(min_length=1), _LISTED_FILES]
    """A file, or several."""
    pick: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """How many a run shows, as far as the context window holds them; without it all."""
    by: By = "order"
    """order: the first ones; seed: drawn by the run's seed; similarity: those whose tasks are most like the run's."""


_SHORT_EXAMPLES = BeforeValidator(
    lambda value: {"file": value} if isinstance(value, str | list) else value,
    json_schema_input_type=str | Annotated[list[str], Field(min_length=1)] | ExamplesModel | None,
)
"""One file or several stand for the mapping with them alone."""


class Document(_Strict):
    """All keys of a file: a spec, an agent that names its spec, or both in one."""

    version: Annotated[int, BeforeValidator(_version, json_schema_input_type=Literal[1])]
    name: Name
    description: str = ""
    extends: str | None = None
    """A file or a shipped agent or spec to start from; what this file says replaces or adds to it."""
    semantics: Literal["finite", "infinite"] = "finite"
    """finite: every episode ends; infinite: a session without an end."""
    steps: dict[Name, StepModel] | None = None
    """The steps by name."""
    behavior: str | None = None
    """In which order steps come: a b, a | b, a || b, a*, a+, a?, a{1,3}, parentheses."""
    parts: dict[Name, str] = {}
    """Named pieces of behavior, to be used in it by their names."""
    propositions: dict[Name, PropositionModel] = {}
    """Predicates over what steps hold, for the rules."""
    rules: list[RuleModel] = []
    """What must hold over time."""
    spec: str | None = None
    """The file or shipped spec with steps, behavior, propositions and rules."""
    model: str | None = None
    """A known model, a hub id, a folder or a .gguf file."""
    instructions: str = ""
    """What the model is told first."""
    rendering: Annotated[RenderingModel, _short("style", StyleName | RenderingModel)] = RenderingModel()
    """How the prompt is made and how the model writes: chat, text, hermes, llama3 or mistral."""
    tools: list[str] = []
    """Tools by name, your own as ./my_tools.py:my_function."""
    examples: Annotated[ExamplesModel | None, _SHORT_EXAMPLES] = None
    """A file of worked episodes for the prompt, beside this one, or several, and how many of them a run shows."""
    limits: LimitsModel = LimitsModel()
    """The budget of a run."""


@dataclass(frozen=True)
class Step:
    """A loaded step. ``kind`` is one of `KINDS` for a model's step, else empty.

    ``content`` is what the model may write, in the form it stands in a transcript; None for the steps of others and
    for ``tool`` steps, whose content depends on the tools. ``tool`` is ``name``, ``arguments`` or ``call``.
    ``max_lines`` above 1: later lines are indented. ``until`` closes a ``free`` region. ``frame`` is what stands before
    and behind the content where the model writes it, if not the cue and the border; ``call`` what stands around a
    tool's name and its arguments. ``sampling`` are the settings by which its tokens are drawn, if not the run's.
    ``unenforced`` are keywords of a lenient schema that the content need not keep to. ``handler`` is the code that
    writes the step, or proposes its text; what is ``hidden`` is not shown to the model.
    """

    name: str
    owner: Owner
    cue: str
    kind: str = ""
    content: Constraint | None = None
    tool: str | None = None
    max_tokens: int = 200
    max_lines: int = 1
    until: str = ""
    schema: JsonSchema | None = None
    location: Location | None = None
    frame: tuple[str, str] | None = None
    call: tuple[str, str, str] = ('{"name":"', '","arguments":', "}")
    sampling: tuple[tuple[str, float], ...] = ()
    unenforced: tuple[Unenforced, ...] = ()
    handler: Handler | None = None
    hidden: bool = False

    @property
    def opening(self) -> str:
        """What the model writes before the content."""
        return f"{self.cue} " if self.frame is None else self.frame[0]

    @property
    def closing(self) -> str:
        """What the model writes behind the content."""
        return "\n" if self.frame is None else self.frame[1]

    @property
    def beginning(self) -> str:
        """What each text of the step begins with, in the model's writing."""
        return self.opening + (self.call[0] if self.tool == "call" else "")

    @property
    def is_bare(self) -> bool:
        """Whether the model writes the content alone."""
        return self.owner == Owner.MODEL and self.tool is None and self.opening == ""


@dataclass(frozen=True)
class Proposition:
    """A loaded predicate: at which steps, for which tool, and its texts (``where`` needs the tool's schema first).

    With ``python`` it is a runtime predicate: nothing is known of it before its function is called.
    """

    name: str
    at: tuple[str, ...]
    tool: str | None
    texts: Constraint | None
    where: dict[str, Any] | None = field(default=None, hash=False)
    location: Location | None = None
    python: PredicateRef | None = None


@dataclass(frozen=True)
class Rule:
    """A loaded rule; ``text`` is what the author wrote, ``one_line``: as it stands at its location.

    ``each`` are variables still to be replaced by tools or steps, ``view`` the steps the formula is read on (all
    without one, ``calls`` those that complete or answer a call), ``sentence`` the rule in words where it is known.
    ``history`` is what the rule asks of one step in view of those before; the formula then only says that it is kept.
    """

    id: str
    formula: Formula
    text: str
    description: str
    enforce: str
    location: Location | None = None
    one_line: bool = False
    view: tuple[str, ...] | Literal["calls"] | None = None
    assume: bool = False
    each: tuple[tuple[str, tuple[str, ...] | Literal["tools", "steps"]], ...] = ()
    sentence: str = ""
    history: Test | None = None


@dataclass(frozen=True)
class Spec:
    """What an episode may be: steps, behavior and rules. ``source`` and ``digest`` say which text it came from."""

    name: str
    steps: dict[str, Step]
    behavior: Behavior
    behavior_text: str
    rules: tuple[Rule, ...]
    propositions: tuple[Proposition, ...] = ()
    source: str = "<spec>"
    digest: str = ""
    description: str = ""
    behavior_location: Location | None = None
    semantics: Literal["finite", "infinite"] = "finite"

    @property
    def functions(self) -> dict[str, PredicateRef]:
        """The functions of the runtime predicates, by predicate."""
        return {one.name: one.python for one in self.propositions if one.python is not None}

    @property
    def handlers(self) -> dict[str, Handler]:
        """The handlers of the steps that code writes, by step."""
        return {name: step.handler for name, step in self.steps.items() if step.handler is not None}


@dataclass(frozen=True)
class Pick:
    """How many of the examples a run shows, and by what they are chosen."""

    count: int
    by: By = "order"


@dataclass(frozen=True)
class Declaration:
    """A spec with what it needs to run: model, prompt, tools by name, examples, limits.

    ``examples`` is the text of the first file of examples, ``more_examples`` text and name of each further one.
    """

    name: str
    spec: Spec
    model: str | None = None
    instructions: str = ""
    tools: tuple[ToolRef, ...] = ()
    examples: str = ""
    examples_source: str = ""
    limits: LimitsModel = field(default_factory=LimitsModel)
    rendering: RenderingModel = field(default_factory=RenderingModel)
    source: Path | None = None
    tool_locations: dict[str, Location] = field(default_factory=dict, hash=False)
    limits_location: Location | None = None
    description: str = ""
    more_examples: tuple[tuple[str, str], ...] = ()
    pick: Pick | None = None

    @property
    def example_files(self) -> tuple[tuple[str, str], ...]:
        """Text and name of each file of examples."""
        return ((self.examples, self.examples_source), *self.more_examples)
