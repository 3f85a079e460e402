"""Special tokens of a tokenizer: those that no text of a grammar can hold, and data may not become.

Not all of them are marked as special in the tokenizer's own file: Qwen's ``<tool_call>`` and ``<think>`` are not, and
its encoder makes them out of any text that is written so. What counts is what the matcher keeps from texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any


class SpecialTokens:
    """The special tokens of a Hugging Face tokenizer; ``is_special`` says which of its added tokens are."""

    def __init__(self, tokenizer: Any, is_special: Callable[[int], bool], encode: Callable[[str], list[int]]) -> None:
        self._texts = {
            number: entry.content for number, entry in tokenizer.added_tokens_decoder.items() if is_special(number)
        }
        self._numbers = {text: number for number, text in self._texts.items()}
        self._encode = encode
        self._spelled: dict[int, list[int]] = {}

    def number(self, text: str) -> int | None:
        """The special token that is written like this."""
        return self._numbers.get(text)

    def as_data(self, tokens: list[int]) -> list[int]:
        """Tokens of data in which each special one is replaced by ordinary ones of the same text."""
        if self._texts.keys().isdisjoint(tokens):
            return tokens
        return [one for token in tokens for one in self._ordinary(token)]

    def _ordinary(self, token: int) -> Iterable[int]:
        if token not in self._texts:
            return (token,)
        if token not in self._spelled:
            text = self._texts[token]
            self._spelled[token] = [one for part in (text[:1], text[1:]) for one in self._encode(part)]
        return self._spelled[token]
