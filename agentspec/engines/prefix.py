"""The beginnings of prompts that an engine has seen, with what the model made of them.

Prompts are encoded in blocks of `BLOCK` tokens, and whole blocks are kept: so the scores behind a prompt are the same
numbers, bit for bit, whether or not its beginning was there.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from agentspec import limits
from agentspec.engines import kv

BLOCK = 128


@dataclass
class _Kept:
    tokens: tuple[int, ...]
    cache: Any
    bytes: int


class Prefixes:
    """What is kept is bounded by ``limits.PREFIX_BYTES`` and ``PREFIX_COUNT``; the one not used for longest goes."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: list[_Kept] = []

    def longest(self, tokens: list[int]) -> tuple[int, Any, int]:
        """How many of the first tokens are here, a copy of the cache after them (None without any), how many might be.

        All are whole blocks, and leave at least one token. More might be than are where the cache of a longer prompt
        cannot be cut: then it pays to `keep` so many.
        """
        with self._turn:
            found: _Kept | None = None
            here = shared = 0
            for kept in self._kept:
                common = _common(kept.tokens, tokens) // BLOCK * BLOCK
                shared = max(shared, common)
                if common > here and (common == len(kept.tokens) or kv.can_forget(kept.cache)):
                    found, here = kept, common
            if found is None:
                return 0, None, shared
            self._kept.remove(found)
            self._kept.append(found)
            cache = kv.copied(found.cache)
        kv.forget(cache, len(found.tokens) - here)
        return here, cache, shared

    def keep(self, tokens: list[int], cache: Any) -> None:
        """Keep a copy of a cache that holds just ``tokens``, whole blocks."""
        twin = kv.copied(cache)
        kept = _Kept(tuple(tokens), twin, kv.size(twin))
        if kept.bytes > limits.PREFIX_BYTES:
            return
        with self._turn:
            self._kept = [one for one in self._kept if one.tokens != kept.tokens]
            self._kept.append(kept)
            while sum(one.bytes for one in self._kept) > limits.PREFIX_BYTES or len(self._kept) > limits.PREFIX_COUNT:
                del self._kept[0]


def _common(kept: tuple[int, ...], tokens: list[int]) -> int:
    """How long both begin alike, the last of ``tokens`` left out."""
    longest = min(len(kept), len(tokens) - 1)
    return next((i for i in range(longest) if kept[i] != tokens[i]), longest)
