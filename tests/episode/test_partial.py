"""The partial guarantee: a step that a function's word makes lost is taken back, and no broken rule is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

import agentspec
from agentspec.checking.check import check
from agentspec.checking.compile import Compiled
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.trace import StepRecord
from agentspec.guard.budget import Budget
from agentspec.guard.guard import TRIES
from agentspec.guard.segment import segment
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.spec.runtime import Function
from agentspec.toolbox.tool import tool_from_function
from tests.checking.agents import compiled
from tests.checking.predicates import PredicateSpec, functions, predicate_spec
from tests.laws.toy import WILLS, ToyEngine, ToySource

TEXT = {
    "t": {"by": "model", "cue": "[T]", "text": {"max_chars": 5}},
    "a": {"by": "model", "cue": "[A]", "text": {"max_chars": 5, "max_lines": 3}},
    "c": {"by": "model", "cue": "[C]", "choice": ["one", "two", "three"]},
}


class Forgetting(ToySource):
    """Any number of tokens behind the prompt can be taken back."""

    def rollback(self, tokens: int) -> None:
        flat = [token for some in self.appended for token in some]
        assert 0 < tokens <= len(flat)
        self.appended[:] = [[token] for token in flat[: len(flat) - tokens]]


class ForgettingEngine(ToyEngine):
    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(Forgetting(self.seed, self.will, len(prompt)))
        return self.sources[-1]


@dataclass
class Ran:
    records: list[StepRecord]
    episode: Episode
    engine: ForgettingEngine

    @property
    def text(self) -> bytes:
        """What the model's state holds behind the prompt, end tokens left out."""
        engine = self.engine
        tokens = [t for some in engine.sources[0].appended for t in some if t != engine.end_token]
        return engine.decode(tokens)


def ran(made: Compiled, said: dict[str, Function], seed: int, budget: Budget | None = None, will: str = "") -> Ran:
    def go(n: int = 0) -> str:
        """Go.

        Args:
            n: how far
        """
        return f"went {n}"

    engine = ForgettingEngine(seed, will or sorted(WILLS)[seed % len(WILLS)])
    tools = {name: tool_from_function(go, name=name) for name in made.schemas}
    episode = Episode(made.with_functions(said), engine, tools, "Why?", Sampler(1.0, seed), None, budget)
    return Ran(list(episode.steps()), episode, engine)


def check_run(spec: PredicateSpec, run: Ran, budget: Budget, said: dict[str, Function]) -> None:
    """What is recorded is what the model's state holds, its truths are the functions', and it is not lost."""
    result = run.episode.result
    assert result is not None
    assert result.usage.tokens <= budget.tokens
    assert len(run.records) <= budget.steps
    word = tuple(record.letter.true for record in run.records if record.letter)
    steps = "".join(str(record.letter.step) for record in run.records if record.letter)
    if result.status == "accepted":
        assert all(holds(parse_formula(rule), word, 0) for rule in spec.rules)
    else:
        assert result.status == "stopped_rule", result
        assert "taken back" in result.reason
    assert spec.wins(word, steps, knowing=True)
    for record in run.records:
        if record.letter and record.letter.step in ("t", "a"):
            content = record.content.replace("\n  ", "\n")
            for name in record.letter.open:
                assert said[name](content) == (name in record.letter.true)
    written = [r.content.encode() for r in run.records if r.letter and r.letter.owner == "model"]
    at = 0
    for content in written:
        at = run.text.index(content, at) + len(content)


def test_the_guarantee_is_partial_just_where_the_model_needs_to_know() -> None:
    found: Counter[tuple[bool, bool]] = Counter()
    for seed in range(150):
        spec = predicate_spec(seed, more=True)
        sure, knowing = spec.wins(), spec.wins(knowing=True)
        made = spec.compiled
        assert (made.realizable, made.partial) == (knowing, knowing and not sure), f"{seed}: {spec}"
        found[sure, knowing] += 1
        if made.partial:
            assert made.unguaranteed
            report = check(made)
            assert report.to_json()["guarantee"] == "partial"
            assert report.partial == made.unguaranteed
            fewer = tuple(rule for i, rule in enumerate(spec.rules) if f"r{i}" != made.unguaranteed[0])
            if len(made.unguaranteed) == len(spec.rules):
                assert PredicateSpec(spec.behavior, spec.predicates, fewer).wins()
    assert min(found[True, True], found[False, True], found[False, False]) > 5, found


def test_no_run_keeps_a_broken_rule_and_budgets_hold() -> None:
    ends: Counter[str] = Counter()
    back = 0
    for seed in range(150):
        spec = predicate_spec(seed, more=True)
        if not spec.compiled.partial:
            continue
        least = spec.compiled.guard.least()
        for budget in (least, Budget(least.tokens + 30, least.steps + 1, least.calls), Budget(900, 20, 5)):
            said = functions(spec.predicates, seed, [])
            run = ran(spec.compiled, said, seed, budget)
            check_run(spec, run, budget, said)
            assert run.episode.result is not None
            assert run.episode.result.guarantee == "partial"
            assert run.episode.result.unguaranteed == spec.compiled.unguaranteed
            ends[run.episode.result.status] += 1
            back += sum("taken back" in record.detail for record in run.records)
    assert ends["accepted"] > 10, ends
    assert ends["stopped_rule"] > 2, ends
    assert back > 5, back


def asked_of(at: str, behavior: str, *rules: str) -> Compiled:
    return compiled(behavior, *rules, propositions={"p": {"at": at, "python": "f"}}, steps=TEXT)


@pytest.mark.parametrize("step", ["t", "a"])
def test_each_text_is_tried_once_and_no_more_than_so_often(step: str) -> None:
    made = asked_of(step, f"q {step}", f"G({step} -> p)")
    tried: list[object] = []
    run = ran(made, {"p": lambda text: tried.append(text) is not None}, 1, Budget(4000, 9, 1))
    assert run.episode.result is not None
    assert run.episode.result.status == "stopped_rule"
    assert len(tried) == len(set(map(str, tried))) == TRIES
    assert f"{TRIES} texts were taken back" in run.episode.result.reason
    assert len(run.records) == 1
    assert run.engine.sources[0].appended == []
    tried.clear()
    run = ran(made, {"p": lambda text: tried.append(text) is None and len(tried) == 4}, 1, Budget(4000, 9, 1))
    assert run.episode.result is not None
    assert run.episode.result.status == "accepted"
    assert run.records[1].detail.startswith("3 texts were taken back (")


def test_a_choice_runs_out_of_texts() -> None:
    tried: list[object] = []
    run = ran(asked_of("c", "q c", "F p"), {"p": lambda text: tried.append(text) is not None}, 1)
    assert sorted(map(str, tried)) == ["one", "three", "two"]
    assert run.episode.result is not None
    assert run.episode.result.status == "stopped_rule"
    run = ran(asked_of("c", "q c t?", "F p"), {"p": lambda text: text == "three"}, 1)
    assert run.episode.result is not None
    assert run.episode.result.status == "accepted"
    assert run.records[1].content == "three"


def test_tokens_taken_back_are_spent() -> None:
    made = asked_of("t", "q t", "G(t -> p)")
    least = made.guard.least()
    tried: list[object] = []
    run = ran(made, {"p": lambda text: tried.append(text) is not None}, 2, Budget(least.tokens, 9, 1))
    assert run.episode.result is not None
    assert run.episode.result.status == "stopped_rule"
    assert len(tried) == 1
    assert "the budget holds nothing else" in run.episode.result.reason
    assert 0 < run.episode.result.usage.tokens <= least.tokens


def test_from_where_a_good_end_is_sure_nothing_is_risked() -> None:
    made = asked_of("t", "q t (t | c)", "F p")
    assert made.partial
    position = made.guard.start(Budget(4000, 9, 1))
    (asked,) = [a for a in position.allowed() if a.step == "q"]
    position.advance(asked)
    yes = next(a for a in position.allowed() if "p" in a.true)
    assert {str(a) for a in position.allowed()} == {"t", "t {p}"}
    assert [way.behind for way in segment(position).nodes[0].alternatives] == [None, None]
    position.advance(yes, 5)
    assert {str(a) for a in position.allowed()} == {"t", "t {p}", "c"}
    position.rollback()
    position.advance(next(a for a in position.allowed() if "p" not in a.true), 5)
    assert {str(a) for a in position.allowed()} == {"t {p}"}
    safe = asked_of("t", "q t (t | c)", "G(t -> X (p | c))")
    assert not safe.partial


def test_the_program_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    text = """version: 1
name: small
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", choice: [one, two]}
behavior: q t
propositions: {p: {at: t, python: f}}
rules: [{id: must, ltl: F p}]
"""
    agent = agentspec.loads(text, predicates={"p": lambda said: said == "two"})
    assert not agent.check().problems
    (note,) = agent.check().notes
    assert note.startswith("guaranteed in part: must cannot be kept whatever the functions say of p")
    run = agent.run("x", engine=ForgettingEngine(3), trace=False)
    assert run.accepted
    assert (run.result.guarantee, run.result.unguaranteed) == ("partial", ("must",))
    cursor = agent.compile().start()
    cursor.take("q", "x")
    with pytest.raises(agentspec.InvalidInput, match="'t' is refused: no good end is sure after it"):
        cursor.take("t", "one")
    assert "p" in cursor.take("t", "two").true
    assert capsys.readouterr().out == ""
