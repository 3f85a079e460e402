"""Steps that code writes: what becomes of a text, of a proposal, of a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import agentspec
from agentspec import Moment, Said, StepRecord, ToolError
from agentspec.episode.helped import PROPOSED
from agentspec.errors import InvalidInput
from tests.api.test_agent import Loose
from tests.engines.test_engine_kinds import make
from tests.episode.test_partial import ForgettingEngine
from tests.laws.toy import ToyEngine, ToySource, toy_tokenizer

__all__ = ["make"]
AGENT = """\
version: 1
name: helped
steps:
  question: {by: user, cue: "[Question]"}
  memo: {by: tool, cue: "[Memo]", handler: ./h.py:memo, max_tokens: 40}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 12}}
behavior: question memo answer
propositions: {loud: {at: memo, contains: LOUD}}
rules: [{id: told, ltl: "G !loud", enforce: warn}, {id: fine, ltl: "G !error", enforce: warn}]
limits: {max_tokens: 100, max_steps: 5, max_tool_calls: 0}
"""
PROPOSES = """\
version: 1
name: proposes
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 40}}
  answer: {by: model, cue: "[Answer]", KIND, handler: ./h.py:answer}
behavior: question thought answer
limits: {max_tokens: TOKENS, max_steps: 5, max_tool_calls: 0}
"""


def run(text: str, task: str = "Why?", *, engine: Any = None, given: Any = None, **more: Any) -> agentspec.Run:
    agent = agentspec.loads(text, handlers=given or {})
    return agent.run(task, engine=engine or ToyEngine(3), trace=False, **more)


def wrote(found: agentspec.Run, step: str) -> StepRecord:
    return next(one for one in found.steps if one.letter is not None and one.letter.step == step)


def true(record: StepRecord) -> frozenset[str]:
    assert record.letter is not None
    return record.letter.true


# At a tool's step ---------------------------------------------------------------------------------------------------


def test_what_a_handler_says_is_told_and_judged() -> None:
    found = run(AGENT, given={"memo": lambda moment: f"LOUD {moment.task} {len(moment.steps)}"})
    assert found.accepted
    memo = wrote(found, "memo")
    assert (memo.content, memo.tokens, true(memo)) == ("LOUD Why? 1", 0, {"memo", "loud"})
    assert {one.rule: one.verdict for one in found.verdicts} == {"told": "violated", "fine": "satisfied"}
    assert (found.usage.steps, found.usage.tool_calls) == (3, 0)


@pytest.mark.parametrize(
    ("doing", "text"),
    [
        (ToolError("LOUD: I will not"), "LOUD: I will not"),
        (ValueError("LOUD"), "ValueError: LOUD"),
        (SystemExit(3), "SystemExit: 3"),
        (None, "TypeError: the handler of a tool's step gives a text, not None"),
        (5, "TypeError: a handler gives a text, Said of a text, or None, not int"),
        (Said(5), "TypeError: a handler gives a text, Said of a text, or None, not Said with int"),  # type: ignore[arg-type]
        (Said("x", object()), "TypeError: Object of type object is not JSON serializable"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Said) else str(value),
)
def test_a_fault_is_an_error_and_no_proposition_holds(doing: Any, text: str) -> None:
    def memo(_: Moment) -> Any:
        if isinstance(doing, BaseException):
            raise doing
        return doing

    found = run(AGENT, given={"memo": memo})
    assert found.accepted
    record = wrote(found, "memo")
    assert (record.content, true(record)) == (text, {"memo", "error"})
    assert ("Traceback" in record.detail) == (not isinstance(doing, ToolError))
    assert {one.rule: one.verdict for one in found.verdicts} == {"told": "satisfied", "fine": "violated"}


def test_an_interrupt_cancels_the_run() -> None:
    def memo(_: Moment) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(AGENT, given={"memo": memo})


def test_what_is_hidden_is_in_the_trace_alone(tmp_path: Path) -> None:
    (tmp_path / "examples.txt").write_text("[Question] a\n[Memo] never shown\n[Answer] b\n", encoding="utf-8")
    text = AGENT.replace("max_tokens: 40", "hidden: true") + f"examples: {tmp_path / 'examples.txt'}\n"
    for style in ("chat", "text"):
        engine = ToyEngine(3)
        rendered: list[int] = []
        opened = engine.open

        def noted(prompt: list[int], opened: Any = opened, rendered: list[int] = rendered) -> ToySource:
            rendered += prompt
            found: ToySource = opened(prompt)
            return found

        engine.open = noted  # type: ignore[method-assign]
        found = run(f"{text}rendering: {{style: {style}}}\n", engine=engine, given={"memo": lambda _: "so secret"})
        assert found.accepted
        assert wrote(found, "memo").content == "so secret"
        plain = [token for token in rendered if token < len(toy_tokenizer().plain)]
        seen = engine.decode(plain) + engine.decode([t for some in engine.sources[0].appended for t in some if t < 600])
        assert b"[Answer] b" in seen
        assert b"secret" not in seen
        assert b"never shown" not in seen


def test_a_step_of_code_at_the_end_comes_where_it_does_no_harm() -> None:
    ends = AGENT.replace("question memo answer", "question answer memo*")
    given = {"memo": lambda _: "x"}
    found = run(ends, given=given)
    assert found.accepted
    assert [str(true(one) and one.letter and one.letter.step) for one in found.steps][2:] == ["memo"] * 3
    never = ends.replace('"G !error", enforce: warn', '"G !error"')
    assert [one.letter and one.letter.step for one in run(never, given=given).steps] == ["question", "answer"]


# At a step of the model ---------------------------------------------------------------------------------------------

KINDS = [
    ("text: {max_chars: 9}", "so it is", "so it is"),
    ("text: {max_chars: 9}", "so it is so", None),
    ("text: {max_chars: 9}", "a\n[Thought] b", None),
    ("text: {max_chars: 9}", " x", None),
    ("text: {max_chars: 9}", "\ud800", None),
    ("text: {max_chars: 9}", "", None),
    ("text: {max_chars: 30, max_lines: 3}", "one\ntwo", "one\n  two"),
    ("text: {max_chars: 30, max_lines: 3}", "one\n  two", "one\n  two"),
    ("text: {max_chars: 30, max_lines: 3}", "one\ntwo\nthree\nfour", None),
    ('free: {until: "</end>", max_chars: 30}', "one\ntwo", "one\ntwo</end>"),
    ('free: {until: "</end>", max_chars: 30}', "one</end>", "one</end>"),
    ("choice: [yes, no]", "no", "no"),
    ("choice: [yes, no]", "maybe", None),
    ("regex: '[0-9]{2}'", "42", "42"),
    ("json_schema: {type: object, properties: {a: {type: integer}}, required: [a]}", '{ "a": 4 }', '{"a":4}'),
    ("json_schema: {type: object, properties: {a: {type: integer}}, required: [a]}", '{"a":"4"}', None),
    ("json_schema: {type: object, properties: {a: {type: integer}}, required: [a]}", "[" * 100_000, None),
    ("json_schema: {type: array, items: {type: integer}, maxItems: 3}", "[1, 2]", "[1,2]"),
    ("span: {of: [question]}", "Why?", "Why?"),
    ("span: {of: [question]}", "Whither?", None),
]


@pytest.mark.parametrize(("kind", "text", "taken"), KINDS, ids=range(len(KINDS)))
def test_a_proposal_is_taken_where_the_step_may_hold_it(kind: str, text: str, taken: str | None) -> None:
    spec = PROPOSES.replace("KIND", kind).replace("TOKENS", "900").replace("t answer", "t (answer | thought)")
    found = run(spec, given={"answer": lambda _: text})
    assert found.accepted
    proposed = [record for record in found.steps if record.detail == PROPOSED]
    assert [record.content for record in proposed] == ([] if taken is None else [taken])
    assert all(record.forced == record.tokens > 0 for record in proposed)


def test_a_proposal_is_within_the_budget() -> None:
    spec = PROPOSES.replace("KIND", "text: {max_chars: 40}")
    taken = []
    for tokens in range(8, 62, 6):
        text = spec.replace("TOKENS", str(tokens)).replace("question thought answer", "question answer thought")
        found = run(text, given={"answer": lambda _: "zq" * 9})
        if found.status != "refused":
            assert found.accepted
            assert found.usage.tokens <= tokens
            taken.append(wrote(found, "answer").detail == PROPOSED)
    assert taken == sorted(taken)
    assert set(taken) == {False, True}, "what does not fit is the model's to write"


def test_nothing_is_proposed_that_a_rule_forbids() -> None:
    rule = "propositions: {no: {at: answer, matches: no}}\nrules: [{id: yes, ltl: 'G !no'}]\n"
    text = PROPOSES.replace("KIND", "choice: [yes, no]").replace("TOKENS", "200") + rule
    assert wrote(run(text, given={"answer": lambda _: "no"}), "answer").content == "yes"
    calls: list[str] = []

    def said_no(content: str) -> bool:
        calls.append(content)
        return content == "no"

    runtime = text.replace("matches: no", "python: no")
    agent = agentspec.loads(runtime, handlers={"answer": lambda _: "no"}, predicates={"no": said_no})
    found = agent.run("Why?", engine=ForgettingEngine(3), trace=False)
    assert found.accepted
    assert wrote(found, "answer").content == "yes"
    assert calls[0] == "no"


def test_a_fault_at_a_step_of_the_model_names_step_and_handler() -> None:
    def answer(_: Moment) -> str:
        raise ValueError("oh")

    text = PROPOSES.replace("KIND", "text: {max_chars: 9}").replace("TOKENS", "200")
    found = run(text, given={"answer": answer})
    assert found.status == "engine_fault"
    assert found.reason == "the handler of 'answer', ./h.py:answer, failed: ValueError: oh"
    assert [one.letter and one.letter.step for one in found.steps] == ["question", "thought"]


def test_without_the_guard_the_model_writes_itself() -> None:
    text = PROPOSES.replace("KIND", "text: {max_chars: 9}").replace("TOKENS", "20")
    found = run(text, engine=Loose(), given={"answer": lambda _: "so it is"}, guarded=False)
    assert all(record.detail != PROPOSED for record in found.steps)


TOOLS = """\
version: 1
name: calls
steps:
  question: {by: user, cue: "[Question]"}
  action: {by: model, cue: "[Action]", tool: name, handler: ./h.py:name}
  input: {by: model, cue: "[Input]", tool: arguments, handler: ./h.py:input}
  result: {by: tool, cue: "[Result]"}
  answer: {by: model, cue: "[Answer]", choice: [done]}
behavior: question action input result answer
limits: {max_tokens: 300, max_steps: 9, max_tool_calls: 1}
"""


def double(number: int) -> int:
    """Twice a number.

    Args:
        number: any
    """
    return 2 * number


def echo(text: str) -> str:
    """The same.

    Args:
        text: what is said
    """
    return text


def add(a: int, b: int) -> int:
    """The sum.

    Args:
        a: one
        b: other
    """
    return a + b


@pytest.mark.parametrize(
    ("tool", "text", "arguments"),
    [
        (double, "21", '{"number":21}'), (double, ' {"number": 21}', '{"number":21}'), (double, "x", None),
        (echo, "21", '{"text":"21"}'), (echo, 'say "it"', '{"text":"say \\"it\\""}'),
        (echo, '{"text": "a"}', '{"text":"a"}'),
        (echo, '{"text": "a", "text": "b"}', '{"text":"{\\"text\\": \\"a\\", \\"text\\": \\"b\\"}"}'),
        (add, '{"b": 1, "a": 2}', '{"a":2,"b":1}'), (add, "3", None), (add, '{"a":1}', None), (add, "9" * 5000, None),
    ],
)  # fmt: skip
def test_arguments_are_proposed_as_json_or_alone(tool: Any, text: str, arguments: str | None) -> None:
    agent = agentspec.loads(TOOLS, tools=[tool], handlers={"action": lambda _: tool.__name__, "input": lambda _: text})
    found = agent.run("Why?", engine=ToyEngine(3), trace=False)
    assert found.accepted
    assert wrote(found, "action").detail == PROPOSED
    assert (wrote(found, "input").detail == PROPOSED) == (arguments is not None)
    assert arguments in (None, wrote(found, "input").content)


# The trace ----------------------------------------------------------------------------------------------------------


def test_traces_of_steps_of_code_are_replayed(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from agentspec.cli.app import app

    (tmp_path / "policy.yaml").write_text(AGENT, encoding="utf-8")
    for name, said in (("fine", "x"), ("loud", "LOUD"), ("gone", None)):
        agent = agentspec.loads(AGENT, handlers={"memo": lambda _, said=said: said})
        found = agent.run("Why?", engine=ToyEngine(3), trace=tmp_path / name)
        done = CliRunner().invoke(
            app, ["replay", str(found.trace_path), "--spec", str(tmp_path / "policy.yaml"), "--json"]
        )
        told = {one["rule"]: one["violated"] for one in json.loads(done.stdout)["rules"]}
        assert told == {"told": int(name == "loud"), "fine": int(name == "gone")}
        where = [str(found.trace_path), "--rule", "told", "--spec", str(tmp_path / "policy.yaml")]
        explained = CliRunner().invoke(app, ["explain", *where]).stdout
        assert ("memo {loud}" in explained) == (name == "loud")


def test_a_cursor_takes_what_a_handler_would_say() -> None:
    agent = agentspec.loads(AGENT, handlers={"memo": lambda _: "x"})
    cursor = agentspec.compile(agent).start()
    cursor.take("question", "Why?")
    assert cursor.observe("it is LOUD").true == {"memo", "loud"}
    cursor.rollback()
    assert cursor.observe("it is LOUD", error=True).true == {"memo", "error"}


def test_a_handler_given_for_no_step_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no step with a handler is called 'mem'; did you mean 'memo'"):
        agentspec.loads(AGENT, handlers={"mem": lambda _: "x"})
    with pytest.raises(InvalidInput, match=r"the handler of 'memo', \./h\.py:memo, does not take its settings"):
        run(AGENT, given={"memo": lambda: "x"})


def test_what_was_written_is_not_a_handlers_to_change() -> None:
    def answer(moment: Moment) -> str:
        moment.steps[1].value["n"].append(4)
        return "x"

    text = AGENT.replace("text: {max_chars: 12}", "text: {max_chars: 12}, handler: ./h.py:answer")
    found = run(text, given={"memo": lambda _: Said("so", {"n": [3]}), "answer": answer})
    assert wrote(found, "memo").value == {"n": [3]}
    assert wrote(found, "answer").content == "x"


def test_a_proposal_of_millions_of_letters_is_refused_soon() -> None:
    for kind in ("text: {max_chars: 9}", "json_schema: {type: integer}", "choice: [yes, no]"):
        found = run(
            PROPOSES.replace("KIND", kind).replace("TOKENS", "900"), given={"answer": lambda _: "7" * 3_000_000}
        )
        assert found.accepted
        assert wrote(found, "answer").detail != PROPOSED
