"""What every backend must obey, whoever wrote it. Each law takes the translation and asserts against the meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agentspec.automata.buchi import Buchi
from agentspec.automata.dfa import Dfa
from agentspec.automata.omega import Omega
from agentspec.logic.formula import And, Formula, Not, Or
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso
from tests.automata.languages import Valuation, Word, assert_minimal, assert_well_formed
from tests.logic.strategies import Lasso

Finite = Callable[[Formula, tuple[str, ...]], Dfa]
Infinite = Callable[[Formula, tuple[str, ...]], Buchi | Omega]

NEXTS = {
    "X true": "!last",
    "N false": "last",
    "!X a": "N !a",
    "!N a": "X !a",
    "X a": "N a & X true",
    "N a": "X a | last",
    "X[!] a": "X a",
    "G X true": "false",
    "G N false": "last",
    "F last": "true",
    "X last": "X N false",
    "G(a -> X b)": "G(!a | X b)",
    "G(a -> N b)": "G(a -> (last | X b))",
}
"""Formulas of one meaning over finite words; whoever takes the strong next for the weak one fails half of them."""

DIFFERENT = [("X a", "N a"), ("X true", "true"), ("N false", "false"), ("G(a -> X b)", "G(a -> N b)")]
"""Formulas whose finite languages differ, though the infinite ones are equal."""


def agrees_with_the_meaning(translate: Finite, formula: Formula, order: tuple[str, ...], words: Iterable[Word]) -> None:
    """The automaton accepts a word exactly if it is not empty and the formula holds on it."""
    dfa = translate(formula, order)
    assert dfa.propositions == order
    for word in words:
        assert dfa.accepts(word) == (bool(word) and holds(formula, word)), word


def is_minimal_and_deterministic(
    translate: Finite, formula: Formula, order: tuple[str, ...], letters: Sequence[Valuation]
) -> None:
    """States are disjointly labelled, reachable, live and told apart."""
    dfa = translate(formula, order)
    assert_well_formed(dfa, letters)
    assert_minimal(dfa, letters)


def is_the_same_value(translate: Finite, other: Finite, formula: Formula, order: tuple[str, ...]) -> None:
    """Two backends number alike: equal languages are equal values."""
    assert translate(formula, order) == other(formula, order)


def connectives_are_those_of_sets(
    translate: Finite, one: Formula, two: Formula, order: tuple[str, ...], words: Iterable[Word]
) -> None:
    """``!`` is the complement among non-empty words, ``&`` the intersection, ``|`` the union."""
    first, second = translate(one, order), translate(two, order)
    negated, both, either = (translate(f, order) for f in (Not(one), And((one, two)), Or((one, two))))
    for word in words:
        here, there = first.accepts(word), second.accepts(word)
        assert negated.accepts(word) == (bool(word) and not here), word
        assert both.accepts(word) == (here and there), word
        assert either.accepts(word) == (here or there), word


def nexts_are_not_mixed_up(translate: Finite) -> None:
    """``X`` is strong and ``N`` weak, and each is the dual of the other."""
    order = ("a", "b")
    for one, two in NEXTS.items():
        assert translate(parse_formula(one), order) == translate(parse_formula(two), order), (one, two)
    for one, two in DIFFERENT:
        assert translate(parse_formula(one), order) != translate(parse_formula(two), order), (one, two)


def agrees_on_lassos(translate: Infinite, formula: Formula, order: tuple[str, ...], lassos: Iterable[Lasso]) -> None:
    """The automaton accepts a lasso exactly if the formula holds on it."""
    automaton = translate(formula, order)
    assert automaton.propositions == order
    for prefix, loop in lassos:
        assert automaton.accepts(prefix, loop) == holds_on_lasso(formula, prefix, loop), (prefix, loop)


def nexts_are_one_in_infinite_words(translate: Infinite, lassos: Iterable[Lasso]) -> None:
    """There ``X`` and ``N`` are the same, and ``last`` never holds."""
    given = list(lassos)
    for one, two in [*DIFFERENT, ("last", "false"), ("F last", "false"), ("X last", "false"), ("G N a", "N G a")]:
        left, right = (translate(parse_formula(text), ("a", "b")) for text in (one, two))
        for prefix, loop in given:
            assert left.accepts(prefix, loop) == right.accepts(prefix, loop), (one, two, prefix, loop)


def is_deterministic(automaton: Buchi | Omega, letters: Sequence[Valuation]) -> None:
    """No valuation enables two transitions, and every target is a state."""
    for edges in automaton.edges:
        assert all(0 <= edge.target < len(automaton.edges) for edge in edges)
        for valuation in letters:
            assert sum(edge.letter.matches(valuation) for edge in edges) <= 1
