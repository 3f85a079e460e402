"""The engine over Hugging Face transformers: any causal language model in a local folder.

The only importer of transformers and torch (besides the one-off conversion of models).
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.lower.llguidance import slices
from agentspec.decoding.matcher import Matcher, MatcherFactory
from agentspec.engines.engine import Message
from agentspec.errors import EngineFault, ModelMissing


class TransformersEngine:
    """A model and tokenizer in memory. Raises ModelMissing when the folder does not load."""

    def __init__(self, folder: Path, *, name: str | None = None, device: str = "cpu") -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        import transformers
        from llguidance.hf import from_tokenizer

        _quiet(transformers)
        try:
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True
            ).to(device)
        except (OSError, ValueError, KeyError, RuntimeError) as problem:
            text = str(problem).strip().split("\n")[0]
            raise ModelMissing(f"the model in {folder} does not load: {text}") from problem
        self._model.eval()
        self.name = name or str(folder)
        config = self._model.config
        self._vocabulary = int(config.vocab_size)
        self.window = int(getattr(config, "max_position_embeddings", 2048))
        end = self._model.generation_config.eos_token_id
        if isinstance(end, list):
            end = end[0]
        end = self._tokenizer.eos_token_id if end is None else end
        if end is None:
            raise ModelMissing(f"the model in {folder} names no end-of-sequence token")
        self.end_token = int(end)
        self._ll = from_tokenizer(self._tokenizer, n_vocab=self._vocabulary, eos_token=self.end_token, slices=slices())
        self._matchers = MatcherFactory(self._ll, self.end_token)

    def encode(self, text: str) -> list[int]:
        """Tokens of a text as data: the text of a special token becomes ordinary tokens."""
        tokens: list[int] = self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return tokens

    def decode(self, tokens: list[int]) -> bytes:
        """The bytes of ordinary tokens."""
        data: bytes = self._ll.decode_bytes(tokens)
        return data

    def render(self, messages: list[Message]) -> list[int]:
        """The chat template's text as tokens, up to where the assistant writes; contents are encoded as data."""
        if not self._tokenizer.chat_template:
            text = "\n\n".join(message["content"] for message in messages) + "\n"
            return self.encode(text)
        mark = f"q{secrets.token_hex(8)}q"
        marked = [{"role": m["role"], "content": f"{mark}{i}{mark}"} for i, m in enumerate(messages)]
        shape = self._tokenizer.apply_chat_template(marked, tokenize=False, add_generation_prompt=True)
        tokens: list[int] = []
        used = set()
        for i, piece in enumerate(re.split(f"{mark}([0-9]+){mark}", shape)):
            if i % 2:
                used.add(int(piece))
                tokens += self.encode(messages[int(piece)]["content"])
            elif piece:
                tokens += self._tokenizer.encode(piece, add_special_tokens=False)
        if used != set(range(len(messages))):
            raise EngineFault("the model's chat template leaves messages out")
        return tokens

    def matcher(self, grammar: str) -> Matcher:
        """A fresh matcher for a grammar."""
        return self._matchers.matcher(grammar)

    def open(self, prompt: list[int]) -> TransformersSource:
        """A model state after a prompt."""
        return TransformersSource(self._model, prompt)


class TransformersSource:
    """The KV cache of one text; tokens wait in ``_pending`` until the next forward."""

    def __init__(self, model: Any, prompt: list[int]) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache = DynamicCache(config=model.config)
        self._cached = 0
        self._pending = list(prompt)

    @property
    def length(self) -> int:
        """Tokens so far, those not yet seen by the model included."""
        return self._cached + len(self._pending)

    def append(self, tokens: list[int]) -> None:
        """Add tokens; they are encoded by the next forward."""
        self._pending += tokens

    def logits(self) -> NDArray[np.float32]:
        """Scores of the next token, shape (vocabulary,). Raises EngineFault where the forward fails."""
        import torch

        if not self._pending:
            raise EngineFault("there is no new token to score after")
        try:
            with torch.inference_mode():
                output = self._model(
                    input_ids=torch.tensor([self._pending], device=self._model.device),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                scores: NDArray[np.float32] = output.logits[0, -1].float().cpu().numpy()
        except (RuntimeError, IndexError) as problem:
            raise EngineFault(f"the model's forward failed: {str(problem).splitlines()[0]}") from problem
        self._cached += len(self._pending)
        self._pending = []
        return scores

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens: pending ones first, then the cache is cropped."""
        if not 0 <= tokens < self.length:
            raise ValueError(f"{self.length} tokens are there, {tokens} cannot be forgotten")
        waiting = min(tokens, len(self._pending))
        self._pending = self._pending[: len(self._pending) - waiting]
        if rest := tokens - waiting:
            self._cached -= rest
            self._cache.crop(-rest)


def _quiet(transformers: Any) -> None:
    level = os.environ.get("AGENTSPEC_LOG_LEVEL", "ERROR").upper()
    transformers.utils.logging.set_verbosity(getattr(logging, level, logging.ERROR))
    transformers.utils.logging.disable_progress_bar()
