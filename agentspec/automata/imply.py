"""Syntactic implication between formulas in negation normal form: sound, fast, far from complete.

Enough to keep nested untils and releases linear in translation: of ``b`` and ``a U b`` the second is implied.
The rules are those of eventuality and implication rewriting (Somenzi & Bloem 2000), in their directed form.
"""

from __future__ import annotations

from agentspec.logic.formula import FALSE, TRUE, And, Formula, Next, Or, Release, Until, WeakNext

DEPTH_LIMIT = 120
_KEPT = 200_000
_known: dict[tuple[Formula, Formula], bool] = {}


def implies(left: Formula, right: Formula) -> bool:
    """Whether ``left`` surely implies ``right`` at every position of every word; False where it cannot tell."""
    return _implies(left, right, DEPTH_LIMIT)


def _implies(a: Formula, b: Formula, depth: int) -> bool:
    if a in (b, FALSE) or b == TRUE:
        return True
    if depth == 0:
        return False
    known = _known.get((a, b))
    if known is None:
        known = _by_left(a, b, depth - 1) or _by_right(a, b, depth - 1) or _by_both(a, b, depth - 1)
        if len(_known) >= _KEPT:
            _known.clear()
        _known[a, b] = known
    return known


def _by_left(a: Formula, b: Formula, depth: int) -> bool:
    match a:
        case And(operands=operands):
            return any(_implies(operand, b, depth) for operand in operands)
        case Or(operands=operands):
            return all(_implies(operand, b, depth) for operand in operands)
        case Until(left=left, right=right):
            return _implies(right, b, depth) and _implies(left, b, depth)
        case Release(right=right):
            return _implies(right, b, depth)
    return False


def _by_right(a: Formula, b: Formula, depth: int) -> bool:
    match b:
        case And(operands=operands):
            return all(_implies(a, operand, depth) for operand in operands)
        case Or(operands=operands):
            return any(_implies(a, operand, depth) for operand in operands)
        case Until(right=right):
            return _implies(a, right, depth)
        case Release(left=left, right=right):
            return _implies(a, left, depth) and _implies(a, right, depth)
    return False


def _by_both(a: Formula, b: Formula, depth: int) -> bool:
    match a, b:
        case (Next(operand=x), Next(operand=y) | WeakNext(operand=y)) | (WeakNext(operand=x), WeakNext(operand=y)):
            return _implies(x, y, depth)
        case (Until(left=x, right=y), Until(left=u, right=v)) | (Release(left=x, right=y), Release(left=u, right=v)):
            return _implies(x, u, depth) and _implies(y, v, depth)
    return False
