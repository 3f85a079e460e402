"""Formulas of linear temporal logic with past, over finite non-empty words (LTLf) and over infinite ones (LTL).

Syntax and names follow De Giacomo & Vardi, "Linear Temporal Logic and Linear Dynamic Logic on Finite Traces" (IJCAI
2013): ``X`` is the strong next; the past operators are those of Lichtenstein, Pnueli & Zuck, "The Glory of the Past"
(Logics of Programs 1985). What the nodes mean is defined in ``semantics``; here they are only values.
"""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.logic.tree import Tree, children_first


class Formula(Tree):
    """Any formula: immutable, compared by structure, its hash stored."""

    __slots__ = ()

    def children(self) -> tuple[Formula, ...]:
        """The operands, from left to right."""
        return ()


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Formula):
    """True or false at every position."""

    __slots__ = ("value",)
    value: bool


@dataclass(frozen=True, eq=False, repr=False)
class Atom(Formula):
    """A proposition by name: a step, a declared predicate, or a built-in such as ``call(pay)``."""

    __slots__ = ("name",)
    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Last(Formula):
    """There is no next position."""

    __slots__ = ()


@dataclass(frozen=True, eq=False, repr=False)
class Unary(Formula):
    """A formula with one operand."""

    __slots__ = ("operand",)
    operand: Formula

    def children(self) -> tuple[Formula, ...]:
        """The one operand."""
        return (self.operand,)


@dataclass(frozen=True, eq=False, repr=False)
class Binary(Formula):
    """A formula with a left and a right operand."""

    __slots__ = ("left", "right")
    left: Formula
    right: Formula

    def children(self) -> tuple[Formula, ...]:
        """The left and the right operand."""
        return (self.left, self.right)


@dataclass(frozen=True, eq=False, repr=False)
class Nary(Formula):
    """A formula with any number of operands, in order."""

    __slots__ = ("operands",)
    operands: tuple[Formula, ...]

    def children(self) -> tuple[Formula, ...]:
        """The operands."""
        return self.operands


class Not(Unary):
    """``! a``"""

    __slots__ = ()


class Next(Unary):
    """``X a``: there is a next position and ``a`` holds at it."""

    __slots__ = ()


class WeakNext(Unary):
    """``N a``: if there is a next position, ``a`` holds at it."""

    __slots__ = ()


class Eventually(Unary):
    """``F a``: now or at a later position."""

    __slots__ = ()


class Always(Unary):
    """``G a``: now and at every later position."""

    __slots__ = ()


class And(Nary):
    """``a & b & c``; true without operands."""

    __slots__ = ()


class Or(Nary):
    """``a | b | c``; false without operands."""

    __slots__ = ()


class Implies(Binary):
    """``a -> b``"""

    __slots__ = ()


class Iff(Binary):
    """``a <-> b``"""

    __slots__ = ()


class Xor(Binary):
    """``a xor b``"""

    __slots__ = ()


class Until(Binary):
    """``a U b``: ``b`` holds at some position of the word, and ``a`` at every one before it."""

    __slots__ = ()


class WeakUntil(Binary):
    """``a W b``: ``a U b`` or ``G a``."""

    __slots__ = ()


class Release(Binary):
    """``a R b``: ``b`` holds up to and including the first ``a``, or to the end; ``b W (a & b)``."""

    __slots__ = ()


class StrongRelease(Binary):
    """``a M b``: ``a R b`` and ``F a``; ``b U (a & b)``."""

    __slots__ = ()


class Yesterday(Unary):
    """``Y a``: there is a position before this one and ``a`` holds at it."""

    __slots__ = ()


class WeakYesterday(Unary):
    """``Z a``: if there is a position before this one, ``a`` holds at it."""

    __slots__ = ()


class Once(Unary):
    """``O a``: now or at an earlier position."""

    __slots__ = ()


class Historically(Unary):
    """``H a``: now and at every earlier position."""

    __slots__ = ()


class Since(Binary):
    """``a S b``: ``b`` held now or earlier, and ``a`` at every position after that, up to now."""

    __slots__ = ()


class WeakSince(Binary):
    """``a B b`` (back to): ``a S b`` or ``H a``."""

    __slots__ = ()


PAST = (Yesterday, WeakYesterday, Once, Historically, Since, WeakSince)
"""The operators that look back."""

TRUE = Constant(True)
FALSE = Constant(False)


def subformulas(formula: Formula) -> tuple[Formula, ...]:
    """The different subformulas, each once, operands before what is made of them; ``formula`` comes last."""
    return children_first(formula, lambda node: node.children())


def atoms(formula: Formula) -> tuple[str, ...]:
    """The names of the propositions that occur, sorted."""
    return tuple(sorted({node.name for node in subformulas(formula) if isinstance(node, Atom)}))


def looks_back(formula: Formula) -> bool:
    """Whether a past operator occurs."""
    return any(isinstance(node, PAST) for node in subformulas(formula))
