"""Runs side by side over one model: each has a thread, and when all wait for the model one forward answers them."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agentspec.api.engines import SharedEngine, Stopped, turns
from agentspec.api.run import Run, Steps
from agentspec.api.settings import Settings
from agentspec.decoding.source import Source
from agentspec.engines.batch import Batch, Row
from agentspec.engines.engine import Engine
from agentspec.episode.episode import check_task
from agentspec.errors import BudgetRefused, EngineFault, InvalidInput

logger = logging.getLogger("agentspec.models")


class Begin(Protocol):
    """Begins a run of a kind on a task."""

    def __call__(self, running: Callable[..., Steps], task: str, settings: Settings) -> Steps: ...


def run_many(
    begin: Begin,
    engine_for: Callable[[], Engine],
    tasks: Sequence[str],
    settings: Settings,
    seeds: Sequence[int] | None,
    at_once: int,
) -> list[Run]:
    """The runs of the tasks, in their order; see ``Agent.run_many``."""
    if isinstance(tasks, str):
        raise InvalidInput("run_many takes a list of tasks, not one task")
    tasks = list(tasks)
    for task in tasks:
        check_task(task)
    if seeds is not None and len(seeds) != len(tasks):
        raise InvalidInput(f"there are {len(tasks)} tasks and {len(seeds)} seeds")
    if not isinstance(at_once, int) or isinstance(at_once, bool) or at_once < 1:
        raise InvalidInput(f"at_once is a whole number of 1 or more, not {at_once!r}")
    if settings.on_step is not None:
        raise InvalidInput("on_step could not tell the runs of run_many apart")
    chosen = [settings if seeds is None else replace(settings, seed=seed) for seed in seeds or [0] * len(tasks)]
    if not tasks:
        return []
    engine = engine_for()
    chosen = [replace(one, engine=engine) for one in chosen]
    batch: Batch | None = engine.batch() if hasattr(engine, "batch") else None
    if batch is None:
        logger.warning("the model %s cannot carry on several texts at once: its runs go one by one", engine.name)
        return [played(begin(Steps, task, one)) for task, one in zip(tasks, chosen, strict=True)]
    ensemble = Ensemble(batch, turns(engine))
    plays = [partial(begin, partial(_Voice, ensemble), task, one) for task, one in zip(tasks, chosen, strict=True)]
    return ensemble.play(plays, at_once)


def played(steps: Steps) -> Run:
    """The run, played to its end; one that may not start is ``refused``."""
    with steps:
        try:
            for _ in steps:
                pass
        except BudgetRefused:
            pass
        return steps.result


class Ensemble:
    """Threads that play runs, and the caller's own, which does the forwards: none before all that play wait for it."""

    def __init__(self, batch: Batch, turn: threading.Lock) -> None:
        self._batch = batch
        self._turn = turn
        self._changed = threading.Condition()
        self._playing = 0
        self._asking: list[Row] = []
        self._stopped = False

    def play(self, begins: Sequence[Callable[[], Steps]], at_once: int) -> list[Run]:
        """Play all runs, a few at once. Raises what one of them raises; the others are then cancelled."""
        runs: dict[int, Run] = {}
        coming = iter(enumerate(begins))
        self._playing = min(at_once, len(begins))
        with ThreadPoolExecutor(self._playing, thread_name_prefix="agentspec-run") as threads:
            work = partial(self._play_some, coming, runs)
            started = [threads.submit(contextvars.copy_context().run, work) for _ in range(self._playing)]
            try:
                self._conduct()
            except BaseException:
                self.stop()
                raise
        for future in started:
            future.result()
        return [runs[number] for number in range(len(begins))]

    def ask(self, row: Row) -> NDArray[np.float32]:
        """The scores behind a row, once all who play have asked. Raises EngineFault, and ``Stopped``."""
        with self._changed:
            row.ask()
            self._asking.append(row)
            self._changed.notify_all()
            self._changed.wait_for(lambda: row.answer is not None or self._stopped)
        if isinstance(row.answer, EngineFault):
            raise row.answer
        if row.answer is None or self._stopped:
            raise Stopped
        return row.answer

    def stop(self) -> None:
        """End all runs, as cancelled, before their next token."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    # --------------------------------------------------------------------------------------------------------------

    def _play_some(self, coming: Any, runs: dict[int, Run]) -> None:
        try:
            while not self._stopped and (taken := self._next(coming)) is not None:
                number, begin = taken
                runs[number] = played(begin())
        except BaseException:
            self.stop()
            raise
        finally:
            with self._changed:
                self._playing -= 1
                self._changed.notify_all()

    def _next(self, coming: Any) -> tuple[int, Callable[[], Steps]] | None:
        with self._changed:
            return next(coming, None)

    def _conduct(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped or len(self._asking) == self._playing)
                if self._stopped or not self._playing:
                    return
                asking, self._asking = self._asking, []
            fault: EngineFault | None = None
            try:
                with self._turn:
                    self._batch.forward(asking)
            except EngineFault as problem:
                fault = problem
            with self._changed:
                for row in asking:
                    row.answer = fault or row.answer
                self._changed.notify_all()


class _Voice(Steps):
    """One of the runs: its texts are rows of the batch."""

    def __init__(self, ensemble: Ensemble, *more: Any) -> None:
        self._ensemble = ensemble
        super().__init__(*more)

    def _shared(self, engine: Engine, stop: threading.Event) -> Engine:
        self._seen = _BatchEngine(engine, stop, self._ensemble)
        return self._seen

    def close(self) -> None:
        super().close()
        self._seen.leave()


class _BatchEngine(SharedEngine):
    """The engine as one of the runs sees it: its text is a row of the batch, and so are those of agents it asks."""

    def __init__(self, engine: Engine, stop: threading.Event, ensemble: Ensemble) -> None:
        super().__init__(engine, stop)
        self._ensemble = ensemble
        self._rows: list[Row] = []

    def open(self, prompt: list[int]) -> Source:
        row = Row(list(prompt))
        self._rows = [*(one for one in self._rows if not one.closed), row]
        return _BatchSource(row, self._ensemble)

    def leave(self) -> None:
        """The run is over."""
        for row in self._rows:
            row.closed = True


class _BatchSource:
    """A row as decoding sees it; closing it frees its place. It says nothing of forgetting, so nothing is guessed."""

    def __init__(self, row: Row, ensemble: Ensemble) -> None:
        self._row = row
        self._ensemble = ensemble
        self.append = row.append
        self.rollback = row.rollback

    def close(self) -> None:
        """The text is at its end."""
        self._row.closed = True

    @property
    def length(self) -> int:
        return len(self._row.tokens)

    @property
    def tokens(self) -> list[int]:
        return self._row.tokens

    def logits(self) -> NDArray[np.float32]:
        return self._ensemble.ask(self._row)
