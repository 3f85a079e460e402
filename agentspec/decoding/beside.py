"""One thread that works while another is busy: a handover costs less than an executor's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Beside(Generic[T]):
    """Calls ``work`` in a thread of its own, once for each ``begin``; ``result`` waits for what it gives or raises.

    A context manager: leaving it ends the thread, once it is done with what was begun.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._given: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Have the work done once; the thread starts with the first."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="agentspec-beside", daemon=True)
            self._thread.start()
        self._asked.put(True)

    def result(self) -> T:
        """What the work begun gives. Raises what it raises."""
        found, problem = self._given.get()
        if problem is not None:
            raise problem
        return found  # type: ignore[return-value]  # None only with a problem

    def _serve(self) -> None:
        while self._asked.get():
            try:
                self._given.put((self._work(), None))
            except BaseException as problem:
                self._given.put((None, problem))

    def __enter__(self) -> Beside[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._asked.put(False)
            self._thread.join()
