"""Segments: what the model writes until somebody else must write, as a right-linear grammar.

Non-terminals are guard positions, terminals are letters. The grammar is unfolded with budgets that assume every step
costs its worst case; it goes past a step only where that assumption takes nothing away that the real budget might
still offer, and where what is open about the step makes no difference behind it. Elsewhere it stops at the border, a
*checkpoint*, and is made afresh from what was really used and written. So the steps offered are exactly those of the
guard at every border. A step that may turn out to be what is not offered is the first of its segment, and the last.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentspec.automata.letter import Letter, Owner
from agentspec.guard.budget import Budget
from agentspec.guard.guard import Guard, Position

NODE_LIMIT = 48
_PLENTY = 10**9


@dataclass(frozen=True, slots=True)
class Node:
    """One non-terminal: letters with the node behind each (None: the segment ends there), and whether ``end`` is."""

    alternatives: tuple[tuple[Letter, int | None], ...]
    may_end: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """Node 0 is the start; nodes are numbered breadth first, so equal segments compare equal."""

    nodes: tuple[Node, ...]


def segment(position: Position) -> Segment:
    """The segment from a position at which the model writes."""
    guard = position.guard
    number: dict[tuple[int, Budget], int] = {(position.state, position.left): 0}
    nodes: list[Node] = []
    queue = [(position.state, position.left)]
    for state, left in queue:
        alternatives: list[tuple[Letter, int | None]] = []
        for choice in _choices(guard.offered(state, left)):
            behind = _behind(guard, state, left, choice)
            if behind and behind not in number and _continues(guard, *behind) and len(number) < NODE_LIMIT:
                number[behind] = len(number)
                queue.append(behind)
            alternatives += ((letter, number.get(behind) if behind else None) for letter in choice)
        nodes.append(Node(tuple(alternatives), guard.may_end(state)))
    return Segment(tuple(nodes))


def _choices(offered: tuple[Letter, ...]) -> list[list[Letter]]:
    """The letters offered, those that one text may be together."""
    found: dict[Letter, list[Letter]] = {}
    for letter in offered:
        found.setdefault(letter.choice, []).append(letter)
    return list(found.values())


def _behind(guard: Guard, state: int, left: Budget, choice: list[Letter]) -> tuple[int, Budget] | None:
    """The one position behind a choice at its worst case; None where what is open decides which it is."""
    if len(guard.turns_out(state, choice)) != len(choice):
        return None
    found = {(guard.arena.moves[state][letter], left.after(letter, guard.costs.weights[letter])) for letter in choice}
    return found.pop() if len(found) == 1 else None


def _continues(guard: Guard, state: int, left: Budget) -> bool:
    """Whether the model writes on at ``state`` and the assumed budget offers all that any larger one would."""
    if guard.owner(state) != Owner.MODEL:
        return False
    offered = guard.offered(state, left)
    if len(guard.turns_out(state, offered)) != len(offered):
        return False
    return bool(offered) and offered == guard.offered(state, replace(left, tokens=_PLENTY))
