"""What `check` and `diff` say of sessions without an end, judged by the meaning of formulas on lassos."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from agentspec.automata.emptiness import accepted_lasso
from agentspec.checking.analyse import analyse
from agentspec.checking.check import check
from agentspec.checking.compile_session import CompiledSession
from agentspec.checking.diff import diff
from agentspec.checking.witness import Witness
from agentspec.errors import InvalidInput
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds_on_lasso
from tests.checking.agents import compiled

BEHAVIORS = ("(q (t | a)* a)*", "(q t? a?)*", "(q (n i o)? a)*", "(q (t | a))*")
RULES = (
    "G F a", "G(t -> F a)", "G !t", "F t", "F G !t", "G(a -> X q)", "G(q -> F a)", "G(t -> X a)", "!t W a",
    "G F t -> G F a", "G(a -> O t)", "G(t -> Y q)", "true", "G(q -> X(t | a))", "F G(q -> X a)", "G(call(pay) -> F a)",
    "F call(pay)", "G !error",
)  # fmt: skip


def sessions(count: int, seed: int) -> Iterator[CompiledSession]:
    rng = random.Random(seed)
    made = 0
    while made < count:
        try:
            agent = compiled(rng.choice(BEHAVIORS), *rng.sample(RULES, rng.randint(1, 3)), semantics="infinite")
        except InvalidInput:
            continue
        assert isinstance(agent, CompiledSession)
        made += 1
        yield agent


def satisfied(witness: Witness, formula: Formula) -> bool:
    told = [letter.true for letter in witness.letters]
    split = len(told) - witness.loop
    return holds_on_lasso(formula, told[:split], told[split:])


def test_effects_are_shown_by_sessions() -> None:
    seen = {"forbids": 0, "redundant": 0, "nothing": 0}
    for agent in sessions(40, 1):
        if not agent.realizable:
            continue
        analysis = analyse(agent)
        assert not analysis.left_out
        assert analysis.shortest.loop
        assert all(satisfied(analysis.shortest, rule.formula) for rule in agent.blocking)
        free = agent.sessions(())
        for effect, rule in zip(analysis.effects, agent.blocking, strict=True):
            if effect.forbids is None:
                seen["nothing"] += 1
                continue
            assert effect.forbids.loop
            told = [letter.true for letter in effect.forbids.letters]
            split = len(told) - effect.forbids.loop
            assert free.accepts(told[:split], told[split:]), "it is a session of the behavior"
            assert not satisfied(effect.forbids, rule.formula)
            others = [one for one in agent.blocking if one.id != rule.id]
            alone = agent.outside(others, agent.blocking)
            assert effect.redundant == (alone is None)
            if alone is not None:
                assert not satisfied(alone, rule.formula)
                assert all(satisfied(alone, one.formula) for one in others)
            seen["redundant" if effect.redundant else "forbids"] += 1
    assert seen["forbids"] > 15, seen
    assert min(seen.values()) > 1, seen


def test_what_is_found_redundant_is_violated_by_no_session_drawn() -> None:
    rng = random.Random(9)
    for agent in sessions(20, 2):
        if not agent.realizable:
            continue
        for effect, rule in zip(analyse(agent).effects, agent.blocking, strict=True):
            if not effect.redundant:
                continue
            others = agent.sessions([one for one in agent.blocking if one.id != rule.id])
            for _ in range(200):
                letters = rng.choices(agent.alphabet.letters, k=rng.randint(1, 6))
                split = rng.randrange(len(letters))
                word = [letter.true for letter in letters]
                if others.accepts(word[:split], word[split:]):
                    assert satisfied(Witness(tuple(letters), len(letters) - split), rule.formula)


def test_differences_are_sessions_of_one_alone() -> None:
    rng = random.Random(4)
    seen = {"equal": 0, "different": 0}
    for _ in range(40):
        behavior = rng.choice(BEHAVIORS)
        try:
            one, two = (
                compiled(behavior, *rng.sample(RULES, rng.randint(0, 2)), semantics="infinite") for _ in range(2)
            )
        except InvalidInput:
            continue
        found = diff(one, two)
        seen["equal" if found.equivalent else "different"] += 1
        for extra, mine, other in ((found.only_left, one, two), (found.only_right, two, one)):
            if extra is None:
                continue
            assert extra.loop
            witness = Witness(extra.word, extra.loop)
            if one.alphabet.propositions == two.alphabet.propositions:
                assert all(satisfied(witness, rule.formula) for rule in mine.blocking)
                assert not all(satisfied(witness, rule.formula) for rule in other.blocking)
    assert min(seen.values()) > 3, seen


def test_the_same_said_otherwise_is_equal() -> None:
    one = compiled("(q (t | a))*", "G F a", "G(t -> F a)", semantics="infinite")
    two = compiled("(q (t | a))*", "!F G !a", semantics="infinite")
    assert diff(one, two).equivalent


def test_a_session_and_an_episode_are_not_compared() -> None:
    with pytest.raises(InvalidInput, match="'small' is infinite and 'small' is finite"):
        diff(compiled("(q a)*", semantics="infinite"), compiled("q a"))


def test_blame_and_play_of_a_session_that_cannot_be_kept() -> None:
    agent = compiled("(q (n i o)? a)*", "G F call(pay)", "G !error", "G F a", semantics="infinite")
    report = check(agent)
    assert not report.realizable
    assert report.blamed == ("r0", "r1")
    assert report.satisfiable
    assert report.witness is not None
    contradictory = check(compiled("(q a)*", "F t", "G !t", steps={}, extra_steps="t", semantics="infinite"))
    assert not contradictory.satisfiable
    assert set(contradictory.blamed) <= {"r0", "r1"}


def test_an_accepted_lasso_of_a_formula_is_one() -> None:
    from agentspec.automata.translate_omega import to_buchi

    for text in RULES:
        formula = parse_formula(text)
        lasso = accepted_lasso(to_buchi(formula))
        assert lasso is not None
        assert holds_on_lasso(formula, lasso.prefix, lasso.loop)
