"""Random small specs, a model of random scores, hostile tools: no violation, none unfinished, the trace is the text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentspec.automata.game import counterplay
from agentspec.automata.letter import Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled
from agentspec.errors import EngineFault, InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.episode_laws import behavior_accepts, check_laws
from tests.laws.harness import Count, budgets, check_game, check_one, episodes_of, sound, sound_spec
from tests.laws.played import compiled_of, play
from tests.laws.specs import FOCUSES, RandomSpec, spec_from, specs
from tests.laws.toy import WILLS, ToyEngine, ToySource, toy_tokenizer
from tests.laws.words import Word, WordGame, sign_of

slow = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def test_hundreds_of_episodes_keep_every_law(tmp_path: Path) -> None:
    count = Count()
    for seed in range(80):
        episodes_of(seed, count, folder=tmp_path, focus=FOCUSES[seed % len(FOCUSES)] if seed >= 40 else "")
    print(count)
    assert set(count.episodes) <= {"accepted", "pending"}
    assert count.episodes["accepted"] >= 150
    assert count.specs["not realizable"] + count.specs["contradictory"] >= 10


@pytest.mark.long
def test_thousands_of_episodes_keep_every_law(tmp_path: Path) -> None:
    count = Count()
    seed = 1000
    while sum(count.episodes.values()) < 6000:
        episodes_of(seed, count, folder=tmp_path, focus=FOCUSES[seed % len(FOCUSES)] if seed % 2 else "")
        seed += 1
    print(count)
    assert set(count.episodes) <= {"accepted", "pending"}
    assert count.episodes["accepted"] >= 5900


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
    for seed in range(110):
        spec = spec_from(seed, FOCUSES[seed % len(FOCUSES)] if seed >= 70 else "")
        try:
            compiled = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        found[compiled.realizable, check_game(spec, compiled, 9, 3000)] += 1
    print(found)
    assert found[True, "forced"] >= 50
    assert found[False, "lost"] >= 10
    assert not found[True, "lost"]
    assert not found[False, "forced"]


def follow(spec: RandomSpec, compiled: Compiled, rng: Random, cheapest: bool) -> tuple[Word, int]:
    """Play the guard's own strategy against random tools: by rank, or by cost within the least budget."""
    guard, game = compiled.guard, WordGame(spec, compiled)
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
    for seed in range(45):
        spec, compiled = sound_spec(seed)
        if compiled is None:
            continue
        game = WordGame(spec, compiled)
        for turn in range(3):
            word, steps = follow(spec, compiled, Random(turn), cheapest)
            if game.possible(word) and game.possible(word)[0].owner == Owner.USER and not game.good(word):
                continue
            assert game.good(word), f"{[sorted(s.true) for s in word]}\n{spec.text}"
            assert behavior_accepts(compiled.agent.spec, [sign.step for sign in word])
            if not cheapest:
                assert steps <= compiled.solution.rank[compiled.arena.initial]
            played += 1
    assert played >= 50


def test_a_refusal_shows_a_play_that_exists_and_the_model_cannot_mend() -> None:
    shown = 0
    for seed in range(60):
        spec = spec_from(seed)
        try:
            compiled = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        if compiled.realizable:
            continue
        game = WordGame(spec, compiled, 500)
        word: Word = ()
        for letter in counterplay(compiled.arena, compiled.solution)[0]:
            sign = sign_of(game, letter.true)
            assert sign in game.possible(word), f"{letter} exists\n{spec.text}"
            word = (*word, sign)
        assert not game.good(word)
        shown += 1
    assert shown >= 8


# The window, and engines that fail ----------------------------------------------------------------------------------


def test_an_episode_stays_within_the_models_window_or_does_not_start() -> None:
    found: Counter[str] = Counter()
    for seed in range(60):
        rng = Random(seed)
        spec, compiled = sound_spec(seed)
        if compiled is None:
            continue
        wide = play(spec, compiled)
        prompt = wide.result.usage.prompt_tokens
        most = max((s.max_tokens for s in compiled.agent.spec.steps.values() if s.owner == Owner.TOOL), default=0)
        least = compiled.guard_with(toy_tokenizer()).least()
        window = prompt + least.tokens + rng.choice([-1, 0, 5, 60]) + least.calls * rng.choice([0, most, most + 30])
        played = play(spec, compiled, window=window, budget=rng.choice([None, least]), will=rng.choice(sorted(WILLS)))
        found[played.result.status] += 1
        if played.result.status == "refused":
            assert not played.records
            assert played.source is None
            assert not played.calls
            assert played.result.exit_code == 3
        else:
            check_laws(played)
    print(found)
    assert found["accepted"] >= 12
    assert found["refused"] >= 12


@pytest.mark.parametrize("fault", ["nan", "infinite", "raises", "lies"])
def test_an_engine_that_fails_never_ends_as_accepted(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = ToySource.logits

    def logits(self: ToySource) -> NDArray[np.float32]:
        scores = honest(self)
        if self.asked < 3:
            return scores
        if fault == "raises":
            raise EngineFault("the forward failed")
        return np.full_like(scores, np.nan if fault == "nan" else np.inf)

    if fault == "lies":  # the text decoded is not that of the tokens
        monkeypatch.setattr(ToyEngine, "decode", lambda _self, tokens: b"x" * len(tokens))
    else:
        monkeypatch.setattr(ToySource, "logits", logits)
    found: Counter[str] = Counter()
    for seed in range(40):
        spec, compiled = sound_spec(seed)
        if compiled is None:
            continue
        played = play(spec, compiled, budget=Budget(10**4, 60, 9))
        assert played.source is not None
        whole = fault == "lies" or played.source.asked >= 3
        wrote = any(chunk != [toy_tokenizer().eos_token_id] for chunk in played.source.appended)
        assert played.result.status == ("engine_fault" if whole and wrote else "accepted"), played.result.reason
        found[played.result.status] += 1
        if played.result.status == "engine_fault":
            assert played.result.answer is None
            assert played.result.exit_code == 4
    assert found["engine_fault"] >= 12
