"""The templates of DECLARE: Pesic & van der Aalst, "A Declarative Approach for Flexible Business Processes Management"
(BPM Workshops 2006); with the choice and negated forms as in Di Ciccio & Montali, "Declarative Process Specifications"
(Process Mining Handbook, 2022).

DECLARE's activities exclude each other. Propositions need not, so that ``a`` and ``b`` may hold at one position:
``response`` and ``precedence`` are content with that, as their usual formulas are; ``alternate`` and ``chain`` forms
ask for another position.
"""

from __future__ import annotations

from typing import Any, Final

from agentspec.logic.formula import Formula, Iff, Implies, Xor
from agentspec.logic.pattern import Parameter, Template, formulas, times, word
from agentspec.logic.scope import Segment, both, either, negated

_SOURCE: Final = "DECLARE (Pesic & van der Aalst 2006)"
_A: Final = formulas("a")
_AB: Final = formulas("a b")


def _declare(
    name: str, parameters: tuple[Parameter, ...], body: Any, says: Any, words: tuple[str, str], **more: Any
) -> Template:
    yes, no = words
    return Template(name, "DECLARE", parameters, body, says, word(yes), word(no), more.pop("source", _SOURCE), **more)


def at_least(segment: Segment, n: int, a: Formula) -> Formula:
    """``a`` at ``n`` positions or more: F(a & X F(a & ...))."""
    found = segment.eventually(a)
    for _ in range(n - 1):
        found = segment.eventually(both(a, segment.next(found)))
    return found


def at_most(segment: Segment, n: int, a: Formula) -> Formula:
    """``a`` at ``n`` positions or fewer: G(a -> N G(a -> ...))."""
    found = segment.never(a)
    for _ in range(n):
        found = segment.always(Implies(a, segment.weak_next(found)))
    return found


def _exactly(s: Segment, n: int, a: Formula) -> Formula:
    return both(at_least(s, n, a), at_most(s, n, a)) if n else s.never(a)


def response(s: Segment, a: Formula, b: Formula) -> Formula:
    return s.always(Implies(a, s.eventually(b)))


def precedence(s: Segment, a: Formula, b: Formula) -> Formula:
    return s.weak_until(negated(b), a)


def _alternate_response(s: Segment, a: Formula, b: Formula) -> Formula:
    return s.always(Implies(a, s.next(s.until(negated(a), b))))


def _alternate_precedence(s: Segment, a: Formula, b: Formula) -> Formula:
    before = precedence(s, a, b)
    return both(before, s.always(Implies(b, s.weak_next(before))))


def _chain_response(s: Segment, a: Formula, b: Formula) -> Formula:
    return s.always(Implies(a, s.next(b)))


def _chain_precedence(s: Segment, a: Formula, b: Formula) -> Formula:
    return both(s.first(negated(b)), s.always(Implies(s.next(b), a)))


def _at_most_says(n: int, a: str) -> str:
    return f"{a} happens at most {times(n)}" if n else f"{a} never happens"


def _counted(minimum: int, default: int | None = None) -> tuple[Parameter, ...]:
    return (Parameter("n", "count", minimum, default), *_A)


DECLARE: Final = (
    _declare(
        "existence",
        _counted(1, 1),
        at_least,
        lambda n, a: f"{a} happens at least {times(n)}",
        ("- a", "-"),
    ),
    _declare(
        "absence",
        _counted(1, 1),
        lambda s, n, a: at_most(s, n - 1, a),
        lambda n, a: _at_most_says(n - 1, a),
        ("- -", "- a"),
        everywhere=True,
    ),
    _declare(
        "at_least",
        _counted(1),
        at_least,
        lambda n, a: f"{a} happens at least {times(n)}",
        ("a - a", "a -"),
    ),
    _declare("at_most", _counted(0), at_most, _at_most_says, ("a - a", "a a - a"), everywhere=True),
    _declare(
        "exactly",
        _counted(0),
        _exactly,
        lambda n, a: f"{a} happens exactly {times(n)}" if n else f"{a} never happens",
        ("a - a", "a"),
    ),
    _declare("init", _A, lambda s, a: s.first(a), lambda a: f"{a} holds at the first position", ("a -", "- a")),
    _declare(
        "last",
        _A,
        lambda s, a: s.last(a),
        lambda a: f"{a} holds at the last position",
        ("- a", "a -"),
        everywhere=True,
        infinite=False,
    ),
    _declare(
        "choice",
        _AB,
        lambda s, a, b: either(s.eventually(a), s.eventually(b)),
        lambda a, b: f"at least one of {a} and {b} happens",
        ("- b", "-"),
    ),
    _declare(
        "exclusive_choice",
        _AB,
        lambda s, a, b: Xor(s.eventually(a), s.eventually(b)),
        lambda a, b: f"one of {a} and {b} happens, and the other one never",
        ("- b", "a b"),
    ),
    _declare(
        "responded_existence",
        _AB,
        lambda s, a, b: Implies(s.eventually(a), s.eventually(b)),
        lambda a, b: f"if {a} happens, so does {b}, before or after it",
        ("b a", "a -"),
    ),
    _declare(
        "co_existence",
        _AB,
        lambda s, a, b: Iff(s.eventually(a), s.eventually(b)),
        lambda a, b: f"{a} and {b} both happen, or neither does",
        ("b a", "b"),
    ),
    _declare(
        "response",
        _AB,
        response,
        lambda a, b: f"each {a} is followed by {b}, at once or later",
        ("a - b", "b a"),
        everywhere=True,
    ),
    _declare(
        "precedence",
        _AB,
        precedence,
        lambda a, b: f"no {b} before the first {a}",
        ("a - b b", "b a"),
    ),
    _declare(
        "succession",
        _AB,
        lambda s, a, b: both(response(s, a, b), precedence(s, a, b)),
        lambda a, b: f"each {a} is followed by {b}, at once or later, and no {b} comes before the first {a}",
        ("a a b", "b a b"),
    ),
    _declare(
        "alternate_response",
        _AB,
        _alternate_response,
        lambda a, b: f"after each {a} comes {b}, and no other {a} before that",
        ("a b b a b", "a a b"),
        everywhere=True,
    ),
    _declare(
        "alternate_precedence",
        _AB,
        _alternate_precedence,
        lambda a, b: f"before each {b} comes {a}, and no other {b} in between",
        ("a a b a b", "a b b"),
    ),
    _declare(
        "alternate_succession",
        _AB,
        lambda s, a, b: both(_alternate_response(s, a, b), _alternate_precedence(s, a, b)),
        lambda a, b: f"{a} and {b} take turns, {a} first and {b} last",
        ("a b a b", "a a b"),
    ),
    _declare(
        "chain_response",
        _AB,
        _chain_response,
        lambda a, b: f"right after each {a} comes {b}",
        ("a b b", "a - b"),
        everywhere=True,
    ),
    _declare(
        "chain_precedence",
        _AB,
        _chain_precedence,
        lambda a, b: f"right before each {b} comes {a}",
        ("a b a", "a - b"),
    ),
    _declare(
        "chain_succession",
        _AB,
        lambda s, a, b: both(_chain_response(s, a, b), _chain_precedence(s, a, b)),
        lambda a, b: f"right after each {a} comes {b}, and right before each {b} comes {a}",
        ("a b a b", "a b b"),
    ),
    _declare(
        "not_co_existence",
        _AB,
        lambda s, a, b: negated(both(s.eventually(a), s.eventually(b))),
        lambda a, b: f"{a} and {b} do not both happen",
        ("a a", "a b"),
    ),
    _declare(
        "not_succession",
        _AB,
        lambda s, a, b: s.always(Implies(a, s.never(b))),
        lambda a, b: f"no {b} happens with {a} or after it",
        ("b a", "a - b"),
        everywhere=True,
    ),
    _declare(
        "not_chain_succession",
        _AB,
        lambda s, a, b: s.always(Implies(a, s.weak_next(negated(b)))),
        lambda a, b: f"no {b} comes right after {a}",
        ("a - b", "a b"),
        everywhere=True,
    ),
)
"""DECLARE's templates. ``absence`` of ``n`` is fewer than ``n`` times, as there: of 1 (the default) never."""

ALIASES: Final = {
    "end": "last",
    "not_responded_existence": "not_co_existence",
    "not_response": "not_succession",
    "not_precedence": "not_succession",
    "not_chain_response": "not_chain_succession",
    "not_chain_precedence": "not_chain_succession",
}
"""Other names of templates; the negated forms named here say the same."""
