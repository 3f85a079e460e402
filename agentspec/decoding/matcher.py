"""The token matcher: which tokens may follow now, over llguidance.

llguidance keeps errors as a state that must be polled; here every verb raises EngineFault instead (fail closed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentspec import limits
from agentspec.decoding.mask import Mask
from agentspec.errors import EngineFault

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer


class Matcher:
    """A cursor in one grammar over one tokenizer."""

    def __init__(self, matcher: LLMatcher, vocabulary: int, end_token: int) -> None:
        self._matcher = matcher
        self._words = np.zeros((vocabulary + 31) // 32, dtype=np.uint32)
        self._place = self._words.ctypes.data, self._words.nbytes
        self.vocabulary = vocabulary
        self.end_token = end_token
        self._poll()

    @property
    def finished(self) -> bool:
        """Whether the whole grammar is matched and nothing, the end token neither, needs to follow."""
        return bool(self._matcher.is_stopped())

    @property
    def is_accepting(self) -> bool:
        """Whether the text so far is a whole text of the grammar."""
        return bool(self._matcher.is_accepting())

    def forced(self) -> list[int]:
        """Tokens that are the only continuation, where their tokenisation is not in doubt."""
        tokens: list[int] = self._matcher.compute_ff_tokens()
        self._poll()
        return tokens

    def allowed(self) -> Mask:
        """What may follow, valid until it is asked again. Raises EngineFault when nothing may.

        May be called in another thread, as long as nothing else is asked of this matcher meanwhile.
        """
        self._matcher.unsafe_compute_mask_ptr(*self._place)
        self._poll()
        mask = Mask(self._words, self.vocabulary)
        if not mask:
            raise EngineFault("the matcher allows no token")
        return mask

    def mask(self) -> NDArray[np.bool_]:
        """Shape (vocabulary,): True for each allowed token. Raises EngineFault when none is."""
        return self.allowed().bools

    def matching(self, tokens: list[int]) -> int:
        """How many of the tokens may come one after the other; nothing is consumed."""
        return int(self._matcher.validate_tokens(tokens))

    def consume(self, tokens: list[int]) -> None:
        """Advance. Raises EngineFault on a token that is not allowed."""
        if not self._matcher.consume_tokens(tokens):
            raise EngineFault(f"the matcher refused the tokens {tokens}: {self._matcher.get_error()}")

    def clone(self) -> Matcher:
        """A copy that goes its own way."""
        return Matcher(self._matcher.deep_copy(), self.vocabulary, self.end_token)

    def rollback(self, tokens: int) -> None:
        """Undo the last ``tokens`` tokens consumed."""
        if not self._matcher.rollback(tokens):
            raise EngineFault(f"the matcher cannot undo {tokens} tokens: {self._matcher.get_error()}")

    def _poll(self) -> None:
        if self._matcher.is_error():
            raise EngineFault(f"the matcher failed: {self._matcher.get_error()}")


class MatcherFactory:
    """Matchers for one tokenizer; compiled grammars are kept and copied."""

    def __init__(self, tokenizer: LLTokenizer, end_token: int) -> None:
        self._tokenizer = tokenizer
        self._end_token = end_token
        self._compiled: dict[str, LLMatcher] = {}

    def matcher(self, grammar: str) -> Matcher:
        """A fresh matcher for a grammar in llguidance's Lark dialect. Raises EngineFault where it is refused."""
        from llguidance import LLMatcher, LLParserLimits

        compiled = self._compiled.get(grammar)
        if compiled is None:
            fuel = LLParserLimits(initial_lexer_fuel=limits.MATCHER_FUEL, step_lexer_fuel=limits.MATCHER_FUEL)
            compiled = LLMatcher(self._tokenizer, LLMatcher.grammar_from_lark(grammar), log_level=0, limits=fuel)
            if compiled.is_error():
                raise EngineFault(f"the grammar was refused: {compiled.get_error()}")
            self._compiled[grammar] = compiled
        return Matcher(compiled.deep_copy(), self._tokenizer.vocab_size, self._end_token)
