"""Prompt examples: episodes as text, each held against its agent's behavior, rules, contents and tools.

A tool's outcome does not stand in a transcript: an observation is taken to be whatever outcome its text allows, and an
example is fine if some choice of outcomes makes it an episode the guard could have produced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled, step_of
from agentspec.checking.play import broken_by
from agentspec.content.constraint import Constraint
from agentspec.content.language import NOTHING, Language
from agentspec.episode.quotes import Quotes, heard
from agentspec.episode.transcript import identify, split_cue
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.spec.model import Spec
from agentspec.spec.step import INDENT

SEPARATOR = "---"


@dataclass(frozen=True)
class Line:
    """One step as text: its name by its cue, its content, and the line of the file (from 1) it begins on."""

    step: str
    content: str
    number: int = 1
    cue: str = ""

    @property
    def text(self) -> str:
        """Cue and content."""
        return f"{self.cue} {self.content}"


@dataclass(frozen=True)
class Finding:
    """What is wrong with an example: the example and step (from 1), where, why, and what would have been allowed."""

    example: int
    step: int
    location: Location
    text: str
    problem: str
    rules: tuple[str, ...]
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        rules = f" (rule {', '.join(self.rules)})" if self.rules else ""
        allowed = f"\n    allowed: {', '.join(self.allowed)}" if self.allowed else ""
        shown = f"\n    {self.text[:120]}" if self.text else ""
        return f"{self.location}: example {self.example}, step {self.step}: {self.problem}{rules}{shown}{allowed}"

    def to_json(self) -> dict[str, Any]:
        """One entry of ``validate-prompts --json``."""
        return {
            "example": self.example,
            "step": self.step,
            "file": self.location.source,
            "line": self.location.line,
            "column": self.location.column,
            "text": self.text,
            "problem": self.problem,
            "rules": list(self.rules),
            "allowed": list(self.allowed),
        }


def read_lines(spec: Spec, text: str, source: str) -> list[list[Line]]:
    """The episodes in a text: steps by their cues, later lines indented by two blanks, ``---`` between episodes.

    A ``free`` step goes on to its closing delimiter. Raises SyntaxProblem with the line of what begins with no cue.
    """
    episodes: list[list[Line]] = [[]]
    for number, line in enumerate(text.split("\n"), start=1):
        last = episodes[-1][-1] if episodes[-1] else None
        found = split_cue(spec, line)
        if last is not None and _open(spec, last):
            episodes[-1][-1] = Line(last.step, f"{last.content}\n{line}", last.number, last.cue)
        elif found is not None:
            episodes[-1].append(Line(*found, number, spec.steps[found[0]].cue))
        elif line.strip() == SEPARATOR:
            episodes.append([])
        elif line.startswith(INDENT) and last is not None and line.strip():
            mine = spec.steps[last.step].owner == Owner.MODEL
            more = line if mine else line[len(INDENT) :]
            episodes[-1][-1] = Line(last.step, f"{last.content}\n{more}", last.number, last.cue)
        elif line.strip() and not line.startswith("#"):
            cues = ", ".join(dict.fromkeys(step.cue for step in spec.steps.values()))
            raise SyntaxProblem(
                f"a line begins with a cue ({cues}), with two blanks, or with #",
                location=Location(source, number, 1),
                excerpt=line,
            )
    return [episode for episode in episodes if episode]


def _open(spec: Spec, line: Line) -> bool:
    until = spec.steps[line.step].until
    return bool(until) and not line.content.endswith(until)


def read_examples(compiled: Compiled) -> list[list[Line]]:
    """The agent's prompt examples, each shown to be an episode of its own spec. Raises SyntaxProblem at the first
    that is not."""
    agent = compiled.agent
    episodes = read_lines(agent.spec, agent.examples, agent.examples_source)
    for finding in findings(compiled, episodes, agent.examples_source):
        rules = f" (rule {', '.join(finding.rules)})" if finding.rules else ""
        allowed = f"; allowed: {', '.join(finding.allowed)}" if finding.allowed else ""
        raise SyntaxProblem(
            f"prompt example: {finding.problem}{rules}{allowed}", location=finding.location, excerpt=finding.text
        )
    return episodes


def findings(compiled: Compiled, episodes: Iterable[list[Line]], source: str) -> Iterator[Finding]:
    """The first fault of each example that is no episode of its spec."""
    for i, episode in enumerate(episodes, start=1):
        if (finding := _Reading(compiled, source, i).fault(episode)) is not None:
            yield finding


class _Reading:
    """One example read along all the words it may stand for."""

    def __init__(self, compiled: Compiled, source: str, number: int) -> None:
        self.compiled, self.source, self.number = compiled, source, number
        self.words: dict[int, tuple[Letter, ...]] = {compiled.arena.initial: ()}
        self.quotes = Quotes(compiled)

    def fault(self, episode: list[Line]) -> Finding | None:
        arena, winning = self.compiled.arena, self.compiled.solution.rank
        for index, line in enumerate(episode, start=1):
            kept: dict[int, tuple[Letter, ...]] = {}
            lost: dict[int, tuple[Letter, ...]] = {}
            problem = ""
            for state, word in self.words.items():
                try:
                    letters = self._letters(state, line)
                except InvalidInput as fault:
                    problem = problem or fault.message
                    continue
                for letter in letters:
                    target = arena.moves[state][letter]
                    (kept if target in winning else lost).setdefault(target, (*word, letter))
            if lost and not kept:
                return self._broken(index, line, *next(iter(lost.items())))
            if not kept:
                return self._finding(index, line, problem, (), self._allowed(), self._column(line))
            said = next((word[-1] for word in kept.values() if "error" not in word[-1].true), None)
            if said is not None and said.owner != Owner.MODEL:
                self.quotes = self.quotes.after(said, line.content)
            self.words = kept
        if not any(state in arena.accepting for state in self.words):
            last = episode[-1]
            return self._finding(len(episode), last, "the episode may not end after this step", (), self._allowed())
        return None

    def _letters(self, state: int, line: Line) -> list[Letter]:
        """The letters a line can be at a state. Raises InvalidInput where it can be none."""
        compiled, possible = self.compiled, self.compiled.arena.moves[state]
        if compiled.arena.owner[state] == Owner.MODEL:
            return [identify(compiled, possible, line.text, self.quotes.bound(possible))[0]]
        here = [a for a in possible if step_of(compiled.agent.spec.steps, a).cue == line.cue]
        outcomes = dict.fromkeys(frozenset(n for n in a.true if not self._read_off(n)) for a in here)
        found = [heard(compiled, self.quotes, here, outcome, line.content, line.content) for outcome in outcomes]
        if not here:
            raise InvalidInput(f"the step '{line.step}' may not come here")
        return [one[0] for one in found if one is not None]

    def _read_off(self, name: str) -> bool:
        """Whether a proposition is read off the text."""
        return name.startswith("empty(") or any(p.name == name for p in self.compiled.agent.spec.propositions)

    def _broken(self, index: int, line: Line, target: int, word: tuple[Letter, ...]) -> Finding:
        monitors = [(rule.id, self.compiled.monitors[rule.id]) for rule in self.compiled.blocking]
        rules = tuple(broken_by(monitors, word))
        problem = f"'{line.step}' breaks a rule here" if rules else "no rule-abiding ending is sure after this step"
        if target != VIOLATED and not rules:
            problem += f": {self.compiled.play(target)}"
        return self._finding(index, line, problem, rules, self._allowed())

    def _allowed(self) -> tuple[str, ...]:
        arena, winning = self.compiled.arena, self.compiled.solution.rank
        fine = {str(a) for state in self.words for a, t in arena.moves[state].items() if t in winning}
        end = {"the end"} if any(state in arena.accepting for state in self.words) else set()
        return tuple(sorted(fine | end))

    def _column(self, line: Line) -> int:
        """How many characters of the line's content are right, where a step with its cue may come here at all."""
        best = -1
        for state in self.words:
            possible = self.compiled.arena.moves[state]
            contents = {**self.compiled.contents, **self.quotes.bound(possible)}
            for letter in possible:
                if letter in contents and step_of(self.compiled.agent.spec.steps, letter).cue == line.cue:
                    best = max(best, _right(contents[letter], line.content))
        return best

    def _finding(
        self, index: int, line: Line, problem: str, rules: tuple[str, ...], allowed: tuple[str, ...], right: int = -1
    ) -> Finding:
        read = line.content[: max(right, 0)].split("\n")
        column = len(read[-1]) + 1 + (len(line.cue) + 1 if len(read) == 1 and right >= 0 else 0)
        location = Location(self.source, line.number + len(read) - 1, column)
        return Finding(self.number, index, location, line.text, problem, rules, allowed)


def _right(content: Constraint, text: str) -> int:
    """How many characters of a text begin some text of the content."""
    language = Language(content)
    state = language.start
    for i, character in enumerate(text):
        state = language.step(state, character)
        if state == NOTHING:
            return i
    return len(text)
