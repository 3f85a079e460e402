"""Registers: what the letters so far make possible, as components of the product; only consistent words exist."""

from __future__ import annotations

from agentspec.automata.letter import Letter, Owner
from agentspec.spec.history_plan import Bound, events


class CallRegister:
    """Which call is under way, as a component of the product: only consistent successions of letters exist.

    State 0: none; ``2i + 1``: tool ``i`` is chosen; ``2i + 2``: it is called and will be answered next.
    """

    initial = 0

    def __init__(self, tools: tuple[str, ...]) -> None:
        self._index = {tool: i for i, tool in enumerate(tools)}

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None where the letter cannot occur."""
        called = state > 0 and state % 2 == 0
        if letter.tool is None:
            return None if called or (letter.owner == Owner.TOOL and state) else state
        i = self._index[letter.tool]
        if letter.owner == Owner.TOOL:
            return 0 if state == 2 * i + 2 else None
        if letter.completes_call:
            chosen = f"chosen({letter.tool})" in letter.true
            return 2 * i + 2 if state == (0 if chosen else 2 * i + 1) else None
        return 2 * i + 1 if state == 0 else None

    def accepts_at(self, state: int) -> bool:
        """An episode does not end on an unanswered call."""
        return state == 0 or state % 2 == 1


class HistoryRegister:
    """Whether a letter of the model's has a text: state 1 where the last letter to say it was without its ``empty``.

    Nothing changes at letters that do not say it, and at failures that cannot; what quotes whatever was said can do so
    for good.
    """

    def __init__(self, bound: Bound) -> None:
        self._bound, self._empty = bound, bound.name
        self.initial = 0 if bound.empty_at_first else 1

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None where the letter cannot occur."""
        if letter.owner == Owner.MODEL:
            return state if state or letter.choice != self._bound.letter else None
        if self._empty not in letter.true | letter.false:
            return state
        empty = self._empty in letter.true
        if not events(letter) & self._bound.changes:
            return state if empty == (state == 0) else None
        return (None if state and self._bound.stays else 0) if empty else 1

    def accepts_at(self, state: int) -> bool:
        """It is never owed."""
        del state
        return True
