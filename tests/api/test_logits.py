"""The guard inside transformers' own ``generate``, with the real model and its tokenizer."""

from __future__ import annotations

from typing import Any

import pytest

import agentspec
from agentspec import GuardLogits
from agentspec.engines.models import fetch
from tests.api.test_cursor import asked

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def theirs() -> tuple[Any, Any]:
    import transformers

    transformers.utils.logging.disable_progress_bar()
    folder = fetch("smollm2-135m")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def wrote(theirs: tuple[Any, Any], text: Any, guard: GuardLogits, **more: Any) -> Any:
    import torch

    most = more.pop("max_new_tokens", 400)
    torch.manual_seed(0)
    return theirs[0].generate(
        text, attention_mask=torch.ones_like(text), logits_processor=[guard], max_new_tokens=most, **more
    )


@pytest.mark.long
def test_generate_writes_an_episode(theirs: tuple[Any, Any]) -> None:
    import torch

    tokenizer = theirs[1]
    text = tokenizer("[Question] 1 + 1?\n", return_tensors="pt")["input_ids"]
    cursor = asked()
    segments = 0
    while not cursor.must_end and segments < 8:
        guard = GuardLogits(cursor, tokenizer)
        text = wrote(theirs, text, guard, do_sample=True, temperature=1.5)
        letters = guard.take(text)
        assert letters
        segments += 1
        if guard.ended:
            break
        assert cursor.owner == "tool"
        cursor.observe("2")
        said = tokenizer("[Observation] 2\n", return_tensors="pt")["input_ids"]
        text = torch.cat([text[:, : guard.length], said], dim=1)
    assert cursor.may_end
    assert str(cursor) in tokenizer.decode(text[0])
    assert {verdict.verdict for verdict in cursor.verdicts(ended=True)} == {"satisfied"}


def test_what_is_cut_or_misused_is_refused(theirs: tuple[Any, Any]) -> None:
    tokenizer, cursor = theirs[1], asked()
    text = tokenizer("[Question] 1 + 1?\n", return_tensors="pt")["input_ids"]
    guard = GuardLogits(cursor, tokenizer)
    with pytest.raises(agentspec.InvalidInput, match="was not called"):
        guard.take(text)
    cut = wrote(theirs, text, guard, do_sample=False, max_new_tokens=4)
    with pytest.raises(agentspec.InvalidInput, match="stops inside a step"):
        guard.take(cut)
    assert len(cursor.word) == 1
    with pytest.raises(agentspec.InvalidInput, match="one text at a time, not 2"):
        wrote(theirs, text.repeat(2, 1), GuardLogits(cursor, tokenizer), do_sample=False)
    cursor.rollback()
    with pytest.raises(agentspec.InvalidInput, match="does not write here"):
        GuardLogits(cursor, tokenizer)
