"""Behavior expressions to minimal DFAs, by Brzozowski derivatives (1964). Exact, never greedy."""

from __future__ import annotations

from agentspec.automata.dfa import Dfa, minimal
from agentspec.automata.letter import Letter
from agentspec.errors import TooLarge
from agentspec.logic.behavior import Behavior, derivative, first_steps, nullable

STATE_LIMIT = 20_000


def behavior_dfa(behavior: Behavior, steps: tuple[str, ...]) -> Dfa:
    """The minimal DFA over one letter per step (the step true, the others false).

    Raises TooLarge past ``STATE_LIMIT`` states.
    """
    letters = {step: Letter(frozenset({step}), frozenset(steps) - {step}) for step in steps}
    number = {behavior: 0}
    edges: list[tuple[tuple[Letter, int], ...]] = []
    for current in (queue := [behavior]):
        outgoing = []
        for step in sorted(first_steps(current)):
            after = derivative(current, step)
            if after not in number:
                if len(number) >= STATE_LIMIT:
                    raise TooLarge(f"the behavior needs more than {STATE_LIMIT} states; use smaller repeats")
                number[after] = len(number)
                queue.append(after)
            outgoing.append((letters[step], number[after]))
        edges.append(tuple(outgoing))
    accepting = frozenset(q for expression, q in number.items() if nullable(expression))
    return minimal(Dfa(steps, 0, accepting, tuple(edges)))[0]
