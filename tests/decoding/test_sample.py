"""Sampling: greedy is the argmax, noise follows the softmax, masking one token changes no other draw."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.decoding.sample import Sampler
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
