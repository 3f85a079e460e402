"""The embedded translator against automata that Spot made (``recorded/make.py``), read by our own HOA reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentspec.automata.backend import backend
from agentspec.automata.buchi import Buchi
from agentspec.automata.canonical import canonical
from agentspec.automata.dfa import Dfa
from agentspec.automata.hoa import dfa_from_hoa, from_hoa
from agentspec.automata.omega import Omega
from agentspec.logic.formula import Formula, Not, atoms
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso
from tests.automata.languages import valuations
from tests.automata.omega_languages import common_lasso
from tests.logic.strategies import all_lassos

OURS = backend("embedded")
HERE = Path(__file__).parent / "recorded"


def recorded(kind: str) -> dict[str, str]:
    """The HOA texts of one stream by their formulas."""
    stream = (HERE / f"{kind}.hoa").read_text(encoding="utf-8")
    found = {}
    for text in re.findall(r"HOA: v1\n.*?--END--\n", stream, re.DOTALL):
        quoted = re.search(r'^agentspec-formula: "((?:[^"\\]|\\.)*)"$', text, re.MULTILINE)
        assert quoted is not None
        assert re.search(r'^tool: "spot" "\d+\.[^"]+"$', text, re.MULTILINE), "the version is stated"
        found[re.sub(r"\\(.)", r"\1", quoted[1])] = text
    return found


FINITE, BUCHI, NEGATION, PARITY = map(recorded, ("finite", "buchi", "negation", "parity"))
SMALL = [text for text in FINITE if len(atoms(parse_formula(text))) <= 4]


def test_there_is_something_to_compare() -> None:
    assert set(FINITE) == set(BUCHI) == set(NEGATION) == set(PARITY)
    assert len(FINITE) >= 100
    assert len(SMALL) >= 90


@pytest.mark.parametrize("text", SMALL)
def test_common_words_are_found(text: str) -> None:
    """The comparison itself: what it finds is a word of both, and where it finds none there is none."""
    formula = parse_formula(text)
    spots, order = from_hoa(BUCHI[text]), atoms(formula)
    lasso = common_lasso(spots, from_hoa(PARITY[text]), order)
    if lasso is None:
        assert not any(holds_on_lasso(formula, *one) for one in all_lassos(order[:2] or ("a",), 2))
    else:
        assert holds_on_lasso(formula, *lasso)
        assert spots.accepts(*lasso)


def difference(one: Dfa, two: Dfa) -> list[frozenset[str]] | None:
    """A shortest word over which the two differ, or None."""
    letters = valuations(one.propositions)
    start: tuple[int | None, int | None] = (one.initial, two.initial)
    queue: list[tuple[tuple[int | None, int | None], list[frozenset[str]]]] = [(start, [])]
    seen = {start}
    for (left, right), word in queue:
        if (left in one.accepting) != (right in two.accepting):
            return word
        for letter in letters:
            after = tuple(
                None if state is None else dfa.step(state, letter) for dfa, state in ((one, left), (two, right))
            )
            if after not in seen:
                seen.add(after)
                queue.append((after, [*word, letter]))
    return None


@pytest.mark.parametrize("text", FINITE)
def test_finite_words(text: str) -> None:
    formula = parse_formula(text)
    order = atoms(formula)
    spots = dfa_from_hoa(FINITE[text])
    assert set(spots.propositions) <= set(order)
    spots = canonical(Dfa(order, spots.initial, spots.accepting, spots.edges))
    ours = OURS.translate(formula, order, text)
    word = difference(ours, spots)
    assert word is None, f"on {word} the formula is {holds(formula, word)}"
    assert ours == spots, "equal languages are equal values"


@pytest.mark.parametrize("text", SMALL)
def test_infinite_words(text: str) -> None:
    formula = parse_formula(text)
    order = atoms(formula)
    assert_equal(*(OURS.to_buchi(one, order, text) for one in (formula, Not(formula))), text, formula)


@pytest.mark.parametrize("text", SMALL)
def test_infinite_words_deterministically(text: str) -> None:
    formula = parse_formula(text)
    order = atoms(formula)
    assert_equal(*(OURS.deterministic(one, order, text) for one in (formula, Not(formula))), text, formula)


def assert_equal(ours: Buchi | Omega, negated: Buchi | Omega, text: str, formula: Formula) -> None:
    """Spot's automaton and ours have no word that the other's negation has."""
    order = atoms(formula)
    for mine, theirs in ((ours, NEGATION[text]), (negated, BUCHI[text])):
        lasso = common_lasso(mine, from_hoa(theirs), order)
        assert lasso is None, f"on {lasso} the formula is {holds_on_lasso(formula, *lasso)}"


@pytest.mark.parametrize("text", SMALL)
def test_parity_automata_are_read_as_they_are_meant(text: str) -> None:
    formula = parse_formula(text)
    read = from_hoa(PARITY[text])
    lasso = common_lasso(read, from_hoa(NEGATION[text]), atoms(formula))
    assert lasso is None, lasso
    assert isinstance(read, Omega) or read.deterministic
