"""Formulas as numbers over six operators, a formula and its negation being neighbours.

``!``, ``&``, ``X``, ``U``, ``Y`` and ``S`` express all others by the dualities of De Giacomo & Vardi (IJCAI 2013) and
of Lichtenstein, Pnueli & Zuck (1985): ``N a`` is ``!X !a``, ``a R b`` is ``!(!a U !b)``, ``Z a`` is ``!Y !a``. Equal
formulas have equal numbers; ``f ^ 1`` is the negation of ``f``; ``f >> 1`` is its place in the table.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from agentspec.automata.bdd import FALSE, TRUE
from agentspec.logic import formula as logic
from agentspec.logic.formula import Formula, subformulas


class Kind(IntEnum):
    """What stands at a place of the table."""

    CONSTANT = 0
    ATOM = 1
    AND = 2
    NEXT = 3
    UNTIL = 4
    YESTERDAY = 5
    SINCE = 6


PAST = (Kind.YESTERDAY, Kind.SINCE)


class Kernel:
    """A table of formulas; operands stand before what is made of them. ``names[i]`` is the name of an atom at ``i``."""

    def __init__(self) -> None:
        self.kinds = [Kind.CONSTANT]
        self.parts: list[tuple[int, ...]] = [()]
        self.names: dict[int, str] = {}
        self._places: dict[tuple[object, ...], int] = {}

    def number(self, formula: Formula) -> int:
        """The number of a formula."""
        numbers: dict[Formula, int] = {}
        for node in subformulas(formula):
            numbers[node] = self._number(node, [numbers[child] for child in node.children()])
        return numbers[formula]

    def _number(self, node: Formula, operands: list[int]) -> int:
        match node:
            case logic.Constant(value):
                return int(value)
            case logic.Atom(name):
                return self._atom(name)
            case logic.Last():
                return self.next(TRUE) ^ 1
            case logic.And():
                return self.conj(operands)
            case logic.Or():
                return self.disj(operands)
        a, b = operands[0], operands[-1]
        match node:
            case logic.Not():
                return a ^ 1
            case logic.Next():
                return self.next(a)
            case logic.WeakNext():
                return self.next(a ^ 1) ^ 1
            case logic.Eventually():
                return self.until(TRUE, a)
            case logic.Always():
                return self.until(TRUE, a ^ 1) ^ 1
            case logic.Yesterday():
                return self._yesterday(a)
            case logic.WeakYesterday():
                return self._yesterday(a ^ 1) ^ 1
            case logic.Once():
                return self._since(TRUE, a)
            case logic.Historically():
                return self._since(TRUE, a ^ 1) ^ 1
            case logic.Implies():
                return self.conj((a, b ^ 1)) ^ 1
            case logic.Iff():
                return self._same(a, b)
            case logic.Xor():
                return self._same(a, b) ^ 1
            case logic.Until():
                return self.until(a, b)
            case logic.Release():
                return self.until(a ^ 1, b ^ 1) ^ 1
            case logic.WeakUntil():
                return self.until(b ^ 1, self.conj((a ^ 1, b ^ 1))) ^ 1
            case logic.StrongRelease():
                return self.until(b, self.conj((a, b)))
            case logic.Since():
                return self._since(a, b)
            case logic.WeakSince():
                return self._since(b ^ 1, self.conj((a ^ 1, b ^ 1))) ^ 1
        raise TypeError(f"not a formula: {node!r}")

    def _put(self, kind: Kind, parts: tuple[int, ...]) -> int:
        key = (kind, *parts)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = len(self.kinds)
            self.kinds.append(kind)
            self.parts.append(parts)
        return 2 * found

    def _atom(self, name: str) -> int:
        found = self._places.get((Kind.ATOM, name))
        if found is None:
            found = self._places[Kind.ATOM, name] = len(self.kinds)
            self.kinds.append(Kind.ATOM)
            self.parts.append(())
            self.names[found] = name
        return 2 * found

    def conj(self, operands: Iterable[int]) -> int:
        """The conjunction, its operands in the order given, each once."""
        kept = dict.fromkeys(operand for operand in operands if operand != TRUE)
        if FALSE in kept or any(operand ^ 1 in kept for operand in kept):
            return FALSE
        if len(kept) > 1:
            return self._put(Kind.AND, tuple(kept))
        return next(iter(kept), TRUE)

    def disj(self, operands: Iterable[int]) -> int:
        """The disjunction."""
        return self.conj([operand ^ 1 for operand in operands]) ^ 1

    def _same(self, a: int, b: int) -> int:
        return self.conj((self.conj((a, b ^ 1)) ^ 1, self.conj((a ^ 1, b)) ^ 1))

    def next(self, a: int) -> int:
        """``X a``"""
        return FALSE if a == FALSE else self._put(Kind.NEXT, (a,))

    def _yesterday(self, a: int) -> int:
        return FALSE if a == FALSE else self._put(Kind.YESTERDAY, (a,))

    def until(self, a: int, b: int) -> int:
        """``a U b``"""
        return self._lasting(Kind.UNTIL, a, b)

    def _since(self, a: int, b: int) -> int:
        return self._lasting(Kind.SINCE, a, b)

    def _lasting(self, kind: Kind, a: int, b: int) -> int:
        if b <= TRUE or a in (FALSE, b):
            return b
        if a == b ^ 1:
            a = TRUE
        if not b & 1 and self.kinds[b >> 1] == kind:
            inner, goal = self.parts[b >> 1]
            if inner in (a, TRUE):
                return b
            if a == TRUE:
                b = goal
        return self._put(kind, (a, b))

    def below(self, root: int) -> list[int]:
        """The places of all formulas that ``root`` is made of, operands first."""
        seen: set[int] = set()
        stack = [root >> 1]
        while stack:
            place = stack.pop()
            if place not in seen:
                seen.add(place)
                stack += [part >> 1 for part in self.parts[place]]
        return sorted(seen)
