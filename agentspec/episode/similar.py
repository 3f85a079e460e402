"""How much alike texts are: the cosine of their pieces of three characters, of which rare ones count most.

Pieces of characters, not words: inflections and typing errors do little harm, and languages that put no blanks between
words are served too. All digits are one, so that a sum is like another sum whatever its numbers are.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from agentspec import limits

PIECE = 3


class Similar:
    """The texts of a pool, weighed once."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [Counter(_pieces(text)) for text in texts]
        having = Counter(piece for pieces in counted for piece in pieces)
        self._rare = {piece: math.log(1 + len(texts) / count) for piece, count in having.items()}
        self._unit = [self._weighed(pieces) for pieces in counted]

    def scores(self, text: str) -> list[float]:
        """How much each is like the text, from 0 to 1."""
        asked = self._weighed(Counter(_pieces(text)))
        return [math.fsum(asked[p] * weight for p, weight in one.items() if p in asked) for one in self._unit]

    def ranked(self, text: str) -> list[int]:
        """The places of all texts, the most similar first; where two are alike the earlier one."""
        scores = self.scores(text)
        return sorted(range(len(scores)), key=lambda place: -scores[place])

    def _weighed(self, pieces: Mapping[str, int]) -> dict[str, float]:
        """The pieces that the pool has, each with its weight; all together have the length 1."""
        found = {p: (1 + math.log(count)) * self._rare[p] for p, count in pieces.items() if p in self._rare}
        length = math.sqrt(math.fsum(weight**2 for weight in found.values())) or 1.0
        return {piece: weight / length for piece, weight in found.items()}


def _pieces(text: str) -> Iterable[str]:
    plain = " ".join(re.sub(r"\d", "0", text[: limits.SIMILAR_LENGTH].casefold()).split())
    padded = f" {re.sub('00+', '0', plain)} "
    return (padded[i : i + PIECE] for i in range(len(padded) - PIECE + 1))
