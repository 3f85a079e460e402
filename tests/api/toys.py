"""A small agent with Python functions as tools, and toy engines to run it on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import agentspec
from agentspec.errors import ToolError
from tests.laws.toy import ToyEngine, ToySource

TEXT = """\
version: 1
name: small
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 12}}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 40}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 12}}
behavior: question (thought action action_input observation){1,3} answer
rules: [{id: once, ltl: "G(ok(add) -> G !action)", description: what is known is not asked again}]
limits: {max_tokens: 1500, max_steps: 20, max_tool_calls: 3}
"""
SILENT = """\
version: 1
name: silent
steps:
  question: {by: user, cue: "[Question]"}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 12}}
behavior: question answer
"""


def add(a: int, b: int) -> int:
    """Add two whole numbers.

    Args:
        a: the first
        b: the second
    """
    return a + b


def broken(a: int) -> str:
    """Fail, one way or another.

    Args:
        a: below 0 it is an error result, else a fault
    """
    if a < 0:
        raise ToolError("below 0")
    raise ZeroDivisionError("always")


def small(*tools: Callable[..., Any], **more: object) -> agentspec.Agent:
    """The agent of ``TEXT`` with ``add``, or the tools given."""
    return agentspec.loads(TEXT, tools=tools or [add], **more)  # type: ignore[arg-type]


@dataclass
class SlowEngine(ToyEngine):
    """Each forward takes a moment; ``most`` is how many were under way at once, ``reached`` is set by the first."""

    pause: float = 0.002
    now: int = 0
    most: int = 0
    reached: threading.Event = field(default_factory=threading.Event)

    def open(self, prompt: list[int]) -> ToySource:
        source = _SlowSource(self.seed, self.will, len(prompt))
        source.engine = self
        self.sources.append(source)
        return source


class _SlowSource(ToySource):
    engine: SlowEngine

    def logits(self) -> NDArray[np.float32]:
        engine = self.engine
        engine.reached.set()
        engine.now += 1
        engine.most = max(engine.most, engine.now)
        time.sleep(engine.pause)
        engine.now -= 1
        return super().logits()
