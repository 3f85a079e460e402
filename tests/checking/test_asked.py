"""Agents that handlers ask are checked with the agent that asks them."""

from __future__ import annotations

from pathlib import Path

from agentspec.checking.check import check
from agentspec.checking.compile import compile_agent
from agentspec.spec.load import load

ASKS = """\
version: 1
name: {name}
steps:
  question: {{by: user, cue: "[Question]"}}
  vote: {{by: tool, cue: "[Vote]", handler: {{name: vote, agents: {asked}}}}}
  answer: {{by: model, cue: "[Answer]", text: {{max_chars: 9}}}}
behavior: question vote answer
"""
LOST = """\
version: 1
name: lost
steps:
  question: {by: user, cue: "[Question]"}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 9}}
behavior: question answer
rules: [{id: never, ltl: "!F answer"}]
"""


def problems(folder: Path, **files: str) -> tuple[str, ...]:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return check(compile_agent(load(str(folder / f"{next(iter(files))}.yaml")))).problems


def test_an_agent_that_is_fine_is_asked(tmp_path: Path) -> None:
    assert (
        problems(tmp_path, one=ASKS.format(name="one", asked="two.yaml"), two=ASKS.format(name="two", asked="direct"))
        == ()
    )


def test_a_circle_is_a_problem(tmp_path: Path) -> None:
    found = problems(
        tmp_path, one=ASKS.format(name="one", asked="two.yaml"), two=ASKS.format(name="two", asked="one.yaml")
    )
    assert found == ("the handler of 'vote' asks in a circle: one → two → one",)


def test_an_agent_that_cannot_be_guarded_is_a_problem(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        one=ASKS.format(name="one", asked="two.yaml"),
        two=ASKS.format(name="two", asked="lost.yaml"),
        lost=LOST,
    )
    assert len(found) == 1
    assert "asks 'lost', which cannot be guarded" in found[0]
    assert "never" in found[0]


def test_a_session_is_not_asked(tmp_path: Path) -> None:
    found = problems(tmp_path, one=ASKS.format(name="one", asked="chat-tools"))
    assert found == ("the handler of 'vote' asks 'chat-tools', which is a session without an end",)
