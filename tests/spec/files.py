"""A valid file, and edits of it by line."""

from __future__ import annotations

VALID = """\
version: 1
name: clerk
description: It pays.
steps:
  question: {by: user, cue: "[Q]"}
  thought: {by: model, cue: "[T]", text: {min_chars: 2, max_chars: 30}}
  action: {by: model, cue: "[Action]", tool: name}
  input: {by: model, cue: "[Input]", tool: arguments}
  observation: {by: tool, cue: "[O]", max_tokens: 50}
  answer:
    by: model
    cue: "[A]"
    choice: [yes, no, on]
behavior: question (thought action input observation)* answer
rules:
  - {id: look-first, ltl: "!answer W observation"}
  - id: think
    ltl: F thought
    description: at least once
    enforce: warn
model: smollm2-135m
instructions: |
  Pay.
tools: [calculator]
limits: {max_tokens: 100, max_steps: 10, max_tool_calls: 2, timeout: 60}
"""
LINES = VALID.split("\n")


def edited(*changes: tuple[int, str | None], more: str = "") -> str:
    """The valid file with some lines (from 1) replaced or, with None, left out."""
    new = dict(changes)
    kept = [new.get(number, line) for number, line in enumerate(LINES, 1)]
    return "\n".join(line for line in kept if line is not None) + more
