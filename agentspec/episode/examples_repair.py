"""The shortest repair of a prompt example: the fewest steps put in, taken out or changed, to make it the guard's.

A shortest path (A*: Hart, Nilsson & Raphael, IEEE Trans. SSC 4(2), 1968) over places of the example and of the guard;
what is left takes at least the edits it would take if no text depended on others. Of repairs with equally many edits it
is one with the fewest characters changed: a changed step keeps most of its own text, a step of the model put in has a
short text (others say what stands for any text, and do not fail), one taken out counts with all of its own, each with
its cue. Where texts depend on what was written before (quotations, history rules) the text of each edit is chosen by
itself, and the repair is a shortest one among those with such texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Literal

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import step_of
from agentspec.content.nearest import distance
from agentspec.episode.examples_left import Left
from agentspec.episode.examples_read import Line
from agentspec.episode.examples_walk import Ground, Node, Taken
from agentspec.episode.history import has_failed
from agentspec.spec.alphabet import framed
from agentspec.spec.model import Step

Kind = Literal["insert", "delete", "change"]


@dataclass(frozen=True)
class Edit:
    """One edit of an example: before or at its line ``at`` (from 0), which stands at ``number`` as ``rows``.

    ``text`` is the step to write, of that ``content``.
    """

    kind: Kind
    at: int
    step: str = ""
    cue: str = ""
    content: str = ""
    text: str = ""
    number: int = 1
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = self.text.replace("\n", "⏎")
        shown = shown if len(shown) <= 100 else f"{shown[:100]}…"
        match self.kind:
            case "insert":
                return f"insert before line {self.number}: {shown}"
            case "delete":
                return f"delete line {self.number}: {self.rows[0][:100] if self.rows else self.step}"
        return f"change line {self.number} to: {shown}"

    def to_json(self) -> dict[str, Any]:
        """An entry of ``repair`` in ``validate-prompts --json``."""
        told: dict[str, Any] = {"edit": self.kind, "line": self.number}
        return told if self.kind == "delete" else {**told, "step": self.step, "text": self.text}


@dataclass(frozen=True)
class Repair:
    """The edits in order, and the guard's place behind each line of the example (before the first: at 0).

    ``lines`` are those of the repaired example, ``word`` what they are, ``inserted`` those of them that were put in.
    """

    edits: tuple[Edit, ...]
    behind: tuple[Node, ...]
    lines: tuple[Line, ...]
    word: tuple[Taken, ...]
    inserted: tuple[Line, ...] = ()


_Key = tuple[Any, ...]


@dataclass(frozen=True)
class _Way:
    """How a place is come to: from where, by which edit, as which line."""

    before: _Key | None
    node: Node
    at: int
    edit: Edit | None = None
    line: Line | None = None


def repaired(ground: Ground, lines: list[Line], *, limited: bool) -> Repair | None:
    """A shortest repair, without edits where there is nothing to repair; None past ``limits.REPAIR_PLACES``.

    ``limited``: within the limits on steps and calls too.
    """
    return _Search(ground, lines, limited).found()


class _Search:
    def __init__(self, ground: Ground, lines: list[Line], limited: bool) -> None:
        self.ground, self.lines, self.limited = ground, lines, limited
        self.ways: dict[_Key, _Way] = {}
        self.queue: list[tuple[int, int, int, int, int, int, _Way, Letter | None]] = []
        self.counter = 0
        self.closed: dict[_Key, list[tuple[int, Node]]] = {}
        self.left = Left(ground, lines, limited)

    def found(self) -> Repair | None:
        self._push(0, 0, 0, _Way(None, self.ground.start(), 0))
        while self.queue:
            _, size, odd, _, _, edits, way, letter = heappop(self.queue)
            if letter is not None:
                self._changed(edits, size - 1, odd, way, letter)
                continue
            key = self._key(way)
            if self._is_closed(key, edits, way.node):
                continue
            self.ways[key] = way
            if len(self.ways) > limits.REPAIR_PLACES:
                return None
            if way.at == len(self.lines) and self.ground.may_end(way.node):
                return self._repair(key)
            self._go_on(edits, size, odd, key, way)
        return None

    def _key(self, way: _Way) -> _Key:
        node = way.node
        place = (node.memory, way.at, node.state)
        return (*place, node.steps, node.calls) if self.limited else place

    def _is_closed(self, key: _Key, edits: int, node: Node) -> bool:
        """Whether what may follow was looked at before, or so much else at the same place after as many edits."""
        alike = self.closed.setdefault(key[1:], [])
        closed = any(self.ground.covers(other, node) for _, other in alike)
        if closed or sum(before == edits for before, _ in alike) >= limits.OUTCOMES:
            return True
        alike.append((edits, node))
        return False

    def _push(self, edits: int, size: int, odd: int, way: _Way) -> None:
        if self.limited and not self.ground.fits(way.node):
            return
        self.counter += 1
        least = edits + self.left(way.at, way.node.state, way.node.steps, way.node.calls)
        heappush(self.queue, (least, size, odd, -way.at, self.counter, edits, way, None))

    def _go_on(self, edits: int, size: int, odd: int, key: _Key, way: _Way) -> None:
        node, at = way.node, way.at
        line = self.lines[at] if at < len(self.lines) else None
        if line is not None:
            for letter, after in self.ground.read(node, line):
                if self.ground.is_kept(node, letter):
                    self._push(edits, size, odd + after.odd - node.odd, _Way(key, after, at + 1, None, line))
            for letter, _ in self._likely(node, line):
                if self.ground.is_kept(node, letter):
                    target = self.ground.kept(node.state)[letter]
                    self.counter += 1  # what the change costs is looked at when it is the cheapest that is left
                    left = self.left(at + 1, target, node.steps + 1, node.calls + letter.completes_call)
                    least = (edits + 1 + left, size + 1, odd, -at - 1, self.counter)
                    heappush(self.queue, (*least, edits + 1, _Way(key, node, at, None, line), letter))
            gone = Edit("delete", at, line.step, line.cue, number=line.number, rows=line.rows)
            self._push(edits + 1, size + len(line.text), odd, _Way(key, node, at + 1, gone))
        for letter in self.ground.kept(node.state):
            for rank, text in enumerate(self.ground.texts.fresh(letter, node.quotes)):
                landed = next((n for _, n in self.ground.taken(node, letter, text)), None)
                if landed is not None:
                    new = self._edit("insert", at, letter, text)
                    way_on = _Way(key, landed, at, new, _line(new))
                    written = len(text) if letter.owner == Owner.MODEL else rank + has_failed(letter)
                    more = len(new.cue) + 1 + written
                    self._push(edits + 1, size + more, odd + landed.odd - node.odd, way_on)
                    break

    def _likely(self, node: Node, line: Line) -> Iterator[tuple[Letter, str]]:
        """The letters that a line may be once it is changed."""
        if not line.fault:
            yield from self.ground.candidates(node, line)
            return
        for letter in self.ground.arena.moves[node.state]:
            cue = step_of(self.ground.steps, letter).cue
            if cue == line.meant:
                yield letter, line.content

    def _changed(self, edits: int, size: int, odd: int, way: _Way, letter: Letter) -> None:
        """A line changed into a text of the letter, now that its cost matters; ``way`` stands before it."""
        node, line, at = way.node, way.line, way.at
        assert line is not None
        step = step_of(self.ground.steps, letter)
        own = _own(line, step)
        found = self.ground.texts.nearest(letter, node.quotes, own)
        options = [] if found is None else [found]
        if found is not None and letter.owner != Owner.MODEL:
            options += [(text, distance(own, text)) for text in self.ground.texts.fresh(letter, node.quotes)]
        for text, far in options:
            after = next((n for _, n in self.ground.taken(node, letter, text)), None)
            if after is not None:
                edit = self._edit("change", at, letter, text)
                way_on = _Way(way.before, after, at + 1, edit, _line(edit))
                self._push(edits, size + max(far, 1), odd + after.odd - node.odd, way_on)
                return

    def _edit(self, kind: Kind, at: int, letter: Letter, text: str) -> Edit:
        step = step_of(self.ground.steps, letter)
        line = self.lines[at] if at < len(self.lines) else None
        last = self.lines[-1]
        number = line.number if line is not None else last.number + max(len(last.rows), 1)
        rows = line.rows if line is not None else ()
        written = f"{step.cue} {text if step.owner == Owner.MODEL else framed(text)}"
        return Edit(kind, at, step.name, step.cue, text, written, number, rows)

    def _repair(self, key: _Key) -> Repair:
        ways: list[_Way] = []
        link: _Key | None = key
        while link is not None:
            ways.append(self.ways[link])
            link = self.ways[link].before
        ways.reverse()
        behind: dict[int, Node] = {}
        for way in ways:
            behind.setdefault(way.at, way.node)
        edits = tuple(way.edit for way in ways if way.edit is not None)
        return Repair(
            edits,
            tuple(behind[at] for at in range(len(self.lines) + 1)),
            tuple(way.line for way in ways if way.line is not None),
            tuple(ways[-1].node.last.word()) if ways[-1].node.last is not None else (),
            tuple(way.line for way in ways if way.line and way.edit is not None and way.edit.kind == "insert"),
        )


def _line(edit: Edit) -> Line:
    return Line(edit.step, edit.content, edit.number, edit.cue, tuple(edit.text.split("\n")))


def _own(line: Line, step: Step) -> str:
    """What a line says, to be kept in a text of the step."""
    if not line.fault:
        return line.content_at(step) or ""
    text = "".join(char for char in line.content if char != "\0" and not 0xD800 <= ord(char) < 0xE000)
    if text.lower().startswith(step.cue.lower()):
        return text[len(step.cue) :].strip()
    words = text.split(" ", len(step.cue.split(" ")))
    return words[-1] if len(words) > len(step.cue.split(" ")) else ""
