"""Letters: the labels of automata.

A letter is a cube of propositions. For a formula it is any cube ("unnamed = any"); for a spec it is one step and the
truth of every proposition that can hold at it, so that a proposition it does not name is false there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum


class Owner(StrEnum):
    """Who writes a step. ``tool`` and ``user`` are the adversary."""

    MODEL = "model"
    TOOL = "tool"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Letter:
    """A cube: ``true`` and ``false`` propositions, and for specs the step, its owner and the tool concerned.

    ``open`` are those of a step of the model whose truth shows only when it is written: the model chooses the text, and
    what it chooses is the letter but for these.
    """

    true: frozenset[str]
    false: frozenset[str] = frozenset()
    step: str | None = None
    owner: Owner | None = None
    tool: str | None = None
    completes_call: bool = False
    open: frozenset[str] = frozenset()

    @property
    def choice(self) -> Letter:
        """The letter without what is open: equal for the letters that one text may turn out to be."""
        return replace(self, true=self.true - self.open, false=self.false - self.open) if self.open else self

    def matches(self, valuation: Collection[str]) -> bool:
        """Whether the valuation (the set of true propositions) lies in the cube."""
        return all(name in valuation for name in self.true) and not any(name in valuation for name in self.false)

    def __str__(self) -> str:
        if self.step is not None:
            beside = sorted(self.true - {self.step})
            return f"{self.step} {{{', '.join(beside)}}}" if beside else self.step
        named = sorted((name, name in self.true) for name in self.true | self.false)
        return " & ".join(name if value else f"!{name}" for name, value in named) or "true"
