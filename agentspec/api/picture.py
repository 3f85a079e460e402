"""Automata as notebooks and terminals show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.omega import Omega
from agentspec.errors import TooLarge

if TYPE_CHECKING:
    import networkx


@dataclass(frozen=True, repr=False)
class Automaton:
    """The automaton of a spec or a formula; ``winning`` are the states from which the model can end well.

    Printed it is a list of transitions, in a notebook a picture, with ``graph`` a graph to compute on.
    """

    dfa: Dfa | Buchi | Omega
    winning: frozenset[int] | None = None
    title: str = ""

    def __len__(self) -> int:
        return len(self.dfa.edges)

    def __str__(self) -> str:
        return self.show()

    def __repr__(self) -> str:
        return f"<Automaton of {len(self)} states over {', '.join(self.dfa.propositions)}>"

    def show(self, form: str = "text", *, position: int | None = None, summary: bool | None = None) -> str:
        """The automaton as ``text``, ``json``, ``hoa``, ``mermaid``, ``dot`` or ``svg``.

        The state ``position`` is marked. A summary merges states that differ only in the tool at work and leaves out
        those without a choice; by default only an ``svg`` of a large automaton is one. Raises InvalidInput for another
        format, TooLarge where a picture could not be read, ValueError where ``position`` is no state.
        """
        from agentspec.automata.draw import printed

        return printed(self.dfa, form, self.winning, position=position, title=self.title, summary=summary)

    def graph(self, *, position: int | None = None) -> networkx.MultiDiGraph[int]:
        """A new ``networkx.MultiDiGraph``: a node a state, an edge a transition.

        Nodes have ``initial``, ``accepting``, ``winning`` (if known) and ``position`` (if given), edges ``step``,
        ``tool``, ``owner``, ``label`` (proposition to bool), ``marks`` and ``letter``; the graph has ``propositions``,
        ``initial`` and ``acceptance``. Raises ValueError where ``position`` is no state.
        """
        from agentspec.automata.graph import to_graph

        return to_graph(self.dfa, self.winning, position=position)

    def _repr_svg_(self) -> str | None:
        try:
            return self.show("svg")
        except TooLarge:  # the notebook shows the name instead
            return None
