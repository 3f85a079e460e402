"""Finite words as infinite ones: a formula over finite words said of word·end^ω.

De Giacomo & Vardi, "Linear Temporal Logic and Linear Dynamic Logic on Finite Traces" (IJCAI 2013), theorem 1, with
``end`` for "not alive". The past of a position of the word lies in the word, so that past operators stay as they are.
"""

from __future__ import annotations

from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Until,
    WeakNext,
    subformulas,
)
from agentspec.logic.simplify import to_nnf


def until_end(formula: Formula, end: str = "end") -> Formula:
    """A formula that holds on an infinite word just if it is w·v, ``formula`` holds on w, and ``end`` only on all of v.

    The word w is finite and not empty; v is infinite, and what holds there besides is free. ``end`` must not be an atom
    of ``formula``.
    """
    over = Atom(end)
    alive = Not(over)
    normal = to_nnf(formula)
    made: dict[Formula, Formula] = {}
    for node in subformulas(normal):
        operands = [made[child] for child in node.children()]
        match node:
            case Next():
                made[node] = Next(And((alive, operands[0])))
            case WeakNext():
                made[node] = Next(Or((over, operands[0])))
            case Until():
                made[node] = Until(operands[0], And((alive, operands[1])))
            case Release():
                made[node] = Release(operands[0], Or((over, operands[1])))
            case And() | Or():
                made[node] = type(node)(tuple(operands))
            case _:
                made[node] = type(node)(*operands) if operands else node
    return And((alive, Until(alive, Always(over)), made[normal]))
