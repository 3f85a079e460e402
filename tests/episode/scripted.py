"""A toy model that writes what it is told to, text after text, whatever stands before; any of it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tests.laws.toy import PADDING, ToyEngine, ToySource

END = None
"""In a script: the end token."""


@dataclass
class FreeSource(ToySource):
    """Any of its tokens can be taken back."""

    def rollback(self, tokens: int) -> None:
        flat = [token for some in self.appended for token in some]
        assert 0 <= tokens <= len(flat)
        self.appended[:] = [flat[: len(flat) - tokens]]

    @property
    def text(self) -> str:
        """What stands behind the prompt."""
        flat = [token for some in self.appended for token in some]
        return self.tokenizer.data([token for token in flat if token != self.tokenizer.eos_token_id]).decode()


@dataclass
class FreeEngine(ToyEngine):
    """A toy engine whose texts can be taken back."""

    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(FreeSource(self.seed, self.will, len(prompt)))
        return self.sources[-1]


@dataclass
class ScriptedSource(FreeSource):
    """Wants the next token of the script; what is added and is what comes next, drawn or not, is written by it."""

    script: list[str | None] = field(default_factory=list)

    def logits(self) -> NDArray[np.float32]:
        scores = np.zeros(len(self.tokenizer.tokens) + PADDING, dtype=np.float32)
        part = self.script[0] if self.script else END
        if part is END:
            del self.script[:1]
            scores[self.tokenizer.eos_token_id] = 50.0
        else:
            scores[self.tokenizer(part)[0]] = 50.0
        return scores

    def append(self, tokens: list[int]) -> None:
        super().append(tokens)
        said = b"".join(self.tokenizer.tokens[token] for token in tokens).decode(errors="replace")
        part = self.script[0] if self.script else END
        if part is not END and part.startswith(said):
            self.script[:1] = [part[len(said) :]] if part[len(said) :] else []


@dataclass
class ScriptedEngine(ToyEngine):
    """``parts`` are texts and `END`; each text is spelled by itself."""

    parts: tuple[str | None, ...] = ()

    def open(self, prompt: list[int]) -> ScriptedSource:
        made = ScriptedSource(self.seed, self.will, len(prompt), script=list(self.parts))
        self.sources.append(made)
        return made


def scripted(*parts: str | None) -> ScriptedEngine:
    """An engine that writes these."""
    return ScriptedEngine(parts=parts)
