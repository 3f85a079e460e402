"""Runs under history rules: what tools answer, be it nothing or always the same, no step breaks one, and all end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.content.language import Language
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.trace import StepRecord
from agentspec.errors import SpecError, TooLarge
from agentspec.guard.budget import Budget
from agentspec.spec.load import load_text
from agentspec.toolbox.tool import Tool, ToolError
from tests.laws.past import RESULTS, SAID, TOOLS, Asked, Past, candidates, draw_rule, fine, value_of
from tests.laws.toy import WILLS, ToyEngine
from tests.spec.test_history import SCHEMAS, document


def play(made: Compiled, rng: Random, answer: Callable[[], Any], budget: Budget | None = None) -> Episode:
    tools = {name: Tool(schema, lambda **_: answer(), None) for name, schema in SCHEMAS.items()}
    engine = ToyEngine(rng.randrange(10**6), rng.choice(sorted(WILLS)))
    sampler = Sampler(1.0, rng.randrange(10**6))
    return Episode(made, engine, tools, rng.choice(SAID[2:5]), sampler, None, budget or Budget(6000, 40, 6))


def check_records(made: Compiled, rules: list[Asked], records: list[StepRecord]) -> int:
    """No call breaks a rule, and ``empty(…)`` is said just where no candidate keeps the rules. Returns the calls."""
    past, calls = Past(), 0
    written: dict[str, list[str]] = {}  # of each step, the candidates that its grammar takes
    for bound in made.alphabet.bounds.values():
        grammar = Language(bound.inner)
        written[bound.name] = [text for text in candidates(str(bound.letter.tool)) if grammar.accepts(text)]
    for record in records:
        letter = record.letter
        assert letter is not None
        assert not any(name.startswith("breaks(") for name in letter.true)
        if letter.completes_call:
            value, calls = value_of(record.content), calls + 1
            for rule in rules:
                assert rule.tool != letter.tool or fine(rule, value, past), (rule.yaml, record.content, past.events)
            past.events.append(("call", str(letter.tool), value))
        elif letter.owner != "model" and not any(name.startswith("failed(") for name in letter.true):
            if letter.tool is not None:
                past.events.append(("ok", letter.tool, record.value))
            past.events.append(("said", str(letter.step), record.shown))
        for bound in made.alphabet.bounds.values():
            some = written[bound.name]
            here = [rule for rule in rules if rule.tool == bound.letter.tool]
            if bound.name in letter.true:
                assert not any(all(fine(rule, value_of(text), past) for rule in here) for text in some), past.events
    return calls


def run_some(seeds: range) -> Counter[str]:
    ends: Counter[str] = Counter()
    for seed in seeds:
        rng = Random(f"run {seed}")
        rules = [draw_rule(rng, rng.choice(sorted(TOOLS)), ["q", "o"]) for _ in range(rng.choice([1, 2, 3]))]
        try:
            made = compile_agent(load_text(document(*(rule.yaml for rule in rules))), SCHEMAS)
        except TooLarge:
            ends["too large"] += 1
            continue
        assert made.realizable
        few = rng.sample([*RESULTS, *SAID], rng.choice([1, 1, 2, 5]))

        def answer(few: list[Any] = few, rng: Random = rng) -> Any:
            if rng.random() < 0.1:
                raise ToolError("no")
            return rng.choice(few)

        for _ in range(2):
            episode = play(made, rng, answer)
            records = list(episode.steps())
            assert episode.result is not None
            assert episode.result.status == "accepted", (episode.result.reason, [rule.yaml for rule in rules])
            assert all(one.verdict == "satisfied" for one in episode.result.verdicts)
            ends["calls"] += check_records(made, rules, records)
            ends["runs"] += 1
    return ends


def test_no_run_breaks_a_rule_whatever_tools_answer() -> None:
    ends = run_some(range(8))
    assert ends["runs"] >= 12
    assert ends["calls"] > 5


@pytest.mark.long
def test_no_run_of_many_breaks_a_rule() -> None:
    """pytest -m long tests/episode/test_history.py"""
    ends = run_some(range(100, 400))
    assert ends["calls"] > 300


PICK = {"unique": "call(pick)"}


def test_a_step_that_runs_out_is_not_begun() -> None:
    """Three colours: after three calls the tool is not chosen again, though the model would."""
    text = document(PICK).replace("(n i o | j)*", "(n i o)*")
    made = compile_agent(load_text(text), {"pick": SCHEMAS["pick"]})
    most = 0
    for seed in range(12):
        rng = Random(seed)
        episode = play(made, rng, lambda: "done", Budget(2000, 40, 9))
        episode.engine.will = "workaholic"  # type: ignore[attr-defined]
        written = [record.content for record in episode.steps() if record.letter and record.letter.completes_call]
        assert episode.result is not None
        assert episode.result.status == "accepted"
        assert len(set(written)) == len(written)
        most = max(most, len(written))
    assert 1 <= most <= 4  # the colour may be left out as well


def test_without_a_way_out_the_spec_is_refused() -> None:
    """Each call must repeat what the last look said; before a look there is no call, and one is owed."""
    rule = {"require": "args.amount == last(order).total", "when": "call(pay)"}
    owed = {"ltl": "F call(pay)"}
    made = compile_agent(load_text(document(rule, owed)), SCHEMAS)
    assert not made.realizable
    with pytest.raises(SpecError, match="not realizable"):
        _ = made.guard
    let_off = {"ltl": "G(ok(order) & !empty(i, pay) -> F call(pay))"}
    assert compile_agent(load_text(document(rule, let_off)), SCHEMAS).realizable
