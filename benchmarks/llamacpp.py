"""The default model's own GGUF file run by llama.cpp, for experiments of thousands of runs on a CPU.

Tokenizer, chat template, matchers and everything else are those of `engines.transformers`; the forward alone is
llama.cpp's, which computes with the quantised weights. It is no engine of the package's: one text at a time is in the
model's state, and what two texts share at their beginning is kept between them.

    pip install llama-cpp-python   # builds llama.cpp
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentspec.engines.models import fetch
from agentspec.engines.source import merge_ends
from agentspec.engines.transformers import TransformersEngine
from agentspec.errors import EngineFault


class LlamaCppEngine(TransformersEngine):
    """The engine of a known model whose forwards llama.cpp makes from a GGUF file of it."""

    def __init__(self, name: str, gguf: Path, *, threads: int = 1) -> None:
        import llama_cpp

        super().__init__(fetch(name), name=f"{name} (llama.cpp {llama_cpp.__version__}, {gguf.name})")
        self._llama: Any = llama_cpp.Llama(
            str(gguf), n_ctx=self.window, n_batch=512, logits_all=True, verbose=False, n_threads=threads,
            n_threads_batch=threads,
        )  # fmt: skip

    def open(self, prompt: list[int]) -> LlamaCppSource:  # type: ignore[override]  # another state, the same protocol
        """A model state after a prompt."""
        return LlamaCppSource(self._llama, prompt, self._ends)


class LlamaCppSource:
    """One text; the model's state is made to hold it when its scores are asked for."""

    forgets = True

    def __init__(self, llama: Any, prompt: list[int], ends: list[int]) -> None:
        self.tokens = list(prompt)
        self._llama, self._ends = llama, ends

    @property
    def length(self) -> int:
        """Tokens so far."""
        return len(self.tokens)

    def append(self, tokens: list[int]) -> None:
        """Add tokens."""
        self.tokens += tokens

    def rollback(self, tokens: int) -> None:
        """Forget the last tokens."""
        if not 0 <= tokens < self.length:
            raise ValueError(f"{self.length} tokens are there, {tokens} cannot be forgotten")
        del self.tokens[self.length - tokens :]

    def logits(self) -> NDArray[np.float32]:
        """Scores of the next token, shape (vocabulary,)."""
        found: NDArray[np.float32] = self.scores(1)[0]
        return found

    def scores(self, last: int) -> NDArray[np.float32]:
        """Scores after each of the last tokens, shape (last, vocabulary)."""
        llama, text = self._llama, self.tokens
        if not 0 < last <= len(text) <= llama.n_ctx():
            raise EngineFault(f"there are {len(text)} tokens to score after, not {last}")
        held = llama.input_ids[: llama.n_tokens]
        most = min(len(held), len(text) - last)
        unlike = np.flatnonzero(held[:most] != np.asarray(text[:most], dtype=held.dtype))
        llama.n_tokens = int(unlike[0]) if len(unlike) else most
        llama.eval(text[llama.n_tokens :])
        return merge_ends(np.array(llama.scores[len(text) - last : len(text)], dtype=np.float32), self._ends)
