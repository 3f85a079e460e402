"""Landing: whatever the model wants, an episode under a feasible budget ends well, and in the midst of nothing.

The long run: ``python -m pytest tests/laws/test_landing.py -m long -s``; ``LANDING=20000-25000`` chooses other seeds.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agentspec.errors import BudgetRefused, InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.harness import Count, sound
from tests.laws.landed import TOKENIZERS, episodes_of, play_and_measure
from tests.laws.landing_specs import landing_spec_from
from tests.laws.played import play
from tests.laws.toy import WILLS

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
    count = Count()
    for seed in range(first, last):
        episodes_of(seed, count)
        if seed % 100 == 99:
            print(seed + 1, count, flush=True)
    print(count)
    assert set(count.episodes) <= {"accepted", "pending"}
    assert last - first < 2000 or sum(count.episodes.values()) >= 10_000
