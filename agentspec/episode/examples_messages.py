"""Prompt examples from logs of messages: conversations as lines that may be any step that says such a thing.

The text of an assistant may be a transcript of its own steps with their cues; else it is whatever step of the model
fits. A call is the step or the two steps that call; its arguments are written as the grammar writes them, if they are
JSON at all. Conversations are written back in the same form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.json_text import compact
from agentspec.episode.examples_finding import Finding
from agentspec.episode.examples_json import mended
from agentspec.episode.examples_read import Cues, Line, Transcript, read_transcripts
from agentspec.episode.replay_messages import Messages, Move, Unreadable
from agentspec.episode.replay_read import Recorded, read_traces
from agentspec.episode.transcript import said
from agentspec.errors import Location
from agentspec.spec.alphabet import call_frame
from agentspec.spec.model import Spec

SUFFIXES = (".json", ".jsonl", ".ndjson")
"""How the names of logs of messages end."""
_PROMPT = ("system", "developer")
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_log(compiled: Compiled, path: Path) -> tuple[list[Transcript], list[Finding]]:
    """The conversations of a log as examples, and what is wrong with the log itself."""
    source = str(path)
    try:
        large = path.stat().st_size > limits.EXAMPLES_BYTES
    except OSError:
        large = False
    if large:
        where = Location(source, 1, 1)
        return [], [Finding(0, 0, where, "", f"the file is larger than {limits.EXAMPLES_BYTES} bytes", kind="file")]
    found: list[Transcript] = []
    faults: list[Finding] = []
    for number, recorded in enumerate(read_traces(path), start=1):
        lines, problems = _conversation(compiled, recorded, number)
        faults += problems
        if lines and recorded.problem is None:
            found.append(Transcript(number, lines))
    return found, faults


def _conversation(compiled: Compiled, recorded: Recorded, number: int) -> tuple[list[Line], list[Finding]]:
    def fault(line: int, what: str, *, warning: bool = False, column: int = 1) -> Finding:
        return Finding(number, 0, Location(recorded.file, line, column), "", what, kind="file", warning=warning)

    if recorded.problem is not None:
        return [], [fault(recorded.problem.line, recorded.problem.message, column=recorded.problem.column)]
    if recorded.kind == "journal":
        return [], [fault(recorded.line, "a journal is no log of messages: use 'agentspec replay'")]
    messages = Messages()
    try:
        messages.read(recorded.items)
    except Unreadable as problem:
        return [], [fault(recorded.places.line(problem.index), f"message {problem.index + 1}: {problem}")]
    told = [
        fault(recorded.places.line(at), f"message {at + 1}: {what}", warning="answers no call" not in what)
        for at, what in messages.notes
    ]
    made = _Lines(compiled)
    lines = [line for move in messages.moves for line in made.of(move, recorded.places.line(move.at))]
    torn = next((line for line in lines if _SURROGATE.search(line.content)), None)
    if torn is not None:
        return [], [*told, fault(torn.number, "a lone surrogate is no character")]
    return lines, told


class _Lines:
    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.spec = compiled, compiled.agent.spec
        self._cues = Cues(self.spec)

    def _steps(self, owner: Owner, tool: str | None = None) -> tuple[str, ...]:
        return tuple(n for n, step in self.spec.steps.items() if step.owner == owner and step.tool == tool)

    def of(self, move: Move, number: int) -> Iterator[Line]:
        """The lines that one move is."""
        if move.kind == "user":
            yield self._line(self._steps(Owner.USER), move.text, number, move.kind)
        elif move.kind == "result":
            yield self._line(self._steps(Owner.TOOL), move.text, number, move.kind)
        elif move.kind == "call":
            yield from self._call(move, number)
        elif self._cues.announced(move.text.split("\n", 1)[0]) is not None:
            for one in read_transcripts(self.spec, move.text):
                for line in one.lines:
                    yield self._with_cue(line, number)
        else:
            steps = self._steps(Owner.MODEL)
            several = any(self.spec.steps[name].max_lines > 1 for name in steps)
            yield self._line(steps, move.text.replace("\n", "\n  ") if several else move.text, number, move.kind)

    def _line(self, steps: tuple[str, ...], content: str, number: int, kind: str) -> Line:
        if not steps:
            fault = f"the agent has no step for what a log calls {'an' if kind == 'assistant' else 'a'} {kind}"
            return Line("", content, number, f"{kind}:", fault=fault)
        return Line(steps[0] if len(steps) == 1 else "", content, number, f"{kind}:", (), steps, 1, False)

    def _with_cue(self, line: Line, number: int) -> Line:
        if line.fault:
            return Line("", line.content, number, "assistant:", fault=line.fault, meant=line.meant)
        step = self.spec.steps[line.step]
        alike = tuple(name for name, other in self.spec.steps.items() if other.cue == step.cue)
        return Line(line.step, line.content_at(step) or "", number, line.cue, (), alike, 1, False)

    def _call(self, move: Move, number: int) -> Iterator[Line]:
        names, arguments = self._steps(Owner.MODEL, "name"), self._steps(Owner.MODEL, "arguments")
        whole = self._steps(Owner.MODEL, "call")
        written = self._arguments(str(move.tool), move.arguments)
        if names and arguments:
            yield self._line(names, str(move.tool), number, "call")
            yield self._line(arguments, written, number, "call")
            return
        step = self.spec.steps[whole[0]] if whole else None
        content = f"{step.call[0]}{move.tool}{step.call[1]}{written}{step.call[2]}" if step is not None else written
        yield self._line(whole, content, number, "call")

    def _arguments(self, tool: str, logged: Any) -> str:
        """The arguments as the grammar writes them; what is no JSON as it is."""
        text = logged if isinstance(logged, str) else _compact({} if logged is None else logged)
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return text
        schema = self.compiled.schemas.get(tool)
        shape = None if schema is None else schema.parameters
        return next(mended(text, shape, (",", ":"), ("", "")), text)


def _compact(value: Any) -> str:
    try:
        return compact(value)
    except (ValueError, TypeError, RecursionError):
        return repr(value)


# Written back ---------------------------------------------------------------------------------------------------


def as_messages(spec: Spec, steps: Sequence[tuple[Letter, str]], *, cues: bool) -> list[dict[str, Any]]:
    """An episode as messages. ``cues``: the model's texts with the cues of their steps."""
    found: list[dict[str, Any]] = []
    calls = 0
    for letter, content in steps:
        step = step_of(spec.steps, letter)
        if letter.owner == Owner.USER:
            found.append({"role": "user", "content": content})
        elif letter.owner == Owner.TOOL:
            named = {"tool_call_id": f"call_{calls}"} if letter.tool is not None else {}
            found.append({"role": "tool", **named, "content": content})
        elif letter.completes_call:
            calls += 1
            prefix, suffix = call_frame(spec, letter)
            inner = content[len(prefix) : len(content) - len(suffix)]
            call = {"name": letter.tool, "arguments": inner}
            called = {"tool_calls": [{"id": f"call_{calls}", "type": "function", "function": call}]}
            if found and found[-1]["role"] == "assistant" and "tool_calls" not in found[-1]:
                found[-1] |= called
            else:
                found.append({"role": "assistant", "content": None, **called})
        elif step.tool is None:
            text = f"{step.cue} {content}" if cues else said(step, content)
            found.append({"role": "assistant", "content": text})
    return found


def rewritten(path: Path, conversations: dict[int, list[dict[str, Any]]]) -> str:
    """The text of a log with some of its conversations, counted from 1, replaced; their prompts are kept."""
    text = path.read_bytes().decode("utf-8-sig")
    counted = 0

    def replaced(messages: list[Any]) -> list[Any]:
        nonlocal counted
        counted += 1
        if counted not in conversations:
            return messages
        head = [one for one in messages if isinstance(one, dict) and one.get("role") in _PROMPT]
        return [*head, *conversations[counted]]

    def changed(value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("messages"), list):
            return {**value, "messages": replaced(value["messages"])}
        if isinstance(value, list) and any(isinstance(one, list) or _holds_messages(one) for one in value):
            return [changed(one) for one in value]
        return replaced(value) if isinstance(value, list) else value

    try:
        value = json.loads(text)
    except ValueError:  # one value a line
        pass
    else:
        return json.dumps(changed(value), ensure_ascii=False, indent=2) + "\n"
    rows: list[str] = []
    values: list[Any] = []
    for row in filter(str.strip, text.split("\n")):
        try:
            values.append(json.loads(row))
        except (ValueError, RecursionError):
            counted += 1
            rows.append(row)
            continue
        if isinstance(values[-1], dict) and "role" in values[-1]:
            continue
        rows.append(json.dumps(changed(values.pop()), ensure_ascii=False))
    alone = replaced(values) if values else []  # of a log that has one message a line
    return "".join(f"{row}\n" for row in [*rows, *(json.dumps(one, ensure_ascii=False) for one in alone)])


def _holds_messages(value: Any) -> bool:
    return isinstance(value, dict) and "messages" in value


def uses_cues(spec: Spec, lines: Sequence[Line]) -> bool:
    """Whether the assistant of a log wrote the cues of its steps."""
    return any(line.cue in {step.cue for step in spec.steps.values()} for line in lines)
