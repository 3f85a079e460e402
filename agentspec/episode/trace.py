"""What an episode leaves behind: its steps, how it ended, what it used, and a verdict per rule."""

from __future__ import annotations

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

    def to_json(self) -> dict[str, Any]:
        """One line of the journal."""
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
            **({"detail": self.detail} if self.detail else {}),
            **({"guard_state": self.guard_state} if self.guard_state is not None else {}),
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
    """What an episode used. ``tokens`` are those the model emitted, ``model_calls`` its forwards."""

    prompt_tokens: int = 0
    tokens: int = 0
    forced_tokens: int = 0
    model_calls: int = 0
    steps: int = 0
    tool_calls: int = 0
    seconds: float = 0.0


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
