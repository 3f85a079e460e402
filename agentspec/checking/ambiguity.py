"""Ambiguity: a spec in which one text has two words is refused, with the text as witness.

The self-product of the arena read as a text automaton: from each position two different letters are followed character
by character. Letters of one step and tool are disjoint by construction (their valuations partition the step's texts),
and cues that differ part ways within a few characters, so little of the product is ever built.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena
from agentspec.content.constraint import Constraint
from agentspec.content.format import unbound
from agentspec.content.language import Language
from agentspec.errors import SpecError, TooLarge


def refuse_ambiguity(arena: Arena, line: Callable[[Letter], Constraint]) -> None:
    """Raises SpecError, with the shortest text found, where two letters of the model at one position share a text.

    Also where a line of one letter begins a longer line of another, so that what follows could be read as its rest.
    Raises TooLarge where it cannot be decided within the limit.
    """
    languages: dict[Letter, Language] = {}
    settled: set[frozenset[Letter]] = set()
    for q, moves in enumerate(arena.moves):
        if arena.owner[q] != Owner.MODEL:
            continue
        letters = [letter for letter, target in moves.items() if target != VIOLATED]
        for one, other in _pairs(letters):
            pair = frozenset((one, other))
            if pair in settled:
                continue
            settled.add(pair)
            for letter in pair:
                if letter not in languages:
                    languages[letter] = Language(unbound(line(letter)))
            text = _shared(languages[one], languages[other], f"whether {one} and {other} can be told apart")
            if text is not None:
                raise SpecError(
                    f"ambiguous: the text {text!r} can be read as '{one}' and as '{other}' at one position; "
                    "give them different cues or contents"
                )


def _pairs(letters: list[Letter]) -> Iterator[tuple[Letter, Letter]]:
    for i, one in enumerate(letters):
        for other in letters[:i]:
            if (one.step, one.tool) != (other.step, other.tool):
                yield other, one


def _shared(one: Language, other: Language, what: str) -> str | None:
    """A shortest text of one language that is a text of the other, or begins one; None where there is none."""
    seen = {(one.start, other.start): ""}
    queue = deque(seen)
    most = limits.AMBIGUITY_STATES
    while queue:
        left, right = queue.popleft()
        text = seen[left, right]
        if one.accepts_at(left) or other.accepts_at(right):
            return text
        for character, *pair in one.common(left, other, right):
            behind = (pair[0], pair[1])
            if behind not in seen:
                if len(seen) >= most:
                    raise TooLarge(f"{what} takes more than {most} states to decide: give them different cues")
                seen[behind] = text + character
                queue.append(behind)
    return None
