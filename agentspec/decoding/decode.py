"""The constrained decoder: a segment's grammar and a model's logits become tokens.

Forced tokens cost no model call: they wait and ride in the next forward. Everything else is logits, mask, draw.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.matcher import Matcher
from agentspec.decoding.sample import Sampler
from agentspec.errors import EngineFault


class Source(Protocol):
    """A model's state on one growing text."""

    @property
    def length(self) -> int:
        """Tokens so far, those not yet seen by the model included."""

    def append(self, tokens: list[int]) -> None:
        """Add tokens; the model sees them in the next ``logits``."""

    def logits(self) -> NDArray[np.float32]:
        """Scores of the next token, shape (vocabulary,): one forward over all tokens added since the last."""

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens."""


@dataclass
class Counters:
    """What decoding has cost so far; ``guard_seconds`` holds one entry a model call (mask and bookkeeping)."""

    tokens: int = 0
    forced: int = 0
    calls: int = 0
    guard_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Emitted:
    """Tokens just emitted; ``end`` when the last is the model's end token."""

    tokens: list[int]
    forced: bool
    end: bool = False


def decode(matcher: Matcher, source: Source, sampler: Sampler, counters: Counters, limit: int) -> Iterator[Emitted]:
    """Emit tokens until the grammar is matched or the model ends; never more than ``limit`` tokens.

    An end that is all that is left is not drawn.

    Raises EngineFault when the matcher fails or the limit is met first (the budget makes that impossible).
    """
    start = counters.tokens
    spent = 0.0
    while not matcher.finished:
        began = time.perf_counter()
        if forced := matcher.forced():
            matcher.consume(forced)
            emitted = Emitted(forced, forced=True)
            spent += time.perf_counter() - began
        else:
            allowed = matcher.mask()
            if matcher.only_end():
                return
            spent += time.perf_counter() - began
            logits = source.logits()
            began = time.perf_counter()
            token = sampler.draw(logits, allowed, source.length)
            emitted = Emitted([token], forced=False, end=token == matcher.end_token)
            if not emitted.end:
                matcher.consume([token])
            counters.calls += 1
            counters.guard_seconds.append(spent + time.perf_counter() - began)
            spent = 0.0
        counters.tokens += len(emitted.tokens)
        counters.forced += len(emitted.tokens) if emitted.forced else 0
        if counters.tokens - start > limit:
            raise EngineFault(f"more than the {limit} tokens left were emitted")
        source.append(emitted.tokens)
        yield emitted
        if emitted.end:
            return
