"""Transcripts: the text form of steps, one a line, each announced by its cue.

Reading is exact: a line is the step whose cue it begins with, and the guard's position says which letters are
possible; what matches none of them is an error, never skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import matches
from agentspec.content.json_schema import parse_object
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.spec.alphabet import framed
from agentspec.spec.model import Spec

SEPARATOR = "---"


@dataclass(frozen=True)
class Line:
    """One step as text: its name, its content, and the line of the file (from 1) it begins on."""

    step: str
    content: str
    number: int = 1


def show(spec: Spec, step: str, content: str) -> str:
    """The line of a step, border included; later lines of the content are indented so that none begins with a cue."""
    return f"{spec.steps[step].cue} {framed(content)}\n"


def split_cue(spec: Spec, line: str) -> tuple[str, str] | None:
    """The step a line begins, and its content, or None when it begins with no cue."""
    for name, step in spec.steps.items():
        if line.startswith(f"{step.cue} ") or line == step.cue:
            return name, line[len(step.cue) + 1 :]
    return None


def identify(compiled: Compiled, possible: Iterable[Letter], line: str) -> tuple[Letter, str]:
    """The letter and content of a line of the model's, among the letters possible now.

    Raises InvalidInput saying what is wrong with the line.
    """
    spec = compiled.agent.spec
    found = split_cue(spec, line)
    if found is None:
        raise InvalidInput(f"begins with no cue: {line[:60]!r}")
    name, content = found
    letters = [letter for letter in possible if letter.step == name]
    if not letters:
        allowed = sorted({str(letter.step) for letter in possible})
        raise InvalidInput(f"the step '{name}' may not come here; allowed: {', '.join(allowed) or 'the end'}")
    for letter in letters:
        if letter.owner == Owner.MODEL and matches(compiled.contents[letter], content):
            return letter, content
    raise InvalidInput(f"not a valid content for '{name}': {content[:80]!r}")


def lenient(compiled: Compiled, possible: Iterable[Letter], line: str) -> tuple[Letter, str]:
    """As ``identify``, but blanks at the ends and any JSON that means the same are accepted, as is any long text.

    Used for runs without the guard, whose text nobody constrained.
    """
    spec = compiled.agent.spec
    found = split_cue(spec, line.strip())
    if found is None:
        raise InvalidInput(f"begins with no cue: {line.strip()[:60]!r}")
    name, content = found[0], found[1].strip()
    step = spec.steps[name]
    possible = list(possible)
    for letter in possible:
        if letter.step != name or letter.owner != Owner.MODEL:
            continue
        if step.text is not None and content:
            return letter, content
        if step.tool == "arguments":
            try:
                content = json.dumps(parse_object(content), ensure_ascii=False, separators=(",", ":"))
            except ValueError:
                break
        if matches(compiled.contents[letter], content):
            return letter, content
    return identify(compiled, possible, f"{step.cue} {content}")


def read_lines(spec: Spec, text: str, source: str) -> list[list[Line]]:
    """The episodes in a text: step lines, continuation lines indented by two blanks, ``---`` between episodes.

    Raises SyntaxProblem with the line of what begins with no cue.
    """
    episodes: list[list[Line]] = [[]]
    for number, line in enumerate(text.split("\n"), start=1):
        found = split_cue(spec, line)
        if found is not None:
            episodes[-1].append(Line(*found, number))
        elif line.strip() == SEPARATOR:
            episodes.append([])
        elif line.startswith("  ") and episodes[-1] and line.strip():
            last = episodes[-1][-1]
            episodes[-1][-1] = Line(last.step, f"{last.content}\n{line[2:]}", last.number)
        elif line.strip() and not line.startswith("#"):
            cues = ", ".join(step.cue for step in spec.steps.values())
            raise SyntaxProblem(
                f"a line begins with a cue ({cues}), with two blanks, or with #",
                location=Location(source, number, 1),
                excerpt=line,
            )
    return [episode for episode in episodes if episode]


def read_examples(compiled: Compiled) -> list[list[Line]]:
    """The agent's prompt examples, each shown to be an episode of its own spec.

    An observation is taken to be ``ok`` if that is possible. Raises SyntaxProblem with line and reason.
    """
    agent = compiled.agent
    episodes = read_lines(agent.spec, agent.examples, agent.examples_source)
    for episode in episodes:
        _check(compiled, episode)
    return episodes


def _check(compiled: Compiled, episode: list[Line]) -> None:
    source = compiled.agent.examples_source
    state = compiled.arena.initial
    for line in episode:
        possible = compiled.arena.moves[state]
        try:
            if compiled.arena.owner[state] == Owner.MODEL:
                cue = compiled.agent.spec.steps[line.step].cue
                letter, _ = identify(compiled, possible, f"{cue} {line.content}")
            else:
                letter = next((a for a in possible if a.step == line.step), None) or _out_of_place(possible, line)
            state = possible[letter]
            if state not in compiled.solution.rank:
                raise InvalidInput("no rule-abiding ending is sure after this step")
        except InvalidInput as problem:
            raise SyntaxProblem(
                f"prompt example: {problem.message}", location=Location(source, line.number, 1)
            ) from None
    if state not in compiled.arena.accepting:
        raise SyntaxProblem(
            "prompt example: the episode does not end after this step",
            location=Location(source, episode[-1].number, 1),
        )


def _out_of_place(possible: Iterable[Letter], line: Line) -> Letter:
    allowed = ", ".join(sorted({str(letter.step) for letter in possible}))
    raise InvalidInput(f"the step '{line.step}' may not come here; allowed: {allowed or 'the end'}")
