"""Agents whose product is too large to build and so to guard: what can be said of them all the same.

The decision is made lazily (`automata.joint`): rules that contradict each other, or that tools and users can break, are
named as such; where the rules could be kept, or that takes too long to find out, the blow-up is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentspec.automata.joint import LazyGame, satisfying_word
from agentspec.automata.monitor import Monitor
from agentspec.automata.product import Component
from agentspec.errors import InvalidInput, SpecError, TooLarge
from agentspec.spec.alphabet import Alphabet
from agentspec.spec.model import Spec


def refusal_beyond(
    problem: TooLarge,
    spec: Spec,
    letters: Alphabet,
    structure: Sequence[Component],
    monitors: Mapping[str, Monitor],
) -> InvalidInput:
    """Why an agent whose product is too large gets no guard."""
    assumed = [rule for rule in spec.rules if rule.assume]
    blocking = [rule for rule in spec.rules if rule.enforce == "block" and not rule.assume]
    rules = [(rule.id, monitors[rule.id]) for rule in (*assumed, *blocking)]
    where = {rule.id: rule.location for rule in (*assumed, *blocking)}
    size, kept = problem.message, ""
    try:
        found = satisfying_word(letters.letters, structure, rules)
        if found.word is None and found.core:
            named = ", ".join(found.core)
            message = f"contradictory: no episode of the behavior satisfies the rules {named}"
            return SpecError(message, location=where[found.core[-1]] or spec.behavior_location)
        if not assumed and not any(letter.open for letter in letters.letters):
            game = LazyGame(letters.letters, structure, rules)
            if not game.wins(game.initial):
                lost = "not realizable: tools and users can force a violation or a dead end"
                return SpecError(f"{lost} ({size}, so no play is shown)", location=spec.behavior_location)
            kept = "; the rules can be kept whatever tools do, but a guard needs all of these states"
    except TooLarge:
        pass  # what is said below holds all the same
    return TooLarge(f"{size}{kept}; {_advice(monitors)}", location=spec.behavior_location)


def _advice(monitors: Mapping[str, Monitor]) -> str:
    """Which rules have the largest automata, and what to try."""
    largest = sorted(((len(one.dfa.edges), name) for name, one in monitors.items()), key=lambda one: (-one[0], one[1]))
    named = ", ".join(f"{name} ({states})" for states, name in largest[:3])
    rules = f"rules with the most states of their own: {named}; " if named else ""
    return f"{rules}use smaller numbers in rules and behavior, or fewer rules that remember"
