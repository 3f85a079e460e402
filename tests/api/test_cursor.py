"""The guard by hand: what it offers, what it refuses and why, against the guard of episodes and hostile callers."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

import agentspec
from agentspec import Budget, InvalidInput
from agentspec.automata.letter import Owner
from agentspec.checking.compile import compile_agent
from agentspec.spec.load import load_text
from tests.api.toys import TEXT, add, small
from tests.decoding import gbnf
from tests.laws.harness import Count, sound
from tests.laws.specs import spec_from
from tests.laws.toy import ToyEngine, toy_matchers, toy_tokenizer


def asked() -> agentspec.Cursor:
    cursor = small().compile().start()
    cursor.take("question", "1 + 1?")
    return cursor


def called() -> agentspec.Cursor:
    cursor = asked()
    cursor.take("thought", "add")
    cursor.take("action", "add")
    cursor.take("action_input", {"b": 1, "a": 1})
    return cursor


def test_a_whole_episode_by_hand() -> None:
    cursor = called()
    assert cursor.owner == Owner.TOOL
    assert cursor.allowed_steps == {"observation": ("add",)}
    assert str(cursor.observe("2")) == "observation {ok(add)}"
    assert cursor.allowed_steps == {"answer": ()} | cursor.allowed_steps
    assert not cursor.may_end
    cursor.take("answer", "2")
    assert cursor.may_end
    assert cursor.must_end
    assert cursor.allowed == ()
    assert str(cursor) == (
        '[Question] 1 + 1?\n[Thought] add\n[Action] add\n[Action Input] {"a":1,"b":1}\n[Observation] 2\n[Answer] 2\n'
    )
    assert [verdict.verdict for verdict in cursor.verdicts(ended=True)] == ["satisfied"]
    assert [letter.step for letter in cursor.word][-1] == "answer"
    assert cursor.left == Budget(1500, 14, 2)


def test_what_is_refused_says_why_and_what_is_allowed() -> None:
    cursor = asked()
    for step, content, why in [
        ("thougt", "x", "no step is called 'thougt'; did you mean 'thought'?"),
        ("answer", "x", "the step 'answer' may not come here; allowed: thought"),
        ("thought", "", "not a valid content for 'thought': ''; allowed: thought"),
        ("thought", "two\nlines", "not a valid content for 'thought'"),
        ("thought", "thirteen chars", "not a valid content for 'thought'"),
        ("observation", "x", "'observation' is a tool's answer: give it to observe()"),
        ("action", {"a": 1}, "the step 'action' may not come here"),
    ]:
        before = repr(cursor)
        with pytest.raises(InvalidInput) as problem:
            cursor.take(step, content)  # type: ignore[arg-type]
        assert why in problem.value.message
        assert repr(cursor) == before
    with pytest.raises(InvalidInput, match=r"no tool's answer is due; allowed: thought"):
        cursor.observe("2")


def test_a_step_that_would_break_a_rule_names_the_rule() -> None:
    text = TEXT.replace("answer\nrules", "(answer | thought answer)\nrules").replace("G !action", "G !thought")
    cursor = agentspec.loads(text, tools=[add]).compile().start()
    cursor.take("question", "1 + 1?")
    cursor.take("thought", "add")
    cursor.take("action", "add")
    cursor.take("action_input", {"a": 1, "b": 1})
    cursor.observe("2")
    with pytest.raises(InvalidInput) as problem:
        cursor.take("thought", "again")
    assert problem.value.message == (
        "'thought' is refused: it would break the rule 'once' (G(ok(add) -> G !thought)); allowed: answer"
    )


def test_a_step_after_which_tools_could_win_shows_how() -> None:
    text = TEXT.replace("G(ok(add) -> G !action)", "G(failed(add) -> G !answer) & F answer").replace("{1,3}", "{0,3}")
    cursor = agentspec.loads(text, tools=[add]).compile().start()
    cursor.take("question", "1 + 1?")
    with pytest.raises(InvalidInput) as problem:
        cursor.take("thought", "add")
    assert "no good end is sure after it" in problem.value.message
    assert "failed(add)" in problem.value.message
    assert "the rule 'once'" in problem.value.message
    assert problem.value.message.endswith("allowed: answer")


def test_arguments_are_judged_by_the_schema() -> None:
    cursor = asked()
    cursor.take("thought", "add")
    cursor.take("action", "add")
    for wrong in ({}, {"a": 1}, {"a": 1, "b": "1"}, {"a": 1, "b": 1, "c": 1}, {"a": 1.5, "b": 1}, "{}", "1"):
        with pytest.raises(InvalidInput, match="not a valid content"):
            cursor.take("action_input", wrong)
    for wrong in ({"a": {1}}, {"a": float("nan"), "b": 1}):
        with pytest.raises(InvalidInput, match="not JSON"):
            cursor.take("action_input", wrong)
    cursor.take("action_input", '{"a":1,"b":-1}')


def test_outcomes_of_a_tool_are_three_letters() -> None:
    for ok, error, shown in [
        (True, False, "observation {ok(add)}"),
        (False, False, "observation {failed(add)}"),
        (False, True, "observation {error, failed(add)}"),
        (True, True, "observation {error, failed(add)}"),
    ]:
        assert str(called().observe("x", ok=ok, error=error)) == shown


def test_rollback_forgets_steps_budget_and_verdicts() -> None:
    cursor = called()
    before = (cursor.word, cursor.left, cursor.verdicts(), str(cursor))
    cursor.observe("2")
    cursor.take("answer", "2", tokens=7)
    assert cursor.word != before[0]
    cursor.rollback(2)
    assert (cursor.word, cursor.left, cursor.verdicts(), str(cursor)) == before
    cursor.rollback(0)
    for wrong in (-1, 5):
        with pytest.raises(ValueError, match="can be undone"):
            cursor.rollback(wrong)
    cursor.rollback(4)
    assert cursor.word == ()


def test_budgets_count() -> None:
    guard = small().compile()
    with pytest.raises(agentspec.BudgetRefused, match="one that suffices"):
        guard.start(Budget(10, 10, 10))
    cursor = guard.start(guard.least)
    cursor.take("question", "1 + 1?")
    with pytest.raises(InvalidInput, match="no good end is sure"):
        cursor.take("thought", "add", tokens=1000)
    cursor.take("thought", "add", tokens=guard.compiled.guard.costs.weights[cursor.allowed[0]])
    cursor.take("action", "add")
    cursor.take("action_input", {"a": 1, "b": 1})
    cursor.observe("no", ok=False)
    with pytest.raises(InvalidInput, match=r"the budget left .* does not hold it"):
        cursor.take("thought", "again")
    cursor.take("answer", "no")


def test_text_is_read_whole_or_not_at_all() -> None:
    cursor = asked()
    letters = cursor.read('[Thought] add\n[Action] add\n[Action Input] {"a":1,"b":1}\n', tokens=30)
    assert [letter.step for letter in letters] == ["thought", "action", "action_input"]
    assert cursor.left == Budget(1470, 16, 2)
    cursor.observe("2 words", ok=False)
    before = str(cursor)
    for text, why in [
        ("[Thought] so\n[Answer] 2\n", "the step 'answer' may not come here"),
        ("[Thought] so\n[Answ", "stops inside a step"),
        ("[Thought] so\nhm\n", "begins with no cue: 'hm'"),
        ("[Thought] so\n\n", "begins with no cue: ''"),
        ("[Thought] so\n[Observation] 3\n", "the step 'observation' may not come here; allowed: action"),
    ]:
        with pytest.raises(InvalidInput, match=why):
            cursor.read(text)
        assert str(cursor) == before
    assert cursor.read("") == ()
    assert cursor.read("[Answer] 2\n")[0].step == "answer"


def test_the_grammar_says_what_the_model_may_write() -> None:
    cursor = asked()
    matcher = toy_matchers().matcher(cursor.grammar)
    matcher.consume(toy_tokenizer()('[Thought] add\n[Action] add\n[Action Input] {"a":1,"b":1}\n'))
    assert matcher.finished
    with pytest.raises(agentspec.EngineFault):
        toy_matchers().matcher(cursor.grammar).consume(toy_tokenizer()("[Answer]"))
    with pytest.raises(InvalidInput, match="does not write here"):
        _ = called().grammar


def test_the_grammar_for_llama_cpp_takes_the_same_texts() -> None:
    cursor = asked()
    grammar = gbnf.parse(cursor.gbnf)
    for text, fine in [
        ('[Thought] add\n[Action] add\n[Action Input] {"a":1,"b":1}\n', True),
        ('[Thought] add\n[Action] add\n[Action Input] {"a":1}\n', False),
        ("[Answer] 2\n", False),
        ("[Thought] add\n", False),
    ]:
        assert grammar.accepts(text) == fine
    with pytest.raises(InvalidInput, match="does not write here"):
        _ = called().gbnf


def test_any_play_of_the_cursor_is_a_run_that_keeps_the_rules() -> None:
    """Random specs, followed at random along what the cursor offers, refuse all else, and always come to an end."""
    played = 0
    for seed in range(120):
        compiled = sound(spec_from(seed), Count())
        if compiled is None:
            continue
        rng, least = Random(seed), compiled.guard.least()
        cursor = agentspec.Cursor(compiled, replace(least, steps=least.steps + 5))
        while not cursor.must_end:
            if cursor.owner == Owner.USER:
                if cursor.word:
                    break
                cursor.take(str(cursor.allowed[0].step), "why?")
                continue
            if cursor.owner == Owner.TOOL:
                cursor.observe("x", ok=rng.random() < 0.5, error=rng.random() < 0.3)
                continue
            exist = compiled.guard.possible(cursor._position.state)
            for letter in sorted(set(exist) - set(cursor.allowed), key=str):
                with pytest.raises(InvalidInput, match=r"is refused: (it would break the rule|no good end|the budget)"):
                    cursor._advance(letter, "", 0)
            if cursor.may_end and rng.random() < 0.3:
                break
            cursor._advance(rng.choice(cursor.allowed), "", 0)
        assert cursor.may_end or cursor.owner == Owner.USER
        if cursor.may_end:
            kept = {rule.id for rule in compiled.agent.spec.rules if rule.enforce == "block"}
            assert {v.verdict for v in cursor.verdicts(ended=True) if v.rule in kept} <= {"satisfied"}
        played += 1
    assert played > 40


def test_the_cursor_follows_what_an_episode_writes() -> None:
    agent = small()
    run = agent.run("1 + 1?", engine=ToyEngine(8), temperature=1, seed=8, trace=False)
    cursor = agent.compile().start()
    for record in run.steps:
        assert record.letter is not None
        if record.letter.owner == Owner.TOOL:
            assert cursor.observe(record.content, ok=f"ok({record.letter.tool})" in record.letter.true,
                                  error="error" in record.letter.true) == record.letter  # fmt: skip
        else:
            assert cursor.take(str(record.letter.step), record.content, tokens=record.tokens) == record.letter
    assert cursor.must_end
    assert cursor.verdicts(ended=True) == run.verdicts


@pytest.mark.long
def test_five_thousand_choices() -> None:
    """pytest -m long tests/api/test_cursor.py"""
    lines = ", ".join(f'"option number {i}"' for i in range(5000))
    steps = f'steps:\n  q: {{by: user, cue: "[Q]"}}\n  a: {{by: model, cue: "[A]", choice: [{lines}]}}\n'
    cursor = agentspec.Cursor(compile_agent(load_text(f"version: 1\nname: many\n{steps}behavior: q a\n")))
    cursor.take("q", "Which?")
    with pytest.raises(InvalidInput):
        cursor.take("a", "option number 5000")
    cursor.take("a", "option number 4999")
    assert cursor.must_end
