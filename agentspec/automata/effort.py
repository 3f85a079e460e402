"""How much work one translation may cost, in one place: states, diagram nodes and seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from agentspec.errors import TooLarge


@dataclass
class Effort:
    """The limits of one translation and when it began; the loops that can blow up report to it."""

    name: str
    states: int
    nodes: int
    seconds: float
    _began: float = field(default_factory=time.monotonic)

    def spent(self, nodes: int) -> None:
        """Raises TooLarge where ``nodes`` diagram nodes are too many, or the time is over."""
        if nodes > self.nodes:
            raise self.refusal(f"its decision diagrams need more than {self.nodes} nodes")
        if time.monotonic() - self._began > self.seconds:
            raise self.refusal(f"its automaton takes more than {self.seconds:g} s to build")

    def reached(self, states: int) -> None:
        """Raises TooLarge where ``states`` are too many."""
        if states > self.states:
            raise self.refusal(f"its automaton needs more than {self.states} states")

    def refusal(self, what: str) -> TooLarge:
        """The error that names the culprit, what blew up and what to try."""
        advice = "state it as several rules, or with smaller bounds and fewer nested operators"
        return TooLarge(f"{self.name}: {what}; {advice}")

    def share(self, states: int, nodes: int) -> Effort:
        """Narrower limits for a part of the work, on the same clock."""
        return Effort(self.name, min(states, self.states), min(nodes, self.nodes), self.seconds, self._began)
