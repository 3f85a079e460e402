"""Emptiness, intersection, inclusion and equality of languages of infinite words, each with a lasso as witness.

Inclusion needs no complement where the right side is deterministic, or a formula (which is negated before it is
translated); a nondeterministic right side is determinised.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.buchi import Buchi
from agentspec.automata.effort import Effort
from agentspec.automata.expansion import generalised_buchi
from agentspec.automata.fair import Part, fair_part
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega import Omega
from agentspec.automata.omega_graph import NONE, Graph, Marks, Move, complement, edges_of, graph_of, product
from agentspec.automata.reduce import reachable, reduced, trimmed
from agentspec.automata.safra import determinised, one_set
from agentspec.errors import InvalidInput
from agentspec.logic.formula import And, Formula, Not, atoms

Valuation = frozenset[str]


@dataclass(frozen=True)
class Lasso:
    """The infinite word ``prefix`` and then ``loop`` for ever; a letter is the set of the propositions true at it."""

    prefix: tuple[Valuation, ...]
    loop: tuple[Valuation, ...]

    def __str__(self) -> str:
        def shown(word: Iterable[Collection[str]]) -> str:
            return " ".join("{" + ", ".join(sorted(letter)) + "}" for letter in word)

        return f"{shown(self.prefix)} ({shown(self.loop)})^ω".strip()


def accepted_lasso(automaton: Buchi | Omega, *, name: str = "automaton") -> Lasso | None:
    """A short lasso that is accepted, or None where the language is empty.

    The prefix is a shortest one to a part with an accepting cycle; the loop meets one mark after the other by shortest
    ways. Raises TooLarge, naming ``name``, past this module's limits.
    """
    return shortest_lasso(graph_of(automaton, Mtbdd(_effort(name)), automaton.propositions))


def intersection(one: Buchi, other: Buchi, *, name: str = "intersection") -> Buchi:
    """The automaton of the words that both accept, over the propositions of both, reduced."""
    names = _names(one, other)
    table = Mtbdd(_effort(name))
    graph = reduced(product(graph_of(one, table, names), graph_of(other, table, names), every=True))
    initial, edges = edges_of(graph)
    return Buchi(names, initial, len(graph.acceptance.marks()), edges)


def lasso_outside(one: Buchi | Omega, other: Buchi | Omega, *, name: str = "inclusion") -> Lasso | None:
    """A lasso that ``one`` accepts and ``other`` does not; None where the language of ``one`` is included."""
    names = _names(one, other)
    table = Mtbdd(_effort(name))
    right = trimmed(graph_of(other, table, names))
    if not right.deterministic:
        right = determinised(one_set(reduced(right)))
    left = trimmed(graph_of(one, table, names))
    return shortest_lasso(product(left, complement(right), every=True))


def separating_lasso(one: Buchi | Omega, other: Buchi | Omega, *, name: str = "comparison") -> Lasso | None:
    """A lasso that one of the two accepts and the other does not; None where their languages are equal."""
    return lasso_outside(one, other, name=name) or lasso_outside(other, one, name=name)


def formula_lasso(formula: Formula, *, name: str = "formula") -> Lasso | None:
    """A short lasso on which ``formula`` holds, or None where no infinite word satisfies it."""
    table = Mtbdd(_effort(name))
    return shortest_lasso(reduced(generalised_buchi(formula, atoms(formula), table)))


def counterexample(one: Formula, other: Formula, *, name: str = "formula") -> Lasso | None:
    """A lasso on which ``one`` holds and ``other`` does not; None where ``one`` implies ``other``."""
    return formula_lasso(And((one, Not(other))), name=name)


def _effort(name: str) -> Effort:
    return Effort(name, limits.EMPTINESS_STATES, limits.EMPTINESS_NODES, limits.EMPTINESS_SECONDS)


def _names(one: Buchi | Omega, other: Buchi | Omega) -> tuple[str, ...]:
    for automaton in (one, other):
        if any(edge.letter.step is not None for edges in automaton.edges for edge in edges):
            raise InvalidInput("these letters are steps of a spec, not cubes of propositions")
    return (*one.propositions, *[name for name in other.propositions if name not in one.propositions])


def shortest_lasso(graph: Graph) -> Lasso | None:
    """A short lasso that the graph accepts, or None."""
    graph = reachable(graph)
    part = fair_part({q: list(moves) for q, moves in enumerate(graph.moves)}, graph.acceptance)
    if part is None:
        return None
    walk = _Walk(graph)
    prefix, start, _ = walk.path(graph.initial, graph.moves.__getitem__, lambda q, _: q in part.moves, stay=True)
    loop: list[Valuation] = []
    state, owed = start, _owed(part)

    def owes(_: int, marks: Marks) -> bool:
        return bool(owed & marks)

    while owed:
        step, state, met = walk.path(state, part.moves.__getitem__, owes)
        loop += step
        owed -= met
    if state != start or not loop:
        loop += walk.path(state, part.moves.__getitem__, lambda q, _: q == start)[0]
    return _shortened(prefix, loop)


def _shortened(prefix: list[Valuation], loop: list[Valuation]) -> Lasso:
    """The shortest lasso that is the same word."""
    period = next(n for n in range(1, len(loop) + 1) if len(loop) % n == 0 and loop[n:] == loop[:-n])
    prefix, loop = prefix[:], loop[:period]
    while prefix and prefix[-1] == loop[-1]:
        loop = [prefix.pop(), *loop[:-1]]
    return Lasso(tuple(prefix), tuple(loop))


def _owed(part: Part) -> Marks:
    """Marks of the part that suffice, whatever others are met beside them."""
    needed = _needed(part.acceptance, part.marks)
    assert needed is not None
    return needed


def _needed(acceptance: Acceptance, seen: Marks) -> Marks | None:
    """Few marks of ``seen`` with which the condition holds as long as no others than ``seen`` are met."""
    match acceptance:
        case Inf(mark):
            return frozenset({mark}) if mark in seen else None
        case Fin(mark):
            return None if mark in seen else frozenset()
        case All(parts):
            found: Marks = frozenset()
            for part in parts:
                needed = _needed(part, seen)
                if needed is None:
                    return None
                found |= needed
            return found
        case Any(parts):
            options = [needed for part in parts if (needed := _needed(part, seen)) is not None]
            return min(options, key=len, default=None)


class _Walk:
    """Shortest ways through a graph, told as valuations."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._letters: dict[int, dict[Move, Valuation]] = {}

    def path(
        self,
        start: int,
        moves: Callable[[int], Iterable[Move]],
        goal: Callable[[int, Marks], bool],
        *,
        stay: bool = False,
    ) -> tuple[list[Valuation], int, Marks]:
        """A shortest way to a move (target and marks) that is the goal: its letters, where it ends, its last marks.

        With ``stay`` the start itself may be the goal. One of the states that can be reached must have such a move.
        """
        if stay and goal(start, NONE):
            return [], start, NONE
        came: dict[int, tuple[int, Move]] = {}
        queue = deque([start])
        seen = {start}
        while queue:
            state = queue.popleft()
            for move in moves(state):
                if goal(*move):
                    word = [self._letter(state, move)]
                    while state != start:
                        state, before = came[state]
                        word.append(self._letter(state, before))
                    return word[::-1], move[0], move[1]
                if move[0] not in seen:
                    seen.add(move[0])
                    came[move[0]] = (state, move)
                    queue.append(move[0])
        raise ValueError("there is no way to the goal")

    def _letter(self, state: int, move: Move) -> Valuation:
        """A valuation with few propositions true that enables the move."""
        found = self._letters.setdefault(state, {})
        if not found:
            graph = self._graph
            for true, _, leaf in graph.table.paths(graph.roots[state]):
                for enabled in leaf:
                    if enabled not in found or len(true) < len(found[enabled]):
                        found[enabled] = frozenset(graph.names[r] for r in true)
        return found[move]
