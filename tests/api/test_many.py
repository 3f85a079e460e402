"""Runs side by side: what each writes is what it writes alone."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import agentspec
from agentspec.engines.batch import Batch
from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault, InvalidInput, SpecError
from tests.api.test_agent import lines, told
from tests.api.toys import SILENT, TEXT, add, small
from tests.engines.test_engine_kinds import KINDS, make
from tests.episode.test_stream import PARTIAL
from tests.laws.toy import ToyEngine

__all__ = ["make"]
TASKS = ["Why?", "What is 1 + 1?", "x" * 90, "Is it so?"]
ONE_CALL = (
    TEXT.replace("{1,3}", "").replace("max_tokens: 1500", "max_tokens: 150").replace("max_tokens: 40", "max_tokens: 16")
)
"""Little to write, so that a test is short."""
CRISP = {"vocab_size": 259, "initializer_range": 0.5, "max_position_embeddings": 6000}


@pytest.fixture
def engine(make: Any) -> TransformersEngine:
    return TransformersEngine(make(**CRISP), device="cpu")


def alone(agent: agentspec.Agent, engine: Any, **more: Any) -> list[agentspec.Run]:
    return [agent.run(task, engine=engine, trace=False, lookahead=0, **more) for task in TASKS]


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_each_writes_what_it_writes_alone(engine: TransformersEngine, temperature: float) -> None:
    agent = agentspec.loads(ONE_CALL, tools=[add])
    more: dict[str, Any] = {"temperature": temperature, "seed": 3}
    singles = alone(agent, engine, **more)
    together = agent.run_many(TASKS, engine=engine, trace=False, at_once=3, **more)
    assert [told(run) for run in together] == [told(run) for run in singles]
    assert [run.usage.model_calls for run in together] == [run.usage.model_calls for run in singles]
    assert all(run.accepted for run in together)
    assert len({str(run) for run in together}) > 1


def test_what_is_taken_back_is_taken_back_in_its_row_alone(engine: TransformersEngine) -> None:
    agent = agentspec.loads(PARTIAL, predicates={"fine": lambda content: sum(content.encode()) % 3 == 0})
    more: dict[str, Any] = {"temperature": 1.5, "seed": 5, "logprobs": True}
    singles = alone(agent, engine, **more)
    together = agent.run_many(TASKS, engine=engine, trace=False, **more)
    assert [told(run) for run in together] == [told(run) for run in singles]
    assert any("taken back" in step.detail for run in together for step in run.steps), "the test is of some use"
    for one, other in zip(together, singles, strict=True):
        ours = [(step.logprob, step.logprob_free) for step in one.steps if step.logprob is not None]
        theirs = [(step.logprob, step.logprob_free) for step in other.steps if step.logprob is not None]
        np.testing.assert_allclose(ours, theirs, atol=1e-2)


def test_without_the_guard_too(engine: TransformersEngine) -> None:
    agent = agentspec.loads(SILENT)
    more: dict[str, Any] = {"guarded": False, "max_tokens": 30}
    together = agent.run_many(TASKS, engine=engine, trace=False, **more)
    assert [(told(run), run.reason) for run in together] == [
        (told(run), run.reason) for run in alone(agent, engine, **more)
    ]


def test_a_session_begins_its_text_anew(engine: TransformersEngine) -> None:
    agent = agentspec.loads(SILENT.replace("name: silent", "name: talk\nsemantics: infinite").replace(
        "behavior: question answer", "behavior: (question answer)*"
    ))  # fmt: skip
    together = agent.run_many(TASKS, engine=engine, trace=False)
    assert {run.status for run in together} == {"pending"}
    assert [told(run) for run in together] == [told(run) for run in alone(agent, engine)]


def test_one_forward_carries_all_of_them_on(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    forward = Batch.forward

    def counted(self: Batch, rows: Any) -> None:
        asked.append(len(rows))
        forward(self, rows)

    monkeypatch.setattr(Batch, "forward", counted)
    runs = agentspec.loads(SILENT).run_many(TASKS[:3], engine=engine, trace=False)
    assert sum(asked) == sum(run.usage.model_calls for run in runs)
    assert len(asked) == max(run.usage.model_calls for run in runs)
    assert asked[0] == 3


def test_seeds_traces_and_what_stays_in_order(engine: TransformersEngine, tmp_path: Path) -> None:
    agent = agentspec.loads(SILENT)
    seeds = [4, 4, 9]
    runs = agent.run_many(["Why?"] * 3, seeds=seeds, engine=engine, trace=tmp_path, temperature=1.0)
    assert told(runs[0]) == told(runs[1]) != told(runs[2])
    assert told(runs[2]) == told(agent.run("Why?", seed=9, temperature=1.0, engine=engine, trace=False, lookahead=0))
    assert len({run.trace_path for run in runs}) == 3
    assert [lines(run.trace_path)[0]["seed"] for run in runs] == seeds
    assert agent.run_many([], engine=engine) == []


def test_an_engine_that_cannot_runs_one_by_one(make: Any, caplog: pytest.LogCaptureFixture) -> None:
    agent = small()
    toys = agent.run_many(TASKS, engine=ToyEngine(3), trace=False)
    assert [told(run) for run in toys] == [told(run) for run in alone(agent, ToyEngine(3))]
    assert caplog.messages == ["the model toy cannot carry on several texts at once: its runs go one by one"]
    silent = agentspec.loads(SILENT)
    mamba = TransformersEngine(make("mamba"), device="cpu")
    assert mamba.batch() is None
    runs = silent.run_many(["a", "b"], engine=mamba, trace=False)
    assert [told(run) for run in runs] == [told(silent.run(t, engine=mamba, trace=False)) for t in ("a", "b")]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "mistral" in dict(KINDS)


def test_a_task_that_may_not_start_is_refused_and_the_others_go_on(engine: TransformersEngine) -> None:
    tasks = ["Why?", "x" * 7000, "How?"]
    statuses = [run.status for run in agentspec.loads(SILENT).run_many(tasks, engine=engine, trace=False)]
    assert statuses == ["accepted", "refused", "accepted"]
    with pytest.raises(SpecError):
        agentspec.loads(TEXT.replace("G(ok(add) -> G !action)", "G !error"), tools=[add]).run_many(["Why?"])


def test_a_forward_that_fails_ends_all_and_is_their_status(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, count = Batch.forward, [0]

    def failing(self: Batch, rows: Any) -> None:
        count[0] += 1
        if count[0] == 5:
            raise EngineFault("broken")
        forward(self, rows)

    monkeypatch.setattr(Batch, "forward", failing)
    runs = agentspec.loads(SILENT).run_many(TASKS[:2], engine=engine, trace=False)
    assert [(run.status, run.reason) for run in runs] == [("engine_fault", "broken")] * 2


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupt_and_a_fault_of_ours_end_all(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: type[BaseException]
) -> None:
    forward, count = Batch.forward, [0]

    def interrupted(self: Batch, rows: Any) -> None:
        count[0] += 1
        if count[0] == 7:
            raise kind
        forward(self, rows)

    monkeypatch.setattr(Batch, "forward", interrupted)
    before = threading.active_count()
    began = time.perf_counter()
    with pytest.raises(kind):
        agentspec.loads(ONE_CALL, tools=[add]).run_many(TASKS, engine=engine, trace=tmp_path, at_once=2)
    assert time.perf_counter() - began < 10
    assert [lines(path)[-1]["status"] for path in tmp_path.glob("*.jsonl")] == ["cancelled"] * 2
    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("tasks", "more", "said"),
    [
        ("Why?", {}, "a list of tasks"),
        (["Why?", " "], {}, "the task is empty"),
        (["Why?"], {"seeds": [1, 2]}, "1 tasks and 2 seeds"),
        (["Why?"], {"seeds": ["x"]}, "seed is a whole number"),
        (["Why?"], {"at_once": 0}, "at_once is a whole number of 1 or more"),
        (["Why?"], {"on_step": print}, "on_step could not tell"),
    ],
)
def test_what_cannot_be_asked_for(tasks: Any, more: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        small().run_many(tasks, engine=ToyEngine(), trace=False, **more)
