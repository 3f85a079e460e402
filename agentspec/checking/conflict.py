"""Which rules contradict each other: a minimal set that no episode of the behavior satisfies."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentspec.spec.model import Rule


def minimal_conflict(rules: Sequence[Rule], satisfiable: Callable[[Sequence[Rule]], bool]) -> tuple[Rule, ...]:
    """The rules of a contradictory set that stay when each is left out that is not needed for the contradiction.

    Deletion-based (Chinneck & Dravnieks, ORSA J. Computing 3(2), 1991): none of the result can be left out. Empty where
    the behavior alone has no episode.
    """
    kept = list(rules)
    for rule in rules:
        without = [one for one in kept if one is not rule]
        if not satisfiable(without):
            kept = without
    return tuple(kept)
