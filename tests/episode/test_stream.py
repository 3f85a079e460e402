"""Text as it comes: what was told is never taken back, and joined it is the transcript."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

import agentspec
from agentspec.automata.letter import Owner
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import show
from tests.api.toys import SlowEngine, small
from tests.episode.test_partial import ForgettingEngine
from tests.laws.harness import Count, budgets, sound
from tests.laws.specs import spec_from
from tests.laws.toy import WILLS, ToyEngine


def check_events(episode: Episode) -> int:
    """Play an episode; returns how many pieces came of steps of the model that were not whole yet."""
    told, shown, early = "", "", 0
    for event in episode.events():
        if isinstance(event, str):
            assert event
            told += event
            early += not told.endswith("\n")
            continue
        assert event.letter is not None
        shown += show(episode.compiled.agent.spec, str(event.letter.step), event.shown)
        ended = told if told.startswith(shown) else f"{told}\n"  # the end token stands for the border
        assert ended.startswith(shown), "a record comes behind the text of its step"
    assert episode.result is not None
    assert told == shown, episode.result
    return early


def test_joined_it_is_the_transcript() -> None:
    early = count = 0
    for seed in range(12):
        spec = spec_from(seed)
        compiled = sound(spec, Count())
        if compiled is None:
            continue
        rng = Random(seed)
        for budget in budgets(rng, compiled):
            engine = ToyEngine(seed, rng.choice([*WILLS]))
            tools, _ = spec.tools()
            early += check_events(Episode(compiled, engine, tools, "Why?", Sampler(0.8, seed), budget=budget))
            count += 1
    assert count > 10
    assert early > 100


def always(truth: dict[str, bool]) -> object:
    def function(content: str) -> bool:
        return truth.setdefault(content, len(truth) % 3 == 2)

    return function


PARTIAL = """\
version: 1
name: partial
steps:
  question: {by: user, cue: "[Q]"}
  thought: {by: model, cue: "[T]", text: {max_chars: 8}}
  answer: {by: model, cue: "[A]", text: {max_chars: 8}}
propositions:
  fine: {at: thought, python: "./x.py:fine"}
behavior: question thought+ answer
rules: [{id: all_fine, ltl: "G(thought -> fine)"}]
limits: {max_tokens: 400, max_steps: 6}
"""


def test_a_step_that_may_be_taken_back_is_told_when_it_stays() -> None:
    taken_back = 0
    for seed in range(10):
        truth: dict[str, bool] = {}
        agent = agentspec.loads(PARTIAL, predicates={"fine": always(truth)})  # type: ignore[dict-item]
        texts = agent.stream("Why?", engine=ForgettingEngine(seed), trace=False, temperature=1.0, seed=seed)
        told = "".join(texts)
        run = texts.result
        thoughts = [f"[T] {step.content}\n" for step in run.steps if step.letter and step.letter.step == "thought"]
        assert "".join(line for line in told.splitlines(keepends=True) if line.startswith("[T]")) == "".join(thoughts)
        assert all(truth[text[4:-1]] for text in thoughts)
        taken_back += sum(not fine for fine in truth.values())
        assert not any(f"[T] {text}\n" in told for text, fine in truth.items() if not fine and text)
    assert taken_back > 5


def test_the_text_of_a_run_and_its_end() -> None:
    agent = small()
    run = agent.run("Why?", engine=ToyEngine(3), trace=False)
    with agent.stream("Why?", engine=ToyEngine(3), trace=False) as texts:
        pieces = list(texts)
        assert texts.result.steps[-1].content == run.steps[-1].content
    spec = run.compiled.agent.spec
    expected = [show(spec, str(step.letter.step), step.shown) for step in run.steps if step.letter]
    assert "".join(pieces) == "".join(expected)
    assert len(pieces) > len(run.steps)


def test_leaving_early_ends_the_run() -> None:
    steps: list[StepRecord] = []
    with small().stream("Why?", engine=ToyEngine(3), trace=False, on_step=steps.append) as texts:
        first = next(texts)
        second = next(texts)
    assert first == "[Question] Why?\n"
    assert not second.endswith("\n")
    assert texts.result.status == "cancelled"
    assert [step.letter and step.letter.owner for step in steps] == [Owner.USER]
    with pytest.raises(StopIteration):
        next(texts)


def test_in_an_event_loop() -> None:
    async def listen() -> tuple[str, str, int]:
        steps = []

        async def note(step: StepRecord) -> None:
            steps.append(step)

        async with small().astream("Why?", engine=SlowEngine(3), trace=False, on_step=note) as texts:
            told = "".join([piece async for piece in texts])
        return told, texts.result.status, len(steps)

    told, status, steps = asyncio.run(listen())
    assert status == "accepted"
    assert told == "".join(small().stream("Why?", engine=ToyEngine(3), trace=False))
    assert steps == told.count("[Question]") + sum(
        told.count(f"\n{cue} ") for cue in ("[Thought]", "[Action]", "[Action Input]", "[Observation]", "[Answer]")
    )


def test_cancelling_the_task_that_listens() -> None:
    async def leave() -> str:
        texts = small().astream("Why?", engine=SlowEngine(3, pause=0.01), trace=False)

        async def listen() -> None:
            async for _ in texts:
                pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return texts.result.status

    assert asyncio.run(leave()) == "cancelled"


def test_an_interrupt_between_two_steps_ends_the_episode_as_one_within() -> None:
    spec = spec_from(3)
    compiled = sound(spec, Count())
    assert compiled is not None
    tools, _ = spec.tools()
    for kind in ("steps", "events"):
        episode = Episode(compiled, ToyEngine(3), tools, "Why?", Sampler(0.8, 3))
        told = getattr(episode, kind)()
        next(told)
        with pytest.raises(StopIteration):
            told.throw(KeyboardInterrupt())
        assert episode.result is not None
        assert (episode.result.status, episode.result.reason) == ("cancelled", "interrupted")
