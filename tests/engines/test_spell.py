"""Bytes as ordinary tokens, with tokenizers that have no token for each byte."""

from __future__ import annotations

from typing import Any

import pytest

from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault


class Letters:
    """Tokens are the letters a to z and the special one <s>, which a careless tokenizer gives for what it lacks."""

    special = 26

    def tokenize_bytes(self, data: bytes) -> list[int]:
        return [byte - 97 if 97 <= byte < 123 else self.special for byte in data]

    def decode_bytes(self, tokens: list[int]) -> bytes:
        return b"".join(b"<s>" if token == self.special else bytes([97 + token]) for token in tokens)

    def is_special_token(self, token: int) -> bool:
        return token == self.special


class Dropping(Letters):
    """One that leaves out what it lacks."""

    def tokenize_bytes(self, data: bytes) -> list[int]:
        return [byte - 97 for byte in data if 97 <= byte < 123]


@pytest.mark.parametrize("tokenizer", [Letters(), Dropping()])
def test_what_it_cannot_write_is_an_error_and_never_left_out(tokenizer: Any) -> None:
    engine = TransformersEngine.__new__(TransformersEngine)
    engine.name, engine._ll = "letters", tokenizer
    assert engine.spell(b"abz") == [0, 1, 25]
    for data in (b"a b", "é".encode(), b"\xff", b"<s>"):
        with pytest.raises(EngineFault, match="the tokenizer of letters has no tokens for the bytes"):
            engine.spell(data)
