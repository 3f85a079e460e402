"""``agentspec`` on the toy model: ``python toy_run.py run AGENT TASK ...`` is ``agentspec run`` without a real one.

The environment says how it goes. ``TOY_WILL``: what the model wants; ``TOY_WINDOW``: its context; ``TOY_OPENING`` and
``TOY_PAUSE``: the seconds it takes to open and to think over each token; ``TOY_BREAK`` and ``TOY_CRASH``: the forward
(from 1) at which it fails as engines do, or as they must not; ``TOY_FULL``: the write to the trace (from 1) from which
on the disk is full.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from typing import Any

from agentspec.cli import eval, run
from agentspec.cli.app import main
from agentspec.errors import EngineFault
from tests.laws.toy import ToyEngine, ToySource


class Source(ToySource):
    """Pauses before each forward, and fails at one where that is asked for."""

    def logits(self) -> Any:
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        if self.asked + 1 == int(os.environ.get("TOY_BREAK", "0")):
            raise EngineFault("the toy broke")
        if self.asked + 1 == int(os.environ.get("TOY_CRASH", "0")):
            raise LookupError("the toy crashed")
        return super().logits()

    def rollback(self, tokens: int) -> None:
        """What a handler weighed is taken back."""
        flat = [token for some in self.appended for token in some]
        self.appended[:] = [flat[: len(flat) - tokens]]


class Engine(ToyEngine):
    """A toy engine whose sources are those above."""

    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(Source(self.seed, self.will, len(prompt)))
        return self.sources[-1]


def open_toy(_settings: object, _declared: object) -> Engine:
    """In place of the command line's own way to a model."""
    time.sleep(float(os.environ.get("TOY_OPENING", "0")))
    return Engine(will=os.environ.get("TOY_WILL", "short"), window=int(os.environ.get("TOY_WINDOW", "1000000")))


def full_disk(write: int) -> Callable[[int], None]:
    """An ``os.fsync`` to which the call of that number (from 1), and each later one, says that the disk is full."""
    synced: list[int] = []

    def fsync(file: int) -> None:
        synced.append(file)
        if len(synced) >= write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return fsync


def prepare(replace: Callable[[object, str, object], None]) -> None:
    """Put the toy in the model's place, and what the environment asks for in that of the machine."""
    replace(run, "open_engine", open_toy)
    replace(eval, "open_engine", lambda name, *_: open_toy(name, None))
    if "TOY_FULL" in os.environ:
        replace(os, "fsync", full_disk(int(os.environ["TOY_FULL"])))


if __name__ == "__main__":
    prepare(setattr)
    main()
