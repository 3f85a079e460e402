"""The functions of runtime predicates are locked, trusted and imported as tools of one's own are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentspec
from agentspec.content.predicate_ref import PredicateRef, parse_predicate_ref
from agentspec.content.tool_lock import LOCK_FILE, read_lock, read_predicates
from agentspec.errors import InvalidInput
from agentspec.spec.load import load
from agentspec.toolbox.lock import lock, plan_agent, plan_file, plan_folder
from agentspec.toolbox.registry import load_tools
from agentspec.toolbox.trust import store_path
from tests.laws.toy import ToyEngine

CHECKS = """print("imported")


def polite(text):
    return "please" in text


def _short(text):
    return len(text) < 3
"""
AGENT = """version: 1
name: asks
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", text: {max_chars: 5}}
  a: {by: model, cue: "[A]", choice: [yes]}
behavior: q t a?
propositions:
  polite: {at: t, python: ./checks.py:polite}
rules:
  - {id: asked, ltl: "a -> polite"}
"""


@pytest.fixture
def agent(here: Path) -> Path:
    (here / "checks.py").write_text(CHECKS)
    (here / "agent.yaml").write_text(AGENT)
    return here / "agent.yaml"


def locked(agent: Path) -> None:
    declared = load(str(agent))
    lock(plan_agent(agent, declared.tools, list(declared.spec.functions.values())))


def loaded(agent: Path, **more: Any) -> Any:
    declared = load(str(agent))
    return load_tools(declared.tools, agent.parent, agent=agent, predicates=declared.spec.functions, **more)


def test_check_reads_no_code(agent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = agentspec.load(agent)
    assert found.check().realizable
    found.compile()
    assert "imported" not in "".join(capsys.readouterr())


def test_a_locked_function_runs(agent: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked(agent)
    content = json.loads((agent.parent / LOCK_FILE).read_text())
    assert list(content) == ["lock_version", "tools", "predicates"]
    assert list(content["predicates"]) == ["checks.py:polite"]
    found = loaded(agent)
    assert [found.functions["polite"](text) for text in ("please", "do")] == [True, False]
    assert [str(one) for one in found.imported] == [f"predicate polite: {(agent.parent / 'checks.py').resolve()}"]
    assert capsys.readouterr().out == ""
    run = agentspec.load(agent).run("x", engine=ToyEngine(), trace=False)
    assert run.accepted
    guard = agentspec.load(agent).compile()
    cursor = guard.start()
    cursor.take("q", "x")
    assert "polite" not in cursor.take("t", "do").true


def test_what_is_not_locked_or_trusted_or_has_changed_does_not_run(agent: Path) -> None:
    checks, where = agent.parent / "checks.py", agent.parent / LOCK_FILE

    def refused(what: str, **more: Any) -> None:
        for attempt in (
            lambda: loaded(agent, **more),
            *([] if more else [lambda: agentspec.load(agent).run("x", engine=ToyEngine(), trace=False)]),
        ):
            with pytest.raises(InvalidInput, match=what):
                attempt()

    refused(f"predicate ./checks.py:polite is not locked: there is no {where}; run `agentspec tools lock")
    locked(agent)
    store_path().unlink()
    refused("predicate ./checks.py:polite: .*checks.py is not trusted; a lock file that came with it is no proof")
    assert loaded(agent, trusted_files=[checks]).functions["polite"]("please")
    locked(agent)
    refused("holds none of the agent's tools", trusted_files=[agent.parent / "my_tools.py"])
    checks.write_text(CHECKS.replace("please", "now"))
    refused("is out of date: checks.py has changed since it was locked; run `agentspec tools lock")
    checks.unlink()
    refused("predicate ./checks.py:polite: .*no such file")
    checks.write_text("polite = 3\n")
    with pytest.raises(InvalidInput, match="'polite' is not a function defined in that file: wrap it in a def"):
        locked(agent)
    checks.write_text("def polit(text):\n    return True\n")
    with pytest.raises(InvalidInput, match="has no function 'polite'; did you mean 'polit'"):
        locked(agent)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("def polite():\n    return True\n", "must take one argument"),
        ("async def polite(text):\n    return True\n", "no coroutine and no generator"),
        ("def polite(text):\n    yield True\n", "no coroutine and no generator"),
        ("class polite:\n    pass\n", "is not a function defined in that file"),
    ],
)
def test_what_is_no_predicate(agent: Path, code: str, problem: str) -> None:
    (agent.parent / "checks.py").write_text(code)
    with pytest.raises(InvalidInput, match=problem):
        locked(agent)


def test_a_file_locked_again_keeps_its_predicates_and_they_are_no_tools(agent: Path) -> None:
    folder = agent.parent
    locked(agent)
    where = folder / LOCK_FILE
    for plan in (lambda: plan_file(folder / "checks.py"), lambda: plan_folder(folder)):
        (folder / "checks.py").write_text((folder / "checks.py").read_text() + "\n")
        lock(plan())
        assert list(read_predicates(where)) == ["checks.py:polite"]
        assert "polite" not in read_lock(where)
        assert loaded(agent).functions["polite"]("please")
    (folder / "checks.py").write_text("def other(text):\n    '''Other.'''\n")
    assert "checks.py:polite" in lock(plan_file(folder / "my_tools.py")).path.read_text()
    (folder / "checks.py").unlink()
    assert lock(plan_folder(folder)).dropped == ("checks.py:polite",)
    assert "predicates" not in json.loads(where.read_text())


@pytest.mark.parametrize(
    "predicates",
    ['[]', '{"checks.py:f": 3}', '{"../checks.py:f": "%s"}' % ("0" * 64), '{"checks.py": "%s"}' % ("0" * 64)],
)  # fmt: skip
def test_lock_files_that_are_none(tmp_path: Path, predicates: str) -> None:
    path = tmp_path / LOCK_FILE
    path.write_text(f'{{"lock_version": 1, "tools": {{}}, "predicates": {predicates}}}')
    with pytest.raises(InvalidInput, match="predicate"):
        read_predicates(path)


def test_functions_of_a_program() -> None:
    text = AGENT.replace("./checks.py:polite", "is_polite")
    said: list[str] = []

    def is_polite(value: str) -> bool:
        said.append(value)
        return True

    run = agentspec.loads(text, predicates={"polite": is_polite}).run("x", engine=ToyEngine(), trace=False)
    assert run.accepted
    assert said == [run.steps[1].content]
    with pytest.raises(InvalidInput, match=r"its function is a program's: give it with agentspec\.load"):
        agentspec.loads(text).run("x", engine=ToyEngine(), trace=False)
    with pytest.raises(InvalidInput, match="no runtime predicate is called 'polit'; did you mean 'polite'"):
        agentspec.loads(text, predicates={"polit": is_polite})
    for function in (3, lambda: True):
        with pytest.raises(InvalidInput, match=r"the predicate 'polite' (is int, not a function|must take one)"):
            agentspec.loads(text, predicates={"polite": function})  # type: ignore[dict-item]


def test_a_function_beats_the_file(agent: Path) -> None:
    asked: list[str] = []
    mine: Callable[[str], bool] = lambda text: asked.append(text) is None  # noqa: E731
    assert agentspec.load(agent, predicates={"polite": mine}).run("x", engine=ToyEngine(), trace=False).accepted
    assert asked


def test_references() -> None:
    assert parse_predicate_ref("./a/checks.py:_f") == PredicateRef("_f", "a/checks.py", "./a/checks.py:_f")
    assert parse_predicate_ref("f") == PredicateRef("f", None, "f")


def test_functions_of_another_folder_are_refused(agent: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "agent.yaml").write_text(f"version: 1\nname: more\nextends: {agent}\n")
    with pytest.raises(InvalidInput, match=r"'\./checks.py:polite' lies beside another file"):
        load(str(other / "agent.yaml"))


def test_they_are_listed_with_the_tools(agent: Path) -> None:
    from typer.testing import CliRunner

    from agentspec.cli.tools import app

    done = CliRunner().invoke(app, ["list", str(agent), "--json"])
    assert done.exit_code == 1
    (one,) = json.loads(done.stdout)["predicates"]
    assert one["name"] == "polite"
    assert "is not locked" in one["problem"]
    done = CliRunner().invoke(app, ["lock", str(agent)])
    assert done.exit_code == 0, done.output
    assert "locked the predicate polite of checks.py" in done.stdout
    done = CliRunner().invoke(app, ["list", str(agent), "--json"])
    assert (done.exit_code, json.loads(done.stdout)["predicates"][0]["problem"]) == (0, None)
