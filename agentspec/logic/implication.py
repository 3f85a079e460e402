"""What formulas in negation normal form imply by their outermost operators, found without looking deeper.

``follow`` and ``suffice`` are dual. What follows from a formula other than itself stands inside of it, and so does what
suffices for it; but apart from conjunctions and disjunctions only releases (and ``H``) have the former, only untils and
sinces the latter.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    And,
    Atom,
    Constant,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Since,
    Until,
    WeakNext,
    WeakSince,
    WeakYesterday,
    Yesterday,
)

AT_END = WeakNext(FALSE)
"""``last`` in negation normal form."""

NOT_AT_END = Next(TRUE)
"""``!last`` in negation normal form."""

AT_START = WeakYesterday(FALSE)
"""At the first position."""

NOT_AT_START = Yesterday(TRUE)
"""At a later position."""

_ENDS = {AT_END: NOT_AT_END, NOT_AT_END: AT_END, AT_START: NOT_AT_START, NOT_AT_START: AT_START}


def needed_before(a: Formula, b: Formula) -> Formula:
    """What is left to ask of ``a`` where ``b`` does not hold; ``a`` itself if all of it."""
    if isinstance(a, Constant):
        return a
    if not isinstance(a, Or):
        return _without(a, And, frozenset(suffice(b)), negated=True)
    return _without(a, Or, frozenset(suffice(b)), negated=False)


def needed_beside(a: Formula, b: Formula) -> Formula:
    """What is left to ask of ``a`` where ``b`` holds; ``a`` itself if all of it."""
    if isinstance(a, Constant):
        return a
    if not isinstance(a, And):
        return _without(a, Or, frozenset(follow(b)), negated=True)
    return _without(a, And, frozenset(follow(b)), negated=False)


def _without(a: Formula, join: type[And | Or], known: frozenset[Formula], *, negated: bool) -> Formula:
    """``a``, a join or one operand, without the operands that are known, or without those whose negations are."""
    parts = a.children() if isinstance(a, join) else (a,)
    left = tuple([part for part in parts if (negation(part) if negated else part) not in known])
    if len(left) == len(parts):
        return a
    if len(left) > 1:
        return join(left)
    return left[0] if left else neutral(join)


def implies(a: Formula, b: Formula) -> bool:
    """Whether ``a`` implies ``b`` by their outermost operators alone."""
    if a in (b, FALSE) or b == TRUE:
        return True
    enough = frozenset(suffice(b))
    if any(part in enough for part in follow(a)):
        return True
    if isinstance(a, Or) and all(part in enough for part in a.operands):
        return True
    return isinstance(b, And) and frozenset(follow(a)).issuperset(b.operands)


def follow(formula: Formula) -> Iterator[Formula]:
    """The formula, and what it implies by its outermost operators."""
    for part in (formula, *formula.children()) if isinstance(formula, And) else (formula,):
        yield part
        if isinstance(part, Release):
            yield from (part.right, *_operands(part.right, And))
        elif isinstance(part, WeakSince) and part.right == FALSE:
            yield from (part.left, *_operands(part.left, And))


def suffice(formula: Formula) -> Iterator[Formula]:
    """The formula, and what implies it by its outermost operators."""
    for part in (formula, *formula.children()) if isinstance(formula, Or) else (formula,):
        yield part
        if isinstance(part, Until | Since | WeakSince) and part.right != FALSE:
            yield from (part.right, *_operands(part.right, Or))


def _operands(formula: Formula, join: type[And | Or]) -> tuple[Formula, ...]:
    return formula.children() if isinstance(formula, join) else ()


def neutral(join: type[And | Or]) -> Formula:
    """What adds nothing to a conjunction, or to a disjunction."""
    return TRUE if join is And else FALSE


def negation(formula: Formula) -> Formula | None:
    """The negation of a literal, or of what is said of the ends of the word; None for other formulas."""
    match formula:
        case Atom():
            return Not(formula)
        case Not(a):
            return a
        case Next() | WeakNext() | Yesterday() | WeakYesterday():
            return _ENDS.get(formula)
    return None
