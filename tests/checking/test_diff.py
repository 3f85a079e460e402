"""`diff` against trying every episode of two specs up to a length."""

from __future__ import annotations

import json
import random

import pytest

from agentspec.checking.compile import Compiled
from agentspec.checking.diff import diff
from agentspec.errors import InvalidInput
from agentspec.logic.semantics import holds
from tests.checking.agents import compiled
from tests.checking.test_analyse import BEHAVIORS, LONGEST, RULES, episodes

Signs = tuple[tuple[str, ...], ...]


def allowed(agent: Compiled, known: set[str]) -> set[Signs]:
    """The episodes of a spec up to a length, each letter as what both specs know of it."""
    found = set()
    for word in episodes(agent):
        if all(holds(rule.formula, [a.true for a in word]) for rule in agent.blocking):
            found.add(tuple((str(a.step), *sorted(a.true & known)) for a in word))
    return found


def test_differences_are_shortest_and_both_ways() -> None:
    rng = random.Random(11)
    seen = {"equal": 0, "left": 0, "right": 0, "rules": 0, "behavior": 0}
    for _ in range(120):
        behavior = rng.choice(BEHAVIORS)
        try:
            one = compiled(behavior, *rng.sample(RULES, rng.randint(0, 2)))
            two = compiled(
                behavior if rng.random() < 0.7 else rng.choice(BEHAVIORS), *rng.sample(RULES, rng.randint(0, 2))
            )
        except InvalidInput:
            continue
        known = set(one.alphabet.propositions) & set(two.alphabet.propositions)
        words = allowed(one, known), allowed(two, known)
        found = diff(one, two)
        for extra, mine, others, side in (
            (found.only_left, words[0], words[1], "left"), (found.only_right, words[1], words[0], "right"),
        ):  # fmt: skip
            only = sorted(mine - others, key=len)
            if extra is None:
                assert not only
                continue
            if len(extra.word) > LONGEST:
                assert not only
                continue
            seen[side] += 1
            assert len(extra.word) == len(only[0])
            assert tuple((str(a.step), *sorted(a.true & known)) for a in extra.word) in only
            seen["rules" if extra.rules else "behavior"] += 1
            other = two if side == "left" else one
            if extra.rules and extra.at is None and other.alphabet.propositions == one.alphabet.propositions:
                formulas = [rule.formula for rule in other.blocking if rule.id in extra.rules]
                assert not all(holds(f, [a.true for a in extra.word]) for f in formulas)
        seen["equal"] += found.equivalent
        json.dumps(found.to_json())
    assert min(seen.values()) >= 3, seen


def test_a_spec_equals_itself_and_rules_said_otherwise() -> None:
    one = compiled("q (t | a)* a", "!a W t")
    two = compiled("q (t | a)* a", "!(!t U (a & !t))")
    assert diff(one, one).equivalent
    assert diff(one, two).equivalent


def test_what_only_one_of_them_knows_is_said() -> None:
    one, two = compiled("q t a"), compiled("q a")
    found = diff(one, two)
    assert found.not_compared == ("'t' is known to one of them alone",)
    assert found.only_left is not None
    assert found.only_left.at == 1
    assert found.only_left.rules == ()
    assert "its behavior" in str(found.only_left)


@pytest.mark.parametrize(("rule", "at"), [("G !t", 1), ("F t", None)])
def test_the_rule_and_the_place_are_named(rule: str, at: int | None) -> None:
    found = diff(compiled("q t? a"), compiled("q t? a", rule))
    assert found.only_right is None
    assert found.only_left is not None
    assert (found.only_left.rules, found.only_left.at) == (("r0",), at)
