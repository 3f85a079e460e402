"""How likely each step was, with the mask and without: against a computation of its own, from a log of the run."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import agentspec
from agentspec.decoding.matcher import Matcher
from agentspec.episode.trace import StepRecord
from tests.api.toys import small
from tests.episode.test_stream import PARTIAL, always
from tests.laws.toy import ToyEngine, ToySource, _bias, toy_matchers, toy_tokenizer

Sums = list[tuple[float, float]]


@dataclass
class Noting(ToySource):
    """Notes what is added and what is taken back; any number of tokens can be."""

    log: list[tuple[str, Any]] = field(default_factory=list)

    def append(self, tokens: list[int]) -> None:
        super().append(tokens)
        self.log.append(("append", list(tokens)))

    def rollback(self, tokens: int) -> None:
        flat = [token for some in self.appended for token in some]
        self.appended[:] = [[token] for token in flat[: len(flat) - tokens]]
        if tokens:
            self.log.append(("rollback", tokens))


@dataclass
class NotingEngine(ToyEngine):
    """``log`` holds each grammar asked for, and what its texts note."""

    log: list[tuple[str, Any]] = field(default_factory=list)

    def matcher(self, grammar: str) -> Matcher:
        self.log.append(("grammar", grammar))
        return super().matcher(grammar)

    def open(self, prompt: list[int]) -> ToySource:
        self.log.append(("open", len(prompt)))
        self.sources.append(Noting(self.seed, self.will, len(prompt), log=self.log))
        return self.sources[-1]


def scores(engine: ToyEngine, length: int) -> NDArray[np.float64]:
    bias = _bias(engine.will, engine.tokenizer)
    rng = np.random.Generator(np.random.Philox(key=engine.seed, counter=length))
    return (rng.standard_normal(len(bias), dtype=np.float32) * 3 + bias).astype(np.float64)


def lines(tokens: list[int]) -> int:
    """The tokens by which a line ends."""
    return sum(b"\n" in toy_tokenizer().tokens[token] for token in tokens)


def expected(engine: NotingEngine) -> Sums:
    """For each step that stayed (all are lines): a token is of the step that it completes."""
    steps: Sums = []
    masked = free = 0.0
    length = 0
    matcher: Matcher | None = None
    for what, told in engine.log:
        if what == "open":
            length = told
        elif what == "grammar":
            matcher, masked, free = toy_matchers().matcher(told), 0.0, 0.0
        elif what == "rollback":
            length -= told
        elif matcher is not None and not matcher.finished:
            if not matcher.forced():
                (token,) = told
                mask, logits = matcher.mask(), scores(engine, length)
                free += float(logits[token] - np.logaddexp.reduce(logits))
                masked += float(logits[token] - np.logaddexp.reduce(logits[: len(mask)][mask]))
            length += len(told)
            matcher.consume([token for token in told if token != engine.end_token])
            for _ in range(lines(told)):
                steps.append((masked, free))
                masked = free = 0.0
        else:
            length += len(told)
    return steps


def sums(records: tuple[StepRecord, ...]) -> Sums:
    return [(r.logprob, r.logprob_free) for r in records if r.logprob is not None and r.logprob_free is not None]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_each_step_has_the_sums_of_its_drawn_tokens(temperature: float) -> None:
    compared = 0
    for seed, will in enumerate(["random", "newlines", "short", "straddling", "flat"]):
        if will == "flat":
            continue
        engine = NotingEngine(seed, will)
        run = small().run(
            "Why?", engine=engine, trace=False, logprobs=True, temperature=temperature, seed=seed, max_tokens=4000
        )
        assert run.accepted, run
        owners = [record.letter.owner == "model" for record in run.steps if record.letter]
        assert [record.logprob is not None for record in run.steps] == owners
        found, wanted = sums(run.steps), expected(engine)
        assert len(found) == len(wanted) == sum(owners)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-4)
        assert all(free <= masked + 1e-6 for masked, free in found)
        compared += sum(masked < -1e-3 for masked, _ in found)
    assert compared > 10


def test_of_what_was_taken_back_nothing_is_counted() -> None:
    taken_back = compared = 0
    for seed in range(10):
        engine = NotingEngine(seed, "random")
        truth: dict[str, bool] = {}
        agent = agentspec.loads(PARTIAL, predicates={"fine": always(truth)})  # type: ignore[dict-item]
        run = agent.run("Why?", engine=engine, trace=False, logprobs=True, temperature=1.0, seed=seed)
        found, wanted = sums(run.steps), stayed(engine)
        assert len(found) <= len(wanted)
        np.testing.assert_allclose(found, wanted[: len(found)], rtol=1e-5, atol=1e-4)
        taken_back += len(expected(engine)) - len(wanted)
        compared += len(found)
    assert taken_back > 5
    assert compared > 10


def stayed(engine: NotingEngine) -> Sums:
    """As ``expected``, without the steps behind whose last token the log takes tokens back."""
    kept: Sums = []
    whole = iter(expected(engine))
    last = 0
    for what, told in engine.log[1:]:
        if what == "rollback" and told > 1:
            del kept[len(kept) - last :]
        elif what == "append":
            last = lines(told)
            kept += [next(whole) for _ in range(last)]
    return kept


def test_they_are_in_the_trace_where_they_are_asked_for(tmp_path: Path) -> None:
    plain = small().run("Why?", engine=ToyEngine(3), trace=tmp_path / "plain")
    run = small().run("Why?", engine=ToyEngine(3), trace=tmp_path / "asked", logprobs=True)
    lines = read(run)
    told = [(line["logprob"], line["logprob_free"]) for line in lines if "logprob" in line]
    np.testing.assert_allclose(told, sums(run.steps), atol=1e-6)
    assert [line["owner"] for line in lines if "logprob" in line] == ["model"] * len(told)
    assert "logprob" not in Path(str(plain.trace_path)).read_text()
    assert [step.content for step in plain.steps] == [step.content for step in run.steps]


class Tame(ToySource):
    """Never wants a special token; the end is one of many."""

    def logits(self) -> NDArray[np.float32]:
        found = super().logits()
        found[self.tokenizer.eos_token_id + 1 :] = -100
        return found


class TameEngine(ToyEngine):
    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(Tame(self.seed, self.will, len(prompt)))
        return self.sources[-1]


def test_without_the_guard_both_are_the_same(tmp_path: Path) -> None:
    for seed in range(4):
        engine = TameEngine(seed, "newlines")
        run = small().run(
            "Why?", engine=engine, trace=tmp_path, logprobs=True, guarded=False, temperature=1.0, seed=seed
        )
        _, asked, written, *_ = read(run)
        assert "logprob" not in asked
        (source,) = engine.sources
        tokens = [token for some in source.appended for token in some][: written["tokens"]]
        free = 0.0
        for number, token in enumerate(tokens):
            logits = Tame(seed, "newlines", source.prompt + number).logits().astype(np.float64)
            free += float(logits[token] - np.logaddexp.reduce(logits))
        assert written["logprob"] == written["logprob_free"] == pytest.approx(free, abs=1e-4)
        assert free < 0


def read(run: agentspec.Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(str(run.trace_path)).read_text().splitlines()]


def test_what_has_no_chance_is_null() -> None:
    record = StepRecord(0, None, "x", "x", logprob=-1.0, logprob_free=-math.inf)
    told = json.loads(json.dumps(record.to_json(), allow_nan=False))
    assert (told["logprob"], told["logprob_free"]) == (-1.0, None)
