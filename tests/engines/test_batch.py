"""Texts side by side: each is scored as it would be alone, whatever is added to, or taken back from, the others."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from agentspec.engines import batch as batches
from agentspec.engines.batch import Batch, Row
from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault
from tests.engines.test_engine_kinds import CHAT, END, KINDS, TURN, Make, make  # noqa: F401

LLAMA = {"max_position_embeddings": 4096}


def alone(engine: TransformersEngine, row: Row) -> Any:
    return engine.open(list(row.tokens)).logits()


def text(rng: random.Random, length: int) -> list[int]:
    return [rng.randrange(256) for _ in range(length)]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_rows_come_grow_shrink_and_go(make: Make, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:  # noqa: F811
    monkeypatch.setattr(batches, "SLACK", 20)
    settings = LLAMA if kind == "llama" else dict(KINDS)["gpt2"]
    engine = TransformersEngine(make(kind, chat=CHAT, eos_token_id=[END, TURN], **settings), device="cpu")
    batch = engine.batch()
    assert batch is not None
    rng = random.Random(1)
    rows: list[Row] = []
    widths = []
    for _ in range(24):
        for row in rows:
            if rng.random() < 0.3 and len(row.tokens) > 12:
                row.rollback(rng.randint(1, 6))
            if rng.random() < 0.9:
                row.append(text(rng, rng.choice([1, 1, 1, 3, 20])))
            row.closed = rng.random() < 0.08
        rows = [row for row in rows if not row.closed]
        while len(rows) < 3:
            rows.append(Row(text(rng, rng.choice([3, 20, 131]))))
        asking = [row for row in rows if rng.random() < 0.9]
        batch.forward(asking)
        for row in asking:
            assert not isinstance(row.answer, EngineFault)
            np.testing.assert_allclose(row.answer, alone(engine, row), rtol=0, atol=2e-3)
            assert len(row.places) == len(row.tokens)
        widths.append(batch._mask.shape[1])
    assert any(after < before for before, after in pairwise(widths)), "gaps are taken out"


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_kinds_that_cannot_say_so(make: Make, kind: str, settings: dict[str, Any]) -> None:  # noqa: F811
    found = TransformersEngine(make(kind, **settings), device="cpu").batch()
    assert isinstance(found, Batch) == (kind in ("llama", "gpt2"))


def test_one_row_that_fails_is_told_by_itself(make: Make) -> None:  # noqa: F811
    engine = TransformersEngine(make("gpt2", **dict(KINDS)["gpt2"], n_positions=30), device="cpu")
    batch = engine.batch()
    assert batch is not None
    good, bad, late = Row(text(random.Random(0), 5)), Row(text(random.Random(1), 40)), Row(text(random.Random(2), 19))
    batch.forward([good, bad, late])
    assert isinstance(bad.answer, EngineFault)
    late.append(text(random.Random(3), 15))
    good.append([7])
    batch.forward([good, late])
    assert isinstance(late.answer, EngineFault)
    np.testing.assert_allclose(good.answer, alone(engine, good), rtol=0, atol=2e-3)  # type: ignore[arg-type]


def test_too_little_memory_for_all_of_them(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    batch = TransformersEngine(make(), device="cpu").batch()
    assert batch is not None

    def full(*_: Any) -> None:
        raise RuntimeError("cannot allocate\n")

    monkeypatch.setattr(batches.kv, "gather", full)
    with pytest.raises(EngineFault, match="2 texts side by side do not fit: cannot allocate"):
        batch.forward([Row([1, 2]), Row([3])])


def test_what_cannot_be_taken_back() -> None:
    row = Row([1, 2, 3])
    with pytest.raises(ValueError, match="3 tokens are there, 3 cannot be forgotten"):
        row.rollback(3)
