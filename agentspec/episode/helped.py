"""Handlers at work in an episode: what they are given, what their text becomes, and the room it takes."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import Constraint
from agentspec.content.json_text import parse_object
from agentspec.decoding.ahead import Ahead
from agentspec.decoding.sample import Sampler
from agentspec.episode.crew import Ready
from agentspec.episode.moment import Answer, Moment, Written
from agentspec.episode.retry import invalid
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import identify
from agentspec.errors import AgentSpecError, EngineFault, InvalidInput
from agentspec.spec.alphabet import framed
from agentspec.spec.model import Step
from agentspec.toolbox.tool import Outcome, attempted, described, render

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
        ended: list[BaseException] = []
        moment = self._moment(step, source, ended)

        def work() -> tuple[str, Any]:
            said = self._episode.crew[step](moment)
            if said is None:
                raise TypeError("the handler of a tool's step gives a text, not None")
            return render(said.text)[0], None if said.value is None else render(said.value)[1]

        outcome = attempted(work, time.perf_counter())
        if ended:
            raise ended[0]
        return outcome

    def proposal(self, step: str) -> str | None:
        """What the handler of a model's step proposes. Raises EngineFault where it fails: it stops nobody."""
        ended: list[BaseException] = []
        ready = self._episode.crew[step]
        try:
            said = ready(self._moment(step, None, ended))
        except KeyboardInterrupt:
            raise
        except BaseException as problem:
            if ended:
                raise ended[0] from None
            raise EngineFault(f"the handler of '{step}', {ready.name}, failed: {described(problem)}") from problem
        if ended:
            raise ended[0]
        return None if said is None else said.text

    def _moment(self, step: str, source: Ahead | None, ended: list[BaseException]) -> Moment:
        """What ends the run while the handler asks or weighs is in ``ended``, whatever the handler makes of it."""
        episode, ready = self._episode, self._episode.crew[step]
        steps = tuple(map(_written, episode.written))

        def weigh(text: str) -> tuple[float, int]:
            assert source is not None
            with _ending(ended):
                return self._weighed(step, text, source)

        def ask(agent: str, task: str, seed: int, temperature: float) -> Answer:
            with _ending(ended):
                return self._asked(ready, agent, task, Sampler(temperature, seed))

        return Moment(
            step, episode.task, steps, episode.sampler.seed, tuple(ready.agents), ask, None if source is None else weigh
        )

    def _weighed(self, step: str, text: str, source: Ahead) -> tuple[float, int]:
        if not isinstance(text, str) or re.search("[\ud800-\udfff]", text):
            raise InvalidInput(f"'{step}' weighs a text that can be written, not {text!r:.80}")
        engine = self._episode.engine
        cue = engine.encode(self._episode.compiled.agent.spec.steps[step].cue)
        tokens = engine.encode(f" {text}")
        source.append(cue)
        try:
            return source.logprob(tokens), len(tokens)
        finally:
            source.rollback(len(cue))

    def _asked(self, ready: Ready, agent: str, task: str, sampler: Sampler) -> Answer:
        """An episode of another agent, on the same engine; what it used is added up. An interrupt ends this one too."""
        if not isinstance(sampler.seed, int) or not isinstance(sampler.temperature, int | float):
            raise InvalidInput(f"an agent is asked with a whole seed and a temperature, not {sampler}")
        if not 0 <= sampler.temperature < math.inf:
            raise InvalidInput(f"an agent is asked at a temperature of 0 or more, not {sampler.temperature}")
        episode, member = self._episode, ready.agents[agent]
        episode.check_time()
        times = (member.compiled.agent.limits.timeout, episode.seconds_left())
        inner = type(episode)(
            member.compiled, episode.engine, member.tools, task, sampler, None, None,
            min((time for time in times if time is not None), default=None), episode.lookup, handlers=member.handlers,
        )  # fmt: skip
        for _ in inner.steps():
            pass
        episode.check_time()
        result = inner.result
        assert result is not None
        episode.usage.asked_tokens += result.usage.tokens + result.usage.asked_tokens
        episode.usage.asked_model_calls += result.usage.model_calls + result.usage.asked_model_calls
        if result.status == "cancelled":
            raise KeyboardInterrupt
        if result.status == "engine_fault":
            raise EngineFault(f"{agent}, asked by a handler: {result.reason}")
        return Answer(result.answer, result.status, tuple(map(_written, inner.written)))


@contextlib.contextmanager
def _ending(ended: list[BaseException]) -> Iterator[None]:
    """Note what ends the run: all but what is the handler's own fault, such as a task that nobody could answer."""
    try:
        yield
    except BaseException as problem:
        if isinstance(problem, EngineFault) or not isinstance(problem, AgentSpecError):
            ended.append(problem)
        raise


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
    """How a text may be meant: as it stands, else without its notation, or as the only argument of a tool."""
    found = [text]
    if step.max_lines > 1:
        found.append(framed(text))
    if step.until:
        found.append(text + step.until)
    if step.kind == "json_schema":
        comma, colon = (",", ":") if step.schema is None else step.schema.bounds.separators
        found += [_compact(value, comma, colon) for value in _read(text)]
    for letter in possible if step.tool == "arguments" else ():
        parameters = compiled.schemas[str(letter.tool)].parameters
        values = [value for value in _read(text) if isinstance(value, dict)]
        names = [*parameters.get("required", [])] or [*parameters.get("properties", {})]
        if len(names) == 1:
            values += [{names[0]: value} for value in (text, *_read(text))]
        order = [*parameters.get("properties", {})]
        for value in values:
            known = {name: value[name] for name in order if name in value}
            found.append(_compact({**known, **value}))
    return list(dict.fromkeys(found))


def _compact(value: Any, comma: str = ",", colon: str = ":") -> str:
    return json.dumps(value, ensure_ascii=False, separators=(comma, colon))


def _read(text: str) -> list[Any]:
    """The JSON value that a text is, alone in a list; none where it is no JSON."""
    try:
        return [parse_object(text) if text.lstrip().startswith("{") else json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _written(record: StepRecord) -> Written:
    letter = record.letter
    if letter is None:
        return Written("", record.content)
    failed = any(name == "error" or name.startswith("failed(") for name in letter.true)
    value = record.content if record.value is None and letter.owner == Owner.TOOL else record.value
    return Written(str(letter.step), record.content, letter.tool, failed, copy.deepcopy(value))
