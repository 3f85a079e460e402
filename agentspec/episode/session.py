"""A session without an end: turns of a user and a model, as long as the user has something to say.

Between two steps of the user each turn has the limits to itself. When the context window is too small for what was said
so far and another turn, the text is begun anew: the prompt, and the most recent turns as they stood.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.checking.compile_session import CompiledSession
from agentspec.decoding.ahead import Ahead, Lookup
from agentspec.decoding.source import Counters, Source
from agentspec.episode.episode import Episode, OutOfTime, _Ended, assumption_broken, check_task
from agentspec.episode.grammar_only import GrammarOnlyEpisode
from agentspec.episode.monitored import MonitoredEpisode
from agentspec.episode.observe import fitted
from agentspec.episode.quotes import heard
from agentspec.episode.render import render
from agentspec.episode.trace import StepRecord
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.errors import BudgetRefused, EngineFault, InvalidInput
from agentspec.guard.budget import Budget
from agentspec.guard.guard import Guard
from agentspec.guard.session import SessionGuard, SessionPosition

RANKED = "ranked: what is owed comes first"
"""The detail of a user's step whose turn is ranked."""


Partly = Literal["grammar", "monitor"]
"""What stands in for the guard, to be compared with it."""


@dataclass
class Turn:
    """What the user said, its tokens as a line of the transcript, and the tokens of all that followed."""

    message: str
    line: list[int]
    rest: list[int] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        """The turn as it stands in the transcript."""
        return self.line + self.rest


@dataclass
class Session(Episode):
    """Iterate over ``steps()``: ``task`` is the user's first message, ``messages`` give the next ones when asked.

    The session ends ``pending`` when there is no further message; whatever is still owed then is undecided. With an
    endless turn it ends ``stopped_limit`` at the limits. ``budget`` and ``timeout`` are those of each turn.
    """

    messages: Iterable[str] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.compiled, CompiledSession):
            raise InvalidInput(f"the agent '{self.compiled.agent.name}' is not declared with 'semantics: infinite'")
        super().__post_init__()
        self.turns: list[Turn] = []
        self.answers: list[str | None] = []
        self._coming = iter(self.messages)
        self._turn_began = self._began

    def _play(self) -> Iterator[StepRecord | str]:
        guard = self.guard
        position = guard.start(self.asked)
        assert isinstance(position, SessionPosition)
        position.limits = self._turn_limits()
        self._open_journal(position.limits)
        message: str | None = self.task
        source: _Recorded | None = None
        while True:
            if position.owner == Owner.USER:
                if self.turns:
                    self.answers.append(self.answer)
                    message, self.answer = next(self._coming, None), None
                if message is None:
                    raise _Ended("pending", "the user said nothing more")
                self._turn_began = time.perf_counter()
                source, record = self._hear(position, source, message)
                yield from self._told(record)
                continue
            assert source is not None
            if position.owner == Owner.TOOL:
                yield from self._observe(position, source)
            elif position.allowed():
                yield from self._write(position, source)
            else:
                raise _Ended("stopped_limit", f"the limits of a turn ({position.limits}) leave no further step")

    # The user's turn ----------------------------------------------------------------------------------------------

    def _hear(self, position: SessionPosition, source: _Recorded | None, message: str) -> tuple[_Recorded, StepRecord]:
        """Take what the user says into the text, anew where the window asks for it."""
        check_task(message)
        excluded = position.guard.excluded(position.state)
        possible = (*position.allowed(), *excluded)
        step = str(possible[0].step)
        limit = self.compiled.agent.spec.steps[step].max_tokens
        first = source is None
        kept, mark, line = (message, "", []) if first else fitted(self.compiled, self.engine, step, message, limit)
        found = heard(self.compiled, self.quotes, possible, {step}, message, kept)
        if found is None:
            raise EngineFault("no letter holds the message")
        letter, self.quotes = found
        if letter in excluded:
            raise assumption_broken(excluded[letter], letter)
        self.turns.append(Turn(kept + mark, line))
        if source is not None and source.length + len(line) + self._window.need(position.limits) <= self.engine.window:
            source.turn = self.turns[-1]
            source.open(line)
        else:
            source = self._open(position)
        position.advance(letter)
        return source, self._record(
            letter, message, shown=kept + mark, state=position.state, detail=RANKED if position.ranked else ""
        )

    def _open(self, position: SessionPosition) -> _Recorded:
        """The text begun anew, with as many of the last turns as leave a quarter of the free window for later ones."""
        last = len(self.turns) - 1
        prompts = {last: self._prompt_from(last)}
        room = self.engine.window - self._window.need(position.limits)
        most = len(prompts[last]) + (room - len(prompts[last])) * 3 // 4
        for begin in reversed(range(last)):
            longer = self._prompt_from(begin)
            if len(longer) > most:
                break
            prompts[begin] = longer
        begin = min(prompts)
        if len(prompts[begin]) > room:
            raise _Ended("stopped_limit", f"the context window of {self.engine.window} tokens is too small for a turn")
        if last:
            self.usage.prompt_tokens += len(prompts[begin])
            self._tell_window(last - begin, len(prompts[begin]))
        if self._source is not None:
            self._source.close()
        self._source = source = _Recorded(self.engine.open(prompts[begin]), self.turns[-1], self.counters, self.lookup)
        return source

    def _prompt_from(self, begin: int) -> list[int]:
        """The prompt that begins with a turn's message, and all that was said from there on."""
        asked = self.turns[begin]
        prompt = render(self.compiled, self.engine, self.chosen.examples, asked.message)
        return [*prompt, *asked.rest, *(token for turn in self.turns[begin + 1 :] for token in turn.tokens)]

    def _tell_window(self, kept: int, tokens: int) -> None:
        if self.journal is not None:
            turn = len(self.turns) - 1
            self.journal.write({"type": "window", "turn": turn, "kept_turns": kept, "prompt_tokens": tokens})

    # Limits -------------------------------------------------------------------------------------------------------

    def _turn_limits(self) -> Budget:
        """What was asked for each turn, lowered to half of the window, or to the window if it must be.

        Raises BudgetRefused where no number of calls leaves enough.
        """
        free = self.engine.window - len(self.prompt)
        found = self._window.within(min(free, self.engine.window // 2)) or self._window.within(free)
        if found is not None:
            return found
        raise BudgetRefused(
            f"the model's context window of {self.engine.window} tokens is too small: the prompt takes "
            f"{len(self.prompt)}, and a turn of {self.guard.least()} must fit beside it"
        )

    def _suffices(self, budget: Budget) -> bool:
        guard: Guard | SessionGuard = self.guard
        return isinstance(guard, SessionGuard) and budget.tokens >= 0 and guard.suffices(budget)

    def check_time(self) -> None:
        """Raises OutOfTime where that of the turn has passed."""
        if self.timeout is not None and time.perf_counter() - self._turn_began > self.timeout:
            raise OutOfTime


class _Recorded(Ahead):
    """A model's state whose tokens are also noted in the turn under way."""

    def __init__(self, source: Source, turn: Turn, counters: Counters, lookup: Lookup | None) -> None:
        super().__init__(source, counters, lookup)
        self.turn = turn

    def open(self, line: list[int]) -> None:
        """A turn begins: the user's line, which the turn already holds."""
        super().append(line)

    def append(self, tokens: list[int]) -> None:
        self.turn.rest += tokens
        super().append(tokens)

    def rollback(self, tokens: int) -> None:
        del self.turn.rest[len(self.turn.rest) - tokens :]
        super().rollback(tokens)


def kind_of(compiled: Compiled, *, guarded: bool | Partly = True) -> type[Episode]:
    """What runs an agent on a task. Raises InvalidInput for a session without the guard."""
    if isinstance(compiled, CompiledSession):
        if guarded is not True:
            raise InvalidInput("a session without an end has the guard alone to keep it: it is not run without")
        return Session
    kinds = {True: Episode, False: UnguardedEpisode, "grammar": GrammarOnlyEpisode, "monitor": MonitoredEpisode}
    return kinds[guarded]


def replies(session: Session) -> list[dict[str, Any]]:
    """What was said in turn, as ``chat --json`` shows it."""
    answers = [*session.answers, session.answer][: len(session.turns)]
    return [{"user": turn.message, "answer": answer} for turn, answer in zip(session.turns, answers, strict=True)]
