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
from agentspec.content.json_schema import parse_object
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
    """The first whole step of a text of the model's, without its border, and the rest; None while it may go on.

    ``steps`` are those that may stand here. ``final``: nothing more will come.
    """
    step = next((one for one in steps if text.startswith(f"{one.cue} ".encode())), None)
    if step is not None and step.until:
        close = f"{step.until}{BORDER}".encode()
        at = text.find(close, len(step.cue.encode()) + 1)
        return None if at < 0 else (text[: at + len(close) - 1], text[at + len(close) :])
    at = text.find(BORDER.encode())
    if step is not None and step.max_lines > 1:
        indented = f"{BORDER}{INDENT[0]}".encode()
        while at >= 0 and text.startswith(indented, at):
            at = text.find(BORDER.encode(), at + 1)
        if at + 1 == len(text) and not final:
            return None
    return None if at < 0 else (text[:at], text[at + 1 :])


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
            return _decided(compiled, letter, possible, content), content
    if announced:
        step = step_of(spec.steps, announced[0])
        raise InvalidInput(f"not a valid content for '{step.name}': {text[len(step.cue) + 1 :][:80]!r}")
    found = split_cue(spec, text)
    if found is None:
        raise InvalidInput(f"begins with no cue: {text[:60]!r}")
    raise InvalidInput(f"the step '{found[0]}' may not come here")


def _decided(compiled: Compiled, letter: Letter, possible: list[Letter], content: str) -> tuple[Letter, ...]:
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


def lenient(compiled: Compiled, possible: Iterable[Letter], text: str) -> tuple[Letter, str]:
    """As ``identify``, but blanks at the ends and any JSON that means the same are accepted, as is any long text.

    Used for runs without the guard, whose text nobody constrained.
    """
    spec = compiled.agent.spec
    possible = list(possible)
    found = split_cue(spec, text.strip())
    if found is None:
        raise InvalidInput(f"begins with no cue: {text.strip()[:60]!r}")
    content = found[1].strip()
    for letter in possible:
        step = step_of(spec.steps, letter)
        if step.name != found[0] or letter.owner != Owner.MODEL:
            continue
        if step.tool in ("arguments", "call") or step.kind == "json_schema":
            content = _compact(content) or content
        if matches(compiled.contents[letter], content):
            return _only(compiled, _decided(compiled, letter, possible, content)), content
    text_steps = [a for a in possible if a.step == found[0] and spec.steps[found[0]].kind in ("text", "span", "free")]
    if len({letter.choice for letter in text_steps}) == 1 and content:
        return _only(compiled, _decided(compiled, text_steps[0], possible, content)), content
    return identify(compiled, possible, f"{spec.steps[found[0]].cue} {content}")


def _compact(content: str) -> str | None:
    try:
        return json.dumps(parse_object(content), ensure_ascii=False, separators=(",", ":"))
    except ValueError:
        return None
