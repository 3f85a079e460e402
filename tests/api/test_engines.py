"""Engines are opened once, shared, and let go of; and the real one gives several runs at once what each gets alone."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from dataclasses import replace
from typing import Any

import pytest

import agentspec
from agentspec.api import engines
from agentspec.api.engines import chosen_model, engine_of, turns
from agentspec.engines import models
from tests.api.test_agent import told
from tests.api.toys import SILENT, add, small
from tests.laws.toy import ToyEngine


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Every engine that is opened, as it was asked for; opening takes a moment."""
    asked: list[tuple[Any, ...]] = []

    def open_engine(name: str, *, device: str, dtype: str, offline: bool, progress: Any) -> ToyEngine:
        asked.append((name, device, dtype, offline))
        progress("download", 0, 1)
        time.sleep(0.01)
        return ToyEngine(3)

    monkeypatch.setattr(models, "open_engine", open_engine, raising=False)
    monkeypatch.setattr(engines, "_latest", [])
    monkeypatch.setattr(engines, "_opened", weakref.WeakValueDictionary())
    monkeypatch.delenv("AGENTSPEC_MODEL", raising=False)
    return asked


def test_agents_of_one_model_share_its_engine(opened: list[tuple[Any, ...]]) -> None:
    one, two, other = small(), small(), small(dtype="float16", offline=True)
    assert not opened
    assert one.run("1 + 1?", trace=False).accepted
    assert one.run("1 + 1?", trace=False).accepted
    assert two.engine is one.engine
    assert other.engine is not one.engine
    assert opened == [("smollm2-135m", "auto", "auto", False), ("smollm2-135m", "auto", "float16", True)]


def test_what_cannot_start_is_refused_before_a_model_is_opened(opened: list[tuple[Any, ...]]) -> None:
    for limits in ({"max_steps": 2}, {"max_tool_calls": 0}):
        with pytest.raises(agentspec.BudgetRefused):
            small().steps("1 + 1?", **limits)  # type: ignore[arg-type]
    with pytest.raises(agentspec.InvalidInput, match="the task is empty"):
        small().steps(" ")
    with pytest.raises(agentspec.SyntaxProblem, match="prompt example"):
        small_with_examples("[Question] why?\n[Answer] because\n").steps("1 + 1?")
    assert not opened


def small_with_examples(text: str) -> agentspec.Agent:
    declaration = replace(small().declaration, tools=(), examples=text, examples_source="examples.txt")
    return agentspec.Agent(declaration, tools=[add])


def test_threads_open_a_model_once(opened: list[tuple[Any, ...]]) -> None:
    agents = [small() for _ in range(8)]
    threads = [threading.Thread(target=lambda agent=agent: agent.engine) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len({id(agent.engine) for agent in agents}) == 1


def test_an_engine_nobody_uses_goes_when_another_is_opened(opened: list[tuple[Any, ...]]) -> None:
    gone = weakref.ref(engine_of("a", "cpu", "auto", False))
    gc.collect()
    assert gone() is not None
    assert engine_of("a", "cpu", "auto", False) is gone()
    kept = engine_of("b", "cpu", "auto", False)
    gc.collect()
    assert gone() is None
    assert engine_of("b", "cpu", "auto", False) is kept
    assert [asked[0] for asked in opened] == ["a", "b"]


def test_a_model_that_cannot_be_had_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, **_: object) -> ToyEngine:
        raise agentspec.ModelMissing(f"no {name}")

    monkeypatch.setattr(models, "open_engine", missing, raising=False)
    agent = small(model="nowhere")
    for _ in range(2):
        with pytest.raises(agentspec.ModelMissing, match="no nowhere"):
            agent.run("1 + 1?", trace=False)


def test_the_model_asked_for_beats_the_environment_beats_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AGENTSPEC_MODEL", raising=False)
    assert chosen_model(None, None) == models.default_model()
    assert chosen_model(None, "declared") == "declared"
    monkeypatch.setenv("AGENTSPEC_MODEL", "environment")
    assert chosen_model(None, "declared") == "environment"
    assert agentspec.load("react", model="asked").model == "asked"


def test_each_engine_has_one_lock_as_long_as_it_lives() -> None:
    one, two = ToyEngine(), ToyEngine()
    assert turns(one) is turns(one) is not turns(two)
    before = len(engines._turns)
    del one, two
    gc.collect()
    assert len(engines._turns) == before - 2


@pytest.mark.long
@pytest.mark.model
def test_the_real_model_gives_each_of_several_runs_what_it_gets_alone() -> None:
    agent = agentspec.loads(SILENT.replace("12", "40"))
    tasks = ["Say hello in French.", "Count to five."]
    options: dict[str, Any] = {"seed": 4, "temperature": 0.7, "trace": False}

    async def together() -> list[agentspec.Run]:
        return await asyncio.gather(*(agent.arun(task, **options) for task in tasks))

    runs = asyncio.run(together())
    assert [told(run) for run in runs] == [told(agent.run(task, **options)) for task in tasks]
    assert all(run.accepted for run in runs)
    assert len({run.answer for run in runs}) == 2
