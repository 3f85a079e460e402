"""Intervals and tests. All at 95 %; what is drawn at random is drawn from a seed.

Wilson, "Probable Inference, the Law of Succession, and Statistical Inference" (JASA 1927); Efron's bootstrap of
percentiles; McNemar's test in its exact form, a sign test over the items on which two settings differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""

DRAWS = 10_000
Interval = tuple[float, float]


def wilson(right: int, of: int) -> Interval:
    """The interval of a share; (0, 1) of nothing."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = right / of, Z * Z
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return (0.0 if right == 0 else max(0.0, centre - half)), (1.0 if right == of else min(1.0, centre + half))


def bootstrap(values: Sequence[float], *, seed: int = 0) -> Interval:
    """The interval of the mean of the values."""
    import numpy as np

    if not values:
        return float("nan"), float("nan")
    data = np.asarray(values, dtype=np.float64)
    rng = np.random.Generator(np.random.PCG64(seed))
    means = np.empty(DRAWS)
    rows = max(1, 1_000_000 // len(data))
    for at in range(0, DRAWS, rows):
        here = min(rows, DRAWS - at)
        means[at : at + here] = data[rng.integers(0, len(data), (here, len(data)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def interval(scores: Sequence[float], *, seed: int = 0) -> Interval:
    """The interval of the mean: Wilson's where each score is 0 or 1, else by bootstrap."""
    if all(score in (0, 1) for score in scores):
        return wilson(int(sum(scores)), len(scores))
    return bootstrap(scores, seed=seed)


def mcnemar(one: Sequence[float], other: Sequence[float]) -> float | None:
    """The two-sided exact p of as lopsided a difference, item by item; None where scores are not all 0 or 1."""
    if any(score not in (0, 1) for score in (*one, *other)):
        return None
    better = sum(a > b for a, b in zip(one, other, strict=True))
    worse = sum(a < b for a, b in zip(one, other, strict=True))
    many = better + worse
    tail = sum(math.comb(many, i) for i in range(min(better, worse) + 1))
    return min(1.0, 2 * tail / 2**many) if many else 1.0
