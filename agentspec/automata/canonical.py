"""The one minimal automaton of a language of finite words, whoever built it.

Equal languages over the same propositions give equal values, because both the diagram of a state and the numbers of the
states are read off reduced decision diagrams (Bryant 1986), whose form depends on the language alone.
"""

from __future__ import annotations

from agentspec import limits
from agentspec.automata.dfa import Dfa
from agentspec.automata.effort import Effort
from agentspec.automata.forest import gathered, minimised
from agentspec.automata.translate import numbered

_Cube = tuple[tuple[int, bool], ...]
"""The literals of a cube by rank, the smallest first."""


def canonical(dfa: Dfa, name: str = "automaton") -> Dfa:
    """The automaton that ``translate`` gives for the same language: minimal, numbered breadth first, no dead state.

    (Of many propositions ``translate`` may test some in another order, by which it then numbers too.)

    The letters must be cubes of propositions, without steps. The empty word, if accepted, no longer is. Raises TooLarge
    naming ``name`` where the cubes of a state are too entangled.
    """
    effort = Effort(name, len(dfa.edges) + 2, limits.CANONICAL_WORK, limits.CANONICAL_SECONDS)
    rank_of = {name: rank for rank, name in enumerate(dfa.propositions)}
    diagrams = _Diagrams(len(dfa.edges), effort)
    roots = []
    for edges in dfa.edges:
        cubes = [
            (tuple(sorted((rank_of[name], name in letter.true) for name in letter.true | letter.false)), target)
            for letter, target in edges
        ]
        roots.append(diagrams.node(cubes))
    roots = [roots[dfa.initial], *roots, ~(len(roots) + 1)]
    accepting = [False, *[state in dfa.accepting for state in range(len(dfa.edges))], False]
    ranks, lows, highs = (
        (list(column) for column in zip(*diagrams.unique, strict=True)) if diagrams.unique else ([],) * 3
    )
    forest = minimised(gathered(ranks, lows, highs, roots, accepting), effort)
    return numbered(forest, dfa.propositions, dfa.propositions)


class _Diagrams:
    """Hash-consed nodes; ``~(q + 1)`` is the leaf of state ``q``, since 0 will be a copy of the initial one."""

    def __init__(self, dead: int, effort: Effort) -> None:
        self.unique: dict[tuple[int, int, int], int] = {}
        self._dead, self._effort = dead, effort
        self._work = 0

    def node(self, edges: list[tuple[_Cube, int]]) -> int:
        """The diagram of disjoint cubes, each with its target."""
        if not edges:
            return ~(self._dead + 1)
        for cube, target in edges:
            if not cube:
                return ~(target + 1)
        self._work += 1
        self._effort.spent(self._work)
        rank = min(cube[0][0] for cube, _ in edges)
        low, high = self._branch(edges, rank, False), self._branch(edges, rank, True)
        return low if low == high else self.unique.setdefault((rank, low, high), len(self.unique))

    def _branch(self, edges: list[tuple[_Cube, int]], rank: int, value: bool) -> int:
        return self.node(
            [
                (cube[1:] if cube[0][0] == rank else cube, target)
                for cube, target in edges
                if cube[0] != (rank, not value)
            ]
        )
