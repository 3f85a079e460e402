"""What one spec allows and another does not, both ways, with a shortest episode for each.

Letters of two specs stand for each other where step, owner and tool are the same and no proposition that both know
tells them apart. Compared are behaviors and enforced rules, not the texts a step may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.compare import shortest_outside
from agentspec.automata.emptiness import lasso_outside
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.checking.compile import Compiled
from agentspec.checking.compile_session import CompiledSession
from agentspec.checking.witness import Witness
from agentspec.errors import InvalidInput


@dataclass(frozen=True)
class Extra:
    """A shortest episode that only one of the specs allows, and why the other does not: rules of its, or its behavior.

    ``at`` is the position from which on the other allows no continuation; None where it only may not end there, or, in
    a session whose last ``loop`` steps come again and again, may not go on like that.
    """

    word: tuple[Letter, ...]
    rules: tuple[str, ...]
    at: int | None
    loop: int = 0

    def __str__(self) -> str:
        by = f"the rule{'s' if len(self.rules) > 1 else ''} {', '.join(self.rules)}" if self.rules else "its behavior"
        end = "in the long run" if self.loop else "at its end"
        where = end if self.at is None else f"at step {self.at + 1}, {self.word[self.at]}"
        return f"{Witness(self.word, self.loop)}; excluded there by {by}, {where}"

    def to_json(self) -> dict[str, Any]:
        """The shape in ``diff --json``."""
        return {
            "episode": Witness(self.word, self.loop).to_json(),
            "excluded_by": list(self.rules) or ["behavior"],
            "at": self.at,
        }


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
    """Compare two compiled specs. Raises InvalidInput where only one of them is about sessions without an end."""
    if left.agent.spec.semantics != right.agent.spec.semantics:
        told = " and ".join(f"'{one.agent.name}' is {one.agent.spec.semantics}" for one in (left, right))
        raise InvalidInput(f"{told}: an episode that ends and a session that does not cannot be compared")
    known = set(left.alphabet.propositions) ^ set(right.alphabet.propositions)
    return Difference(
        left.agent.name, right.agent.name, _extra(left, right), _extra(right, left),
        tuple(f"'{name}' is known to one of them alone" for name in sorted(known)),
    )  # fmt: skip


def _extra(one: Compiled, other: Compiled) -> Extra | None:
    pairs = pairing(one, other)
    if isinstance(one, CompiledSession) and isinstance(other, CompiledSession):
        lasso = _session_outside(one, other)
        if lasso is None:
            return None
        return Extra(
            lasso.letters, *_reason(other, [pairs[letter] for letter in lasso.letters], ended=False), lasso.loop
        )
    word = shortest_outside(one.language(one.blocking), other.language(other.blocking), lambda letter: pairs[letter])
    if word is None:
        return None
    return Extra(word, *_reason(other, [pairs[letter] for letter in word], ended=True))


def _session_outside(one: CompiledSession, other: CompiledSession) -> Witness | None:
    """A session that only ``one`` allows: both are read over what both know, the step, and the tool at work."""
    common = set(one.alphabet.propositions) & set(other.alphabet.propositions)
    letters = (*one.alphabet.letters, *other.alphabet.letters)

    def known(letter: Letter) -> frozenset[str]:
        tool = {f"<tool {letter.tool}>"} if letter.tool else set()
        return frozenset({f"<step {letter.step}>", *tool, *(letter.true & common)})

    names = tuple(sorted({name for letter in letters for name in known(letter)}))

    def read(compiled: CompiledSession) -> Omega | Buchi:
        whole = compiled.automaton[0]
        edges = tuple(
            tuple(Edge(Letter(known(e.letter), frozenset(names) - known(e.letter)), e.target, e.marks) for e in edges)
            for edges in whole.edges
        )
        return Omega(names, whole.initial, edges, whole.acceptance)

    lasso = lasso_outside(read(one), read(other))
    if lasso is None:
        return None
    of = {known(letter): letter for letter in reversed(one.alphabet.letters)}
    return Witness(tuple(of[v] for v in (*lasso.prefix, *lasso.loop)), len(lasso.loop))


def pairing(one: Compiled, other: Compiled) -> dict[Letter, tuple[Letter, ...]]:
    """For each letter of ``one`` the letters of ``other`` that may stand for it."""
    common = set(one.alphabet.propositions) & set(other.alphabet.propositions)

    def key(letter: Letter) -> tuple[object, ...]:
        return letter.step, letter.owner, letter.tool, frozenset(letter.true & common)

    found: dict[tuple[object, ...], list[Letter]] = {}
    for letter in other.alphabet.letters:
        found.setdefault(key(letter), []).append(letter)
    return {letter: tuple(found.get(key(letter), ())) for letter in one.alphabet.letters}


def _reason(other: Compiled, word: Sequence[tuple[Letter, ...]], *, ended: bool) -> tuple[tuple[str, ...], int | None]:
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
    if not ended:
        named = [name for name, (monitor, here) in parts.items() if not any(monitor.settled(q) for q in here)]
        return tuple(named), None
    if not states & behavior.accepting:
        return (), None
    unmet = [name for name, (monitor, here) in parts.items() if not any(monitor.accepts_at(q) for q in here)]
    return tuple(unmet) or tuple(rule.id for rule in other.blocking), None
