"""Sampling from masked logits: greedy, or by Gumbel noise keyed by (seed, position, token).

The noise of a token depends on nothing but its key, so masking one token changes no other draw (the Gumbel-max trick,
Gumbel 1954; keyed in the manner of Kool, van Hoof & Welling 2019). Top-k, top-p and min-p see what the mask allows, as
everywhere: they ask which of the tokens that may be written are likely. All else (the budget) comes after them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.mask import Mask
from agentspec.errors import EngineFault

Logits = NDArray[np.float32]
Allowed = NDArray[np.bool_] | Mask
Tokens = NDArray[np.int64]

FEW = 2048
"""Up to so many tokens are scored one and all; of more, those that cannot win are left out first."""
LIKELY = (8.0, 12.0, 16.0)
"""How far, in units of the temperature, a token is below the best to be scored anyway: as far as yields enough."""
AHEAD = 64
"""So many tokens are put in order when a second one is asked for, all when one more than these is."""
_BLOCK = 16_384
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True, slots=True)
class Sampler:
    """``temperature`` 0 is greedy (the lowest token wins ties); ``top_k`` 0, ``top_p`` 1, ``min_p`` 0 keep all.

    The three limit what is sampled, in that order and after the temperature; they do not concern greedy choices.
    ``repetition_penalty`` (Keskar et al. 2019) divides the positive scores of the tokens of ``history``, and
    multiplies the negative ones, before all else.
    """

    temperature: float = 0.0
    seed: int = 0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repetition_penalty: float = 1.0

    def draw(self, logits: Logits, allowed: Allowed | None, position: int, history: Sequence[int] = ()) -> int:
        """A token at ``position``. Shapes: logits (n,), allowed (n,) or None for all.

        Raises EngineFault where none is allowed, and on logits that are not numbers.
        """
        for token in self.ranked(logits, allowed, position, history):
            return token
        raise EngineFault("no token is allowed")

    def ranked(
        self, logits: Logits, allowed: Allowed | None, position: int, history: Sequence[int] = ()
    ) -> Iterator[int]:
        """The tokens in the order in which they are drawn when those before are taken away; none if none is allowed.

        The first costs no sorting. Raises EngineFault on logits that are not numbers.
        """
        if isinstance(allowed, np.ndarray):
            allowed = Mask.of(allowed)
        if allowed is not None and allowed.vocabulary != len(logits):
            logits, allowed = logits[: allowed.vocabulary], allowed.cut(len(logits))
        top = int(logits.argmax())  # it finds a NaN before any number
        if not logits.item(top) < math.inf:
            raise EngineFault("the model's logits are not numbers")
        if allowed is not None and not allowed:
            return
        if self.repetition_penalty != 1 and len(history):
            logits = self._penalised(logits, history)
            top = int(logits.argmax())
        first = -1
        if self.temperature == 0 and (allowed is None or top in allowed):
            yield (first := top)
        tokens: Tokens = np.arange(len(logits)) if allowed is None else allowed.tokens
        tokens = self._limited(logits, tokens)
        if first < 0:
            some = self._best(logits, tokens, position, 1)
            yield (first := int(some[self._scores(logits, some, position).argmax()]))
        done = 1
        for count in (AHEAD, len(tokens)):
            some = self._best(logits, tokens, position, count)
            order = np.argsort(-self._scores(logits, some, position), kind="stable")
            yield from some[order[done:count]].tolist()
            done = count

    @staticmethod
    def logprobs(logits: Logits, allowed: Allowed | None, token: int) -> tuple[float, float]:
        """The natural logarithm of the model's probability of ``token`` among what is allowed, and among all.

        The model's own: at temperature 1, without penalty and limits. Their difference is the logarithm of the
        probability the mask left.
        """
        if isinstance(allowed, Mask):
            allowed = allowed.bools
        if allowed is not None and len(allowed) > len(logits):
            allowed = allowed[: len(logits)]
        highest = logits.max()
        weights = np.exp(logits - highest)
        everything = float(weights.sum(dtype=np.float64))
        own = float(logits[token]) - float(highest)
        if allowed is None:
            return (own - math.log(everything),) * 2
        kept = float((weights[: len(allowed)] * allowed).sum(dtype=np.float64))
        if kept < 1e-30 * everything:  # all that is allowed is next to impossible
            few = logits[np.flatnonzero(allowed)].astype(np.float64) - float(highest)
            among = float(np.logaddexp.reduce(few))
            return (own - among if among > -math.inf else -math.log(len(few))), own - math.log(everything)
        return own - math.log(kept), own - math.log(everything)

    # Which tokens are sampled -------------------------------------------------------------------------------------

    def _penalised(self, logits: Logits, history: Sequence[int]) -> Logits:
        seen = np.unique(np.asarray(history, dtype=np.int64))
        seen = seen[seen < len(logits)]
        scores, changed = logits[seen], logits.copy()
        changed[seen] = np.where(scores < 0, scores * self.repetition_penalty, scores / self.repetition_penalty)
        return changed

    def _limited(self, logits: Logits, tokens: Tokens) -> Tokens:
        """The tokens that top-k, top-p and min-p keep: at least the likeliest."""
        if self.temperature == 0 or (self.top_k <= 0 and self.top_p >= 1 and self.min_p <= 0):
            return tokens
        scores = logits[tokens].astype(np.float64) / self.temperature
        if 0 < self.top_k < len(tokens):
            kept = scores >= np.partition(scores, -self.top_k)[-self.top_k]
            tokens, scores = tokens[kept], scores[kept]
        if self.top_p < 1:
            kept = _nucleus(scores, self.top_p)
            tokens, scores = tokens[kept], scores[kept]
        if self.min_p > 0:
            tokens = tokens[scores >= scores.max() + math.log(self.min_p)]
        return tokens

    # Scores -------------------------------------------------------------------------------------------------------

    def _best(self, logits: Logits, tokens: Tokens, position: int, count: int) -> Tokens:
        """Those of the tokens, in their order, that have the ``count`` best scores, and perhaps others.

        Of many tokens the likely ones are scored; to beat the last of the best of them, each of the others needs noise
        of a size that few have, which shows in the bits it is made of.
        """
        if len(tokens) <= max(FEW, count):
            return tokens
        scores = logits[tokens]
        if self.temperature == 0:
            greedy: Tokens = tokens[scores >= np.partition(scores, -count)[-count]]
            return greedy
        highest = float(scores.max())
        for reach in LIKELY:
            likely = scores > highest - reach * self.temperature
            if np.count_nonzero(likely) >= count:
                break
        else:
            return tokens
        least = np.partition(self._scores(logits, tokens[likely], position), -count)[-count]
        needed = float(least) - highest / self.temperature + reach - 1e-6
        share = -math.expm1(-math.exp(min(-needed, 700)))  # of all noise that is so large
        bits = 2**64 - math.ceil(share * (1 + 1e-9) * 2**64) - 2**12
        if bits <= 0:
            return tokens
        sampled: Tokens = tokens[likely | (self._bits(tokens, position) >= np.uint64(bits))]
        return sampled

    def _scores(self, logits: Logits, tokens: Tokens, position: int) -> NDArray[np.float64]:
        scores = logits[tokens].astype(np.float64)
        if self.temperature == 0:
            return scores
        bits = self._bits(tokens, position) >> np.uint64(11)
        uniform = (bits.view(np.int64).astype(np.float64) + 0.5) * 2.0**-53
        perturbed: NDArray[np.float64] = scores / self.temperature - np.log(-np.log(uniform))
        return perturbed

    def _bits(self, tokens: Tokens, position: int) -> NDArray[np.uint64]:
        """64 random bits for each token, by blocks, which fit the cache of the processor."""
        seed = _mixed(np.array([self.seed % 2**64], dtype=np.uint64))
        key: np.uint64 = _mixed(seed + np.uint64(position % 2**64))[0]
        bits = np.empty(len(tokens), dtype=np.uint64)
        for begin in range(0, len(tokens), _BLOCK):
            block = bits[begin : begin + _BLOCK]
            block[:] = tokens[begin : begin + _BLOCK]
            block *= _GOLDEN
            block += key
            _mixed(block)
        return bits


def _nucleus(scores: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """Where the fewest likeliest stand that have ``share`` of the probability (Holtzman et al. 2020)."""
    weights = np.exp((scores - scores.max()).astype(np.float32))
    needed = share * weights.sum(dtype=np.float64)
    for reach in (1e-4, 1e-8, 0):
        near = np.flatnonzero(weights >= reach)
        order = near[np.argsort(-scores[near], kind="stable")]
        before = np.cumsum(weights[order], dtype=np.float64) - weights[order]
        if before[-1] >= needed:
            break
    return np.sort(order[: max(1, int(np.count_nonzero(before < needed)))])


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The values, changed in place, by the finaliser of SplitMix64 (Steele, Lea & Flood 2014)."""
    values += _GOLDEN
    for bits, factor in ((30, _FIRST), (27, _SECOND)):
        values ^= values >> np.uint64(bits)
        values *= factor
    values ^= values >> np.uint64(31)
    return values
