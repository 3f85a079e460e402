"""Named pieces of behavior in a file."""

from __future__ import annotations

import pytest

from agentspec.errors import InvalidInput
from agentspec.logic.behavior import show_behavior
from tests.checking.agents import declared


def test_a_part_stands_for_its_text_and_may_use_others() -> None:
    agent = declared("q looks (t || a)", parts={"looks": "look*", "look": "n i o"}, extra_steps="n i o t a")
    assert show_behavior(agent.spec.behavior) == show_behavior(declared("q (n i o)* (t || a)").spec.behavior)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"look": "n i oo"}, "the part 'look' names an unknown step 'oo'"),
        ({"look": "n i (o"}, "never closed"),
        ({"look": "more", "more": "look"}, "is made of itself: "),
        ({"t": "a"}, "'t' is a step; a part needs a name of its own"),
    ],
)
def test_faults_are_in_the_text_of_the_part(parts: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        declared("q look* t", parts=parts, extra_steps="n i o t")
    assert message in caught.value.message
    assert caught.value.location is not None
    assert "parts" in str(caught.value.excerpt)
