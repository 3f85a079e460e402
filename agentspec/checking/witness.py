"""Episodes and sessions that show something, as messages and JSON tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter


@dataclass(frozen=True)
class Witness:
    """An episode; or, with ``loop``, a session whose last so many letters come again and again."""

    letters: tuple[Letter, ...]
    loop: int = 0

    def __str__(self) -> str:
        return told(self.letters) + (f", the last {self.loop} again and again" if self.loop else "")

    def __len__(self) -> int:
        return len(self.letters)

    def to_json(self) -> list[dict[str, Any]]:
        """One object a step; those that come again and again say so."""
        steps = to_json(self.letters)
        for step in steps[len(steps) - self.loop :]:
            step["again"] = True
        return steps


def told(word: Sequence[Letter]) -> str:
    """The word in one line."""
    return " → ".join(map(str, word)) or "the empty word"


def to_json(word: Sequence[Letter]) -> list[dict[str, Any]]:
    """One object a step: its name, owner, tool, and what holds beside the name."""
    return [
        {"step": a.step, "owner": str(a.owner), "tool": a.tool, "true": sorted(a.true - {str(a.step)})} for a in word
    ]
