"""What is assumed of tools and users: kept, it is a guarantee; broken, the run stops under its own name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentspec
from agentspec.errors import InvalidInput, ToolError
from tests.laws.toy import ToyEngine

TEXT = """\
version: 1
name: trusting
steps:
  question: {by: user, cue: "[Question]"}
  action: {by: model, cue: "[Action]", tool: call}
  observation: {by: tool, cue: "[Observation]", max_tokens: 40}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 12}}
behavior: question action observation answer
propositions:
  polite: {at: question, contains: please}
rules:
  - {id: works, ltl: "G !failed(ask)", assume: true}
  - {id: manners, ltl: "G(question -> polite)", assume: true}
  - {id: known, ltl: "G(answer -> O ok(ask))"}
limits: {max_tokens: 1500, max_steps: 20, max_tool_calls: 3}
"""


def ask() -> str:
    """Ask."""
    return "yes"


def agent(tool: Any) -> agentspec.Agent:
    return agentspec.loads(TEXT, tools=[tool])


def test_kept() -> None:
    run = agent(ask).run("please", engine=ToyEngine(3), trace=False)
    assert run.status == "accepted"
    assert [(v.rule, v.verdict, v.enforce) for v in run.verdicts] == [
        ("works", "satisfied", "assume"), ("manners", "satisfied", "assume"), ("known", "satisfied", "block"),
    ]  # fmt: skip


def test_broken_by_a_tool(tmp_path: Path) -> None:
    def ask() -> str:
        """Ask."""
        raise ToolError("nobody is here")

    run = agent(ask).run("please", engine=ToyEngine(3), trace=tmp_path)
    assert run.status == "assumption_violated"
    assert run.answer is None
    assert "the assumption 'works' is broken by observation {failed(ask)}" in run.reason
    assert [v.verdict for v in run.verdicts if v.rule == "works"] == ["violated"]
    lines = [json.loads(line) for line in next(tmp_path.glob("*.jsonl")).read_text().splitlines()]
    assert lines[-2]["true"] == ["failed(ask)", "observation"]
    assert lines[-1]["status"] == "assumption_violated"


def test_broken_by_the_user() -> None:
    run = agent(ask).run("now!", engine=ToyEngine(3), trace=False)
    assert (run.status, run.usage.steps) == ("assumption_violated", 0)
    assert "'manners'" in run.reason


def test_a_cursor_refuses_what_breaks_one() -> None:
    cursor = agent(ask).compile().start()
    with pytest.raises(InvalidInput, match="breaks the assumption 'manners'"):
        cursor.take("question", "now!")
    cursor.take("question", "please")
    cursor.take("action", {"name": "ask", "arguments": {}})
    with pytest.raises(InvalidInput, match="breaks the assumption 'works'"):
        cursor.observe("no", ok=False)
    cursor.observe("yes")


def test_check_says_what_the_guarantee_rests_on() -> None:
    report = agent(ask).check()
    assert report.assumptions == ("works", "manners")
    assert any("as long as tools and users keep to: works, manners" in note for note in report.notes)
    assert report.to_json()["assumptions"] == ["works", "manners"]
