"""The command line as a user meets it: exit codes, JSON shapes, messages. No model is loaded here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """\
version: 1
name: small
steps:
  question: {by: user, cue: "[Q]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question answer
limits: {max_tokens: 200}
"""


def agentspec(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentspec", *arguments],
        capture_output=True,
        text=True,
        input=stdin,
        env={**os.environ, "NO_COLOR": "1", **environment},
        timeout=120,
        check=False,
    )


def test_version_and_help() -> None:
    assert agentspec("--version").stdout.startswith("agentspec 0.")
    done = agentspec("--help")
    assert done.returncode == 0
    for command in ("demo", "run", "check", "automaton", "models"):
        assert command in done.stdout


def test_usage_errors_exit_2() -> None:
    assert agentspec("fly").returncode == 2
    assert agentspec("check").returncode == 2
    assert agentspec("run").returncode == 2


def test_check_fine() -> None:
    done = agentspec("check", "react", "react-zero")
    assert done.returncode == 0
    assert "react: guaranteed by construction" in done.stdout


def test_check_json_has_one_object(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(GOOD)
    done = agentspec("check", str(file), "nothing-like-it", "--json")
    assert done.returncode == 2
    shown = json.loads(done.stdout)
    assert shown["schema_version"] == 1
    fine, missing = shown["reports"]
    assert fine["valid"]
    assert fine["realizable"]
    assert fine["guarantee"] == "full"
    assert fine["dead_steps"] == []
    assert fine["least_budget"] == {"max_tokens": 20 * 4 + len("[A] \n"), "max_steps": 2, "max_tool_calls": 0}
    assert not missing["valid"]
    assert "nothing-like-it" in missing["problems"][0]


@pytest.mark.parametrize(
    ("old", "new", "code", "fragment"),
    [
        ("text:", "txet:", 2, ":5:35: unknown key 'txet'; did you mean 'text'?"),
        ("question answer", "question (answer", 2, ":6:20:"),
        ("question answer", "question answr", 2, "did you mean 'answer'?"),
        ("limits: {max_tokens: 200}", 'rules: [{id: never, ltl: "G !answer"}]', 2, "contradictory: no episode"),
        ("max_tokens: 200", "max_tokens: 50", 2, "one that suffices|least that surely suffices"),
        ("limits:", '  other: {by: tool, cue: "[T]"}\nlimits:', 2, "not valid YAML"),
        ("behavior:", '  other: {by: model, cue: "[T]", text: {}}\nbehavior:', 1, "'other' can never occur"),
        ('cue: "[A]"', 'cue: "[Q] x"', 2, "no cue may be a prefix"),
        ("version: 1", "version: 1\nversion: 1", 2, "duplicate key"),
    ],
)
def test_check_findings(tmp_path: Path, old: str, new: str, code: int, fragment: str) -> None:
    file = tmp_path / "small.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    done = agentspec("check", str(file))
    assert done.returncode == code, done.stderr
    assert any(part in done.stderr for part in fragment.split("|")), done.stderr
    assert "Traceback" not in done.stderr


def test_a_rule_that_tools_can_break_is_refused_with_their_play(tmp_path: Path) -> None:
    file = tmp_path / "fragile.yaml"
    file.write_text("""\
version: 1
name: fragile
steps:
  question: {by: user, cue: "[Q]"}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question action input seen answer
tools: [calculator]
rules: [{id: no-failure, ltl: "G !failed(calculator)"}]
""")
    done = agentspec("check", str(file))
    assert done.returncode == 2
    assert "failed(calculator)" in done.stderr
    assert "violates a rule" in done.stderr
    run = agentspec("run", str(file), "hello", "--json")
    assert run.returncode == 2
    shown = json.loads(run.stdout)
    assert shown["status"] == "refused"
    assert shown["answer"] is None
    assert set(shown) >= {"schema_version", "status", "answer", "guarantee", "verdicts", "usage", "trace_path"}


def test_run_refuses_a_small_budget_with_3() -> None:
    done = agentspec("run", "react", "What is 2 + 2?", "--max-tokens", "30", "--json")
    assert done.returncode == 3
    shown = json.loads(done.stdout)
    assert shown["status"] == "refused"
    assert "one that suffices" in shown["reason"]


def test_run_names_a_missing_model_with_4(tmp_path: Path) -> None:
    done = agentspec("run", "react", "What is 2 + 2?", "--model", "no-such-model", "--json")
    assert done.returncode == 4
    assert json.loads(done.stdout)["status"] == "engine_fault"
    assert "no-such-model" in done.stderr
    empty = tmp_path / "model"
    empty.mkdir()
    assert agentspec("run", "react", "hello", "--model", str(empty)).returncode == 4


def test_run_wants_a_task() -> None:
    assert agentspec("run", "react", "").returncode == 2
    assert agentspec("run", "react", stdin="").returncode == 2
    assert "did you mean" in agentspec("run", "raect", "hello").stderr


def test_automaton_formats() -> None:
    shape = json.loads(agentspec("automaton", "a U b", "--format", "json").stdout)
    assert shape["states"] == 2
    assert shape["propositions"] == ["a", "b"]
    assert agentspec("automaton", "a U b", "--format", "hoa").stdout.startswith("HOA: v1")
    assert agentspec("automaton", "react", "--format", "mermaid").stdout.startswith("stateDiagram-v2")
    spec = json.loads(agentspec("automaton", "react", "--format", "json").stdout)
    assert spec["winning"]
    assert {"step", "owner", "label", "source", "target"} <= set(spec["transitions"][0])
    wrong = agentspec("automaton", "G(a -> ")
    assert wrong.returncode == 2
    assert "<formula>:1:" in wrong.stderr


def test_models_where_is_0_or_4(tmp_path: Path) -> None:
    done = agentspec("models", "where", AGENTSPEC_CACHE_DIR=str(tmp_path))
    assert done.returncode == 4
    assert "agentspec models fetch" in done.stderr
