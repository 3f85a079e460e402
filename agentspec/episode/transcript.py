"""Transcripts: the text form of steps, each announced by its cue and ended by a border.

Most steps are one line. Later lines of a step of several lines, and of what tools and users say, are indented; a
``free`` step goes on to its closing delimiter. Reading is exact: the guard's position says which letters are possible,
and what matches none of them is an error, never skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import Constraint
from agentspec.content.json_text import parse_object
from agentspec.content.language import matches
from agentspec.errors import InvalidInput
from agentspec.spec.alphabet import BORDER, call_frame, framed
from agentspec.spec.model import Spec, Step
from agentspec.spec.step import INDENT


def show(spec: Spec, step: str, content: str) -> str:
    """The text of a step, border included.

    Later lines of what tools and users say are indented; the model's own text is shown as it was written.
    """
    declared = spec.steps[step]
    return f"{declared.cue} {content if declared.owner == Owner.MODEL else framed(content)}{BORDER}"


def printable(text: str) -> str:
    """The text with control characters made visible, so that no tool can drive a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def split_step(steps: Iterable[Step], text: bytes, *, final: bool = False) -> tuple[bytes, bytes] | None:
    """The first whole step of a text of the model's, and the rest; None while it may go on.

    The step is given as it stands in a transcript, without its border: in some styles the model writes it otherwise.
    ``steps`` are those that may stand here. ``final``: nothing more will come.
    """
    steps = list(steps)
    step = begun(steps, text)
    if not final and any(one.beginning.encode().startswith(text) for one in steps):
        return None
    if step is None:
        at = text.find(BORDER.encode())
        return None if at < 0 else (text[:at], text[at + 1 :])
    body = text[len(step.opening.encode()) :]
    end = _end(step, body, final=final)
    if end is None:
        return None
    return f"{step.cue} ".encode() + body[: end[0]], body[end[1] :]


def begun(steps: Iterable[Step], text: bytes) -> Step | None:
    """The step whose writing a text begins with; one written without a cue where it is no other's."""
    found = [one for one in steps if text.startswith(one.beginning.encode())]
    return max(found, key=lambda one: len(one.beginning), default=None)


def _end(step: Step, body: bytes, *, final: bool) -> tuple[int, int] | None:
    """Where the content of a step ends, and where its border does."""
    close = step.closing.encode()
    if step.tool == "call" and step.frame is not None:  # which ends what the model writes
        return (len(body) - len(close), len(body)) if final and body.endswith(close) else None
    if step.until:
        until = step.until.encode()
        at = body.find(until + close)
        return None if at < 0 else (at + len(until), at + len(until + close))
    at = body.find(close)
    if step.max_lines > 1:
        indented = f"{BORDER}{INDENT[0]}".encode()
        while at >= 0 and body.startswith(indented, at):
            at = body.find(close, at + 1)
        if at + 1 == len(body) and not final:
            return None
    if at < 0 and final and step.is_bare and body:
        return len(body), len(body)
    return None if at < 0 else (at, at + len(close))


def split_cue(spec: Spec, line: str) -> tuple[str, str] | None:
    """A step whose cue a line begins with, and its content, or None when it begins with no cue."""
    for name, step in spec.steps.items():
        if line.startswith(f"{step.cue} ") or line == step.cue:
            return name, line[len(step.cue) + 1 :]
    return None


def identify(
    compiled: Compiled, possible: Iterable[Letter], text: str, bound: dict[Letter, Constraint] | None = None
) -> tuple[Letter, str]:
    """The letter and content of a step the model wrote, among the letters possible now.

    ``bound`` holds the contents of letters that quote. Raises InvalidInput saying what is wrong with the text, and
    EngineFault where a function that decides the letter fails or is not at hand.
    """
    letters, content = readings(compiled, possible, text, bound)
    return _only(compiled, letters), content


def _only(compiled: Compiled, letters: tuple[Letter, ...]) -> Letter:
    if len(letters) > 1:
        raise compiled.alphabet.runtime.missing(letters[0].open)
    return letters[0]


def readings(
    compiled: Compiled, possible: Iterable[Letter], text: str, bound: dict[Letter, Constraint] | None = None
) -> tuple[tuple[Letter, ...], str]:
    """As `identify`, but all letters it may be where the functions of runtime predicates are not at hand."""
    spec = compiled.agent.spec
    possible = list(possible)
    contents = {**compiled.contents, **(bound or {})}
    announced = [a for a in possible if _content(step_of(spec.steps, a), text) is not None]
    for letter in announced:
        content = _content(step_of(spec.steps, letter), text)
        if letter.owner == Owner.MODEL and content is not None and matches(contents[letter], content):
            return decided(compiled, letter, possible, content), content
    if announced:
        step = step_of(spec.steps, announced[0])
        raise InvalidInput(f"not a valid content for '{step.name}': {text[len(step.cue) + 1 :][:80]!r}")
    found = split_cue(spec, text)
    if found is None:
        raise InvalidInput(f"begins with no cue: {text[:60]!r}")
    raise InvalidInput(f"the step '{found[0]}' may not come here")


def decided(compiled: Compiled, letter: Letter, possible: list[Letter], content: str) -> tuple[Letter, ...]:
    """The letters a content is, which one of a choice's letters has; no function is called where nothing is open."""
    if not letter.open:
        return (letter,)
    choice = [other for other in possible if other.choice == letter.choice]
    found = compiled.alphabet.of_choice(choice, meant(compiled.agent.spec, letter, content))
    if not found:
        raise InvalidInput(f"the guard does not allow what it turned out to be, {content[:80]!r}")
    return found


def meant(spec: Spec, letter: Letter, content: str) -> object:
    """What a function reads of a step the model wrote: the text as it was meant, or the decoded value where it is JSON.

    Of a call it is the arguments.
    """
    step = step_of(spec.steps, letter)
    prefix, suffix = call_frame(spec, letter)
    if letter.completes_call:
        return parse_object(content[len(prefix) : len(content) - len(suffix)])
    return json.loads(content) if step.kind == "json_schema" else said(step, content)


def _content(step: Step, text: str) -> str | None:
    lead = f"{step.cue} "
    return text[len(lead) :] if text.startswith(lead) else "" if text == step.cue else None


def said(step: Step, content: str) -> str:
    """The text of a model's step as it was meant: later lines not indented, no closing delimiter."""
    if step.until:
        return content.removesuffix(step.until)
    return content.replace(f"{BORDER}{INDENT}", BORDER) if step.max_lines > 1 else content


def lenient(
    compiled: Compiled, possible: Iterable[Letter], text: str, bound: dict[Letter, Constraint] | None = None
) -> tuple[Letter, str]:
    """As ``identify``, but blanks at the ends and any JSON that means the same are accepted, as is any long text.

    Used for runs without the guard, whose text nobody constrained. A quotation is to be one all the same.
    """
    spec = compiled.agent.spec
    possible = list(possible)
    contents = {**compiled.contents, **(bound or {})}
    found = split_cue(spec, text.strip())
    if found is None:
        raise InvalidInput(f"begins with no cue: {text.strip()[:60]!r}")
    content = found[1].strip()
    for letter in possible:
        step = step_of(spec.steps, letter)
        if step.name != found[0] or letter.owner != Owner.MODEL:
            continue
        if step.tool == "call":
            content = _as_called(step, content) or content
        elif step.tool == "arguments" or step.kind == "json_schema":
            separators = (",", ":") if step.schema is None else step.schema.bounds.separators
            content = _compact(content, separators) or content
        if matches(contents[letter], content):
            return _only(compiled, decided(compiled, letter, possible, content)), content
    text_steps = [a for a in possible if a.step == found[0] and spec.steps[found[0]].kind in ("text", "free")]
    if len({letter.choice for letter in text_steps}) == 1 and content:
        return _only(compiled, decided(compiled, text_steps[0], possible, content)), content
    return identify(compiled, possible, f"{spec.steps[found[0]].cue} {content}", bound)


def _as_called(step: Step, content: str) -> str | None:
    """A call in JSON that means the same as the form of the step."""
    try:
        value = json.loads(content)
        call = value[0] if isinstance(value, list) else value
        arguments = call.get("arguments", call.get("parameters"))
        written = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
        return f"{step.call[0]}{call['name']}{step.call[1]}{written}{step.call[2]}"
    except (ValueError, LookupError, AttributeError):
        return None


def _compact(content: str, separators: tuple[str, str]) -> str | None:
    try:
        return json.dumps(parse_object(content), ensure_ascii=False, separators=separators)
    except ValueError:
        return None
