"""Automata as networkx graphs, for whoever wants to search, measure or draw them with that library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentspec.automata.acceptance import generalized_buchi
from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.omega import Omega
from agentspec.automata.view import Automaton, condition_in_words, moves_of

if TYPE_CHECKING:
    import networkx


def to_graph(
    automaton: Automaton, winning: frozenset[int] | None = None, *, position: int | None = None
) -> networkx.MultiDiGraph[int]:
    """A new graph with a node a state and an edge a transition, all of them: nothing is hidden or put together.

    Nodes are the states' numbers with ``initial`` and ``accepting`` (bool; no state of an automaton of infinite words
    accepts, its edges' marks do), ``winning`` (bool, where it is known) and ``position`` (bool, where one is given).
    Edges have ``step``, ``tool`` and ``owner`` (str or None), ``label`` (dict: proposition to bool, as in the JSON
    format; unnamed is any, for specs false), ``marks`` (tuple of int) and ``letter``, the `Letter` itself.
    The graph has ``propositions`` (tuple), ``initial`` and ``acceptance``: "finite", or the condition in words.
    Raises ValueError where ``position`` is no state.
    """
    import networkx

    states = range(len(automaton.edges))
    if position is not None and position not in states:
        raise ValueError(f"there is no state {position}: states are 0 to {len(states) - 1}")
    graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph(
        propositions=tuple(automaton.propositions), initial=automaton.initial, acceptance=_acceptance(automaton)
    )
    accepting = automaton.accepting if isinstance(automaton, Dfa) else frozenset[int]()
    for state in states:
        graph.add_node(state, initial=state == automaton.initial, accepting=state in accepting)
        if winning is not None:
            graph.nodes[state]["winning"] = state in winning
        if position is not None:
            graph.nodes[state]["position"] = state == position
    for state, moves in enumerate(moves_of(automaton)):
        for letter, target, marks in moves:
            graph.add_edge(
                state,
                target,
                step=letter.step,
                tool=letter.tool,
                owner=str(letter.owner) if letter.owner is not None else None,
                label={name: name in letter.true for name in sorted(letter.true | letter.false)},
                marks=marks,
                letter=letter,
            )
    return graph


def _acceptance(automaton: Automaton) -> str:
    match automaton:
        case Buchi(sets=sets):
            return condition_in_words(generalized_buchi(sets))
        case Omega(acceptance=condition):
            return condition_in_words(condition)
    return "finite"
