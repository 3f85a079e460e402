"""A rule's automaton read over a spec's letters: one look-up a step, and what can still become of the rule."""

from __future__ import annotations

from collections.abc import Callable

from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter

UNSEEN = -1
"""The state of a monitor with a view that has seen no position yet."""


class Monitor:
    """The minimal DFA of a rule as a component of a product.

    With ``sees`` only the letters it is true of are read, an inverse projection; ``nothing`` is then whether the rule
    holds where none was read at all (`holds_on_nothing`).
    """

    def __init__(self, dfa: Dfa, *, sees: Callable[[Letter], bool] | None = None, nothing: bool = False) -> None:
        self.dfa = dfa
        self.initial = dfa.initial if sees is None else UNSEEN
        self._sees = sees
        self._nothing = nothing
        self._known: dict[tuple[int, Letter], int | None] = {}

    def reads(self, letter: Letter) -> bool:
        """Whether the letter is in the rule's view."""
        return self._sees is None or self._sees(letter)

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None: no continuation satisfies the rule."""
        key = (state, letter)
        try:
            return self._known[key]
        except KeyError:
            after = self._known[key] = self._step(state, letter)
            return after

    def _step(self, state: int, letter: Letter) -> int | None:
        if not self.reads(letter):
            return state
        return self.dfa.step(self.dfa.initial if state == UNSEEN else state, letter.true)

    def accepts_at(self, state: int) -> bool:
        """Whether the rule holds of the word that ends here."""
        return self._nothing if state == UNSEEN else state in self.dfa.accepting

    def lost(self, state: int | None) -> bool:
        """Whether no continuation, the empty one included, satisfies the rule."""
        if state is None:
            return True
        if state == UNSEEN:
            return not self._nothing and self.dfa.initial not in self.dfa.live
        return state not in self.dfa.live

    def settled(self, state: int) -> bool:
        """Whether every continuation, the empty one included, satisfies the rule."""
        if state == UNSEEN:
            first = self.dfa.initial
            return self._nothing and self.dfa.complete(first) and self.dfa.firm.issuperset(self.dfa.successors(first))
        return state in self.dfa.firm
