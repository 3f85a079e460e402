"""The episode: one run on one task, a generator of steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.cost import Completions
from agentspec.decoding.ahead import Ahead, Lookup
from agentspec.decoding.decode import decode
from agentspec.decoding.landing import Landing
from agentspec.decoding.lower.llguidance import lower
from agentspec.decoding.sample import Sampler
from agentspec.decoding.source import Counters
from agentspec.engines.engine import Engine
from agentspec.episode.chat import spelling
from agentspec.episode.crew import Ready, crew
from agentspec.episode.helped import PROPOSED, Helped, proposed
from agentspec.episode.journal import Journal
from agentspec.episode.observe import Observation, observe, told
from agentspec.episode.pool import Chosen, Example, choose
from agentspec.episode.quotes import Quotes, SegmentTexts, heard
from agentspec.episode.render import render
from agentspec.episode.retry import Failures, TakenBack, invalid
from agentspec.episode.trace import SCHEMA_VERSION, Result, Status, StepRecord, Usage, verdicts
from agentspec.episode.transcript import begun, identify, said, show, split_step
from agentspec.episode.window import Window
from agentspec.episode.writing import Writing
from agentspec.errors import BudgetRefused, EngineFault, InvalidInput
from agentspec.guard.budget import Budget
from agentspec.guard.guard import TRIES, Guard, Position
from agentspec.guard.segment import segment
from agentspec.spec.alphabet import BORDER, call_frame
from agentspec.toolbox.tool import Tool


class OutOfTime(Exception):
    """The episode's time-out passed."""


@dataclass
class Episode:
    """Iterate over ``steps()``; afterwards ``result`` says how it ended.

    ``tools`` are the callables behind the agent's schemas, ``handlers`` those that write steps (`crew`). ``journal``
    None keeps no trace. ``logprobs`` asks for those of each step that the model writes, ``examples`` for so many in the
    prompt. The guarantee holds for what ``steps`` writes; an engine or matcher that fails ends the episode as
    ``engine_fault``, never as accepted.
    """

    compiled: Compiled
    engine: Engine
    tools: Mapping[str, Tool]
    task: str
    sampler: Sampler = field(default_factory=Sampler)
    journal: Journal | None = None
    budget: Budget | None = None
    timeout: float | None = None
    lookup: Lookup | None = field(default_factory=Lookup)
    logprobs: bool = False
    handlers: Mapping[str, Ready] | None = None
    examples: int | None = None
    guarded: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        check_task(self.task)
        limits = self.compiled.agent.limits
        self.asked = self.budget or Budget(limits.max_tokens, limits.max_steps, limits.max_tool_calls)
        self.counters = Counters()
        self.usage = Usage()
        self.word: list[Letter] = []
        self.written: list[StepRecord] = []
        self.crew = crew(self.compiled) if self.handlers is None else self.handlers
        self.answer: str | None = None
        self.quotes = Quotes(self.compiled)
        self.failures = Failures(self.compiled)
        self.result: Result | None = None
        self._source: Ahead | None = None
        self._began = time.perf_counter()

    # The core loop ------------------------------------------------------------------------------------------------

    def steps(self) -> Generator[StepRecord, None, None]:
        """Run the episode, one record a step; each is in the journal before it is yielded."""
        with closing(self.events()) as events:
            for event in events:
                if isinstance(event, StepRecord):
                    try:
                        yield event
                    except KeyboardInterrupt as interrupt:  # between two steps it ends the episode as within one
                        with suppress(StopIteration):
                            events.throw(interrupt)
                        return

    def events(self) -> Generator[StepRecord | str, None, None]:
        """As ``steps``, and the text as it comes: of a step the model writes before its record, piece by piece.

        A piece is never taken back. Where the run ends within a step, its beginning was told and has no record.
        """
        status: Status = "cancelled"
        reason = ""
        try:
            yield from self._play()
            status = "accepted"
        except BudgetRefused as problem:
            status, reason = "refused", problem.message
        except OutOfTime:
            status, reason = "stopped_limit", "the time-out passed"
        except _Ended as ended:
            status, reason = ended.status, ended.reason
        except EngineFault as problem:
            status, reason = "engine_fault", problem.message
        except KeyboardInterrupt:
            reason = "interrupted"
        except Exception as problem:  # a fault of ours or the caller's: recorded, then raised
            status, reason = "engine_fault", f"{type(problem).__name__}: {problem}"
            raise
        finally:
            self._finish(status, reason)

    def _play(self) -> Iterator[StepRecord | str]:
        position = self.guard.start(self._budget())
        source = self._ahead(self.prompt)
        self._open_journal(position.left)
        yield from self._told(self._user_step(position))
        while not position.must_end:
            match position.owner:
                case Owner.MODEL:
                    if (proposed := self._proposed(position)) is not None:
                        yield from self._dictate(position, source, *proposed)
                        continue
                    ended = yield from self._write(position, source)
                    if ended:
                        return
                case Owner.TOOL:
                    yield from self._observe(position, source)
                case _:
                    if position.is_accepting:
                        return
                    raise _Ended("pending", "the user is to write next")

    def _write(self, position: Position, source: Ahead) -> Generator[StepRecord | str, None, bool]:
        """The model's segment, or the first step of it, which is taken back. Returns whether the model ended."""
        spent, length = self.counters.tokens, source.length
        try:
            return (yield from self._write_segment(position, source))
        except TakenBack as failed:
            source.rollback(source.length - length)
            position.spend(self.counters.tokens - spent)
            self.failures.add(failed, self.counters.tokens - spent)
            if len(self.failures) == TRIES:
                raise _Ended("stopped_rule", f"{self.failures}, the last time {str(failed.letter)!r}") from None
            return False

    def _write_segment(self, position: Position, source: Ahead) -> Generator[StepRecord | str, None, bool]:
        """Decode, cut into steps, advance the guard. Raises TakenBack where the first step may not stay."""
        bound = self.quotes.bound(self.compiled.contents)
        texts = SegmentTexts(self.compiled, bound, self.failures)
        plan = self.failures.left(segment(position), texts.of_letter)
        if not plan.nodes[0].alternatives:
            if position.is_accepting:
                return True
            raise _Ended("stopped_rule", f"{self.failures}, and the budget holds nothing else")
        writing = Writing(position, plan, bound)
        matcher = self.engine.matcher(lower(writing.plan, texts.of_letter, texts.of_letters, self.engine.special))
        landing = self._landing(writing, texts)
        ended = False
        own = any(step.sampling for step in self.compiled.agent.spec.steps.values())
        sampler = partial(self._sampler, writing) if own else lambda: self.sampler
        drawn = decode(matcher, source, sampler, self.counters, landing, logprobs=self.logprobs)
        with closing(drawn) as written:
            for emitted in written:
                ended = emitted.end
                if ended:
                    writing.ending = emitted.logprobs
                for token in [] if ended else emitted.tokens:
                    writing.add(self.engine.decode([token]), emitted)
                    if text := writing.said():
                        yield text
                    yield from self._cut(writing)
                if not matcher.finished:
                    self.check_time()
        yield from self._cut(writing, final=True, ended=ended)
        if ended and writing.within:
            yield BORDER
        if writing.text or not (ended or matcher.is_accepting or landing.may_stop()):
            raise EngineFault(f"the model's text stops inside a step: {writing.text[:60]!r}")
        if ended and writing.node is None:  # it ended the last of several lines, not the episode
            source.rollback(1)
            return False
        if ended and (not position.is_accepting or position.left.tokens < 1):
            raise EngineFault("the model ended where the guard does not allow it")
        return ended

    def _sampler(self, writing: Writing) -> Sampler:
        """How the next token is drawn: by the settings of the step under way, once its cue tells which it is."""
        steps = self.compiled.agent.spec.steps
        step = begun([steps[name] for name in dict.fromkeys(str(a.step) for a in writing.offered)], writing.text)
        settings: dict[str, Any] = dict(step.sampling) if step else {}
        return replace(self.sampler, **settings)

    def _landing(self, writing: Writing, texts: SegmentTexts) -> Landing:
        """The account of what is left. Raises _Ended where texts were taken back and no other fits."""
        left = writing.position.left.tokens
        most = self.compiled.longest if len(self.failures) else self.compiled.farthest
        landing = Landing(writing.plan, left, self._completions, texts.of_letter, most, self._spell, self.engine.decode)
        if len(self.failures) and landing.cost > left:
            raise _Ended("stopped_rule", f"{self.failures}, and the budget holds nothing else")
        return landing

    def _cut(self, writing: Writing, *, final: bool = False, ended: bool = False) -> Iterator[StepRecord | str]:
        """Take the steps that are whole by now off the text, one record each."""
        position, steps = writing.position, self.compiled.agent.spec.steps
        while writing.text:
            allowed = writing.offered
            here = [steps[name] for name in dict.fromkeys(str(a.step) for a in allowed)]
            whole = split_step(here, writing.text, final=final)
            if whole is None:
                return
            try:
                possible = position.guard.turns_out(position.state, allowed)
                letter, content = identify(self.compiled, possible, whole[0].decode(), writing.bound)
            except (InvalidInput, UnicodeDecodeError) as problem:
                raise EngineFault(f"the model's text is not within its constraint: {problem}") from problem
            if letter not in allowed or invalid(step_of(self.compiled.agent.spec.steps, letter), content):
                raise TakenBack(letter, content)
            spent = writing.take(letter, whole[1], ended=ended)
            position.advance(letter, spent.tokens, landed=True)
            if text := writing.said(final=True):
                yield text
            self._take(letter, content)
            detail, self.failures = str(self.failures), Failures(self.compiled)
            yield self._record(
                letter, content, tokens=spent.tokens, forced=spent.forced, seconds=spent.seconds,
                state=position.state, detail=detail, **self._told_logprobs(spent.logprob, spent.logprob_free),
            )  # fmt: skip

    # What code writes ---------------------------------------------------------------------------------------------

    @cached_property
    def _helped(self) -> Helped:
        return Helped(self)

    def _proposed(self, position: Position) -> tuple[Letter, str, list[int]] | None:
        """What a handler proposes, if guard, content and budget allow it: letter, content, tokens."""
        possible = position.allowed() if self.crew else ()
        for name in dict.fromkeys(str(letter.step) for letter in possible):
            if name not in self.crew or (text := self._helped.proposal(name)) is None:
                continue
            bound = self.quotes.bound(self.compiled.contents)
            found = proposed(self.compiled, [a for a in possible if a.step == name], text, bound)
            if found is not None:
                tokens = self._spell(found[2])
                left = position.left.after(found[0], len(tokens))
                if position.guard.deciding(position.state, position.left).costs.fits(
                    position.guard.arena.moves[position.state][found[0]], left
                ):
                    return found[0], found[1], tokens
        return None

    def _dictate(
        self, position: Position, source: Ahead, letter: Letter, content: str, tokens: list[int]
    ) -> Iterator[StepRecord | str]:
        """Write a step as proposed: its tokens are forced ones."""
        source.append(tokens)
        self.counters.tokens += len(tokens)
        self.counters.forced += len(tokens)
        position.advance(letter, len(tokens))
        self._take(letter, content)
        more = self._told_logprobs(0.0, 0.0)
        spent = len(tokens)
        yield from self._told(
            self._record(letter, content, tokens=spent, forced=spent, detail=PROPOSED, state=position.state, **more)
        )

    # One step of each owner ---------------------------------------------------------------------------------------

    def _take(self, letter: Letter, content: str) -> None:
        """Remember what the model wrote: the arguments of a call, or what may turn out to be the answer."""
        self.quotes = self.quotes.wrote(letter, content)
        if letter.completes_call:
            prefix, suffix = call_frame(self.compiled.agent.spec, letter)
            self._arguments = content[len(prefix) : len(content) - len(suffix)]
        if letter.tool is None:
            self.answer = said(step_of(self.compiled.agent.spec.steps, letter), content)

    def _user_step(self, position: Position) -> StepRecord:
        excluded = position.guard.excluded(position.state)
        letter = self._asked_by_user((*position.allowed(), *excluded))
        if letter in excluded:
            raise assumption_broken(excluded[letter], letter)
        position.advance(letter)
        return self._record(letter, self.task, state=position.state)

    def _asked_by_user(self, possible: tuple[Letter, ...]) -> Letter:
        """The letter of the task, by what it says."""
        found = heard(self.compiled, self.quotes, possible, {str(possible[0].step)}, self.task, self.task)
        if found is None:
            raise EngineFault("no letter holds the task")
        self.quotes = found[1]
        return found[0]

    def _observe(self, position: Position, source: Ahead) -> Iterator[StepRecord | str]:
        excluded = position.guard.excluded(position.state)
        observation = self.observation((*position.allowed(), *excluded), source)
        if observation.letter in excluded:
            yield from self._told(self._record_observation(observation, None))
            raise assumption_broken(excluded[observation.letter], observation.letter)
        position.advance(observation.letter)
        source.append(observation.tokens)
        yield from self._told(self._record_observation(observation, position.state))

    def observation(self, possible: tuple[Letter, ...], source: Ahead) -> Observation:
        """Call the tool that is due with the arguments just written, or the handler whose step it is."""
        tool = possible[0].tool
        if tool is None:
            outcome = self._helped.outcome(str(possible[0].step), source)
            observation = told(self.compiled, self.engine, outcome, possible, self.quotes)
        else:
            observation = observe(self.compiled, self.engine, self.tools[tool], self._arguments, possible, self.quotes)
        self.quotes = observation.quotes
        return observation

    def _record_observation(self, observation: Observation, state: int | None) -> StepRecord:
        outcome = observation.outcome
        return self._record(
            observation.letter, outcome.text, shown=observation.shown, value=outcome.value,
            seconds=outcome.seconds, detail=outcome.detail, state=state,
        )  # fmt: skip

    def _ahead(self, prompt: list[int]) -> Ahead:
        """The model's state after a prompt."""
        self._source = Ahead(self.engine.open(prompt), self.counters, self.lookup)
        return self._source

    # Bookkeeping --------------------------------------------------------------------------------------------------

    @cached_property
    def guard(self) -> Guard:
        """The guard, its costs in tokens of the engine."""
        return self.compiled.guard_with(self._spell)

    @cached_property
    def _completions(self) -> Completions:
        return Completions(self._spell)

    @cached_property
    def _spell(self) -> Callable[[bytes], list[int]]:
        return spelling(self.compiled, self.engine)

    @cached_property
    def prompt(self) -> list[int]:
        """The prompt's tokens."""
        return render(self.compiled, self.engine, self.chosen.examples, self.task)

    @cached_property
    def chosen(self) -> Chosen:
        """The examples in the prompt."""
        return choose(self.compiled, self.task, self.sampler.seed, self.examples, self._leaves_room)

    def _leaves_room(self, examples: list[Example]) -> bool:
        """Whether a prompt leaves what was asked for, or half of the window, and the least that surely suffices."""
        room = self.engine.window - len(render(self.compiled, self.engine, examples, self.task))
        wanted = min(self._window.need(self.asked), self.engine.window // 2)
        return room >= wanted and (not self.compiled.realizable or self._window.within(room) is not None)

    def _budget(self) -> Budget:
        """What was asked for, lowered to what the window holds. Raises BudgetRefused where that is not enough."""
        if not self._suffices(self.asked):
            return self.asked  # refused by the guard, with what would suffice
        found = self._window.within(self.engine.window - len(self.prompt))
        if found is not None:
            return found
        raise BudgetRefused(
            f"the model's context window of {self.engine.window} tokens is too small: the prompt takes "
            f"{len(self.prompt)}, and {self.guard.least()} must fit beside it"
        )

    def _suffices(self, budget: Budget) -> bool:
        return self.guard.costs.fits(self.compiled.arena.initial, budget)

    @cached_property
    def _window(self) -> Window:
        return Window(self.compiled, self.engine, self.asked, self._suffices)

    def _open_journal(self, budget: Budget | None) -> None:
        self.usage.prompt_tokens = len(self.prompt)
        if self.journal is None:
            return
        agent = self.compiled.agent
        self.journal.write(
            {
                "type": "episode",
                "schema_version": SCHEMA_VERSION,
                "agent": agent.name,
                "spec": agent.spec.source,
                "spec_sha256": agent.spec.digest,
                "model": self.engine.name,
                "guarded": self.guarded,
                "seed": self.sampler.seed,
                "temperature": self.sampler.temperature,
                "examples": list(self.chosen.numbers),
                "budget": None if budget is None else {
                    "tokens": budget.tokens, "steps": budget.steps, "calls": budget.calls
                },
            }
        )  # fmt: skip

    def _told(self, record: StepRecord) -> Iterator[StepRecord | str]:
        """A step that came as a whole: its text, and the record."""
        spec, step = self.compiled.agent.spec, record.letter and record.letter.step
        yield show(spec, step, record.shown) if step else f"{record.shown}{BORDER}"
        yield record

    def _record(self, letter: Letter | None, content: str, *, state: int | None = None, **more: Any) -> StepRecord:
        shown = more.pop("shown", content)
        letter = None if letter is None else self.quotes.judged(letter)
        record = StepRecord(self.usage.steps, letter, content, shown, guard_state=state, **more)
        self.usage.steps += 1
        self.written.append(record)
        if letter is not None:
            self.word.append(letter)
            self.usage.tool_calls += letter.completes_call
        if self.journal is not None:
            self.journal.write(record.to_json())
        return record

    def _told_logprobs(self, logprob: float, free: float) -> dict[str, float]:
        return {"logprob": logprob, "logprob_free": free} if self.logprobs else {}

    def seconds_left(self) -> float | None:
        """What is left of the time-out; None without one."""
        return None if self.timeout is None else max(self.timeout - (time.perf_counter() - self._began), 0.001)

    def check_time(self) -> None:
        """Raises OutOfTime where the time-out has passed."""
        if self.timeout is not None and time.perf_counter() - self._began > self.timeout:
            raise OutOfTime

    def _finish(self, status: Status, reason: str) -> None:
        if self._source is not None:
            self._source.close()
        usage, spec = self.usage, self.compiled.agent.spec
        usage.tokens, usage.forced_tokens = self.counters.tokens, self.counters.forced
        usage.model_calls, usage.seconds = self.counters.calls, time.perf_counter() - self._began
        judged = verdicts(spec.rules, self.compiled.monitors, self.word, ended=status == "accepted")
        self.result = Result(
            status,
            self.answer if status == "accepted" else None,
            "full" if self.guarded and not (self.compiled.partial or self.compiled.fallible) else "partial",
            judged,
            usage,
            str(self.journal.path) if self.journal and self.word else None,
            reason,
            self.compiled.unguaranteed if self.guarded else tuple(rule.id for rule in spec.rules),
        )
        if self.journal is not None and self.word:
            try:
                self.journal.write({"type": "result", **self.result.to_json()})
            except EngineFault as problem:
                self.result = Result(
                    "engine_fault", None, self.result.guarantee, judged, usage, self.result.trace_path, problem.message
                )


def check_task(task: str) -> None:
    """Raises InvalidInput for a task that nobody could answer: blank, or no valid Unicode."""
    if not isinstance(task, str):
        raise InvalidInput(f"the task is a text, not {type(task).__name__}")
    if not task.strip():
        raise InvalidInput("the task is empty")
    try:
        task.encode()
    except UnicodeEncodeError as problem:
        raise InvalidInput(f"the task is not valid Unicode at character {problem.start + 1}") from None


class _Ended(Exception):
    """An ending other than acceptance, with its name."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status: Status = status
        self.reason = reason


def assumption_broken(assumption: str, letter: Letter) -> _Ended:
    return _Ended("assumption_violated", f"the assumption '{assumption}' is broken by {letter}")
