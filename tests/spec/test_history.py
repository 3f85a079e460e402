"""What binds a step in view of what was written before, beside the definition, on texts that are enumerated."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from agentspec.content.language import Language
from agentspec.content.tool_schema import ToolSchema
from agentspec.spec.alphabet import Alphabet, alphabet
from agentspec.spec.history_judge import breaks
from agentspec.spec.load import load_text
from agentspec.spec.memory import Memory
from tests.laws.past import TOOLS, Asked, Past, candidates, draw_past, draw_rule, fine, schema, value_of

STEPS = {
    "q": {"by": "user", "cue": "[Q]"},
    "n": {"by": "model", "cue": "[N]", "tool": "name"},
    "i": {"by": "model", "cue": "[I]", "tool": "arguments"},
    "o": {"by": "tool", "cue": "[O]"},
    "j": {
        "by": "model", "cue": "[J]",
        "json_schema": {"type": "object", "properties": {"total": {"type": "integer"}}, "required": ["total"]},
    },
    "a": {"by": "model", "cue": "[A]", "choice": ["yes", "no"]},
}  # fmt: skip
SCHEMAS = {tool: ToolSchema(tool, "It does.", schema(tool)) for tool in TOOLS}


def document(*rules: dict[str, Any], **more: Any) -> str:
    named = [{"id": f"r{i}", **rule} for i, rule in enumerate(rules)]
    behavior = "q (n i o | j)* a"
    return json.dumps({"version": 1, "name": "small", "steps": STEPS, "behavior": behavior, "rules": named, **more})


def letters(*rules: dict[str, Any], **more: Any) -> Alphabet:
    spec = load_text(document(*rules, **more)).spec
    return alphabet(spec, SCHEMAS)


def memory(past: Past) -> Memory:
    made = Memory()
    for kind, name, value in past.events:
        made = made.called(name, value) if kind == "call" else made
        made = made.answered(name, value) if kind == "ok" else made
        made = made.heard(name, value) if kind == "said" else made
    return made


def check_rules(rules: list[Asked], pasts: list[Past]) -> int:
    """Each text of a call is allowed just where the definition says so; returns how many were and were not."""
    made = letters(*(rule.yaml for rule in rules))
    tool, seen = rules[0].tool, set[bool]()
    spec = load_text(document(*(rule.yaml for rule in rules))).spec
    for past in pasts:
        for letter in (a for a in made.letters if a.completes_call and a.tool == tool):
            bound = made.bound(letter)
            inner = Language(made.contents[letter])
            content = None if bound is None else bound.content(memory(past))
            now = None if content is None else Language(content)
            allowed = False
            for text in filter(inner.accepts, candidates(tool)):
                value = value_of(text)
                expected = all(fine(rule, value, past) for rule in rules)
                got = bound is None or (now is not None and now.accepts(text))
                assert got == expected, (text, [rule.yaml for rule in rules], past.events)
                said = any(
                    breaks(one.history, letter, json.loads(text), memory(past)) for one in spec.rules if one.history
                )
                assert said != expected, (text, [rule.yaml for rule in rules], past.events)
                allowed = allowed or expected
                seen.add(expected)
            if allowed:
                assert content is not None or bound is None
            elif content is not None:
                found = Language(content).shortest()
                assert found is not None
                assert all(fine(rule, value_of(found), past) for rule in rules)
    return len(seen)


def test_texts_are_those_that_keep_the_rules() -> None:
    rng, both = Random(1), 0
    for _ in range(25):
        tool = rng.choice(sorted(TOOLS))
        rules = [draw_rule(rng, tool, ["q", "o"]) for _ in range(rng.choice([1, 1, 2]))]
        both += check_rules(rules, [draw_past(rng, ["q", "o"], tool) for _ in range(2)]) == 2
    assert both > 5


@pytest.mark.long
def test_many_texts_are_those_that_keep_the_rules() -> None:
    """pytest -m long tests/spec/test_history.py -k many"""
    for seed in range(400):
        rng = Random(f"history {seed}")
        tool = rng.choice(sorted(TOOLS))
        rules = [draw_rule(rng, tool, ["q", "o"]) for _ in range(rng.choice([1, 1, 2, 3]))]
        check_rules(rules, [draw_past(rng, ["q", "o"], tool) for _ in range(3)])
