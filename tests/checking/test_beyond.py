"""Agents whose product is too large to build: what is decided of their rules all the same, without it."""

from pathlib import Path

import pytest

from agentspec import limits
from agentspec.checking.cache import compiled_agent
from agentspec.errors import InvalidInput, SpecError, TooLarge

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
COUNTS = [f"id: c{n}, template: at_most, params: {{n: {n}, a: {what}}}" for n, what in ((4, "ok(pay)"), (3, "action"))]
CASES = {
    "contradictory": [*COUNTS, "id: must, ltl: 'F ok(pay)'", "id: never, ltl: 'G !call(pay)'"],
    "lost": [*COUNTS, "id: told, ltl: 'F ok(pay)'"],
    "can be kept": [*COUNTS, "id: asked, ltl: '!answer W observation'"],
}
"""Rules, by what is true of them together."""


def refusal(folder: Path, rules: list[str]) -> InvalidInput:
    path = folder / "counting.yaml"
    path.write_text(SPEC + "\n".join(f"  - {{{rule}}}" for rule in rules))
    with pytest.raises(InvalidInput) as caught:
        compiled_agent(str(path))
    return caught.value


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRODUCT_STATES", 12)


@pytest.mark.usefixtures("small")
def test_rules_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    problem = refusal(tmp_path, CASES["contradictory"])
    assert isinstance(problem, SpecError)
    assert "contradictory: no episode of the behavior satisfies the rules must, never" in str(problem)
    assert "c4" not in problem.message
    assert "counting.yaml:16" in str(problem)


@pytest.mark.usefixtures("small")
def test_rules_that_tools_can_break_are_not_realizable(tmp_path: Path) -> None:
    problem = refusal(tmp_path, CASES["lost"])
    assert isinstance(problem, SpecError)
    assert "not realizable: tools and users can force a violation or a dead end" in problem.message
    assert "more than 12 states" in problem.message


@pytest.mark.usefixtures("small")
def test_rules_that_can_be_kept_need_the_states(tmp_path: Path) -> None:
    problem = refusal(tmp_path, CASES["can be kept"])
    assert isinstance(problem, TooLarge)
    assert "the rules can be kept whatever tools do, but a guard needs all of these states" in problem.message
    assert "rules with the most states of their own: c4" in problem.message


@pytest.mark.usefixtures("small")
def test_what_is_not_found_out_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOINT_STATES", 2)
    for rules in CASES.values():
        problem = refusal(tmp_path, rules)
        assert isinstance(problem, TooLarge)
        assert "kept" not in problem.message
        assert "fewer rules" in problem.message


@pytest.mark.parametrize("case", CASES)
def test_with_room_the_product_says_the_same(case: str, tmp_path: Path) -> None:
    path = tmp_path / "counting.yaml"
    path.write_text(SPEC + "\n".join(f"  - {{{rule}}}" for rule in CASES[case]))
    assert compiled_agent(str(path)).realizable == (case == "can be kept")
