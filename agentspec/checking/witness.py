"""Words as messages and JSON show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentspec.automata.letter import Letter


def told(word: Sequence[Letter]) -> str:
    """The word in one line."""
    return " → ".join(map(str, word)) or "the empty word"


def to_json(word: Sequence[Letter]) -> list[dict[str, Any]]:
    """One object a step: its name, owner, tool, and what holds beside the name."""
    return [
        {"step": a.step, "owner": str(a.owner), "tool": a.tool, "true": sorted(a.true - {str(a.step)})} for a in word
    ]
