"""Hostile handlers in random specs: no rule, no budget, no window is broken whatever they say."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentspec.errors import InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.episode_laws import check_laws
from tests.laws.harness import Count, budgets, check_game, check_one, episodes_of, sound
from tests.laws.played import compiled_of, play
from tests.laws.specs import RandomSpec, handled_specs, spec_from
from tests.laws.toy import WILLS, toy_tokenizer


def test_episodes_with_hostile_handlers_keep_every_law() -> None:
    count = Count()
    for seed in range(18):
        episodes_of(seed, count, focus="handlers")
    assert set(count.episodes) <= {"accepted", "pending"}
    assert count.episodes["accepted"] >= 25


@pytest.mark.long
def test_thousands_of_episodes_with_hostile_handlers_keep_every_law() -> None:
    """Run with ``pytest -m long tests/laws/test_handled.py``."""
    count, seed = Count(), 1000
    while sum(count.episodes.values()) < 3000:
        episodes_of(seed, count, focus="handlers")
        seed += 1
    assert set(count.episodes) <= {"accepted", "pending"}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(handled_specs(), st.integers(0, 2**32 - 1), st.sampled_from(sorted(WILLS)), st.integers(0, 2))
def test_hypothesis_finds_no_handler_that_breaks_a_law(spec: RandomSpec, seed: int, will: str, which: int) -> None:
    count = Count()
    compiled = sound(spec, count)
    if compiled is not None:
        budget = list(budgets(Random(seed), compiled))[which]
        check_one(spec, compiled, count, None, True, seed=seed, will=will, budget=budget)


def test_the_game_with_steps_of_code_is_what_its_definition_says() -> None:
    found: Counter[tuple[bool, str]] = Counter()
    for seed in range(30):
        spec = spec_from(seed, "handlers")
        try:
            compiled = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        found[compiled.realizable, check_game(spec, compiled, 6, 600)] += 1
    assert found[True, "forced"] >= 10
    assert found[False, "lost"] >= 3
    assert not found[True, "lost"]
    assert not found[False, "forced"]


def test_what_handlers_say_is_counted_against_the_window() -> None:
    found: Counter[str] = Counter()
    for seed in range(16):
        spec = spec_from(seed, "handlers")
        compiled = sound(spec, Count())
        if compiled is None:
            continue
        rng = Random(seed)
        prompt = play(spec, compiled, budget=Budget(10**4, 60, 9)).result.usage.prompt_tokens
        least = compiled.guard_with(toy_tokenizer()).least()
        window = prompt + least.tokens + rng.choice([0, 30, 60, 100, 200, 400])
        played = play(spec, compiled, window=window, budget=rng.choice([least, Budget(500, 60, 9)]))
        found[played.result.status] += 1
        if played.result.status != "refused":
            check_laws(played)
    assert found["accepted"] >= 2
    assert found["refused"] >= 1
