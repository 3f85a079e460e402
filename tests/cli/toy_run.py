"""``agentspec`` on the toy model: ``python toy_run.py run AGENT TASK ...`` is ``agentspec run`` without a real one.

``TOY_WILL`` is what the model wants, ``TOY_PAUSE`` how many seconds it thinks over each token, ``TOY_FULL`` the write
to the trace (from 1) at which the disk is full, ``TOY_BREAK`` the forward at which the model fails.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any

from agentspec.cli import run
from agentspec.cli.app import main
from tests.laws.toy import ToyEngine, ToySource


class Source(ToySource):
    """Pauses before each forward, and fails at one if so asked."""

    def logits(self) -> Any:
        time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
        if self.asked + 1 == int(os.environ.get("TOY_BREAK", "0")):
            raise RuntimeError("the toy broke")
        return super().logits()


class Engine(ToyEngine):
    """A toy engine whose sources are those above."""

    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(Source(self.seed, self.will, len(prompt)))
        return self.sources[-1]


def fill_the_disk(write: int) -> None:
    """Let the write of that number, and all later ones, fail as on a full disk."""
    synced = []

    def fsync(file: int) -> None:
        synced.append(file)
        if len(synced) >= write:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    os.fsync = fsync


if __name__ == "__main__":
    run.open_engine = lambda *_: Engine(will=os.environ.get("TOY_WILL", "short"))
    if "TOY_FULL" in os.environ:
        fill_the_disk(int(os.environ["TOY_FULL"]))
    main()
