"""Cycles that fulfil an acceptance condition: what makes the language of an automaton other than empty.

Marks that must not return are removed one by one, the rest split again into strongly connected parts (Baier, Blahoudek,
Duret-Lutz, Klein, Müller & Strejček, "Generic Emptiness Check for Fun and Profit", ATVA 2019).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf, joined
from agentspec.automata.components import components
from agentspec.automata.dfa import backward
from agentspec.automata.omega_graph import Marks, Move

NEVER = Any(())
ALWAYS = All(())


@dataclass(frozen=True)
class Part:
    """A strongly connected part of a graph: some of its moves, and a condition that all their marks together fulfil."""

    moves: dict[int, list[Move]]
    acceptance: Acceptance

    @property
    def marks(self) -> Marks:
        """The marks of all moves."""
        return frozenset[int]().union(*[marks for moves in self.moves.values() for _, marks in moves])


def fair_part(moves: dict[int, list[Move]], acceptance: Acceptance) -> Part | None:
    """A part of these moves a walk through all of which fulfils the condition; None where no cycle does."""
    for part in strong_parts(moves):
        found = _within(Part(part, acceptance))
        if found is not None:
            return found
    return None


def _within(part: Part) -> Part | None:
    seen, acceptance = part.marks, part.acceptance
    if acceptance.accepts(seen):
        return part
    unwanted = _unwanted(acceptance) & seen
    if not unwanted:
        return None
    mark = min(unwanted)
    rest = {q: [m for m in moves if mark not in m[1]] for q, moves in part.moves.items()}
    found = fair_part(rest, settled(acceptance, {mark: False}))
    if found is not None:
        return found
    return _within(Part(part.moves, _without_fin(acceptance, mark)))


def strong_parts(moves: dict[int, list[Move]]) -> list[dict[int, list[Move]]]:
    """The strongly connected parts that have a cycle, each with the moves that stay inside."""
    states = list(moves)
    place = {q: i for i, q in enumerate(states)}
    component = components([[place[t] for t, _ in moves[q] if t in place] for q in states])
    found: dict[int, dict[int, list[Move]]] = {}
    for i, q in enumerate(states):
        inside = [m for m in moves[q] if m[0] in place and component[place[m[0]]] == component[i]]
        found.setdefault(component[i], {})[q] = inside
    return [part for part in found.values() if any(part.values())]


def alive(moves: Sequence[Sequence[Move]], acceptance: Acceptance) -> frozenset[int]:
    """The states from which some run is accepting."""
    every = {q: list(out) for q, out in enumerate(moves)}
    good = [q for part in strong_parts(every) if _within(Part(part, acceptance)) is not None for q in part]
    return backward({q: [t for t, _ in out] for q, out in every.items()}, good)


def _unwanted(acceptance: Acceptance) -> Marks:
    match acceptance:
        case Fin(mark):
            return frozenset({mark})
        case Inf():
            return frozenset()
        case All(parts) | Any(parts):
            return frozenset[int]().union(*[_unwanted(part) for part in parts])


def _without_fin(acceptance: Acceptance, mark: int) -> Acceptance:
    """The condition where ``Fin(mark)`` is not to be had."""
    match acceptance:
        case Fin(m):
            return NEVER if m == mark else acceptance
        case Inf():
            return acceptance
        case All(parts) | Any(parts):
            return joined([_without_fin(part, mark) for part in parts], every=isinstance(acceptance, All))


def settled(acceptance: Acceptance, known: dict[int, bool]) -> Acceptance:
    """The condition given for some marks whether they return for ever."""
    match acceptance:
        case Inf(mark) | Fin(mark):
            if mark not in known:
                return acceptance
            return ALWAYS if known[mark] == isinstance(acceptance, Inf) else NEVER
        case All(parts) | Any(parts):
            return joined([settled(part, known) for part in parts], every=isinstance(acceptance, All))
