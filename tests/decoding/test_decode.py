"""The loop against the plainest loop there could be, and masks as bits against masks as truth values."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentspec.checking.compile import Compiled
from agentspec.decoding import decode as loop
from agentspec.decoding.ahead import Ahead, Lookup
from agentspec.decoding.beside import Beside
from agentspec.decoding.decode import Emitted
from agentspec.decoding.landing import Landing
from agentspec.decoding.mask import Mask
from agentspec.decoding.matcher import Matcher
from agentspec.decoding.sample import Sampler
from agentspec.decoding.source import Counters
from agentspec.episode import episode as episodes
from tests.laws.harness import Count, budgets, sound
from tests.laws.played import play
from tests.laws.specs import RandomSpec, spec_from
from tests.laws.toy import WILLS, ToyEngine, ToySource, _bias


def plain_decode(
    matcher: Matcher, source: Ahead, sampler: Callable[[], Sampler], counters: Counters, landing: Landing, **_: bool
) -> Generator[Emitted, None, None]:
    """One thing after another, with arrays of truth values."""
    while not matcher.finished:
        if tokens := matcher.forced():
            emitted = Emitted(tokens if landing.fits(tokens) else loop._cheapest(landing), True)
        else:
            allowed = matcher.mask()
            if np.flatnonzero(allowed).tolist() == [matcher.end_token] or landing.must_stop():
                return
            order = sampler().ranked(source.logits(), allowed, source.length)
            fitting = (
                [token]
                for tries, token in enumerate(order)
                if tries <= loop.REJECTED
                and (landing.fits_end() if token == matcher.end_token else landing.fits([token]))
            )
            tokens = next(fitting, None) or loop._cheapest(landing)
            emitted = Emitted(tokens, False, tokens == [matcher.end_token])
        if not emitted.tokens:
            return
        if not emitted.end:
            matcher.consume(emitted.tokens)
            landing.take(emitted.tokens)
        counters.tokens += len(emitted.tokens)
        source.append(emitted.tokens)
        yield emitted
        if emitted.end:
            return


def sound_specs(count: int) -> list[tuple[RandomSpec, Compiled]]:
    """The first so many random specs that can be played."""
    found: list[tuple[RandomSpec, Compiled]] = []
    seed = 0
    while len(found) < count:
        spec = spec_from(seed)
        seed += 1
        if (compiled := sound(spec, Count())) is not None:
            found.append((spec, compiled))
    return found


def test_the_loop_writes_what_the_plainest_loop_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0
    for number, (spec, compiled) in enumerate(sound_specs(4)):
        rng = Random(number)
        for budget in budgets(rng, compiled):
            options: dict[str, Any] = {
                "seed": number, "will": rng.choice([*WILLS]), "temperature": rng.choice([0.0, 0.8]), "budget": budget
            }  # fmt: skip
            ours = play(spec, compiled, **options)
            with monkeypatch.context() as patch:
                patch.setattr(episodes, "decode", plain_decode)
                plain = play(spec, compiled, **options)
            assert ours.source is not None
            assert plain.source is not None
            assert ours.source.appended == plain.source.appended
            assert ours.result.status == plain.result.status
            written += len(ours.source.appended)
    assert written > 80


@dataclass
class EchoSource(ToySource):
    """Scores that depend on the last token alone, so that the text goes in circles; any tokens can be taken back."""

    tokens: list[int] = field(default_factory=list)
    forgets: bool = True

    @property
    def length(self) -> int:
        return len(self.tokens)

    def append(self, tokens: list[int]) -> None:
        self.tokens += tokens

    def rollback(self, tokens: int) -> None:
        assert 0 <= tokens < len(self.tokens)
        del self.tokens[len(self.tokens) - tokens :]

    def logits(self) -> NDArray[np.float32]:
        return self.scores(1)[0]

    def scores(self, last: int) -> NDArray[np.float32]:
        self.asked += 1
        return np.stack([self._after(token) for token in self.tokens[-last:]])

    def _after(self, token: int) -> NDArray[np.float32]:
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=token))
        bias = _bias(self.will, self.tokenizer)
        return rng.standard_normal(len(bias), dtype=np.float32) * 3 + bias


class EchoEngine(ToyEngine):
    """Opens sources that go in circles."""

    def open(self, prompt: list[int]) -> EchoSource:
        source = EchoSource(self.seed, self.will, 0, tokenizer=self.tokenizer, tokens=list(prompt))
        self.sources.append(source)
        return source


def test_guesses_change_no_text_and_save_forwards() -> None:
    right = guessed = saved = 0
    for number, (spec, compiled) in enumerate(sound_specs(4)):
        rng = Random(number)
        for budget in budgets(rng, compiled):
            options: dict[str, Any] = {
                "seed": number, "will": rng.choice([*WILLS]), "temperature": rng.choice([0.0, 0.3, 1]), "budget": budget
            }  # fmt: skip
            texts, calls = [], []
            for lookup in (None, Lookup(4, 1), Lookup(3, 2)):
                run = play(spec, compiled, kind=EchoEngine, lookup=lookup, **options)
                assert isinstance(run.source, EchoSource)
                assert run.counters.calls == run.source.asked == run.result.usage.model_calls
                texts.append((run.source.tokens, run.result.status, [record.content for record in run.records]))
                calls.append(run.counters.calls)
                right += run.counters.right
                guessed += run.counters.guessed
            assert texts[0] == texts[1] == texts[2]
            saved += calls[0] - calls[1]
            assert calls[1] <= calls[0]
    assert guessed > right > 20
    assert saved > 20


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(0, 5), st.integers(1, 4))
def test_a_guess_is_what_followed_the_same_tokens_last(tokens: list[int], most: int, match: int) -> None:
    found = Lookup(most, match).guess(tokens)
    last = tokens[-match:]
    earlier = [i for i in range(len(tokens) - match) if tokens[i : i + match] == last]
    assert found == (tokens[earlier[-1] + match :][:most] if earlier and len(tokens) > match else [])


@given(st.lists(st.booleans(), min_size=1, max_size=200), st.integers(0, 220), st.integers(1, 220))
def test_bits_are_the_truth_values(values: list[bool], token: int, cut: int) -> None:
    allowed = np.array(values)
    mask = Mask.of(allowed)
    assert mask.bools.tolist() == values
    assert mask.tokens.tolist() == np.flatnonzero(allowed).tolist()
    assert (token in mask) == (token < len(values) and values[token])
    assert bool(mask) == any(values)
    if token < len(values):
        assert mask.is_only(token) == (np.flatnonzero(allowed).tolist() == [token])
    assert mask.cut(cut).bools.tolist() == values[:cut]


def test_many_bits_and_few() -> None:
    rng = np.random.default_rng(0)
    for share in (0.0001, 0.001, 0.01, 0.5, 1):
        allowed = rng.random(49_153) < share
        mask = Mask.of(allowed)
        assert mask.tokens.tolist() == np.flatnonzero(allowed).tolist()
        assert mask.tokens.dtype == np.int64


def test_the_thread_beside_gives_what_the_work_gives_or_raises() -> None:
    answers = iter([1, ValueError("two"), 3])

    def work() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with Beside(work) as beside:
        beside.begin()
        assert beside.result() == 1
        beside.begin()
        with pytest.raises(ValueError, match="two"):
            beside.result()
        beside.begin()
        assert beside.result() == 3
        thread = beside._thread
    assert thread is not None
    assert not thread.is_alive()
    with Beside(work):
        pass  # no thread where nothing begins
