"""One item under one setting: the run, and what it is worth."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from agentspec.api.agent import Agent
from agentspec.api.many import played
from agentspec.api.run import Run
from agentspec.api.settings import Options
from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.engines.engine import Engine
from agentspec.episode.trace import StepRecord, Usage
from agentspec.episode.transcript import meant
from agentspec.errors import AgentSpecError, BudgetRefused, EngineFault, InvalidInput
from agentspec.evaluation.items import Call, Item, Said
from agentspec.evaluation.metrics import Metric
from agentspec.evaluation.own_metric import MetricFault
from agentspec.evaluation.setting import Candidate, Setting
from agentspec.toolbox.tool import Tool

KEPT_AGENTS = 16
"""Compiled agents that are kept; items that bring tools need one each."""


@dataclass(frozen=True)
class Line:
    """What became of an item under a setting: one line of the results.

    ``score`` is that of a run that ended well, and 0 of any other; ``score_anyway`` what the same answer or calls come
    to however the run ended. ``rules`` are those violated, ``denied`` the steps that the monitor took back.
    """

    item: str
    setting: str
    status: str
    answer: str | None
    score: float
    score_anyway: float
    usage: Mapping[str, Any]
    said: str | None = None
    calls: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""
    rules: tuple[str, ...] = ()
    malformed: bool = False
    denied: int = 0
    trace: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Its fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Line:
        """The inverse. Raises InvalidInput where something is missing or of another type."""
        if not isinstance(value, dict):
            raise InvalidInput("a result is an object")
        try:
            line = cls(**{**value, "calls": tuple(value["calls"]), "rules": tuple(value["rules"])})
            numbers = (line.score, line.score_anyway, line.denied, *(line.usage[name] for name in _USED))
        except (TypeError, KeyError) as problem:
            raise InvalidInput(f"not a result: {problem}") from None
        texts = (line.item, line.setting, line.status, line.reason)
        if not all(isinstance(one, int | float) for one in numbers) or not all(isinstance(one, str) for one in texts):
            raise InvalidInput("not a result: a field is of the wrong type")
        return line


_USED = ("tokens", "model_calls", "tool_calls", "seconds", "prompt_tokens")


@dataclass
class Player:
    """Runs items. ``engines`` opens the model of a name, once; ``max_tokens`` is the budget of every run."""

    candidates: Mapping[str, Candidate]
    engines: Callable[[str], Engine]
    metric: Metric
    max_tokens: int | None = None
    max_steps: int | None = None
    timeout: float | None = None
    traces: Path | None = None
    _agents: OrderedDict[tuple[str, bool, str], Agent] = field(default_factory=OrderedDict)

    def play(self, item: Item, setting: Setting) -> Line:
        """Run the item to its end. A run that may not start, and a fault, is a result as well."""
        engine = self.engines(setting.model)
        try:
            run = played(self.agent(setting, item).steps(item.task, **self._options(engine, setting)))
        except BudgetRefused as problem:
            return _unrun(item, setting, "refused", problem.message)
        except EngineFault as problem:
            return _unrun(item, setting, "engine_fault", problem.message)
        except AgentSpecError as problem:  # this item's tools or task cannot be used with this agent
            return _unrun(item, setting, "refused", str(problem).split("\n")[0])
        except Exception as problem:  # the run recorded it as its ending and raised it
            return _unrun(item, setting, "engine_fault", f"{type(problem).__name__}: {problem}")
        return self._line(item, setting, run)

    def agent(self, setting: Setting, item: Item) -> Agent:
        """The agent of a setting, for an item that brings tools with those.

        Worked examples call the agent's own tools, which then stay on the list behind the item's.
        """
        candidate = self.candidates[setting.agent]
        tools = json.dumps([tool.to_json() for tool in item.tools]) if item.tools else ""
        bare = bool(item.tools) and (setting.examples == 0 or not candidate.declaration.examples)
        key = (setting.agent, bare, tools)
        if key in self._agents:
            self._agents.move_to_end(key)
            return self._agents[key]
        declaration, mine = candidate.declaration, candidate.tools
        if bare:
            declaration, mine = replace(declaration, examples="", more_examples=(), pick=None, tools=()), ()
        if item.tools:
            brought = tuple(Tool(schema, _recorded, None) for schema in item.tools)
            names = {tool.schema.name for tool in brought}
            mine = (*brought, *(one for one in mine if one.schema.name not in names))
            declaration = replace(declaration, tools=tuple(one for one in declaration.tools if one.name not in names))
        self._agents[key] = Agent(declaration, tools=mine, predicates=candidate.predicates, handlers=candidate.handlers)
        if len(self._agents) > KEPT_AGENTS:
            self._agents.popitem(last=False)
        return self._agents[key]

    def _options(self, engine: Engine, setting: Setting) -> Options:
        return Options(
            engine=engine, seed=setting.seed, temperature=setting.temperature, guarded=setting.guarded,
            max_tokens=self.max_tokens, max_steps=self.max_steps, timeout=self.timeout, trace=self.traces or False,
            examples=setting.examples,
        )  # fmt: skip

    def _line(self, item: Item, setting: Setting, run: Run) -> Line:
        calls = calls_of(run.steps, run.compiled, item)
        said = run.answer if run.accepted else last_words(run.steps)
        reason = run.reason
        try:
            anyway = self.metric.score(item, Said(said, calls))
            score = anyway if run.accepted else 0.0
        except MetricFault as problem:
            score, anyway, reason = 0.0, 0.0, "; ".join(filter(None, (reason, str(problem))))
        broken = tuple(v.rule for v in run.verdicts if v.verdict == "violated" and v.enforce != "assume")
        denied = sum(step.letter is None and step.detail.startswith("denied") for step in run.steps)
        return Line(
            item.id, setting.key, run.status, run.answer, score, anyway, _used(run.usage), said,
            tuple(call.to_json() for call in calls), reason, broken,
            run.status == "stopped_rule" and run.reason.startswith("malformed"), denied, run.trace_path,
        )  # fmt: skip


def calls_of(steps: tuple[StepRecord, ...], compiled: Compiled, item: Item) -> tuple[Call, ...]:
    """The calls that a run completed."""
    found = []
    for step in steps:
        if step.letter is None or not step.letter.completes_call:
            continue
        arguments = meant(compiled.agent.spec, step.letter, step.content)
        name = str(step.letter.tool)
        found.append(Call(item.names.get(name, name), arguments if isinstance(arguments, dict) else {}))
    return tuple(found)


def last_words(steps: tuple[StepRecord, ...]) -> str | None:
    """What the model said last that calls no tool, be it a step or not; None where it said nothing."""
    for step in reversed(steps):
        if step.letter is None or (step.letter.owner == Owner.MODEL and step.letter.tool is None):
            return step.content
    return None


def _recorded(**arguments: Any) -> str:
    """What stands for a tool that an item brings: the call itself is what is looked at."""
    del arguments
    return "done"


def _used(usage: Usage) -> dict[str, Any]:
    return {**asdict(usage), "seconds": round(usage.seconds, 3)}


def _unrun(item: Item, setting: Setting, status: str, reason: str) -> Line:
    return Line(item.id, setting.key, status, None, 0.0, 0.0, _used(Usage()), reason=reason)
