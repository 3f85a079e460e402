"""Segments: what the model writes until somebody else must write, as a right-linear grammar.

Non-terminals are guard positions, terminals are letters. Steps and calls are counted along the way; the tokens left are
assumed to be as many as can be, each step costing its least. So the grammar offers at each border all that the budget
might still allow, and `decoding.landing` takes away, token by token, what it does not. It goes past a step only where
what is open about the step makes no difference behind it. Elsewhere it stops at the border, a *checkpoint*, and is made
afresh from what was really written. A step that may turn out to be what is not offered is the first of its segment, and
the last; one that code may propose is the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.guard.budget import Budget
from agentspec.guard.guard import Guard, Position


@dataclass(frozen=True, slots=True)
class Alternative:
    """A letter, the node behind it (None: the segment ends there), and the least tokens of a sure good end behind it.

    Where one text may turn out to be several letters, ``cost`` is that of the worst.
    """

    letter: Letter
    behind: int | None
    cost: int


@dataclass(frozen=True, slots=True)
class Node:
    """One non-terminal: what may be written, whether the model may end there, and whether it may stop without a token.

    The last two differ in sessions alone, which never end.
    """

    alternatives: tuple[Alternative, ...]
    may_end: bool
    may_stop: bool

    def after(self, letter: Letter) -> int | None:
        """The node behind a letter. Raises StopIteration where it is not offered."""
        return next(one.behind for one in self.alternatives if one.letter == letter)


@dataclass(frozen=True, slots=True)
class Segment:
    """Node 0 is the start; nodes are numbered breadth first, so equal segments compare equal."""

    nodes: tuple[Node, ...]


def segment(position: Position) -> Segment:
    """The segment from a position at which the model writes."""
    guard, left = position.guard, position.left
    place = (position.state, left.steps, left.calls)
    number: dict[tuple[int, int, int], int] = {place: 0}
    tokens = {place: left.tokens}
    nodes: list[Node] = []
    queue = [place]
    for here in queue:
        state, steps, calls = here
        left = Budget(tokens[here], steps, calls)
        costs, moves = guard.deciding(state, left).costs, guard.arena.moves[state]
        alternatives: list[Alternative] = []
        for choice in _choices(guard.offered(state, left)):
            target, after = _behind(guard, state, left, choice)
            cost = max(costs.tokens(moves[letter], after.steps, after.calls) for letter in choice)
            if target is not None:
                place = (target, after.steps, after.calls)
                if place not in number and len(number) < limits.SEGMENT_NODES and _continues(guard, target, after):
                    number[place] = len(number)
                    queue.append(place)
                tokens[place] = max(tokens.get(place, 0), after.tokens)
            behind = None if target is None else number.get(place)
            alternatives += (Alternative(letter, behind, int(cost)) for letter in choice)
        nodes.append(Node(tuple(alternatives), guard.may_end(state), state in guard.arena.accepting))
    return Segment(tuple(nodes))


def _choices(offered: tuple[Letter, ...]) -> list[list[Letter]]:
    """The letters offered, those that one text may be together."""
    found: dict[Letter, list[Letter]] = {}
    for letter in offered:
        found.setdefault(letter.choice, []).append(letter)
    return list(found.values())


def _behind(guard: Guard, state: int, left: Budget, choice: list[Letter]) -> tuple[int | None, Budget]:
    """The one position behind a choice at its least cost; None where what is open decides which it is."""
    weights = guard.costs.weights
    found = {(guard.arena.moves[state][letter], left.after(letter, weights[letter])) for letter in choice}
    target, after = next(iter(found))
    whole = len(found) == 1 and len(guard.turns_out(state, choice)) == len(choice)
    return (target if whole and choice[0].step not in guard.fallible else None), after


def _continues(guard: Guard, state: int, left: Budget) -> bool:
    """Whether the model writes on at ``state``: nothing it may write there may fail, or is first proposed by code."""
    if guard.owner(state) != Owner.MODEL:
        return False
    offered = guard.offered(state, left)
    apart = any(letter.step in guard.fallible or letter.step in guard.proposed for letter in offered)
    return bool(offered) and not apart and len(guard.turns_out(state, offered)) == len(offered)
