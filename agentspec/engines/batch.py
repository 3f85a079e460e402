"""Several texts that one forward carries on: rows of one cache, each with places of its own there.

A row's tokens stand in the cache in their order, with gaps: where another row had more to add, and where tokens were
taken back. The mask hides the gaps from the row, positions count its own tokens: it is scored as it would be alone, up
to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec.engines import kv
from agentspec.engines.prefix import Prefixes
from agentspec.engines.source import Network, TransformersSource, merge_ends
from agentspec.errors import EngineFault

ALONE = 8
"""A row with more new tokens than this is encoded by itself: in the common forward all rows would be padded to them."""
SLACK = 256
"""So many places beyond twice the longest row, and the gaps are taken out."""


@dataclass(eq=False)
class Row:
    """One text: ``tokens``, of which the first ones have ``places`` in the cache, those up to ``known`` good ones.

    ``answer`` is what the last forward said of it. A row that is ``closed`` leaves with the next forward.
    """

    tokens: list[int]
    places: list[int] = field(default_factory=list)
    answer: NDArray[np.float32] | EngineFault | None = None
    closed: bool = False
    known: int = 0

    def append(self, tokens: list[int]) -> None:
        """Add tokens; they are encoded by the next forward."""
        self.tokens += tokens

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens. Raises ValueError where there are not so many."""
        if not 0 <= tokens < len(self.tokens):
            raise ValueError(f"{len(self.tokens)} tokens are there, {tokens} cannot be forgotten")
        del self.tokens[len(self.tokens) - tokens :]
        self.known = min(self.known, len(self.tokens))

    def ask(self) -> None:
        """The last answer is of no use any more."""
        self.answer = None

    def encoded(self, places: range) -> None:
        """All tokens not encoded before are now, at these places."""
        self.places += places
        self.known = len(self.places)


class Batch:
    """Rows over one model, for one thread at a time."""

    def __init__(self, network: Network, ends: list[int], prefixes: Prefixes) -> None:
        self._network = network
        self._ends = ends
        self._prefixes = prefixes
        self._rows: list[Row] = []
        self._cache: Any = network.cache()
        self._mask = np.zeros((0, 0), dtype=np.int64)

    def forward(self, rows: Sequence[Row]) -> None:
        """Give each of the rows, as its ``answer``, the scores of its next token, shape (vocabulary,).

        A row that is new is encoded first by itself, its prompt's beginning shared. Raises EngineFault where the
        common forward fails, or all of it does not fit; where one of a single row does, that is the row's answer.
        """
        try:
            self._forward(rows)
        except (MemoryError, RuntimeError) as problem:  # torch's own, of tensors that are put together here
            raise EngineFault(f"{len(rows)} texts side by side do not fit: {str(problem).strip()[:200]}") from problem

    # --------------------------------------------------------------------------------------------------------------

    def _forward(self, rows: Sequence[Row]) -> None:
        if any(row.closed for row in self._rows) or self._gaps() > SLACK:
            self._gather([])
        old = [row for row in rows if row in self._rows]
        for row in old:
            self._forget(row)
        long = [row for row in old if len(row.tokens) - len(row.places) > ALONE]
        for row in long:
            self._alone(row)
        if short := [row for row in old if row not in long]:
            self._together(short)
        self._gather([self._opened(row) for row in rows if row not in old])

    def _gaps(self) -> int:
        return self._mask.shape[1] - 2 * max((len(row.places) for row in self._rows), default=0)

    def _forget(self, row: Row) -> None:
        """Give up the places of tokens that are gone; of the last token too where nothing is new."""
        if len(row.places) > (kept := min(row.known, len(row.tokens) - 1)):
            self._mask[self._rows.index(row), row.places[kept:]] = 0
            del row.places[kept:]

    def _together(self, asking: list[Row]) -> None:
        new = [row.tokens[len(row.places) :] if row in asking else [] for row in self._rows]
        width, before = max(map(len, new)), self._mask.shape[1]
        shape = len(new), width
        tokens, positions, seen = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        for i, (row, some) in enumerate(zip(self._rows, new, strict=True)):
            begin = width - len(some)
            tokens[i, begin:], seen[i, begin:] = some, 1
            positions[i, begin:] = np.arange(len(row.places), len(row.tokens)) if some else 0
        mask = np.concatenate([self._mask, seen], axis=1)
        scores = self._network.scores(tokens, self._cache, mask=mask, positions=positions)[:, 0]
        scores, self._mask = merge_ends(scores, self._ends), mask
        for row, some, found in zip(self._rows, new, scores, strict=True):
            if some:
                row.encoded(range(before + width - len(some), before + width))
                row.answer = found

    def _alone(self, row: Row) -> None:
        number, new = self._rows.index(row), row.tokens[len(row.places) :]
        cache = self._network.cache()
        kv.gather(cache, [(self._cache, number, row.places)])
        try:
            row.answer = merge_ends(self._network.scores([new], cache)[0, 0], self._ends)
        except EngineFault as problem:
            row.answer = problem
            return
        kv.extend(self._cache, number, cache, len(new))
        seen = np.zeros((len(self._rows), len(new)), dtype=np.int64)
        seen[number] = 1
        before = self._mask.shape[1]
        self._mask = np.concatenate([self._mask, seen], axis=1)
        row.encoded(range(before, before + len(new)))

    def _opened(self, row: Row) -> tuple[Row, Any]:
        """A new row and its cache, None where it came to nothing."""
        source = TransformersSource(self._network, row.tokens, self._ends, self._prefixes)
        try:
            row.answer = source.logits()
        except EngineFault as problem:
            row.answer = problem
            return row, None
        row.encoded(range(len(row.tokens)))
        return row, source.cache

    def _gather(self, opened: list[tuple[Row, Any]]) -> None:
        """Take new rows in, closed ones and all gaps out."""
        opened = [(row, cache) for row, cache in opened if cache is not None]
        kept = [(self._cache, i, row) for i, row in enumerate(self._rows) if not row.closed]
        if not opened and len(kept) == len(self._rows) and self._gaps() <= SLACK:
            return
        coming = [*kept, *((cache, 0, row) for row, cache in opened)]
        self._cache = self._network.cache()
        self._rows = [row for _, _, row in coming]
        width = max((len(row.places) for row in self._rows), default=0)
        self._mask = np.zeros((len(coming), width), dtype=np.int64)
        if coming:
            kv.gather(self._cache, [(cache, i, row.places) for cache, i, row in coming])
        for i, row in enumerate(self._rows):
            row.places = list(range(width - len(row.places), width))
            self._mask[i, row.places] = 1
