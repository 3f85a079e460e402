"""Spot as a translator (Duret-Lutz et al., CAV 2022; LTLf after Duret-Lutz et al. 2025): the only importer of ``spot``.

Spot comes from conda-forge or from its own site; the package ``spot`` of PyPI is another one, so it is known by what it
can do. Its LTLf reads plain ``X`` as the weak next and ``X[!]`` as the strong one: formulas are rewritten. It has no
past operators and no limits of its own: a formula with past is refused, and only its result is measured.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from agentspec import limits
from agentspec.automata import translate as embedded
from agentspec.automata.acceptance import All, Inf
from agentspec.automata.buchi import END, Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.effort import Effort
from agentspec.automata.forest import Forest, gathered, minimised
from agentspec.automata.hoa import from_hoa, overlapping
from agentspec.automata.kernel import Kernel
from agentspec.automata.omega import Omega
from agentspec.automata.until_end import words_until_end
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic import formula as logic
from agentspec.logic.formula import Formula, atoms, subformulas

SITE = "https://spot.lre.epita.fr"
ADVICE = f"conda install -c conda-forge spot, or {SITE}; the package 'spot' of PyPI is another one"


def load() -> Any:
    """The module ``spot``. Raises InvalidInput, saying what is there instead and where Spot comes from."""
    try:
        spot: Any = importlib.import_module("spot")
    except ImportError as problem:
        what = "Spot is not installed" if problem.name == "spot" else f"Spot does not import: {problem}"
        raise InvalidInput(f"{what} ({ADVICE})") from None
    except Exception as problem:  # another package of this name may raise anything
        raise InvalidInput(f"the package 'spot' does not import: {problem} ({ADVICE})") from None
    if not (hasattr(spot, "ltlf_to_mtdfa") or (hasattr(spot, "from_ltlf") and hasattr(spot, "translate"))):
        place = getattr(spot, "__file__", None) or "this environment"
        raise InvalidInput(f"the package 'spot' in {place} is not the automata library ({ADVICE})")
    return spot


def present() -> bool:
    """Whether Spot can be imported."""
    try:
        load()
    except InvalidInput:
        return False
    return True


def version() -> str:
    """Spot's own version. Raises InvalidInput where it is not there."""
    return str(load().version())


def translate(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Dfa:
    """What ``automata.translate.translate`` gives, made by Spot: equal as a value.

    Raises InvalidInput where Spot is not there or the formula looks back, TooLarge where the automaton is too large.
    """
    spot = load()
    order = _order(formula, propositions)
    given = rewritten(formula, finite=True, name=name)
    if hasattr(spot, "ltlf_to_mtdfa") and hasattr(spot.mtdfa, "states"):
        kernel = Kernel()
        kernel.number(formula)
        named = frozenset(atoms(formula))
        return _from_diagrams(spot, given, order, embedded.tested([one for one in order if one in named], kernel), name)
    end = next(word for word in (END, *[f"{END}{i}" for i in range(len(order) + 1)]) if word not in order)
    ending = spot.from_ltlf(given, f"!{end}")
    read = _read(_asked(spot, name, ending, "deterministic", "buchi"), (*order, end))
    if not isinstance(read, Buchi) or overlapping(read.propositions, read.edges) is not None:
        raise InvalidInput(f"{name}: this Spot gives no deterministic automaton for it; version 2.13 and later do")
    return words_until_end(read, end=end, source=name)


def to_buchi(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Buchi:
    """A generalised Büchi automaton of the infinite words that satisfy ``formula``. Raises as ``translate`` does."""
    spot = load()
    given = rewritten(formula, finite=False, name=name)
    read = _read(_asked(spot, name, given, "tgba"), _order(formula, propositions))
    if not isinstance(read, Buchi):
        raise InvalidInput(f"{name}: Spot gave an automaton that is not generalised Büchi")
    return read


def deterministic(formula: Formula, propositions: tuple[str, ...] | None = None, *, name: str = "formula") -> Omega:
    """A deterministic parity automaton of the infinite words that satisfy ``formula``. Raises as ``translate`` does."""
    spot = load()
    given = rewritten(formula, finite=False, name=name)
    read = _read(_asked(spot, name, given, "parity", "deterministic"), _order(formula, propositions))
    if isinstance(read, Omega):
        return read
    fair = tuple(Inf(mark) for mark in range(read.sets))
    return Omega(read.propositions, read.initial, read.edges, fair[0] if len(fair) == 1 else All(fair))


def _order(formula: Formula, propositions: tuple[str, ...] | None) -> tuple[str, ...]:
    return atoms(formula) if propositions is None else propositions


def _asked(spot: Any, name: str, given: Any, *how: str) -> Any:
    """Spot's automaton of its formula; TooLarge for more acceptance sets than Spot was built for."""
    try:
        return spot.translate(given, *how)
    except RuntimeError as problem:
        raise TooLarge(f"{name}: Spot refuses it: {problem}") from None


def _read(automaton: Any, propositions: tuple[str, ...]) -> Buchi | Omega:
    read = from_hoa(automaton.to_str("hoa"), "Spot's automaton")
    if isinstance(read, Buchi):
        return Buchi(propositions, read.initial, read.sets, read.edges)
    return Omega(propositions, read.initial, read.edges, read.acceptance)


def _from_diagrams(spot: Any, given: Any, propositions: tuple[str, ...], order: Sequence[str], name: str) -> Dfa:
    """Spot's own diagrams node by node: they share what the cubes of a text would repeat."""
    dictionary = spot.make_bdd_dict()
    holder = spot.make_twa_graph(dictionary)
    rank_of = {holder.register_ap(proposition): rank for rank, proposition in enumerate(order)}
    if list(rank_of) != sorted(rank_of):
        raise InvalidInput(f"{name}: Spot numbers propositions in another order than they are given")
    found = spot.minimize_mtdfa(spot.ltlf_to_mtdfa(given, dict=dictionary))
    effort = Effort(name, limits.TRANSLATION_STATES, limits.TRANSLATION_NODES, limits.TRANSLATION_SECONDS)
    effort.reached(found.num_roots())
    return embedded.numbered(minimised(_Reading(found.states, rank_of, effort).forest(), effort), order, propositions)


class _Reading:
    """From Spot's diagrams, which say at a leaf where to go and whether the word may end there, to ours.

    A state of ours is one of Spot's and whether the word may end on coming there; ``_SINK`` stands for the two that are
    never left.
    """

    def __init__(self, diagrams: Any, rank_of: dict[int, int], effort: Effort) -> None:
        self._buddy: Any = importlib.import_module("buddy")
        self._diagrams, self._rank_of, self._effort = diagrams, rank_of, effort
        self._known: dict[int, int] = {}
        self._kept: list[Any] = []
        self._unique: dict[tuple[int, int, int], int] = {}
        self._queue = [(0, False)]
        self._places = {(0, False): 0}

    def forest(self) -> Forest:
        roots: list[int] = []
        for state, _ in self._queue:  # grows
            roots.append(~len(roots) if state == _SINK else self._node(self._diagrams[state]))
        ranks, lows, highs = ([key[column] for key in self._unique] for column in range(3))
        return gathered(ranks, lows, highs, roots, [may_end for _, may_end in self._queue])

    def _leaf(self, state: int, may_end: bool) -> int:
        place = self._places.setdefault((state, may_end), len(self._queue))
        if place == len(self._queue):
            self._queue.append((state, may_end))
        return ~place

    def _node(self, diagram: Any) -> int:
        number = diagram.id()
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._read(diagram, number)
            self._kept.append(diagram)  # or the number is given to another
            self._effort.spent(len(self._kept))
        return found

    def _read(self, diagram: Any, number: int) -> int:
        if number <= 1:
            return self._leaf(_SINK, bool(number))
        if self._buddy.bdd_is_terminal(diagram):
            value = self._buddy.bdd_get_terminal(diagram)
            return self._leaf(value >> 1, bool(value & 1))
        rank = self._rank_of[self._buddy.bdd_var(diagram)]
        low, high = self._node(self._buddy.bdd_low(diagram)), self._node(self._buddy.bdd_high(diagram))
        return self._unique.setdefault((rank, low, high), len(self._unique))


_SINK = -1


def rewritten(formula: Formula, *, finite: bool, name: str = "formula") -> Any:
    """Spot's formula: the strong next is ``X[!]``, the weak one ``X``; over infinite words both are ``X``.

    Raises InvalidInput, naming ``name``, where there is a past operator.
    """
    make = load().formula
    strong = _strong_next(make) if finite else make.X
    operators: dict[type[Formula], Callable[..., Any]] = {
        logic.Not: make.Not,
        logic.Next: strong,
        logic.WeakNext: make.X,
        logic.Eventually: make.F,
        logic.Always: make.G,
        logic.Implies: make.Implies,
        logic.Iff: make.Equiv,
        logic.Xor: make.Xor,
        logic.Until: make.U,
        logic.WeakUntil: make.W,
        logic.Release: make.R,
        logic.StrongRelease: make.M,
    }
    made: dict[Formula, Any] = {}
    for node in subformulas(formula):
        operands = [made[child] for child in node.children()]
        match node:
            case logic.Constant(value):
                made[node] = make.tt() if value else make.ff()
            case logic.Atom(proposition):
                made[node] = make.ap(proposition)
            case logic.Last():
                made[node] = make.Not(strong(make.tt())) if finite else make.ff()
            case logic.And():
                made[node] = make.And(operands)
            case logic.Or():
                made[node] = make.Or(operands)
            case _ if type(node) in operators:
                made[node] = operators[type(node)](*operands)
            case _:
                raise InvalidInput(f"{name}: Spot has no past operators; use the backend 'embedded' or 'auto'")
    return made[formula]


def _strong_next(make: Any) -> Callable[[Any], Any]:
    """``X[!]``, for which Spot's Python has a sign and no name."""
    kind = make("X[!]a").kind()
    return lambda operand: make.unop(kind, operand)
