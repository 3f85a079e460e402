"""A toy tokenizer over bytes and a toy engine whose model is random, stubborn or hostile: no weights, no download.

The vocabulary holds every byte, pieces of cues, borders and JSON that straddle whatever they can straddle, pieces of
multi-byte characters, an end token and a special token that must never come out of data. Engines can be given another
tokenizer of the same shape (`tests.laws.bpe`).
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.matcher import Matcher, MatcherFactory
from agentspec.engines.engine import Message

CUES = [
    "[Question]", "[Thought]", "[Plan]", "[Note]", "[Pick]", "[Mood]", "[Action]", "[Action Input]",
    "[Observation]", "[Report]", "[Answer]", "[Unknown]", "Thought:", "Action:", "Answer:", "想:", "答:", "⟦A⟧", "🤖",
]  # fmt: skip
SPECIAL = "<|im_end|>"
PADDING = 7
"""Scores beyond the tokenizer's vocabulary, as padded models give them."""

_PIECES = [
    "\n[", "]\n[A", "]\n[", '"}\n', '"}\n[', " [", "] ", "]\n", "\n\n", "\n ", "\n  ", "[Act", "[Action", "ion] ",
    "ion Input]", " Input", "[Th", "ought] ", "[Ans", "wer] ", "[Obs", "ervation] ", "\n[Answer] ", "\n[Thought] ",
    "x\n[Answer] y", '{"', '":', '":"', '","', '"}', "{}\n", "{}", '":-', '":true', '":false}', ',"', "[]", "],[",
    '\\"', "\\n", "\\", "true", "false", "null", "}\n[Observation] ", "\r\n", "\r", "\t", "  ", "   ", " \n", "42",
    "-1", "00", "0.5", "e10", "<|im_end|", "<|im", "|>", "</s>", "é", "€", "😀", "\u2028", "\u0085", "\ufeff", "日本",
    "本\n", "😀\n[", "alpha", "beta", "gamma", "one", "two", "add", "find", "add\n[Action", "find\n", " the", "the ",
    "ing", "er", "an", "answer", "thought", "a\nb",
]  # fmt: skip
_SPLIT = [  # pieces that begin or end inside a character
    b"\xf0\x9f", b"\x98\x80", b"\x9f\x98\x80", b"\xe2\x82", b"\x82\xac", b"\xac\n", b"\x80\n[", b"\xc3", b"\xa9 ",
    b"\xe2\x80", b"\xa8[", b" \xf0\x9f", b"\xf4\x8f\xbf\xbf", b"\xf4\x8f\xbf", b"\xed\xa0\x80", b"\xc0\x80",
    b"\xff\xfe", b"\x80\x80",
]  # fmt: skip


def _vocabulary() -> list[bytes]:
    tokens = {bytes([byte]): None for byte in range(256)}
    for cue in CUES:
        data = cue.encode()
        for piece in (data, data + b" ", b"\n" + data, data[: len(data) // 2], data[len(data) // 2 :] + b" "):
            tokens.setdefault(piece)
    for piece in _PIECES:
        tokens.setdefault(piece.encode())
    for piece in _SPLIT:
        tokens.setdefault(piece)
    rng = random.Random(0)
    letters = [*'abcdefghijklmnopqrstuvwxyz0123456789 \n[]{}":,-', "é", "€", "😀"]
    while len(tokens) < 600:
        tokens.setdefault("".join(rng.choices(letters, k=rng.randint(2, 5))).encode())
    return list(tokens)


class ToyTokenizer:
    """Greedy longest match. The two last tokens are special: the end and ``SPECIAL``."""

    def __init__(self) -> None:
        self.plain = _vocabulary()
        self.eos_token_id = len(self.plain)
        self.special = len(self.plain) + 1
        self.bos_token_id = None
        self.tokens = [*self.plain, b"<end>", SPECIAL.encode()]
        self.special_token_ids = [self.eos_token_id, self.special]
        self._number = {piece: i for i, piece in enumerate(self.plain)}
        self._longest = max(map(len, self.plain))

    def __call__(self, text: bytes | str) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        tokens, at = [], 0
        while at < len(data):
            for size in range(min(self._longest, len(data) - at), 0, -1):
                if (number := self._number.get(data[at : at + size])) is not None:
                    tokens.append(number)
                    at += size
                    break
        return tokens

    def data(self, tokens: list[int]) -> bytes:
        """The bytes of ordinary tokens; a special one is an error of whoever let it through."""
        for token in tokens:
            assert token < len(self.plain), f"the token {self.tokens[token]!r} is not text"
        return b"".join(self.plain[token] for token in tokens)

    @cached_property
    def matchers(self) -> MatcherFactory:
        from llguidance import LLTokenizer
        from llguidance._tokenizer import TokenizerWrapper

        return MatcherFactory(LLTokenizer(TokenizerWrapper(self)), self.eos_token_id)


@cache
def toy_tokenizer() -> ToyTokenizer:
    return ToyTokenizer()


def toy_matchers() -> MatcherFactory:
    return toy_tokenizer().matchers


def _newlines(piece: bytes) -> float:
    return 9.0 if b"\n" in piece else 0.0


def _endless(piece: bytes) -> float:
    return -30.0 if b"\n" in piece or b'"' in piece or b"}" in piece else 0.0


def _long(piece: bytes) -> float:
    return -30.0 if b"\n" in piece or b'"' in piece else 4.0 * len(piece)


def _short(piece: bytes) -> float:
    return 12.0 * (b"\n" in piece) + 9.0 * (piece in (b'"', b"}", b'"}\n', b"}\n", b"{}\n", b"]")) - len(piece)


def _costly(piece: bytes) -> float:
    """One token a byte, four bytes a character, no end in sight."""
    if len(piece) > 1 or piece in b'\n"}]':
        return -40.0
    return 30.0 if piece[0] >= 0xF0 else 20.0 if piece[0] >= 0x80 else 0.0


def _straddling(piece: bytes) -> float:
    return 9.0 if b"\n" in piece.strip() or piece[:1] >= b"\x80" else 2.0 * (b"[" in piece)


def _cue(cue: str) -> dict[bytes, float]:
    return {piece: 9.0 for piece in toy_tokenizer().plain if piece.strip() and piece.strip() in cue.encode()}


WILLS = {
    "random": (lambda _: 0.0, 0.0), "flat": (None, 0.0), "newlines": (_newlines, -50.0), "endless": (_endless, -50.0),
    "long": (_long, -50.0), "short": (_short, 20.0), "costly": (_costly, -50.0), "straddling": (_straddling, -5.0),
    "quitter": (lambda _: 0.0, 50.0), "workaholic": (lambda _: 0.0, -50.0),
    "answer": (_cue("[Answer] Answer: 答:").get, -9.0), "action": (_cue("[Action] Action: [Action Input]").get, -9.0),
    "thought": (_cue("[Thought] Thought: 想:").get, -9.0),
}  # fmt: skip
"""What a toy model wants: a bias for each piece of text, and one for the end token. Special tokens it always wants."""


@cache
def _bias(will: str, tokenizer: ToyTokenizer) -> NDArray[np.float32]:
    want, end = WILLS[will]
    wanted = [(want(piece) or 0.0) if want else 0.0 for piece in tokenizer.plain]
    return np.array([*wanted, end, 60.0, *[70.0] * PADDING], dtype=np.float32)


@dataclass
class ToySource:
    """Scores keyed by (seed, position), and a record of every list of tokens added after the prompt.

    ``taken`` counts the end tokens that were taken back.
    """

    seed: int
    will: str
    prompt: int
    appended: list[list[int]] = field(default_factory=list)
    asked: int = 0
    taken: int = 0
    tokenizer: ToyTokenizer = field(default_factory=toy_tokenizer)

    @property
    def length(self) -> int:
        return self.prompt + sum(map(len, self.appended))

    def append(self, tokens: list[int]) -> None:
        self.appended.append(list(tokens))

    def logits(self) -> NDArray[np.float32]:
        self.asked += 1
        bias = _bias(self.will, self.tokenizer)
        if self.will == "flat":
            return bias.copy()
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=self.length))
        return rng.standard_normal(len(bias), dtype=np.float32) * 3 + bias

    def rollback(self, tokens: int) -> None:
        """Only one end token, just emitted, is ever taken back."""
        assert (tokens, self.appended[-1]) == (1, [self.tokenizer.eos_token_id]), f"{tokens} tokens were taken back"
        self.appended.pop()
        self.taken += 1


@dataclass
class ToyEngine:
    """Fulfils the engine's protocol. ``sources`` are all that were opened, ``grammars`` all that were asked for."""

    seed: int = 0
    will: str = "random"
    window: int = 10**6
    name: str = "toy"
    sources: list[ToySource] = field(default_factory=list)
    grammars: list[str] = field(default_factory=list)
    tokenizer: ToyTokenizer = field(default_factory=toy_tokenizer)

    @property
    def end_token(self) -> int:
        return self.tokenizer.eos_token_id

    def encode(self, text: str) -> list[int]:
        return self.tokenizer(text)

    def decode(self, tokens: list[int]) -> bytes:
        return self.tokenizer.data(tokens)

    def spell(self, data: bytes) -> list[int]:
        return self.tokenizer(data)

    def render(self, messages: list[Message], prefill: str = "") -> list[int]:
        said = [(*self.encode(f"{m['role']}: {m['content']}"), self.tokenizer.special) for m in messages]
        return [*(token for message in said for token in message), *self.encode(prefill)]

    def render_text(self, text: str) -> list[int]:
        return self.encode(text)

    def template(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        told = [f"tools: {json.dumps(tools)}{SPECIAL}"] if tools else []
        said = [f"{m['role']}: {m.get('content')}{SPECIAL}" for m in messages]
        return "".join([*told, *said, "assistant: "])

    def read(self, text: str) -> list[int]:
        pieces = text.split(SPECIAL)
        return [
            t for i, piece in enumerate(pieces) for t in ([self.tokenizer.special] if i else []) + self.encode(piece)
        ]

    def special(self, text: str) -> int | None:
        return self.tokenizer.special if text == SPECIAL else None

    def matcher(self, grammar: str) -> Matcher:
        self.grammars.append(grammar)
        return self.tokenizer.matchers.matcher(grammar)

    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(ToySource(self.seed, self.will, len(prompt), tokenizer=self.tokenizer))
        return self.sources[-1]
