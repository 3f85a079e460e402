"""What decoding asks of a model's state, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


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
    """What decoding has cost so far.

    ``calls`` are forwards; ``guessed`` the tokens guessed, ``right`` those of them that then came. For each token
    drawn, ``guard_seconds`` is the time for which the loop waited for the guard (mask and bookkeeping), and
    ``draw_seconds`` that of drawing from the scores, which a loop without a guard needs too.
    """

    tokens: int = 0
    forced: int = 0
    calls: int = 0
    guessed: int = 0
    right: int = 0
    guard_seconds: list[float] = field(default_factory=list)
    draw_seconds: list[float] = field(default_factory=list)
