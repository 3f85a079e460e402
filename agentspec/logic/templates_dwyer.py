"""Specification patterns of Dwyer, Avrunin & Corbett (ICSE 1999) that are not templates of DECLARE as well.

Their absence, existence, precedence and response are those of ``templates_declare``, in any of the five scopes. In the
chains the parameters come in the order in which they happen. As there, the last of a chain may happen where the one
before the chain's answer does; what is called *later* is at another position.
"""

from __future__ import annotations

from typing import Any, Final

from agentspec.logic.formula import Formula, Implies
from agentspec.logic.pattern import Parameter, Template, formulas, word
from agentspec.logic.scope import Segment, both, negated

_SOURCE: Final = "Dwyer, Avrunin & Corbett (ICSE 1999)"
_ABC: Final = formulas("a b c")


def _dwyer(
    name: str, parameters: tuple[Parameter, ...], body: Any, says: Any, words: tuple[str, str], **more: Any
) -> Template:
    yes, no = words
    return Template(name, "Dwyer", parameters, body, says, word(yes), word(no), _SOURCE, **more)


def _bounded_existence(s: Segment, n: int, a: Formula) -> Formula:
    found = s.never(a)
    for _ in range(n):
        found = s.weak_until(negated(a), s.weak_until(a, found))
    return found


def _precedence_chain_2_1(s: Segment, a: Formula, b: Formula, c: Formula) -> Formula:
    prepared = s.next(s.weak_until(negated(c), b))
    return s.weak_until(negated(c), both(a, negated(c), prepared))


def _precedence_chain_1_2(s: Segment, a: Formula, b: Formula, c: Formula) -> Formula:
    return Implies(s.eventually(both(b, s.next(s.eventually(c)))), s.weak_until(negated(b), a))


def _response_chain_2_1(s: Segment, a: Formula, b: Formula, c: Formula) -> Formula:
    return s.always(Implies(a, s.weak_next(s.always(Implies(b, s.eventually(c))))))


def _response_chain_1_2(s: Segment, a: Formula, b: Formula, c: Formula) -> Formula:
    return s.always(Implies(a, s.eventually(both(b, s.next(s.eventually(c))))))


def _constrained_chain(s: Segment, a: Formula, b: Formula, c: Formula, d: Formula) -> Formula:
    undisturbed = s.next(s.until(negated(d), c))
    return s.always(Implies(a, s.eventually(both(b, negated(d), undisturbed))))


DWYER: Final = (
    _dwyer(
        "universality",
        formulas("a"),
        lambda s, a: s.always(a),
        lambda a: f"{a} holds at every position",
        ("a a", "a -"),
        everywhere=True,
    ),
    _dwyer(
        "bounded_existence",
        (Parameter("n", "count", 1, 2), *formulas("a")),
        _bounded_existence,
        lambda n, a: f"{a} comes in at most {'one stretch' if n == 1 else f'{n} stretches'} of positions in a row",
        ("a a - a", "a - a - a"),
        everywhere=True,
    ),
    _dwyer(
        "precedence_chain_2_1",
        _ABC,
        _precedence_chain_2_1,
        lambda a, b, c: f"no {c} before {a} and later {b} have happened",
        ("a b c", "b a c"),
    ),
    _dwyer(
        "precedence_chain_1_2",
        _ABC,
        _precedence_chain_1_2,
        lambda a, b, c: f"no {b} that {c} follows later comes before the first {a}",
        ("a b c", "b a c"),
    ),
    _dwyer(
        "response_chain_2_1",
        _ABC,
        _response_chain_2_1,
        lambda a, b, c: f"each {b} that comes later than {a} is followed by {c}, at once or later",
        ("a b c", "a c b"),
        everywhere=True,
    ),
    _dwyer(
        "response_chain_1_2",
        _ABC,
        _response_chain_1_2,
        lambda a, b, c: f"each {a} is followed by {b}, at once or later, and {c} later than that",
        ("a b c", "a c b"),
        everywhere=True,
    ),
    _dwyer(
        "constrained_chain",
        formulas("a b c d"),
        _constrained_chain,
        lambda a, b, c, d: (
            f"each {a} is followed by {b}, at once or later, and {c} later than that, with no {d} from {b} until {c}"
        ),
        ("d a b - c", "a b d c"),
        everywhere=True,
    ),
)
"""Of them ``response_chain_2_1`` wants an answer to each ``a`` and later ``b``; the paper's formula wants one only."""
