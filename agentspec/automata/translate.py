"""LTLf with past to the minimal DFA.

A formula is progressed directly (``progress``), except that a conjunction or disjunction of many rules is translated
rule by rule and the minimal automata are multiplied, those with the most propositions in common first (``forest``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heappop, heappush

from agentspec import limits
from agentspec.automata.bdd import TRUE
from agentspec.automata.dfa import Dfa
from agentspec.automata.diagram import REJECTED, Decisions
from agentspec.automata.effort import Effort
from agentspec.automata.forest import Forest, exactly_one, minimised, product
from agentspec.automata.kernel import Kernel, Kind
from agentspec.automata.progress import Progression
from agentspec.errors import TooLarge
from agentspec.logic.formula import Formula, atoms

SORTED = 8
"""Of more propositions the diagrams test them in the order in which the formula names them, else in the given one."""
PARTS = 6
"""From so many temporal operators on, a conjunction or disjunction is translated operand by operand."""


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
    kernel = Kernel()
    root = kernel.number(formula)
    named = {*atoms(formula), *exclusive}
    listed = tuple(sorted(named)) if propositions is None else propositions
    order = tested([one for one in listed if one in named], kernel)
    order.sort(key=lambda one: one not in exclusive)
    ranks = range(len(set(exclusive)))
    effort = Effort(name, limits.TRANSLATION_STATES, limits.TRANSLATION_NODES, limits.TRANSLATION_SECONDS)
    try:
        forest = _Translation(kernel, order, len(ranks)).forest(root, effort)
        if ranks:
            forest = product(forest, exactly_one(ranks), effort, both=True)
        return numbered(forest, order, listed)
    except RecursionError:
        raise effort.refusal("its decision diagrams are too deep") from None


def tested(propositions: Sequence[str], kernel: Kernel) -> list[str]:
    """The order in which diagrams test propositions: as given, or if there are many as the formula names them."""
    if len(propositions) <= SORTED:
        return list(propositions)
    met = {name: place for place, name in kernel.names.items()}
    return sorted(propositions, key=lambda name: met.get(name, 0))


class _Translation:
    def __init__(self, kernel: Kernel, order: Sequence[str], exclusive: int) -> None:
        self._kernel, self._order, self._exclusive = kernel, order, exclusive

    def forest(self, root: int, effort: Effort) -> Forest:
        """The minimal automaton, by parts where there is much to do and none of them is large alone."""
        if self._temporal(root) < PARTS:
            return self._directly(root, effort)
        for sign in (0, 1):
            root = self._kernel.conj(self._spread(root ^ sign)) ^ sign
        parts = self._parts(root)
        if len(parts) > 1:
            narrow = effort.share(limits.PART_STATES, limits.PART_NODES)
            try:
                found = [self.forest(part, narrow) for part in parts]
            except TooLarge:
                pass
            else:
                names = [self._atoms(part) for part in parts]
                return _multiplied(list(zip(found, names, strict=True)), effort, both=not root & 1)
        return self._directly(root, effort)

    def _directly(self, root: int, effort: Effort) -> Forest:
        return minimised(Progression(self._kernel, root, self._order, effort, self._exclusive).explore(), effort)

    def _parts(self, root: int) -> list[int]:
        """The operands of a conjunction, or (negated) disjunction; those without an until are kept together."""
        kernel = self._kernel
        sign = root & 1
        if kernel.kinds[root >> 1] != Kind.AND:
            return [root]
        operands = [operand for part in kernel.parts[root >> 1] for operand in self._spread(part)]
        lasting = [f for f in operands if self._lasting(f)]
        plain = kernel.conj([f for f in operands if not self._lasting(f)])
        return [f ^ sign for f in (lasting if plain == TRUE else [*lasting, plain])]

    def _spread(self, f: int) -> tuple[int, ...]:
        """``G(a & b)`` as ``G a`` and ``G b``."""
        kernel = self._kernel
        kind, inside = kernel.kinds[f >> 1], kernel.parts[f >> 1]
        if f & 1 and kind == Kind.UNTIL and inside[0] == TRUE and inside[1] & 1:
            body = inside[1] >> 1
            if kernel.kinds[body] == Kind.AND:
                return tuple([kernel.until(TRUE, part ^ 1) ^ 1 for part in kernel.parts[body]])
        return (f,)

    def _lasting(self, root: int) -> bool:
        kinds = self._kernel.kinds
        return any(kinds[place] in (Kind.UNTIL, Kind.SINCE) for place in self._kernel.below(root))

    def _temporal(self, root: int) -> int:
        kinds = self._kernel.kinds
        return sum(kinds[place] >= Kind.NEXT for place in self._kernel.below(root))

    def _atoms(self, root: int) -> frozenset[str]:
        names = self._kernel.names
        return frozenset(names[place] for place in self._kernel.below(root) if place in names)


Part = tuple[Forest, frozenset[str]]
"""A minimal automaton and the propositions it reads."""


def _multiplied(parts: list[Part], effort: Effort, *, both: bool) -> Forest:
    """The product of all, small ones first and those that share propositions."""
    waiting: list[tuple[int, int, int, int]] = []
    alive: set[int] = set()

    def pair(new: int) -> None:
        for old in alive:
            heappush(waiting, (*_cost(parts[old], parts[new]), old, new))
        alive.add(new)

    for number in range(len(parts)):
        pair(number)
    while len(alive) > 1:
        *_, one, two = heappop(waiting)
        if alive >= {one, two}:
            alive -= {one, two}
            forest = minimised(product(parts[one][0], parts[two][0], effort, both=both), effort)
            parts.append((forest, parts[one][1] | parts[two][1]))
            pair(len(parts) - 1)
    return parts[alive.pop()][0]


def _cost(one: Part, two: Part) -> tuple[int, int]:
    """What is multiplied first: few states, divided by four for each proposition in common."""
    states = len(one[0].roots) * len(two[0].roots)
    return states >> min(2 * len(one[1] & two[1]), 60), len(one[1] | two[1])


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
