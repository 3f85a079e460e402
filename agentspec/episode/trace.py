"""What an episode leaves behind: its steps, how it ended, what it used, and a verdict per rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from agentspec.automata.letter import Letter
from agentspec.automata.product import Judge
from agentspec.spec.model import Rule

SCHEMA_VERSION = 1
Status = Literal[
    "accepted",
    "refused",
    "stopped_rule",
    "stopped_limit",
    "assumption_violated",
    "pending",
    "engine_fault",
    "cancelled",
]
EXIT_CODES: Mapping[str, int] = {
    "accepted": 0, "stopped_rule": 1, "assumption_violated": 1, "pending": 1, "refused": 3, "stopped_limit": 3,
    "engine_fault": 4, "cancelled": 130,
}  # fmt: skip


@dataclass(frozen=True)
class StepRecord:
    """One step as it happened. ``letter`` is None where the text was no step at all (unguarded runs only).

    ``content`` is the text without cue and border; for a tool's step untruncated, as the tool gave it, while
    ``shown`` is what the model read. ``tokens`` counts the model's own, ``forced`` those among them that cost no call.

    ``logprob`` and ``logprob_free`` are sums over those of the ``tokens`` that were drawn (``tokens - forced``), of the
    natural logarithm of the model's probability, behind all that stands before: among the tokens that the grammar
    allowed there, and among all. It is the model's own, at temperature 1, without penalty, top-k and so on, and what a
    scarce budget refuses is not taken out. Forced tokens count 0 in both: with the mask they are certain, without it
    the model was not asked. None where not asked for, and for steps of tools and users. What was taken back is in no
    record. Without the guard both are the same.
    """

    index: int
    letter: Letter | None
    content: str
    shown: str
    value: Any = None
    tokens: int = 0
    forced: int = 0
    seconds: float = 0.0
    detail: str = ""
    guard_state: int | None = None
    logprob: float | None = None
    logprob_free: float | None = None

    def to_json(self) -> dict[str, Any]:
        """One line of the journal; a logarithm of the probability 0 is null there."""
        letter = self.letter
        return {
            "type": "step",
            "index": self.index,
            "step": letter.step if letter else None,
            "owner": str(letter.owner) if letter else "model",
            "tool": letter.tool if letter else None,
            "true": sorted(letter.true) if letter else [],
            "content": self.content,
            **({"shown": self.shown} if self.shown != self.content else {}),
            **({"value": self.value} if self.value not in (None, self.content) else {}),
            "tokens": self.tokens,
            "forced": self.forced,
            "seconds": round(self.seconds, 6),
            **_logprobs(logprob=self.logprob, logprob_free=self.logprob_free),
            **({"detail": self.detail} if self.detail else {}),
            **({"guard_state": self.guard_state} if self.guard_state is not None else {}),
        }


def _logprobs(**found: float | None) -> dict[str, float | None]:
    """Those that were asked for; JSON has no infinity."""
    return {
        name: round(number, 6) if math.isfinite(number) else None
        for name, number in found.items()
        if number is not None
    }


@dataclass(frozen=True)
class Verdict:
    """What became of one rule: ``satisfied``, ``violated`` or ``undecided``, and the step index that decided it."""

    rule: str
    verdict: Literal["satisfied", "violated", "undecided"]
    position: int | None
    enforce: str


@dataclass
class Usage:
    """What an episode used. ``tokens`` are those the model emitted, ``model_calls`` its forwards.

    ``asked_tokens`` and ``asked_model_calls`` are those of the agents that handlers asked, which have budgets of their
    own; the forwards by which a handler weighed a text are among the ``model_calls``.
    """

    prompt_tokens: int = 0
    tokens: int = 0
    forced_tokens: int = 0
    model_calls: int = 0
    steps: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    asked_tokens: int = 0
    asked_model_calls: int = 0


@dataclass(frozen=True)
class Result:
    """How an episode ended; the shape of ``run --json``."""

    status: Status
    answer: str | None
    guarantee: Literal["full", "partial"]
    verdicts: tuple[Verdict, ...]
    usage: Usage
    trace_path: str | None = None
    reason: str = ""
    unguaranteed: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """The command line's exit code for the status."""
        return EXIT_CODES[self.status]

    def to_json(self) -> dict[str, Any]:
        """The object printed by ``run --json``."""
        return {
            "schema_version": SCHEMA_VERSION,
            "status": self.status,
            "answer": self.answer,
            "guarantee": self.guarantee,
            **({"unguaranteed": list(self.unguaranteed)} if self.unguaranteed else {}),
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "usage": {**asdict(self.usage), "seconds": round(self.usage.seconds, 3)},
            "trace_path": self.trace_path,
            **({"reason": self.reason} if self.reason else {}),
        }


def verdicts(
    rules: Sequence[Rule], monitors: Mapping[str, Judge], word: Sequence[Letter], *, ended: bool
) -> tuple[Verdict, ...]:
    """Each rule's verdict on a word of letters. Before its end (``ended`` false) a rule may be undecided."""
    return tuple(_verdict(rule, monitors[rule.id], word, ended) for rule in rules if rule.id in monitors)


def _verdict(rule: Rule, monitor: Judge, word: Sequence[Letter], ended: bool) -> Verdict:
    enforce = "assume" if rule.assume else rule.enforce
    state: int | None = monitor.initial
    for position, letter in enumerate(word):
        state = None if state is None else monitor.step(state, letter)
        if state is None or monitor.lost(state):
            return Verdict(rule.id, "violated", position, enforce)
        if monitor.settled(state):
            return Verdict(rule.id, "satisfied", position, enforce)
    if not ended or not word or state is None:
        return Verdict(rule.id, "undecided", None, enforce)
    fine = monitor.accepts_at(state)
    return Verdict(rule.id, "satisfied" if fine else "violated", len(word) - 1, enforce)
