"""The constrained decoder: a segment's grammar and a model's logits become tokens.

Forced tokens cost no model call: they wait and ride in the next forward. Everything else is logits, mask, draw; and no
token is taken that leaves too little for an ending (`landing`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.ahead import Ahead
from agentspec.decoding.beside import Beside
from agentspec.decoding.landing import Landing
from agentspec.decoding.mask import Mask
from agentspec.decoding.matcher import Matcher
from agentspec.decoding.sample import Sampler
from agentspec.decoding.source import Counters
from agentspec.errors import EngineFault

REJECTED = 64
"""So many drawn tokens may cost too much before the cheapest completion is taken."""

NO_LOGPROBS = 0.0, 0.0

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Emitted:
    """Tokens just emitted; ``end`` when the last is the model's end token.

    ``logprobs``: where asked for, of a token drawn, as `Sampler.logprobs` gives them; else 0, 0.
    """

    tokens: list[int]
    forced: bool
    end: bool = False
    logprobs: tuple[float, float] = NO_LOGPROBS


def decode(
    matcher: Matcher,
    source: Ahead,
    sampler: Callable[[], Sampler],
    counters: Counters,
    landing: Landing,
    *,
    logprobs: bool = False,
) -> Generator[Emitted, None, None]:
    """Emit tokens until the grammar is matched or the model ends, always such that what is left suffices for an end.

    An end that is all that is left is not drawn, nor one for which no token is left. The mask is computed beside the
    forward, except where the text may end, which it tells before. ``sampler`` is asked before each draw.
    ``logprobs`` asks for those of each token drawn, which neither of the two times in ``counters`` holds.

    Raises EngineFault when the matcher fails. Close the iterator where it is not read to its end.
    """
    spent = 0.0
    with Beside(matcher.allowed) as mask:
        while not matcher.finished:
            told = NO_LOGPROBS
            began = time.perf_counter()
            if forced := matcher.forced():
                tokens, drawn = _fitting(landing, forced), False
            else:
                allowed = matcher.allowed() if matcher.is_accepting else None
                if landing.must_stop() or (allowed is not None and allowed.is_only(matcher.end_token)):
                    return
                source.guess(lambda found: matcher.matching(found[: landing.left]))
                if allowed is None:
                    mask.begin()
                spent += time.perf_counter() - began
                logits = source.logits()
                began = time.perf_counter()
                allowed = allowed or mask.result()
                draw = _Draw(sampler(), logits, allowed, source)
                tokens, drawn = draw.fitting(matcher, landing), True
                counters.draw_seconds.append(draw.seconds)
                counters.guard_seconds.append(spent + time.perf_counter() - began - draw.seconds)
                spent = 0.0
                if logprobs and tokens:
                    told = Sampler.logprobs(logits, allowed, tokens[0])
            if not tokens:
                return
            emitted = Emitted(tokens, not drawn, tokens == [matcher.end_token], told)
            if not emitted.end:
                began = time.perf_counter()
                matcher.consume(tokens)
                landing.take(tokens)
                spent += time.perf_counter() - began
            counters.tokens += len(tokens)
            counters.forced += 0 if drawn else len(tokens)
            source.append(tokens)
            yield emitted
            if emitted.end:
                return


def _fitting(landing: Landing, forced: list[int]) -> list[int]:
    """The forced tokens, or where they are more than the same text needs, the first of those it needs."""
    return forced if landing.fits(forced) else _cheapest(landing)


class _Draw:
    """The tokens of one place in the order in which they are drawn; ``seconds`` is what the first has cost."""

    def __init__(self, sampler: Sampler, logits: Logits, allowed: Mask, source: Ahead) -> None:
        began = time.perf_counter()
        history = source.tokens if sampler.repetition_penalty != 1 else ()
        ranked = sampler.ranked(logits, allowed, source.length, history)
        self._ranked = chain([*islice(ranked, 1)], ranked)
        self.seconds = time.perf_counter() - began

    def fitting(self, matcher: Matcher, landing: Landing) -> list[int]:
        """The first that fits; after too many that don't, one of the cheapest completion."""
        for tries, token in enumerate(self._ranked):
            if landing.fits_end() if token == matcher.end_token else landing.fits([token]):
                return [token]
            if tries == REJECTED:
                break
        return _cheapest(landing)


def _cheapest(landing: Landing) -> list[int]:
    """The next token of the cheapest completion; none where the text may stop here instead.

    Raises EngineFault where neither is possible: then an invariant of ours is broken.
    """
    tokens = landing.cheapest()[:1]
    if tokens and landing.fits(tokens):
        return tokens
    if landing.may_stop():
        return []
    raise EngineFault(
        f"no token fits the {landing.left} tokens left, of which the cheapest ending needs {landing.cost}"
    )
