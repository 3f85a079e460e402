"""Random small specs, a model of random scores, hostile tools: no violation, none unfinished, the trace is the text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentspec.automata.game import counterplay
from agentspec.automata.letter import Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled
from agentspec.errors import InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.episode_laws import behavior_accepts, compiled_of
from tests.laws.harness import Count, budgets, check_game, check_one, episodes_of, sound
from tests.laws.specs import RandomSpec, spec_from, specs
from tests.laws.toy import WILLS
from tests.laws.words import Word, WordGame, sign_of

slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def test_four_hundred_episodes_keep_every_law(tmp_path: Path) -> None:
    count = Count()
    for seed in range(200):
        episodes_of(seed, count, folder=tmp_path)
    print(count)
    assert set(count.episodes) == {"accepted"}
    assert sum(count.episodes.values()) >= 370
    assert count.specs["not realizable"] >= 40


@pytest.mark.long
def test_thousands_of_episodes_keep_every_law(tmp_path: Path) -> None:
    count = Count()
    seed = 1000
    while sum(count.episodes.values()) < 4000:
        episodes_of(seed, count, folder=tmp_path)
        seed += 1
    print(count)
    assert set(count.episodes) <= {"accepted", "pending"}
    assert count.episodes["accepted"] >= 3900


@slow
@given(specs(), st.integers(0, 2**32 - 1), st.sampled_from(sorted(WILLS)), st.integers(0, 2))
def test_hypothesis_finds_no_spec_that_breaks_a_law(spec: RandomSpec, seed: int, will: str, which: int) -> None:
    count = Count()
    compiled = sound(spec, count)
    if compiled is not None:
        budget = list(budgets(Random(seed), compiled))[which]
        check_one(spec, compiled, count, None, True, seed=seed, will=will, budget=budget)


# The game against its definition ------------------------------------------------------------------------------------


def test_realizable_means_that_the_model_can_force_a_good_end() -> None:
    found: Counter[tuple[bool, str]] = Counter()
    for seed in range(400):
        spec = spec_from(seed)
        try:
            compiled = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        found[compiled.realizable, check_game(spec, compiled, 9, 3000)] += 1
    print(found)
    assert found[True, "forced"] >= 200
    assert found[False, "lost"] >= 60
    assert not found[True, "lost"]
    assert not found[False, "forced"]


def follow(compiled: Compiled, rng: Random, cheapest: bool) -> tuple[Word, int]:
    """Play the guard's own strategy against random tools: by rank, or by cost within the least budget."""
    guard, game = compiled.guard, WordGame(compiled)
    rank = compiled.solution.rank
    position = guard.start(guard.least() if cheapest else Budget(10**7, 10**4, 10**4))
    word: Word = ()
    steps = 0
    while True:
        moves = guard.arena.moves[position.state]
        exist = {letter.true for letter in moves}
        assert exist == {letter.true for letter in game.possible(word)}, "the arena's letters are those that exist"
        if cheapest and position.must_end:
            return word, steps
        if not cheapest and rank[position.state] == 0:
            return word, steps
        if position.owner == Owner.MODEL:
            allowed = position.allowed()
            assert allowed, "the guard is never without a move"
            best = min(rank[moves[letter]] for letter in allowed)
            letter = rng.choice(allowed if cheapest else [a for a in allowed if rank[moves[a]] == best])
            position.advance(letter, guard.costs.weights[letter])
        else:
            if position.is_accepting or (word and position.owner == Owner.USER):
                return word, steps
            letter = rng.choice(list(moves))
            assert moves[letter] != VIOLATED, "no answer of a tool can violate a rule"
            position.advance(letter)
        word = (*word, sign_of(game, letter.true))
        steps += 1


@pytest.mark.parametrize("cheapest", [False, True], ids=["by rank", "within the least budget"])
def test_the_guards_own_strategy_wins(cheapest: bool) -> None:
    played = 0
    for seed in range(150):
        compiled = sound(spec_from(seed), Count())
        if compiled is None:
            continue
        game = WordGame(compiled)
        for turn in range(4):
            word, steps = follow(compiled, Random(turn), cheapest)
            if game.possible(word) and game.possible(word)[0].owner == Owner.USER and not game.good(word):
                continue
            assert game.good(word), f"{[sorted(s.true) for s in word]}\n{spec_from(seed).text}"
            assert behavior_accepts(compiled.agent.spec, [sign.step for sign in word])
            if not cheapest:
                assert steps <= compiled.solution.rank[compiled.arena.initial]
            played += 1
    assert played >= 200


def test_a_refusal_shows_a_play_that_exists_and_the_model_cannot_mend() -> None:
    shown = 0
    for seed in range(200):
        try:
            compiled = compiled_of(spec_from(seed))
        except InvalidInput:  # not sound: other tests
            continue
        if compiled.realizable:
            continue
        game = WordGame(compiled, 500)
        word: Word = ()
        for letter in counterplay(compiled.arena, compiled.solution)[0]:
            sign = sign_of(game, letter.true)
            assert sign in game.possible(word), f"{letter} exists\n{spec_from(seed).text}"
            word = (*word, sign)
        assert not game.good(word)
        shown += 1
    assert shown >= 40
