"""What becomes of a rule of a session without an end, as far as a log of it goes.

Three values, after Bauer, Leucker & Schallhart, "Runtime Verification for LTL and TLTL" (TOSEM 20(4), 2011): violated
where no session that goes on satisfies the rule, satisfied where every one does, else undecided. The first is told by
the rule's Büchi automaton, the second by its negation's: no run is left in states from which one can be accepting.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import combinations

from agentspec import limits
from agentspec.automata.buchi import Buchi
from agentspec.automata.letter import Letter
from agentspec.automata.monitor import Monitor
from agentspec.logic.formula import Formula, Not, atoms

_State = tuple[frozenset[int], frozenset[int], int | None]


class SessionMonitor:
    """Read as a `Monitor` is. With a view, ``word`` is the rule's monitor on finite words that has the same view.

    A session of which a view sees no more counts as the finite word that was seen.
    """

    initial = 0

    def __init__(
        self,
        formula: Formula,
        *,
        name: str = "formula",
        sees: Callable[[Letter], bool] | None = None,
        word: Monitor | None = None,
    ) -> None:
        from agentspec.automata.translate_omega import to_buchi

        self._atoms = atoms(formula)
        self._sees, self._word = sees, word
        self._yes = _Runs(to_buchi(formula, name=name))
        self._no = _Runs(to_buchi(Not(formula), name=name))
        start: _State = (self._yes.initial, self._no.initial, word.initial if word else None)
        self._states: list[_State] = [start]
        self._numbers: dict[_State, int] = {start: 0}

    def step(self, state: int, letter: Letter) -> int:
        """The state after ``letter``."""
        if self._sees is not None and not self._sees(letter):
            return state
        yes, no, word = self._states[state]
        if self._word is not None and word is not None:
            word = self._word.step(word, letter)
        return self._numbered((self._yes.step(yes, letter.true), self._no.step(no, letter.true), word))

    def _numbered(self, state: _State) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]

    def lost(self, state: int | None) -> bool:
        """Whether no session that goes on from here satisfies the rule."""
        if state is None:
            return True
        yes, _, word = self._states[state]
        return not yes and (self._word is None or self._word.lost(word))

    def settled(self, state: int) -> bool:
        """Whether every session that goes on from here satisfies the rule."""
        _, no, word = self._states[state]
        return not no and (self._word is None or (word is not None and self._word.settled(word)))

    def accepts_at(self, state: int) -> bool:
        """No session ends."""
        del state
        return False

    @property
    def deaf(self) -> bool:
        """Whether a position at which nothing holds surely changes nothing, wherever it stands behind the first."""
        if len(self._atoms) > limits.DEAF_ATOMS:
            return False
        sizes = range(len(self._atoms) + 1)
        letters = [Letter(frozenset(true)) for size in sizes for true in combinations(self._atoms, size)]
        entered = {self.step(0, letter) for letter in letters}
        queue = list(entered)
        for state in queue:
            if self.step(state, letters[0]) != state or len(queue) > limits.DEAF_STATES:
                return False
            for target in {self.step(state, letter) for letter in letters} - entered:
                entered.add(target)
                queue.append(target)
        return True


class _Runs:
    """The states that the runs of an automaton can be in, without those from which none can be accepting."""

    def __init__(self, automaton: Buchi) -> None:
        self._edges = automaton.edges
        self._live = _live(automaton)
        self.initial = frozenset({automaton.initial}) & self._live

    def step(self, states: frozenset[int], valuation: Collection[str]) -> frozenset[int]:
        return frozenset(
            edge.target
            for state in states
            for edge in self._edges[state]
            if edge.target in self._live and edge.letter.matches(valuation)
        )


def _live(automaton: Buchi) -> frozenset[int]:
    """The states from which some run is accepting: those that reach a component with every mark inside."""
    import networkx

    graph = networkx.DiGraph()
    graph.add_nodes_from(range(len(automaton.edges)))
    graph.add_edges_from((state, edge.target) for state, edges in enumerate(automaton.edges) for edge in edges)
    good: set[int] = set()
    for component in networkx.strongly_connected_components(graph):
        inner = [edge.marks for state in component for edge in automaton.edges[state] if edge.target in component]
        if inner and frozenset().union(*inner) >= frozenset(range(automaton.sets)):
            good |= component
    reversed_graph = graph.reverse(copy=False)
    live = set(good)
    stack = list(good)
    while stack:
        for before in reversed_graph[stack.pop()]:
            if before not in live:
                live.add(before)
                stack.append(before)
    return frozenset(live)
