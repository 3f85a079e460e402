"""A run: its steps as they come, and what is left when it is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from agentspec.api.engines import SharedEngine, Stopped
from agentspec.api.settings import OnStep
from agentspec.checking.compile import Compiled
from agentspec.engines.engine import Engine
from agentspec.episode.episode import Episode
from agentspec.episode.trace import Result, Status, StepRecord, Usage, Verdict
from agentspec.episode.transcript import printable, show
from agentspec.errors import AgentSpecError, BudgetRefused, EngineFault


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """A run that is over: its ``steps``, and in ``result`` how it ended."""

    steps: tuple[StepRecord, ...]
    result: Result
    compiled: Compiled

    @property
    def status(self) -> Status:
        """``accepted``, or the name of another ending."""
        return self.result.status

    @property
    def accepted(self) -> bool:
        """Whether the run came to a good end: all ``block`` rules kept, within its budget."""
        return self.result.status == "accepted"

    @property
    def answer(self) -> str | None:
        """What the model said last; None unless the run was accepted."""
        return self.result.answer

    @property
    def reason(self) -> str:
        """Why the run was not accepted."""
        return self.result.reason

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """What became of each rule."""
        return self.result.verdicts

    @property
    def usage(self) -> Usage:
        """Tokens, model calls, steps, tool calls, seconds."""
        return self.result.usage

    @property
    def trace_path(self) -> str | None:
        """The file that holds the record of the run, if one was kept."""
        return self.result.trace_path

    def raise_for_status(self) -> Run:
        """This run if it was accepted. Raises EngineFault or AgentSpecError, with the reason, if it was not."""
        if self.accepted:
            return self
        kind = EngineFault if self.status == "engine_fault" else AgentSpecError
        problem = kind(f"the run ended as {self.status}" + (f": {self.reason}" if self.reason else ""))
        problem.exit_code = self.result.exit_code
        raise problem

    def to_json(self) -> dict[str, Any]:
        """The object that ``agentspec run --json`` prints."""
        return self.result.to_json()

    def __str__(self) -> str:
        spec = self.compiled.agent.spec
        told = [
            show(spec, record.letter.step, record.shown) if record.letter and record.letter.step
            else f"(no step) {record.content}\n"
            for record in self.steps
        ]  # fmt: skip
        return printable("".join(told)) + self.status + (f": {self.reason}" if self.reason else "")

    def __repr__(self) -> str:
        ending = f"answer={self.answer!r}" if self.accepted else f"reason={self.reason!r}"
        used = self.usage
        return (
            f"<Run of {self.compiled.agent.name}: {self.status}, {ending}, {len(self.steps)} steps, "
            f"{used.tool_calls} tool calls, {used.tokens} tokens, {used.seconds:.1f} s>"
        )

    def page(self) -> str:
        """The run as a web page of its own."""
        from agentspec.episode.page import trace_page

        return trace_page(self.steps, self.compiled, self.result)

    def _repr_html_(self) -> str:
        from agentspec.episode.page import trace_html

        return trace_html(self.steps, self.compiled, self.result)


class Running:
    """A run under way, its events taken one by one; afterwards ``result``.

    Leaving before the end (``close``, the end of a ``with``, dropping the last reference) ends the run as cancelled.
    Iterating raises BudgetRefused where the run may not start, and KeyboardInterrupt, once its record is closed,
    where the user interrupts it.
    """

    def __init__(
        self,
        compiled: Compiled,
        engine: Engine,
        episode: Callable[[Engine], Episode],
        on_step: OnStep | None = None,
    ) -> None:
        self._compiled = compiled
        self._stop = threading.Event()
        self._episode = episode(self._shared(engine, self._stop))
        self._records: list[StepRecord] = []
        self._play = _played(self._episode, self._records, on_step)

    def _shared(self, engine: Engine, stop: threading.Event) -> Engine:
        """The engine as this run sees it."""
        return SharedEngine(engine, stop)

    def event(self) -> StepRecord | str | None:
        """The next step or piece of text, None behind the last."""
        if self._stop.is_set():
            self._play.close()
        return next(self._play, None)

    def stop(self) -> None:
        """End the run, as cancelled, before its next token or tool call; may be called from any thread."""
        self._stop.set()

    def close(self) -> None:
        """End the run now, as cancelled; nothing happens where it is over or has not begun."""
        self._play.close()

    @property
    def result(self) -> Run:
        """The run. Raises RuntimeError before it is over."""
        if self._episode.result is None:
            raise RuntimeError("the run is not over" if self._records else "the run has not begun")
        return Run(tuple(self._records), self._episode.result, self._compiled)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        ending = self._episode.result.status if self._episode.result else "under way"
        return f"<{type(self).__name__} of {self._compiled.agent.name}: {len(self._records)} so far, {ending}>"


class Steps(Running):
    """The steps of a run as they come: an iterator, a context manager, and afterwards ``result``."""

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> StepRecord:
        while (event := self.event()) is not None:
            if isinstance(event, StepRecord):
                return event
        raise StopIteration


class Texts(Running):
    """The text of a run as it comes, in pieces that are never taken back: an iterator, a context manager, ``result``.

    Joined they are the transcript: cue, content and border of each step, whoever it is from. What is taken back of a
    step (``guarantee: partial``), and a character begun, are told when they are sure.
    """

    def __iter__(self) -> Texts:
        return self

    def __next__(self) -> str:
        while (event := self.event()) is not None:
            if isinstance(event, str):
                return event
        raise StopIteration


def _played(
    episode: Episode, records: list[StepRecord], on_step: OnStep | None
) -> Generator[StepRecord | str, None, None]:
    """The episode's events, its steps noted in ``records``. Outside of ``Running``: dropping that one ends it."""
    events = episode.events()
    try:
        with episode.journal or nullcontext(), closing(events):
            for event in events:
                if isinstance(event, StepRecord):
                    records.append(event)
                    if on_step is not None:
                        on_step(event)
                yield event
    except Stopped:
        return
    result = episode.result
    assert result is not None
    if result.status == "refused":
        raise BudgetRefused(result.reason)
    if result.status == "cancelled":  # the episode ends on Ctrl-C; the program that runs it must hear of it too
        interrupt = KeyboardInterrupt()
        interrupt.add_note(f"the record of the run: {result.trace_path}")
        raise interrupt
