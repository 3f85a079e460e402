"""Thousands of formulas over infinite words, each on fifty lassos: all translations against the meaning."""

from __future__ import annotations

from random import Random

import pytest

from agentspec.automata.translate_omega import deterministic, to_buchi
from agentspec.errors import TooLarge
from agentspec.logic import formula as logic
from agentspec.logic.formula import Formula, Not
from agentspec.logic.semantics import holds_on_lasso
from tests.automata.random_omega import random_lassos
from tests.logic.strategies import BINARY, PAST_BINARY, PAST_UNARY, UNARY

SEEDS = range(20)
FORMULAS = 150
LASSOS = 50


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_many_formulas(seed: int) -> None:
    """Accepted just if the formula holds, by four automata: of the formula and of its negation, two of each."""
    names = ("a", "b", "c")[: 1 + seed % 3]
    past = seed % 2 == 1
    refused = 0
    for number in range(FORMULAS):
        rng = Random(f"{seed} {number}")
        formula = random_formula(rng, rng.randint(2, 11), names, past)
        try:
            automata = [
                (made(f, names), f is formula) for made in (to_buchi, deterministic) for f in (formula, Not(formula))
            ]
        except TooLarge:
            refused += 1
            continue
        for prefix, loop in random_lassos(rng, names, LASSOS):
            truth = holds_on_lasso(formula, prefix, loop)
            for automaton, same in automata:
                assert automaton.accepts(prefix, loop) == (truth == same), (str(formula), prefix, loop, same)
    assert refused <= FORMULAS // 50


def random_formula(rng: Random, size: int, names: tuple[str, ...], past: bool) -> Formula:
    """Of about ``size`` nodes, with every operator there is, of the past only if ``past``."""
    if size <= 1:
        if rng.random() < 0.9:
            return logic.Atom(rng.choice(names))
        return rng.choice((logic.TRUE, logic.FALSE, logic.Last()))
    if size == 2 or rng.random() < 0.4:
        unary = rng.choice(UNARY + (PAST_UNARY if past else ()))
        return unary(random_formula(rng, size - 1, names, past))
    cut = rng.randint(1, size - 2)
    operands = random_formula(rng, cut, names, past), random_formula(rng, size - 1 - cut, names, past)
    if rng.random() < 0.3:
        return rng.choice((logic.And, logic.Or))(operands)
    return rng.choice(BINARY + (PAST_BINARY if past else ()))(*operands)
