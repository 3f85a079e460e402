"""How the model writes its steps: by cues and borders, or as a family of models writes calls.

Cues stay the names of steps: examples, traces and pages are transcripts of cue and content whatever the style. What a
style changes is what stands around the content in the text the model reads and writes. Forms as in the chat templates
of the families: Hermes and Qwen 2.5 and 3, Llama 3.1 to 3.3, Mistral of tokenizer version 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from agentspec.automata.letter import Owner
from agentspec.content.constraint import (
    ANY,
    And,
    Border,
    Characters,
    Choice,
    Constraint,
    Literal,
    Marker,
    Not,
    Sequence,
)
from agentspec.errors import SpecError
from agentspec.spec.model import RenderingModel, Step

CALL_ID = "000000000"
"""Mistral's calls have names of nine letters and digits, by which results answer them; one call waits at a time."""
_MARKER = re.compile(r"<[^<>\s]+>|\[/?[A-Z_]{3,}\]")
_ANYTHING = Characters(ANY, 0, None)


@dataclass(frozen=True)
class Style:
    """What stands around a call (``frame``), and around its tool's name and arguments (``call``)."""

    frame: tuple[str, str]
    call: tuple[str, str, str]


STYLES: Mapping[str, Style] = {
    "hermes": Style(("<tool_call>\n", "\n</tool_call>"), ('{"name": "', '", "arguments": ', "}")),
    "llama3": Style(("", ""), ('{"name": "', '", "parameters": ', "}")),
    "mistral": Style(("[TOOL_CALLS] ", ""), ('[{"name": "', '", "arguments": ', f', "id": "{CALL_ID}"}}]')),
}
"""The styles in which models call tools."""


def styled(steps: dict[str, Step], rendering: RenderingModel) -> dict[str, Step]:
    """The steps as the model writes them in a style. Raises SpecError where the style has no form for one."""
    style = STYLES.get(rendering.style)
    for name in rendering.bare:
        problem = _not_bare(steps, name, rendering.style, style)
        if problem is not None:
            raise SpecError(problem, location=steps[name].location if name in steps else None)
    if style is None:
        return steps
    return {name: _styled(step, rendering, style) for name, step in steps.items()}


def _styled(step: Step, rendering: RenderingModel, style: Style) -> Step:
    if step.hidden:
        raise SpecError(
            f"'{step.name}' is hidden: in the style {rendering.style} every turn is there to be read",
            location=step.location,
        )
    if step.owner != Owner.MODEL:
        return step
    if step.tool == "call":
        return replace(step, frame=style.frame, call=style.call)
    if step.tool is not None:
        raise SpecError(
            f"'{step.name}' is a part of a call; in the style {rendering.style} a call is one step: use 'tool: call'",
            location=step.location,
        )
    if step.until:
        return replace(step, frame=(f"{step.cue}\n", "\n\n"))
    return replace(step, frame=("", "\n")) if step.name in rendering.bare else step


def _not_bare(steps: Mapping[str, Step], name: str, chosen: str, style: Style | None) -> str | None:
    if style is None:
        return f"'bare' is for the styles {', '.join(STYLES)}, not for {chosen}"
    if name not in steps or steps[name].owner != Owner.MODEL:
        return f"'bare' names steps of the model, and '{name}' is none"
    step = steps[name]
    if step.tool is not None or step.until:
        return f"'{name}' has a form of its own in the style {chosen} and cannot be bare"
    return None


def markers(steps: Iterable[Step]) -> tuple[str, ...]:
    """The texts around contents that a tokenizer may have as one special token each."""
    found: list[str] = []
    for step in steps:
        if step.owner == Owner.MODEL and (step.frame is not None or step.until):
            found += _MARKER.findall(f"{step.opening}{step.until}{step.closing}")
    return tuple(dict.fromkeys(found))


def written_line(steps: Mapping[str, Step], step: Step, content: Constraint) -> Constraint:
    """The whole text of a step in the model's writing; a bare one begins and holds nothing that could be another's."""
    known = markers([step])
    parts: list[Constraint] = [*_pieces(step.opening, known)]
    if step.is_bare:
        return Sequence((And((content, *_others(steps))), Border(step.closing)))
    inner = without_end(content, step.until) if step.until in known else None
    if inner is None:
        parts.append(content)
    else:
        parts += [inner, Marker(step.until)]
    return Sequence((*parts, *_pieces(step.closing, known)))


def line_without(step: Step, line: Constraint, contents: Iterable[str]) -> Constraint:
    """The line of a step without some contents."""
    assert isinstance(line, Sequence)
    at = len(_pieces(step.opening, markers([step])))
    shut = step.until if at + 1 < len(line.parts) and line.parts[at + 1] == Marker(step.until) else ""
    kept = And((line.parts[at], *(Not(Literal(content.removesuffix(shut))) for content in contents)))
    return Sequence((*line.parts[:at], kept, *line.parts[at + 1 :]))


def _others(steps: Mapping[str, Step]) -> list[Constraint]:
    """What the text of a bare step is not."""
    others = [other for other in steps.values() if other.owner == Owner.MODEL and other.frame is not None]
    begun = [other.beginning for other in others if other.beginning]
    begun += [other.opening for other in steps.values() if other.owner == Owner.MODEL and other.frame is None]
    found: list[Constraint] = [Not(Sequence((Choice(tuple(map(Literal, begun))), _ANYTHING)))] if begun else []
    if inside := markers(others):
        found.append(Not(Sequence((_ANYTHING, Choice(tuple(map(Literal, inside))), _ANYTHING))))
    return found


def _pieces(text: str, known: tuple[str, ...]) -> list[Literal]:
    """A text as literals, its markers for themselves."""
    parts = re.split(f"({'|'.join(map(re.escape, known))})", text) if known else [text]
    return [Marker(part) if part in known else Literal(part) for part in parts if part]


def without_end(texts: Constraint, end: str) -> Constraint | None:
    """The texts that, with ``end`` behind them, are among ``texts``; None where that is not plainly to be seen."""
    match texts:
        case Literal(text=text):
            return Literal(text.removesuffix(end)) if text.endswith(end) else None
        case Sequence(parts=(*before, last)):
            inner = without_end(last, end)
            if inner is None:
                return None
            return Sequence((*before, inner)) if inner != Literal("") else Sequence(tuple(before))
        case And(parts=parts):
            found = [without_end(part, end) for part in parts]
            kept = tuple(part for part in found if part is not None)
            return And(kept) if len(kept) == len(parts) else None
        case Not(body=body):
            inner = without_end(body, end)
            return None if inner is None else Not(inner)
        case _:
            return None
