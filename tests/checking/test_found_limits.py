"""Specs whose rules are too many or too large together: refused in time, with the culprit and what to try."""

import time
from pathlib import Path

import pytest

from agentspec import limits
from agentspec.checking.cache import compiled_agent
from agentspec.errors import TooLarge

SPEC = """
version: 1
name: counting
steps:
  request: {by: user, cue: "[Request]"}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 100}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 120}}
behavior: request (action action_input observation)* answer
tools: [lookup_order, ask_human, pay]
rules:
"""


def refused(folder: Path, *rules: str) -> str:
    path = folder / "counting.yaml"
    path.write_text(SPEC + "\n".join(f"  - {{{rule}}}" for rule in rules))
    with pytest.raises(TooLarge) as caught:
        compiled_agent(str(path))
    return str(caught.value)


def test_a_rule_for_each_combination(tmp_path: Path) -> None:
    variables = ", ".join(f"v{i}: steps" for i in range(12))
    began = time.monotonic()
    message = refused(tmp_path, f"id: each, deny: answer, for: {{{variables}}}")
    assert time.monotonic() - began < 2
    assert f"the rule 'each' stands for {5**12} rules" in message
    assert "counting.yaml:13" in message


def test_rules_that_take_long_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RULES_SECONDS", 0.05)
    rules = [f"id: r{i}, ltl: 'G(call(pay) -> count(failed(pay)) < {i})'" for i in range(20, 40)]
    message = refused(tmp_path, *rules)
    assert "of 20 rules take more than 0.05 s to build" in message


def test_rules_that_are_large_together(tmp_path: Path) -> None:
    counts = {"failed(pay)": 40, "ok(pay)": 50, "failed(ask_human)": 60, "ok(ask_human)": 4}
    rules = [f"id: r{n}, template: at_most, params: {{n: {n}, a: {what}}}" for what, n in counts.items()]
    message = refused(tmp_path, *rules)
    assert "more than 50000 states" in message
    assert "rules with the most states of their own: r60 (62), r50 (52), r40 (42)" in message
    assert "counting.yaml:10" in message
