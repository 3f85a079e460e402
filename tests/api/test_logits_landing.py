"""The guard in somebody else's loop lands as our own decoder does: random scores, hard agents, budgets just enough."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agentspec import Cursor, GuardLogits
from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from tests.laws.bpe import BpeTokenizer, joined_tokenizer, words_tokenizer
from tests.laws.harness import Count, sound
from tests.laws.landing_specs import landing_spec_from

END = "<|end|>"


def hugging(tokenizer: BpeTokenizer) -> Any:
    """The tokenizer as transformers has it."""
    import transformers

    return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer, eos_token=END)


def generate(guard: GuardLogits, written: list[int], vocabulary: int, most: int, rng: Random, wish: float) -> list[int]:
    """What ``generate`` does: scores, processor, draw, until the end token or ``most`` tokens more."""
    import torch

    made = torch.Generator().manual_seed(rng.randrange(2**31))
    text = list(written)
    for _ in range(most):
        scores = torch.randn(1, vocabulary, generator=made) * 2
        scores[0, guard._end] += wish
        masked = guard(torch.tensor([text]), scores)
        text.append(int(masked[0].argmax()))
        if text[-1] == guard._end:
            break
    return text


def play(compiled: Compiled, tokenizer: BpeTokenizer, rng: Random, found: Counter[str]) -> None:
    import torch

    best = compiled.guard.least()
    budget = replace(best, tokens=best.tokens + rng.choice([0, 0, 1, 7, 60]), steps=best.steps + rng.randint(0, 3))
    cursor, theirs = Cursor(compiled, budget), hugging(tokenizer)
    text = tokenizer("Why?\n")
    cursor.take(str(cursor.allowed[0].step), "Why?")
    while not cursor.must_end:
        if cursor.owner == Owner.USER:
            break
        if cursor.owner == Owner.TOOL:
            way = rng.choice(["ok", "failed", "error"])
            cursor.observe(rng.choice(["2", "so fine", "x"]), ok=way == "ok", error=way == "error")
            continue
        before, begin = cursor.left.tokens, len(text)
        guard = GuardLogits(cursor, theirs)
        text = generate(guard, text, len(tokenizer.tokens), before, rng, rng.choice([-50.0, 0.0, 5.0]))
        letters = guard.take(torch.tensor([text]))
        assert letters or guard.ended
        assert cursor.left.tokens == before - (guard.length - begin)
        found["segments"] += 1
        found["close"] += cursor.left.tokens < 8
        text = text[: guard.length]
        if guard.ended:
            break
    assert cursor.may_end or cursor.owner == Owner.USER
    assert min(cursor.left.tokens, cursor.left.steps, cursor.left.calls) >= 0
    blocking = {rule.id for rule in compiled.blocking}
    if cursor.may_end:
        assert all(v.verdict == "satisfied" for v in cursor.verdicts(ended=True) if v.rule in blocking)
    found["episodes"] += 1


def run(seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        compiled = sound(landing_spec_from(seed), Count())
        if compiled is None:
            continue
        rng = Random(f"logits {seed}")
        for tokenizer in (words_tokenizer(), joined_tokenizer()):
            try:
                play(compiled, tokenizer, rng, found)
            except Exception as problem:
                problem.add_note(f"landing spec {seed}, {'words' if tokenizer is words_tokenizer() else 'joined'}")
                raise
    return found


def test_what_the_processor_lets_through_ends_well_within_the_budget() -> None:
    found = run(range(6))
    print(found)
    assert found["episodes"] >= 8
    assert found["close"] >= 3


@pytest.mark.long
def test_what_the_processor_lets_through_ends_well_many_times() -> None:
    found = run(range(6, 306))
    print(found)
    assert found["episodes"] >= 400
