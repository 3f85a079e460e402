"""Sampling: greedy is the argmax, noise follows the softmax, masking one token changes no other draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.decoding.sample import AHEAD, FEW, Sampler
from agentspec.errors import EngineFault

quick = settings(deadline=None, max_examples=60)
sizes = st.integers(1, 16)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Logits, some of them -inf, and a mask that allows at least one finite one."""
    size = draw(sizes)
    values = st.one_of(st.floats(-50, 50, width=32), st.sampled_from([0.0, 1.0, -math.inf]))
    logits = np.array(draw(st.lists(values, min_size=size, max_size=size)), dtype=np.float32)
    allowed = np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    sure = draw(st.integers(0, size - 1))
    allowed[sure], logits[sure] = True, draw(st.floats(-50, 50, width=32))
    return logits, allowed


@quick
@given(cases(), st.integers(0, 1000))
def test_greedy_is_the_first_best_of_the_allowed(case: tuple[np.ndarray, np.ndarray], position: int) -> None:
    logits, allowed = case
    best = max(score for score, fine in zip(logits, allowed, strict=True) if fine)
    first = next(t for t in range(len(logits)) if allowed[t] and logits[t] == best)
    assert Sampler().draw(logits, allowed, position) == first
    assert Sampler(seed=7).draw(logits, allowed, position) == first


@quick
@given(cases(), st.integers(0, 2**64 - 1), st.integers(0, 10_000), st.floats(0.05, 5))
def test_a_draw_is_allowed_and_possible(
    case: tuple[np.ndarray, np.ndarray], seed: int, position: int, temperature: float
) -> None:
    logits, allowed = case
    token = Sampler(temperature, seed).draw(logits, allowed, position)
    assert type(token) is int
    assert allowed[token]
    assert logits[token] > -math.inf


@quick
@given(cases(), st.integers(-5, 2**70), st.integers(0, 10_000), st.floats(0.05, 5))
def test_the_same_key_gives_the_same_draw(
    case: tuple[np.ndarray, np.ndarray], seed: int, position: int, temperature: float
) -> None:
    logits, allowed = case
    before = logits.copy(), allowed.copy()
    draws = {Sampler(temperature, seed).draw(logits, allowed, position) for _ in range(3)}
    assert len(draws) == 1
    assert (logits == before[0]).all()
    assert (allowed == before[1]).all()


@quick
@given(cases(), st.integers(0, 1000), st.integers(0, 1000), st.sampled_from([0.0, 0.3, 1.0, 2.0]))
def test_masking_a_token_that_was_not_drawn_changes_nothing(
    case: tuple[np.ndarray, np.ndarray], seed: int, position: int, temperature: float
) -> None:
    logits, allowed = case
    sampler = Sampler(temperature, seed)
    token = sampler.draw(logits, allowed, position)
    for other in np.flatnonzero(allowed):
        if other != token:
            fewer = allowed.copy()
            fewer[other] = False
            assert sampler.draw(logits, fewer, position) == token


@quick
@given(cases(), st.integers(0, 1000), st.integers(0, 1000))
def test_the_next_choice_is_that_of_the_rest(case: tuple[np.ndarray, np.ndarray], seed: int, position: int) -> None:
    """Draws without replacement (Kool et al. 2019): all finite tokens come in one order, whatever is masked."""
    logits, allowed = case
    sampler, order = Sampler(1.0, seed), []
    while any(logits[allowed] > -math.inf):
        order.append(sampler.draw(logits, allowed, position))
        allowed = allowed.copy()
        allowed[order[-1]] = False
    assert len(order) == len(set(order))
    everything = np.zeros(len(logits), dtype=bool)
    everything[order] = True
    for token in order:
        assert sampler.draw(logits, everything, position) == token
        everything[token] = False


def softmax(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    return weights / weights.sum()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("by", ["position", "seed"])
def test_frequencies_follow_the_softmax(temperature: float, by: str) -> None:
    logits = np.array([0.0, 1.0, 2.0, -1.0, 0.5, -3.0, 1.5, 0.0], dtype=np.float32)
    allowed = np.array([True, True, True, True, True, True, False, True])
    draws = 6_000
    counts = np.zeros(len(logits))
    for i in range(draws):
        sampler = Sampler(temperature, 11 if by == "position" else i)
        counts[sampler.draw(logits, allowed, i if by == "position" else 5)] += 1
    assert counts[6] == 0
    expected = softmax(logits[allowed], temperature) * draws
    statistic = float(((counts[allowed] - expected) ** 2 / expected).sum())
    assert statistic < 29.9, "chi-square with 6 degrees of freedom exceeds this once in 25000"


def test_draws_at_two_positions_and_of_two_seeds_are_independent() -> None:
    logits, many = np.zeros(4, dtype=np.float32), 4_000
    pairs = np.zeros((4, 4))
    for i in range(many):
        pairs[Sampler(1.0, 3).draw(logits, None, i), Sampler(1.0, 3).draw(logits, None, i + 1)] += 1
    assert float(((pairs - many / 16) ** 2 / (many / 16)).sum()) < 45
    pairs[:] = 0
    for i in range(many):
        pairs[Sampler(1.0, i).draw(logits, None, 0), Sampler(1.0, i + 1).draw(logits, None, 0)] += 1
    assert float(((pairs - many / 16) ** 2 / (many / 16)).sum()) < 45


def test_no_mask_allows_all() -> None:
    logits = np.array([1.0, 3.0, 2.0], dtype=np.float32)
    assert Sampler().draw(logits, None, 0) == 1
    assert {Sampler(5.0, seed).draw(logits, None, 0) for seed in range(60)} == {0, 1, 2}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_no_numbers_raise(temperature: float, bad: float) -> None:
    logits = np.array([0.0, bad, 1.0], dtype=np.float32)
    with pytest.raises(EngineFault, match="not numbers"):
        Sampler(temperature).draw(logits, None, 0)
    with pytest.raises(EngineFault, match="not numbers"):
        Sampler(temperature).draw(logits, np.array([True, True, False]), 0)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_all_but_the_allowed_at_minus_infinity(temperature: float) -> None:
    logits = np.full(9, -math.inf, dtype=np.float32)
    logits[4] = -1e30
    allowed = np.zeros(9, dtype=bool)
    allowed[4] = True
    assert Sampler(temperature).draw(logits, allowed, 3) == 4
    assert Sampler(temperature).draw(logits, None, 3) == 4
    # What the model excludes the mask may still want: a forced choice among impossible tokens is a choice.
    only = np.zeros(9, dtype=bool)
    only[7] = True
    assert Sampler(temperature).draw(logits, only, 3) == 7


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_lengths_that_differ_meet_at_the_shorter(temperature: float) -> None:
    logits = np.array([0.0, 5.0, 1.0, 99.0], dtype=np.float32)
    assert Sampler(temperature).draw(logits, np.array([True, False, True]), 0) in (0, 2)
    assert Sampler().draw(logits, np.array([True, False, True]), 0) == 2
    assert Sampler().draw(logits[:2], np.array([True, False, True, True]), 0) == 0


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_nothing_allowed_raises(temperature: float) -> None:
    logits = np.zeros(3, dtype=np.float32)
    with pytest.raises(EngineFault):
        Sampler(temperature).draw(logits, np.zeros(3, dtype=bool), 0)
    with pytest.raises(EngineFault):
        Sampler(temperature).draw(logits[:2], np.array([False, False, True]), 0)


def test_a_tiny_temperature_is_almost_greedy() -> None:
    logits = np.array([30.0, 31.0, -5.0], dtype=np.float32)
    assert Sampler(1e-3).draw(logits, None, 0) == 1
    assert Sampler(1e-38).draw(logits, None, 0) == 1


# Order, limits and penalty: each against the obvious twin, or transformers' own ------------------------------------


def noise(sampler: Sampler, token: int, position: int) -> float:
    """The Gumbel noise of one token, in plain integers: SplitMix64's finaliser over the three parts of the key."""

    def mixed(value: int) -> int:
        value = (value + 0x9E3779B97F4A7C15) % 2**64
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    bits = mixed((token * 0x9E3779B97F4A7C15 + mixed(mixed(sampler.seed) + position)) % 2**64)
    return -math.log(-math.log(((bits >> 11) + 0.5) * 2.0**-53))


def sorted_tokens(sampler: Sampler, logits: np.ndarray, allowed: np.ndarray | None, position: int) -> list[int]:
    """All allowed tokens by score, without limits: the definition."""
    heat = sampler.temperature
    scores = {
        t: float(logits[t]) / heat + noise(sampler, t, position) if heat else float(logits[t])
        for t in range(len(logits))
        if allowed is None or allowed[t]
    }
    return sorted(scores, key=lambda t: (-scores[t], t))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("temperature", [0.0, 0.2, 1.0, 50.0])
def test_many_tokens_come_in_the_order_of_their_scores(temperature: float, seed: int) -> None:
    """More than are scored at once, with many ties and some at minus infinity."""
    rng = np.random.default_rng(seed)
    size = FEW + 700
    logits = (rng.integers(-40, 12, size) / 2).astype(np.float32)
    logits[rng.random(size) < 0.02] = -math.inf
    allowed = None if seed % 4 == 0 else rng.random(size) < (0.95 if seed % 2 else 0.02)
    sampler = Sampler(temperature, seed)
    order = list(sampler.ranked(logits, allowed, seed))
    assert order == sorted_tokens(sampler, logits, allowed, seed)
    assert len(order) > AHEAD or seed % 2 == 0


def test_an_unlikely_token_wins_as_often_as_its_noise_is_large() -> None:
    """Of thousands of tokens far below the best each has its chance: none is left out that would have won."""
    size, unlikely = FEW + 6_000, 0
    logits = np.full(size, -8.01, dtype=np.float32)
    logits[[5, 700]] = 0.0
    for position in range(150):
        sampler = Sampler(1.0, 4)
        bits = sampler._bits(np.arange(size), position)
        assert -np.log(-np.log(((bits[77] >> 11) + 0.5) * 2.0**-53)) == pytest.approx(noise(sampler, 77, position))
        scores = logits - np.log(-np.log(((bits >> 11) + 0.5) * 2.0**-53))
        order = np.argsort(-scores, kind="stable")[:90].tolist()
        ranked = sampler.ranked(logits, None, position)
        assert [next(ranked) for _ in range(90 if position % 10 == 0 else 2)] == order[
            : 90 if position % 10 == 0 else 2
        ]
        unlikely += order[0] not in (5, 700)
    assert 60 < unlikely < 120, "e^-8.01 * 8000 against 2: 57 %"


@quick
@given(cases(), st.integers(0, 1000), st.sampled_from([0.0, 0.5, 2.0]))
def test_ranking_is_drawing_without_those_before(
    case: tuple[np.ndarray, np.ndarray], seed: int, temperature: float
) -> None:
    logits, allowed = case
    sampler = Sampler(temperature, seed)
    order = list(sampler.ranked(logits, allowed, 3))
    left = allowed.copy()
    for token in order:
        assert sampler.draw(logits, left, 3) == token
        left[token] = False
    assert not left.any()
    assert list(sampler.ranked(logits, left, 3)) == []


@pytest.mark.parametrize("seed", range(24))
def test_limits_are_those_of_transformers(seed: int) -> None:
    """Its logits processors as the oracle: the same tokens are left, and among them the order is kept."""
    import torch
    from transformers import (
        LogitsProcessorList,
        MinPLogitsWarper,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    rng = np.random.default_rng(seed)
    size = int(rng.choice([5, 60, FEW + 500]))
    logits = rng.normal(0, 3, size).astype(np.float32)
    allowed = rng.random(size) < rng.choice([0.1, 0.7, 1.0])
    allowed[rng.integers(size)] = True
    history = rng.integers(0, size, 20).tolist()
    sampler = Sampler(
        float(rng.uniform(0.3, 2)),
        seed,
        int(rng.choice([0, 1, 7, 300])),
        float(rng.choice([1, 0.95, 0.3, 1e-9])),
        float(rng.choice([0, 0.02, 0.4])),
        float(rng.choice([1, 1.3, 0.7])),
    )
    theirs = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(sampler.repetition_penalty)])
    masked = theirs(torch.tensor([history]), torch.tensor(logits)[None])
    masked[0, torch.tensor(~allowed)] = -math.inf
    warpers = LogitsProcessorList([TemperatureLogitsWarper(sampler.temperature)])
    if sampler.top_k:
        warpers.append(TopKLogitsWarper(sampler.top_k))
    if sampler.top_p < 1:
        warpers.append(TopPLogitsWarper(sampler.top_p))
    if sampler.min_p:
        warpers.append(MinPLogitsWarper(sampler.min_p))
    warped = warpers(torch.tensor([history]), masked)[0].numpy()
    order = list(sampler.ranked(logits, allowed, seed, history))
    assert set(order) == set(np.flatnonzero(warped > -math.inf))
    penalised = masked[0].numpy()
    assert order == [t for t in sorted_tokens(sampler, penalised, allowed, seed) if warped[t] > -math.inf]
    greedy = Sampler(0.0, seed, sampler.top_k, sampler.top_p, sampler.min_p, sampler.repetition_penalty)
    assert list(greedy.ranked(logits, allowed, seed, history)) == sorted_tokens(greedy, penalised, allowed, seed)


def test_limits_see_the_mask() -> None:
    """The two likeliest of what is allowed are kept, though neither is among the two likeliest of all."""
    logits = np.array([9.0, 8.0, 1.0, 0.5, 0.0], dtype=np.float32)
    allowed = np.array([False, False, True, True, True])
    assert set(Sampler(1.0, top_k=2).ranked(logits, allowed, 0)) == {2, 3}


@quick
@given(cases(), st.data())
def test_logprobs_are_those_of_the_softmax(case: tuple[np.ndarray, np.ndarray], data: st.DataObject) -> None:
    logits, allowed = case
    token = data.draw(st.sampled_from(np.flatnonzero(allowed & (logits > -math.inf)).tolist()))
    exact = logits.astype(np.float64)
    masked, free = Sampler(2.0, top_k=1).logprobs(logits, allowed, token)
    assert free == pytest.approx(exact[token] - np.logaddexp.reduce(exact), abs=1e-5)
    assert masked == pytest.approx(exact[token] - np.logaddexp.reduce(exact[allowed]), abs=1e-5)
    assert Sampler().logprobs(logits, None, token) == pytest.approx((free, free))


def test_logprobs_of_what_is_next_to_impossible() -> None:
    logits = np.array([0.0, -200.0, -201.0, -math.inf, -math.inf], dtype=np.float32)
    masked, free = Sampler().logprobs(logits, np.array([False, True, True, False, False]), 1)
    assert (masked, free) == (pytest.approx(-math.log(1 + math.exp(-1))), pytest.approx(-200))
    masked, free = Sampler().logprobs(logits, np.array([False, False, False, True, True]), 3)
    assert (masked, free) == (pytest.approx(-math.log(2)), -math.inf)
