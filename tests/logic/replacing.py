"""Putting formulas in the places of atoms, slow and obvious: the oracle of everything that builds with operands."""

from __future__ import annotations

from collections.abc import Mapping

from agentspec.logic.formula import Atom, Binary, Formula, Nary, Unary


def replaced(formula: Formula, by: Mapping[str, Formula]) -> Formula:
    """The formula with each atom of that name replaced."""
    match formula:
        case Atom(name):
            return by.get(name, formula)
        case Unary(a):
            return type(formula)(replaced(a, by))
        case Binary(a, b):
            return type(formula)(replaced(a, by), replaced(b, by))
        case Nary(operands):
            return type(formula)(tuple([replaced(a, by) for a in operands]))
    return formula
