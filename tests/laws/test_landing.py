"""Landing: whatever the model wants, an episode under a feasible budget ends well, and in the midst of nothing.

The long run: ``python -m pytest tests/laws/test_landing.py -m long -s``; ``LANDING=20000-25000`` chooses other seeds.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from math import inf
from random import Random
from typing import Any

import pytest

from agentspec.automata.letter import Owner
from agentspec.content.language import Language
from agentspec.guard.budget import Budget
from tests.content.texts import ending
from tests.laws.episode_laws import check_laws
from tests.laws.harness import Count, sound, sound_spec
from tests.laws.landed import TOKENIZERS, episodes_of, play_and_measure
from tests.laws.landing_specs import landing_spec_from
from tests.laws.played import play
from tests.laws.words import Word, WordGame

HARD = ("endless", "long", "costly", "random", "workaholic")


def test_episodes_that_are_hard_to_land_keep_every_law() -> None:
    count = Count()
    for seed in range(14):
        episodes_of(seed, count, each=4)
    print(count)
    assert set(count.episodes) == {"accepted"}
    assert count.episodes["accepted"] >= 40


@pytest.mark.long
def test_ten_thousand_episodes_that_are_hard_to_land() -> None:
    first, last = map(int, os.environ.get("LANDING", "100-2100").split("-"))
    count, problems = Count(), []
    for seed in range(first, last):
        try:
            episodes_of(seed, count)
        except AssertionError as problem:
            problems.append("\n".join([str(problem), *problem.__notes__]))
            print(problems[-1], flush=True)
        if seed % 100 == 99:
            print(seed + 1, len(problems), count, flush=True)
    print(count)
    assert not problems
    assert set(count.episodes) <= {"accepted", "pending"}
    assert last - first < 2000 or sum(count.episodes.values()) >= 10_000


# A budget that is not felt --------------------------------------------------------------------------------------------


def options_of(rng: Random, tokenizer: str) -> dict[str, Any]:
    return {
        "seed": rng.randrange(2**32),
        "will": rng.choice(["random", "flat", "short", "quitter", "workaholic", "answer", "newlines"]),
        "temperature": rng.choice([0.0, 1.0, 3.0]),
        "tokenizer": TOKENIZERS[tokenizer](),
    }


def compare_budgets(seed: int, found: Counter[str]) -> None:
    """With as many tokens as an episode needed at once, or more, it is the same token by token; drawn or greedy.

    Needed is, wherever it stands, what was spent and the cheapest sure ending: often more than what it took in the end,
    since tools might have answered otherwise. Where the two are the same, a budget of just what it took is not felt.
    """
    spec = landing_spec_from(seed)
    compiled = sound(spec, Count())
    if compiled is None:
        return
    rng = Random(f"unchanged {seed}")
    options = options_of(rng, rng.choice(sorted(TOKENIZERS)))
    guard = compiled.guard_with(options["tokenizer"])
    least = guard.least()
    plenty = Budget(
        least.tokens + rng.choice([80, 300]), least.steps + rng.randint(0, 6), least.calls + rng.randint(0, 2)
    )
    played, needed = play_and_measure(spec, compiled, plenty, options)
    if needed is None:
        found["felt"] += 1
        return
    assert played.source is not None
    took = played.result.usage.tokens
    assert took <= needed
    found["needed what it took"] += took == needed
    for tokens in {needed, needed + 1, needed + 7, took, took + 1, took + 7, needed - 1}:
        budget = replace(plenty, tokens=tokens)
        again = play(spec, compiled, budget=budget, **options)
        same = again.source is not None and again.source.appended == played.source.appended
        if tokens >= needed:
            assert same, f"law: {tokens} tokens change nothing where {needed} are needed; landing spec {seed}"
            found["the same"] += 1
        elif guard.suffices(budget):
            found["the same with less" if same else "another with less"] += 1
        else:
            assert again.result.status == "refused"


def test_a_budget_that_fits_changes_nothing() -> None:
    found: Counter[str] = Counter()
    for seed in range(12):
        compare_budgets(seed, found)
    print(found)
    assert found["the same"] >= 20
    assert found["needed what it took"] >= 2
    assert found["another with less"] >= 3, "landing is felt where it must be"


@pytest.mark.long
def test_a_budget_that_fits_changes_nothing_many_times() -> None:
    found: Counter[str] = Counter()
    for seed in range(12, 512):
        compare_budgets(seed, found)
    print(found)
    assert found["the same"] >= 1000


# Budgets that are refused ---------------------------------------------------------------------------------------------


def vector(message: str) -> Budget:
    """The feasible budget that a refusal tells."""
    told = re.fullmatch(r".*; one that suffices: (\d+) tokens, (\d+) steps, (\d+) tool calls?", message)
    assert told, message
    return Budget(*map(int, told.groups()))


def check_refusals(seed: int, found: Counter[str]) -> None:
    """Where a budget is refused, one that suffices is told, and whatever model and tools do, it does.

    It is the least in tokens: with one token less no number of steps and calls suffices; then in steps, then in calls.
    """
    spec = landing_spec_from(seed)
    compiled = sound(spec, Count())
    if compiled is None:
        return
    rng = Random(f"refused {seed}")
    tokenizer = TOKENIZERS[rng.choice(sorted(TOKENIZERS))]()
    best = compiled.guard_with(tokenizer).least()
    many = {"tokens": 10**5, "steps": 10**3, "calls": 10**3}
    worse = [
        replace(best, tokens=best.tokens - 1, steps=10**3, calls=10**3),
        replace(best, steps=best.steps - 1, calls=10**3),
        *([replace(best, calls=best.calls - 1)] if best.calls else []),
        *(Budget(**{**many, part: rng.randrange(0, 2)}) for part in many),
    ]
    for budget in worse:
        refused = play(spec, compiled, budget=budget, tokenizer=tokenizer)
        if refused.result.status != "refused":
            assert budget not in worse[: 2 + (best.calls > 0)], f"law: {budget} is below {best}; landing spec {seed}"
            continue
        assert not refused.calls
        assert not refused.records
        assert vector(refused.result.reason) == best
        found["refused"] += 1
    for will in rng.sample(HARD, 2):
        temper = rng.choice(["kind", "failing", "broken", "mixed"])
        played = play(replace(spec, temper=temper), compiled, budget=best, will=will, tokenizer=tokenizer)
        assert played.result.status in ("accepted", "pending"), f"law: {best} suffices; landing spec {seed}"
        check_laws(played)
        found[played.result.status] += 1
        found["all tokens used"] += played.result.usage.tokens == best.tokens


def test_a_refusal_tells_a_budget_that_suffices() -> None:
    found: Counter[str] = Counter()
    for seed in range(10):
        check_refusals(seed, found)
    print(found)
    assert found["refused"] >= 25
    assert found["accepted"] >= 12


@pytest.mark.long
def test_refusals_tell_budgets_that_suffice_many_times() -> None:
    found: Counter[str] = Counter()
    for seed in range(10, 510):
        check_refusals(seed, found)
    print(found)
    assert found["accepted"] >= 600


def least_tokens(game: WordGame, weights: dict[frozenset[str], int], word: Word, steps: int) -> float:
    """The tokens with which a good end can be forced within so many steps: every play tried."""
    if game.good(word):
        return 0
    signs = game.possible(word) if steps else []
    after = [weights.get(sign.true, 0) + least_tokens(game, weights, (*word, sign), steps - 1) for sign in signs]
    if not after:
        return inf
    return min(after) if signs[0].owner == Owner.MODEL else max(after)


def test_the_tokens_told_are_the_least_by_definition() -> None:
    """Where a token is a byte: the shortest texts of the letters, found by trying all of them, and every play tried."""
    found: Counter[str] = Counter()
    for seed in range(25):
        spec, compiled = sound_spec(seed)
        if compiled is None or any(compiled.alphabet.bound(letter) for letter in compiled.contents):
            continue
        lines = {letter: Language(whole) for letter, whole in compiled.lines.items()}
        if sum(compiled.longest[letter] for letter in lines) > 4000:
            continue
        weights = {}
        for letter, language in lines.items():
            shortest = ending(language, language.start)
            assert shortest is not None
            weights[letter.true] = len(shortest.encode())
        best = compiled.guard.least()
        if best.steps > 6 or len(compiled.alphabet.letters) > 14:
            continue
        game = WordGame(spec, compiled)
        assert least_tokens(game, weights, (), best.steps) == best.tokens
        assert least_tokens(game, weights, (), best.steps + 1) == best.tokens
        assert best.steps == 0 or least_tokens(game, weights, (), best.steps - 1) > best.tokens
        found["compared"] += 1
    print(found)
    assert found["compared"] >= 8
