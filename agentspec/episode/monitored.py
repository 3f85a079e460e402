"""The same episode under a monitor that denies afterwards, as guardrail libraries do, to compare the guard with.

The model writes freely. Each whole step is checked; one that is no possible step, or breaks a rule, is taken out of the
text again, and a line says what was denied and what is allowed. So is an end where none is allowed. What is taken back
stays spent. After `DENIALS` of them the next one ends the run, as without the guard.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import step_of
from agentspec.checking.play import broken_by
from agentspec.decoding.ahead import Ahead
from agentspec.episode.chat import is_native
from agentspec.episode.episode import _Ended
from agentspec.episode.render import chat
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import lenient
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.errors import InvalidInput

DENIALS = 3
"""Steps of one episode that are denied; the next one that would be ends it."""

SHOWN = 80
"""Characters of a denied step that the model is told."""


class Denied(Exception):
    """A step that is not to stay in the text."""

    def __init__(self, record: StepRecord, told: str) -> None:
        super().__init__(told)
        self.record = record
        self.told = told


@dataclass
class MonitoredEpisode(UnguardedEpisode):
    """Statuses as of an unguarded one. A denied step has a record without a letter, its ``detail`` says why."""

    denials: int = 0

    def _write_freely(self, source: Ahead) -> Generator[StepRecord | str, None, bool]:
        while True:
            try:
                ended = yield from super()._write_freely(source)
                if not ended or self._state in self.compiled.arena.accepting or self.denials == DENIALS:
                    return ended
                self._border = (source.length, b"" if self._tail.endswith(b"\n") or is_native(self.compiled) else b"\n")
                raise self._denial("", "the end", "the episode may not end here")
            except Denied as denied:
                length, kept = self._border
                source.rollback(source.length - length)
                source.append([*self.engine.spell(kept), *self._said(denied.told)])
                yield from self._told(denied.record)

    def _read(self, line: bytes, tokens: int, seconds: float, logprob: float) -> tuple[StepRecord, _Ended | None]:
        shown = line.decode(errors="replace").strip()
        objection = None if self.denials == DENIALS else self._objection(shown)
        if objection is None:
            return super()._read(line, tokens, seconds, logprob)
        first = shown.splitlines()[0][:SHOWN]
        raise self._denial(shown, repr(first), objection, tokens, seconds)

    def _objection(self, shown: str) -> str | None:
        """Why a step may not stay; None where it may."""
        moves = self.compiled.arena.moves[self._state]
        try:
            letter, content = lenient(self.compiled, moves, shown, self.quotes.bound(moves))
        except InvalidInput as problem:
            return f"malformed: {problem.message}"
        if against := self.quotes.wrote(letter, content).enforced:
            return f"breaks {', '.join(against)}"
        if moves[letter] != VIOLATED:
            return None
        monitors = [(rule.id, self.compiled.monitors[rule.id]) for rule in self.compiled.blocking]
        return f"breaks {', '.join(broken_by(monitors, (*self.word, letter)))}"

    def _denial(self, content: str, what: str, why: str, tokens: int = 0, seconds: float = 0.0) -> Denied:
        self.denials += 1
        record = self._record(None, content, tokens=tokens, seconds=seconds, detail=f"denied: {why}")
        return Denied(record, f"(Denied: {what}: {why}. Allowed now: {', '.join(self._allowed()) or 'nothing'}.)")

    def _allowed(self) -> list[str]:
        """The cues of the steps that break nothing here, with their tools."""
        arena, steps = self.compiled.arena, self.compiled.agent.spec.steps
        fine = [letter for letter, target in arena.moves[self._state].items() if target != VIOLATED]
        end = ["the end"] if self._state in arena.accepting else []
        return [*dict.fromkeys(_shown(step_of(steps, letter).cue, letter) for letter in fine), *end]

    def _said(self, told: str) -> list[int]:
        """The monitor's line as data."""
        if not is_native(self.compiled):
            return self.engine.encode(f"{told}\n")
        between = chat(self.compiled, self.engine).between(Owner.TOOL)
        said = self.engine.encode(between.written(between.safe(told)))
        return [*self.engine.read(between.before), *said, *self.engine.read(between.behind)]


def _shown(cue: str, letter: Letter) -> str:
    return f"{cue} {letter.tool}" if letter.tool is not None and not letter.completes_call else cue
