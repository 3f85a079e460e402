"""Runs with runtime predicates: the truth recorded is what the function said, and no accepted run breaks a rule."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from agentspec.api.cursor import Cursor
from agentspec.checking.compile import Compiled
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.prompt_examples import findings, read_transcripts
from agentspec.episode.trace import StepRecord
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.errors import EngineFault, InvalidInput
from agentspec.guard.budget import Budget
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.spec.runtime import Function
from agentspec.toolbox.tool import ToolError, tool_from_function
from tests.checking.agents import compiled
from tests.checking.predicates import PREDICATES, PredicateSpec, functions, predicate_spec
from tests.laws.toy import WILLS, ToyEngine, ToySource, toy_tokenizer

TEXT = {
    "t": {"by": "model", "cue": "[T]", "text": {"max_chars": 5}},
    "a": {"by": "model", "cue": "[A]", "text": {"max_chars": 5, "max_lines": 3}},
    "n": {"by": "model", "cue": "[N]", "choice": ["no"]},
}


def played(
    made: Compiled,
    said: dict[str, Function],
    seed: int,
    *,
    budget: Budget | None = None,
    failing: float = 0.3,
) -> tuple[list[StepRecord], Episode]:
    rng = random.Random(f"play {seed}")

    def go(n: int = 0) -> str:
        """Go.

        Args:
            n: how far
        """
        if rng.random() < failing:
            raise ToolError("no")
        return f"went {n} {rng.random()}"

    engine = ToyEngine(seed, rng.choice(sorted(WILLS)))
    tools = {name: tool_from_function(go, name=name) for name in made.schemas}
    episode = Episode(made.with_functions(said), engine, tools, "Why?", Sampler(1.0, seed), None, budget)
    return list(episode.steps()), episode


def check_run(spec: PredicateSpec, records: list[StepRecord], calls: list[tuple[str, object, bool]]) -> None:
    """Each truth on record is what the function said of that step, asked once; and all rules hold."""
    expected: list[tuple[str, bool]] = []
    for record in records:
        assert record.letter is not None
        for name in record.letter.true | record.letter.false:
            here = name in PREDICATES and "python" in PREDICATES[name] and record.letter.step in spec._at(name)
            if here and not any(one.startswith("failed") for one in record.letter.true):
                expected.append((name, name in record.letter.true))
    assert sorted(expected) == sorted((name, said) for name, _, said in calls)
    word = [record.letter.true for record in records if record.letter is not None]
    for rule in spec.rules:
        assert holds(parse_formula(rule), word, 0), rule


def test_no_accepted_run_breaks_a_rule_and_all_end_within_their_budget() -> None:
    ends: Counter[str] = Counter()
    for seed in range(60):
        spec = predicate_spec(seed)
        if not spec.compiled.realizable or spec.compiled.partial:
            continue
        least = spec.compiled.guard.least()
        for budget in (least, Budget(least.tokens + 7, least.steps + 1, least.calls), Budget(900, 20, 5)):
            calls: list[tuple[str, object, bool]] = []
            records, episode = played(spec.compiled, functions(spec.predicates, seed, calls), seed, budget=budget)
            assert episode.result is not None
            assert episode.result.status == "accepted", (seed, episode.result)
            assert episode.result.guarantee == "full"
            assert episode.result.usage.tokens <= budget.tokens
            assert len(records) <= budget.steps
            check_run(spec, records, calls)
            ends.update(name for name, _, said in calls if said)
    assert set(ends) == {"p", "r", "s", "v"}, ends


def test_what_a_function_reads() -> None:
    read: list[object] = []

    def note(value: object) -> bool:
        read.append(value)
        return True

    predicate = {"p": {"at": ["q", "k", "o", "a"], "python": "f"}}
    made = compiled("q k o a", propositions=predicate, steps=TEXT)
    lines = set()
    for seed in range(6):
        read.clear()
        records, episode = played(made, {"p": note}, seed, failing=0)
        assert episode.result is not None
        assert episode.result.status == "accepted"
        assert read == ["Why?", {}, records[2].content, records[3].content.replace("\n  ", "\n")]
        lines.add(records[3].content.count("\n"))
        read.clear()
        played(made, {"p": note}, seed, failing=1)
        assert len(read) == 3
    assert len(lines) > 1


@pytest.mark.parametrize("at", ["q", "k", "o", "a"])
def test_a_function_that_fails_ends_the_run_as_a_fault(at: str) -> None:
    made = compiled("q k o a", propositions={"p": {"at": at, "python": "f"}}, steps=TEXT)

    def broken(value: object) -> Any:
        raise KeyError(type(value).__name__)

    for function in (broken, lambda _: 1):
        records, episode = played(made, {"p": function}, 3, failing=0)
        assert len(records) == "qkoa".index(at)
        assert episode.result is not None
        assert episode.result.status == "engine_fault"
        assert episode.result.reason.startswith("the predicate 'p' (f) ")
        assert episode.result.answer is None


class Writer(ToySource):
    """A model that writes one text, byte by byte, and ends."""

    text = b""

    def logits(self) -> NDArray[np.float32]:
        at = self.length - self.prompt
        scores = np.zeros(toy_tokenizer().eos_token_id + 2, dtype=np.float32)
        scores[self.text[at] if at < len(self.text) else toy_tokenizer().eos_token_id] = 99
        return scores


@pytest.mark.parametrize(("text", "status"), [("[T] ab\n[A] c\n", "accepted"), ("[T] abc\n[A] c\n", "stopped_rule")])
def test_without_the_guard_the_same_truth_is_recorded(text: str, status: str) -> None:
    made = compiled("q t a", "G(t -> p)", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT)

    class Writing(ToyEngine):
        def open(self, prompt: list[int]) -> ToySource:
            source = Writer(0, "flat", len(prompt))
            source.text = text.encode()
            return source

    made = made.with_functions({"p": lambda text: len(text) % 2 == 0})
    episode = UnguardedEpisode(made, Writing(), {}, "Why?")
    list(episode.steps())
    assert episode.result is not None
    assert episode.result.status == status
    assert ("p" in episode.word[1].true) == (status == "accepted")


def test_a_cursor_decides_by_the_function() -> None:
    made = compiled(
        "q t (a | n)", "G(a -> O p)", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT
    )  # fmt: skip
    for text, after in (("please", {}), ("plea", {"a": (), "n": ()}), ("no", {"n": ()})):
        cursor = Cursor(made.with_functions({"p": lambda text: str(text).startswith("plea")}))
        cursor.take("q", "x")
        if not after:
            with pytest.raises(InvalidInput, match="not a valid content"):
                cursor.take("t", text)
            continue
        cursor.take("t", text)
        assert cursor.allowed_steps == after
    unknown = Cursor(made)
    unknown.take("q", "x")
    with pytest.raises(EngineFault, match="whether 'p' holds is said by a function, and it is not at hand here"):
        unknown.take("t", "x")
    assert len(unknown.word) == 1
    strict = compiled(
        "q (t | n) a", "G(t -> p)", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT
    )  # fmt: skip
    cursor = Cursor(strict.with_functions({"p": lambda _: True}))
    cursor.take("q", "x")
    with pytest.raises(InvalidInput, match="what it is shows only when it is written, and 't' is refused: it would br"):
        cursor.take("t", "x")


def test_examples_are_read_for_every_truth() -> None:
    made = compiled(
        "q t (a | n)", "G(a -> O p)", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT
    )  # fmt: skip

    def faults(text: str) -> list[str]:
        return [one.message for one in findings(made, read_transcripts(made.agent.spec, text), "e")]

    assert faults("[Q] x\n[T] y\n[A] z\n") == []
    assert faults("[Q] x\n[T] y\n[N] no\n") == []
    strict = compiled(
        "q (t | n) a", "G(t -> p)", propositions={"p": {"at": "t", "python": "f"}}, steps=TEXT
    )  # fmt: skip
    transcripts = read_transcripts(strict.agent.spec, "[Q] x\n[T] y\n[A] z\n")
    assert [one.rules for one in findings(strict, transcripts, "e")] == [("r0",)]
