"""Steps with a lenient JSON Schema: what the grammar leaves open is validated, and taken back where it is not valid."""

from __future__ import annotations

import json
from collections import Counter

from agentspec.checking.check import check
from agentspec.checking.compile import Compiled
from tests.checking.agents import compiled
from tests.episode.test_partial import ran

SCHEMA = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "uniqueItems": True}
OPTIONS = {"mode": "lenient", "max_digits": 1, "max_items": 4}
LIST = {"by": "model", "cue": "[L]", "json_schema": SCHEMA, "json_options": OPTIONS}


def lists() -> Compiled:
    """A question, a list without repeats, which the grammar cannot keep to, and an answer."""
    return compiled("q l a", steps={"l": LIST})


def test_check_warns_of_it_by_its_pointer() -> None:
    report = check(lists())
    assert [one.split(": ")[:2] for one in report.unenforced] == [["l", "#/uniqueItems"]]
    assert any("#/uniqueItems" in warning for warning in report.warnings)
    assert report.to_json()["guarantee"] == "partial"


def test_what_is_not_valid_is_taken_back() -> None:
    found: Counter[str] = Counter()
    for seed in range(40):
        run = ran(lists(), {}, seed)
        result = run.episode.result
        assert result is not None
        assert result.guarantee == "partial"
        found[result.status] += 1
        for record in run.records:
            if record.letter and record.letter.step == "l":
                values = json.loads(record.content)
                assert len(set(values)) == len(values) >= 2
                found["taken back"] += "taken back" in record.detail
    assert found["accepted"] + found["stopped_rule"] == 40, found
    assert found["accepted"] > 10, found
    assert found["taken back"] + found["stopped_rule"] > 3, found
