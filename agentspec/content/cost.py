"""What is left to write of a text: the shortest completion from each state of a language, and its tokens.

A* over the states as they are built (Hart, Nilsson & Raphael, IEEE Trans. SSC 4(2), 1968), with a bound read off the
constraint; what a search finds out on its way serves the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from agentspec import limits
from agentspec.content.constraint import (
    Characters,
    Choice,
    Constraint,
    Repeat,
    Sequence,
    fold,
    max_bytes,
)
from agentspec.content.language import NOTHING, Language, readable
from agentspec.errors import TooLarge

_Ends = tuple[float, float]
"""Of a constraint: the most bytes of a shortest end, and of a shortest text; both at most."""

_LEAST = (0, 0x80, 0x800, 0x10000, 0x110000)
"""The least code point of each length in UTF-8; that of length n at n - 1."""


def farthest(constraint: Constraint) -> float:
    """The most bytes that the shortest end may take from within a text of the constraint; an upper bound."""
    return fold(constraint, _ends)[0] + 3  # a character may be under way


def _ends(constraint: Constraint, below: list[_Ends]) -> _Ends:
    """By the residuals that a derivative leaves of each kind: of a sequence those of a part with the parts behind."""
    match constraint:
        case Characters(ranges=ranges, minimum=minimum) if ranges:
            least = minimum * len(chr(ranges[0][0]).encode())
            return least, least
        case Sequence():
            worst = rest = 0.0
            for far, short in reversed(below):
                worst = max(worst, far + rest)
                rest += short
            return worst, rest
        case Choice() if below:
            return max(far for far, _ in below), min(short for _, short in below)
        case Repeat(minimum=minimum, maximum=maximum) if maximum != 0:
            whole = minimum and minimum * below[0][1]
            return below[0][0] + whole, whole
    most = max_bytes(constraint)
    return most, most


class Completions:
    """The shortest completions of texts; ``spell`` gives the tokens that are just some bytes.

    Counts are upper bounds on the least number of tokens: those of one shortest text in bytes.
    """

    def __init__(self, spell: Callable[[bytes], list[int]]) -> None:
        self._spell = spell
        self.language = Language()
        self._starts: dict[int, tuple[Constraint, int]] = {}
        self._next: dict[int, tuple[int, str, int]] = {}
        self._tokens: dict[int, int] = {}

    def start(self, constraint: Constraint) -> int:
        """The state of the language that is a constraint."""
        known = self._starts.get(id(constraint))
        if known is None:
            known = self._starts[id(constraint)] = (constraint, self.language.state_of(constraint))
        return known[1]

    def shortest(self, state: int, pending: bytes = b"") -> bytes:
        """The bytes of a shortest text from a state, in the midst of a character that began with ``pending``.

        Raises ValueError where there is none, TooLarge where finding it takes too many states.
        """
        lead = b""
        if pending:
            lead, state = self._finished(state, pending)
        found: list[str] = []
        self._search(state)
        while self._next[state][0]:
            _, character, state = self._next[state]
            found.append(character)
        return lead + "".join(found).encode()

    def tokens(self, state: int, pending: bytes = b"") -> int:
        """The tokens of a shortest text from a state. Raises as `shortest`."""
        if pending:
            return len(self._spell(self.shortest(state, pending)))
        known = self._tokens.get(state)
        if known is None:
            known = self._tokens[state] = len(self._spell(self.shortest(state)))
        return known

    def _finished(self, state: int, pending: bytes) -> tuple[bytes, int]:
        """The bytes that complete a character begun, and the state behind it: so that the whole text is short."""
        best: tuple[int, bytes, int] | None = None
        for low, high, target in self.language.stretches(state):
            code = _completed(pending, low, high)
            if code is None:
                continue
            rest = chr(code).encode()[len(pending) :]
            size = len(rest) + self._search(target)
            if best is None or size < best[0]:
                best = (size, rest, target)
        if best is None:
            raise ValueError("no text begins like this")
        return best[1], best[2]

    def _search(self, state: int) -> int:
        """The least number of bytes from a state to the end of a text, and on the way there for each state.

        Of texts that are equally short it is always the same one, whatever was searched before: the first in order.
        """
        known, language = self._next, self.language
        if state in known:
            return known[state][0]
        ways: dict[int, list[tuple[str, int]]] = {}
        least = {state: 0}
        total: int | None = None
        queue = [(language.at_least(state), 0, state)]
        while queue and (total is None or queue[0][0] <= total):
            whole, size, here = heappop(queue)
            if size > least[here]:
                continue
            if here not in known and language.accepts_at(here):
                known[here] = (0, "", here)
            if here in known:
                total = min(size + known[here][0], total if total is not None else size + known[here][0])
                continue
            if here not in ways:
                if len(ways) == limits.ENDING_STATES:
                    raise TooLarge(f"how a text ends takes more than {limits.ENDING_STATES} states to find out")
                ways[here] = [(readable(a, b), c) for a, b, c in language.stretches(here)] if here != NOTHING else []
            for character, target in ways[here]:
                longer = size + len(character.encode())
                if longer < least.get(target, longer + 1):
                    least[target] = longer
                    rest = known[target][0] if target in known else language.at_least(target)
                    heappush(queue, (max(longer + rest, whole), longer, target))
        if total is None:
            raise ValueError("no text begins like this")
        for here in sorted(ways, key=least.__getitem__, reverse=True):
            rest = total - least[here]
            shortest = [
                (character, target)
                for character, target in ways[here]
                if target in known and len(character.encode()) + known[target][0] == rest
            ]
            if shortest:
                known[here] = (rest, *min(shortest))
        return total


def _completed(pending: bytes, low: int, high: int) -> int | None:
    """A code point from ``low`` to below ``high`` whose UTF-8 begins with ``pending``, None where there is none."""
    first = pending[0]
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    bits = first & (0x7F >> length)
    for byte in pending[1:]:
        bits = bits << 6 | byte & 0x3F
    open_bits = 6 * (length - len(pending))
    least = max(bits << open_bits, _LEAST[length - 1], low)
    most = min((bits + 1) << open_bits, _LEAST[length], high)
    return least if least < most else None
