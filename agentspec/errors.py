"""Every exception agentspec raises, drawn once.

AgentSpecError                 anything agentspec says is wrong
├── InvalidInput               exit 2: what the author wrote cannot be used
│   ├── SyntaxProblem          a formula, behavior or file that does not parse
│   ├── SpecError              a spec that parses and is not sound
│   └── TooLarge               compiling would take more states than the limit
├── Refused                    an episode that may not start
│   └── BudgetRefused          exit 3: the budget is below the minimum
├── EngineFault                exit 4: the model, the matcher or a backend failed
│   └── ModelMissing           exit 4: the model's files cannot be had
└── ToolError                  raised by a tool: a declared error result, never the end of a run
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Location:
    """Where something stands: a file (or a label such as ``<formula>``), line and column from 1.

    ``text`` is that line, where it is at hand.
    """

    source: str
    line: int
    column: int
    text: str | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}"


class AgentSpecError(Exception):
    """Base of all errors. ``message`` names the culprit; ``location`` says where it stands, if known.

    ``excerpt`` is the line of text at the location (by default what the location knows of it); it is shown with a caret
    under the column.
    """

    exit_code = 2

    def __init__(self, message: str, *, location: Location | None = None, excerpt: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.excerpt = excerpt if excerpt is not None or location is None else location.text

    def __str__(self) -> str:
        head = f"{self.location}: {self.message}" if self.location else self.message
        if self.location is None or self.excerpt is None:
            return head
        start = max(0, self.location.column - 61)
        shown = self.excerpt[start : start + 120]
        return f"{head}\n    {shown}\n    {' ' * (self.location.column - 1 - start)}^"


class InvalidInput(AgentSpecError):
    """What the author wrote cannot be used."""


class SyntaxProblem(InvalidInput):
    """A formula, a behavior expression or a file that does not parse."""


class SpecError(InvalidInput):
    """A spec that parses and is not sound: unknown names, two owners at one position, not realizable."""


class TooLarge(InvalidInput):
    """Compiling would pass the limit on states; the message names the rule or product."""


class Refused(AgentSpecError):
    """An episode that may not start."""


class BudgetRefused(Refused):
    """The budget is below the least one with which the episode surely ends."""

    exit_code = 3


class EngineFault(AgentSpecError):
    """The model, the matcher or a backend failed, or gave what the constraint forbids."""

    exit_code = 4


class ModelMissing(EngineFault):
    """The model's files cannot be had."""


class ToolError(AgentSpecError):
    """Raised by a tool to answer with an error result: ``failed(T)`` holds, ``error`` does not."""


def nearest(name: str, choices: list[str]) -> str:
    """A hint such as ``; did you mean 'answer'?`` or the list of choices when nothing is near."""
    import difflib

    close = difflib.get_close_matches(name, choices, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; valid: {', '.join(choices)}" if choices else ""
