"""A segment under way: which of its text belongs to which step, and what each step cost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from agentspec.automata.letter import Letter
from agentspec.content.constraint import Constraint
from agentspec.decoding.landing import whole_characters
from agentspec.guard.guard import Position
from agentspec.guard.segment import Segment
from agentspec.spec.alphabet import BORDER


@dataclass
class Writing:
    """A segment under way: the guard's position, the plan and its node, and the text of the step not yet whole."""

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

    def add(self, text: bytes, *, forced: bool) -> None:
        """One token more."""
        self.text, self.tokens, self.forced = self.text + text, self.tokens + 1, self.forced + forced
        self.unsaid += text

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

    def take(self, letter: Letter, rest: bytes, *, ended: bool) -> tuple[int, int, float]:
        """A whole step goes: its tokens, the forced among them, and its seconds.

        The end token is the step's where the plan stops behind it: there it only says that no further line comes.
        """
        assert self.node is not None
        self.node = self.plan.nodes[self.node].after(letter)
        now = time.perf_counter()
        spent = (self.tokens + (ended and self.node is None), self.forced, now - self.began)
        self.text, self.tokens, self.forced, self.began = rest, 0, 0, now
        return spent
