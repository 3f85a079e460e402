"""A call answered: the tool runs, its outcome becomes a letter, its text becomes data the model reads."""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.content.json_schema import parse_object
from agentspec.engines.engine import Engine
from agentspec.episode.quotes import Quotes, heard
from agentspec.episode.transcript import show
from agentspec.errors import EngineFault
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
    outcome = call(tool, values)
    happened = {f"ok({name})"} if outcome.ok else {f"failed({name})", *(["error"] if outcome.error else [])}
    step = possible[0].step
    assert step is not None
    limit = compiled.agent.spec.steps[step].max_tokens
    kept, mark, tokens = fitted(compiled, engine, step, outcome.text, limit)
    found = heard(compiled, quotes, possible, {step, *happened}, outcome.text, kept)
    if found is None:
        raise EngineFault(f"no letter holds the outcome of {name}: {', '.join(sorted(happened))}")
    return Observation(found[0], outcome, kept + mark, tokens, found[1])


def fitted(compiled: Compiled, engine: Engine, step: str, text: str, limit: int) -> tuple[str, str, list[int]]:
    """The part of the text that is shown, the mark of the cut (or nothing), and the tokens of the whole line.

    They are at most ``limit`` beside the cue's.
    """
    spec = compiled.agent.spec
    most = limit + len(engine.encode(f"{spec.steps[step].cue} ")) + 1
    longest = limit * 64
    if len(text) <= longest:
        tokens = engine.encode(show(spec, step, text))
        if len(tokens) <= most:
            return text, "", tokens
    low, high = 0, min(len(text), longest)
    while low < high:
        middle = (low + high + 1) // 2
        if len(engine.encode(show(spec, step, text[:middle] + CUT))) <= most:
            low = middle
        else:
            high = middle - 1
    return text[:low], CUT, engine.encode(show(spec, step, text[:low] + CUT))
