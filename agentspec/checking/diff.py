"""What one spec allows and another does not, both ways, with a shortest episode for each.

Letters of two specs stand for each other where step, owner and tool are the same and no proposition that both know
tells them apart. Compared are behaviors and enforced rules, not the texts a step may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.compare import shortest_outside
from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.checking.witness import to_json, told


@dataclass(frozen=True)
class Extra:
    """A shortest episode that only one of the specs allows, and why the other does not: rules of its, or its behavior.

    ``at`` is the position from which on the other allows no continuation; None where it only may not end there.
    """

    word: tuple[Letter, ...]
    rules: tuple[str, ...]
    at: int | None

    def __str__(self) -> str:
        by = f"the rule{'s' if len(self.rules) > 1 else ''} {', '.join(self.rules)}" if self.rules else "its behavior"
        where = "at its end" if self.at is None else f"at step {self.at + 1}, {self.word[self.at]}"
        return f"{told(self.word)}; excluded there by {by}, {where}"

    def to_json(self) -> dict[str, Any]:
        """The shape in ``diff --json``."""
        return {"episode": to_json(self.word), "excluded_by": list(self.rules) or ["behavior"], "at": self.at}


@dataclass(frozen=True)
class Difference:
    """``only_left``: allowed by the left spec alone, and the other way round; both None where they are equivalent."""

    left: str
    right: str
    only_left: Extra | None
    only_right: Extra | None
    not_compared: tuple[str, ...]

    @property
    def equivalent(self) -> bool:
        """Whether both allow the same episodes."""
        return self.only_left is None and self.only_right is None

    def to_json(self) -> dict[str, Any]:
        """The object of ``diff --json``."""
        return {
            "schema_version": 1,
            "left": self.left,
            "right": self.right,
            "equivalent": self.equivalent,
            "only_left": None if self.only_left is None else self.only_left.to_json(),
            "only_right": None if self.only_right is None else self.only_right.to_json(),
            "not_compared": list(self.not_compared),
        }


def diff(left: Compiled, right: Compiled) -> Difference:
    """Compare two compiled specs of finite episodes."""
    known = set(left.alphabet.propositions) ^ set(right.alphabet.propositions)
    return Difference(
        left.agent.name, right.agent.name, _extra(left, right), _extra(right, left),
        tuple(f"'{name}' is known to one of them alone" for name in sorted(known)),
    )  # fmt: skip


def _extra(one: Compiled, other: Compiled) -> Extra | None:
    pairs = pairing(one, other)
    word = shortest_outside(one.automaton[0], other.automaton[0], lambda letter: pairs[letter])
    if word is None:
        return None
    return Extra(word, *_reason(other, [pairs[letter] for letter in word]))


def pairing(one: Compiled, other: Compiled) -> dict[Letter, tuple[Letter, ...]]:
    """For each letter of ``one`` the letters of ``other`` that may stand for it."""
    common = set(one.alphabet.propositions) & set(other.alphabet.propositions)

    def key(letter: Letter) -> tuple[object, ...]:
        return letter.step, letter.owner, letter.tool, frozenset(letter.true & common)

    found: dict[tuple[object, ...], list[Letter]] = {}
    for letter in other.alphabet.letters:
        found.setdefault(key(letter), []).append(letter)
    return {letter: tuple(found.get(key(letter), ())) for letter in one.alphabet.letters}


def _reason(other: Compiled, word: Sequence[tuple[Letter, ...]]) -> tuple[tuple[str, ...], int | None]:
    """The rules that exclude every reading of the word (none: the behavior), and the position where that is sure."""
    parts: dict[str, tuple[Any, frozenset[int]]] = {
        rule.id: (other.monitors[rule.id], frozenset({other.monitors[rule.id].initial})) for rule in other.blocking
    }
    behavior = other.language(())
    states: frozenset[int] = frozenset({behavior.initial})
    following = [dict(edges) for edges in behavior.edges]
    for at, letters in enumerate(word):
        states = frozenset(t for q in states for a in letters if (t := following[q].get(a)) is not None)
        if not states & behavior.live:
            return (), at
        broken = []
        for name, (monitor, here) in parts.items():
            after = {monitor.step(q, a) for q in here for a in letters}
            alive = frozenset(q for q in after if not monitor.lost(q))
            parts[name] = (monitor, alive)
            if not alive:
                broken.append(name)
        if broken:
            return tuple(broken), at
    if not states & behavior.accepting:
        return (), None
    unmet = [name for name, (monitor, here) in parts.items() if not any(monitor.accepts_at(q) for q in here)]
    return tuple(unmet) or tuple(rule.id for rule in other.blocking), None
