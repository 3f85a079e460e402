"""LTLf with past to the minimal DFA.

A formula is progressed directly (``progress``), except that a conjunction or disjunction of many rules is translated
rule by rule and the minimal automata are multiplied, those with the most propositions in common first (``forest``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

from agentspec.automata.dfa import Dfa
from agentspec.automata.diagram import REJECTED, Decisions
from agentspec.automata.effort import Effort
from agentspec.automata.forest import Forest, exactly_one, minimised, product
from agentspec.automata.kernel import Kernel, Kind
from agentspec.automata.progress import Progression
from agentspec.errors import TooLarge
from agentspec.logic.formula import Formula, atoms

STATE_LIMIT = 20_000
NODE_LIMIT = 400_000
SECONDS_LIMIT = 10.0

PARTS = 3
"""From so many temporal operands on, a conjunction or disjunction is translated operand by operand."""
PART_STATES = 2_000
PART_NODES = 50_000


def translate(
    formula: Formula,
    propositions: tuple[str, ...] | None = None,
    *,
    name: str = "formula",
    exclusive: Collection[str] = (),
) -> Dfa:
    """The minimal DFA of the non-empty finite words that satisfy ``formula``.

    ``propositions`` defaults to the formula's atoms and ``exclusive``. Of ``exclusive``, if given, exactly one holds at
    each position of the words (as of the steps of a spec). States are numbered breadth first, the dead state is left
    out. The edges are ``Decisions``. Raises TooLarge, naming ``name``, past this module's limits on states, diagram
    nodes and seconds.
    """
    found = tuple(sorted({*atoms(formula), *exclusive})) if propositions is None else propositions
    first = [name for name in found if name in exclusive]
    order = [*first, *[name for name in found if name not in exclusive]]
    effort = Effort(name, STATE_LIMIT, NODE_LIMIT, SECONDS_LIMIT)
    kernel = Kernel()
    root = kernel.number(formula)
    try:
        forest = _Translation(kernel, order, len(first), effort).forest(root)
        if first:
            forest = product(forest, exactly_one(range(len(first))), effort, both=True)
    except RecursionError:
        raise effort.refusal("its decision diagrams are too deep") from None
    return numbered(forest, order, found)


class _Translation:
    def __init__(self, kernel: Kernel, order: Sequence[str], exclusive: int, effort: Effort) -> None:
        self._kernel, self._order, self._exclusive, self._effort = kernel, order, exclusive, effort

    def forest(self, root: int) -> Forest:
        """The minimal automaton, by parts where there are many and none of them is large alone."""
        parts = self._parts(root)
        if len(parts) >= PARTS:
            try:
                narrow = self._effort.share(PART_STATES, PART_NODES)
                return self._multiplied([(self._direct(part, narrow), self._atoms(part)) for part in parts], root & 1)
            except TooLarge:
                pass
        return self._direct(root, self._effort)

    def _direct(self, root: int, effort: Effort) -> Forest:
        return minimised(Progression(self._kernel, root, self._order, effort, self._exclusive).explore())

    def _parts(self, root: int) -> list[int]:
        """The operands of a conjunction, or (negated) disjunction; those without an until are kept together."""
        kernel = self._kernel
        sign = root & 1
        parts: list[int] = []
        plain: list[int] = []
        stack = [root ^ sign]
        while stack:
            f = stack.pop()
            if f & 1 == 0 and kernel.kinds[f >> 1] == Kind.AND and f == root ^ sign:
                stack += reversed(kernel.parts[f >> 1])
                continue
            lasting = any(kernel.kinds[place] in (Kind.UNTIL, Kind.SINCE) for place in kernel.below(f))
            (parts if lasting else plain).append(f ^ sign)
        if plain:
            parts.append(kernel.conj([f ^ sign for f in plain]) ^ sign)
        return parts

    def _atoms(self, root: int) -> frozenset[str]:
        names = self._kernel.names
        return frozenset(names[place] for place in self._kernel.below(root) if place in names)

    def _multiplied(self, parts: list[tuple[Forest, frozenset[str]]], union: int) -> Forest:
        while len(parts) > 1:
            one, two = min(combinations(parts, 2), key=_cost)
            parts = [part for part in parts if part is not one and part is not two]
            both = product(one[0], two[0], self._effort, both=not union)
            parts.append((minimised(both), one[1] | two[1]))
        return parts[0][0]


def _cost(pair: tuple[tuple[Forest, frozenset[str]], ...]) -> tuple[int, int]:
    one, two = pair
    return len(one[0].roots) * len(two[0].roots) >> 2 * len(one[1] & two[1]), len(one[1] | two[1])


def numbered(forest: Forest, order: Sequence[str], propositions: tuple[str, ...]) -> Dfa:
    """The automaton with states numbered breadth first, nodes in the order of that walk, and no dead state."""
    size, dead = len(forest.roots), forest.dead
    place: dict[int, int] = {dead: REJECTED, 0: -2}
    queue = [0]
    names: list[str] = []
    lows: list[int] = []
    highs: list[int] = []
    roots: list[int] = []

    def visit(node: int) -> int:
        found = place.get(node)
        if found is not None:
            return found
        if node < size:
            place[node] = -2 - len(queue)
            queue.append(node)
            return place[node]
        low, high = visit(forest.low[node - size]), visit(forest.high[node - size])
        place[node] = len(names)
        names.append(order[forest.rank[node - size]])
        lows.append(low)
        highs.append(high)
        return place[node]

    for state in queue:
        roots.append(REJECTED if state == dead else visit(forest.roots[state]))
    accepting = frozenset(index for index, state in enumerate(queue) if forest.accepting[state])
    return Dfa(propositions, 0, accepting, Decisions(tuple(roots), tuple(names), tuple(lows), tuple(highs)))
