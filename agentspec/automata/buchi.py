"""Transition-based generalised Büchi automata: the one meaning of every spec.

A run is accepting if it takes transitions of every acceptance set infinitely often. The finite case is the language
word·end^ω (De Giacomo & Vardi 2013): after a word in the language, only the letter ``end`` for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from agentspec.automata.components import components
from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter

END = "end"


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition; ``marks`` are the acceptance sets it belongs to."""

    letter: Letter
    target: int
    marks: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Buchi:
    """States are ``0 .. len(edges) - 1``; acceptance is Inf(0) & … & Inf(sets - 1); may be nondeterministic."""

    propositions: tuple[str, ...]
    initial: int
    sets: int
    edges: tuple[tuple[Edge, ...], ...]

    @property
    def deterministic(self) -> bool:
        """Whether no valuation enables two transitions of one state."""
        return all(
            bool(a.letter.true & b.letter.false or a.letter.false & b.letter.true or _other_steps(a.letter, b.letter))
            for edges in self.edges
            for i, a in enumerate(edges)
            for b in edges[i + 1 :]
        )

    def accepts(self, prefix: Sequence[Collection[str]], loop: Sequence[Collection[str]]) -> bool:
        """Whether some run over ``prefix · loop^ω`` is accepting. Raises ValueError where ``loop`` is empty."""
        if not loop:
            raise ValueError("the loop of a lasso is not empty")
        word = [*prefix, *loop]
        following = [*range(1, len(word)), len(prefix)]
        number = {(self.initial, 0): 0}
        queue = [(self.initial, 0)]
        moves: list[list[tuple[int, frozenset[int]]]] = []
        for state, place in queue:
            outgoing: list[tuple[int, frozenset[int]]] = []
            for edge in self.edges[state]:
                if edge.letter.matches(word[place]):
                    target = (edge.target, following[place])
                    if target not in number:
                        number[target] = len(queue)
                        queue.append(target)
                    outgoing.append((number[target], edge.marks))
            moves.append(outgoing)
        component = components([[after for after, _ in outgoing] for outgoing in moves])
        met: dict[int, set[int]] = {}
        for node, outgoing in enumerate(moves):
            for after, marks in outgoing:
                if component[after] == component[node]:
                    met.setdefault(component[node], set()).update(marks)
        return any(len(marks & set(range(self.sets))) == self.sets for marks in met.values())


def _other_steps(a: Letter, b: Letter) -> bool:
    return a.step is not None and b.step is not None and a.step != b.step


def from_dfa(dfa: Dfa) -> Buchi:
    """The Büchi automaton of word·end^ω, ``end`` being a proposition that no word of the DFA holds."""
    final = len(dfa.edges)
    end = Letter(frozenset({END}))
    edges: list[tuple[Edge, ...]] = []
    for state, outgoing in enumerate(dfa.edges):
        own = [Edge(replace(letter, false=letter.false | {END}), target) for letter, target in outgoing]
        edges.append(tuple([*own, Edge(end, final)] if state in dfa.accepting else own))
    edges.append((Edge(end, final, frozenset({0})),))
    return Buchi((*dfa.propositions, END), dfa.initial, 1, tuple(edges))
