"""Finite words read off an automaton of word·end^ω (De Giacomo & Vardi 2013), the inverse of ``buchi.from_dfa``."""

from __future__ import annotations

from collections.abc import Iterable

from agentspec.automata.buchi import END, Buchi
from agentspec.automata.canonical import canonical
from agentspec.automata.dfa import Dfa, backward
from agentspec.automata.letter import Letter
from agentspec.errors import InvalidInput


def words_until_end(automaton: Buchi, *, end: str = END, source: str = "<hoa>") -> Dfa:
    """The minimal DFA of the words ``w`` such that a deterministic automaton accepts ``w`` and then ``end`` for ever.

    Where ``end`` holds nothing else need hold. Raises InvalidInput, naming ``source``, unless the automaton accepts
    only words that end.
    """
    ending = _Ending(automaton, end)
    ending.require_finite(source)
    propositions = tuple(name for name in automaton.propositions if name != end)
    edges = tuple(tuple(ending.before_end(q)) for q in range(len(automaton.edges)))
    accepting = frozenset(q for q in range(len(edges)) if ending.ends_well(q))
    return canonical(Dfa(propositions, automaton.initial, accepting, edges), source)


class _Ending:
    """An automaton whose transitions are known to belong to the word, to its end, or to either."""

    def __init__(self, automaton: Buchi, end: str) -> None:
        self._automaton, self._name, self._end = automaton, end, frozenset({end})

    def before_end(self, state: int) -> Iterable[tuple[Letter, int]]:
        """The transitions that need no end, without its proposition."""
        for edge in self._automaton.edges[state]:
            letter = edge.letter
            if not self._end & letter.true:
                yield Letter(letter.true - self._end, letter.false - self._end), edge.target

    def _at_end(self, state: int) -> list[int]:
        return [edge.target for edge in self._automaton.edges[state] if not self._end & edge.letter.false]

    def ends_well(self, state: int) -> bool:
        """Whether the end, for ever, is accepted from this state."""
        place: dict[int, int] = {}
        marks: list[frozenset[int]] = []
        while state not in place:
            place[state] = len(marks)
            edge = next((edge for edge in self._automaton.edges[state] if edge.letter.matches(self._end)), None)
            if edge is None:
                return False
            state = edge.target
            marks.append(edge.marks)
        return frozenset().union(*marks[place[state] :]) >= frozenset(range(self._automaton.sets))

    def require_finite(self, source: str) -> None:
        """Raises InvalidInput where a word is accepted that has no end, or goes on after it."""
        every = {q: [edge.target for edge in edges] for q, edges in enumerate(self._automaton.edges)}
        before = {q: [target for _, target in self.before_end(q)] for q in every}
        word = _reached([self._automaton.initial], before)
        if any(component <= word for component in self._fair(before)):
            raise InvalidInput(f"{source}: no automaton of finite words: it accepts a word without '{self._name}'")
        after = _reached([target for q in word for target in self._at_end(q)], every)
        live = backward(every, [q for component in self._fair(every) for q in component])
        if any(target in live for q in after for target in before[q]):
            raise InvalidInput(f"{source}: no automaton of finite words: a word may go on after '{self._name}'")

    def _fair(self, successors: dict[int, list[int]]) -> list[frozenset[int]]:
        """The strongly connected parts, under these transitions, in which all acceptance sets can be met."""
        import networkx

        graph = networkx.DiGraph()
        graph.add_nodes_from(successors)
        graph.add_edges_from((q, target) for q, targets in successors.items() for target in targets)
        found = []
        for component in map(frozenset, networkx.strongly_connected_components(graph)):
            inner = [
                edge.marks
                for q in component
                for edge in self._automaton.edges[q]
                if edge.target in component and edge.target in successors[q]
            ]
            if inner and frozenset().union(*inner) >= frozenset(range(self._automaton.sets)):
                found.append(component)
        return found


def _reached(start: Iterable[int], successors: dict[int, list[int]]) -> frozenset[int]:
    reached = set(start)
    stack = list(reached)
    while stack:
        for target in successors[stack.pop()]:
            if target not in reached:
                reached.add(target)
                stack.append(target)
    return frozenset(reached)
