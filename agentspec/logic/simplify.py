"""Negation normal form, and rewritings whose cost is nearly linear in the formula.

The dualities are those of De Giacomo & Vardi (IJCAI 2013): the strong next is dual to the weak next, until to release.
For most rewritings see Somenzi & Bloem, "Efficient Büchi Automata from LTL Formulae" (CAV 2000): what syntactically
implies something else beside or below it makes one of them needless. Each keeps the truth at every position of every
finite and infinite word. Over infinite words the two nexts mean the same; that is why ``X true`` and ``N false`` (not
at the end, at the end) stay as they are, and ``F last`` is not replaced by ``true``.
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
from agentspec.logic.implication import (
    AT_END,
    NOT_AT_END,
    follow,
    implies,
    needed_before,
    needed_beside,
    negation,
    neutral,
    suffice,
)


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
    """A formula in negation normal form with the same truth at every position of every word, often smaller.

    Removes constants, repeated operands, an operand beside its negation (for literals and ends), operands that others
    imply, and operators that add nothing to what they stand before. Simplifying again changes nothing.
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
        case Next() | WeakNext():
            # There the position before exists, so Z asks no less than Y; likewise below for the next one.
            (a,) = operands
            if isinstance(a, WeakYesterday):
                a = _step(Yesterday, a.operand)
            return _step(type(node), a)
        case Yesterday() | WeakYesterday():
            (a,) = operands
            if isinstance(a, WeakNext):
                a = _step(Next, a.operand)
            return _step(type(node), a)
        case Until():
            return _until(*operands)
        case Release():
            return _release(*operands)
        case Since():
            return _since(*operands)
        case WeakSince():
            return _weak_since(*operands)
    return node


def _step(step: type[Next | WeakNext | Yesterday | WeakYesterday], a: Formula) -> Formula:
    fixed = FALSE if issubclass(step, Next | Yesterday) else TRUE
    return fixed if a == fixed else step(a)


def _until(a: Formula, b: Formula) -> Formula:
    while True:
        while a == TRUE and isinstance(b, Until):
            b = b.right
        if isinstance(b, Constant) or _alike_everywhere(b) or implies(a, b):
            return b
        if isinstance(b, Until) and implies(a, b.left):
            return b
        if isinstance(a, Until) and a.right == b:
            return a
        shorter = needed_before(a, b)
        if shorter is a:
            return Until(a, b)
        a = shorter


def _release(a: Formula, b: Formula) -> Formula:
    while True:
        while a == FALSE and isinstance(b, Release):
            b = b.right
        if isinstance(b, Constant) or _alike_everywhere(b) or implies(b, a):
            return b
        if isinstance(b, Release) and implies(b.left, a):
            return b
        if isinstance(a, Release) and a.right == b:
            return a
        shorter = needed_beside(a, b)
        if shorter is a:
            return Release(a, b)
        a = shorter


def _since(a: Formula, b: Formula) -> Formula:
    while True:
        while a == TRUE and isinstance(b, Since):
            b = b.right
        if isinstance(b, Constant) or implies(a, b):
            return b
        if a == TRUE and any(isinstance(part, WeakYesterday) for part in suffice(b)):
            return TRUE
        if isinstance(b, Since | WeakSince) and implies(a, b.left):
            return b
        shorter = a.left if isinstance(a, Since | WeakSince) and a.right == b else needed_before(a, b)
        if shorter is a:
            return Since(a, b)
        a = shorter


def _weak_since(a: Formula, b: Formula) -> Formula:
    while True:
        while b == FALSE and isinstance(a, WeakSince):
            a = disjunction((a.left, a.right))
        if TRUE in (a, b):
            return TRUE
        if implies(a, b):
            return b
        if b == FALSE and any(isinstance(part, Yesterday) for part in follow(a)):
            return FALSE
        if isinstance(b, WeakSince) and implies(a, b.left):
            return b
        if isinstance(b, Since) and a == b.left:
            b = b.right
            continue
        if isinstance(a, Since | WeakSince) and a.right == b:
            return a
        shorter = needed_before(a, b)
        if shorter is a:
            return WeakSince(a, b)
        a = shorter


def _alike_everywhere(formula: Formula) -> bool:
    """Whether it is ``G F a`` or ``F G a``, which hold at all positions of a word or at none."""
    match formula:
        case Release(left, Until(outer, _)):
            return left == FALSE and outer == TRUE
        case Until(left, Release(outer, _)):
            return left == TRUE and outer == FALSE
    return False


def conjunction(operands: Iterable[Formula]) -> Formula:
    """The conjunction of formulas in negation normal form, flat, without repeats and without needless operands."""
    return _combine(And, operands)


def disjunction(operands: Iterable[Formula]) -> Formula:
    """The disjunction of formulas in negation normal form, flat, without repeats and without needless operands."""
    return _combine(Or, operands)


def _combine(join: type[And | Or], operands: Iterable[Formula]) -> Formula:
    """The operands joined, without those that others make needless.

    In a conjunction an operand is needless if others imply it, in a disjunction if it implies others. No two make each
    other needless: what suffices for a formula is smaller than it, what follows from a release is, and no formula is of
    both kinds.
    """
    absorbing = FALSE if join is And else TRUE
    kept: dict[Formula, None] = {}
    todo = list(operands)[::-1]
    while todo:
        operand = todo.pop()
        if isinstance(operand, join):
            todo.extend(reversed(operand.operands))
        else:
            kept[operand] = None
    kept.pop(neutral(join), None)
    outwards, inwards = (follow, suffice) if join is And else (suffice, follow)
    beyond = {part for operand in kept for part in outwards(operand) if part is not operand}
    if absorbing in kept or any(negation(part) in kept for part in (*kept, *beyond)):
        return absorbing
    left = tuple(
        [
            operand
            for operand in kept
            if operand not in beyond
            and not any(part is not operand and (part in kept or part in beyond) for part in inwards(operand))
        ]
    )
    if len(left) > 1:
        return join(left)
    return left[0] if left else neutral(join)
