"""Deterministic finite automata over letters: the finite case of a spec's automaton."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.diagram import Decisions, Edges
from agentspec.automata.letter import Letter
from agentspec.automata.partition import equivalent_states
from agentspec.errors import TooLarge

_KEPT = 100_000
"""Steps that an automaton over letters remembers."""


@dataclass(frozen=True)
class Dfa:
    """Deterministic: the letters that leave a state are disjoint; a missing transition rejects.

    ``edges[q]`` holds ``(letter, target)``; states are ``0 .. len(edges) - 1``. Those of a formula are ``Decisions``,
    which may stand for very many letters: ask for ``successors`` and ``complete`` where the letters do not matter.
    """

    propositions: tuple[str, ...]
    initial: int
    accepting: frozenset[int]
    edges: Sequence[Edges]

    def step(self, state: int, valuation: Collection[str]) -> int | None:
        """The successor under a valuation (the set of true propositions), or None: the word is rejected."""
        if isinstance(self.edges, Decisions):
            return self.edges.step(state, valuation)
        key = (state, self._own.intersection(valuation))
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= _KEPT:
                self._known.clear()
            matching = (target for letter, target in self.edges[state] if letter.matches(valuation))
            found = self._known[key] = next(matching, None)
            return found

    @cached_property
    def _own(self) -> frozenset[str]:
        """The propositions that the letters name."""
        return frozenset[str]().union(*[letter.true | letter.false for edges in self.edges for letter, _ in edges])

    @cached_property
    def _known(self) -> dict[tuple[int, frozenset[str]], int | None]:
        return {}

    def successors(self, state: int) -> tuple[int, ...]:
        """The different states that the edges of a state lead to, in the order of its edges."""
        if isinstance(self.edges, Decisions):
            return self.edges.successors(state)
        return tuple(dict.fromkeys([target for _, target in self.edges[state]]))

    def complete(self, state: int) -> bool:
        """Whether every valuation of the propositions has a transition."""
        if isinstance(self.edges, Decisions):
            return self.edges.complete(state)
        width = len(self.propositions)
        return sum(1 << (width - len(a.true | a.false)) for a, _ in self.edges[state]) == 1 << width

    def accepts(self, word: Iterable[Collection[str]]) -> bool:
        """Whether the word of valuations is in the language."""
        state: int | None = self.initial
        for valuation in word:
            if state is None:
                return False
            state = self.step(state, valuation)
        return state in self.accepting

    @cached_property
    def live(self) -> frozenset[int]:
        """The states from which an accepting state can be reached."""
        if isinstance(self.edges, Decisions):
            return self.edges.reaching(self.accepting)
        return backward({q: list(self.successors(q)) for q in range(len(self.edges))}, self.accepting)

    @cached_property
    def firm(self) -> frozenset[int]:
        """The states from which every word, the empty one included, is accepted."""
        states = range(len(self.edges))
        refusing = [q for q in states if q not in self.accepting]
        if isinstance(self.edges, Decisions):
            return frozenset(states) - self.edges.reaching(refusing, rejection=True)
        doubtful = [*refusing, *(q for q in states if not self.complete(q))]
        return frozenset(states) - backward({q: list(self.successors(q)) for q in states}, doubtful)

    def shortest_word(self) -> tuple[Letter, ...] | None:
        """A shortest accepted word, as letters, or None when the language is empty."""
        return shortest_path(self.initial, lambda q: self.edges[q], self.accepting.__contains__)

    def _repr_svg_(self) -> str | None:
        """The picture a notebook shows; None (then it shows the text) where there are too many states for one."""
        from agentspec.automata.svg import to_svg

        try:
            return to_svg(self)
        except TooLarge:
            return None


def backward(successors: dict[int, list[int]], goal: Iterable[int]) -> frozenset[int]:
    """All states from which ``goal`` can be reached."""
    before: dict[int, list[int]] = {}
    for source, targets in successors.items():
        for target in targets:
            before.setdefault(target, []).append(source)
    reached = set(goal)
    stack = list(reached)
    while stack:
        for source in before.get(stack.pop(), ()):
            if source not in reached:
                reached.add(source)
                stack.append(source)
    return frozenset(reached)


def shortest_path(
    initial: int, edges: Callable[[int], Iterable[tuple[Letter, int]]], goal: Callable[[int], bool]
) -> tuple[Letter, ...] | None:
    """Breadth first: the letters of a shortest path from ``initial`` to a state in ``goal``, or None."""
    came: dict[int, tuple[int, Letter] | None] = {initial: None}
    queue = deque([initial])
    while queue:
        state = queue.popleft()
        if goal(state):
            path: list[Letter] = []
            link = came[state]
            while link is not None:
                path.append(link[1])
                link = came[link[0]]
            return tuple(reversed(path))
        for letter, target in edges(state):
            if target not in came:
                came[target] = (state, letter)
                queue.append(target)
    return None


def minimal(dfa: Dfa) -> tuple[Dfa, tuple[int | None, ...]]:
    """The minimal automaton of the same language, and for each old state its new one (None: dead or unreachable).

    The letters of all states must be drawn from one set of pairwise disjoint letters (as those of a spec are).
    States are numbered breadth first; the dead state is left out, except when it is the initial one.
    """
    live = dfa.live
    trimmed = [[(a, t) for a, t in edges if t in live] for edges in dfa.edges]
    classes = equivalent_states([q in dfa.accepting for q in range(len(trimmed))], trimmed)
    number: dict[int, int] = {classes[dfa.initial]: 0}
    queue = deque([dfa.initial])
    edges: list[tuple[tuple[Letter, int], ...]] = []
    while queue:
        outgoing = []
        for letter, target in trimmed[queue.popleft()]:
            if classes[target] not in number:
                number[classes[target]] = len(number)
                queue.append(target)
            outgoing.append((letter, number[classes[target]]))
        edges.append(tuple(outgoing))
    image = tuple(number.get(classes[q]) if q in live or q == dfa.initial else None for q in range(len(trimmed)))
    accepting = frozenset(new for q, new in enumerate(image) if new is not None and q in dfa.accepting)
    return Dfa(dfa.propositions, 0, accepting, tuple(edges)), image
