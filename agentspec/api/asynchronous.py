"""Runs inside an event loop: each has a thread of its own, in which the model writes and tools are called."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from agentspec.api.run import Run, Running
from agentspec.api.settings import OnStep
from agentspec.episode.trace import StepRecord

T = TypeVar("T")
R = TypeVar("R")


class AsyncEvents(Generic[T]):
    """What comes of a run, of one type: an asynchronous iterator and context manager, and afterwards ``result``.

    Cancelling the task that waits stops the run before its next token; what is under way then, a forward of
    the model or a tool call, is waited for, so that the record is closed when the cancellation arrives. ``on_step`` is
    called in the event loop, and awaited where it gives something to await.
    """

    def __init__(self, begin: Callable[[], Running], kind: type[T], on_step: OnStep | None = None) -> None:
        self._begin = begin
        self._kind = kind
        self._on_step = on_step
        self._steps: Running | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="agentspec-run")
        self._context = contextvars.copy_context()
        self._busy = False
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._busy:
            raise RuntimeError("another task is waiting for what comes next of this run")
        if self._over:
            raise StopAsyncIteration
        self._busy = True
        try:
            if self._steps is None:
                self._steps = await self._apart(self._begin)
            kinds = (self._kind, StepRecord) if self._on_step else (self._kind,)
            while (event := await self._apart(partial(_next_of, kinds, self._steps))) is not None:
                told = self._on_step(event) if self._on_step and isinstance(event, StepRecord) else None
                if inspect.isawaitable(told):
                    await told
                if isinstance(event, self._kind):
                    return event
            raise StopAsyncIteration
        except BaseException:
            self._busy = False
            self._end()
            raise
        finally:
            self._busy = False

    async def aclose(self) -> None:
        """End the run now, as cancelled; nothing happens where it is over or has not begun.

        Where another task waits for its next step, it ends before the next token.
        """
        self._end()

    @property
    def result(self) -> Run:
        """The run. Raises RuntimeError before it is over."""
        if self._steps is None:
            raise RuntimeError("the run has not begun")
        return self._steps.result

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}, {'not begun' if self._steps is None else repr(self._steps)}>"

    def _end(self) -> None:
        self._over = True
        if self._steps is not None:
            self._steps.stop()
            if not self._busy:
                self._steps.close()
        self._thread.shutdown(wait=False)

    async def _apart(self, function: Callable[[], R]) -> R:
        """What ``function`` gives in the run's own thread. Cancelled, it stops the run and waits for the thread."""
        waiting = asyncio.wrap_future(self._thread.submit(self._context.run, function))
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if self._steps is not None:
                self._steps.stop()
            while not waiting.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([waiting])
            if not waiting.cancelled():
                waiting.exception()  # seen: what the stopped run still had to say is no news
            raise


def _next_of(kinds: tuple[type, ...], running: Running) -> StepRecord | str | None:
    """The next event of some kinds, None behind the last: StopIteration cannot pass from a thread into a coroutine."""
    while (event := running.event()) is not None and not isinstance(event, kinds):
        pass
    return event


class AsyncSteps(AsyncEvents[StepRecord]):
    """The steps of a run as they come."""


class AsyncTexts(AsyncEvents[str]):
    """The text of a run as it comes, in pieces that are never taken back; see ``Texts``."""
