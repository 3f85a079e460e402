"""Registers: what the letters so far make possible, as components of the product; only consistent words exist."""

from __future__ import annotations

from agentspec.automata.letter import Letter, Owner


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
            return None if called or letter.owner == Owner.TOOL else state
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


class QuoteRegister:
    """Whether a step that quotes has anything to quote: state 1 once a letter without ``empty(STEP)`` said so.

    Only results count (``ok``) and what the user says; what can be quoted once stays so.
    """

    initial = 0

    def __init__(self, step: str) -> None:
        self._step, self._empty = step, f"empty({step})"

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None where the letter cannot occur."""
        if letter.step == self._step:
            return state or None
        if self._empty not in letter.true | letter.false:
            return state
        empty = self._empty in letter.true
        if any(name.startswith("failed(") for name in letter.true):
            return state if empty == (state == 0) else None
        return (None if state else 0) if empty else 1

    def accepts_at(self, state: int) -> bool:
        """Quoting is never owed."""
        del state
        return True
