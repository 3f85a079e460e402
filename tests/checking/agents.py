"""Small agents from a few words, for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.content.tool_schema import ToolSchema
from agentspec.spec.load import load_text
from agentspec.spec.model import Declaration

NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
STEPS: dict[str, dict[str, Any]] = {
    "q": {"by": "user", "cue": "[Q]"},
    "t": {"by": "model", "cue": "[T]", "text": {"max_chars": 5}},
    "n": {"by": "model", "cue": "[N]", "tool": "name"},
    "i": {"by": "model", "cue": "[I]", "tool": "arguments"},
    "k": {"by": "model", "cue": "[K]", "tool": "call"},
    "o": {"by": "tool", "cue": "[O]"},
    "s": {"by": "model", "cue": "[S]", "span": "o"},
    "a": {"by": "model", "cue": "[A]", "choice": ["yes", "no"]},
}


def declared(
    behavior: str, *rules: str, steps: Mapping[str, Any] | None = None, extra_steps: str = "", **more: Any
) -> Declaration:
    """An agent over `STEPS` (and ``steps`` beside or in place of them), its rules called r0, r1, ...

    Declared are the steps that the behavior names, and those in ``extra_steps``.
    """
    used = {**STEPS, **(steps or {})}
    words = set("".join(c if c.isalnum() else " " for c in f"{behavior} {extra_steps}").split())
    document = {
        "version": 1,
        "name": "small",
        "steps": {name: step for name, step in used.items() if name in words},
        "behavior": behavior,
        "rules": [{"id": f"r{i}", "ltl": rule} for i, rule in enumerate(rules)],
        **more,
    }
    return load_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items()), "small.yaml")


def compiled(
    behavior: str,
    *rules: str,
    steps: Mapping[str, Any] | None = None,
    tools: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Compiled:
    """The agent compiled; ``tools`` are names with parameters, by default one called pay without any."""
    shapes = {"pay": NOTHING} if tools is None else tools
    schemas = {name: ToolSchema(name, "A tool.", dict(shape)) for name, shape in shapes.items()}
    return compile_agent(declared(behavior, *rules, steps=steps, tools=list(shapes), **more), schemas)
