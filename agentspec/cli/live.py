"""Steps on a terminal as they are written: the same lines as without one, letter by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agentspec.automata.letter import Owner

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from agentspec.checking.compile import Compiled
    from agentspec.episode.trace import StepRecord
    from agentspec.spec.model import Step

COLOURS = {"model": "bold cyan", "tool": "bold yellow", "user": "bold green"}
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads along; closed streams and none at all are no terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def console_for(out: TextIO) -> Console:
    """A console that breaks no lines and paints nothing by itself."""
    from rich.console import Console

    return Console(file=out, highlight=False, soft_wrap=True)


class Live:
    """Shows a run's events: of a step of the model its text as it comes, the others when they are there.

    The text that comes is never taken back (`Episode.events`). What it cannot tell apart yet, such as a cue begun or
    a step written without one, waits for the record.
    """

    def __init__(self, compiled: Compiled, out: TextIO) -> None:
        self._console = console_for(out)
        self._steps = compiled.agent.spec.steps
        self._written = [step for step in self._steps.values() if step.owner == Owner.MODEL]
        self._coming = ""
        self._shown = ""

    def tell(self, event: StepRecord | str) -> None:
        """Show one event."""
        if isinstance(event, str):
            self._hear(event)
        else:
            self._finish(event)

    def end(self) -> None:
        """Nothing more comes: a step begun keeps a line of its own."""
        if self._shown:
            self._console.print()
        self._shown = self._coming = ""

    # --------------------------------------------------------------------------------------------------------------

    def _hear(self, text: str) -> None:
        from agentspec.episode.transcript import begun
        from agentspec.spec.alphabet import BORDER

        self._coming += text
        if not self._shown:
            self._coming = self._coming.removeprefix(BORDER)
        step = begun(self._written, self._coming.encode())
        if step is not None and step.beginning == f"{step.cue} ":
            text = self._split()[0].removeprefix(step.beginning)
            self._show(step, text.rstrip(_LINE_ENDS))

    def _split(self) -> tuple[str, str]:
        """The step under way, as far as it is there, and what is already of the next one."""
        from agentspec.episode.transcript import split_step

        whole = split_step(self._written, self._coming.encode())
        return (self._coming, "") if whole is None else (whole[0].decode(), whole[1].decode())

    def _finish(self, record: StepRecord) -> None:
        step = self._steps.get(str(record.letter.step)) if record.letter else None
        if step is None:
            self.end()
            self._console.print(no_step(record))
            return
        if not self._show(step, record.shown):
            self._console.print()  # the beginning was read otherwise: the line is shown as it is
            self._shown = ""
            self._show(step, record.shown)
        self._console.print()
        self._coming, self._shown = self._split()[1] if step.owner == Owner.MODEL else "", ""

    def _show(self, step: Step, content: str) -> bool:
        """Show what is new of a line; False, and nothing, where it does not begin as what is there."""
        line = line_of(step, content)
        if not line.plain.startswith(self._shown):
            return False
        self._console.print(line[len(self._shown) :], end="")
        self._shown = line.plain
        return True


def line_of(step: Step, content: str) -> Text:
    """A step as a line: its cue in the colour of who wrote it, and the content, made printable."""
    from rich.text import Text

    from agentspec.episode.transcript import printable
    from agentspec.spec.alphabet import framed

    line = Text(f"{step.cue} ", style=COLOURS[step.owner])
    line.append(printable(framed(content)), style="default")
    return line


def no_step(record: StepRecord) -> Text:
    """What the model wrote without the guard and is no step."""
    from rich.text import Text

    from agentspec.episode.transcript import printable

    return Text(f"(no step) {printable(record.content)}", style="red")
