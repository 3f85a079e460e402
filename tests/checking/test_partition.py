"""The letters of a step and tool share no text and together have all of the step's."""

from __future__ import annotations

from agentspec.errors import InvalidInput
from tests.laws.partition import check_by_automata, check_by_sampling, groups
from tests.laws.played import compiled_of
from tests.laws.specs import spec_from


def test_letters_partition_their_step() -> None:
    several = sampled = 0
    for seed in range(40):
        spec = spec_from(seed)
        try:
            compiled = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        if max(map(len, groups(compiled).values()), default=0) > 1:
            several += check_by_automata(compiled)
        sampled += check_by_sampling(spec, compiled)
    assert several >= 20
    assert sampled >= 400
