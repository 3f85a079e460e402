"""The guard at the level of tokens, for the ``generate`` loop of transformers."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agentspec.api.cursor import Cursor
from agentspec.automata.letter import Letter
from agentspec.decoding.landing import Landing
from agentspec.decoding.lower.llguidance import slices
from agentspec.decoding.matcher import Matcher, MatcherFactory
from agentspec.errors import EngineFault, InvalidInput

if TYPE_CHECKING:
    from llguidance import LLTokenizer

FITTING = 1000
"""So many tokens that fit are let through where each has to be looked at."""


class GuardLogits:
    """A logits processor: what ``generate`` writes is what the cursor's guard allows until somebody else writes.

        guard = GuardLogits(cursor, tokenizer)
        output = model.generate(**inputs, logits_processor=[guard], max_new_tokens=cursor.left.tokens)
        letters = guard.take(output)

    One text at a time, no beams. ``end_token`` is the token at which ``generate`` stops, by default the tokenizer's.
    No token is allowed after which the cheapest good end takes more tokens than the cursor has left, a token for each
    byte: so ``max_new_tokens`` never cuts a step, and what comes behind it fits as well. Where little is left, the
    ``FITTING`` best tokens that fit are allowed, since each has to be looked at.
    """

    def __init__(self, cursor: Cursor, tokenizer: Any, *, end_token: int | None = None) -> None:
        self.cursor = cursor
        self.ended = False
        self.length = 0
        self._tokenizer = tokenizer
        self._end = int(tokenizer.eos_token_id if end_token is None else end_token)
        self._grammar, self._plan = cursor.grammar, cursor.plan
        self._vocabulary: LLTokenizer | None = None
        self._landing: Landing | None = None
        self._matcher: Matcher | None = None
        self._begin = 0
        self._seen = 0

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """The scores, tensors of shape (1, vocabulary), with what is not allowed at minus infinity."""
        if len(input_ids) != 1:
            raise InvalidInput(f"the guard follows one text at a time, not {len(input_ids)}; no batches and no beams")
        tokens: list[int] = input_ids[0].tolist()
        if self._matcher is None:
            self._begin = self._seen = len(tokens)
            self._vocabulary, matchers = _matchers(self._tokenizer, scores.shape[-1], self._end)
            self._matcher = matchers.matcher(self._grammar)
            self._landing = self.cursor.landing(self._vocabulary.decode_bytes)
        assert self._landing is not None
        self._matcher.consume(tokens[self._seen :])
        self._landing.take(tokens[self._seen :])
        self._seen = len(tokens)
        allowed = np.zeros(scores.shape[-1], dtype=np.bool_)
        if not self._matcher.finished:
            allowed = self._fitting(self._matcher.mask(), self._landing, scores[0].detach().float().cpu().numpy())
        if not allowed.any():  # the text is whole, and nothing more may be written
            allowed[self._end] = True
        return scores + scores.new_tensor(np.where(allowed, 0.0, -np.inf)[None])

    def _fitting(self, allowed: NDArray[np.bool_], landing: Landing, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        """The tokens allowed that leave enough for a good end: the best ``FITTING`` of them, where so many do.

        Raises EngineFault where none does, and the text may not stop here either.
        """
        if landing.is_ample:
            return allowed
        fitting, found = np.zeros_like(allowed), 0
        tokens = np.flatnonzero(allowed)
        for token in tokens[np.argsort(-scores[tokens], kind="stable")].tolist():
            fitting[token] = landing.fits_end() if token == self._end else landing.fits([token])
            found += bool(fitting[token])
            if found == FITTING:
                break
        if not found and not landing.may_stop():
            raise EngineFault(f"no token fits the {landing.left} left, of which the cheapest end needs {landing.cost}")
        return fitting

    def take(self, output: Any) -> tuple[Letter, ...]:
        """The steps in what ``generate`` returned, taken by the cursor.

        Then ``ended`` says whether the model is done, ``length`` how many of the tokens are text: the end token may
        follow, and goes before a tool's answer is appended. Raises InvalidInput, and leaves the cursor, where the text
        was cut inside a step.
        """
        if self._matcher is None or self._vocabulary is None:
            raise InvalidInput("generate was not called with this logits processor")
        written: list[int] = output[0].tolist()[self._begin :]
        drawn = self._end in written
        tokens = written[: written.index(self._end)] if drawn else written
        text = self._vocabulary.decode_bytes(tokens).decode(errors="replace")
        letters = self.cursor.read(text, tokens=len(tokens))
        self.length = self._begin + len(tokens)
        node: int | None = 0
        for letter in letters:
            node = None if node is None else self._plan.nodes[node].after(letter)
        # where the plan stops, the end token closes a step of several lines, not the episode
        self.ended = self.cursor.must_end or (drawn and node is not None and self.cursor.may_end)
        return letters


@lru_cache(2)
def _matchers(tokenizer: Any, vocabulary: int, end_token: int) -> tuple[LLTokenizer, MatcherFactory]:
    from llguidance.hf import from_tokenizer

    found = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=end_token, slices=slices())
    return found, MatcherFactory(found, end_token)
