"""How many edits a prompt example is at least away from being the guard's: the estimate of the search for repairs."""

from __future__ import annotations

from heapq import heappop, heappush

from agentspec import limits
from agentspec.automata.letter import Letter
from agentspec.checking.compile import step_of
from agentspec.episode.examples_read import Line
from agentspec.episode.examples_walk import Ground, Node


class Left:
    """At least so many edits are left from a line and a place on.

    Those it takes where no text depends on others; and where limits bind, one for each step or call too many.
    """

    def __init__(self, ground: Ground, lines: list[Line], limited: bool) -> None:
        edges = ground.edges
        self._most = ground.most if limited and ground.limited and not ground.endless else None
        self._lines, self._calls = len(lines), _calls(ground, lines)
        self._least: list[dict[int, int]] = []
        if len(edges) * len(lines) > limits.REPAIR_PLACES:
            return
        before: dict[int, list[int]] = {}
        for state, moves in edges.items():
            for target in moves.values():
                before.setdefault(target, []).append(state)
        start, accepting = ground.start(), ground.arena.accepting
        layer = _relaxed({state: 0 for state in edges if state in accepting}, before)
        self._least = [layer]
        for line in reversed(lines):
            fits = {
                a: _may_be(ground, start, a, line) for a in dict.fromkeys(a for moves in edges.values() for a in moves)
            }
            found = {state: cost + 1 for state, cost in layer.items()}
            for state, moves in edges.items():
                for letter, target in moves.items():
                    if fits[letter] is not None and target in layer:
                        cost = layer[target] + (not fits[letter])
                        found[state] = min(found.get(state, cost), cost)
            layer = _relaxed(found, before)
            self._least.append(layer)
        self._least.reverse()

    def __call__(self, at: int, state: int, steps: int, calls: int) -> int:
        least = self._least[at].get(state, 0) if self._least else 0
        if self._most is None:
            return least
        return max(least, steps + self._lines - at - self._most.steps, calls + self._calls[at] - self._most.calls)


def _calls(ground: Ground, lines: list[Line]) -> list[int]:
    """How many of the lines from each one on are calls, if they are kept."""
    letters = {letter for moves in ground.edges.values() for letter in moves}
    calling = {name: all(letter.completes_call for letter in letters if letter.step == name) for name in ground.steps}
    found = [0]
    for line in reversed(lines):
        steps = ground.steps.items()
        may_be = [name for name, step in steps if step.cue == line.meant or line.content_at(step) is not None]
        found.append(found[-1] + (bool(may_be) and all(map(calling.__getitem__, may_be))))
    return found[::-1]


def _may_be(ground: Ground, start: Node, letter: Letter, line: Line) -> bool | None:
    """Whether a line may be the letter as it stands, or changed; None where it is another step."""
    step = step_of(ground.steps, letter)
    if line.fault:
        return False if step.cue == line.meant else None
    content = line.content_at(step)
    if content is None:
        return None
    return ground.compiled.alphabet.bound(letter) is not None or ground.texts.is_text(letter, start.quotes, content)


def _relaxed(costs: dict[int, int], before: dict[int, list[int]]) -> dict[int, int]:
    """The costs where a step put in costs one."""
    found = dict(costs)
    queue = [(cost, state) for state, cost in costs.items()]
    queue.sort()
    while queue:
        cost, state = heappop(queue)
        if cost > found[state]:
            continue
        for other in before.get(state, ()):
            if cost + 1 < found.get(other, cost + 2):
                found[other] = cost + 1
                heappush(queue, (cost + 1, other))
    return found
