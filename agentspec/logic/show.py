"""Formulas as text, with no parentheses that the precedence of ``parse`` makes needless.

``parse_formula(show_formula(f)) == f`` for every ``f`` whose conjunctions and disjunctions have at least two operands
and whose atoms have names that can be written.
"""

from __future__ import annotations

from typing import Final

from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Binary,
    Constant,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Nary,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Unary,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
)

SYMBOLS: Final[dict[type[Formula], str]] = {
    Not: "!",
    Next: "X",
    WeakNext: "N",
    Eventually: "F",
    Always: "G",
    Until: "U",
    WeakUntil: "W",
    Release: "R",
    StrongRelease: "M",
    Yesterday: "Y",
    WeakYesterday: "Z",
    Once: "O",
    Historically: "H",
    Since: "S",
    WeakSince: "B",
    And: "&",
    Or: "|",
    Xor: "xor",
    Implies: "->",
    Iff: "<->",
}
"""How each operator is written."""

PRECEDENCE: Final[tuple[tuple[str, ...], ...]] = (
    ("->", "<->"),
    ("xor",),
    ("|",),
    ("&",),
    ("U", "W", "R", "M", "S", "B"),
    ("!", "X", "N", "F", "G", "Y", "Z", "O", "H"),
)
"""The operators from the loosest to the tightest, as in Spot; the last row stands before its operand.

Infix operators of one row group to the right; ``&`` and ``|`` join any number of operands.
"""

LEVELS: Final[dict[str, int]] = {symbol: level for level, row in enumerate(PRECEDENCE, 1) for symbol in row}
"""How tightly each operator binds, from 1."""

_TIGHTEST = len(PRECEDENCE) + 1


def show_formula(formula: Formula) -> str:
    """The formula as text that parses back to it."""
    pieces: list[str] = []
    todo: list[Formula | str] = [formula]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            pieces.append(item)
        else:
            todo.extend(reversed(_layout(item)))
    return "".join(pieces)


def _layout(node: Formula) -> list[Formula | str]:
    """One node as text and operands still to be shown."""
    match node:
        case Constant(value):
            return ["true" if value else "false"]
        case Atom(name):
            return [name]
        case Last():
            return ["last"]
        case Unary(operand):
            symbol = SYMBOLS[type(node)]
            shown = _within(operand, LEVELS[symbol])
            return [symbol, *([] if symbol == "!" or shown[0] == "(" else [" "]), *shown]
        case Binary(left, right):
            symbol = SYMBOLS[type(node)]
            return [*_within(left, LEVELS[symbol] + 1), f" {symbol} ", *_within(right, LEVELS[symbol])]
        case Nary(operands):
            if not operands:
                return ["true" if isinstance(node, And) else "false"]
            symbol = SYMBOLS[type(node)]
            layout: list[Formula | str] = []
            for operand in operands:
                layout += [f" {symbol} ", *_within(operand, LEVELS[symbol] + 1)]
            return layout[1:]
    raise TypeError(f"not a formula: {node!r}")


def _within(operand: Formula, level: int) -> list[Formula | str]:
    """The operand, in parentheses unless it binds at least as tightly as ``level``."""
    binds = LEVELS[SYMBOLS[type(operand)]] if operand.children() else _TIGHTEST
    return [operand] if binds >= level else ["(", operand, ")"]
