"""A call answered: the tool runs, its outcome becomes a letter, its text becomes data the model reads."""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.content.json_schema import parse_object
from agentspec.engines.engine import Engine
from agentspec.episode.transcript import show
from agentspec.errors import EngineFault
from agentspec.toolbox.tool import Outcome, Tool, call

CUT = " …[cut]"


@dataclass(frozen=True)
class Observation:
    """``shown`` is the text the model reads, framed and cut to the step's ``max_tokens``, as ``tokens``."""

    letter: Letter
    outcome: Outcome
    shown: str
    tokens: list[int]


def observe(
    compiled: Compiled, engine: Engine, tool: Tool, arguments: str, possible: tuple[Letter, ...]
) -> Observation:
    """Call ``tool``; the answer is never parsed, holds no special token, and none of its lines begins with a cue."""
    try:
        values = parse_object(arguments)
    except ValueError as problem:
        raise EngineFault(f"the arguments of {tool.schema.name} are not a JSON object: {problem}") from problem
    outcome = call(tool, values)
    name = tool.schema.name
    wanted = {f"ok({name})"} if outcome.ok else {f"failed({name})", *(["error"] if outcome.error else [])}
    letter = next((a for a in possible if a.true == {*wanted, a.step}), None)
    if letter is None or letter.step is None:
        raise EngineFault(f"no step can hold the outcome of {name}")
    limit = compiled.agent.spec.steps[letter.step].max_tokens
    shown, tokens = _fitted(compiled, engine, letter.step, outcome.text, limit)
    return Observation(letter, outcome, shown, tokens)


def _fitted(compiled: Compiled, engine: Engine, step: str, text: str, limit: int) -> tuple[str, list[int]]:
    """The text, visibly cut where needed so that the whole line takes at most ``limit`` tokens beside the cue's."""
    spec = compiled.agent.spec
    most = limit + len(engine.encode(f"{spec.steps[step].cue} ")) + 1
    longest = limit * 64
    if len(text) <= longest:
        tokens = engine.encode(show(spec, step, text))
        if len(tokens) <= most:
            return text, tokens
    low, high = 0, min(len(text), longest)
    while low < high:
        middle = (low + high + 1) // 2
        if len(engine.encode(show(spec, step, text[:middle] + CUT))) <= most:
            low = middle
        else:
            high = middle - 1
    shown = text[:low] + CUT
    return shown, engine.encode(show(spec, step, shown))
