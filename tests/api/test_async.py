"""Runs in an event loop, on the toy engine: many at once, cancelled, abandoned, with callbacks of both kinds."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from pathlib import Path

import pytest

import agentspec
from agentspec import StepRecord
from tests.api.test_agent import lines, told
from tests.api.toys import TEXT, SlowEngine, small
from tests.laws.toy import ToyEngine


def test_twenty_runs_at_once_are_those_that_run_alone() -> None:
    agent, engine = small(), SlowEngine(3, pause=0.0005)
    alone = [told(agent.run(f"{i} + 1?", seed=i, temperature=1, engine=ToyEngine(3), trace=False)) for i in range(20)]

    async def all_of_them() -> list[agentspec.Run]:
        tasks = (agent.arun(f"{i} + 1?", seed=i, temperature=1, engine=engine, trace=False) for i in range(20))
        return await asyncio.gather(*tasks)

    runs = asyncio.run(all_of_them())
    assert [told(run) for run in runs] == alone
    assert all(run.accepted for run in runs)
    assert engine.most == 1
    assert len(engine.sources) == 20


def test_the_loop_goes_on_while_the_model_writes() -> None:
    async def both() -> int:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await small().arun("1 + 1?", engine=SlowEngine(3, pause=0.01), trace=False)
        ticking.cancel()
        return ticks

    assert asyncio.run(both()) > 20


def test_steps_come_one_by_one(tmp_path: Path) -> None:
    async def collect() -> tuple[list[StepRecord], agentspec.Run]:
        steps = small().asteps("1 + 1?", engine=ToyEngine(3), trace=tmp_path)
        with pytest.raises(RuntimeError, match="not begun"):
            _ = steps.result
        found = [record async for record in steps]
        assert [record async for record in steps] == []
        await steps.aclose()
        return found, steps.result

    found, run = asyncio.run(collect())
    assert run.accepted
    assert tuple(found) == run.steps
    assert told(run) == told(small().run("1 + 1?", engine=ToyEngine(3), trace=False))


def test_plain_runs_work_inside_a_running_loop() -> None:
    async def inside() -> tuple[agentspec.Run, list[StepRecord]]:
        agent = small()
        return agent.run("1 + 1?", engine=ToyEngine(3), trace=False), list(
            agent.steps("1 + 1?", engine=ToyEngine(3), trace=False)
        )

    run, records = asyncio.run(inside())
    assert run.accepted
    assert [record.content for record in records] == [record.content for record in run.steps]


def cancelled(tmp_path: Path) -> list[dict[str, object]]:
    """The one trace there is, which ends as cancelled."""
    (trace,) = tmp_path.iterdir()
    written = lines(trace)
    assert written[-1]["type"] == "result"
    assert written[-1]["status"] == "cancelled"
    return written


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_cancelling_stops_before_the_next_token_and_closes_the_record(tmp_path: Path, way: str) -> None:
    engine = SlowEngine(3, pause=0.02)

    async def stop() -> None:
        running = asyncio.create_task(small().arun("1 + 1?", engine=engine, trace=tmp_path))
        await asyncio.to_thread(engine.reached.wait, 10)
        if way == "timeout":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(running, 0.01)
        else:
            running.cancel()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        asked = engine.sources[0].asked
        cancelled(tmp_path)
        await asyncio.sleep(0.06)
        assert engine.sources[0].asked == asked < 8

    asyncio.run(stop())


def test_cancelling_waits_for_the_tool_under_way_and_calls_no_other(tmp_path: Path) -> None:
    calls: list[int] = []
    called = threading.Event()

    def add(a: int, b: int) -> int:
        """Add slowly.

        Args:
            a: the first
            b: the second
        """
        calls.append(a + b)
        called.set()
        time.sleep(0.05)
        calls.append(0)
        return a + b

    async def stop() -> None:
        running = asyncio.create_task(
            agentspec.loads(TEXT, tools=[add]).arun("1 + 1?", engine=ToyEngine(3), trace=tmp_path)
        )
        await asyncio.to_thread(called.wait, 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert len(calls) == 2
        assert cancelled(tmp_path)[-2]["step"] == "observation"

    asyncio.run(stop())


def test_a_cancelled_run_leaves_the_others_alone(tmp_path: Path) -> None:
    agent, engine = small(), SlowEngine(3)

    async def one_of_three() -> list[agentspec.Run | BaseException]:
        tasks = [asyncio.create_task(agent.arun("1 + 1?", engine=engine, trace=tmp_path / str(i))) for i in range(3)]
        await asyncio.to_thread(engine.reached.wait, 10)
        tasks[1].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(one_of_three())
    assert isinstance(first, agentspec.Run)
    assert isinstance(third, agentspec.Run)
    assert isinstance(second, asyncio.CancelledError)
    assert first.accepted
    assert third.accepted
    assert told(first) == told(third)


@pytest.mark.parametrize("how", ["async with", "aclose", "drop"])
def test_leaving_in_the_middle_ends_the_run_as_cancelled(tmp_path: Path, how: str) -> None:
    async def leave() -> None:
        steps = small().asteps("1 + 1?", engine=ToyEngine(3), trace=tmp_path)
        if how == "async with":
            async with steps:
                async for _ in steps:
                    break
            assert steps.result.status == "cancelled"
            return
        async for _ in steps:
            break
        if how == "aclose":
            await steps.aclose()
            assert [record async for record in steps] == []

    asyncio.run(leave())
    (trace,) = tmp_path.iterdir()
    for _ in range(100):  # dropped, the run ends when its own thread lets go of it too
        if len(lines(trace)) > 2:
            break
        time.sleep(0.01)
    assert len(cancelled(tmp_path)) == 3


def test_two_tasks_cannot_wait_for_one_step() -> None:
    async def two() -> None:
        engine = SlowEngine(3)
        steps = small().asteps("1 + 1?", engine=engine, trace=False)
        await anext(steps)
        waiting = asyncio.ensure_future(anext(steps))
        await asyncio.to_thread(engine.reached.wait, 10)
        with pytest.raises(RuntimeError, match="another task"):
            await anext(steps)
        await steps.aclose()
        with pytest.raises(StopAsyncIteration):
            await waiting
        assert steps.result.status == "cancelled"

    asyncio.run(two())


def test_callbacks_are_called_in_the_loop_and_awaited(tmp_path: Path) -> None:
    heard: list[int] = []

    def hear(record: StepRecord) -> None:
        asyncio.get_running_loop()
        heard.append(record.index)

    async def listen(record: StepRecord) -> None:
        await asyncio.sleep(0)
        heard.append(record.index)

    async def refuse(record: StepRecord) -> None:
        if record.index == 1:
            raise ValueError("enough")

    async def three() -> int:
        agent = small()
        run = await agent.arun("1 + 1?", engine=ToyEngine(3), trace=False, on_step=hear)
        await agent.arun("1 + 1?", engine=ToyEngine(3), trace=False, on_step=listen)
        with pytest.raises(ValueError, match="enough"):
            await agent.arun("1 + 1?", engine=ToyEngine(3), trace=tmp_path, on_step=refuse)
        return len(run.steps)

    many = asyncio.run(three())
    assert heard == [*range(many), *range(many)]
    assert len(cancelled(tmp_path)) == 4


def test_refusals_and_faults_come_out() -> None:
    async def refused() -> None:
        agent = small()
        with pytest.raises(agentspec.BudgetRefused):
            await agent.arun("1 + 1?", engine=ToyEngine(), max_tokens=5)
        with pytest.raises(agentspec.BudgetRefused):
            await agent.arun("1 + 1?", engine=ToyEngine(window=50), trace=False)
        with pytest.raises(agentspec.InvalidInput, match="empty"):
            await agent.arun(" ", engine=ToyEngine())
        steps = agent.asteps(" ", engine=ToyEngine())
        with pytest.raises(agentspec.InvalidInput, match="empty"):
            await anext(steps)
        with pytest.raises(StopAsyncIteration):
            await anext(steps)

    asyncio.run(refused())


def test_tools_see_the_context_of_the_task_and_no_thread_is_left() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []

    def add(a: int, b: int) -> int:
        """Add.

        Args:
            a: the first
            b: the second
        """
        seen.append(who.get())
        return a + b

    async def one(name: str) -> None:
        who.set(name)
        await agentspec.loads(TEXT, tools=[add]).arun("1 + 1?", engine=ToyEngine(3), trace=False)

    async def both() -> None:
        await asyncio.gather(one("ann"), one("bob"))

    asyncio.run(both())
    assert set(seen) == {"ann", "bob"}
    for _ in range(100):
        left = [thread.name for thread in threading.enumerate() if thread.name.startswith("agentspec-run")]
        if not left:
            return
        time.sleep(0.01)
    raise AssertionError(left)
