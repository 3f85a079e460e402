"""What a handler weighs a text by: the model's own scores, token by token, and the text goes on as if it had not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agentspec import Moment
from agentspec.decoding.ahead import ROWS, Ahead, Lookup
from agentspec.decoding.source import Counters
from agentspec.engines.transformers import TransformersEngine
from tests.engines.test_engine_kinds import make

__all__ = ["make"]
from tests.episode.test_handlers import AGENT, PROPOSES, run, wrote


@dataclass
class Reading:
    """A source whose scores depend on every token; ``forgets`` says that it can score several places at once."""

    tokens: list[int]
    forgets: bool
    size: int = 40
    asked: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        return len(self.tokens)

    def append(self, tokens: list[int]) -> None:
        self.tokens += tokens

    def rollback(self, tokens: int) -> None:
        del self.tokens[len(self.tokens) - tokens :]

    def _at(self, length: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(self.tokens[:length])
        return rng.standard_normal(self.size, dtype=np.float32) * 3

    def logits(self) -> NDArray[np.float32]:
        return self._at(self.length)

    def scores(self, last: int) -> NDArray[np.float32]:
        self.asked.append(last)
        return np.stack([self._at(n) for n in range(self.length - last + 1, self.length + 1)])


def logprob_of(before: Sequence[int], tokens: Sequence[int]) -> float:
    """The definition: token by token, the score of the one less the logarithm of the sum of all exponentials."""
    total, text = 0.0, list(before)
    for token in tokens:
        scores = Reading(list(text), False).logits().astype(np.float64)
        total += float(scores[token]) - math.log(float(np.exp(scores).sum()))
        text.append(token)
    return total


@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("guessing", [False, True])
@pytest.mark.parametrize("many", [0, 1, 5, ROWS, ROWS + 1, 3 * ROWS + 2])
def test_a_text_is_weighed_token_by_token_and_forgotten(forgets: bool, guessing: bool, many: int) -> None:
    before = [1, 2, 3, 4, 1, 2, 3]
    source, counters = Reading(list(before), forgets), Counters()
    ahead = Ahead(source, counters, Lookup(4, 3))
    if guessing:
        ahead.guess(len)
    first = ahead.logits().copy()
    tokens = [(7 * i) % 40 for i in range(many)]
    assert ahead.logprob(tokens) == pytest.approx(logprob_of(before, tokens), abs=1e-4)
    assert (ahead.length, ahead.tokens, source.tokens) == (len(before), before, before)
    assert np.array_equal(ahead.logits(), first)
    assert max(source.asked, default=0) <= ROWS + 1
    ahead.append([9])
    assert np.array_equal(ahead.logits(), Reading([*before, 9], False).logits())


def test_a_model_weighs_as_its_scores_say_and_goes_on_as_if_it_had_not(make: Any) -> None:
    engine = TransformersEngine(make(vocab_size=259, initializer_range=0.5, max_position_embeddings=6000), device="cpu")
    found: list[Any] = []

    def memo(moment: Moment) -> str:
        found.extend(moment.weigh(text) for text in ("a long text, longer than others", "b", ""))
        return "x"

    weighing = run(AGENT, engine=engine, given={"memo": memo})
    plain = run(AGENT, engine=engine, given={"memo": lambda _: "x"})
    assert [one.content for one in weighing.steps] == [one.content for one in plain.steps]
    assert weighing.usage.tokens == plain.usage.tokens
    assert weighing.usage.model_calls > plain.usage.model_calls
    from agentspec.checking.compile import compile_agent
    from agentspec.episode.render import render
    from agentspec.spec.load import load_text

    compiled = compile_agent(load_text(AGENT), {})
    source = engine.open([*render(compiled, engine, [], "Why?"), *engine.encode("[Memo]")])
    total = 0.0
    for token in engine.encode(" b"):
        scores = source.logits().astype(np.float64)
        total += float(scores[token] - scores.max()) - math.log(float(np.exp(scores - scores.max()).sum()))
        source.append([token])
    assert found[1] == (pytest.approx(total, abs=1e-3), 2)


def test_what_cannot_be_weighed_is_the_handlers_fault_and_leaves_the_text() -> None:
    for text in ("\ud800", 5):
        found = run(AGENT, given={"memo": lambda moment, text=text: str(moment.weigh(text))})
        assert found.accepted
        assert "weighs a text that can be written" in wrote(found, "memo").content
    text = PROPOSES.replace("KIND", "text: {max_chars: 9}").replace("TOKENS", "200")
    found = run(text, given={"answer": lambda moment: str(moment.weigh("x"))})
    assert found.reason.endswith("InvalidInput: there is no model to weigh a text of 'answer' by")
