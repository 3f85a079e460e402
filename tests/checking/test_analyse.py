"""What rules forbid, redundancy, vacuity, traps and blame, against trying every episode up to a length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.analyse import analyse, strengthened
from agentspec.checking.check import check
from agentspec.checking.compile import Compiled
from agentspec.errors import InvalidInput
from agentspec.logic.formula import FALSE, TRUE, Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.spec.model import Rule
from tests.checking.agents import compiled
from tests.logic.strategies import all_words

BEHAVIORS = ("q (t | a)* a", "q t* a", "q (n i o t?)* a", "q (t (n i o | a))* a?", "q k o (t | a)*", "q (t | a){0,4}")
RULES = (
    "G(t -> F a)", "!a W t", "G(a -> X t)", "F t", "G !a", "G(a -> O t)", "H !t | F a", "G(call(pay) -> F ok(pay))",
    "G(failed(pay) -> G !call(pay))", "G(t -> N !t)", "G(call(pay) -> Y Y t)", "t xor F a", "!t S q", "X X true",
    "G !error", "F call(pay)", "G(ok(pay) -> X a)", "a -> t", "G(a -> (t <-> F t))", "true",
)  # fmt: skip
LONGEST = 7


def episodes(agent: Compiled, longest: int = LONGEST) -> Iterator[tuple[Letter, ...]]:
    """Every episode of the behavior up to a length, shortest first: what exists, whatever the rules want."""
    free = agent.language(())
    found = [((), free.initial)]
    for word, state in found:
        if state in free.accepting:
            yield word
        if len(word) < longest:
            found += [((*word, letter), target) for letter, target in free.edges[state]]


def satisfies(word: Sequence[Letter], formula: Formula) -> bool:
    return holds(formula, [letter.true for letter in word])


def draws(count: int) -> Iterator[tuple[int, Compiled]]:
    rng = random.Random(4711)
    made = 0
    while made < count:
        rules = rng.sample(RULES, rng.randint(1, 3))
        try:
            agent = compiled(rng.choice(BEHAVIORS), *rules)
        except InvalidInput:  # a rule names what this behavior has not
            continue
        made += 1
        yield made, agent


def test_effects_are_those_of_every_episode() -> None:
    seen = {"nothing": 0, "redundant": 0, "some": 0, "vacuous": 0}
    for _, agent in draws(60):
        if not agent.realizable:
            continue
        words = list(episodes(agent))
        analysis = analyse(agent)
        assert not analysis.left_out
        good = [w for w in words if all(satisfies(w, rule.formula) for rule in agent.blocking)]
        assert len(analysis.shortest) == len(good[0])
        assert analysis.shortest.letters in good
        for effect, rule in zip(analysis.effects, agent.blocking, strict=True):
            bad = [w for w in words if not satisfies(w, rule.formula)]
            if effect.forbids is None:
                seen["nothing"] += 1
                assert not bad
                assert effect.redundant
            elif len(effect.forbids) <= LONGEST:
                assert len(effect.forbids) == len(bad[0])
                assert effect.forbids.letters in bad
                others = [one for one in agent.blocking if one.id != rule.id]
                alone = [w for w in bad if all(satisfies(w, one.formula) for one in others)]
                seen["redundant" if effect.redundant else "some"] += 1
                assert not (effect.redundant and alone)
            for told in effect.vacuous:
                seen["vacuous"] += 1
                assert_vacuous(rule, told, words)
    assert min(seen.values()) >= 3, seen


def assert_vacuous(rule: Rule, told: str, words: list[tuple[Letter, ...]]) -> None:
    """At some place of the named proposition the formula may be as strong as it can be."""
    same = [
        all(satisfies(w, way) == satisfies(w, rule.formula) for _, way in ways for w in words)
        for atom, ways in strengthened(rule.formula)
        if f"`{atom}`" in told
    ]
    assert any(same), (rule.text, told)


def test_what_is_not_called_vacuous_makes_a_difference_somewhere() -> None:
    """The other way round, where short episodes show it."""
    checked = 0
    for _, agent in draws(25):
        if not agent.realizable:
            continue
        words = list(episodes(agent))
        for effect, rule in zip(analyse(agent).effects, agent.blocking, strict=True):
            if effect.redundant:
                continue
            for atom, ways in strengthened(rule.formula):
                if not any(f"`{atom}`" in told for told in effect.vacuous):
                    differs = any(satisfies(w, way) != satisfies(w, rule.formula) for _, way in ways for w in words)
                    checked += differs
    assert checked > 20


@pytest.mark.parametrize(
    "text", ["a -> b", "G(a -> F b)", "!a W b", "a <-> b", "!(a U b)", "!a S b", "G(a -> Y(!b S a))", "a xor !b", "a"]
)
def test_strengthening_is_stronger(text: str) -> None:
    formula = parse_formula(text)
    places = list(strengthened(formula))
    assert [atom for atom, _ in places] == [c for c in text if c in "ab"]
    for _, ways in places:
        assert ways
        for value, way in ways:
            assert value in (TRUE, FALSE)
            if len(ways) == 1:
                for word in all_words(max_size=3):
                    assert holds(formula, word) or not holds(way, word)


def test_a_trap_is_a_nearest_letter_that_breaks_nothing_and_loses() -> None:
    found = 0
    for _, agent in draws(60):
        if not agent.realizable:
            continue
        trap = analyse(agent).trap
        depths = {agent.arena.initial: 0}
        queue = [agent.arena.initial]
        nearest = None
        for q in queue:
            losing = [
                a for a, t in agent.arena.moves[q].items()
                if agent.arena.owner[q] == Owner.MODEL and t != VIOLATED and t not in agent.solution.rank
            ]  # fmt: skip
            if losing:
                nearest = depths[q]
                break
            for target in agent.arena.moves[q].values():
                if target in agent.solution.rank and target not in depths:
                    depths[target] = depths[q] + 1
                    queue.append(target)
        assert (trap is None) == (nearest is None)
        if trap is not None:
            found += 1
            assert len(trap.word) == nearest
            q = agent.arena.initial
            for letter in trap.word:
                q = agent.arena.moves[q][letter]
            target = agent.arena.moves[q][trap.letter]
            assert target != VIOLATED
            assert target not in agent.solution.rank
    assert found >= 5


def test_the_rules_to_blame_are_needed_and_enough() -> None:
    found = 0
    for _, agent in draws(80):
        if agent.realizable:
            continue
        blamed = check(agent).blamed
        texts = [rule.text for rule in agent.blocking if rule.id in blamed]
        found += len(texts) > 1

        def loses(rules: list[str], agent: Compiled = agent) -> bool:
            again = compiled(agent.agent.spec.behavior_text, *rules)
            return again.contradictory if agent.contradictory else not again.realizable

        assert loses(texts)
        for i in range(len(texts)):
            assert not loses([*texts[:i], *texts[i + 1 :]]), texts
    assert found >= 2


def test_dead_tools_and_warnings() -> None:
    agent = compiled(
        "q (n i o)* a",
        "G !call(pay)",
        "G(call(pay) -> F a)",
        tools={"pay": {"type": "object"}, "ask": {"type": "object"}},
    )
    report = check(agent)
    assert report.analysis is not None
    assert report.analysis.dead_tools == ("pay",)
    assert "the tool 'pay' can never be called" in report.warnings
    assert any("'r1' is redundant" in warning or "'r1' forbids nothing" in warning for warning in report.warnings)
    shape = report.to_json()
    assert shape["analysis"]["dead_tools"] == ["pay"]
    assert [one["rule"] for one in shape["analysis"]["rules"]] == ["r0", "r1"]
    assert shape["satisfiable"] is True


def test_time_is_bounded() -> None:
    agent = compiled("q t* a", "G(t -> F a)", "F t")
    assert analyse(agent, seconds=-1).left_out == ("r0", "r1")
