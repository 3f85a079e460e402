"""The public face: which names there are, that importing them is cheap, and that their types hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mypy.api

import agentspec

NAMES = [
    "Agent", "AgentSpecError", "Answer", "AsyncSteps", "AsyncTexts", "Automaton", "Budget", "BudgetRefused",
    "Cursor", "EngineFault", "Guard", "GuardLogits", "InvalidInput", "Letter", "ModelMissing", "Moment",
    "Refused", "Report", "Run", "Said", "SpecError", "StepHandler", "StepRecord", "Steps", "SyntaxProblem",
    "Texts", "Tool", "ToolError", "TooLarge", "Usage", "Verdict", "Written", "__version__", "compile", "holds",
    "load", "loads", "parse_formula", "tool",
]  # fmt: skip

EMBEDDING = '''
import asyncio
from pathlib import Path

import agentspec
from agentspec import Agent, Budget, Cursor, InvalidInput, Run, StepRecord, Verdict


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def heard(record: StepRecord) -> None:
    print(record.index, record.content)


agent: Agent = agentspec.load(Path("a.yaml"), tools=[add], model="m", device="cpu", dtype="auto", offline=True)
run: Run = agent.run("x", seed=1, temperature=0.5, max_tokens=9, timeout=1.5, trace=False, on_step=heard, guarded=True)
answer: str | None = run.answer
verdicts: tuple[Verdict, ...] = run.raise_for_status().verdicts
with agentspec.loads("").steps("x", trace=Path("t")) as steps:
    for record in steps:
        print(record.letter.step if record.letter else None)
    run = steps.result


async def many() -> tuple[Run, Run]:
    async for record in agent.asteps("x"):
        heard(record)
    return await asyncio.gather(agent.arun("x"), agent.arun("y", seed=2))


cursor: Cursor = agentspec.compile(agent).start(Budget(1, 2, 3))
try:
    cursor.take("call", {"a": 1})
except InvalidInput as problem:
    print(problem.location, cursor.observe("x").tool, cursor.allowed_steps["a"][0])
print(agentspec.holds(agentspec.parse_formula("F a"), [{"a"}]), agent.compile().least.tokens)

agentspec.load(3)  # type: ignore[arg-type]
agentspec.nonsense  # type: ignore[attr-defined]
agent.run("x", sead=3)  # type: ignore[call-arg]
agent.run("x", seed="3")  # type: ignore[arg-type]
number: int = agent.run("x")  # type: ignore[assignment]
agent.run(task="x", on_step=lambda: None)  # type: ignore[arg-type, misc]
'''


def test_the_public_names_are_these() -> None:
    assert sorted(agentspec.__all__) == sorted(NAMES)
    assert set(NAMES) <= set(dir(agentspec))
    for name in NAMES:
        assert getattr(agentspec, name) is not None


def test_other_names_are_refused_as_python_does() -> None:
    code = "import agentspec\ntry: agentspec.nonsense\nexcept AttributeError as problem: print(problem)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "module 'agentspec' has no attribute 'nonsense'"


def test_importing_costs_next_to_nothing() -> None:
    code = (
        "import sys, time; before = set(sys.modules); began = time.perf_counter(); import agentspec\n"
        "print(time.perf_counter() - began, *sorted(set(sys.modules) - before))"
    )
    found = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
        seconds, *modules = done.stdout.split()
        others = {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names}
        assert others == {"agentspec"}
        found.append(float(seconds))
    assert min(found) < 0.05


def test_an_embedding_script_is_typed(tmp_path: Path) -> None:
    """Right uses pass ``mypy --strict``, and each wrong one is found (an ignore without need is an error too)."""
    file = tmp_path / "embedding.py"
    file.write_text(EMBEDDING + "".join(f"agentspec.{name}\n" for name in NAMES))
    assert (Path(agentspec.__file__).parent / "py.typed").is_file()
    shown, complaint, code = mypy.api.run(["--strict", str(file)])
    assert code == 0, shown + complaint
