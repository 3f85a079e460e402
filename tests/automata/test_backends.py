"""One suite of laws on every backend that is here: the embedded one always, Spot where it imports.

``make test-spot`` runs this file after saying which Spot there is, and fails where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from agentspec import limits
from agentspec.automata import spot
from agentspec.automata import translate as embedded
from agentspec.automata.backend import backend
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import Formula, Next
from agentspec.logic.parse import parse_formula
from tests.automata import laws
from tests.automata.languages import Word, valuations, words_up_to
from tests.logic.strategies import Lasso, all_lassos, formulas, lassos, words

AB = valuations("ab")
UP_TO_3 = tuple(words_up_to(AB, 3))
LASSOS = tuple(all_lassos("ab", 2))
few = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])

HERE = ["embedded", *(["spot"] if spot.present() else [])]
FINITE: dict[str, Callable[..., Any]] = {"embedded": embedded.translate, "spot": spot.translate}


def to_buchi(name: str) -> laws.Infinite:
    return spot.to_buchi if name == "spot" else lambda formula, order: backend(name).to_buchi(formula, order, "formula")


def deterministic(name: str) -> laws.Infinite:
    if name == "spot":
        return spot.deterministic
    return lambda formula, order: backend(name).deterministic(formula, order, "formula")


here = pytest.mark.parametrize("name", HERE)


@here
@few
@given(formula=formulas())
def test_finite_automata_agree_with_the_meaning(name: str, formula: Formula) -> None:
    laws.agrees_with_the_meaning(FINITE[name], formula, ("a", "b"), UP_TO_3)
    laws.is_minimal_and_deterministic(FINITE[name], formula, ("a", "b"), AB)
    laws.is_the_same_value(FINITE[name], embedded.translate, formula, ("a", "b"))


@here
@few
@given(formula=formulas(("a", "b", "c", "d"), max_leaves=12), word=words(("a", "b", "c", "d"), 7))
def test_longer_words_over_more_propositions(name: str, formula: Formula, word: Word) -> None:
    laws.agrees_with_the_meaning(FINITE[name], formula, ("d", "b", "a", "c"), [word])
    laws.is_the_same_value(FINITE[name], embedded.translate, formula, ("d", "b", "a", "c"))


@here
@few
@given(one=formulas(max_leaves=5), two=formulas(max_leaves=5))
def test_connectives_are_those_of_sets(name: str, one: Formula, two: Formula) -> None:
    laws.connectives_are_those_of_sets(FINITE[name], one, two, ("a", "b"), UP_TO_3)


@here
def test_the_two_nexts(name: str) -> None:
    laws.nexts_are_not_mixed_up(FINITE[name])
    laws.nexts_are_one_in_infinite_words(to_buchi(name), LASSOS)
    laws.nexts_are_one_in_infinite_words(deterministic(name), LASSOS)


@here
@few
@given(formula=formulas())
def test_buchi_automata_agree_with_the_meaning(name: str, formula: Formula) -> None:
    laws.agrees_on_lassos(to_buchi(name), formula, ("a", "b"), LASSOS)


@here
@few
@given(formula=formulas(max_leaves=6))
def test_deterministic_automata_agree_with_the_meaning(name: str, formula: Formula) -> None:
    laws.agrees_on_lassos(deterministic(name), formula, ("a", "b"), LASSOS)
    laws.is_deterministic(deterministic(name)(formula, ("a", "b")), AB)


@here
@few
@given(formula=formulas(("a", "b", "c"), max_leaves=10), lasso=lassos(("a", "b", "c"), 4, 4))
def test_longer_lassos(name: str, formula: Formula, lasso: Lasso) -> None:
    laws.agrees_on_lassos(to_buchi(name), formula, ("a", "b", "c"), [lasso])


@here
def test_names_of_every_kind(name: str) -> None:
    """Names that Spot's syntax would read otherwise are only names."""
    order = ("alive", "call(pay)", "end2", "F1", "a-b", "chosen(x)")
    formula = parse_formula(" & ".join(f"F {proposition}" for proposition in order if proposition != "a-b"))
    dfa = FINITE[name](formula, order)
    assert dfa.propositions == order
    assert dfa.accepts([set(order)])
    assert not dfa.accepts([set(order) - {"alive"}])


@here
def test_many_propositions(name: str) -> None:
    """Where the order of the tests follows the formula, it does so for every backend; propositions may go unused."""
    order = tuple(f"p{i}" for i in range(30))
    pairs = [(7, 3), (2, 9), (11, 1), (5, 8), (4, 0)]
    several = " & ".join(f"G(p{i} -> F p{j})" for i, j in pairs)
    for text in (several, several.replace("& ", "| "), "p9 U p2", f"{several} & !last"):
        laws.is_the_same_value(FINITE[name], embedded.translate, parse_formula(text), order)
        laws.is_the_same_value(FINITE[name], embedded.translate, parse_formula(text), order[::-1])


@here
def test_deep_formulas(name: str) -> None:
    formula = parse_formula("a")
    for _ in range(800):
        formula = Next(formula)
    assert len(FINITE[name](formula, ("a",)).edges) == 802
    assert len(backend(name).translate(formula, ("a",), "deep").edges) == 802


# ---- Spot alone


if spot.present():

    @few
    @given(formula=formulas())
    def test_the_way_of_older_versions_gives_the_same(formula: Formula) -> None:
        older = _Older(spot.load())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(spot, "load", lambda: older)
            found = spot.translate(formula, ("a", "b"))
        assert found == spot.translate(formula, ("a", "b"))

    class _Older:
        """Spot as it was before ``ltlf_to_mtdfa``."""

        def __init__(self, newer: Any) -> None:
            self._newer = newer

        def __getattr__(self, name: str) -> Any:
            if name == "ltlf_to_mtdfa":
                raise AttributeError(name)
            return getattr(self._newer, name)

    @pytest.mark.parametrize("kind", ["translate", "to_buchi", "deterministic"])
    def test_a_process_of_its_own_gives_the_same(kind: str) -> None:
        formula = parse_formula("G(a -> F b)")
        assert getattr(backend("spot"), kind)(formula, None, "f") == getattr(spot, kind)(formula)

    def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "SPOT_SECONDS", 1.0)
        rules = " & ".join(f"F(p{i} & X[{9 + i}] q{i})" for i in range(30))
        with pytest.raises(TooLarge, match=r"^rule 'slow': Spot takes more than 1 s"):
            backend("spot").translate(parse_formula(rules), None, "rule 'slow'")

    def test_what_the_embedded_one_finds_too_large_goes_to_spot(monkeypatch: pytest.MonkeyPatch) -> None:
        formula = parse_formula("F(a & X[6] b)")
        whole = embedded.translate(formula)
        monkeypatch.setattr(limits, "TRANSLATION_STATES", 5)
        with pytest.raises(TooLarge):
            backend("embedded").translate(formula, None, "f")
        assert backend("auto").translate(formula, None, "f") == whole

    def test_more_acceptance_sets_than_spot_has(monkeypatch: pytest.MonkeyPatch) -> None:
        def refusing(*_: object) -> None:
            raise RuntimeError("Too many acceptance sets used. The limit is 32.")

        monkeypatch.setattr(spot.load(), "translate", refusing)
        for asked in (spot.to_buchi, spot.deterministic):
            with pytest.raises(TooLarge, match=r"^rule 'fair': Spot refuses it: Too many acceptance sets"):
                asked(parse_formula("G F a"), name="rule 'fair'")

    def test_spot_has_no_past() -> None:
        with pytest.raises(InvalidInput, match=r"^rule 'p': Spot has no past operators; .*embedded"):
            spot.translate(parse_formula("G(a -> O b)"), name="rule 'p'")
