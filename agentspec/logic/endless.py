"""Formulas read over infinite words: rewritings that are only right there, and what has to be guessed about the past.

``X`` and ``N`` are one operator and ``last`` is false. What holds at all positions or at none, such as ``G F a``, moves
out of the operators around it (Babiak, Křetínský, Řehák & Strejček, "LTL to Büchi Automata Translation: Fast and More
Deterministic", TACAS 2012, call such formulas alternating).
"""

from __future__ import annotations

from agentspec.logic.formula import (
    FALSE,
    PAST,
    TRUE,
    And,
    Atom,
    Formula,
    Next,
    Or,
    Release,
    Until,
    WeakNext,
    subformulas,
)
from agentspec.logic.simplify import conjunction, disjunction, simplify

_ROUNDS = 4


def endless(formula: Formula) -> Formula:
    """A formula in negation normal form, without ``N``, with the same truth at every position of infinite words.

    Besides literals, conjunctions and disjunctions it has X, U, R, and of the past Y, Z, S, B.
    """
    found = formula
    for _ in range(_ROUNDS):
        before = found
        made: dict[Formula, Formula] = {}
        steady: dict[Formula, bool] = {}
        normal = simplify(found)
        for node in subformulas(normal):
            made[node] = _made(node, [made[child] for child in node.children()], steady)
        found = made[normal]
        if found == before:
            break
    return found


def _made(node: Formula, operands: list[Formula], steady: dict[Formula, bool]) -> Formula:
    match node:
        case And():
            return conjunction(operands)
        case Or():
            return disjunction(operands)
        case Next() | WeakNext():
            (a,) = operands
            return a if a in (TRUE, FALSE) or _is_steady(a, steady) else Next(a)
        case Until():
            a, b = operands
            if b in (TRUE, FALSE):
                return b
            inner, outer = _parted(b, steady)
            if outer and inner is not None:
                join = conjunction if isinstance(b, And) else disjunction
                return join([Until(a, inner), *outer])
            return Until(a, b)
        case Release():
            a, b = operands
            if b in (TRUE, FALSE):
                return b
            if a == FALSE and isinstance(b, And):
                return conjunction([_made(node, [a, part], steady) for part in b.operands])
            inner, outer = _parted(b, steady)
            if outer and inner is not None:
                join = conjunction if isinstance(b, And) else disjunction
                return join([Release(a, inner), *outer])
            return Release(a, b)
    children = node.children()
    return node if all(a is b for a, b in zip(children, operands, strict=True)) else type(node)(*operands)


def _parted(b: Formula, steady: dict[Formula, bool]) -> tuple[Formula | None, list[Formula]]:
    """The operands of a conjunction or disjunction: those that are not steady, joined (None: there is none), others."""
    if not isinstance(b, And | Or):
        return b, []
    outer = [part for part in b.operands if _is_steady(part, steady)]
    rest = [part for part in b.operands if not _is_steady(part, steady)]
    if not rest:
        return None, outer
    return (conjunction(rest) if isinstance(b, And) else disjunction(rest)), outer


def _is_steady(formula: Formula, known: dict[Formula, bool]) -> bool:
    """Whether it is made of ``G F a`` and ``F G a`` by ``&`` and ``|``: true at all positions or at none."""
    stack = [formula]
    while stack:
        node = stack.pop()
        if node in known:
            continue
        match node:
            case And(operands) | Or(operands):
                below = [part for part in operands if part not in known]
                if below:
                    stack += [node, *below]
                else:
                    known[node] = bool(operands) and all(known[part] for part in operands)
            case Release(left, Until(outer, _)):
                known[node] = left == FALSE and outer == TRUE
            case Until(left, Release(outer, _)):
                known[node] = left == TRUE and outer == FALSE
            case _:
                known[node] = False
    return known[formula]


def guessed(formula: Formula) -> tuple[Formula, dict[str, Formula]]:
    """The same with past operators over literals and past only, and what the new propositions in it stand for.

    The formula, in negation normal form, holds just if, with some valuation of the new propositions such that at each
    position where one is true its formula holds, the formula returned does: they occur only positively.
    """
    made: dict[Formula, Formula] = {}
    pure: dict[Formula, bool] = {}
    hidden: dict[Formula, str] = {}
    for node in subformulas(formula):
        operands = [made[child] for child in node.children()]
        if isinstance(node, PAST):
            operands = [_hiding(operand, pure, hidden) for operand in operands]
        if isinstance(node, And | Or):
            made[node] = type(node)(tuple(operands))
        elif operands and any(a is not b for a, b in zip(node.children(), operands, strict=True)):
            made[node] = type(node)(*operands)
        else:
            made[node] = node
    return made[formula], {name: meaning for meaning, name in hidden.items()}


def looks_ahead(formula: Formula, known: dict[Formula, bool]) -> bool:
    """Whether an operator of the future occurs; ``known`` keeps what was found."""
    if formula not in known:
        for node in subformulas(formula):
            if node not in known:
                known[node] = isinstance(node, Next | WeakNext | Until | Release) or any(
                    known[child] for child in node.children()
                )
    return known[formula]


def _hiding(operand: Formula, ahead: dict[Formula, bool], hidden: dict[Formula, str]) -> Formula:
    """The operand of a past operator with propositions for what looks ahead in it."""
    if not looks_ahead(operand, ahead):
        return operand
    if isinstance(operand, And | Or):
        return type(operand)(tuple([_hiding(part, ahead, hidden) for part in operand.operands]))
    return Atom(hidden.setdefault(operand, f"\0{len(hidden)}"))
