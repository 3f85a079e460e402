"""Automata drawn: the JSON can be simulated on its own, the pictures are what they were."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from agentspec.automata.dfa import Dfa
from agentspec.automata.draw import to_json, to_mermaid, to_text
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.translate import translate
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.automata.languages import Word, valuations, words_up_to
from tests.logic.strategies import formulas

AB = valuations("ab")
UP_TO_4 = tuple(words_up_to(AB, 4))
KEYS = {
    "schema_version", "semantics", "acceptance", "deterministic", "propositions", "states", "initial", "accepting",
    "transitions",
}  # fmt: skip


def simulate(shape: dict[str, Any], word: Word) -> bool:
    """What a reader of the JSON does: labels are cubes, an unnamed proposition is any, no transition rejects."""
    state = shape["initial"]
    for valuation in word:
        ways = [
            edge["target"]
            for edge in shape["transitions"]
            if edge["source"] == state and all((name in valuation) == value for name, value in edge["label"].items())
        ]
        if not ways:
            return False
        assert len(ways) == 1, "labels of one source overlap"
        state = ways[0]
    return state in shape["accepting"]


@settings(deadline=None, max_examples=60)
@given(formulas())
def test_the_json_alone_has_the_language_of_the_formula(formula: Formula) -> None:
    shape = json.loads(json.dumps(to_json(translate(formula, ("a", "b")))))
    for word in UP_TO_4:
        assert simulate(shape, word) == (bool(word) and holds(formula, word)), word


@settings(deadline=None, max_examples=60)
@given(formulas())
def test_the_json_has_exactly_the_shape_of_the_design(formula: Formula) -> None:
    shape = json.loads(json.dumps(to_json(translate(formula, ("a", "b")))))
    assert set(shape) == KEYS
    assert (shape["schema_version"], shape["semantics"], shape["acceptance"]) == (1, "finite", "finite")
    assert shape["deterministic"] is True
    assert shape["propositions"] == ["a", "b"]
    states = range(shape["states"])
    assert shape["initial"] in states
    assert all(state in states for state in shape["accepting"])
    for edge in shape["transitions"]:
        assert set(edge) == {"source", "target", "label"}
        assert edge["source"] in states
        assert edge["target"] in states
        assert all(name in shape["propositions"] and type(value) is bool for name, value in edge["label"].items())


def small() -> Dfa:
    """Two steps of a spec, the second with two outcomes."""
    ok, failed = "ok(pay)", "failed(pay)"
    ask = Letter(frozenset({"ask"}), frozenset(), "ask", Owner.USER)
    fine = Letter(frozenset({"see", ok}), frozenset({failed}), "see", Owner.TOOL, "pay")
    bad = Letter(frozenset({"see", failed}), frozenset({ok}), "see", Owner.TOOL, "pay")
    return Dfa(("ask", "see", ok, failed), 0, frozenset({2}), (((ask, 1),), ((fine, 2), (bad, 1)), ()))


def test_json_of_a_spec() -> None:
    assert to_json(small(), frozenset({2})) == {
        "schema_version": 1,
        "semantics": "finite",
        "acceptance": "finite",
        "deterministic": True,
        "propositions": ["ask", "see", "ok(pay)", "failed(pay)"],
        "states": 3,
        "initial": 0,
        "accepting": [2],
        "transitions": [
            {"source": 0, "target": 1, "step": "ask", "owner": "user", "label": {"ask": True}},
            {
                "source": 1, "target": 2, "step": "see", "tool": "pay", "owner": "tool",
                "label": {"see": True, "ok(pay)": True, "failed(pay)": False},
            },
            {
                "source": 1, "target": 1, "step": "see", "tool": "pay", "owner": "tool",
                "label": {"see": True, "ok(pay)": False, "failed(pay)": True},
            },
        ],
        "winning": [2],
    }  # fmt: skip


def test_json_without_a_word() -> None:
    shape = to_json(translate(parse_formula("false")))
    assert (shape["states"], shape["accepting"], shape["transitions"], shape["propositions"]) == (1, [], [], [])


def test_text_of_a_formula() -> None:
    assert to_text(translate(parse_formula("F a"))) == (
        "state 0 (initial)\n  !a -> 0\n  a -> 1\nstate 1 (accepting)\n  true -> 1\n"
    )


def test_text_of_a_spec() -> None:
    assert to_text(small(), frozenset({2})) == (
        "state 0 (initial, lost)\n"
        "  ask -> 1\n"
        "state 1 (lost)\n"
        "  see: failed(pay) -> 1\n"
        "  see: ok(pay) -> 2\n"
        "state 2 (accepting)\n"
    )


def test_mermaid_of_a_formula() -> None:
    assert to_mermaid(translate(parse_formula("F a"))) == (
        "stateDiagram-v2\n"
        "    direction LR\n"
        "    [*] --> s0\n"
        '    state "0" as s0\n'
        '    state "1" as s1\n'
        "    s0 --> s0 : !a\n"
        "    s0 --> s1 : a\n"
        "    s1 --> s1 : true\n"
        "    s1 --> [*]\n"
    )


def test_mermaid_of_a_spec() -> None:
    assert to_mermaid(small(), frozenset({2})) == (
        "stateDiagram-v2\n"
        "    direction LR\n"
        "    [*] --> s0\n"
        '    state "0" as s0\n'
        '    state "1" as s1\n'
        '    state "2" as s2\n'
        "    s0 --> s1 : ask\n"
        "    s1 --> s1 : see#58; failed(pay)\n"
        "    s1 --> s2 : see#58; ok(pay)\n"
        "    s2 --> [*]\n"
        "    classDef lost stroke-dasharray: 4 4\n"
        "    class s0,s1 lost\n"
    )
