"""Prompt examples as text: the steps of transcripts by their cues, and where each of them stands.

What cannot be read is never the end: a row that begins no step is a line of its own, with what is wrong with it, and
everything around it is still read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from agentspec import limits
from agentspec.automata.letter import Owner
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.reading import note
from agentspec.spec.model import Spec, Step
from agentspec.spec.step import INDENT

SEPARATOR = "---"
UNKNOWN = ""
"""The step of a row that begins with no cue."""


@dataclass(frozen=True)
class Line:
    """One step as text: its name by its cue, its content, and the rows of the file it stands on, from ``number`` on.

    A line of a log or of a foreign style may be any of ``steps``; then ``start`` is the column of its content, which
    stands there as it is where it is ``verbatim``. ``fault`` is why it cannot be read (its step is then `UNKNOWN`) and
    ``column`` where; ``meant`` is the cue it may stand for.
    """

    step: str
    content: str
    number: int = 1
    cue: str = ""
    rows: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    start: int = 0
    verbatim: bool = True
    fault: str = ""
    column: int = 1
    meant: str = ""

    @property
    def text(self) -> str:
        """The step as it stands in the file."""
        return "\n".join(self.rows) or f"{self.cue} {self.content}"

    def longer(self, content: str, row: str) -> Line:
        """With one row more."""
        return replace(self, content=f"{self.content}\n{content}", rows=(*self.rows, row))

    def content_at(self, step: Step) -> str | None:
        """What the line holds if it is the step, None where it cannot be."""
        if self.steps:
            return self.content if step.name in self.steps else None
        lead = f"{step.cue} "
        if self.fault or (self.cue != step.cue and not self.text.startswith(lead)):
            return None
        return self.content if self.cue == step.cue and step.owner != Owner.MODEL else self.text[len(lead) :]

    def place(self, source: str, offset: int) -> Location:
        """Where a character of the content stands; the beginning of the line where the offset is negative."""
        if self.fault:
            return Location(source, self.number, self.column, self.rows[0] if self.rows else None)
        if self.steps:
            row = self.rows[0] if self.rows else None
            inside = max(offset, 0) if self.verbatim and row is not None else 0
            return Location(source, self.number, min(self.start + inside, len(row or "") + 1), row)
        read = self.text[: max(offset + len(self.cue) + 1, 0) if offset >= 0 else 0].split("\n")
        row = self.text.split("\n")[len(read) - 1]
        return Location(source, self.number + len(read) - 1, min(len(read[-1]), len(row)) + 1, row)


@dataclass(frozen=True)
class Transcript:
    """One episode as it stands in a text, counted from 1 in its file."""

    number: int
    lines: list[Line]


class Cues:
    """The cues of a spec, to be looked up row by row."""

    def __init__(self, spec: Spec) -> None:
        self.all = tuple(dict.fromkeys(step.cue for step in spec.steps.values()))
        self._led = [(step.cue, f"{step.cue} ", name) for name, step in spec.steps.items()]
        self._until = {c: tuple(s.until for s in spec.steps.values() if s.cue == c and s.until) for c in self.all}
        self._several = {step.cue for step in spec.steps.values() if step.max_lines > 1}
        self._mine = {name for name, step in spec.steps.items() if step.owner == Owner.MODEL}

    def announced(self, row: str) -> tuple[str, str, str] | None:
        """The first step whose cue a row begins with, its content and the cue; None where it begins with none."""
        for cue, lead, name in self._led:
            if row.startswith(lead) or row == cue:
                return name, row[len(lead) :], cue
        return None

    def is_open(self, line: Line) -> bool:
        """Whether a ``free`` region goes on."""
        ends = self._until.get(line.cue, ())
        return bool(ends) and not any(line.content.endswith(until) for until in ends)

    def goes_on(self, line: Line, row: str) -> bool:
        """Whether an indented row is a part of the step before it."""
        return bool(row.strip()) or line.cue in self._several

    def is_mine(self, line: Line) -> bool:
        """Whether the model writes the step, whose text stands as it was written."""
        return line.step in self._mine

    def meant(self, row: str) -> str:
        """The cue that a row which begins with none may have been meant to begin with; empty where none is near."""
        for cue in self.all:
            if row.startswith(cue) or row.lower().startswith(cue.lower()) or row.lstrip().startswith(f"{cue} "):
                return cue
        heads = {row[: len(cue) + more].rstrip(): cue for more in (1, 0, -1, 2) for cue in self.all}
        words = row.split(" ", 1)[0]
        for head in (words, *heads):
            close = get_close_matches(head, self.all, n=1, cutoff=0.75) if head else []
            if close:
                return close[0]
        return ""

    def inside(self, text: str) -> tuple[int, str] | None:
        """A second cue within a row: where, and which."""
        found = [(at, cue) for cue in self.all if (at := text.find(f" {cue} ")) >= 0]
        return min(found, default=None)


def read_transcripts(spec: Spec, text: str) -> list[Transcript]:
    """The episodes in a text: steps by their cues, later lines indented by two blanks, ``---`` between episodes.

    A ``free`` step goes on to its closing delimiter. A row that begins with no cue is a line with a ``fault``.
    """
    cues = Cues(spec)
    found: list[Transcript] = []
    here: list[Line] = []

    def close() -> None:
        if here:
            found.append(Transcript(len(found) + 1, here.copy()))
            here.clear()

    for number, row in enumerate(text.split("\n"), start=1):
        last = here[-1] if here else None
        if (odd := _odd(row)) is not None:
            at, what = odd
            known = cues.announced(row)
            meant = known[2] if known is not None else ""
            here.append(Line(UNKNOWN, row, number, rows=(row,), fault=what, column=at + 1, meant=meant))
        elif last is not None and cues.is_open(last) and row != SEPARATOR:
            here[-1] = last.longer(row, row)
        elif (announced := cues.announced(row)) is not None:
            name, content, cue = announced
            here.append(Line(name, content, number, cue, (row,)))
        elif row.strip() == SEPARATOR:
            close()
        elif row.startswith(INDENT) and last is not None and not last.fault and cues.goes_on(last, row):
            here[-1] = last.longer(row if cues.is_mine(last) else row[len(INDENT) :], row)
        elif row.strip() and not row.startswith("#"):
            here.append(_stray(cues, number, row))
    close()
    return found


def _stray(cues: Cues, number: int, row: str) -> Line:
    meant = cues.meant(row)
    hint = f"; did you mean '{meant}'?" if meant else ""
    if "\0" in row:
        return Line(UNKNOWN, row, number, rows=(row,), fault="a NUL byte", column=row.index("\0") + 1, meant=meant)
    fault = f"no cue: a line begins with a cue ({', '.join(cues.all)}), with two blanks, or with #{hint}"
    return Line(UNKNOWN, row, number, rows=(row,), fault=fault, meant=meant)


def _odd(row: str) -> tuple[int, str] | None:
    """Where a row holds what is no text, and what."""
    if row.isascii():
        return None
    for at, char in enumerate(row):
        if 0xDC80 <= ord(char) <= 0xDCFF:
            return at, f"not UTF-8: the byte 0x{ord(char) - 0xDC00:02x}"
    return None


@dataclass(frozen=True)
class Text:
    """The text of a file, its lines ending with ``\\n``; ``windows``: they ended with ``\\r\\n``; ``mark``: a BOM led.

    Bytes that are not UTF-8 are lone surrogates (PEP 383); ``offsets`` are those of the first one in each line.
    """

    text: str
    windows: bool = False
    mark: bool = False
    offsets: Mapping[int, int] = field(default_factory=dict)


def read_file(path: Path) -> Text:
    """The text of a file of examples.

    Raises InvalidInput where it cannot be read at all, SyntaxProblem where it is too large or plainly no UTF-8 text.
    """
    most = limits.EXAMPLES_BYTES
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as problem:
        raise InvalidInput(f"{path}: {problem.strerror or problem}") from None
    except ValueError as problem:  # a NUL or a lone surrogate in the name
        raise InvalidInput(f"{str(path)!r}: {problem}") from None
    if len(data) > most:
        raise SyntaxProblem(f"the file is larger than {most} bytes", location=Location(str(path), 1, 1))
    note(path, data)
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise SyntaxProblem(
            "not UTF-8: byte 0 begins a text in UTF-16; save the file as UTF-8", location=Location(str(path), 1, 1)
        )
    mark = data.startswith(b"\xef\xbb\xbf")
    body = data[3:] if mark else data
    offsets: dict[int, int] = {}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode(errors="surrogateescape")
        offsets = dict(_foreign_bytes(body, 3 if mark else 0))
    return Text(text.replace("\r\n", "\n"), "\r\n" in text, mark, offsets)


def _foreign_bytes(body: bytes, before: int) -> Iterator[tuple[int, int]]:
    """The line of each byte that is no UTF-8, and its offset in the file; one a line."""
    for number, row in enumerate(body.split(b"\n"), start=1):
        try:
            row.decode()
        except UnicodeDecodeError as problem:
            yield number, before + problem.start
        before += len(row) + 1


def with_offsets(transcripts: list[Transcript], text: Text) -> list[Transcript]:
    """The transcripts, faults of the encoding with their offsets in the file."""
    if not text.offsets:
        return transcripts
    return [replace(one, lines=[_with_offset(line, text) for line in one.lines]) for one in transcripts]


def _with_offset(line: Line, text: Text) -> Line:
    if not line.fault.startswith("not UTF-8") or line.number not in text.offsets:
        return line
    return replace(line, fault=f"{line.fault} at offset {text.offsets[line.number]}; save the file as UTF-8")
