"""Step handlers of one's own are locked, trusted and imported as tools are, and nothing else imports them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import agentspec
from agentspec.cli.app import app
from agentspec.errors import InvalidInput
from tests.laws.toy import ToyEngine

CODE = """print("imported")


def shortest(moment, *, of):
    return min((one.content for one in moment.steps if one.step == of), key=len)


async def later(moment):
    return "x"


def nothing():
    return "x"
"""
AGENT = """version: 1
name: own
steps:
  q: {by: user, cue: "[Q]"}
  h: {by: tool, cue: "[H]", handler: {name: "./own.py:shortest", with: {of: q}}}
  a: {by: model, cue: "[A]", text: {max_chars: 9}}
behavior: q h a
"""


@pytest.fixture
def agent(here: Path) -> Path:
    (here / "own.py").write_text(CODE)
    (here / "agent.yaml").write_text(AGENT)
    return here / "agent.yaml"


def said(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*map(str, words)])
    return done.exit_code, f"{done.output}{done.exception or ''}"


def played(agent: Path) -> agentspec.Run:
    return agentspec.load(agent).run("Why?", engine=ToyEngine(3), trace=False)


def test_a_handler_runs_once_it_is_locked_and_as_it_was(agent: Path) -> None:
    with pytest.raises(InvalidInput, match=r"handler \./own\.py:shortest is not locked: .* `agentspec tools lock"):
        played(agent)
    status, told = said("tools", "list", agent)
    assert (status, "handler, not ready" in told) == (1, True)
    status, told = said("tools", "lock", agent)
    assert status == 0
    assert "locked the handler shortest of own.py" in told
    status, told = said("tools", "list", agent, "--json")
    assert (status, json.loads(told)["handlers"]) == (0, [{"name": "h", "ref": "./own.py:shortest", "problem": None}])
    assert [record.content for record in played(agent).steps][1] == "Why?"
    (agent.parent / "own.py").write_text(CODE + "\n")
    with pytest.raises(InvalidInput, match=r"own\.py has changed since it was locked"):
        played(agent)


def test_what_only_looks_imports_nothing(agent: Path, capfd: pytest.CaptureFixture[str]) -> None:
    examples = agent.parent / "examples.txt"
    examples.write_text("[Q] Why?\n[H] so\n[A] yes\n")
    agent.write_text(AGENT + "examples: examples.txt\n")
    for command in ("check", "validate-prompts", "automaton"):
        status, told = said(command, agent)
        assert status == 0, told
        assert "imported" not in told + capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shortes", "has no function 'shortes'; did you mean 'shortest'?"),
        ("later", "'later' must give its text at once: a plain def"),
        ("nothing", "'nothing' must take the moment, and its settings by name"),
        ("print", "has no function 'print'"),
    ],
)
def test_what_is_no_handler_is_not_locked(agent: Path, name: str, told: str) -> None:
    agent.write_text(AGENT.replace("shortest", name))
    status, output = said("tools", "lock", agent)
    assert status != 0
    assert told in output
    assert not (agent.parent / "tools.lock.json").exists()


def test_settings_that_a_handler_does_not_take_are_refused_before_the_run(agent: Path) -> None:
    agent.write_text(AGENT.replace("with: {of: q}", "with: {off: q}"))
    assert said("tools", "lock", agent)[0] == 0
    with pytest.raises(InvalidInput, match=r"the handler of 'h', \./own\.py:shortest, does not take its settings"):
        played(agent)
