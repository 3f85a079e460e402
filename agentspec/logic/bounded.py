"""Bounded operators and counts, written out in the plain operators.

A count over the past grows by one step of history at a time, as the bounded past of Havelund & Rosu, "Synthesizing
Monitors for Safety Properties" (TACAS 2002), does: at least k means that the latest occurrence counted has at least
k - 1 before it. Parts that occur more than once are one object, so the work is linear in the bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Eventually,
    Formula,
    Historically,
    Next,
    Not,
    Once,
    Or,
    Since,
    WeakNext,
    WeakYesterday,
    Yesterday,
)

STEPS: Final[dict[type[Formula], tuple[type[Next | WeakNext | Yesterday | WeakYesterday], type[And | Or]]]] = {
    Next: (Next, Or),
    Eventually: (Next, Or),
    Always: (WeakNext, And),
    Yesterday: (Yesterday, Or),
    Once: (Yesterday, Or),
    Historically: (WeakYesterday, And),
}
"""The operators that take bounds: the step by which each moves, and what joins the positions passed."""

COMPARISONS: Final = (">=", ">", "<=", "<", "==")
"""How a count may be compared."""

Share = Callable[[Formula], Formula]


def _as_it_is(formula: Formula) -> Formula:
    return formula


def within(
    operator: type[Formula], operand: Formula, low: int, high: int | None, *, share: Share = _as_it_is
) -> Formula:
    """``F[low:high]``, ``G``, ``O``, ``H`` of the operand; ``X[n]`` and ``Y[n]`` with both bounds n.

    No ``high`` means no upper bound: the operator itself, ``low`` steps away. ``operator`` is a key of ``STEPS``.
    ``share`` may return an equal formula made before.
    """
    step, join = STEPS[operator]
    if high is None:
        result = share(operator(operand))  # type: ignore[call-arg]  # the keys of STEPS take one
    else:
        result = operand
        for _ in range(high - low):
            result = share(join((operand, share(step(result)))))
    for _ in range(low):
        result = share(step(result))
    return result


def count_compared(
    counted: Formula, reset: Formula | None, comparison: str, number: int, *, share: Share = _as_it_is
) -> Formula:
    """``count(counted since reset) >= number`` and the like; ``comparison`` is one of ``COMPARISONS``.

    What is counted are the positions up to and including this one at which ``counted`` holds, with ``reset`` those
    after the latest position at which it held; a position at which both hold is not counted.
    """
    if comparison == "==" and number > 0:
        return share(And((_at_least(number, counted, reset, share), _below(number + 1, counted, reset, share))))
    if comparison in (">=", ">"):
        return _at_least(number + (comparison == ">"), counted, reset, share)
    return _below(number + (comparison != "<"), counted, reset, share)


def _below(number: int, counted: Formula, reset: Formula | None, share: Share) -> Formula:
    return share(Not(_at_least(number, counted, reset, share))) if number > 0 else FALSE


def _at_least(number: int, counted: Formula, reset: Formula | None, share: Share) -> Formula:
    kept = None if reset is None else share(Not(reset))
    result: Formula = TRUE
    for index in range(number):
        parts = [counted, *([] if kept is None else [kept]), *([share(Yesterday(result))] if index else [])]
        here = share(And(tuple(parts))) if len(parts) > 1 else counted
        result = share(Once(here) if kept is None else Since(kept, here))
    return result


def nodes_added(operand: Formula, low: int, high: int | None) -> int:
    """How many nodes ``within`` adds to the operand, or nearly."""
    return (0 if high is None else (high - low) * (operand.size + 2)) + low


def nodes_of_count(counted: Formula, reset: Formula | None, number: int) -> int:
    """How many nodes the comparison of a count with ``number`` may have."""
    return 2 * (number + 1) * (counted.size + (0 if reset is None else 2 * reset.size) + 6)
