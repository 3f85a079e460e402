"""Acceptance conditions over the marks that a run meets infinitely often (Emerson & Lei 1987).

A condition is a tree: ``Inf(i)`` and ``Fin(i)`` at the leaves, ``All`` and ``Any`` above; ``All(())`` is met by every
run, ``Any(())`` by none. Büchi, co-Büchi, parity, Rabin and Streett conditions are special cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Inf:
    """The mark is met infinitely often."""

    mark: int

    def accepts(self, seen: frozenset[int]) -> bool:
        """Whether ``seen``, the marks met infinitely often, fulfil the condition."""
        return self.mark in seen

    def marks(self) -> frozenset[int]:
        """The marks that the condition names."""
        return frozenset({self.mark})


@dataclass(frozen=True, slots=True)
class Fin:
    """The mark is met only finitely often."""

    mark: int

    def accepts(self, seen: frozenset[int]) -> bool:
        """Whether ``seen``, the marks met infinitely often, fulfil the condition."""
        return self.mark not in seen

    def marks(self) -> frozenset[int]:
        """The marks that the condition names."""
        return frozenset({self.mark})


@dataclass(frozen=True, slots=True)
class All:
    """Every part is fulfilled."""

    parts: tuple[Acceptance, ...]

    def accepts(self, seen: frozenset[int]) -> bool:
        """Whether ``seen``, the marks met infinitely often, fulfil the condition."""
        return all(part.accepts(seen) for part in self.parts)

    def marks(self) -> frozenset[int]:
        """The marks that the condition names."""
        return frozenset[int]().union(*[part.marks() for part in self.parts])


@dataclass(frozen=True, slots=True)
class Any:
    """Some part is fulfilled."""

    parts: tuple[Acceptance, ...]

    def accepts(self, seen: frozenset[int]) -> bool:
        """Whether ``seen``, the marks met infinitely often, fulfil the condition."""
        return any(part.accepts(seen) for part in self.parts)

    def marks(self) -> frozenset[int]:
        """The marks that the condition names."""
        return frozenset[int]().union(*[part.marks() for part in self.parts])


Acceptance = Inf | Fin | All | Any


def generalized_buchi(sets: int) -> Acceptance:
    """Every one of the marks ``0 .. sets - 1`` is met infinitely often."""
    parts = tuple(Inf(mark) for mark in range(sets))
    return parts[0] if len(parts) == 1 else All(parts)


def parity_min_even(priorities: int) -> Acceptance:
    """Of the marks ``0 .. priorities - 1`` that are met infinitely often, the least is even; some such one is met."""
    found: Acceptance = Any(())
    for mark in reversed(range(priorities)):
        if mark % 2 == 0:
            found = Inf(mark) if found == Any(()) else Any((Inf(mark), found))
        elif found != Any(()):
            found = All((Fin(mark), found))
    return found


def shifted(acceptance: Acceptance, by: int) -> Acceptance:
    """The condition with ``by`` added to every mark."""
    match acceptance:
        case Inf(mark):
            return Inf(mark + by)
        case Fin(mark):
            return Fin(mark + by)
        case All(parts):
            return All(tuple(shifted(part, by) for part in parts))
        case Any(parts):
            return Any(tuple(shifted(part, by) for part in parts))


def joined(parts: Sequence[Acceptance], *, every: bool) -> Acceptance:
    """``All`` of the parts, or ``Any`` of them, flat and without what is always or never fulfilled."""
    kind, other = (All, Any) if every else (Any, All)
    kept: list[Acceptance] = []
    for part in parts:
        kept += part.parts if isinstance(part, kind) else [part]
    if any(isinstance(part, other) and not part.parts for part in kept):
        return other(())
    return kept[0] if len(kept) == 1 else kind(tuple(kept))
