"""Prompt examples in a foreign style, read by a small file that says which of its cues is which step.

    version: 1
    steps:
      "Question:": question
      "Thought {n}:": thought
      "Observation {n}:": observation
    actions:
      "Action {n}:":
        "Search[{query}]": {tool: lookup}
        "Finish[{answer}]": {step: answer}

``{n}`` is a number. An action is read by the first of its patterns that fits: with ``tool`` it is a call, whose
arguments are the places in braces by their names; with ``step`` it is that step, its content the one place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.episode.examples_json import mended
from agentspec.episode.examples_read import SEPARATOR, Line, Transcript
from agentspec.errors import nearest
from agentspec.spec.yaml import YamlFile, read_text

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_CUE_LIKE = re.compile(r"[A-Za-z][\w ]{0,40}:")


@dataclass(frozen=True)
class Action:
    """How one form of an action is read: as a call of ``tool``, or as ``step``."""

    pattern: str
    form: re.Pattern[str]
    tool: str | None
    step: str | None


@dataclass(frozen=True)
class Mapping:
    """A foreign style: its cues with the step that each of them is, or with the actions that it announces."""

    cues: tuple[tuple[str, re.Pattern[str], str | tuple[Action, ...]], ...]

    def told(self) -> list[str]:
        """The cues, as they are written in the file."""
        return [cue for cue, _, _ in self.cues]


def read_mapping(compiled: Compiled, path: Path) -> Mapping:
    """The mapping of a file. Raises InvalidInput where it is none for the agent, with the place."""
    file = YamlFile(read_text(path), str(path))
    spec, root = compiled.agent.spec, file.root
    for key in root:
        if key not in ("version", "steps", "actions"):
            raise file.fault(f"unknown key '{key}'{nearest(key, ['version', 'steps', 'actions'])}", (key,), key=True)
    if root.get("version") != 1:
        raise file.fault("'version: 1' is missing", ("version",))
    cues: list[tuple[str, re.Pattern[str], str | tuple[Action, ...]]] = []
    for key in ("steps", "actions"):
        section = root.get(key, {})
        if not isinstance(section, dict) or len(section) > limits.MAPPING_PATTERNS:
            raise file.fault(f"'{key}' is a mapping of at most {limits.MAPPING_PATTERNS} cues", (key,))
        for cue, value in section.items():
            where = (key, cue)
            if not cue.strip() or not cue.isprintable():
                raise file.fault("a cue is printable text", where, key=True)
            if key == "steps":
                if value not in spec.steps:
                    raise file.fault(f"the agent has no step '{value}'{nearest(str(value), [*spec.steps])}", where)
                cues.append((cue, _cue(cue), str(value)))
            else:
                cues.append((cue, _cue(cue), tuple(_actions(compiled, file, where, value))))
    if not cues:
        raise file.fault("'steps' names no cue", ("steps",))
    return Mapping(tuple(sorted(cues, key=lambda one: -len(one[0]))))


def _cue(cue: str) -> re.Pattern[str]:
    return re.compile(r"\d{1,9}".join(map(re.escape, cue.split("{n}"))))


def _actions(compiled: Compiled, file: YamlFile, where: tuple[Any, ...], section: Any) -> Iterator[Action]:
    if not isinstance(section, dict) or not 0 < len(section) <= limits.MAPPING_PATTERNS:
        raise file.fault('an action\'s cue has patterns, such as "Search[{query}]": {tool: lookup}', where)
    for pattern, value in section.items():
        here = (*where, pattern)
        places = _PLACE.findall(pattern)
        if len(places) > 8 or len(set(places)) < len(places):
            raise file.fault("a pattern has at most 8 places, each of another name", here, key=True)
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in ("tool", "step"):
            raise file.fault("a pattern is read as {tool: NAME} or as {step: NAME}", here)
        kind, name = next(iter(value.items()))
        known = [*compiled.schemas] if kind == "tool" else [*compiled.agent.spec.steps]
        if name not in known:
            raise file.fault(f"the agent has no {kind} '{name}'{nearest(str(name), known)}", (*here, kind))
        if kind == "step" and len(places) != 1:
            raise file.fault("a pattern that is a step has one place: what the step holds", here, key=True)
        if kind == "tool":
            _check_places(compiled, file, here, name, places)
        yield Action(pattern, _form(pattern), name if kind == "tool" else None, name if kind == "step" else None)


def _check_places(compiled: Compiled, file: YamlFile, here: tuple[Any, ...], tool: str, places: list[str]) -> None:
    known = [*compiled.schemas[tool].parameters.get("properties", {})]
    for place in places:
        if place not in known:
            raise file.fault(f"the tool '{tool}' has no argument '{place}'{nearest(place, known)}", here, key=True)


def _form(pattern: str) -> re.Pattern[str]:
    parts = _PLACE.split(pattern)
    made = "".join(re.escape(part) if i % 2 == 0 else f"(?P<{part}>.*)" for i, part in enumerate(parts))
    return re.compile(made, re.DOTALL)


@dataclass
class _Row:
    """A step of the foreign style as it stands in the file."""

    number: int
    row: str
    start: int
    text: str
    meaning: str | tuple[Action, ...]
    verbatim: bool = True


class Foreign:
    """Reads the examples of one agent in a foreign style."""

    def __init__(self, compiled: Compiled, mapping: Mapping) -> None:
        self.compiled, self.mapping, self.spec = compiled, mapping, compiled.agent.spec
        arena = compiled.arena
        first = {str(letter.step) for letter in arena.moves[arena.initial]}
        self._first = first if self.spec.semantics == "finite" else set()

    def read(self, text: str) -> list[Transcript]:
        """The examples: parted by ``---``, and by each step with which an episode begins."""
        found: list[Transcript] = []
        here: list[_Row | Line] = []

        def close() -> None:
            if here:
                lines = [line for one in here for line in (self._lines(one) if isinstance(one, _Row) else [one])]
                found.append(Transcript(len(found) + 1, lines))
                here.clear()

        for number, row in enumerate(text.split("\n"), start=1):
            if row.strip() == SEPARATOR:
                close()
                continue
            announced = self._announced(number, row)
            if announced is not None:
                if announced.meaning in self._first:
                    close()
                here.append(announced)
            elif row.strip() and not (row.startswith("#") and not here):
                meant = self._meant(row)
                last = here[-1] if here else None
                if meant or not isinstance(last, _Row):
                    hint = f"; did you mean '{meant}'?" if meant else f" ({', '.join(self.mapping.told())})"
                    fault = f"no cue of the mapping{hint}"
                    here.append(Line("", row, number, rows=(row,), fault=fault))
                else:
                    last.text += f"\n{row}"
        close()
        return found

    def _announced(self, number: int, row: str) -> _Row | None:
        for _, form, meaning in self.mapping.cues:
            begun = form.match(row)
            if begun is not None:
                rest = row[begun.end() :]
                content = rest.lstrip(" ")
                start = begun.end() + len(rest) - len(content) + 1
                return _Row(number, row, start, content.rstrip(), meaning)
        return None

    def _meant(self, row: str) -> str:
        """The cue that a row may have been meant to begin with."""
        found = _CUE_LIKE.match(row)
        if found is None:
            return ""
        head = re.sub(r"\d+", "{n}", found[0])
        close = get_close_matches(head, self.mapping.told(), n=1, cutoff=0.75)
        return close[0] if close else ""

    def _lines(self, one: _Row) -> Iterator[Line]:
        if isinstance(one.meaning, str):
            yield self._line(one, one.meaning, one.text)
            return
        for action in one.meaning:
            found = action.form.fullmatch(one.text)
            if found is not None:
                break
        else:
            patterns = [action.pattern for action in one.meaning]
            fault = f"no action of the mapping reads {one.text[:60]!r}{nearest(one.text, patterns)}"
            yield Line("", one.text, one.number, rows=(one.row,), fault=fault, column=one.start)
            return
        if action.step is not None:
            (place,) = found.groupdict()
            yield self._line(one, action.step, found[place], found.start(place))
            return
        yield from self._call(one, str(action.tool), found.groupdict())

    def _line(self, one: _Row, step: str, content: str, inside: int = 0) -> Line:
        if self.spec.steps[step].owner == Owner.MODEL and self.spec.steps[step].max_lines > 1:
            content = content.replace("\n", "\n  ")
        cue = self.spec.steps[step].cue
        verbatim = "\n" not in content
        return Line(step, content, one.number, cue, (one.row,), (step,), one.start + inside, verbatim)

    def _call(self, one: _Row, tool: str, values: dict[str, str]) -> Iterator[Line]:
        schema = self.compiled.schemas[tool].parameters
        shapes = schema.get("properties", {})
        value = {name: _typed(text, shapes.get(name, {})) for name, text in values.items()}
        raw = json.dumps(value, ensure_ascii=False)
        written = next(mended(raw, schema, (",", ":"), ("", "")), raw)
        mine = [step for step in self.spec.steps.values() if step.owner == Owner.MODEL]
        whole = next((step for step in mine if step.tool == "call"), None)
        apart = [step for kind in ("name", "arguments") for step in mine if step.tool == kind]
        if len(apart) >= 2:
            for step, content in zip(apart, (tool, written), strict=False):
                yield Line(step.name, content, one.number, step.cue, (one.row,), (step.name,), one.start, False)
        elif whole is not None:
            content = f"{whole.call[0]}{tool}{whole.call[1]}{written}{whole.call[2]}"
            yield Line(whole.name, content, one.number, whole.cue, (one.row,), (whole.name,), one.start, False)
        else:
            yield Line("", one.text, one.number, rows=(one.row,), fault="the agent has no step that calls a tool")


def _typed(text: str, shape: Any) -> Any:
    """The value of an argument: as JSON where the tool does not ask for a string."""
    if isinstance(shape, dict) and shape.get("type", "string") != "string":
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
