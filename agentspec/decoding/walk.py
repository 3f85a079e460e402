"""A text under a grammar and the model's view of it, for samplers that go back, branch and weigh.

Rejection, importance weights, adaptive samplers (ASAp, Park et al. 2024) and sequential Monte Carlo (Lew et al. 2023)
need four things of a decoder: what may follow, how likely it is with and without the mask, a way back, and copies.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.matcher import Matcher
from agentspec.decoding.sample import Sampler
from agentspec.errors import EngineFault, InvalidInput

_MODEL = Sampler()


class Walk:
    """A position in one grammar and in the model's text; ``tokens`` are those added since it began.

    ``free`` and ``masked`` are the natural logarithms of the model's probability of ``tokens``, among all tokens and
    among those allowed at each place: ``free - masked`` is the logarithm of the importance weight of what was drawn by
    the mask. The source needs ``scores``, and for copies ``clone``. Budgets are not part of it.
    """

    def __init__(self, matcher: Matcher, source: Any) -> None:
        self.tokens: list[int] = []
        self.ended = False
        self._matcher = matcher
        self._source = source
        self._steps: list[tuple[float, float]] = []
        self._row: NDArray[np.float32] | None = None

    @property
    def free(self) -> float:
        """The logarithm of the model's own probability of ``tokens``."""
        return sum(free for _, free in self._steps)

    @property
    def masked(self) -> float:
        """That of drawing them one by one among what is allowed."""
        return sum(masked for masked, _ in self._steps)

    @property
    def done(self) -> bool:
        """Whether nothing can follow."""
        return self.ended or self._matcher.finished

    def mask(self) -> NDArray[np.bool_]:
        """Shape (vocabulary,): True for each token that may follow; the array is the caller's. None when done."""
        if self.done:
            return np.zeros(self._matcher.vocabulary, dtype=np.bool_)
        return self._matcher.mask()

    def logits(self) -> NDArray[np.float32]:
        """The model's scores of the next token, without the mask; the same array until the position moves."""
        if self._row is None:
            self._row = self._source.logits()
        return self._row

    def score(self, tokens: list[int]) -> list[tuple[float, float]]:
        """For each token the logarithm of its probability (with the mask, without) behind those before it.

        One forward; the position stays. With the mask it is minus infinity from the first token that is not allowed.
        """
        if not tokens:
            return []
        rows = self._rows(tokens)
        found: list[tuple[float, float]] = []
        consumed, allowed = 0, True
        try:
            for row, token in zip(rows, tokens, strict=True):
                mask = self._matcher.mask() if allowed and not self._over(tokens[: len(found)]) else None
                allowed = mask is not None and token < len(mask) and bool(mask[token])
                masked, free = _MODEL.logprobs(row, mask if allowed else None, token)
                found.append((masked if allowed else -np.inf, free))
                if allowed and token != self._matcher.end_token:
                    self._matcher.consume([token])
                    consumed += 1
        finally:
            if consumed:
                self._matcher.rollback(consumed)
        return found

    def advance(self, tokens: list[int]) -> None:
        """Add tokens. Raises InvalidInput, and stays, where one of them is not allowed."""
        scores = self.score(tokens)
        refused = next((t for t, (masked, _) in zip(tokens, scores, strict=True) if masked == -np.inf), None)
        if refused is not None:
            raise InvalidInput(f"the token {refused} is not allowed here")
        if not tokens:
            return
        self.ended = tokens[-1] == self._matcher.end_token
        self._matcher.consume(tokens[:-1] if self.ended else tokens)
        self._source.append(tokens)
        self.tokens += tokens
        self._steps += scores
        self._row = None

    def rollback(self, tokens: int) -> None:
        """Take the last tokens back. Raises ValueError where there are not so many."""
        if not 0 <= tokens <= len(self.tokens):
            raise ValueError(f"{len(self.tokens)} tokens are there, {tokens} cannot be taken back")
        if not tokens:
            return
        self._matcher.rollback(tokens - self.ended)
        self._source.rollback(tokens)
        del self.tokens[len(self.tokens) - tokens :], self._steps[len(self._steps) - tokens :]
        self.ended, self._row = False, None

    def clone(self) -> Self:
        """A copy that goes its own way. Raises EngineFault where the source makes none."""
        if not hasattr(self._source, "clone"):
            raise EngineFault("this engine's texts cannot be copied")
        twin = type(self)(self._matcher.clone(), self._source.clone())
        twin.tokens, twin._steps, twin.ended = [*self.tokens], [*self._steps], self.ended
        twin._row = self._row
        return twin

    # --------------------------------------------------------------------------------------------------------------

    def _over(self, tokens: list[int]) -> bool:
        """Whether the text is over behind these tokens, of which the matcher has consumed all but the end."""
        ended = self.ended or self._matcher.end_token in tokens
        return ended or self._matcher.finished

    def _rows(self, tokens: list[int]) -> list[NDArray[np.float32]]:
        if len(tokens) == 1:
            return [self.logits()]
        self._source.append(tokens[:-1])
        try:
            return [*self._source.scores(len(tokens))]
        finally:
            self._source.rollback(len(tokens) - 1)
