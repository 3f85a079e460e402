"""Agents that handlers ask: under their own guard, within the time of the run, side by side, never in a circle."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import agentspec
from agentspec import Answer, Moment
from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault, SpecError
from tests.engines.test_engine_kinds import make
from tests.laws.toy import ToyEngine, ToySource

__all__ = ["make"]
from tests.episode.test_handlers import AGENT, run, true, wrote

SILENT = """\
version: 1
name: silent
steps:
  question: {by: user, cue: "[Question]"}
  answer: {by: model, cue: "[Answer]", text: {min_chars: 3, max_chars: 9}}
behavior: question answer
limits: {max_tokens: 40, max_steps: 3}
"""


@pytest.fixture
def asks(tmp_path: Path) -> str:
    (tmp_path / "silent.yaml").write_text(SILENT, encoding="utf-8")
    handler = f"{{name: ./h.py:memo, agents: {tmp_path / 'silent.yaml'}}}"
    return AGENT.replace("handler: ./h.py:memo", f"handler: {handler}")


def test_an_agent_is_asked_under_its_own_guard(asks: str) -> None:
    answers: list[Answer] = []

    def memo(moment: Moment) -> str:
        answers.append(moment.ask("silent"))
        answers.append(moment.ask("silent", "What else?", seed=4, temperature=2.0))
        return "done"

    found = run(asks, given={"memo": memo})
    assert found.accepted
    assert [one.status for one in answers] == ["accepted"] * 2
    for one, task in zip(answers, ["Why?", "What else?"], strict=True):
        assert one.text is not None
        assert [step.step for step in one.steps] == ["question", "answer"]
        assert one.steps[0].content == task
        assert 3 <= len(one.text) <= 9
    alone = agentspec.loads(SILENT).run("Why?", engine=ToyEngine(3), trace=False)
    assert alone.answer == answers[0].text
    assert found.usage.asked_tokens > alone.usage.tokens
    assert found.usage.tokens < 40
    assert found.to_json()["usage"]["asked_tokens"] == found.usage.asked_tokens


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (("silnt",), "'silnt' is no agent that 'memo' may ask; did you mean 'silent'?"),
        (("silent", ""), "the task is empty"),
        (("silent", "\ud800"), "the task is not valid Unicode"),
        (("silent", 4), "the task is a text, not int"),
    ],
    ids=str,
)
def test_a_question_that_cannot_be_asked_is_the_handlers_fault(asks: str, asked: tuple[Any, ...], reason: str) -> None:
    found = run(asks, given={"memo": lambda moment: moment.ask(*asked).text})
    assert found.accepted
    assert reason in wrote(found, "memo").content
    assert "error" in true(wrote(found, "memo"))


@pytest.mark.parametrize("more", [{"seed": "1"}, {"temperature": -1}, {"temperature": float("nan")}], ids=str)
def test_settings_of_a_question_are_looked_at(asks: str, more: dict[str, Any]) -> None:
    found = run(asks, given={"memo": lambda moment: moment.ask("silent", **more).text})
    assert found.accepted
    assert "InvalidInput: an agent is asked" in wrote(found, "memo").content


@pytest.mark.parametrize("swallowed", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"), [(KeyboardInterrupt(), "cancelled"), (EngineFault("gone"), "engine_fault")]
)
def test_what_ends_the_run_within_an_agent_ends_it(
    asks: str, swallowed: bool, fault: BaseException, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logits(_: ToySource) -> Any:
        raise fault

    monkeypatch.setattr(ToySource, "logits", logits)

    def memo(moment: Moment) -> str:
        try:
            return str(moment.ask("silent").text)
        except BaseException:
            if swallowed:
                return "all is well"
            raise

    if status == "cancelled":
        with pytest.raises(KeyboardInterrupt):
            run(asks, given={"memo": memo})
        return
    found = run(asks, given={"memo": memo})
    assert found.status == status
    assert [one.letter and one.letter.step for one in found.steps] == ["question"]


def test_the_time_of_the_run_bounds_that_of_the_asked(asks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from agentspec.episode import episode

    now = [0.0]
    monkeypatch.setattr(episode.time, "perf_counter", lambda: now[0])
    asked: list[Any] = []

    def memo(moment: Moment) -> str:
        for _ in range(9):
            now[0] += 4
            asked.append(moment.ask("silent"))
        return "never"

    found = run(asks, given={"memo": memo}, timeout=10)
    assert (found.status, found.reason) == ("stopped_limit", "the time-out passed")
    assert len(asked) == 2


def test_an_agent_that_is_asked_has_its_own_time(asks: str, tmp_path: Path) -> None:
    (tmp_path / "silent.yaml").write_text(SILENT.replace("max_steps: 3", "max_steps: 3, timeout: 0.000001"))
    found = run(asks, given={"memo": lambda moment: moment.ask("silent").status})
    assert found.accepted
    assert wrote(found, "memo").content in ("stopped_limit", "accepted")


def chain(folder: Path, *names: str) -> str:
    """Each asks the next one; the last of the names is asked only."""
    for name, asked in pairwise(names):
        text = AGENT.replace("name: helped", f"name: {name}").replace(
            "./h.py:memo", f"{{name: vote, agents: {asked}.yaml}}"
        )
        (folder / "silent.yaml").write_text(SILENT, encoding="utf-8")
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return str(folder / f"{names[0]}.yaml")


def test_who_asks_in_a_circle_is_refused_before_the_run(tmp_path: Path) -> None:
    engine = ToyEngine(3)
    with pytest.raises(SpecError, match="asks in a circle: a → b → c → a"):
        agentspec.load(chain(tmp_path, "a", "b", "c", "a")).run("Why?", engine=engine)
    assert not engine.sources


def test_who_asks_too_deep_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="more than 8 deep"):
        agentspec.load(chain(tmp_path, *"abcdefghijk", "silent")).run("Why?", engine=ToyEngine(3))


def test_runs_side_by_side_ask_agents_too(asks: str, make: Any) -> None:
    engine = TransformersEngine(make(vocab_size=259, initializer_range=0.5, max_position_embeddings=6000), device="cpu")

    def memo(moment: Moment) -> str:
        before, tokens = moment.weigh("so")
        texts = [moment.ask("silent", seed=i, temperature=1.0).text for i in range(2)]
        assert np.isclose(moment.weigh("so")[0], before, atol=1e-3)
        return f"{texts} {tokens}"

    agent = agentspec.loads(asks.replace("max_chars: 12", "max_chars: 2"), handlers={"memo": memo})
    tasks = ["Why?", "Is it so?"]
    more: dict[str, Any] = {"engine": engine, "trace": False, "temperature": 0.5}
    singles = [agent.run(task, lookahead=0, seed=i, **more) for i, task in enumerate(tasks)]
    together = agent.run_many(tasks, seeds=[0, 1], at_once=2, **more)
    assert [[one.content for one in found.steps] for found in together] == [
        [one.content for one in found.steps] for found in singles
    ]
    assert all(found.accepted for found in together)
    assert [found.usage.asked_tokens for found in together] == [found.usage.asked_tokens for found in singles]


def test_async_and_streams_know_steps_of_code(asks: str) -> None:
    agent = agentspec.loads(asks, handlers={"memo": lambda moment: f"it says {moment.ask('silent').text}"})
    plain = agent.run("Why?", engine=ToyEngine(3), trace=False)
    assert asyncio.run(agent.arun("Why?", engine=ToyEngine(3), trace=False)).answer == plain.answer
    text = "".join(agent.stream("Why?", engine=ToyEngine(3), trace=False))
    assert f"[Memo] {wrote(plain, 'memo').content}\n" in text
