"""Whether prompt examples fit in tokens: what the model would emit for each, and all of them in its context window.

Without a tokenizer a text of so many bytes has at most as many tokens, so a small one surely fits. Of larger ones only
an estimate is told, `BYTES` bytes a token, as a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.episode.examples_finding import Finding
from agentspec.episode.examples_read import Line, Transcript
from agentspec.errors import Location

if TYPE_CHECKING:
    from agentspec.engines.engine import Engine

BYTES = 4
"""Bytes of a token, as an estimate for English."""


@dataclass(frozen=True)
class Counter:
    """Counts the tokens that the model emits in an example; ``exact`` where it is by the model's tokenizer."""

    compiled: Compiled
    count: Callable[[str], int]
    exact: bool

    def finding(self, transcript: Transcript, source: str) -> Finding | None:
        """What is wrong with the size of an example (of each turn of a session)."""
        spec, most = self.compiled.agent.spec, self.compiled.agent.limits.max_tokens
        total = 0
        for index, line in enumerate(transcript.lines, start=1):
            step = spec.steps.get(line.step)
            if step is not None and step.owner == Owner.USER and spec.semantics == "infinite":
                total = 0
            if step is not None and step.owner != Owner.MODEL:
                continue
            total += self.count(f"{line.cue} {line.content}\n")
            if total > most:
                return self._over(transcript, index, line, source, most)
        return None

    def _over(self, transcript: Transcript, index: int, line: Line, source: str, most: int) -> Finding:
        about = "" if self.exact else f"by an estimate of {BYTES} bytes a token (--model counts them) "
        problem = f"{about}the model's steps up to here take more than its limit of {most} tokens"
        place = line.place(source, -1)
        told = f"at most {most} tokens of the model"
        warning = not self.exact
        return Finding(
            transcript.number, index, place, line.text, problem, kind="limits", constraint=told, warning=warning
        )


def estimating(compiled: Compiled) -> Counter:
    """Counts by an estimate."""
    return Counter(compiled, lambda text: len(text.encode("utf-8", "surrogateescape")) // BYTES, exact=False)


def counting(compiled: Compiled, engine: Engine) -> Counter:
    """Counts by a model's tokenizer."""
    return Counter(compiled, lambda text: len(engine.encode(text)), exact=True)


def window_finding(compiled: Compiled, engine: Engine, examples: Sequence[Transcript], source: str) -> Finding | None:
    """What is wrong where the prompt with all examples leaves less of the context window than an episode needs."""
    from agentspec.episode.chat import spelling
    from agentspec.episode.render import render

    prompt = len(render(compiled, engine, [one.lines for one in examples], "?"))
    needed = compiled.guard_with(spelling(compiled, engine)).least().tokens
    if prompt + needed <= engine.window:
        return None
    problem = (
        f"the prompt with {len(examples)} examples takes {prompt} tokens of the window of {engine.window} of "
        f"{engine.name}; an episode needs at least {needed} more"
    )
    return Finding(len(examples), 0, Location(source, 1, 1), "", problem, kind="limits")
