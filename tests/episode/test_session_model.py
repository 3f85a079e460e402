"""The shipped support desk on the real default model, against a user who complains for three hundred turns."""

from __future__ import annotations

import os

import pytest

from agentspec.engines.models import fetch
from agentspec.engines.transformers import TransformersEngine
from agentspec.episode.trace import StepRecord
from agentspec.guard.session import SessionGuard
from tests.episode.test_session import BOUND, adversary, check_safety, letters, session, support, waits

pytestmark = [pytest.mark.model, pytest.mark.long]
TURNS = int(os.environ.get("AGENTSPEC_TEST_TURNS", "300"))


@pytest.fixture(scope="module")
def engine() -> TransformersEngine:
    return TransformersEngine(fetch("smollm2-135m"), name="smollm2-135m")


def told(record: StepRecord) -> str:
    assert record.letter is not None
    return f"{record.letter.step}: {record.shown}" + (f"   ({record.detail})" if record.detail else "")


def test_every_ticket_is_closed_in_bounded_turns(engine: TransformersEngine) -> None:
    play = session(support(), engine, adversary(7, TURNS, thankful=0.05))
    records = []
    for record in play.steps():
        records.append(record)
        print(told(record), flush=True)
    word = letters(records)
    assert play.result is not None
    assert play.result.status == "pending", play.result.reason
    assert sum(a.step == "customer" for a in word) == TURNS
    check_safety(word)
    print(f"{len(waits(word))} tickets, open for at most {max(waits(word))} replies, {play.result.usage}")
    assert len(waits(word)) >= TURNS // 15
    assert max(waits(word)) <= BOUND
    assert any(record.detail for record in records), "the model needed no ranking"


def test_without_the_ranking_one_stays_open(engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionGuard, "guard_of", lambda self, *_, **__: self.free)
    play = session(support(), engine, adversary(7, 5 * BOUND))
    word = letters(list(play.steps()))
    check_safety(word)
    assert max(waits(word)) > BOUND
