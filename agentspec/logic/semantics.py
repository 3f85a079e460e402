"""What a formula means, written straight from the definitions: the oracle everything faster is tested against.

The clauses are those of De Giacomo & Vardi (IJCAI 2013), section 2, over finite non-empty words, of Pnueli, "The
Temporal Logic of Programs" (FOCS 1977), over infinite ones, and of Lichtenstein, Pnueli & Zuck (1985) for the past,
which is told position by position from the first.

Over ``prefix`` and then ``loop`` for ever, every subformula is true along a sequence that is periodic from some
position on, and so is kept as a prefix and a loop of its own. Looking ahead, one period beyond shows all there is to
see. Looking back, what ``S`` and ``B`` carry through a period is either fixed by it or unchanged, so that one period
later, or one position for ``Y`` and ``Z``, their truth is periodic as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Generic, Protocol, TypeVar

from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Constant,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
    subformulas,
)


def holds(formula: Formula, word: Sequence[Collection[str]], position: int = 0) -> bool:
    """Whether ``formula`` holds at ``position`` of ``word``, each letter given by the propositions true at it.

    Raises ValueError if the word is empty or the position is not in it.
    """
    if word and not 0 <= position < len(word):
        raise ValueError(f"position {position} is not in a word of length {len(word)}")
    return truth_along(formula, word)[formula][position]


def truth_along(formula: Formula, word: Sequence[Collection[str]]) -> dict[Formula, Sequence[bool]]:
    """The truth of each subformula at each position of ``word``, operands before what is made of them.

    Raises ValueError if the word is empty.
    """
    if not word:
        raise ValueError("formulas have a meaning over non-empty words only")
    truth: dict[Formula, Sequence[bool]] = {}
    for node in subformulas(formula):
        truth[node] = _values(node, range(len(word)), word, truth, len(word))
    return truth


def holds_on_lasso(
    formula: Formula,
    prefix: Sequence[Collection[str]],
    loop: Sequence[Collection[str]],
    position: int = 0,
) -> bool:
    """Whether ``formula`` holds at ``position`` of the infinite word ``prefix`` and then ``loop`` for ever.

    There ``last`` is false everywhere and ``X`` and ``N`` mean the same. Raises ValueError if the loop is empty or the
    position negative.
    """
    if not loop:
        raise ValueError("the loop of an infinite word has at least one letter")
    if position < 0:
        raise ValueError(f"position {position} is not in the word")
    word = _Periodic((*prefix, *loop), len(loop))
    truth: dict[Formula, _Periodic[bool]] = {}
    for node in subformulas(formula):
        parts = [word] if isinstance(node, Atom) else [truth[child] for child in node.children()]
        start = max([part.start for part in parts], default=0)
        period = lcm(*[part.period for part in parts])
        settled = start + _memory(node, period)
        seen = range(settled + 2 * period)
        values = _values(node, seen, word, truth, None)[: settled + period]
        truth[node] = _shortest(values, period)
    return truth[formula][position]


def _memory(node: Formula, period: int) -> int:
    """By how many positions the truth of ``node`` may settle later than that of its operands."""
    match node:
        case Yesterday() | WeakYesterday():
            return 1
        case Once() | Historically() | Since() | WeakSince():
            return period
    return 0


def holds_on_nothing(formula: Formula) -> bool:
    """What ``formula`` comes to where there is no position at all, as for a view of which nothing is in the word.

    What asks for a position (a proposition, ``X F U M``, ``Y O S``) is false, what only speaks of positions there may
    be (``N G R W``, ``Z H B``, ``last``) is true. ``simplify`` keeps the truth at positions and not this: give the
    formula as it was written.
    """
    truth: dict[Formula, bool] = {}
    for node in subformulas(formula):
        match node:
            case Constant(value):
                truth[node] = value
            case Not(a):
                truth[node] = not truth[a]
            case And(operands):
                truth[node] = all(truth[a] for a in operands)
            case Or(operands):
                truth[node] = any(truth[a] for a in operands)
            case Implies(a, b):
                truth[node] = not truth[a] or truth[b]
            case Iff(a, b):
                truth[node] = truth[a] == truth[b]
            case Xor(a, b):
                truth[node] = truth[a] != truth[b]
            case _:
                truth[node] = isinstance(node, _TRUE_OF_NOTHING)
    return truth[formula]


_TRUE_OF_NOTHING = (Last, WeakNext, Always, Release, WeakUntil, WeakYesterday, Historically, WeakSince)

T = TypeVar("T", covariant=True)


class _Along(Protocol[T]):
    """What is known at each position."""

    def __getitem__(self, position: int, /) -> T: ...


@dataclass(frozen=True, slots=True)
class _Periodic(Generic[T]):
    """A value at each position: those listed, of which the last ``period`` ones return for ever."""

    values: Sequence[T]
    period: int

    @property
    def start(self) -> int:
        """The position from which on the values are periodic."""
        return len(self.values) - self.period

    def __getitem__(self, position: int) -> T:
        if position < len(self.values):
            return self.values[position]
        return self.values[self.start + (position - self.start) % self.period]


def _shortest(values: Sequence[bool], period: int) -> _Periodic[bool]:
    """The same sequence with the shortest period and the earliest start."""
    loop = values[len(values) - period :]
    least = next(length for length in range(1, period + 1) if period % length == 0 and loop[length:] == loop[:-length])
    end = len(values) - period + least
    while end > least and values[end - 1] == values[end - 1 - least]:
        end -= 1
    return _Periodic(values[:end], least)


def _values(
    node: Formula,
    seen: range,
    word: _Along[Collection[str]],
    truth: Mapping[Formula, _Along[bool]],
    length: int | None,
) -> list[bool]:
    """The truth of ``node`` at the positions ``seen``, from the first to all that can differ or one period more."""
    values: list[bool] = []
    for here in seen:
        before = values[-1] if values else None
        values.append(_holds_at(node, here, before, seen[here:], word, truth, length))
    return values


def _holds_at(
    node: Formula,
    here: int,
    before: bool | None,
    future: range,
    word: _Along[Collection[str]],
    truth: Mapping[Formula, _Along[bool]],
    length: int | None,
) -> bool:
    """Whether ``node`` holds at ``here``, given the truth of its operands at every position.

    ``before`` is whether it held one position earlier, None if there is none; ``future`` are the positions from here
    on, all or as many as can differ; ``length`` is None for an infinite word.
    """
    match node:
        case Constant(value):
            return value
        case Atom(name):
            return name in word[here]
        case Last():
            return here + 1 == length
        case Not(a):
            return not truth[a][here]
        case And(operands):
            return all(truth[a][here] for a in operands)
        case Or(operands):
            return any(truth[a][here] for a in operands)
        case Implies(a, b):
            return not truth[a][here] or truth[b][here]
        case Iff(a, b):
            return truth[a][here] == truth[b][here]
        case Xor(a, b):
            return truth[a][here] != truth[b][here]
        case Next(a):
            return here + 1 != length and truth[a][here + 1]
        case WeakNext(a):
            return here + 1 == length or truth[a][here + 1]
        case Eventually(a):
            return any(truth[a][j] for j in future)
        case Always(a):
            return all(truth[a][j] for j in future)
        case Until(a, b):
            return any(truth[b][j] and all(truth[a][k] for k in range(here, j)) for j in future)
        case WeakUntil(a, b):
            return all(truth[a][j] or any(truth[b][k] for k in range(here, j + 1)) for j in future)
        case Release(a, b):
            return all(truth[b][j] or any(truth[a][k] for k in range(here, j)) for j in future)
        case StrongRelease(a, b):
            return any(truth[a][j] and all(truth[b][k] for k in range(here, j + 1)) for j in future)
        case Yesterday(a):
            return here > 0 and truth[a][here - 1]
        case WeakYesterday(a):
            return here == 0 or truth[a][here - 1]
        case Once(a):
            return truth[a][here] or before is True
        case Historically(a):
            return truth[a][here] and before is not False
        case Since(a, b):
            return truth[b][here] or (truth[a][here] and before is True)
        case WeakSince(a, b):
            return truth[b][here] or (truth[a][here] and before is not False)
    raise TypeError(f"not a formula: {node!r}")
