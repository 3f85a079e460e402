"""Which translator does the work: the embedded one, Spot, or the one that can.

Both give the same values for finite words, and automata of the same language for infinite ones. ``auto`` is the
embedded one, and Spot for what the embedded one finds too large, where Spot imports and the formula has no past: what
is found never depends on what is installed, only whether something is. Spot knows no limits: reached through this
module it runs in a process of its own, which is ended after ``limits.SPOT_SECONDS``.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agentspec import limits
from agentspec.automata import spot
from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.omega import Omega
from agentspec.errors import InvalidInput, TooLarge, nearest
from agentspec.logic.formula import Atom, Constant, Formula, Nary, looks_back, subformulas

BACKENDS = ("auto", "embedded", "spot")
T = TypeVar("T", Dfa, Buchi, Omega)
Translation = Callable[[Formula, tuple[str, ...] | None, str], T]


@dataclass(frozen=True)
class Backend:
    """Three translations of a formula over propositions (None: its own), whose errors begin with the third argument.

    ``translate`` gives the minimal DFA of the finite words, ``to_buchi`` a Büchi automaton and ``deterministic`` a
    deterministic one of the infinite words. All raise TooLarge where a limit is met.
    """

    name: str
    translate: Translation[Dfa]
    to_buchi: Translation[Buchi]
    deterministic: Translation[Omega]


def backend(name: str = "auto") -> Backend:
    """The backend of that name. Raises InvalidInput for another name, or where Spot is asked for and is not there."""
    match name:
        case "embedded":
            return _EMBEDDED
        case "auto":
            return _AUTO
        case "spot":
            spot.load()
            return _SPOT
    raise InvalidInput(f"no backend '{name}'{nearest(name, list(BACKENDS))}")


def _translate(formula: Formula, propositions: tuple[str, ...] | None, name: str) -> Dfa:
    from agentspec.automata.translate import translate

    return translate(formula, propositions, name=name)


def _to_buchi(formula: Formula, propositions: tuple[str, ...] | None, name: str) -> Buchi:
    from agentspec.automata.translate_omega import to_buchi

    return to_buchi(formula, propositions, name=name)


def _deterministic(formula: Formula, propositions: tuple[str, ...] | None, name: str) -> Omega:
    from agentspec.automata.translate_omega import deterministic

    return deterministic(formula, propositions, name=name)


def _apart(function: str) -> Callable[[Formula, tuple[str, ...] | None, str], Any]:
    """A function of ``automata.spot``, run in a process of its own under the limits of this module."""

    def run(formula: Formula, propositions: tuple[str, ...] | None, name: str) -> Any:
        asked = pickle.dumps((function, _flat(formula), propositions, name))
        try:
            done = subprocess.run(
                [sys.executable, "-c", "from agentspec.automata.backend import answer; answer()"],
                input=asked, capture_output=True, timeout=limits.SPOT_SECONDS,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise TooLarge(f"{name}: Spot takes more than {limits.SPOT_SECONDS:g} s for it") from None
        if done.returncode != 0:
            raise TooLarge(f"{name}: Spot takes more than {limits.SPOT_BYTES >> 30} GiB for it, or fails")
        answered = pickle.loads(done.stdout)
        if isinstance(answered, InvalidInput):
            raise answered
        return answered

    return run


def answer() -> None:
    """Answers one question of ``_apart``: read from stdin, written to stdout."""
    try:
        import resource
    except ImportError:  # not on Windows
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (limits.SPOT_BYTES, limits.SPOT_BYTES))
    function, rows, propositions, name = pickle.load(sys.stdin.buffer)
    try:
        answered = getattr(spot, function)(_unflat(rows), propositions, name=name)
    except InvalidInput as problem:
        answered = problem
    sys.stdout.buffer.write(pickle.dumps(answered))


_Row = tuple[type[Formula], tuple[int, ...], object]


def _flat(formula: Formula) -> list[_Row]:
    """The subformulas as rows, operands by place: a deep tree would exhaust the stack of ``pickle``."""
    place: dict[Formula, int] = {}
    rows: list[_Row] = []
    for node in subformulas(formula):
        place[node] = len(rows)
        own = node.value if isinstance(node, Constant) else node.name if isinstance(node, Atom) else None
        rows.append((type(node), tuple([place[child] for child in node.children()]), own))
    return rows


def _unflat(rows: list[_Row]) -> Formula:
    nodes: list[Formula] = []
    for kind, places, own in rows:
        operands = tuple([nodes[place] for place in places])
        fields: tuple[object, ...] = (operands,) if issubclass(kind, Nary) else operands
        nodes.append(kind(*(fields if own is None else (own,))))
    return nodes[-1]


def _otherwise(own: Translation[T], other: Translation[T]) -> Translation[T]:
    """``own``, and ``other`` for what that finds too large, where Spot can do it."""

    def translation(formula: Formula, propositions: tuple[str, ...] | None, name: str) -> T:
        try:
            return own(formula, propositions, name)
        except TooLarge as refused:
            if looks_back(formula) or not spot.present():
                raise
            try:
                return other(formula, propositions, name)
            except InvalidInput:
                raise refused from None

    return translation


_EMBEDDED = Backend("embedded", _translate, _to_buchi, _deterministic)
_SPOT = Backend("spot", _apart("translate"), _apart("to_buchi"), _apart("deterministic"))
_AUTO = Backend(
    "auto",
    _otherwise(_translate, _SPOT.translate),
    _otherwise(_to_buchi, _SPOT.to_buchi),
    _otherwise(_deterministic, _SPOT.deterministic),
)
