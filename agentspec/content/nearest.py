"""The text of a language that is nearest to another: fewest characters put in, taken out or changed.

Uniform-cost search over pairs of a place in the text and a state of the language (Wagner, CACM 17(5), 1974, on the
automaton as it is built). Of texts that are equally near it is the one that keeps most from the beginning.
"""

from __future__ import annotations

from heapq import heappop, heappush

from agentspec import limits
from agentspec.content.language import NOTHING, Language
from agentspec.errors import TooLarge


def right_of(language: Language, text: str) -> tuple[int, int]:
    """How many characters of a text begin some text of the language, and the state behind them."""
    state = language.start
    for i, character in enumerate(text):
        after = language.step(state, character)
        if after == NOTHING:
            return i, state
        state = after
    return len(text), state


def cut(language: Language, text: str) -> str | None:
    """The longest beginning of a text that is one of the language's, at the end of a word where much of it remains."""
    state, ends = language.start, [0] if language.accepts_at(language.start) else []
    for i, character in enumerate(text, start=1):
        state = language.step(state, character)
        if state == NOTHING:
            break
        if language.accepts_at(state):
            ends.append(i)
    if not ends:
        return None
    words = [end for end in ends if end == len(text) or not text[end - 1 : end + 1].isalnum()]
    best = max(words, default=0)
    found = text[: best if best * 2 >= ends[-1] else ends[-1]]
    return found.rstrip() if language.accepts(found.rstrip()) else found


def distance(one: str, other: str) -> int:
    """The characters put in, taken out or changed between two texts; of long ones a bound."""
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    one, other = one[start:], other[start:]
    if len(one) * len(other) > limits.NEAREST_PLACES * 10:
        return max(len(one), len(other))
    row = list(range(len(other) + 1))
    for i, character in enumerate(one, start=1):
        before, row = row, [i]
        for j, theirs in enumerate(other):
            row.append(min(before[j] + (character != theirs), before[j + 1] + 1, row[j] + 1))
    return row[-1]


def nearest(language: Language, text: str) -> str | None:
    """The text of the language that is nearest, None where it has none.

    Where that takes more than ``limits.NEAREST_PLACES`` to find, what begins it rightly is kept and its end made anew.
    """
    found = _searched(language, text)
    return _completed(language, text) if found is None else found


def _searched(language: Language, text: str) -> str | None:
    came: dict[tuple[int, int], tuple[tuple[int, int], str]] = {}
    least = {(0, language.start): 0}
    done: set[tuple[int, int]] = set()
    onward: dict[int, list[tuple[str, int]]] = {}
    queue = [(0, 0, 0, language.start)]
    counter = 0
    while queue:
        cost, back, _, state = heappop(queue)
        at = -back
        place = (at, state)
        if place in done:
            continue
        done.add(place)
        if len(done) > limits.NEAREST_PLACES:
            return None
        if at == len(text) and language.accepts_at(state):
            return _spelled(came, place)
        ways: list[tuple[int, int, int, str]] = []
        if at < len(text):
            after = language.step(state, text[at])
            if after != NOTHING:
                ways.append((cost, at + 1, after, text[at]))
            other = text[at].swapcase()
            if len(other) == 1 and (after := language.step(state, other)) != NOTHING:
                ways.append((cost + 1, at + 1, after, other))
            ways.append((cost + 1, at + 1, state, ""))
        if state not in onward:
            onward[state] = list(language.successors(state))
        for character, target in onward[state]:
            if at < len(text):
                ways.append((cost + 1, at + 1, target, character))
            ways.append((cost + 1, at, target, character))
        for total, then, target, written in ways:
            if total < least.get((then, target), total + 1):
                least[then, target] = total
                came[then, target] = (place, written)
                counter += 1
                heappush(queue, (total, -then, counter, target))
    return None


def _spelled(came: dict[tuple[int, int], tuple[tuple[int, int], str]], place: tuple[int, int]) -> str:
    found = []
    while place in came:
        place, written = came[place]
        found.append(written)
    return "".join(reversed(found))


def _completed(language: Language, text: str) -> str | None:
    right, _ = right_of(language, text)
    for length in (right, 0):
        try:
            end = language.shortest(start=language.run(text[:length]))
        except TooLarge:
            continue
        if end is not None:
            return text[:length] + end
    return None
