"""Steps of every kind taken by hand, as a program has their content; what an episode writes is taken back as it is."""

from __future__ import annotations

from typing import Any

import pytest

import agentspec
from agentspec import InvalidInput
from agentspec.automata.letter import Owner
from tests.api.toys import add, broken
from tests.laws.toy import ToyEngine

KINDS = """\
version: 1
name: kinds
steps:
  question: {by: user, cue: "[Question]"}
  plan: {by: model, cue: "[Plan]", text: {max_chars: 40, max_lines: 3}}
  think: {by: model, cue: "<think>", free: {until: "</think>", max_chars: 40}}
  pick: {by: model, cue: "[Pick]", choice: [left, right]}
  code: {by: model, cue: "[Code]", regex: "[a-c]{2,4}"}
  note:
    by: model
    cue: "[Note]"
    json_schema:
      type: object
      properties:
        z: {type: integer}
        list: {type: array, maxItems: 2, items: {type: object, properties: {y: {type: boolean}, x: {type: "null"}}}}
      required: [z]
  call: {by: model, cue: "[Call]", tool: call}
  observation: {by: tool, cue: "[Observation]", max_tokens: 60}
  quote: {by: model, cue: "[Quote]", span: observation}
  unknown: {by: model, cue: "[Unknown]", choice: [nothing]}
behavior: question plan think pick code note call observation (quote | unknown)
propositions:
  large: {at: call, tool: add, where: {a: {minimum: 100}}}
  good: {at: observation, tool: add, contains: "good"}
rules: [{id: large-is-good, ltl: "G(good & !empty(quote) -> N !unknown)"}]
limits: {max_tokens: 6000}
"""


def agent() -> agentspec.Agent:
    return agentspec.loads(KINDS, tools=[add, broken])


def up_to(step: str) -> agentspec.Cursor:
    """A cursor at which the step is next."""
    cursor = agent().compile().start()
    contents: dict[str, Any] = {
        "question": "why?", "plan": "one\\ntwo", "think": "hm", "pick": "left", "code": "abc", "note": {"z": 1},
        "call": {"arguments": {"b": 1, "a": 100}, "name": "add"},
    }  # fmt: skip
    for name, content in contents.items():
        if name == step:
            break
        cursor.take(name, content)
    return cursor


@pytest.mark.parametrize(
    ("step", "content", "written"),
    [
        ("plan", "one\ntwo", "one\n  two"),
        ("plan", "one\n  two", "one\n  two"),
        ("think", "so\nso", "so\nso</think>"),
        ("think", "so</think>", "so</think>"),
        ("pick", "right", "right"),
        ("code", "abca", "abca"),
        ("note", {"list": [{"x": None, "y": True}], "z": 3}, '{"z":3,"list":[{"y":true,"x":null}]}'),
        ("note", '{"z":3}', '{"z":3}'),
        ("call", {"arguments": {"b": 1, "a": 2}, "name": "add"}, '{"name":"add","arguments":{"a":2,"b":1}}'),
        ("call", '{"name":"broken","arguments":{"a":2}}', '{"name":"broken","arguments":{"a":2}}'),
    ],
)
def test_content_takes_the_form_of_its_step(step: str, content: Any, written: str) -> None:
    cursor = up_to(step)
    assert cursor.take(step, content).step == step
    cue = agent().declaration.spec.steps[step].cue
    assert str(cursor).endswith(f"{cue} {written}\n")


@pytest.mark.parametrize(
    ("step", "content", "why"),
    [
        ("plan", "1\n2\n3\n4", "not a valid content for 'plan': '1"),
        ("think", "x</think> y", "not a valid content"),
        ("think", "x\n[Pick] left", "not a valid content"),
        ("pick", "up", "not a valid content for 'pick': 'up'; allowed: pick"),
        ("pick", {"a": 1}, "the step 'pick' holds a text, not a JSON object"),
        ("code", "abcd", "not a valid content"),
        ("note", {}, "not a valid content"),
        ("note", {"z": 1, "extra": 1}, "not a valid content"),
        ("note", {"z": object()}, "is not JSON"),
        ("call", {"name": "ad", "arguments": {}}, "did you mean 'add'"),
        ("call", {"a": 1}, "a call has a 'name' and 'arguments'"),
        ("call", {"name": "add"}, "not a valid content"),
        ("call", {"name": "add", "arguments": {"a": 1}}, "not a valid content"),
    ],
)
def test_content_outside_its_constraint_is_refused(step: str, content: Any, why: str) -> None:
    cursor = up_to(step)
    before = repr(cursor)
    with pytest.raises(InvalidInput) as problem:
        cursor.take(step, content)
    assert why in problem.value.message
    assert repr(cursor) == before


def test_predicates_are_read_off_the_content() -> None:
    cursor = up_to("observation")
    assert "large" in cursor.word[-1].true
    assert "good" in cursor.observe("very good").true
    assert cursor.allowed_steps == {"quote": ()}
    cursor.rollback(2)
    assert "large" not in cursor.take("call", {"name": "add", "arguments": {"a": 1, "b": 1}}).true
    assert "good" not in cursor.observe("bad").true
    assert set(cursor.allowed_steps) == {"quote", "unknown"}


def test_only_what_was_shown_can_be_quoted() -> None:
    cursor = up_to("observation")
    cursor.observe("the sky is blue", shown="the sky")
    with pytest.raises(InvalidInput, match="not a valid content"):
        cursor.take("quote", "blue")
    cursor.take("quote", "the sky")
    cursor.rollback(2)
    cursor.observe("grass is green")
    with pytest.raises(InvalidInput, match="not a valid content"):
        cursor.take("quote", "the sky")
    cursor.take("quote", "green")
    cursor.rollback(2)
    cursor.observe("no", ok=False)
    assert cursor.allowed_steps == {"unknown": ()}


@pytest.mark.parametrize("seed", range(6))
def test_the_cursor_takes_and_reads_what_an_episode_writes(seed: int) -> None:
    kinds = agent()
    run = kinds.run("why?", engine=ToyEngine(seed), temperature=2, seed=seed, trace=False)
    assert run.accepted
    taking, reading = kinds.compile().start(), kinds.compile().start()
    waiting = ""
    for record in run.steps:
        letter = record.letter
        assert letter is not None
        if letter.owner == Owner.MODEL:
            assert taking.take(str(letter.step), record.content, tokens=record.tokens) == letter
            waiting += f"{kinds.declaration.spec.steps[str(letter.step)].cue} {record.content}\n"
            continue
        if waiting:
            reading.read(waiting)
            waiting = ""
        if letter.owner == Owner.USER:
            assert taking.take("question", record.content) == reading.take("question", record.content) == letter
        else:
            happened = {"ok": any(name.startswith("ok(") for name in letter.true), "error": "error" in letter.true}
            for cursor in (taking, reading):
                assert cursor.observe(record.content, shown=record.shown.removesuffix(" …[cut]"), **happened) == letter
    reading.read(waiting)
    assert taking.word == reading.word == tuple(record.letter for record in run.steps)
    assert taking.must_end
