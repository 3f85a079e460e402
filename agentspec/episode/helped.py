"""Handlers at work in an episode: what they are given, what their text becomes, and the room it takes."""

from __future__ import annotations

import contextlib
import json
import time
import traceback
from typing import TYPE_CHECKING, Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import Constraint
from agentspec.content.json_text import parse_object
from agentspec.decoding.ahead import Ahead
from agentspec.decoding.sample import Sampler
from agentspec.engines.engine import Engine
from agentspec.episode.crew import Ready, failure
from agentspec.episode.moment import Answer, Moment, Written
from agentspec.episode.observe import observed
from agentspec.episode.retry import invalid
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import identify
from agentspec.errors import EngineFault, InvalidInput
from agentspec.spec.model import Step
from agentspec.toolbox.tool import Outcome, render

if TYPE_CHECKING:
    from agentspec.episode.episode import Episode

PROPOSED = "proposed by a handler"
"""The detail of a step of the model that was written as a handler proposed."""


class Helped:
    """An episode and its handlers."""

    def __init__(self, episode: Episode) -> None:
        self._episode = episode

    def outcome(self, step: str, source: Ahead) -> Outcome:
        """What the handler of a tool's step writes; a fault of it is an error that the model reads."""
        began = time.perf_counter()
        try:
            said = self._episode.crew[step](self._moment(step, source))
            if said is None:
                raise TypeError("the handler of a tool's step gives a text, not None")
            text, value = render(said.text)[0], None if said.value is None else render(said.value)[1]
        except EngineFault:
            raise
        except Exception as problem:  # the handler's: data, like a tool's
            told, undeclared = failure(problem)
            detail = "".join(traceback.format_exception(problem)) if undeclared else ""
            return Outcome(False, True, render(told)[0], None, time.perf_counter() - began, detail)
        return Outcome(True, False, text, value, time.perf_counter() - began)

    def proposal(self, step: str) -> str | None:
        """What the handler of a model's step proposes. Raises EngineFault where it fails: it stops nobody."""
        try:
            said = self._episode.crew[step](self._moment(step, None))
        except EngineFault:
            raise
        except Exception as problem:
            raise EngineFault(f"the handler of '{step}' failed: {failure(problem)[0]}") from problem
        return None if said is None else said.text

    def _moment(self, step: str, source: Ahead | None) -> Moment:
        episode, ready = self._episode, self._episode.crew[step]
        steps = tuple(map(_written, episode.written))

        def weigh(text: str) -> tuple[float, int]:
            assert source is not None
            return self._weighed(step, text, source)

        def ask(agent: str, task: str, seed: int, temperature: float) -> Answer:
            return self._asked(ready, agent, task, Sampler(temperature, seed))

        return Moment(
            step, episode.task, steps, episode.sampler.seed, tuple(ready.agents), ask, None if source is None else weigh
        )

    def _weighed(self, step: str, text: str, source: Ahead) -> tuple[float, int]:
        engine = self._episode.engine
        cue = engine.encode(self._episode.compiled.agent.spec.steps[step].cue)
        tokens = engine.encode(f" {text}")
        source.append(cue)
        logprob = source.logprob(tokens)
        source.rollback(len(cue))
        return logprob, len(tokens)

    def _asked(self, ready: Ready, agent: str, task: str, sampler: Sampler) -> Answer:
        """An episode of another agent, on the same engine; what it used is added up. An interrupt ends this one too."""
        episode, member = self._episode, ready.agents[agent]
        inner = type(episode)(
            member.compiled, episode.engine, member.tools, task, sampler, None, None, episode.seconds_left(),
            episode.lookup, handlers=member.handlers,
        )  # fmt: skip
        for _ in inner.steps():
            pass
        result = inner.result
        assert result is not None
        episode.usage.asked_tokens += result.usage.tokens + result.usage.asked_tokens
        episode.usage.asked_model_calls += result.usage.model_calls + result.usage.asked_model_calls
        if result.status == "cancelled":
            raise KeyboardInterrupt
        if result.status == "engine_fault":
            raise EngineFault(f"{agent}, asked by a handler: {result.reason}")
        return Answer(result.answer, result.status, tuple(map(_written, inner.written)))


def proposed(
    compiled: Compiled, possible: list[Letter], text: str, bound: dict[Letter, Constraint]
) -> tuple[Letter, str, bytes] | None:
    """The letter and content that a proposed text is, and its line as the model writes it; None where it is none."""
    step = step_of(compiled.agent.spec.steps, possible[0])
    for content in _forms(compiled, step, possible, text):
        try:
            letter, found = identify(compiled, possible, f"{step.cue} {content}", bound)
        except (InvalidInput, EngineFault):  # EngineFault: what it is, a function says that is not at hand
            continue
        if letter in possible and not invalid(step, found):
            return letter, found, f"{step.opening}{found}{step.closing}".encode()
    return None


def _forms(compiled: Compiled, step: Step, possible: list[Letter], text: str) -> list[str]:
    """How a text may be meant: as it stands, or where it is arguments as JSON, or as the only argument of the tool."""
    if step.tool != "arguments":
        return [text]
    found: list[str] = []
    for letter in possible:
        parameters = compiled.schemas[str(letter.tool)].parameters
        wanted: list[Any] = [text]
        wanted += [number] if (number := _number(text)) is not None else []
        names = [*parameters.get("required", [])] or [*parameters.get("properties", {})]
        values: list[Any] = [{names[0]: value} for value in wanted] if len(names) == 1 else []
        with contextlib.suppress(ValueError):
            values.insert(0, parse_object(text))
        found += [json.dumps(value, ensure_ascii=False, separators=(",", ":")) for value in values]
    return list(dict.fromkeys(found))


def _number(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _written(record: StepRecord) -> Written:
    letter = record.letter
    if letter is None:
        return Written("", record.content)
    failed = any(name == "error" or name.startswith("failed(") for name in letter.true)
    value = record.content if record.value is None and letter.owner == Owner.TOOL else record.value
    return Written(str(letter.step), record.content, letter.tool, failed, value)


def most_told(compiled: Compiled, engine: Engine, steps: int) -> int:
    """The most tokens that handlers' steps may add to the text in an episode of so many steps."""
    spec = compiled.agent.spec
    room = {name: observed(compiled, engine, name) for name in spec.handlers if spec.steps[name].owner == Owner.TOOL}
    if not any(room.values()):
        return 0
    arena, winning = compiled.arena, compiled.solution.rank
    most = [0] * len(arena.moves)
    for _ in range(steps):
        longer = list(most)
        for q in winning:
            for letter, target in arena.kept(q, winning).items():
                longer[q] = max(longer[q], most[target] + (room.get(str(letter.step), 0)))
        if longer == most:
            break
        most = longer
    return most[arena.initial]
