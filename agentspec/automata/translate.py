"""LTLf to the minimal DFA, by progression over decision diagrams with terminal obligations.

Method: De Giacomo & Vardi (2013) for the semantics; direct translation over multi-terminal diagrams after
Duret-Lutz et al. (2025, "Engineering an LTLf Synthesis Tool"). A state is a monotone boolean function over what must
hold from the next position on, kept as its minimal disjunctive form, so that propositional equivalence of states is
equality. ``ANOTHER`` stands for "there is a next position": ``X f`` is ``ANOTHER`` and ``f``, ``N f`` is ``f`` alone.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from agentspec.automata.dfa import Dfa, coarsest
from agentspec.automata.diagram import Diagrams
from agentspec.automata.imply import implies
from agentspec.automata.letter import Letter
from agentspec.errors import TooLarge
from agentspec.logic.formula import (
    FALSE,
    TRUE,
    And,
    Atom,
    Constant,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Until,
    WeakNext,
    atoms,
)
from agentspec.logic.simplify import simplify, to_nnf

STATE_LIMIT = 20_000
CUBE_LIMIT = 4_096

ANOTHER = Atom("<another>")
Cube = frozenset[Formula]
Obligations = frozenset[Cube]
NOTHING: Obligations = frozenset({frozenset()})
IMPOSSIBLE: Obligations = frozenset()


def translate(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Dfa:
    """The minimal DFA of the non-empty finite words that satisfy ``formula``.

    ``propositions`` defaults to the formula's atoms. States are numbered breadth first, the dead state is left out.
    Raises TooLarge, naming ``name``, when more than ``STATE_LIMIT`` states would be needed.
    """
    order = atoms(formula) if propositions is None else propositions
    return _minimal(_explore(to_nnf(simplify(formula)), order, name), order)


def _minimised(cubes: set[Cube]) -> Obligations:
    tidy = {_without_implied(cube) for cube in cubes if not (ANOTHER in cube and FALSE in cube)}
    kept: list[Cube] = []
    for cube in sorted(tidy, key=len):
        if not any(_weaker(other, cube) for other in kept):
            kept = [other for other in kept if not _weaker(cube, other)]
            kept.append(cube)
    return frozenset(kept)


def _weaker(cube: Cube, other: Cube) -> bool:
    """Whether ``other`` implies ``cube``, as far as ``implies`` can tell."""
    return cube <= other or all(part in other or any(_given(given, part) for given in other) for part in cube)


def _given(given: Formula, part: Formula) -> bool:
    """``implies`` between obligations; nothing that holds weakly at the next position says there is one."""
    return ANOTHER not in (given, part) and implies(given, part)


def _without_implied(cube: Cube) -> Cube:
    """The cube less what its other parts imply (of two that imply each other one stays)."""
    kept = set(cube)
    for part in sorted(cube, key=lambda formula: -formula.size):
        if any(_given(given, part) for given in kept if given != part):
            kept.discard(part)
    return frozenset(kept)


def _either(left: Obligations, right: Obligations) -> Obligations:
    return left if left == right else _minimised({*left, *right})


def _both(left: Obligations, right: Obligations) -> Obligations:
    if len(left) * len(right) > CUBE_LIMIT:
        raise _TooManyCubes
    return left if left == right else _minimised({a | b for a in left for b in right})


class _TooManyCubes(Exception):
    pass


def _later(formula: Formula) -> Obligations:
    """``N formula`` as obligations: the weak next distributes over ``&`` and ``|``."""
    if formula == TRUE:
        return NOTHING
    if isinstance(formula, And):
        result = NOTHING
        for operand in formula.operands:
            result = _both(result, _later(operand))
        return result
    if isinstance(formula, Or):
        result = IMPOSSIBLE
        for operand in formula.operands:
            result = _either(result, _later(operand))
        return result
    return frozenset({frozenset({formula})})


@dataclass
class _Progression:
    """Computes, for obligations, the diagram from the valuation of this position to the obligations after it."""

    table: Diagrams[Obligations]

    def __post_init__(self) -> None:
        self._of: dict[Formula, int] = {}
        self._and: dict[tuple[int, int], int] = {}
        self._or: dict[tuple[int, int], int] = {}

    def both(self, left: int, right: int) -> int:
        return self.table.combine(_both, left, right, self._and)

    def either(self, left: int, right: int) -> int:
        return self.table.combine(_either, left, right, self._or)

    def formula(self, formula: Formula) -> int:
        node = self._of.get(formula)
        if node is None:
            node = self._of[formula] = self._progress(formula)
        return node

    def _progress(self, formula: Formula) -> int:
        table = self.table
        match formula:
            case Constant(value=value):
                return table.leaf(NOTHING if value else IMPOSSIBLE)
            case Atom(name=name):
                return table.branch(name, table.leaf(IMPOSSIBLE), table.leaf(NOTHING))
            case Not(operand=Atom(name=name)):
                return table.branch(name, table.leaf(NOTHING), table.leaf(IMPOSSIBLE))
            case And(operands=operands):
                node = table.leaf(NOTHING)
                for operand in operands:
                    node = self.both(node, self.formula(operand))
                return node
            case Or(operands=operands):
                node = table.leaf(IMPOSSIBLE)
                for operand in operands:
                    node = self.either(node, self.formula(operand))
                return node
            case Next(operand=operand):
                return table.leaf(_both(frozenset({frozenset({ANOTHER})}), _later(operand)))
            case WeakNext(operand=operand):
                return table.leaf(_later(operand))
            case Until(left=left, right=right):
                again = table.leaf(frozenset({frozenset({ANOTHER, formula})}))
                return self.either(self.formula(right), self.both(self.formula(left), again))
            case Release(left=left, right=right):
                again = table.leaf(frozenset({frozenset({formula})}))
                return self.both(self.formula(right), self.either(self.formula(left), again))
        raise AssertionError(f"not in negation normal form: {formula!r}")

    def state(self, obligations: Obligations) -> int:
        node = self.table.leaf(IMPOSSIBLE)
        for cube in obligations:
            one = self.table.leaf(NOTHING)
            for obligation in cube:
                if obligation != ANOTHER:
                    one = self.both(one, self.formula(obligation))
            node = self.either(node, one)
        return node


@dataclass(frozen=True)
class _Explored:
    table: Diagrams[Obligations]
    states: tuple[Obligations, ...]
    nodes: tuple[int, ...]


def _explore(formula: Formula, order: tuple[str, ...], name: str) -> _Explored:
    progression = _Progression(Diagrams(order))
    try:
        start = _both(frozenset({frozenset({ANOTHER})}), _later(formula))
        states = {start: 0}
        nodes: list[int] = []
        for obligations in (queue := [start]):
            node = progression.state(obligations)
            nodes.append(node)
            for successor in progression.table.leaves(node):
                if successor not in states:
                    if len(states) >= STATE_LIMIT:
                        raise TooLarge(f"its automaton needs more than {STATE_LIMIT} states")
                    states[successor] = len(states)
                    queue.append(successor)
    except TooLarge as problem:
        raise TooLarge(f"{name}: {problem.message}") from None
    except _TooManyCubes:
        raise TooLarge(f"{name}: a state of its automaton needs more than {CUBE_LIMIT} alternatives") from None
    return _Explored(progression.table, tuple(states), tuple(nodes))


def _ends_well(obligations: Obligations) -> bool:
    return any(ANOTHER not in cube for cube in obligations)


def _minimal(explored: _Explored, order: tuple[str, ...]) -> Dfa:
    index = {obligations: q for q, obligations in enumerate(explored.states)}
    states = range(len(index))

    def mapped(classes: list[int]) -> tuple[Diagrams[Hashable], list[int]]:
        into: Diagrams[Hashable] = Diagrams(order)
        memo: dict[int, int] = {}
        nodes = [
            explored.table.rename(lambda obligations: classes[index[obligations]], into, node, memo)
            for node in explored.nodes
        ]
        return into, nodes

    classes = coarsest([_ends_well(explored.states[q]) for q in states], lambda now: mapped(now)[1])
    table, nodes = mapped(classes)
    node_of = {classes[q]: nodes[q] for q in reversed(states)}
    ends = {classes[q] for q in states if _ends_well(explored.states[q])}
    dead = {c for c in node_of if c not in ends and table.leaves(node_of[c]) == [c]}

    number = {classes[0]: 0}
    edges: list[tuple[tuple[Letter, int], ...]] = []
    for current in (queue := [classes[0]]):
        outgoing = []
        for cube, target in table.cubes(node_of[current]):
            assert isinstance(target, int)
            if target in dead:
                continue
            if target not in number:
                number[target] = len(number)
                queue.append(target)
            true = frozenset(name for name, value in cube.items() if value)
            outgoing.append((Letter(true, frozenset(cube) - true), number[target]))
        edges.append(tuple(outgoing))
    accepting = frozenset(number[c] for c in ends if c in number)
    return Dfa(order, 0, accepting, tuple(edges))
