"""Loading, looking and running, on the toy engine: what an embedder does, and what he does wrong."""

from __future__ import annotations

import gc
import json
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import agentspec
from agentspec import InvalidInput, StepRecord
from agentspec.toolbox.tool import tool_from_function
from tests.api.toys import SILENT, TEXT, SlowEngine, add, broken, small
from tests.laws.toy import ToyEngine


def told(run: agentspec.Run) -> list[tuple[str, str]]:
    return [(str(record.letter), record.content) for record in run.steps]


def lines(path: str | Path | None) -> list[dict[str, Any]]:
    assert path is not None
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


# Loading -------------------------------------------------------------------------------------------------------------


def test_load_takes_a_name_a_path_and_a_text(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SILENT)
    assert agentspec.load("react").name == "react"
    assert agentspec.load(file).name == agentspec.load(str(file)).name == agentspec.loads(SILENT).name == "silent"
    with pytest.raises(InvalidInput, match="did you mean 'react'"):
        agentspec.load("raect")
    with pytest.raises(InvalidInput, match=r"<spec>:1:10"):
        agentspec.loads("version: 2\n")


def test_loading_executes_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, agentspec\n"
        "agent = agentspec.load('react')\n"
        "agent.check(), agent.compile(), agent.automaton, repr(agent)\n"
        "loaded = {'torch', 'transformers', 'llguidance'} & set(sys.modules)\n"
        "loaded |= {n for n in sys.modules if 'calculator' in n or 'lookup' in n}\n"
        "assert not loaded, loaded\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60, cwd=tmp_path)


def test_functions_are_added_to_the_tools_of_the_file_or_stand_in_for_them() -> None:
    def lookup(word: str) -> str:
        """Find a word.

        Args:
            word: any
        """
        return word

    agent = agentspec.load("react", tools=[lookup, add])
    assert [ref.name for ref in agent.declaration.tools] == ["calculator", "lookup", "add"]
    assert list(agent.compiled.schemas) == ["calculator", "lookup", "add"]
    assert agent.compiled.schemas["lookup"].description == "Find a word."
    assert agent.compiled.schemas["calculator"] == agentspec.load("react").compiled.schemas["calculator"]
    assert agentspec.load("react", tools=[tool_from_function(add)]).declaration.tools[-1].name == "add"


def test_a_tool_in_a_file_is_imported_only_where_it_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(TEXT + 'tools: ["./mine.py:add"]\n')
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')\n")
    with pytest.raises(InvalidInput, match="agentspec tools lock"):
        agentspec.load(file).compile()
    run = agentspec.load(file, tools=[add]).run("1 + 1?", engine=ToyEngine(3), trace=False)
    assert run.accepted


def test_marked_functions_keep_their_names_and_async_ones_are_awaited() -> None:
    @agentspec.tool(name="add", timeout=5)
    async def anything(a: int, b: int) -> int:
        """Add, at leisure.

        Args:
            a: the first
            b: the second
        """
        return a + b

    run = small(anything).run("1 + 1?", engine=ToyEngine(3), trace=False)
    assert run.accepted
    assert any(record.letter and "ok(add)" in record.letter.true for record in run.steps)


def test_tools_that_cannot_be_used_are_refused_when_the_agent_is_loaded() -> None:
    with pytest.raises(InvalidInput, match="two tools are called 'add'"):
        agentspec.loads(TEXT, tools=[add, add])
    with pytest.raises(InvalidInput, match="has no step for tools: add"):
        agentspec.loads(SILENT, tools=[add])
    with pytest.raises(InvalidInput, match="its name must be"):
        agentspec.loads(TEXT, tools=[lambda x: x])
    with pytest.raises(InvalidInput, match="a tool is a function"):
        agentspec.loads(TEXT, tools=["add"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match=r"rule 'once' names 'ok\(add\)'"):
        agentspec.loads(TEXT, tools=[broken]).compile()
    with pytest.raises(InvalidInput, match="none is named"):
        agentspec.loads(TEXT).run("1 + 1?", engine=ToyEngine())


def test_an_agent_that_cannot_win_can_be_looked_at() -> None:
    agent = agentspec.loads(TEXT.replace("G(ok(add) -> G !action)", "G !error"), tools=[add])
    assert not agent.check().realizable
    assert len(agent.automaton) > 1
    with pytest.raises(agentspec.SpecError, match="tools and users can force"):
        agent.compile()
    with pytest.raises(agentspec.SpecError, match="tools and users can force"):
        agent.run("1 + 1?", engine=ToyEngine())


def test_compile_takes_what_load_takes_and_is_done_once() -> None:
    agent = small()
    guard = agentspec.compile(agent)
    assert guard is agent.compile()
    assert guard.compiled is agent.compiled
    assert agentspec.compile("react").least == agentspec.compile(agentspec.load("react")).least
    assert agent.check().least_budget == guard.least


# Running -------------------------------------------------------------------------------------------------------------


def test_a_run_says_all_there_is_to_say(tmp_path: Path) -> None:
    seen: list[StepRecord] = []
    run = small().run("1 + 1?", seed=3, engine=ToyEngine(3), trace=tmp_path, on_step=seen.append)
    assert run.accepted
    assert run.status == "accepted"
    assert run.raise_for_status() is run
    assert seen == list(run.steps)
    assert run.answer == run.steps[-1].content
    assert [v.rule for v in run.verdicts] == ["once"]
    assert run.usage.steps == len(run.steps)
    assert run.to_json()["status"] == "accepted"
    assert run.to_json() == {k: v for k, v in lines(run.trace_path)[-1].items() if k != "type"}
    assert Path(str(run.trace_path)).parent == tmp_path
    assert str(run).startswith("[Question] 1 + 1?\n[Thought] ")
    assert str(run).endswith("accepted")


def test_the_same_seed_gives_the_same_run_and_no_run_disturbs_another() -> None:
    agent = small()
    first, other = (agent.run("1 + 1?", temperature=1, seed=s, engine=ToyEngine(), trace=False) for s in (1, 2))
    again = agent.run("1 + 1?", temperature=1, seed=1, engine=ToyEngine(), trace=False)
    assert told(first) == told(again) != told(other)
    assert first.trace_path is None


def test_limits_of_a_run_stand_in_for_those_of_the_agent() -> None:
    agent = small()
    run = agent.run("1 + 1?", max_tool_calls=1, engine=ToyEngine(5), trace=False)
    assert run.accepted
    assert run.usage.tool_calls == 1
    with pytest.raises(agentspec.BudgetRefused, match="one that suffices"):
        agent.run("1 + 1?", max_tokens=10, engine=ToyEngine(), trace=False)
    with pytest.raises(agentspec.BudgetRefused, match="context window"):
        agent.run("1 + 1?", engine=ToyEngine(window=100), trace=False)
    late = agent.run("1 + 1?", timeout=0.005, engine=SlowEngine(pause=0.01), trace=False)
    assert late.status == "stopped_limit"
    with pytest.raises(agentspec.AgentSpecError, match="stopped_limit: the time-out passed") as problem:
        late.raise_for_status()
    assert problem.value.exit_code == 3


class Loose(ToyEngine):
    """Free to write special tokens, which are no text."""

    def decode(self, tokens: list[int]) -> bytes:
        return super().decode([token for token in tokens if token < self.end_token])


def test_a_run_without_the_guard_says_so() -> None:
    run = small().run("1 + 1?", guarded=False, engine=Loose(), trace=False, max_tokens=50)
    assert run.status in ("stopped_rule", "stopped_limit")
    assert run.to_json()["guarantee"] == "partial"
    assert "reason=" in repr(run)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": 1.5}, {"seed": True}, {"temperature": -1}, {"temperature": float("nan")}, {"temperature": "hot"},
        {"max_tokens": 0}, {"max_steps": 2.0}, {"max_tool_calls": -1}, {"timeout": 0}, {"timeout": float("inf")},
        {"trace": True}, {"trace": 3}, {"on_step": "print"},
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_named(wrong: dict[str, Any]) -> None:
    for method in (small().run, small().steps, small().asteps):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            method("1 + 1?", engine=ToyEngine(), **wrong)


def test_other_mistakes_are_named() -> None:
    agent = small()
    with pytest.raises(TypeError, match="sead"):
        agent.run("1 + 1?", sead=1)  # type: ignore[call-arg]
    for task in ("", " \n"):
        with pytest.raises(InvalidInput, match="the task is empty"):
            agent.run(task, engine=ToyEngine())

    async def hear(record: StepRecord) -> None:
        del record

    with pytest.raises(InvalidInput, match="only arun and asteps"):
        agent.run("1 + 1?", engine=ToyEngine(), on_step=hear)


def test_what_tools_raise_is_an_observation() -> None:
    agent = agentspec.loads(TEXT.replace("ok(add) -> G !action", "failed(broken) -> F answer"), tools=[broken])
    run = agent.run("1 + 1?", engine=ToyEngine(2), trace=False)
    assert run.accepted
    answers = [record for record in run.steps if record.letter and record.letter.owner == "tool"]
    assert answers
    for record in answers:
        assert record.content in ("below 0", "ZeroDivisionError: always")


def test_a_trace_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = small().run("1 + 1?", engine=ToyEngine(), trace=tmp_path / "file")
    assert run.status == "engine_fault"
    with pytest.raises(agentspec.EngineFault, match="cannot be written"):
        run.raise_for_status()


def test_reports_a_fault_of_an_engine(tmp_path: Path) -> None:
    class Faulty(SlowEngine):
        def open(self, prompt: list[int]) -> Any:
            raise ZeroDivisionError(f"in the engine, after {len(prompt)} tokens")

    with pytest.raises(ZeroDivisionError, match="in the engine"):
        small().run("1 + 1?", engine=Faulty(), trace=tmp_path)


# Steps as they come --------------------------------------------------------------------------------------------------


def test_steps_come_one_by_one() -> None:
    agent = small()
    steps = agent.steps("1 + 1?", engine=ToyEngine(3), trace=False)
    with pytest.raises(RuntimeError, match="not begun"):
        _ = steps.result
    assert next(steps).content == "1 + 1?"
    with pytest.raises(RuntimeError, match="not over"):
        _ = steps.result
    assert "1 so far, under way" in repr(steps)
    rest = list(steps)
    assert list(steps) == []
    assert steps.result.steps[1:] == tuple(rest)
    assert told(steps.result) == told(agent.run("1 + 1?", engine=ToyEngine(3), trace=False))
    steps.close()
    assert steps.result.accepted


@pytest.mark.parametrize("how", ["with", "close", "drop", "stop"])
def test_leaving_in_the_middle_ends_the_run_as_cancelled(tmp_path: Path, how: str) -> None:
    steps: agentspec.Steps | None = small().steps("1 + 1?", engine=ToyEngine(3), trace=tmp_path)
    assert steps is not None
    next(steps)
    next(steps)
    match how:
        case "with":
            with steps:
                pass
        case "close":
            steps.close()
        case "stop":
            steps.stop()
            assert list(steps) == []
    if how != "drop":
        assert steps.result.status == "cancelled"
        assert steps.result.answer is None
        assert len(steps.result.steps) == 2
    gc.disable()
    try:
        del steps
        (trace,) = tmp_path.iterdir()
        written = lines(trace)
    finally:
        gc.enable()
    assert [line["type"] for line in written] == ["episode", "step", "step", "result"]
    assert written[-1]["status"] == "cancelled"


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    steps = small().steps("1 + 1?", engine=ToyEngine(3), trace=tmp_path)
    steps.close()
    assert list(steps) == []
    with pytest.raises(RuntimeError, match="not begun"):
        _ = steps.result
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_what_a_callback_raises_ends_the_run_and_comes_out(tmp_path: Path, kind: type[BaseException]) -> None:
    def hear(record: StepRecord) -> None:
        if record.index == 1:
            raise kind("enough")

    with pytest.raises(kind, match="enough"):
        small().run("1 + 1?", engine=ToyEngine(3), trace=tmp_path, on_step=hear)
    (trace,) = tmp_path.iterdir()
    assert lines(trace)[-1]["status"] == "cancelled"


def test_stop_from_another_thread_ends_the_run_before_its_next_token(tmp_path: Path) -> None:
    engine = SlowEngine(3, pause=0.01)
    steps = small().steps("1 + 1?", engine=engine, trace=tmp_path)

    def stop() -> None:
        engine.reached.wait(10)
        steps.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    assert len(list(steps)) == 1
    thread.join()
    assert steps.result.status == "cancelled"
    assert engine.sources[0].asked == 1


def test_an_interrupt_is_recorded_and_reaches_the_program(tmp_path: Path) -> None:
    engine = SlowEngine(3, pause=0.05)

    def interrupt() -> None:
        engine.reached.wait(10)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as problem:
        small().run("1 + 1?", engine=engine, trace=tmp_path)
    thread.join()
    (trace,) = tmp_path.iterdir()
    assert lines(trace)[-1]["reason"] == "interrupted"
    assert str(trace) in problem.value.__notes__[0]


def test_runs_in_threads_take_turns_at_the_model() -> None:
    agent, engine = small(), SlowEngine(3)
    alone = [told(agent.run("1 + 1?", seed=s, temperature=1, engine=ToyEngine(3), trace=False)) for s in range(8)]
    with ThreadPoolExecutor(8) as threads:
        runs = list(
            threads.map(lambda s: agent.run("1 + 1?", seed=s, temperature=1, engine=engine, trace=False), range(8))
        )
    assert [told(run) for run in runs] == alone
    assert engine.most == 1


def test_a_tool_may_run_an_agent_on_the_same_engine() -> None:
    engine, inner = ToyEngine(3), agentspec.loads(SILENT)
    answers: list[str | None] = []

    def add(a: int, b: int) -> str:
        """Ask somebody else.

        Args:
            a: the first
            b: the second
        """
        run = inner.run(f"{a} + {b}?", engine=engine, trace=False)
        answers.append(run.answer)
        return str(run.answer)

    assert small(add).run("1 + 1?", engine=engine, trace=False).accepted
    assert answers


# Looks ---------------------------------------------------------------------------------------------------------------


def test_everything_has_a_short_name() -> None:
    agent = small()
    run = agent.run("1 + 1?", engine=ToyEngine(3), trace=False)
    assert repr(agent).startswith("<Agent small: steps question, thought")
    assert repr(agent.compile()).startswith("<Guard of small: ")
    assert repr(agent.automaton).startswith("<Automaton of ")
    assert repr(run).startswith("<Run of small: accepted, answer=")
    assert repr(agent.asteps("1 + 1?")) == "<AsyncSteps, not begun>"
    for value in (agent, agent.compile(), agent.automaton, run, agent.compile().start()):
        assert len(repr(value)) < 400
        assert "object at" not in repr(value)


def test_agents_and_runs_under_way_are_not_pickled() -> None:
    agent = small()
    for value in (agent, agent.steps("1 + 1?", engine=ToyEngine()), agent.asteps("1 + 1?")):
        with pytest.raises((TypeError, AttributeError), match=r"is not pickled|[Cc]an(no|')t pickle"):
            pickle.dumps(value)
