"""Landing: no token is emitted after which the cheapest good ending costs more than what is left.

What an ending costs from within a segment is the shortest completion of the step under way (`content.cost`) and the
guard's cost behind it. Token t is allowed iff 1 + cost(after t) <= left, from the first token on, since one token can
raise the cost from 1 to 60. While more is left than any ending of the segment can cost, there is nothing to look at,
and the text is only kept; from then on the steps it may be part of are followed character by character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from agentspec.automata.letter import Letter
from agentspec.content.constraint import Constraint
from agentspec.content.cost import Completions
from agentspec.content.language import NOTHING
from agentspec.guard.segment import Alternative, Segment


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text may be: within a letter (``state`` of its language), or at a border where it may stop (None)."""

    way: Alternative | None
    state: int
    cost: int


class Landing:
    """What is left in the midst of a segment, and which tokens fit.

    ``line`` gives the whole text of a letter, ``farthest`` the most bytes that its shortest end may take from within;
    ``spell`` the tokens that are just some bytes, ``said`` the bytes of tokens.
    """

    def __init__(
        self,
        segment: Segment,
        left: int,
        completions: Completions,
        line: Callable[[Letter], Constraint],
        farthest: Mapping[Letter, int],
        spell: Callable[[bytes], list[int]],
        said: Callable[[list[int]], bytes],
    ) -> None:
        self.left = left
        self._nodes, self._completions, self._line = segment.nodes, completions, line
        self._spell, self._said = spell, said
        self._most = max(
            (farthest[way.letter] + way.cost for node in segment.nodes for way in node.alternatives), default=0
        )
        self._unread: list[int] = []
        self._places: tuple[_Place, ...] | None = None
        self._pending = b""
        self._starts: dict[Letter, int] = {}
        self._plan: list[int] = []
        self._planned = 0.0
        self._seen: tuple[bytes, tuple[tuple[_Place, ...], bytes]] | None = None

    @property
    def is_ample(self) -> bool:
        """Whether every token fits."""
        return self.left > self._most

    def fits(self, tokens: list[int]) -> bool:
        """Whether a good end is sure once these tokens are emitted."""
        left = self.left - len(tokens)
        if left >= self._most:
            return True
        if self._plan[: len(tokens)] == tokens and left >= self._planned - len(tokens):
            return True
        return self._cost(*self._after(self._said(tokens))) <= left

    def fits_end(self) -> bool:
        """Whether the end token fits: it is one token, and ends nothing but what may stop here."""
        return self.left >= self._most + 1 or self.left > self._stopping()

    def may_stop(self) -> bool:
        """Whether the text may stop here without a token."""
        return self._stopping() <= self.left

    def must_stop(self) -> bool:
        """Whether the text may stop here, and what is left is just what that asks for."""
        return self.left < self._most and self._stopping() == self.left

    def take(self, tokens: list[int]) -> None:
        """Emit tokens of text."""
        self._plan = self._plan[len(tokens) :] if self._plan[: len(tokens)] == tokens else []
        self._planned -= len(tokens)
        if self._places is None:
            self._unread += tokens
        else:
            self._places, self._pending = self._after(self._said(tokens))
            self._seen = None
        self.left -= len(tokens)

    def cheapest(self) -> list[int]:
        """The tokens of the cheapest completion of the step under way, to be emitted one by one; none at a good end.

        Once begun it is followed even where the same text would be spelled with more tokens now.
        """
        if not self._plan:
            places, pending = self._here()
            open_places = [place for place in places if not self._is_whole(place, pending)]
            costs = [self._cost((place,), pending) for place in open_places]
            best = open_places[costs.index(min(costs))]
            if best.way is None:
                return []
            self._plan = self._spell(self._completions.shortest(best.state, pending))
            self._planned = min(costs)
        return self._plan

    @property
    def cost(self) -> float:
        """The tokens with which a good end is sure from here."""
        return self._cost(*self._here())

    # ------------------------------------------------------------------------------------------------------------------

    def _stopping(self) -> float:
        places, pending = self._here()
        return min((place.cost for place in places if place.way is None and not pending), default=float("inf"))

    def _here(self) -> tuple[tuple[_Place, ...], bytes]:
        if self._places is None:
            self._places = self._begin(0)
            self._places, self._pending = self._after(self._said(self._unread))
            self._unread, self._seen = [], None
        return self._places, self._pending

    def _begin(self, node: int | None, cost: int = 0) -> tuple[_Place, ...]:
        """The places at a border before a node; where there is none, the segment has ended."""
        if node is None:
            return (_Place(None, NOTHING, cost),)
        here = self._nodes[node]
        ways: dict[Letter, Alternative] = {}
        for way in here.alternatives:
            ways.setdefault(way.letter.choice, way)
        found = tuple(_Place(way, self._start(way.letter), way.cost) for way in ways.values())
        return (*found, _Place(None, NOTHING, 0)) if here.may_stop else found

    def _is_whole(self, place: _Place, pending: bytes) -> bool:
        """Whether the text of a letter is whole: how it goes on behind that is said by other places."""
        return place.way is not None and not pending and self._completions.language.accepts_at(place.state)

    def _start(self, letter: Letter) -> int:
        if letter not in self._starts:
            self._starts[letter] = self._completions.start(self._line(letter))
        return self._starts[letter]

    def _after(self, data: bytes) -> tuple[tuple[_Place, ...], bytes]:
        """The places behind some bytes, and the bytes of a character begun."""
        if self._seen is not None and self._seen[0] == data:
            return self._seen[1]
        places, pending = self._here()
        whole = pending + data
        cut = whole_characters(whole)
        found = places, whole[cut:]
        if cut:
            text = whole[:cut].decode(errors="replace")
            for line in _lines(text):
                places = self._read(places, line)
            found = places, whole[cut:]
        self._seen = data, found
        return found

    def _read(self, places: Sequence[_Place], text: str) -> tuple[_Place, ...]:
        """The places behind a text that holds a border at its end only, if at all."""
        language = self._completions.language
        found: list[_Place] = []
        for place in places:
            if place.way is None:
                continue
            state = language.run(text, place.state)
            if state == NOTHING:
                continue
            found.append(_Place(place.way, state, place.cost))
            if language.accepts_at(state):
                found += self._begin(place.way.behind, place.cost)
        return tuple(found)

    def _cost(self, places: Sequence[_Place], pending: bytes) -> float:
        found = float("inf")
        for place in places:
            if place.way is None:
                found = min(found, place.cost if not pending else found)
            elif place.cost < found:
                try:
                    found = min(found, place.cost + self._completions.tokens(place.state, pending))
                except ValueError:
                    continue
        return found


def _lines(text: str) -> list[str]:
    """The text cut behind each border."""
    return [line for line in re.split("(?<=\n)", text) if line]


def whole_characters(data: bytes) -> int:
    """How many of the bytes are whole characters: the last one may be cut."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte < 0x80:
            return len(data)
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(data) if length <= back else len(data) - back
    return len(data)
