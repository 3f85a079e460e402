"""Automata drawn: the JSON can be simulated on its own, the pictures are what they were."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from hypothesis import given, settings

from agentspec.automata.dfa import Dfa
from agentspec.automata.draw import to_dot, to_json, to_mermaid, to_text
from agentspec.automata.label import labels
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


DOT = re.compile(r'\s*("(?:[^"\\\n]|\\.)*"|->|[\w.]+|[{}\[\];=,])')


def read_dot(text: str) -> tuple[dict[str, dict[str, str]], dict[tuple[str, str], dict[str, str]]]:
    """Nodes and edges with their attributes, by a reader that knows only what we write."""
    tokens, at = [], 0
    while text[at:].strip():
        match = DOT.match(text, at)
        assert match, text[at : at + 40]
        tokens.append(match.group(1))
        at = match.end()
    assert tokens[:3] == ["digraph", "automaton", "{"]
    assert tokens[-1] == "}"
    nodes: dict[str, dict[str, str]] = {}
    edges: dict[tuple[str, str], dict[str, str]] = {}
    rest = tokens[3:-1]
    while rest:
        end = rest.index(";")
        statement, rest = rest[:end], rest[end + 1 :]
        attributes: dict[str, str] = {}
        if "[" in statement:
            inside = statement[statement.index("[") + 1 :]
            assert inside.pop() == "]"
            for i in range(0, len(inside), 4):
                assert inside[i + 1] == "="
                attributes[inside[i]] = inside[i + 2]
            statement = statement[: statement.index("[")]
        if "->" in statement:
            edges[statement[0], statement[2]] = attributes
        elif len(statement) == 1:
            nodes[statement[0]] = attributes
        else:
            assert statement[1] == "=", statement
    return nodes, edges


def unquoted(text: str) -> str:
    assert text[0] == text[-1] == '"'
    lines = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "l" else m[1], text[1:-1])
    return unescape(lines)


@settings(deadline=None, max_examples=40)
@given(formulas())
def test_dot_has_every_state_and_every_label(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    nodes, edges = read_dot(to_dot(dfa))
    assert set(nodes) == {"node", "edge", "start", *(f"s{q}" for q in range(len(dfa.edges)))}
    assert {q for q in range(len(dfa.edges)) if nodes[f"s{q}"].get("shape") == "doublecircle"} == dfa.accepting
    assert edges.pop(("start", f"s{dfa.initial}")) == {}
    wanted = {
        (f"s{q}", f"s{target}"): [str(label) for label in leading]
        for q in range(len(dfa.edges))
        for target, leading in labels(dfa, q).items()
    }
    assert {edge: unquoted(shown["label"]).splitlines() for edge, shown in edges.items()} == wanted


def test_dot_of_a_spec() -> None:
    assert to_dot(small(), frozenset({2}), title="small") == (
        "digraph automaton {\n"
        "    rankdir=LR;\n"
        '    label="small"; labelloc=t;\n'
        '    node [shape=circle, fontname="monospace"];\n'
        '    edge [fontname="monospace", fontsize=11];\n'
        "    start [shape=point];\n"
        "    start -> s0;\n"
        '    s0 [label="0", style=dashed];\n'
        '    s1 [label="1", style=dashed];\n'
        '    s2 [label="2", shape=doublecircle];\n'
        '    s0 -> s1 [label="ask"];\n'
        '    s1 -> s1 [label="see: failed(pay)"];\n'
        '    s1 -> s2 [label="see: ok(pay)"];\n'
        "}\n"
    )


def test_dot_quotes_hostile_names() -> None:
    hostile = '"]; evil [shape=box]; \\N \\" &lt; \x00\n'
    odd = Letter(frozenset({hostile}))
    nodes, edges = read_dot(to_dot(Dfa((), 0, frozenset(), (((odd, 0),),)), title=hostile))
    assert set(nodes) == {"node", "edge", "start", "s0"}
    shown = '"]; evil [shape=box]; \\N \\" &lt; \\x00\\n'
    assert unquoted(edges["s0", "s0"]["label"]) == shown
