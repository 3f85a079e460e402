"""Running ahead: tokens guessed from the text so far are scored in the forward that is due anyway.

A guess is what followed the latest earlier occurrence of the last tokens (prompt lookup, Saxena 2023; verified as in
speculative decoding, Leviathan et al. 2023). Each place is drawn from its own scores with the noise of its position, so
what is written does not depend on what was guessed: a guess that is not drawn is taken back.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.sample import Sampler
from agentspec.decoding.source import Counters

ROWS = 32
"""So many tokens are scored in one forward at most: each row is as long as the vocabulary."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """How guesses are made: at most ``most`` tokens, where the last ``match`` tokens stand earlier; 0 for none."""

    most: int = 8
    match: int = 3

    def guess(self, tokens: Sequence[int]) -> list[int]:
        """What may follow the tokens."""
        if self.most <= 0 or len(tokens) <= self.match:
            return []
        packed = tokens if isinstance(tokens, array) else array("I", tokens)  # as bytes it is searched quickly
        text, size = packed.tobytes(), packed.itemsize
        last, end = text[-size * self.match :], len(text) - size
        while (at := text.rfind(last, 0, end)) >= 0:
            if at % size == 0:
                begin = at // size + self.match
                return list(tokens[begin : begin + self.most])
            end = at + len(last) - 1
        return []


class Ahead:
    """A source that may be ahead of the text by tokens guessed. Needs ``tokens``, ``scores`` and ``forgets`` of it.

    Without a lookup, or over a source without those, it is that source, its forwards counted.
    """

    def __init__(self, source: Any, counters: Counters, lookup: Lookup | None = None) -> None:
        self.source = source
        self._counters = counters
        self._lookup = lookup
        self._coming: list[int] = []
        self._rows: list[NDArray[np.float32]] = []
        self._waiting = 0
        self._read = array("I")
        """What was looked through of the source's tokens."""

    @property
    def length(self) -> int:
        """Tokens of the text so far."""
        length: int = self.source.length
        return length - len(self._coming)

    @property
    def tokens(self) -> list[int]:
        """The tokens of the text so far; none where the source does not tell."""
        tokens: list[int] = getattr(self.source, "tokens", [])
        return tokens[: len(tokens) - len(self._coming)]

    def guess(self, matching: Callable[[list[int]], int]) -> None:
        """Guess what follows, if the next scores take a forward; ``matching`` says how many of the tokens may come.

        Tokens that wait for that forward make the guess shorter: it carries one and ``most`` tokens, or no guess.
        """
        if self._lookup is None or self._rows or not getattr(self.source, "forgets", False):
            return
        room = self._lookup.most + 1 - max(self._waiting, 1)
        if room <= 0:
            return
        self._read.extend(self.source.tokens[len(self._read) :])
        found = self._lookup.guess(self._read)[:room]
        if found and (found := found[: matching(found)]):
            self.source.append(found)
            self._coming = found
            self._counters.guessed += len(found)

    def logits(self) -> NDArray[np.float32]:
        """Scores of the next token, shape (vocabulary,): of a forward made before, or of one now."""
        if not self._rows:
            self._counters.calls += 1
            self._waiting = 0
            self._rows = [*self.source.scores(len(self._coming) + 1)] if self._coming else [self.source.logits()]
        return self._rows[0]

    def append(self, tokens: list[int]) -> None:
        """Add tokens. As long as they are those guessed, their scores are there."""
        for i, token in enumerate(tokens):
            if self._coming[:1] != [token]:
                self._settle()
                self.source.append(tokens[i:])
                self._waiting += len(tokens) - i
                return
            del self._coming[0]
            if self._rows:
                self._counters.right += 1
                del self._rows[0]

    def logprob(self, tokens: Sequence[int]) -> float:
        """The natural logarithm of the probability of tokens behind the text, which stays as it is."""
        self._settle()
        total, before = 0.0, self.source.length
        for begin in range(0, len(tokens), ROWS):
            part = list(tokens[begin : begin + ROWS])
            rows = zip(self._rows_for(part), part, strict=True)
            total += sum(Sampler.logprobs(row, None, token)[1] for row, token in rows)
        self.rollback(self.source.length - before)
        return total

    def _rows_for(self, tokens: list[int]) -> Iterator[NDArray[np.float32]]:
        """The scores for each of the tokens, which are appended."""
        if getattr(self.source, "forgets", False):
            self.source.append(tokens)
            self._counters.calls += 1
            yield from self.source.scores(len(tokens) + 1)[:-1]
            return
        for token in tokens:
            self._counters.calls += 1
            yield self.source.logits()
            self.source.append([token])

    def close(self) -> None:
        """The text is at its end: a source among others may give up its place."""
        close = getattr(self.source, "close", None)
        if close is not None:
            close()

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens of the text."""
        self._settle()
        self._take_back(tokens)

    def _settle(self) -> None:
        if self._coming:
            self._take_back(len(self._coming))
        self._coming, self._rows = [], []

    def _take_back(self, tokens: int) -> None:
        self.source.rollback(tokens)
        del self._read[self.source.length :]
