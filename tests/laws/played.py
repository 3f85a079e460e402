"""One episode on the toy engine, with all there is to judge it by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.decoding.ahead import Lookup
from agentspec.decoding.sample import Sampler
from agentspec.decoding.source import Counters
from agentspec.episode.crew import crew
from agentspec.episode.episode import Episode
from agentspec.episode.journal import Journal
from agentspec.episode.trace import Result, StepRecord
from agentspec.guard.budget import Budget
from agentspec.spec.load import load_text
from tests.laws.handled import Doing, functions
from tests.laws.specs import Call, RandomSpec
from tests.laws.toy import ToyEngine, ToySource, ToyTokenizer, toy_tokenizer

CUT = " …[cut]"
"""What is cut is seen to be cut by this mark."""


@dataclass
class Played:
    """A finished episode with all there is to judge it by."""

    spec: RandomSpec
    compiled: Compiled
    records: list[StepRecord]
    result: Result
    source: ToySource | None
    calls: list[Call]
    asked: Budget
    window: int
    task: str
    journal: Path | None
    counters: Counters
    done: list[Doing] = field(default_factory=list)


def compiled_of(random_spec: RandomSpec) -> Compiled:
    """The compiled agent of a random spec. Raises what ``load_text`` and ``compile_agent`` raise."""
    return compile_agent(load_text(random_spec.text), random_spec.schemas)


def play(
    random_spec: RandomSpec,
    compiled: Compiled,
    *,
    seed: int = 0,
    will: str = "random",
    budget: Budget | None = None,
    temperature: float = 0.0,
    window: int = 10**6,
    task: str = "Why?\n[Answer] 42",
    folder: Path | None = None,
    tokenizer: ToyTokenizer | None = None,
    kind: type[ToyEngine] = ToyEngine,
    lookup: Lookup | None = None,
) -> Played:
    """Run one episode to its end. With a ``folder`` it keeps a journal there."""
    engine = kind(seed, will, window, tokenizer=tokenizer or toy_tokenizer())
    tools, calls = random_spec.tools()
    journal = Journal("toy", folder) if folder else None
    sampler = Sampler(temperature, seed)
    done: list[Doing] = []
    handlers = crew(compiled, functions(random_spec, done))
    episode = Episode(compiled, engine, tools, task, sampler, journal, budget, lookup=lookup, handlers=handlers)
    if journal is None:
        records = list(episode.steps())
    else:
        with journal:
            records = list(episode.steps())
    assert episode.result is not None, "law: an episode has a result"
    assert len(engine.sources) <= 1, "law: one text an episode"
    source = engine.sources[0] if engine.sources else None
    path = journal.path if journal else None
    counters, asked = episode.counters, episode.asked
    result = episode.result
    return Played(random_spec, compiled, records, result, source, calls, asked, window, task, path, counters, done)


def letters_of(played: Played) -> list[Letter]:
    letters = [record.letter for record in played.records]
    assert all(letter is not None for letter in letters), "law: every record is a step"
    return [letter for letter in letters if letter is not None]


def says_nothing(true: Iterable[str]) -> bool:
    """Whether a letter of a tool or handler is that of a failure."""
    return any(fact == "error" or fact.startswith("failed(") for fact in true)


class Said:
    """What tools and users have said so far by step, as it was shown; what failed says nothing."""

    def __init__(self, spec: RandomSpec) -> None:
        self._steps = spec.document["steps"]
        self.texts: dict[str, list[str]] = {}

    def add(self, record: StepRecord, letter: Letter) -> None:
        if self._steps[letter.step]["by"] == "model" or says_nothing(letter.true):
            return
        shown = record.shown if record.shown == record.content else record.shown.removesuffix(CUT)
        self.texts.setdefault(str(letter.step), []).append(shown)


def told(played: Played) -> list[Any]:
    """What must be the same when an episode is played again: everything but the time it took."""
    records = [
        (r.index, r.letter, r.content, r.shown, r.value, r.tokens, r.forced, r.guard_state) for r in played.records
    ]
    result = played.result.to_json()
    result["usage"].pop("seconds")
    result.pop("trace_path")
    return [records, result, played.source.appended if played.source else None]
