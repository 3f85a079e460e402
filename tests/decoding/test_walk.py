"""Walks against what they are by definition, and the example of docs/decoding.md."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import agentspec
from agentspec.decoding.walk import Walk
from agentspec.errors import EngineFault, InvalidInput
from tests.decoding.test_decode import EchoSource
from tests.laws.toy import ToyEngine, toy_tokenizer

GRAMMAR = 'start: n0\nn0: L0 | L1\nL0: "[A] " /[ab]{1,4}/ "\\n"\nL1: "[B] x\\n"\n'
DOCS = Path(__file__).parents[2] / "docs" / "decoding.md"


class Copied(EchoSource):
    def clone(self) -> Copied:
        return replace(self, tokens=[*self.tokens])


class CopiedEngine(ToyEngine):
    def open(self, prompt: list[int]) -> EchoSource:
        return Copied(self.seed, self.will, 0, tokenizer=self.tokenizer, tokens=list(prompt))


def walk(seed: int = 0) -> Walk:
    engine = CopiedEngine(seed)
    return Walk(engine.matcher(GRAMMAR), engine.open([65]))


def by_definition(tokens: list[int], seed: int = 0) -> tuple[float, float]:
    """The logarithms of the probabilities of the tokens with and without the mask, one draw after the other."""
    engine = CopiedEngine(seed)
    matcher, source = engine.matcher(GRAMMAR), engine.open([65])
    masked = free = 0.0
    for token in tokens:
        scores = source.logits().astype(float)
        allowed = matcher.mask()
        free += scores[token] - np.logaddexp.reduce(scores)
        masked += scores[token] - np.logaddexp.reduce(scores[: len(allowed)][allowed])
        matcher.consume([token])
        source.append([token])
    return masked, free


def test_steps_back_and_forth_are_those_of_the_definition() -> None:
    for seed in range(6):
        rng, here, twins = Random(seed), walk(seed), []
        for _ in range(60):
            kind = rng.choice(["advance", "advance", "advance", "rollback", "clone", "score"])
            if kind == "rollback":
                back = rng.randint(0, len(here.tokens))
                here.rollback(back)
            elif kind == "clone":
                twins.append((here.clone(), [*here.tokens], here.masked))
            elif not here.done:
                token = rng.choice(np.flatnonzero(here.mask()).tolist())
                if kind == "score":
                    before = [*here.tokens]
                    (masked, free), *_ = here.score([token])
                    assert here.tokens == before
                    assert (here.masked + masked, here.free + free) == pytest.approx(
                        by_definition([*before, token], seed), abs=1e-3
                    )
                else:
                    here.advance([token])
            assert (here.masked, here.free) == pytest.approx(by_definition(here.tokens, seed), abs=1e-3)
        for twin, tokens, masked in twins:
            assert (twin.tokens, twin.masked) == (tokens, masked), "what befell the other does not concern a copy"
            if not twin.done:
                twin.advance([int(np.flatnonzero(twin.mask())[0])])
                assert twin.masked == pytest.approx(by_definition(twin.tokens, seed)[0], abs=1e-3)


def test_many_tokens_in_one_forward() -> None:
    here, rng = walk(), Random(0)
    while not here.done:
        here.advance([rng.choice(np.flatnonzero(here.mask()).tolist())])
    tokens = here.tokens
    assert len(tokens) > 3
    here = walk()
    found = here.score(tokens)
    assert here._source.asked == 1
    assert np.sum(found, axis=0) == pytest.approx(by_definition(tokens), abs=1e-3)
    here.advance(tokens)
    assert here.done
    assert not here.mask().any()
    assert (here.masked, here.free) == pytest.approx(by_definition(tokens), abs=1e-3)
    assert here.free < here.masked


def test_what_is_not_allowed() -> None:
    here = walk()
    first = int(np.flatnonzero(here.mask())[0])
    scores = here.score([first, 67, 67])
    assert [masked == -math.inf for masked, _ in scores] == [False, True, True]
    assert all(free > -math.inf for _, free in scores)
    with pytest.raises(InvalidInput, match="the token 67 is not allowed here"):
        here.advance([first, 67, 67])
    assert here.tokens == []
    assert here.masked == 0
    with pytest.raises(ValueError, match="cannot be taken back"):
        here.rollback(1)
    engine = ToyEngine()
    with pytest.raises(EngineFault, match="cannot be copied"):
        Walk(engine.matcher(GRAMMAR), engine.open([])).clone()


def test_the_example_of_the_docs() -> None:
    agent = agentspec.loads(
        'version: 1\nname: tiny\nsteps:\n  question: {by: user, cue: "[Q]"}\n'
        '  answer: {by: model, cue: "[A]", choice: ["yes", "no", "maybe not"]}\nbehavior: question answer\n'
    )
    cursor = agent.compile().start()
    cursor.take("question", "Why?")
    names: dict[str, Any] = {"cursor": cursor, "engine": CopiedEngine(3), "prompt": toy_tokenizer()(b"Why?")}
    examples = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [one for one in examples if "particles" in one]
    exec(example, names)
    assert all(walk.done for walk in names["particles"])
    text = CopiedEngine().decode(names["chosen"].tokens).decode()
    assert text in {f"[A] {answer}\n" for answer in ("yes", "no", "maybe not")}
    assert max(names["weights"]) == 1
