"""Automata as notebooks and terminals show them."""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.automata.dfa import Dfa
from agentspec.errors import TooLarge


@dataclass(frozen=True, repr=False)
class Automaton:
    """A deterministic automaton over steps; ``winning`` are the states from which the model can end well.

    Printed it is a list of transitions, in a notebook a picture.
    """

    dfa: Dfa
    winning: frozenset[int] | None = None
    title: str = ""

    def __len__(self) -> int:
        return len(self.dfa.edges)

    def __str__(self) -> str:
        from agentspec.automata.draw import to_text

        return to_text(self.dfa, self.winning)

    def __repr__(self) -> str:
        return f"<Automaton of {len(self)} states over {', '.join(self.dfa.propositions)}>"

    def _repr_svg_(self) -> str | None:
        from agentspec.automata.svg import to_svg

        try:
            return to_svg(self.dfa, self.winning, title=self.title)
        except TooLarge:  # the notebook shows the name instead
            return None
