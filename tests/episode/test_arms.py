"""What stands in for the guard: a monitor that denies afterwards, and the grammar of each step alone."""

from __future__ import annotations

import pytest

import agentspec
from agentspec.episode.grammar_only import GrammarOnlyEpisode
from agentspec.episode.monitored import DENIALS
from agentspec.episode.transcript import show
from agentspec.errors import InvalidInput
from tests.api.toys import SILENT, small
from tests.episode.scripted import END, FreeEngine, FreeSource, ScriptedSource, scripted
from tests.laws.harness import sound_spec
from tests.laws.toy import WILLS

CALL = '[Thought] go\n[Action] add\n[Action Input] {"a":1,"b":2}\n'


def context(engine: object) -> str:
    source = engine.sources[-1]  # type: ignore[attr-defined]
    assert isinstance(source, ScriptedSource)
    return source.text


def run(engine: object, guarded: object, **more: object) -> agentspec.Run:
    return small().run("1 and 2?", engine=engine, guarded=guarded, trace=False, **more)  # type: ignore[arg-type]


# ---- the monitor -----------------------------------------------------------------------------------------------------


def test_what_breaks_nothing_is_as_without_the_monitor() -> None:
    parts = (CALL, "[Answer] 3\n", END)
    free, watched = run(scripted(*parts), False), run(scripted(*parts), "monitor")
    assert free.accepted
    assert [step.content for step in watched.steps] == [step.content for step in free.steps]
    assert watched.answer == "3"


def test_a_step_out_of_order_is_taken_back_and_told_of() -> None:
    engine = scripted("[Answer] 9\n", CALL, "[Answer] 3\n", END)
    found = run(engine, "monitor")
    assert found.accepted
    assert found.answer == "3"
    denied = [step for step in found.steps if step.letter is None]
    assert [step.content for step in denied] == ["[Answer] 9"]
    assert denied[0].detail == "denied: malformed: the step 'answer' may not come here"
    line, rest = context(engine).split("\n", 1)
    assert line == (
        "(Denied: '[Answer] 9': malformed: the step 'answer' may not come here. Allowed now: [Thought].)"
    )  # fmt: skip
    assert rest == f"{CALL}[Observation] 3\n[Answer] 3\n"


def test_a_step_that_breaks_a_rule_is_denied_by_its_name_and_may_leave_no_way_out() -> None:
    """Behind the thought only an action may come, which the rule forbids: seen when it is too late."""
    engine = scripted(CALL, "[Thought] more\n[Action] add\n", "[Answer] 3\n", END)
    found = run(engine, "monitor")
    denied = [step.detail for step in found.steps if step.letter is None]
    assert denied[0] == "denied: breaks once"
    assert "[Action] add': breaks once. Allowed now: nothing.)" in context(engine)
    assert context(engine).count("\n[Action] add\n") == 1
    assert found.status == "stopped_rule"


def test_an_end_where_none_is_allowed_is_denied() -> None:
    engine = scripted("[Thought] go\n", END, '[Action] add\n[Action Input] {"a":1,"b":2}\n', "[Answer] 3\n", END)
    found = run(engine, "monitor")
    assert found.accepted
    assert "(Denied: the end: the episode may not end here. Allowed now: [Action] add.)\n" in context(engine)


def test_the_end_of_a_line_that_is_cut_is_given_back() -> None:
    engine = scripted("[Thought] go", END, '[Action] add\n[Action Input] {"a":1,"b":2}\n', "[Answer] 3\n", END)
    assert run(engine, "monitor").accepted
    assert context(engine).startswith("[Thought] go\n(Denied: the end")


def test_after_so_many_denials_the_next_ends_the_run() -> None:
    engine = scripted(*["[Answer] 9\n"] * (DENIALS + 1), CALL)
    found = run(engine, "monitor")
    assert found.status == "stopped_rule"
    assert found.reason == "malformed: the step 'answer' may not come here"
    assert sum(step.detail.startswith("denied") for step in found.steps) == DENIALS
    assert context(engine).count("(Denied") == DENIALS


def test_denied_tokens_are_spent() -> None:
    found = run(scripted(*["[Answer] 9\n"] * 3, CALL, "[Answer] 3\n", END), "monitor", max_tokens=20)
    assert found.status == "stopped_limit"
    assert found.usage.tokens == 20


@pytest.mark.parametrize(
    "bad", ["[Answer] 9\n", "[Unknown] x\n", "nothing at all\n", '[Action Input] {"a":1}\n', "x\n[Answer] y\n"]
)
def test_the_text_is_that_of_the_steps_whatever_tokens_straddle(bad: str) -> None:
    """Bad text in one piece with good: the tokens that reach over the border are cut there."""
    engine = scripted(f"[Thought] go\n{bad}", '[Action] add\n[Action Input] {"a":1,"b":2}\n', "[Answer] 3\n", END)
    run(engine, "monitor")
    lines = context(engine).split("\n")
    assert lines[0] == "[Thought] go"
    assert lines[1].startswith("(Denied: ")
    assert bad.split("\n")[0] not in (line for line in lines)


# ---- the grammar of each step ----------------------------------------------------------------------------------------


def test_the_order_is_free_and_judged_by_the_agent() -> None:
    found = run(scripted("[Answer] 9\n", END), "grammar")
    assert (found.status, found.answer) == ("stopped_rule", None)
    assert found.reason == "malformed: the step 'answer' may not come here"
    assert run(scripted(CALL, "[Answer] 3\n", END), "grammar").answer == "3"


def test_a_rule_is_not_enforced_and_judges() -> None:
    found = run(scripted(CALL, "[Thought] more\n[Action] add\n"), "grammar")
    assert found.status == "stopped_rule"
    assert [verdict.verdict for verdict in found.verdicts] == ["violated"]


def test_the_model_may_end_anywhere() -> None:
    found = run(scripted("[Thought] go\n", END), "grammar")
    assert found.reason == "malformed: the model ended where an episode may not end"


def test_nothing_lands() -> None:
    found = run(scripted("[Thought] go\n"), "grammar", max_tokens=3)
    assert (found.status, found.usage.tokens > 2) == ("stopped_limit", True)


@pytest.mark.parametrize("seed", range(40))
def test_every_step_has_its_form_and_the_text_is_that_of_the_steps(seed: int) -> None:
    """Random specs and models: what ends a run is its order, a rule or a limit, never the text of a step."""
    spec, agent = sound_spec(seed)
    if agent is None:
        return
    tools, _ = spec.tools()
    engine = FreeEngine(seed=seed, will=sorted(WILLS)[seed % len(WILLS)])
    episode = GrammarOnlyEpisode(agent, engine, tools, "Go.", lookup=None)
    records = list(episode.steps())
    result = episode.result
    assert result is not None
    assert result.status in ("accepted", "stopped_rule", "stopped_limit", "pending", "assumption_violated"), result
    if result.reason.startswith("malformed"):
        assert "may not come here" in result.reason or "may not end" in result.reason, result
    source = engine.sources[-1]
    assert isinstance(source, FreeSource)
    if agent.agent.rendering.style in ("chat", "text") and result.status == "accepted":
        said = [show(agent.agent.spec, str(record.letter.step), record.shown) for record in records if record.letter]
        assert source.text in ("".join(said[1:]), "".join(said[1:]).removesuffix("\n"))


# ---- both ------------------------------------------------------------------------------------------------------------


def test_other_arms_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'grammar' or 'monitor', not 'monitr'"):
        run(scripted(), "monitr")


@pytest.mark.parametrize("arm", ["grammar", "monitor", False])
def test_a_guard_is_not_needed(arm: object) -> None:
    """Nothing of the guard is asked: the budget may be one it would refuse."""
    found = agentspec.loads(SILENT).run("Hi", engine=scripted("[Answer] x\n"), guarded=arm, max_tokens=9, trace=False)  # type: ignore[arg-type]
    assert found.accepted
    assert found.result.guarantee == "partial"


# ---- quotations ------------------------------------------------------------------------------------------------------

QUOTES = """\
version: 1
name: quotes
steps:
  question: {by: user, cue: "[Question]"}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 40}
  answer: {by: model, cue: "[Answer]", span: observation}
  unknown: {by: model, cue: "[Unknown]", choice: [it failed]}
behavior: question action action_input observation (answer | unknown)
"""


@pytest.mark.parametrize("arm", [False, "monitor", "grammar", True])
def test_a_quotation_is_one_without_the_guard_too(arm: object) -> None:
    def add(a: int, b: int) -> str:
        """Add.

        Args:
            a: one
            b: the other
        """
        return f"it comes to {a + b}"

    call = '[Action] add\n[Action Input] {"a":1,"b":2}\n'
    for said, fine in (("comes to 3", True), ("it is 3", False)):
        agent = agentspec.loads(QUOTES, tools=[add])
        found = agent.run("1 and 2?", engine=scripted(call, f"[Answer] {said}\n", END), guarded=arm, trace=False)  # type: ignore[arg-type]
        if fine:
            assert (found.status, found.answer) == ("accepted", "comes to 3"), found
        elif arm in (False, "monitor"):
            assert found.status == "stopped_rule"
            assert found.answer is None
