"""Negation normal form, and rewritings that cost time linear in the formula.

The dualities are those of De Giacomo & Vardi (IJCAI 2013): the strong next is dual to the weak next, until to release.
Every rewriting also holds over infinite words, where the two nexts mean the same; that is why ``X true`` and
``N false`` (not at the end, at the end) stay as they are, and ``F last`` is not replaced by ``true``.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
    Constant,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
    subformulas,
)

AT_END = WeakNext(FALSE)
"""``last`` in negation normal form."""

NOT_AT_END = Next(TRUE)
"""``!last`` in negation normal form."""


def to_nnf(formula: Formula) -> Formula:
    """The same language with only Constant, Atom, Not(Atom), And, Or, Next, WeakNext, Until and Release.

    ``F a`` becomes ``true U a``, ``G a`` becomes ``false R a``, ``last`` becomes ``N false``. Of the past stay
    Yesterday, WeakYesterday, Since and WeakSince: ``O a`` becomes ``true S a``, ``H a`` becomes ``a B false``.
    """
    forms: dict[Formula, tuple[Formula, Formula]] = {}
    for node in subformulas(formula):
        forms[node] = _both_forms(node, forms)
    return forms[formula][0]


def _both_forms(node: Formula, forms: dict[Formula, tuple[Formula, Formula]]) -> tuple[Formula, Formula]:
    """The normal form of ``node`` and of its negation, given both for its operands."""
    if isinstance(node, Constant):
        return (TRUE, FALSE) if node.value else (FALSE, TRUE)
    if isinstance(node, Atom):
        return node, Not(node)
    if isinstance(node, Last):
        return AT_END, NOT_AT_END
    pairs = [forms[child] for child in node.children()]
    if isinstance(node, And | Or):
        yes, no = tuple([pair[0] for pair in pairs]), tuple([pair[1] for pair in pairs])
        return (And(yes), Or(no)) if isinstance(node, And) else (Or(yes), And(no))
    a, not_a = pairs[0]
    match node:
        case Not():
            return not_a, a
        case Next():
            return Next(a), WeakNext(not_a)
        case WeakNext():
            return WeakNext(a), Next(not_a)
        case Eventually():
            return Until(TRUE, a), Release(FALSE, not_a)
        case Always():
            return Release(FALSE, a), Until(TRUE, not_a)
        case Yesterday():
            return Yesterday(a), WeakYesterday(not_a)
        case WeakYesterday():
            return WeakYesterday(a), Yesterday(not_a)
        case Once():
            return Since(TRUE, a), WeakSince(not_a, FALSE)
        case Historically():
            return WeakSince(a, FALSE), Since(TRUE, not_a)
    b, not_b = pairs[1]
    same, different = (a, b, not_a, not_b), (a, not_b, not_a, b)
    match node:
        case Implies():
            return Or((not_a, b)), And((a, not_b))
        case Iff():
            return _either(*same), _either(*different)
        case Xor():
            return _either(*different), _either(*same)
        case Until():
            return Until(a, b), Release(not_a, not_b)
        case Release():
            return Release(a, b), Until(not_a, not_b)
        case WeakUntil():
            return Release(b, Or((a, b))), Until(not_b, And((not_a, not_b)))
        case StrongRelease():
            return Until(b, And((a, b))), Release(not_b, Or((not_a, not_b)))
        case Since():
            return Since(a, b), WeakSince(not_b, And((not_a, not_b)))
        case WeakSince():
            return WeakSince(a, b), Since(not_b, And((not_a, not_b)))
    raise TypeError(f"not a formula: {node!r}")


def _either(a: Formula, b: Formula, c: Formula, d: Formula) -> Formula:
    return Or((And((a, b)), And((c, d))))


def simplify(formula: Formula) -> Formula:
    """A formula in negation normal form with the same language, often smaller.

    Removes constants, repeated operands, an operand beside its negation (for literals and ``last``), what absorption
    makes needless, and nested untils and releases that say the same twice. Simplifying again changes nothing.
    """
    normal = to_nnf(formula)
    simple: dict[Formula, Formula] = {}
    for node in subformulas(normal):
        simple[node] = _rebuild(node, [simple[child] for child in node.children()])
    return simple[normal]


def _rebuild(node: Formula, operands: list[Formula]) -> Formula:
    match node:
        case And():
            return conjunction(operands)
        case Or():
            return disjunction(operands)
        case Next():
            return FALSE if operands[0] == FALSE else Next(operands[0])
        case WeakNext():
            return TRUE if operands[0] == TRUE else WeakNext(operands[0])
        case Until():
            return _until(*operands)
        case Release():
            return _release(*operands)
        case Yesterday():
            return FALSE if operands[0] == FALSE else Yesterday(operands[0])
        case WeakYesterday():
            return TRUE if operands[0] == TRUE else WeakYesterday(operands[0])
        case Since():
            return _since(*operands)
        case WeakSince():
            return _weak_since(*operands)
    return node


def _until(a: Formula, b: Formula) -> Formula:
    if isinstance(b, Constant) or a in (FALSE, b):
        return b
    if isinstance(b, Until) and b.left in (a, TRUE):
        return b
    return Until(a, b)


def _release(a: Formula, b: Formula) -> Formula:
    if isinstance(b, Constant) or a in (TRUE, b):
        return b
    if isinstance(b, Release) and b.left in (a, FALSE):
        return b
    return Release(a, b)


def _since(a: Formula, b: Formula) -> Formula:
    if isinstance(b, Constant) or a in (FALSE, b):
        return b
    if isinstance(b, Since) and b.left in (a, TRUE):
        return b
    return Since(a, b)


def _weak_since(a: Formula, b: Formula) -> Formula:
    if b == TRUE or a in (FALSE, b):
        return b
    return TRUE if a == TRUE else WeakSince(a, b)


def conjunction(operands: Iterable[Formula]) -> Formula:
    """The conjunction of formulas in negation normal form, flat, without repeats and without needless operands."""
    return _combine(And, Or, operands)


def disjunction(operands: Iterable[Formula]) -> Formula:
    """The disjunction of formulas in negation normal form, flat, without repeats and without needless operands."""
    return _combine(Or, And, operands)


def _combine(joined: type[And] | type[Or], dual: type[And] | type[Or], operands: Iterable[Formula]) -> Formula:
    """``joined`` is And or Or, ``dual`` the other one."""
    neutral, absorbing = (TRUE, FALSE) if joined is And else (FALSE, TRUE)
    kept: dict[Formula, None] = {}
    todo = list(operands)[::-1]
    while todo:
        operand = todo.pop()
        if isinstance(operand, joined):
            todo.extend(reversed(operand.operands))
        else:
            kept[operand] = None
    kept.pop(neutral, None)
    if absorbing in kept or any(_excluded_by(operand) in kept for operand in kept):
        return absorbing
    flat = tuple(
        [
            operand
            for operand in kept
            if not (isinstance(operand, dual) and any(part in kept for part in operand.operands))
        ]
    )
    if len(flat) > 1:
        return joined(flat)
    return flat[0] if flat else neutral


def _excluded_by(formula: Formula) -> Formula | None:
    """What contradicts an atom or ``last``; None for other formulas, the contradicting ones included."""
    if isinstance(formula, Atom):
        return Not(formula)
    return NOT_AT_END if formula == AT_END else None
