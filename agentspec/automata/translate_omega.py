"""LTL with past over infinite words to Büchi automata and to deterministic ones.

``X`` and ``N`` mean the same here and ``last`` is false. The automata and what makes them small: ``expansion``,
``reduce``, ``determinize``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from agentspec import limits
from agentspec.automata.buchi import Buchi
from agentspec.automata.determinize import deterministic_graph
from agentspec.automata.effort import Effort
from agentspec.automata.expansion import generalised_buchi
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega import Omega
from agentspec.automata.omega_graph import edges_of
from agentspec.automata.reduce import reduced
from agentspec.logic.formula import Formula, atoms

T = TypeVar("T")


def to_buchi(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Buchi:
    """A transition-based generalised Büchi automaton of the infinite words that satisfy ``formula``.

    ``propositions`` defaults to the formula's atoms. States are numbered breadth first. Raises TooLarge, naming
    ``name``, past this module's limits on states, diagram nodes and seconds.
    """
    names = atoms(formula) if propositions is None else propositions

    def made(table: Mtbdd) -> Buchi:
        graph = reduced(generalised_buchi(formula, names, table))
        initial, edges = edges_of(graph)
        return Buchi(names, initial, len(graph.acceptance.marks()), edges)

    return _limited(name, made)


def deterministic(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Omega:
    """A deterministic automaton of the infinite words that satisfy ``formula``.

    It is the minimal weak one where the language is an obligation. Conjunctions and disjunctions are products whose
    acceptance is joined, so that rules such as ``G(a -> F b)`` keep a mark each. Raises as ``to_buchi``.
    """
    names = atoms(formula) if propositions is None else propositions

    def made(table: Mtbdd) -> Omega:
        graph = deterministic_graph(formula, names, table)
        initial, edges = edges_of(graph)
        return Omega(names, initial, edges, graph.acceptance)

    return _limited(name, made)


def _limited(name: str, make: Callable[[Mtbdd], T]) -> T:
    effort = Effort(name, limits.OMEGA_STATES, limits.OMEGA_NODES, limits.OMEGA_SECONDS)
    try:
        return make(Mtbdd(effort))
    except RecursionError:
        raise effort.refusal("its decision diagrams are too deep") from None
