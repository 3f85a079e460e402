"""The adversary's strategy as a trace: a play in which tools and users make the model lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.game import Solution, counterplay
from agentspec.automata.letter import Letter
from agentspec.automata.product import Arena, Judge


@dataclass(frozen=True)
class Play:
    """The letters of the play, a clause that says why its end is lost, and the rules it has broken for good.

    The last ``loop`` letters go on again and again; 0 where the play ends.
    """

    letters: tuple[Letter, ...]
    end: str
    broken: tuple[str, ...]
    loop: int = 0

    def __str__(self) -> str:
        told = " → ".join(map(str, self.letters)) or "the start"
        named = f" ({', '.join(self.broken)})" if self.broken else ""
        return f"{told}, {self.end}{named}"

    def lines(self) -> list[str]:
        """One line a step: who writes it, what it is, what holds beside it."""
        rows = []
        for letter in self.letters:
            rows.append(f"{letter.owner!s:<5}  {letter}")
        named = f" ({', '.join(self.broken)})" if self.broken else ""
        return [*rows, f"       {self.end}{named}"]

    def to_json(self) -> dict[str, Any]:
        """The play as ``check --json`` shows it."""
        steps = [
            {"step": a.step, "owner": str(a.owner), "tool": a.tool, "true": sorted(a.true - {str(a.step)})}
            for a in self.letters
        ]
        return {
            "steps": steps,
            "end": self.end,
            "rules": list(self.broken),
            **({"loop": self.loop} if self.loop else {}),
        }


def losing_play(arena: Arena, solution: Solution, rules: Sequence[tuple[str, Judge]], start: int | None = None) -> Play:
    """A play from a lost position. From the start of the arena, the rules that it breaks are named."""
    letters, end = counterplay(arena, solution, start)
    broken = [] if start not in (None, arena.initial) else broken_by(rules, letters)
    return Play(tuple(letters), end, tuple(broken))


def broken_by(rules: Sequence[tuple[str, Judge]], word: Sequence[Letter]) -> list[str]:
    """The rules that no continuation of the word can satisfy any more."""
    return [name for name, monitor in rules if not can_still_hold(monitor, word)]


def can_still_hold(monitor: Judge, word: Sequence[Letter]) -> bool:
    """Whether some continuation of the word, the empty one included, satisfies the rule."""
    state: int | None = monitor.initial
    for letter in word:
        state = None if state is None else monitor.step(state, letter)
    return not monitor.lost(state)
