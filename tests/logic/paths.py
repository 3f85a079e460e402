"""Finite and infinite words as the oracle of templates sees them, and the segments that a scope cuts out of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Letters = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Path:
    """The letters of ``prefix`` and then of ``loop`` for ever; finite, and perhaps empty, without a loop.

    Of an infinite path three rounds of the loop are looked at: whatever happens later happened before in the same way.
    """

    prefix: Letters
    loop: Letters = ()

    @property
    def positions(self) -> range:
        """The positions looked at."""
        return range(len(self.prefix) + 3 * len(self.loop))

    def later(self, i: int) -> range:
        """The positions after ``i``: all of them, or of an infinite path until the loop has been gone through."""
        if not self.loop:
            return range(i + 1, len(self.prefix))
        return range(i + 1, max(i + 1, len(self.prefix)) + len(self.loop))

    def has(self, name: str, i: int) -> bool:
        """Whether a proposition holds at a position."""
        inside = len(self.prefix)
        letter = self.prefix[i] if i < inside else self.loop[(i - inside) % len(self.loop)]
        return name in letter

    def where(self, name: str) -> list[int]:
        """The positions looked at where a proposition holds."""
        return [i for i in self.positions if self.has(name, i)]

    def count(self, name: str) -> float:
        """At how many positions a proposition holds."""
        if any(name in letter for letter in self.loop):
            return float("inf")
        return sum(name in letter for letter in self.prefix)

    def stretches(self, name: str) -> float:
        """How many stretches of positions in a row there are where a proposition holds."""
        starts = [i for i in self.where(name) if i == 0 or not self.has(name, i - 1)]
        if any(i >= len(self.prefix) + 2 * len(self.loop) for i in starts):
            return float("inf")
        return len(starts)

    def between(self, start: int, end: int | None) -> Path:
        """The part from ``start`` on, up to ``end`` and without it, or all the rest."""
        if end is None and self.loop:
            begun = max(len(self.prefix), start)
            turn = (begun - len(self.prefix)) % len(self.loop)
            return Path(self._letters(start, begun), self.loop[turn:] + self.loop[:turn])
        return Path(self._letters(start, len(self.prefix) if end is None else end))

    def _letters(self, start: int, end: int) -> Letters:
        inside = len(self.prefix)
        return tuple([self.prefix[i] if i < inside else self.loop[(i - inside) % len(self.loop)]
                      for i in range(start, end)])  # fmt: skip


def segments(path: Path, scope: str) -> Iterator[Path]:
    """The segments of a path in a scope, as defined in words: opened by the first ``q``, closed by the next ``r``."""
    closing = path.where("r")
    if scope == "globally":
        yield path
    elif scope == "before":
        if closing:
            yield path.between(0, closing[0])
    elif scope == "after":
        if path.where("q"):
            yield path.between(path.where("q")[0], None)
    else:
        start = None
        for i in path.positions:
            if start is not None and path.has("r", i):
                yield path.between(start, i)
                start = None
            elif start is None and path.has("q", i) and not path.has("r", i):
                start = i
        never_again = start is not None and not any(path.has("r", i) for i in path.later(start))
        if start is not None and never_again and scope == "after-until":
            yield path.between(start, None)
