"""A call answered: the tool runs, its outcome becomes a letter, its text becomes data the model reads."""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled
from agentspec.content.json_text import parse_object
from agentspec.engines.engine import Engine
from agentspec.episode.chat import is_native
from agentspec.episode.history import UNSAID
from agentspec.episode.quotes import Quotes, heard
from agentspec.episode.render import chat
from agentspec.episode.transcript import show
from agentspec.errors import EngineFault
from agentspec.spec.alphabet import outcome as built_ins
from agentspec.toolbox.tool import Outcome, Tool, call

CUT = " …[cut]"


@dataclass(frozen=True)
class Observation:
    """``shown`` is the text the model reads, cut to the step's ``max_tokens`` and framed, as ``tokens``.

    ``quotes`` is what can be quoted afterwards.
    """

    letter: Letter
    outcome: Outcome
    shown: str
    tokens: list[int]
    quotes: Quotes


def observe(
    compiled: Compiled, engine: Engine, tool: Tool, written: str, possible: tuple[Letter, ...], quotes: Quotes
) -> Observation:
    """Call ``tool`` with what the model wrote.

    The answer is never parsed, holds no special token, and none of its lines begins with a cue.
    """
    name = tool.schema.name
    try:
        values = parse_object(written)
    except ValueError as problem:
        raise EngineFault(f"the arguments of {name} are not a JSON object: {problem}") from problem
    return told(compiled, engine, call(tool, values), possible, quotes)


def told(
    compiled: Compiled, engine: Engine, outcome: Outcome, possible: tuple[Letter, ...], quotes: Quotes
) -> Observation:
    """What a tool answered, or a handler wrote, as a step; of a hidden one the model reads nothing."""
    tool, name = possible[0].tool, possible[0].step
    assert name is not None
    step, happened = compiled.agent.spec.steps[name], built_ins(tool, ok=outcome.ok, error=outcome.error)
    kept, mark, tokens = fitted(compiled, engine, name, outcome.text, step.max_tokens)
    value = outcome.value if outcome.ok else UNSAID
    found = heard(compiled, quotes, possible, {name, *happened}, outcome.text, kept, value)
    if found is None:
        raise EngineFault(f"no letter holds the outcome of {tool or name}: {', '.join(sorted(happened)) or 'fine'}")
    return Observation(found[0], outcome, kept + mark, [] if step.hidden else tokens, found[1])


def fitted(compiled: Compiled, engine: Engine, step: str, text: str, limit: int) -> tuple[str, str, list[int]]:
    """The part of the text that is shown, the mark of the cut (or nothing), and the tokens of the whole line.

    They are at most ``limit`` beside what stands around the text.
    """
    line = _Said(compiled, engine, step)
    most, text = limit + line.around, line.safe(text)
    longest = limit * 64
    if len(text) <= longest:
        tokens = line.tokens(text)
        if len(tokens) <= most:
            return text, "", tokens
    low, high = 0, min(len(text), longest)
    while low < high:
        middle = (low + high + 1) // 2
        if len(line.tokens(text[:middle] + CUT)) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low], CUT, line.tokens(text[:low] + CUT)


def observed(compiled: Compiled, engine: Engine, step: str) -> int:
    """The most tokens an observation of ``step`` may take, what stands around it included; 0 for steps of others."""
    declared = compiled.agent.spec.steps[step]
    if declared.owner != Owner.TOOL or declared.hidden:
        return 0
    return declared.max_tokens + _Said(compiled, engine, step).around


class _Said:
    """How the words of a tool or user stand in the text the model reads; ``around`` are the tokens around them."""

    def __init__(self, compiled: Compiled, engine: Engine, step: str) -> None:
        self._spec, self._engine, self._step = compiled.agent.spec, engine, step
        declared = self._spec.steps[step]
        self._between = chat(compiled, engine).between(declared.owner) if is_native(compiled) else None
        if self._between is None:
            self.around = len(engine.encode(f"{declared.cue} ")) + 1
        else:
            self._before, self._behind = engine.read(self._between.before), engine.read(self._between.behind)
            self.around = len(self._before) + len(self._behind)

    def safe(self, text: str) -> str:
        """The text as it may be shown."""
        return text if self._between is None else self._between.safe(text)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text with what stands around it."""
        if self._between is None:
            return self._engine.encode(show(self._spec, self._step, text))
        return [*self._before, *self._engine.encode(self._between.written(text)), *self._behind]
