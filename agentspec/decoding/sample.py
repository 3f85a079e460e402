"""Sampling from masked logits: greedy, or by Gumbel noise keyed by (seed, position, token).

The noise of a token depends on nothing but its key, so masking one token changes no other draw (the Gumbel-max trick,
Gumbel 1954; keyed in the manner of Kool, van Hoof & Welling 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentspec.errors import EngineFault

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Sampler:
    """``temperature`` 0 is greedy (the lowest token wins ties)."""

    temperature: float = 0.0
    seed: int = 0

    def draw(self, logits: NDArray[np.float32], allowed: NDArray[np.bool_] | None, position: int) -> int:
        """A token at ``position``. Shapes: logits (n,), allowed (n,) or None for all. Raises EngineFault on NaN."""
        if allowed is not None and len(allowed) != len(logits):
            logits, allowed = logits[: len(allowed)], allowed[: len(logits)]
        if allowed is not None and not allowed.any():
            raise EngineFault("no token is allowed")
        if self.temperature > 0:
            tokens = np.arange(len(logits)) if allowed is None else np.flatnonzero(allowed)
            scores = logits[tokens].astype(np.float64) / self.temperature + self._noise(tokens, position)
            best = int(np.argmax(scores))
            token, score = int(tokens[best]), float(scores[best])
        else:
            masked = logits if allowed is None else np.where(allowed, logits, -np.inf)
            token = int(np.argmax(masked))
            score = float(masked[token])
            if allowed is not None and not allowed[token]:
                token = int(np.argmax(allowed))  # all that is allowed scores -inf
        if np.isnan(score) or score == np.inf:  # argmax finds a NaN before any number
            raise EngineFault("the model's logits are not numbers")
        return token

    def _noise(self, tokens: NDArray[np.int64], position: int) -> NDArray[np.float64]:
        base = _mixed(_mixed(np.array([self.seed % 2**64], dtype=np.uint64)) + np.uint64(position % 2**64))
        bits = _mixed(tokens.astype(np.uint64) * _GOLDEN + base) >> np.uint64(11)
        uniform = (bits.astype(np.float64) + 0.5) * 2.0**-53
        noise: NDArray[np.float64] = -np.log(-np.log(uniform))
        return noise


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    mixed: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
