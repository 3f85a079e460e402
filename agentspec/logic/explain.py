"""Why a formula holds on a word or does not: which facts force it, and which subformula decides.

A fact is the truth of one proposition at one position. Every truth is justified by the expansion laws of the operators
(``a U b`` is ``b | a & X(a U b)``; Manna & Pnueli, "The Temporal Logic of Reactive and Concurrent Systems", 1992,
chapter 3), down to facts. Where a law leaves a choice, the justification taken is the one that does not need the end of
the word, then the one that needs the shortest part of it, then the one with the fewest facts.

Law: every word of the same length in which the facts hold gives the formula the same truth.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from agentspec.errors import InvalidInput
from agentspec.logic.formula import (
    PAST,
    And,
    Atom,
    Constant,
    Formula,
    Iff,
    Implies,
    Last,
    Nary,
    Next,
    Not,
    WeakNext,
    WeakYesterday,
    Xor,
    Yesterday,
)
from agentspec.logic.show import show_formula
from agentspec.logic.truth import FIRST, WEAK, Truth, operands, order, truth

SENTENCES = 12
RUNS = 8
SHOWN = 160
"""Characters of a formula that a sentence shows."""

Place = tuple[Formula, int]
_Way = tuple[tuple[Place, ...], bool]
"""Places whose truth together justifies another, and whether the end of the word is needed as well."""

_COUNT_LIMIT = 10**9


@dataclass(frozen=True, order=True)
class Fact:
    """One proposition at one position (from 0)."""

    position: int
    proposition: str
    holds: bool


@dataclass(frozen=True)
class Reason:
    """``formula`` has the truth ``holds`` at ``position`` because its operands have theirs at the places ``because``.

    ``ends``: and because the word ends there.
    """

    formula: Formula
    position: int
    holds: bool
    because: tuple[tuple[Formula, int, bool], ...]
    ends: bool


@dataclass(frozen=True)
class Explanation:
    """Whether ``formula`` holds at the first position of a word of ``length`` letters, and what forces it.

    ``culprit`` is the smallest subformula that alone carries the truth, at ``culprit_position``; ``position`` is the
    last one that is needed; ``ends`` says that the word's end is needed too. ``reasons`` lead from the formula to
    the facts.
    """

    formula: Formula
    length: int
    holds: bool
    facts: tuple[Fact, ...]
    culprit: Formula
    culprit_position: int
    position: int
    ends: bool
    reasons: tuple[Reason, ...]

    @property
    def positions(self) -> tuple[int, ...]:
        """The positions that facts are about."""
        return tuple(sorted({fact.position for fact in self.facts}))

    def sentences(
        self, number: Callable[[int], int] = int, *, noun: str = "position", limit: int = SENTENCES
    ) -> list[str]:
        """The reasons in plain words, the formula's first; ``noun`` and ``number`` say how a position is called."""
        place = _Places(noun, number)
        told: dict[tuple[Formula, bool], Reason] = {}
        again: dict[tuple[Formula, bool], list[int]] = {}
        for reason in self.reasons:
            key = (reason.formula, reason.holds)
            if key in told:
                again.setdefault(key, []).append(reason.position)
            elif not isinstance(reason.formula, Not):
                told[key] = reason
        found = [_sentence(reason, self.length, place, again.get(key, [])) for key, reason in told.items()]
        return found if len(found) <= limit else [*found[:limit], f"and so on ({len(found) - limit} more)"]


def explain(formula: Formula, word: Sequence[Collection[str]]) -> Explanation:
    """Why ``formula`` holds, or does not, at the first position of a finite ``word`` (the propositions true at each).

    Linear in formula times word. Raises InvalidInput for an empty word, TooLarge past ``limits.EXPLAINED_LOOKS``.
    """
    if not word:
        raise InvalidInput("formulas have a meaning over non-empty words only")
    table = truth(formula, word)
    chosen = _chosen(table, len(word))
    reasons: list[Reason] = []
    facts: set[Fact] = set()
    ends = False
    seen: set[Place] = {(formula, 0)}
    queue: list[Place] = [(formula, 0)]
    for place in queue:
        node, here = place
        if isinstance(node, Atom):
            facts.add(Fact(here, node.name, table[node][here]))
            continue
        reason = _reason(place, table, chosen)
        ends |= reason.ends
        if reason.because or reason.ends:
            reasons.append(reason)
        for part, there, _ in reason.because:
            if (part, there) not in seen:
                seen.add((part, there))
                queue.append((part, there))
    culprit = _culprit((formula, 0), table, chosen)
    last = len(word) - 1 if ends else max((fact.position for fact in facts), default=0)
    return Explanation(
        formula, len(word), table[formula][0], tuple(sorted(facts)), *culprit, last, ends, tuple(reasons)
    )  # fmt: skip


def _ways(node: Formula, here: int, length: int, table: Truth) -> list[_Way]:
    """The ways to justify the truth of ``node`` at ``here``, the nearest first."""
    value = table[node][here]
    match node:
        case Constant() | Atom():
            return [((), False)]
        case Last():
            return [((), value)]
        case Not(operand):
            return [(((operand, here),), False)]
        case Iff(a, b) | Xor(a, b):
            return [(((a, here), (b, here)), False)]
        case Implies(a, b):
            return _together([(a, here), (b, here)]) if not value else _alone([(a, False), (b, True)], here, table)
        case Nary(operands):
            if value == isinstance(node, And):
                return _together([(operand, here) for operand in operands])
            return _alone([(operand, value) for operand in operands], here, table)
    there = here + (-1 if isinstance(node, PAST) else 1)
    inside = 0 <= there < length
    if isinstance(node, Next | WeakNext | Yesterday | WeakYesterday):
        return [(((node.operand, there),), False)] if inside else [((), there >= length)]
    beyond: _Way | None = None
    if (table[node][there] if inside else isinstance(node, WEAK)) == value:
        beyond = (((node, there),), False) if inside else ((), there >= length)
    return _by_law(node, here, table, beyond)


def _together(places: list[Place]) -> list[_Way]:
    return [(tuple(places), False)]


def _alone(wanted: list[tuple[Formula, bool]], here: int, table: Truth) -> list[_Way]:
    return [(((part, here),), False) for part, value in wanted if table[part][here] == value]


def _by_law(node: Formula, here: int, table: Truth, beyond: _Way | None) -> list[_Way]:
    """By ``b | a & there`` and ``b & (a | there)``, which are dual; ``beyond`` is ``there`` if it has node's truth."""
    value = table[node][here]
    a, b = operands(node)
    now: Place = (b, here)
    free = value == isinstance(node, FIRST)  # b alone would do
    ways: list[_Way] = []
    if free:
        if table[b][here] == value:
            ways.append(((now,), False))
        if beyond is not None and (a is None or table[a][here] == value):
            ways.append(((*([] if a is None else [(a, here)]), *beyond[0]), beyond[1]))
        return ways
    if a is not None and table[a][here] == value:
        ways.append(((now, (a, here)), False))
    if beyond is not None:
        ways.append(((now, *beyond[0]), beyond[1]))
    return ways


_Cost = tuple[bool, int, int]


def _chosen(table: Truth, length: int) -> dict[Formula, list[_Way]]:
    """For every place the cheapest way: without the end, then with the least last position, then with few facts."""
    costs: dict[Formula, list[_Cost]] = {}
    chosen: dict[Formula, list[_Way]] = {}
    for node in table:
        cost = costs[node] = [(False, -1, 0)] * length
        best: list[_Way] = [((), False)] * length
        chosen[node] = best
        if isinstance(node, Atom):
            costs[node] = [(False, here, 1) for here in range(length)]
            continue
        for here in order(node, length):
            ways = _ways(node, here, length, table)
            priced = [_cost(way, costs) for way in ways]
            cheapest = min(range(len(ways)), key=priced.__getitem__)
            cost[here], best[here] = priced[cheapest], ways[cheapest]
    return chosen


def _cost(way: _Way, costs: Mapping[Formula, Sequence[_Cost]]) -> _Cost:
    places, ends = way
    far, count = -1, 0
    for part, there in places:
        its_end, its_far, its_count = costs[part][there]
        ends, far, count = ends or its_end, max(far, its_far), count + its_count
    return ends, far, min(count, _COUNT_LIMIT)


def _reason(place: Place, table: Truth, chosen: Mapping[Formula, Sequence[_Way]]) -> Reason:
    """One operator with the whole stretch of positions over which it is unfolded."""
    node, here = place
    because: dict[Place, bool] = {}
    now: int | None = here
    ends = False
    while now is not None:
        places, its_end = chosen[node][now]
        now, ends = None, ends or its_end
        for part, there in places:
            if part == node:
                now = there
            else:
                because[part, there] = table[part][there]
    return Reason(node, here, table[node][here], tuple((*at, value) for at, value in because.items()), ends)


def _culprit(place: Place, table: Truth, chosen: Mapping[Formula, Sequence[_Way]]) -> Place:
    """Down from a place as long as one other place alone justifies it."""
    while True:
        reason = _reason(place, table, chosen)
        if reason.ends or len(reason.because) != 1:
            return place
        place = reason.because[0][:2]


def _sentence(reason: Reason, length: int, place: _Places, again: list[int]) -> str:
    node, holds, parts = reason.formula, reason.holds, []
    for (part, value), positions in _grouped(reason).items():
        to_end = reason.ends and positions[-1] == length - 1 and len(positions) > 1
        parts.append(f"{_said(part, value)} {_where(positions, place, to_end)}")
    if reason.ends and not any("to the end" in part for part in parts):
        parts.append("the trace ends there")
    likewise = f"; likewise at {place.listed(again)}" if again else ""
    return f"{_said(node, holds)} at {place(reason.position)}: {' and '.join(parts)}{likewise}"


def _grouped(reason: Reason) -> dict[tuple[Formula, bool], list[int]]:
    """The parts of a reason, a negation told as its operand."""
    found: dict[tuple[Formula, bool], list[int]] = {}
    for part, position, value in reason.because:
        while isinstance(part, Not):
            part, value = part.operand, not value
        found.setdefault((part, value), []).append(position)
    return {key: sorted(positions) for key, positions in found.items()}


def _said(formula: Formula, holds: bool) -> str:
    shown = show_formula(formula)
    shown = shown if len(shown) <= SHOWN else f"{shown[:SHOWN]}…"
    return f"`{shown}` {'holds' if holds else 'does not hold'}"


def _where(positions: list[int], place: _Places, to_end: bool) -> str:
    if to_end and positions == list(range(positions[0], positions[-1] + 1)):
        return f"from {place(positions[0])} to the end"
    return f"at {place.listed(positions)}"


@dataclass(frozen=True)
class _Places:
    """How positions are called: ``step 3``, or ``steps 3, 5 to 9``."""

    noun: str
    number: Callable[[int], int]

    def __call__(self, position: int) -> str:
        return f"{self.noun} {self.number(position)}"

    def listed(self, positions: list[int]) -> str:
        runs: list[list[int]] = []
        for number in sorted(map(self.number, positions)):
            if runs and number == runs[-1][1] + 1:
                runs[-1][1] = number
            else:
                runs.append([number, number])
        told = [
            str(low) if low == high else f"{low}, {high}" if high == low + 1 else f"{low} to {high}"
            for low, high in runs
        ]
        shown = ", ".join(told if len(told) <= RUNS else [*told[:RUNS], f"and {len(told) - RUNS} more"])
        return f"{self.noun}{'s' if len(positions) > 1 else ''} {shown}"
