"""The same episode without the guard, for comparison: the model writes what it likes and the text is read leniently.

What it writes is judged by the same automaton; the first line that is no possible step, or breaks a rule, ends it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import step_of
from agentspec.decoding.ahead import Ahead
from agentspec.episode.chat import is_native
from agentspec.episode.episode import Episode, _Ended, assumption_broken
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import lenient, split_step
from agentspec.errors import InvalidInput

GUESSED = 4
"""Tokens that are guessed ahead at most: no grammar says which guesses are in vain."""


def _most_guessed(found: list[int]) -> int:
    return min(len(found), GUESSED)


@dataclass
class UnguardedEpisode(Episode):
    """Statuses: ``accepted`` for a well-formed word that ends well, else ``stopped_rule`` or ``stopped_limit``."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.guarded = False
        self._border = (0, b"")
        """Where the step under way begins: tokens of the text, and the bytes that are still the step's before it."""
        self._tail = b""
        """The text of the last token."""

    def _play(self) -> Iterator[StepRecord | str]:
        arena = self.compiled.arena
        self._state = arena.initial
        source = self._ahead(self.prompt)
        self._open_journal(None)
        asked = self._asked_by_user((*arena.moves[self._state], *self._excluded()))
        yield from self._told(self._step_to(asked, self.task))
        while arena.moves[self._state]:
            match arena.owner[self._state]:
                case Owner.TOOL:
                    observation = self.observation((*arena.moves[self._state], *self._excluded()), source)
                    source.append(observation.tokens)
                    yield from self._told(self._record_observation(observation, None))
                    self._follow(observation.letter)
                case Owner.MODEL:
                    ended = yield from self._write_freely(source)
                    if ended:
                        break
                case _:
                    break
        if self._state not in arena.accepting:
            if arena.owner[self._state] == Owner.USER:
                raise _Ended("pending", "the user is to write next")
            raise _Ended("stopped_rule", "malformed: the model ended where an episode may not end")

    def _write_freely(self, source: Ahead) -> Generator[StepRecord | str, None, bool]:
        """Write until a call is complete. Returns whether the model ended."""
        text, tokens, logprob, began = b"", 0, 0.0, time.perf_counter()
        self._border = (source.length, b"")
        while True:
            self._check_limits()
            source.guess(_most_guessed)
            logits = source.logits()
            token = self.sampler.draw(logits, None, source.length)
            if self.logprobs:
                logprob += self.sampler.logprobs(logits, None, token)[1]
            self.counters.tokens += 1
            tokens += 1
            ended = token == self.engine.end_token
            if not ended:
                self._tail = self.engine.decode([token])
                text += self._tail
                source.append([token])
            while text.strip() and (whole := self._whole(text, final=ended)) is not None:
                text = whole[1]
                if whole[0].strip():
                    yield from self._reading(whole[0], tokens, time.perf_counter() - began, logprob)
                    tokens, logprob, began = 0, 0.0, time.perf_counter()
                    self._border = self._border_at(source, text)
                    if self.compiled.arena.owner[self._state] != Owner.MODEL:
                        if ended and not is_native(self.compiled):  # the line is complete: give it its border
                            source.append(self.engine.encode("\n"))
                        return False
            if ended:
                return True

    def _check_limits(self) -> None:
        self.check_time()
        if self.counters.tokens >= self.asked.tokens:
            raise _Ended("stopped_limit", f"{self.counters.tokens} tokens without an end")

    def _border_at(self, source: Ahead, rest: bytes) -> tuple[int, bytes]:
        """The border behind a step: the last token may reach into the next one, with ``rest``."""
        return (source.length - 1, self._tail[: -len(rest)]) if rest else (source.length, b"")

    def _whole(self, text: bytes, *, final: bool) -> tuple[bytes, bytes] | None:
        """The next step's text and the rest; at the end whatever is left is one."""
        spec = self.compiled.agent.spec
        here = [step_of(spec.steps, letter) for letter in self.compiled.arena.moves[self._state]]
        return split_step(here, text, final=final) or ((text, b"") if final else None)

    def _reading(self, line: bytes, tokens: int, seconds: float, logprob: float) -> Iterator[StepRecord | str]:
        """Tell of a step, and end the run where it ends it."""
        record, ending = self._read(line, tokens, seconds, logprob)
        yield from self._told(record)
        if ending is not None:
            raise ending

    def _read(self, line: bytes, tokens: int, seconds: float, logprob: float) -> tuple[StepRecord, _Ended | None]:
        """The record of a step, and the ending that it is."""
        spent: dict[str, Any] = {"tokens": tokens, "seconds": seconds, **self._told_logprobs(logprob, logprob)}
        possible = self.compiled.arena.moves[self._state]
        shown = line.decode(errors="replace").strip()
        try:
            letter, content = lenient(self.compiled, possible, shown, self.quotes.bound(possible))
        except InvalidInput as problem:
            return self._record(None, shown, **spent), _Ended("stopped_rule", f"malformed: {problem.message}")
        self._take(letter, content)
        record = self._record(letter, content, **spent)
        if against := self.quotes.enforced:
            return record, _Ended("stopped_rule", f"a rule is violated by {letter}: {', '.join(against)}")
        try:
            self._follow(letter)
        except _Ended as ending:
            return record, ending
        return record, None

    def _step_to(self, letter: Letter, content: str) -> StepRecord:
        record = self._record(letter, content)
        self._follow(letter)
        return record

    def _excluded(self) -> dict[Letter, str]:
        excluded = self.compiled.arena.excluded
        return excluded[self._state] if excluded else {}

    def _follow(self, letter: Letter) -> None:
        if letter in self._excluded():
            raise assumption_broken(self._excluded()[letter], letter)
        target = self.compiled.arena.moves[self._state][letter]
        if target == VIOLATED:
            raise _Ended("stopped_rule", f"a rule is violated by {letter}")
        self._state = target
        if self.usage.steps > self.asked.steps or self.usage.tool_calls > self.asked.calls:
            raise _Ended("stopped_limit", "more steps or tool calls than the limits allow")
