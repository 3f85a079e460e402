"""A text with a place in a file, and the errors that point into it."""

from __future__ import annotations

from dataclasses import dataclass

from agentspec import limits
from agentspec.errors import Location, SyntaxProblem


@dataclass(frozen=True, slots=True)
class SourceText:
    """``text`` whose first character stands in ``source`` at ``line`` and ``column``; later lines start at column 1."""

    text: str
    source: str
    line: int
    column: int

    def location(self, offset: int) -> Location:
        """Where the character at ``offset`` stands; the length of the text is the place after its last character."""
        line = self.text.count("\n", 0, offset)
        column = offset - (self.text.rfind("\n", 0, offset) + 1) + (self.column if line == 0 else 1)
        return Location(self.source, self.line + line, column)

    def excerpt(self, offset: int) -> str:
        """The line around ``offset``, one printable character a column, indented to where the text starts."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        shown = self.text[start:] if end < 0 else self.text[start:end]
        indent = " " * (self.column - 1) if start == 0 else ""
        return indent + "".join([char if char.isprintable() else " " for char in shown]).rstrip()

    def problem(self, offset: int, message: str) -> SyntaxProblem:
        """The error, to be raised by the caller, that points at ``offset``."""
        return SyntaxProblem(message, location=self.location(offset), excerpt=self.excerpt(offset))

    def require_length(self) -> None:
        """Raises SyntaxProblem if the text is longer than ``limits.TEXT_LENGTH`` characters."""
        if len(self.text) > limits.TEXT_LENGTH:
            raise self.problem(0, f"text of {len(self.text)} characters; at most {limits.TEXT_LENGTH} are read")

    @property
    def end(self) -> int:
        """The offset after the last character that is not blank."""
        return len(self.text.rstrip())


def quoted(text: str) -> str:
    """The text in quotes for a message, cut after 60 characters, unprintable characters escaped."""
    shown = text if len(text) <= 60 else text[:60] + "..."
    return f"'{shown}'" if shown.isprintable() else ascii(shown)
