"""Which tokens may follow, as the matcher writes it: one bit a token, looked at without being unpacked."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FEW_WORDS = 64
"""With so many words that are not zero, or fewer, the tokens are found in those words alone."""


class Mask:
    """The first ``vocabulary`` bits of 32-bit words, the lowest first; ``words`` are not copied. False without any."""

    def __init__(self, words: NDArray[np.uint32], vocabulary: int) -> None:
        self.vocabulary = vocabulary
        self._words = words
        self._bytes = memoryview(words.view(np.uint8))  # type: ignore[arg-type]  # arrays are buffers
        self._set = np.flatnonzero(words)

    @classmethod
    def of(cls, allowed: NDArray[np.bool_]) -> Mask:
        """The mask of an array of truth values, shape (vocabulary,)."""
        padded = np.zeros((len(allowed) + 31) // 32 * 32, dtype=np.bool_)
        padded[: len(allowed)] = allowed
        return cls(np.packbits(padded, bitorder="little").view(np.uint32), len(allowed))

    def __bool__(self) -> bool:
        return len(self._set) > 0

    def __contains__(self, token: int) -> bool:
        return token < self.vocabulary and bool(self._bytes[token >> 3] >> (token & 7) & 1)

    def is_only(self, token: int) -> bool:
        """Whether one token is all that is allowed."""
        return len(self._set) == 1 and int(self._words[token >> 5]) == 1 << (token & 31)

    def cut(self, vocabulary: int) -> Mask:
        """The mask of the first tokens."""
        return self if vocabulary >= self.vocabulary else Mask.of(self.bools[:vocabulary])

    @cached_property
    def bools(self) -> NDArray[np.bool_]:
        """Shape (vocabulary,): True for each allowed token."""
        bits = np.unpackbits(self._words.view(np.uint8), count=self.vocabulary, bitorder="little")
        return bits.view(np.bool_)

    @cached_property
    def tokens(self) -> NDArray[np.int64]:
        """The allowed tokens in order."""
        if len(self._set) > FEW_WORDS:
            return np.flatnonzero(self.bools)
        bits = np.unpackbits(self._words[self._set].view(np.uint8), bitorder="little")
        at = np.flatnonzero(bits)
        found: NDArray[np.int64] = (self._set[at >> 5] << 5) + (at & 31)
        return found
