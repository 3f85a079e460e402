"""Deterministic automata of formulas over infinite words.

Boolean structure at the top becomes products whose acceptance conditions are joined. What is left is made minimal where
it is an obligation (``weak``), taken as it is where it, or its negation, comes out deterministic, and determinised
otherwise (``safra``): by breakpoints where one of the two is a weak automaton, else by trees.
"""

from __future__ import annotations

from agentspec.automata.expansion import generalised_buchi
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega_graph import Graph, complement, completed, product
from agentspec.automata.reduce import merged, plain_marks, reduced, trimmed
from agentspec.automata.safra import breakpoints, determinised, language_classes, one_set, redirected
from agentspec.automata.weak import accepting_states, minimal_weak, weak_deterministic
from agentspec.logic.endless import endless
from agentspec.logic.formula import PAST, And, Formula, Next, Not, Or, Release, Until, subformulas

SMALL = 5
"""States of nondeterministic automata up to which a formula and its negation are both determinised by trees."""

COMPARED = 16
"""States of deterministic automata up to which the languages of all pairs of states are compared."""


def deterministic_graph(formula: Formula, names: tuple[str, ...], table: Mtbdd) -> Graph:
    """A deterministic graph of the infinite words that satisfy ``formula``. Raises TooLarge as the table's effort."""
    return _Determinization(names, table).graph(endless(formula))


class _Determinization:
    def __init__(self, names: tuple[str, ...], table: Mtbdd) -> None:
        self._names, self._table = names, table
        self._made: dict[Formula, Graph] = {}
        self._buchi: dict[Formula, Graph] = {}

    def graph(self, formula: Formula) -> Graph:
        found = self._made.get(formula)
        if found is None:
            opposite = endless(Not(formula))
            if opposite in self._made:
                found = cleaned(complement(self._made[opposite]))
            elif isinstance(formula, And | Or):
                found = self._joined(formula)
            else:
                found = self._single(formula)
            self._made[formula] = found
        return found

    def _joined(self, formula: And | Or) -> Graph:
        every = isinstance(formula, And)
        parts = [self.graph(part) for part in formula.operands]
        parts.sort(key=lambda part: (len(part.acceptance.marks()), len(part.roots)))
        found = parts[0]
        for part in parts[1:]:
            one, two = (found, part) if every else (completed(found), completed(part))
            found = cleaned(product(one, two, every=every))
        return found

    def _single(self, formula: Formula) -> Graph:
        own = self._nondeterministic(formula)
        if own.deterministic:
            return cleaned(own)
        opposite = endless(Not(formula))
        weak = weak_deterministic(own, lambda: self._nondeterministic(opposite), sure=is_obligation(formula))
        if weak is not None:
            return weak
        other = self._nondeterministic(opposite)
        if other.deterministic:
            return cleaned(complement(other))
        found = []
        for graph, negate in ((other, False), (own, True)):
            staying = accepting_states(graph)
            if staying is not None:
                buchi = breakpoints(graph, staying)
                found.append(_smallest(complement(buchi) if negate else buchi))
        return min(found, key=_size) if found else self._by_trees(own, other)

    def _nondeterministic(self, formula: Formula) -> Graph:
        found = self._buchi.get(formula)
        if found is None:
            found = self._buchi[formula] = reduced(generalised_buchi(formula, self._names, self._table))
        return found

    def _by_trees(self, own: Graph, other: Graph) -> Graph:
        one, two = one_set(own), one_set(other)
        both = max(len(one.roots), len(two.roots)) <= SMALL
        found = []
        if both or len(one.roots) <= len(two.roots):
            found.append(_smallest(determinised(one)))
        if both or not found:
            found.append(_smallest(complement(determinised(two))))
        return min(found, key=_size)


def _size(graph: Graph) -> tuple[int, int]:
    return len(graph.roots), len(graph.acceptance.marks())


def _smallest(graph: Graph) -> Graph:
    """``cleaned``, and of states with equal languages in different components only the last ones are kept."""
    small = cleaned(graph)
    if 1 < len(small.roots) <= COMPARED:
        small = cleaned(redirected(small, language_classes(small)))
    return small


def cleaned(graph: Graph) -> Graph:
    """A smaller deterministic graph of the same language, the minimal one where it is weak."""
    small = trimmed(graph)
    accepting = accepting_states(small)
    if accepting is not None:
        return minimal_weak(small, accepting)
    return plain_marks(merged(plain_marks(small)))


def is_obligation(formula: Formula) -> bool:
    """Whether a formula in the form of ``endless`` is an obligation by its form.

    Černá & Pelánek, "Relating hierarchy of temporal properties to model checking" (MFCS 2003): safety formulas have no
    until, guarantees no release; obligations are made of both by ``&`` and ``|``, by an until that ends in a guarantee
    and by a release of a safety formula.
    """
    safety: dict[Formula, bool] = {}
    guarantee: dict[Formula, bool] = {}
    obligation: dict[Formula, bool] = {}
    for node in subformulas(formula):
        below = node.children()
        safety[node] = not isinstance(node, Until) and all(safety[child] for child in below)
        guarantee[node] = not isinstance(node, Release) and all(guarantee[child] for child in below)
        whole = safety[node] or guarantee[node]
        match node:
            case And(parts) | Or(parts):
                whole = whole or all(obligation[part] for part in parts)
            case Next(a):
                whole = whole or obligation[a]
            case Until(a, b):
                whole = whole or (obligation[a] and guarantee[b])
            case Release(a, b):
                whole = whole or (obligation[a] and safety[b])
            case _ if isinstance(node, PAST):
                whole = whole or all(safety[child] and guarantee[child] for child in below)
        obligation[node] = whole
    return obligation[formula]
