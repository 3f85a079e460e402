"""A segment under way: which of its text belongs to which step, and what each step cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from agentspec.automata.letter import Letter
from agentspec.content.constraint import Constraint
from agentspec.decoding.decode import NO_LOGPROBS, Emitted
from agentspec.decoding.landing import whole_characters
from agentspec.guard.guard import Position
from agentspec.guard.segment import Segment
from agentspec.spec.alphabet import BORDER


@dataclass(frozen=True, slots=True)
class Spent:
    """What a step cost: its tokens, the forced among them, its seconds, and the logarithms of its probability."""

    tokens: int
    forced: int
    seconds: float
    logprob: float
    logprob_free: float


@dataclass
class Writing:
    """A segment under way: the guard's position, the plan and its node, and the text of the step not yet whole.

    ``logprob`` is of its tokens, ``ending`` of the end token: with the mask, without.
    """

    position: Position
    plan: Segment
    bound: dict[Letter, Constraint]
    node: int | None = 0
    text: bytes = b""
    tokens: int = 0
    forced: int = 0
    began: float = field(default_factory=time.perf_counter)
    unsaid: bytes = b""
    within: bool = False
    logprob: tuple[float, float] = NO_LOGPROBS
    ending: tuple[float, float] = NO_LOGPROBS

    def add(self, text: bytes, emitted: Emitted) -> None:
        """One token more, of those emitted."""
        forced = emitted.forced
        self.text, self.tokens, self.forced = self.text + text, self.tokens + 1, self.forced + forced
        self.unsaid += text
        self.logprob = _sum(self.logprob, emitted.logprobs)

    def said(self, *, final: bool = False) -> str:
        """The text since the last call that cannot be taken back: whole characters, and no step that may fail.

        A step that may fail is a segment of its own; ``final`` says that it is written and stays.
        """
        if not final and self._may_fail:
            return ""
        cut = whole_characters(self.unsaid)
        text, self.unsaid = self.unsaid[:cut].decode(), self.unsaid[cut:]
        self.within = not text.endswith(BORDER) if text else self.within
        return text

    @cached_property
    def _may_fail(self) -> bool:
        """Whether the first step may turn out to be what is not allowed; the plan then goes no further."""
        offered = self.offered
        return len(self.position.guard.turns_out(self.position.state, offered)) > len(offered)

    @property
    def offered(self) -> tuple[Letter, ...]:
        """The letters that the plan offers here."""
        return () if self.node is None else tuple(way.letter for way in self.plan.nodes[self.node].alternatives)

    def take(self, letter: Letter, rest: bytes, *, ended: bool) -> Spent:
        """A whole step goes; a token that reaches into the next one is of the step that it completes.

        The end token is the step's where the plan stops behind it: there it only says that no further line comes.
        """
        assert self.node is not None
        self.node = self.plan.nodes[self.node].after(letter)
        now = time.perf_counter()
        ends = ended and self.node is None
        logprob = _sum(self.logprob, self.ending) if ends else self.logprob
        spent = Spent(self.tokens + ends, self.forced, now - self.began, *logprob)
        self.text, self.tokens, self.forced, self.began, self.logprob = rest, 0, 0, now, NO_LOGPROBS
        return spent


def _sum(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    return one[0] + other[0], one[1] + other[1]
