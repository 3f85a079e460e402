"""Prompt examples: episodes as text, each held against its agent's behavior, rules, contents and tools.

A tool's outcome does not stand in a transcript: an observation is taken to be whatever outcome its text allows, and an
example is fine if some choice of outcomes makes it an episode the guard could have produced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentspec.automata.game import way_out
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled, step_of
from agentspec.checking.play import broken_by
from agentspec.content.constraint import Constraint
from agentspec.content.language import NOTHING, Language
from agentspec.episode.quotes import Quotes, hearings
from agentspec.episode.transcript import readings, split_cue
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.spec.model import Spec
from agentspec.spec.step import INDENT

SEPARATOR = "---"


@dataclass(frozen=True)
class Line:
    """One step as text: its name by its cue, its content, and the rows of the file it stands on, from ``number`` on."""

    step: str
    content: str
    number: int = 1
    cue: str = ""
    rows: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The step as it stands in the file."""
        return "\n".join(self.rows) or f"{self.cue} {self.content}"

    def longer(self, content: str, row: str) -> Line:
        """With one row more."""
        return replace(self, content=f"{self.content}\n{content}", rows=(*self.rows, row))


@dataclass(frozen=True)
class Finding:
    """What is wrong with an example: the example and step (from 1), where, why, and what would have been allowed."""

    example: int
    step: int
    location: Location
    text: str
    problem: str
    rules: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """Why, and by which rules."""
        return f"{self.problem} (rule {', '.join(self.rules)})" if self.rules else self.problem

    def __str__(self) -> str:
        told = SyntaxProblem(f"example {self.example}, step {self.step}: {self.message}", location=self.location)
        return f"{told}\n    allowed: {', '.join(self.allowed)}" if self.allowed else str(told)

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


@dataclass
class Transcript:
    """One episode as it stands in a text; ``fault`` where a line of it cannot be read."""

    number: int
    lines: list[Line]
    fault: Finding | None = None


def read_transcripts(spec: Spec, text: str, source: str) -> list[Transcript]:
    """The episodes in a text: steps by their cues, later lines indented by two blanks, ``---`` between episodes.

    A ``free`` step goes on to its closing delimiter. What begins with no cue is the fault of its episode.
    """
    found = [Transcript(1, [])]
    for number, row in enumerate(text.split("\n"), start=1):
        here = found[-1]
        last = here.lines[-1] if here.lines else None
        announced = split_cue(spec, row)
        if here.fault is not None and row.strip() != SEPARATOR:
            continue
        if last is not None and _open(spec, last):
            here.lines[-1] = last.longer(row, row)
        elif announced is not None:
            here.lines.append(Line(*announced, number, spec.steps[announced[0]].cue, (row,)))
        elif row.strip() == SEPARATOR:
            if here.lines or here.fault is not None:
                found.append(Transcript(here.number + 1, []))
        elif row.startswith(INDENT) and last is not None and (row.strip() or _several(spec, last)):
            mine = spec.steps[last.step].owner == Owner.MODEL  # whose text stands as it was written
            here.lines[-1] = last.longer(row if mine else row[len(INDENT) :], row)
        elif row.strip() and not row.startswith("#"):
            cues = ", ".join(dict.fromkeys(step.cue for step in spec.steps.values()))
            problem = f"a line begins with a cue ({cues}), with two blanks, or with #"
            here.fault = Finding(here.number, len(here.lines) + 1, Location(source, number, 1, row), row, problem)
    return [one for one in found if one.lines or one.fault is not None]


def _open(spec: Spec, line: Line) -> bool:
    """Whether a ``free`` region goes on."""
    ends = [step.until for step in spec.steps.values() if step.cue == line.cue and step.until]
    return bool(ends) and not any(line.content.endswith(until) for until in ends)


def _several(spec: Spec, line: Line) -> bool:
    """Whether a line of two blanks may be a part of the step."""
    return any(step.max_lines > 1 for step in spec.steps.values() if step.cue == line.cue)


def read_examples(compiled: Compiled) -> list[list[Line]]:
    """The agent's prompt examples, each an episode of its own spec. Raises SyntaxProblem at the first that is not."""
    found: list[list[Line]] = []
    for text, source in compiled.agent.example_files:
        transcripts = read_transcripts(compiled.agent.spec, text, source)
        for finding in findings(compiled, transcripts, source):
            allowed = f"; allowed: {', '.join(finding.allowed)}" if finding.allowed else ""
            raise SyntaxProblem(f"prompt example: {finding.message}{allowed}", location=finding.location)
        found += [one.lines for one in transcripts]
    return found


def findings(compiled: Compiled, transcripts: Iterable[Transcript], source: str) -> Iterator[Finding]:
    """The first fault of each transcript that is no episode of its spec."""
    for one in transcripts:
        finding = one.fault or _Reading(compiled, source, one.number).fault(one.lines)
        if finding is not None:
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
                    if letter in arena.kept(state, winning):
                        kept.setdefault(arena.moves[state][letter], (*word, letter))
                        continue
                    culprit = way_out(arena, self.compiled.solution, state, letter)
                    lost.setdefault(arena.moves[state][culprit], (*word, culprit))
            if lost and not kept:
                return self._broken(index, line, *next(iter(lost.items())))
            if not kept:
                if rules := self.quotes.broken_by(line.text):
                    what = f"'{line.step}' breaks a rule about what was written before"
                    return self._finding(index, line, what, rules, self._allowed(), self._column(line))
                return self._finding(index, line, problem, (), self._allowed(), self._column(line))
            said = next((word[-1] for word in kept.values() if "error" not in word[-1].true), None)
            if said is not None and said.owner != Owner.MODEL:
                self.quotes = self.quotes.after(said, line.content)
            elif said is not None:
                self.quotes = self.quotes.wrote(said, line.text[len(line.cue) + 1 :])
            self.words = kept
        if not any(state in arena.accepting for state in self.words):
            last = episode[-1]
            return self._finding(len(episode), last, "the episode may not end after this step", (), self._allowed())
        return None

    def _letters(self, state: int, line: Line) -> list[Letter]:
        """The letters a line can be at a state. Raises InvalidInput where it can be none."""
        compiled, possible = self.compiled, self.compiled.arena.moves[state]
        if compiled.arena.owner[state] == Owner.MODEL:
            return list(readings(compiled, possible, line.text, self.quotes.bound(possible))[0])
        here = [a for a in possible if step_of(compiled.agent.spec.steps, a).cue == line.cue]
        if not here:
            raise InvalidInput(f"the step '{line.step}' may not come here")
        outcomes = dict.fromkeys(frozenset(n for n in a.true if not self._read_off(n)) for a in here)
        found = [hearings(compiled, self.quotes, here, outcome, line.content, line.content) for outcome in outcomes]
        return [letter for some in found for letter, _ in some]

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
        fine = {str(a) for state in self.words for a in arena.kept(state, winning)}
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
                    best = max(best, _right(contents[letter], line.text[len(line.cue) + 1 :]))
        return best

    def _finding(
        self, index: int, line: Line, problem: str, rules: tuple[str, ...], allowed: tuple[str, ...], right: int = -1
    ) -> Finding:
        read = line.text[: max(right + len(line.cue) + 1, 0) if right >= 0 else 0].split("\n")
        row = line.text.split("\n")[len(read) - 1]
        column = min(len(read[-1]), len(row)) + 1
        location = Location(self.source, line.number + len(read) - 1, column, row)
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
