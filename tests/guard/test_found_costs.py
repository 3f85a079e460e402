"""Rules that count calls make many positions with calls; what endings cost is told all the same, and soon."""

import time
from pathlib import Path

from agentspec.checking.cache import compiled_agent

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
rules:
  - {id: few-failures, template: at_most, params: {n: 2, a: failed(t)}, for: {t: tools}}
  - {id: few-results, template: at_most, params: {n: 2, a: ok(t)}, for: {t: [lookup_order, pay]}}
tools: [lookup_order, ask_human, pay]
"""


def test_many_positions_with_calls(tmp_path: Path) -> None:
    path = tmp_path / "counting.yaml"
    path.write_text(SPEC)
    compiled = compiled_agent(str(path))
    assert len(compiled.arena) > 500
    began = time.monotonic()
    least = compiled.guard.costs.least()
    assert time.monotonic() - began < 5
    assert (least.steps, least.calls) == (2, 0)
