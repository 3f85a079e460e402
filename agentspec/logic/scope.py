"""The five scopes of Dwyer, Avrunin & Corbett, "Patterns in Property Specifications for Finite-State Verification"
(ICSE 1999): stretches of a word over which a pattern is to hold.

A segment begins where its scope opens, that position included, and ends before the position that closes it. Where
``q`` opens a segment, a further ``q`` inside it opens none. The formulas are so built that each operator stays within
the segment, which makes them right on finite words and on infinite ones; the formulas of the paper are for infinite
words, and where their ``q`` may come twice they start anew at each.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.logic.formula import (
    Always,
    And,
    Eventually,
    Formula,
    Implies,
    Last,
    Next,
    Not,
    Or,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
)


def both(*operands: Formula) -> Formula:
    """The conjunction, flat."""
    return And(tuple([part for one in operands for part in _conjuncts(one)]))


def either(*operands: Formula) -> Formula:
    """The disjunction, flat."""
    return Or(tuple([part for one in operands for part in (one.operands if isinstance(one, Or) else (one,))]))


def negated(formula: Formula) -> Formula:
    """The negation, without a double one."""
    return formula.operand if isinstance(formula, Not) else Not(formula)


@dataclass(frozen=True)
class Segment:
    """The operators, kept within a segment that ends before the first ``end``, or with the word.

    Each method gives a formula for a position of the segment; all but ``next`` and ``weak_next`` may also be asked at
    the position of an ``end`` that leaves the segment empty.
    """

    end: Formula | None = None

    def first(self, a: Formula) -> Formula:
        """``a`` holds at the first position, if there is one."""
        return a if self.end is None else either(self.end, a)

    def last(self, a: Formula) -> Formula:
        """``a`` holds at the last position, if there is one."""
        return self.always(Implies(Last() if self.end is None else WeakNext(self.end), a))

    def next(self, a: Formula) -> Formula:
        """There is a next position and ``a`` holds at it."""
        return Next(self._inside(a))

    def weak_next(self, a: Formula) -> Formula:
        """``a`` holds at the next position, if there is one."""
        return WeakNext(a if self.end is None else either(self.end, a))

    def always(self, a: Formula) -> Formula:
        """``a`` holds from here on."""
        return Always(a) if self.end is None else WeakUntil(a, self.end)

    def never(self, a: Formula) -> Formula:
        """``a`` holds nowhere from here on."""
        return self.always(negated(a))

    def eventually(self, a: Formula) -> Formula:
        """``a`` holds here or later."""
        return Eventually(a) if self.end is None else Until(negated(self.end), self._inside(a))

    def until(self, a: Formula, b: Formula) -> Formula:
        """``b`` holds here or later, and ``a`` at every position before that."""
        if self.end is None:
            return Until(a, b)
        return Until(self._inside(a), self._inside(b))

    def weak_until(self, a: Formula, b: Formula) -> Formula:
        """``a`` holds until ``b`` does, or from here on."""
        return WeakUntil(a, b if self.end is None else either(self.end, b))

    def _inside(self, a: Formula) -> Formula:
        """``a`` holds, and here is a position of the segment; which an ``until`` of ours says by itself."""
        if self.end is None:
            return a
        inside = negated(self.end)
        if isinstance(a, Until) and all(inside in _conjuncts(side) for side in a.children()):
            return a
        return a if inside in _conjuncts(a) else both(a, inside)


def _conjuncts(formula: Formula) -> tuple[Formula, ...]:
    return formula.operands if isinstance(formula, And) else (formula,)


@dataclass(frozen=True)
class Scope:
    """Where segments begin and end: the whole word without ``opens`` and ``closes``.

    ``before r`` has only ``closes``, ``after q`` only ``opens``. With both, a segment that is never closed counts if
    ``lasts`` (``after q until r``) and does not otherwise (``between q and r``); nor does ``before r`` without an r.
    """

    opens: Formula | None = None
    closes: Formula | None = None
    lasts: bool = False

    def segment(self) -> Segment:
        """The operators for what is to hold on each segment."""
        return Segment(self.closes)

    def applied(self, body: Formula, *, everywhere: bool) -> Formula:
        """``body``, built with ``segment``, holds at the start of each segment.

        ``everywhere``: a segment that satisfies the body does so from each of its positions on, so that the body may
        as well be asked at each ``q``; else it is asked where no ``q`` came since the last ``r``.
        """
        closed = () if self.closes is None or self.lasts else (Eventually(self.closes),)
        if self.opens is None:
            return Implies(*closed, body) if closed else body
        if self.closes is None:
            asked = both(self.opens, body)
            return Always(Implies(self.opens, body)) if everywhere else WeakUntil(negated(self.opens), asked)
        opening = both(self.opens, negated(self.closes))
        if not everywhere:
            opening = both(opening, WeakYesterday(WeakSince(negated(self.opens), self.closes)))
        return Always(Implies(both(opening, *closed), body))

    def sentence(self, said: str, opens: str, closes: str) -> str:
        """What is said of a segment as a sentence about the word, given the texts of what opens and closes."""
        return f"{self._beginning(opens, closes)}{said}."

    def _beginning(self, q: str, r: str) -> str:
        match self.opens is not None, self.closes is not None:
            case False, False:
                return ""
            case False, True:
                return f"up to the first {r}, if it comes: "
            case True, False:
                return f"from the first {q} on: "
        return f"from each {q} until {r}, or to the end: " if self.lasts else f"from each {q} to the next {r}: "
