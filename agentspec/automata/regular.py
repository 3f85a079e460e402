"""Behavior expressions to minimal DFAs: partial derivatives (Antimirov 1996) put together by the subset construction.

Exact, never greedy: a state is the set of everything that may still follow.
"""

from __future__ import annotations

from itertools import combinations

from agentspec import limits
from agentspec.automata.dfa import Dfa, minimal
from agentspec.automata.letter import Letter
from agentspec.errors import TooLarge
from agentspec.logic.behavior import (
    Behavior,
    Interleave,
    Partials,
    alternatives,
    first_steps,
    nullable,
    partial_derivatives,
    show_behavior,
    steps_of,
)
from agentspec.logic.source import quoted
from agentspec.logic.tree import children_first

State = frozenset[int]


def behavior_dfa(behavior: Behavior, steps: tuple[str, ...]) -> Dfa:
    """The minimal DFA over one letter per step (the step true, the others false).

    Raises TooLarge past ``limits.BEHAVIOR_STATES`` or ``BEHAVIOR_WORK``; for interleaved parts without a step in common
    that is known before it is tried.
    """
    _require_small_products(behavior)
    letters = {step: Letter(frozenset({step}), frozenset(steps) - {step}) for step in steps}
    moves, ending = _explored(behavior)
    number = {state: i for i, state in enumerate(moves)}
    edges = [tuple((letters[step], number[target]) for step, target in out.items()) for out in moves.values()]
    accepting = frozenset(i for state, i in number.items() if state & ending)
    return minimal(Dfa(steps, 0, accepting, tuple(edges)))[0]


def _explored(behavior: Behavior) -> tuple[dict[State, dict[str, State]], frozenset[int]]:
    """The states reached, breadth first, with where their steps lead, and the numbers of what may end."""
    linear = _Linear()
    first = frozenset(map(linear.number_of, alternatives(behavior)))
    linear.expand()
    found: dict[State, dict[str, State]] = {first: {}}
    work = 0
    for state in (queue := [first]):
        targets: dict[str, set[int]] = {}
        for one in state:
            for step, after in linear.moves[one].items():
                targets.setdefault(step, set()).update(after)
                work += len(after)
        for step in sorted(targets):
            target = frozenset(targets[step])
            found[state][step] = target
            if target not in found:
                found[target] = {}
                queue.append(target)
        if len(found) > limits.BEHAVIOR_STATES:
            raise _too_large(f"needs more than {limits.BEHAVIOR_STATES} states")
        if work > limits.BEHAVIOR_WORK:
            raise _too_large("has too many alternatives that begin alike")
    return found, frozenset(linear.accepting)


class _Linear:
    """Expressions without a choice on top, numbered as they are met, and what each step makes of them."""

    def __init__(self) -> None:
        self.moves: list[dict[str, State]] = []
        self.accepting: set[int] = set()
        self._number: dict[Behavior, int] = {}
        self._queue: list[Behavior] = []
        self._known: dict[str, Partials] = {}

    def number_of(self, one: Behavior) -> int:
        if one not in self._number:
            self._number[one] = len(self._queue)
            self._queue.append(one)
            if nullable(one):
                self.accepting.add(self._number[one])
        return self._number[one]

    def expand(self) -> None:
        """Find the moves of all expressions numbered and of those they lead to."""
        for current in self._queue:
            out = {}
            for step in sorted(first_steps(current)):
                ways = partial_derivatives(current, step, self._known.setdefault(step, {}))
                out[step] = frozenset(map(self.number_of, ways))
            self.moves.append(out)
            if len(self._queue) > limits.BEHAVIOR_STATES:
                raise _too_large(f"needs more than {limits.BEHAVIOR_STATES} states")


def _require_small_products(behavior: Behavior) -> None:
    """Raises TooLarge where parts side by side share no step and have, multiplied, too many states."""
    for node in children_first(behavior, lambda node: node.children()):
        if not isinstance(node, Interleave):
            continue
        alphabets = [steps_of(part) for part in node.parts]
        if any(one & other for one, other in combinations(alphabets, 2)):
            continue
        sizes, product = [], 1
        for part in node.parts:
            sizes.append(len(_explored(part)[0]))
            product *= sizes[-1]
            if product > (most := limits.BEHAVIOR_STATES):
                shown = quoted(show_behavior(node))
                raise _too_large(
                    f"interleaves parts of {' x '.join(map(str, sizes))} states, more than {most}: {shown}"
                )


def _too_large(what: str) -> TooLarge:
    advice = "use smaller repeats, or let fewer parts run side by side and order the rest by rules"
    return TooLarge(f"the behavior {what}; {advice}")
