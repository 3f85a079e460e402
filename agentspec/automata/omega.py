"""Deterministic automata of infinite words with any acceptance condition, marks on the transitions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.acceptance import Acceptance
from agentspec.automata.buchi import Edge

_KEPT = 100_000


@dataclass(frozen=True)
class Omega:
    """States are ``0 .. len(edges) - 1``; no valuation enables two transitions of one; a missing one rejects.

    A word is accepted if the marks that its run meets infinitely often fulfil ``acceptance``.
    """

    propositions: tuple[str, ...]
    initial: int
    edges: tuple[tuple[Edge, ...], ...]
    acceptance: Acceptance

    def step(self, state: int, valuation: Collection[str]) -> Edge | None:
        """The transition under a valuation (the set of true propositions), or None: every continuation is rejected."""
        key = (state, self._tested[state].intersection(valuation))
        try:
            return self._known[key]
        except KeyError:
            found = next((edge for edge in self.edges[state] if edge.letter.matches(key[1])), None)
            if len(self._known) < _KEPT:
                self._known[key] = found
            return found

    @cached_property
    def _tested(self) -> tuple[frozenset[str], ...]:
        """For each state the propositions that its letters name."""
        return tuple(
            frozenset[str]().union(*[edge.letter.true | edge.letter.false for edge in edges]) for edges in self.edges
        )

    @cached_property
    def _known(self) -> dict[tuple[int, frozenset[str]], Edge | None]:
        return {}

    def accepts(self, prefix: Sequence[Collection[str]], loop: Sequence[Collection[str]]) -> bool:
        """Whether ``prefix · loop^ω`` is accepted. Raises ValueError where ``loop`` is empty."""
        if not loop:
            raise ValueError("the loop of a lasso is not empty")
        state = self.initial
        for valuation in prefix:
            edge = self.step(state, valuation)
            if edge is None:
                return False
            state = edge.target
        rounds: dict[int, frozenset[int]] = {}
        while state not in rounds:
            start, met = state, frozenset[int]()
            for valuation in loop:
                edge = self.step(state, valuation)
                if edge is None:
                    return False
                state, met = edge.target, met | edge.marks
            rounds[start] = met
        again = list(rounds)[list(rounds).index(state) :]
        return self.acceptance.accepts(frozenset[int]().union(*[rounds[q] for q in again]))
