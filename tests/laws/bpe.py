"""Byte-level BPE tokenizers of the shape of the toy one, trained here on a few thousand words: no file, no download.

Their texts are not spelled greedily, and a text spelled as a whole may take more tokens than its parts do.
"""

from __future__ import annotations

import random
from functools import cache, cached_property

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from agentspec.decoding.matcher import MatcherFactory
from tests.laws.toy import CUES, SPECIAL, ToyTokenizer

END = "<|end|>"
_WORDS = """
the of and a to in is that it was for on are as with his they at be this have from or one had by word but not
what all were we when your can said there use an each which she do how their if will up other about out many
then them these so some her would make like him into time has look two more write go see number no way could
people my than first water been call who oil its now find long down day did get come made may part yes please
answer thought true false null red green blue alpha beta gamma größe été 日本 日本語 答 想 😀 🤖 € sunny apples
""".split()  # noqa: SIM905


def _transcripts() -> list[str]:
    rng = random.Random(0)
    texts = []
    for _ in range(400):
        rows = []
        for _ in range(rng.randint(1, 5)):
            said = rng.choice([_sentence, _object, _list])(rng)
            rows.append(f"{rng.choice(CUES)} {said}\n")
        texts.append("".join(rows))
    return texts


def _sentence(rng: random.Random) -> str:
    return " ".join(rng.choices(_WORDS, k=rng.randint(1, 12)))


def _object(rng: random.Random) -> str:
    pairs = [f'"{rng.choice(_WORDS)}":{rng.choice(["true", "12", _list(rng), f"{chr(34)}{_sentence(rng)}{chr(34)}"])}']
    return "{" + ",".join(pairs * rng.randint(0, 2)) + "}"


def _list(rng: random.Random) -> str:
    items = rng.choice([["true", "false"], ["1", "0", "42"], ['"red"', '"blue"'], ['"a"', '""']])
    return "[" + ",".join(rng.choices(items, k=rng.randint(0, 20))) + "]"


class BpeTokenizer(ToyTokenizer):
    """``words``: no token goes past a word, as in GPT-2; else tokens straddle words, cues and borders."""

    def __init__(self, *, words: bool, size: int = 900) -> None:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, show_progress=False)
        tokenizer.train_from_iterator(_transcripts(), trainer)
        many = tokenizer.get_vocab_size()
        tokenizer.add_special_tokens([END, SPECIAL])
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer
        byte_of = _byte_of()
        names = [tokenizer.id_to_token(number) for number in range(many)]
        self.plain = [bytes(byte_of[character] for character in name) for name in names]
        self.eos_token_id, self.special = many, many + 1
        self.bos_token_id = None
        self.tokens = [*self.plain, END.encode(), SPECIAL.encode()]
        self.special_token_ids = [many, many + 1]
        self._single = {piece[0]: number for number, piece in enumerate(self.plain) if len(piece) == 1}
        assert len(self._single) == 256

    def __call__(self, text: bytes | str) -> list[int]:
        data = text if isinstance(text, bytes) else text.encode()
        try:
            tokens: list[int] = self._tokenizer.encode(data.decode()).ids
        except UnicodeDecodeError:
            return [self._single[byte] for byte in data]
        return tokens

    @cached_property
    def matchers(self) -> MatcherFactory:
        from llguidance import LLTokenizer

        return MatcherFactory(LLTokenizer(self._tokenizer.to_str(), eos_token=self.eos_token_id), self.eos_token_id)


def _byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level token stands for: visible ones themselves, others from 256 on."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(256 + i): byte for i, byte in enumerate(hidden)}


@cache
def words_tokenizer() -> BpeTokenizer:
    """Tokens stay within words."""
    return BpeTokenizer(words=True)


@cache
def joined_tokenizer() -> BpeTokenizer:
    """Tokens straddle words, cues, contents and borders."""
    return BpeTokenizer(words=False)
