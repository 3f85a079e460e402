"""What every lowering of a segment has in common: which letters are one terminal, and which nodes have a text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentspec.automata.letter import Letter
from agentspec.content.constraint import Choice, Constraint
from agentspec.errors import InvalidInput
from agentspec.guard.segment import Node, Segment

TextOf = Callable[[Letter], Constraint]
"""The whole text of a letter, cue to border."""
Together = Callable[[tuple[Letter, ...]], Constraint]
"""The texts of several letters of one step and tool."""


@dataclass(frozen=True, slots=True)
class Way:
    """Letters of one step and tool with the same node behind them; None: the segment ends there."""

    letters: tuple[Letter, ...]
    behind: int | None


def ways(segment: Segment) -> dict[int, list[Way]]:
    """The ways on from each node; nodes without an end, and ways to them, are left out.

    Raises InvalidInput where no text is left.
    """
    found = {i: grouped(node) for i, node in enumerate(segment.nodes)}
    ending: set[int | None] = {None}
    while new := {
        i
        for i, some in found.items()
        if i not in ending and (segment.nodes[i].may_end or any(way.behind in ending for way in some))
    }:
        ending |= new
    if 0 not in ending:
        raise InvalidInput("nothing can be written here: no step of the segment comes to an end")
    return {i: [way for way in some if way.behind in ending] for i, some in found.items() if i in ending}


def texts(letters: tuple[Letter, ...], text_of: TextOf, together: Together | None) -> Constraint:
    """The texts of letters, by ``together`` where it knows them more simply than as a choice."""
    if len(letters) == 1:
        return text_of(letters[0])
    return together(letters) if together is not None else Choice(tuple(map(text_of, letters)))


def told(letters: tuple[Letter, ...]) -> str:
    """The step, and the tool, of letters that are one terminal."""
    step, tool = letters[0].step, letters[0].tool
    return f"{step} ({tool})" if tool else str(step)


def grouped(node: Node) -> list[Way]:
    """The ways on from a node. Of letters that one text may turn out to be, the first stands for all."""
    alike: dict[tuple[str | None, str | None, int | None], dict[Letter, Letter]] = {}
    for way in node.alternatives:
        letter = way.letter
        alike.setdefault((letter.step, letter.tool, way.behind), {}).setdefault(letter.choice, letter)
    return [Way(tuple(letters.values()), behind) for (_, _, behind), letters in alike.items()]
