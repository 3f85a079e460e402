"""Engines of a program: each model is opened once, and runs in several threads take turns at it."""

from __future__ import annotations

import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from agentspec.decoding.matcher import Matcher
from agentspec.decoding.source import Source
from agentspec.engines import models
from agentspec.engines.engine import Engine, Message

logger = logging.getLogger("agentspec.models")

_opening = threading.Lock()
_listing = threading.Lock()
_opened: weakref.WeakValueDictionary[tuple[str, str, str], Engine] = weakref.WeakValueDictionary()
_latest: list[Engine] = []
_turns: dict[int, tuple[weakref.ref[Any], threading.Lock]] = {}


def engine_of(model: str, device: str, dtype: str, offline: bool) -> Engine:
    """The engine of a model, opened at the first call and shared while anything in the program uses it.

    The latest one is kept even when nothing does. Raises ModelMissing.
    """
    key = (model, device, dtype)
    with _opening:
        engine = _opened.get(key)
        if engine is None:
            engine = models.open_engine(model, device=device, dtype=dtype, offline=offline, progress=_told(sys.stderr))
            _opened[key] = engine
        _latest[:] = [engine]
        return engine


def chosen_model(asked: str | None, declared: str | None) -> str:
    """The model asked for, else that of ``AGENTSPEC_MODEL``, else the declared one, else the default."""
    return asked or os.environ.get("AGENTSPEC_MODEL") or declared or models.default_model()


def _told(stream: TextIO | None) -> Callable[[str, int, int | None], None]:
    """Tell each stage once: all in the log, and on a terminal those of fetching a model, which takes a while."""
    seen: set[str] = set()

    def progress(stage: str, done: int, total: int | None) -> None:
        del done, total
        if stage in seen:
            return
        seen.add(stage)
        logger.info("the model: %s", stage)
        if stream is not None and stream.isatty() and stage != "load":
            print(f"agentspec: the model: {stage} …", file=stream, flush=True)

    return progress


def turns(engine: Engine) -> threading.Lock:
    """The lock by which threads take turns at an engine: one for each engine, as long as it lives."""
    with _listing:
        if id(engine) not in _turns:
            _turns[id(engine)] = (weakref.ref(engine, partial(_turns.pop, id(engine))), threading.Lock())
        return _turns[id(engine)][1]


class Stopped(BaseException):
    """Raised inside an episode that was told to stop; the episode ends as cancelled. Never leaves this package."""


class SharedEngine:
    """An engine as one run sees it: it takes turns with other threads, and stops when told to.

    What touches the model or the tokenizer is done by one thread at a time: a tokenizer holds settings that a call
    changes (are special tokens split?), and forwards side by side are slower than one after the other.
    """

    def __init__(self, engine: Engine, stop: threading.Event) -> None:
        self._engine = engine
        self._stop = stop
        self._turn = turns(engine)
        self.name = engine.name
        self.window = engine.window
        self.end_token = engine.end_token

    def encode(self, text: str) -> list[int]:
        """As the engine's."""
        with self._turn:
            return self._engine.encode(text)

    def decode(self, tokens: list[int]) -> bytes:
        """As the engine's."""
        return self._engine.decode(tokens)

    def spell(self, data: bytes) -> list[int]:
        """As the engine's."""
        with self._turn:
            return self._engine.spell(data)

    def render(self, messages: list[Message], prefill: str = "") -> list[int]:
        """As the engine's."""
        with self._turn:
            return self._engine.render(messages, prefill)

    def render_text(self, text: str) -> list[int]:
        """As the engine's."""
        with self._turn:
            return self._engine.render_text(text)

    def template(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        """As the engine's."""
        with self._turn:
            return self._engine.template(messages, tools)

    def read(self, text: str) -> list[int]:
        """As the engine's."""
        with self._turn:
            return self._engine.read(text)

    def special(self, text: str) -> int | None:
        """As the engine's."""
        return self._engine.special(text)

    def matcher(self, grammar: str) -> Matcher:
        """As the engine's."""
        return self._engine.matcher(grammar)

    def open(self, prompt: list[int]) -> Source:
        """As the engine's; its scores raise ``Stopped`` once the run is told to stop."""
        return _SharedSource(self._engine.open(prompt), self._turn, self._stop)


class _SharedSource:
    def __init__(self, source: Source, turn: threading.Lock, stop: threading.Event) -> None:
        self._source = source
        self._turn = turn
        self._stop = stop

    @property
    def length(self) -> int:
        return self._source.length

    @property
    def tokens(self) -> list[int]:
        tokens: list[int] = self._source.tokens  # type: ignore[attr-defined]  # what it lacks, this lacks
        return tokens

    @property
    def forgets(self) -> bool:
        return bool(getattr(self._source, "forgets", False))

    def append(self, tokens: list[int]) -> None:
        self._source.append(tokens)

    def scores(self, last: int) -> NDArray[np.float32]:
        with self._turn:
            if self._stop.is_set():
                raise Stopped
            scores: NDArray[np.float32] = self._source.scores(last)  # type: ignore[attr-defined]  # the same
            return scores

    def logits(self) -> NDArray[np.float32]:
        with self._turn:
            if self._stop.is_set():
                raise Stopped
            return self._source.logits()

    def rollback(self, tokens: int) -> None:
        self._source.rollback(tokens)
