"""Steps with settings of their own: the others are drawn as the run says."""

from __future__ import annotations

import pytest

import agentspec
from agentspec.errors import InvalidInput
from tests.laws.toy import ToyEngine

SPEC = """\
version: 1
name: moods
steps:
  question: {{by: user, cue: "[Question]"{user}}}
  thought: {{by: model, cue: "[Thought]", text: {{max_chars: 12}}{thought}}}
  answer: {{by: model, cue: "[Answer]", text: {{max_chars: 12}}}}
behavior: question thought answer
"""
HOT = ", sampling: {temperature: 2.0}"


def said(thought: str, seed: int, temperature: float = 0.0) -> list[str]:
    agent = agentspec.loads(SPEC.format(user="", thought=thought))
    run = agent.run("Why?", engine=ToyEngine(7), trace=False, seed=seed, temperature=temperature)
    return [step.content for step in run.steps[1:]]


def test_a_step_is_drawn_by_its_own_settings() -> None:
    assert len({tuple(said("", seed)) for seed in range(4)}) == 1
    hot = [said(HOT, seed) for seed in range(4)]
    assert len({thought for thought, _ in hot}) > 1
    assert said(", sampling: {temperature: 0}", 1, 2.0)[0] == said("", 1)[0]
    assert said(HOT, 3) == hot[3]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("{temperature: -1}", "greater than or equal to 0"),
        ("{top_p: 0}", "greater than 0"),
        ("{heat: 1}", "unknown key 'heat'"),
    ],
)
def test_wrong_settings_are_told(settings: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        agentspec.loads(SPEC.format(user="", thought=f", sampling: {settings}"))


def test_only_the_model_is_sampled() -> None:
    with pytest.raises(InvalidInput, match="'sampling' is for the model's steps"):
        agentspec.loads(SPEC.format(user=HOT, thought=""))
