"""The model's state on one growing text, over the cache of keys and values that fits the model."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agentspec.engines import kv
from agentspec.engines.prefix import BLOCK, Prefixes
from agentspec.errors import EngineFault

KEPT_STATES = 2
"""Older states kept of a cache that cannot forget: one is taken up, and the tokens since are encoded again."""


class Network(Protocol):
    """A causal language model as a function of tokens and a cache.

    ``one_by_one``: after the first forward it takes one token at a time.
    """

    one_by_one: bool

    def cache(self) -> Any:
        """An empty cache."""

    def scores(
        self,
        tokens: Sequence[Sequence[int]] | NDArray[np.int64],
        cache: Any,
        *,
        last: int = 1,
        mask: NDArray[np.int64] | None = None,
        positions: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float32]:
        """The scores after each of the ``last`` tokens of each row: shape (rows, last, vocabulary)."""


class TransformersSource:
    """One text: ``tokens`` of which the first are encoded in a cache, the others wait for the next forward.

    Tokens are taken back by cutting the cache where it can be cut, else from an older state of it, kept before tokens
    that came several at once, or from the beginning.
    """

    def __init__(self, network: Network, prompt: list[int], ends: list[int], prefixes: Prefixes | None = None) -> None:
        self.tokens = list(prompt)
        self.encoded = 0
        """Tokens given to the model so far, those encoded again included."""
        self._network = network
        self._ends = ends
        self._prefixes = None if network.one_by_one else prefixes
        self._cache = network.cache()
        self._cached = 0
        self._states: list[tuple[int, Any]] = []

    @property
    def length(self) -> int:
        """Tokens so far, those not yet seen by the model included."""
        return len(self.tokens)

    @property
    def forgets(self) -> bool:
        """Whether the last tokens can be taken back without encoding others again."""
        return kv.can_forget(self._cache)

    @property
    def cache(self) -> Any:
        """What the model made of the tokens encoded so far; after scores that is all of them."""
        return self._cache

    def append(self, tokens: list[int]) -> None:
        """Add tokens; they are encoded by the next forward."""
        self.tokens += tokens

    def logits(self) -> NDArray[np.float32]:
        """Scores of the next token, shape (vocabulary,). Raises EngineFault where the forward fails.

        A model with several end tokens ends when it draws any: the first one gets the probability of all.
        """
        found: NDArray[np.float32] = self.scores(1)[0]
        return found

    def scores(self, last: int) -> NDArray[np.float32]:
        """Scores after each of the last tokens, shape (last, vocabulary), the latest at the end: one forward.

        Those of tokens that are encoded already are encoded again. Raises EngineFault where the forward fails.
        """
        if not 0 < last <= self.length:
            raise EngineFault(f"there are {self.length} tokens to score after, not {last}")
        if self._cached > self.length - last:
            self._restore(self.length - last)
        if self._cached == 0 and self._prefixes is not None:
            self._encode_prompt(self._prefixes, self.length - last)
        if self.length - self._cached > last:
            self._keep_state()
        if self._network.one_by_one and self._cached:
            rows = [self._encode(self._cached + 1) for _ in range(self.length - self._cached)]
            found = np.concatenate(rows[-last:])
        else:
            found = self._encode(self.length, last)
        return merge_ends(found, self._ends)

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens. Raises ValueError where there are not so many."""
        if not 0 <= tokens < self.length:
            raise ValueError(f"{self.length} tokens are there, {tokens} cannot be forgotten")
        kept = self.length - tokens
        if self._cached > kept:
            self._restore(kept)
        del self.tokens[kept:]

    def clone(self) -> TransformersSource:
        """A copy that goes its own way; what is encoded is shared as far as the kind of cache allows."""
        twin = copy.copy(self)
        twin.tokens, twin._states, twin._cache = [*self.tokens], [*self._states], kv.copied(self._cache)
        return twin

    # --------------------------------------------------------------------------------------------------------------

    def _encode(self, until: int, last: int = 1) -> NDArray[np.float32]:
        new = self.tokens[self._cached : until]
        found: NDArray[np.float32] = self._network.scores([new], self._cache, last=last)[0]
        self._cached = until
        self.encoded += len(new)
        return found

    def _encode_prompt(self, prefixes: Prefixes, room: int) -> None:
        """The whole blocks of a prompt, with what is there of them."""
        whole = room // BLOCK * BLOCK
        if not whole:
            return
        here, cache, shared = prefixes.longest(self.tokens[: whole + 1])
        if cache is not None:
            self._cache, self._cached = cache, here
        for until in range(here + BLOCK, whole + 1, BLOCK):
            self._encode(until)
            if until == (shared if shared > here else whole) and until > 2 * here:
                prefixes.keep(self.tokens[:until], self._cache)

    def _keep_state(self) -> None:
        if self._cached and not kv.can_forget(self._cache):
            self._states = [*self._states, (self._cached, kv.copied(self._cache))][-KEPT_STATES:]

    def _restore(self, length: int) -> None:
        """Make the cache one of at most the first ``length`` tokens."""
        self._states = [state for state in self._states if state[0] <= length]
        if kv.can_forget(self._cache):
            kv.forget(self._cache, self._cached - length)
            self._cached = length
        elif self._states:
            self._cached, kept = self._states[-1]
            self._cache = kv.copied(kept)
        else:
            self._cached, self._cache = 0, self._network.cache()


def merge_ends(scores: NDArray[np.float32], ends: list[int]) -> NDArray[np.float32]:
    """The scores, shape (…, vocabulary), with the probability of all end tokens on the first, none on the others."""
    if len(ends) < 2:
        return scores
    merged = scores.copy()
    merged[..., ends] = -np.inf
    merged[..., ends[0]] = np.logaddexp.reduce(scores[..., ends], axis=-1)
    return merged
