"""A tokenizer whose tokens are the 256 bytes, a few longer pieces, and an end token."""

from __future__ import annotations

from functools import cache

from llguidance import LLTokenizer, TokenizerWrapper

from agentspec.decoding.lower.llguidance import slices
from agentspec.decoding.matcher import Matcher, MatcherFactory
from agentspec.errors import EngineFault

PIECES = (b"[A", b"] ", b"ab", b"abc", b"b\n", b"\n[", "é".encode(), "😀".encode(), b'","')


class _Vocabulary:
    """What llguidance asks of a tokenizer in Python."""

    bos_token_id = None

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self.tokens = [*(bytes([byte]) for byte in range(256)), *pieces, b"<end>"]
        self.eos_token_id = len(self.tokens) - 1
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: str | bytes) -> list[int]:
        """Longest piece first."""
        data = text.encode() if isinstance(text, str) else bytes(text)
        found: list[int] = []
        while data:
            best = max((t for t in self.tokens[:-1] if data.startswith(t)), key=len)
            found.append(self.tokens.index(best))
            data = data[len(best) :]
        return found


@cache
def factory(pieces: tuple[bytes, ...] = ()) -> MatcherFactory:
    """Matchers over single bytes and the pieces given; with pieces also with the slices engines use."""
    vocabulary = _Vocabulary(pieces)
    tokenizer = LLTokenizer(TokenizerWrapper(vocabulary), slices=slices() if pieces else None)
    return MatcherFactory(tokenizer, vocabulary.eos_token_id)


def tokens(pieces: tuple[bytes, ...] = ()) -> list[bytes]:
    """The bytes of every token, the end token last."""
    return _Vocabulary(pieces).tokens


def accepts(matcher: Matcher, text: str) -> bool:
    """Whether the matcher takes the whole text, in bytes, as a whole text of its grammar."""
    try:
        matcher.consume(list(text.encode()))
    except EngineFault:
        return False
    return matcher.is_accepting
