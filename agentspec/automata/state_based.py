"""Büchi automata with accepting states, for readers and formats that know no marks on transitions."""

from __future__ import annotations

from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter


def state_based(automaton: Buchi) -> Dfa:
    """The same language as `split` gives it."""
    return split(automaton)[0]


def split(automaton: Buchi) -> tuple[Dfa, tuple[int, ...]]:
    """The same language as a value with ``accepting`` states, of which some must be met infinitely often.

    It has the shape of a Dfa and none of its meaning: it may be nondeterministic, and it reads infinite words. States
    are split by the mark under which they are entered, and several acceptance sets are awaited one after the other
    (Gastin & Oddoux 2001). States are numbered breadth first; the second value says which state each was.
    """
    start = (automaton.initial, 0, automaton.sets == 0)
    number = {start: 0}
    edges: list[tuple[tuple[Letter, int], ...]] = []
    for state, awaited, _ in (queue := [start]):
        outgoing = []
        for edge in automaton.edges[state]:
            level = awaited
            while level < automaton.sets and level in edge.marks:
                level += 1
            all_met = level == automaton.sets
            entered = (edge.target, 0 if all_met else level, all_met)
            if entered not in number:
                number[entered] = len(number)
                queue.append(entered)
            outgoing.append((edge.letter, number[entered]))
        edges.append(tuple(outgoing))
    accepting = frozenset(place for (_, _, met), place in number.items() if met)
    return Dfa(automaton.propositions, 0, accepting, tuple(edges)), tuple(state for state, _, _ in queue)
