"""Automata drawn: the JSON can be simulated on its own, the pictures are what they were."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any as Any_
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.acceptance import All, Fin, Inf
from agentspec.automata.acceptance import Any as AnyOf
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.dfa import Dfa
from agentspec.automata.draw import FORMATS, printed, to_dot, to_json, to_mermaid, to_text
from agentspec.automata.hoa import from_hoa
from agentspec.automata.label import labels
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega import Omega
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput
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


def simulate(shape: dict[str, Any_], word: Word) -> bool:
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


# ---- a position


def test_the_position_is_marked_in_every_format() -> None:
    dfa, winning = small(), frozenset({1, 2})
    assert "state 1 (position)\n" in to_text(dfa, winning, position=1)
    assert "state 0 (initial, lost, position)\n" in to_text(dfa, winning, position=0)
    mermaid = to_mermaid(dfa, winning, position=1)
    assert mermaid.endswith(
        "    classDef lost stroke-dasharray: 4 4\n    class s0 lost\n"
        "    classDef here stroke: #c2255c,stroke-width: 4px\n    class s1 here\n"
    )
    assert '    s1 [label="1", color="#c2255c", penwidth=3];\n' in to_dot(dfa, winning, position=1)
    assert '    s0 [label="0", style=dashed, color="#c2255c", penwidth=3];\n' in to_dot(dfa, winning, position=0)
    assert to_json(dfa, winning, position=1) == to_json(dfa, winning) | {"position": 1}
    assert "state 1, the position" in printed(dfa, "svg", winning, position=1)


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("json", "hoa")])
def test_a_position_must_be_a_state(form: str) -> None:
    with pytest.raises(ValueError, match="there is no state 3: states are 0 to 2"):
        printed(small(), form, position=3)


# ---- infinite words


def infinite(deterministic: bool = True) -> tuple[tuple[Edge, ...], ...]:
    a, b, free = Letter(frozenset({"a"})), Letter(frozenset(), frozenset({"a"})), Letter(frozenset())
    first = (Edge(a, 1, frozenset({0})), Edge(b if deterministic else free, 0))
    return (first, (Edge(free, 0, frozenset({1})),))


def test_text_of_infinite_words() -> None:
    assert to_text(Buchi(("a",), 0, 2, infinite()), frozenset({0})) == (
        "accepted: infinitely often {0} and infinitely often {1}\n"
        "state 0 (initial)\n  !a -> 0\n  a {0} -> 1\nstate 1 (lost)\n  true {1} -> 0\n"
    )


def test_mermaid_of_infinite_words() -> None:
    assert to_mermaid(Omega(("a",), 0, infinite(), AnyOf((Fin(0), Inf(1))))) == (
        "stateDiagram-v2\n"
        "    direction LR\n"
        "    [*] --> s0\n"
        '    state "0" as s0\n'
        '    state "1" as s1\n'
        "    s0 --> s0 : !a\n"
        "    s0 --> s1 : a #123;0#125;\n"
        "    s1 --> s0 : true #123;1#125;\n"
        "    note left of s0 : accepted#58; finitely often #123;0#125; or infinitely often #123;1#125;\n"
    )


def test_dot_of_infinite_words() -> None:
    nodes, edges = read_dot(to_dot(Buchi(("a",), 0, 1, infinite()), title="G F a"))
    assert "shape" not in nodes["s1"]
    assert unquoted(edges["s0", "s1"]["label"]) == "a {0}"
    assert '    label="G F a\\laccepted: infinitely often {0}\\l"; labelloc=t;\n' in to_dot(
        Buchi(("a",), 0, 1, infinite()), title="G F a"
    )


@st.composite
def lassos(draw: st.DrawFn) -> tuple[Word, Word]:
    letters = st.lists(st.sampled_from(AB), max_size=4).map(tuple)
    return draw(letters), draw(letters.filter(bool))


def accepts_lasso(shape: dict[str, Any_], prefix: Word, loop: Word) -> bool:
    """What a reader of the JSON does with a word without an end: some run meets accepting states for ever."""
    word = prefix + loop
    following = [*range(1, len(word)), len(prefix)]

    def after(node: tuple[int, int]) -> set[tuple[int, int]]:
        return {
            (edge["target"], following[node[1]])
            for edge in shape["transitions"]
            if edge["source"] == node[0]
            and all((name in word[node[1]]) == value for name, value in edge["label"].items())
        }

    def reached(start: set[tuple[int, int]]) -> set[tuple[int, int]]:
        found, todo = set(start), list(start)
        while todo:
            fresh = after(todo.pop()) - found
            found |= fresh
            todo += fresh
        return found

    return any(
        node in reached(after(node)) for node in reached({(shape["initial"], 0)}) if node[0] in shape["accepting"]
    )


@st.composite
def buchis(draw: st.DrawFn) -> Buchi:
    states, sets = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    edge = st.builds(
        Edge,
        st.sampled_from([Letter(frozenset({"a"})), Letter(frozenset(), frozenset({"a"})), Letter(frozenset({"b"}))]),
        st.integers(0, states - 1),
        st.frozensets(st.integers(0, sets - 1)) if sets else st.just(frozenset[int]()),
    )
    return Buchi(("a", "b"), 0, sets, tuple(tuple(draw(st.lists(edge, max_size=3))) for _ in range(states)))


@settings(deadline=None, max_examples=150)
@given(buchis(), lassos())
def test_the_json_of_infinite_words_has_their_language_with_accepting_states(
    buchi: Buchi, lasso: tuple[Word, Word]
) -> None:
    shape = json.loads(json.dumps(to_json(buchi)))
    assert set(shape) == KEYS
    assert (shape["semantics"], shape["acceptance"]) == ("infinite", "buchi")
    assert shape["deterministic"] == buchi.deterministic
    assert accepts_lasso(shape, *lasso) == buchi.accepts(*lasso)


def test_json_of_other_conditions_than_buchi() -> None:
    condition = All((Inf(3), Inf(1)))
    edges = (
        (
            Edge(Letter(frozenset({"a"})), 0, frozenset({1})),
            Edge(Letter(frozenset(), frozenset({"a"})), 0, frozenset({3, 7})),
        ),
    )
    shape = to_json(Omega(("a",), 0, edges, condition), frozenset({0}))
    assert shape["deterministic"] is True
    assert shape["winning"] == list(range(shape["states"]))
    assert accepts_lasso(shape, (), (frozenset(), frozenset({"a"})))
    assert not accepts_lasso(shape, (), (frozenset({"a"}),))
    with pytest.raises(InvalidInput, match=r"accepts with finitely often \{0\}: use hoa, text or dot"):
        to_json(Omega(("a",), 0, infinite(), Fin(0)))
    with pytest.raises(ValueError, match="no place among its split states"):
        to_json(Omega(("a",), 0, infinite(), Inf(0)), position=0)


# ---- all formats by name

HOSTILE = [
    '"]; evil [shape=box]; \\N \\" &lt; \x00\n',
    "</title><script>alert(1)</script> ]]> & \" ' <!-- \x1b[2J\u202e\ud800",
    "a : b ; c --> d %% {x} [*] `md` #35; &amp; &lt",
    'state s0 as "x"\nend note\nnote left of s0 : y',
    "\u2028\u2029\x85\ufeff\u200b\u202e evil",
    "宽" * 60,
    "",
]


def hostile(name: str) -> list[Dfa | Buchi | Omega]:
    plain = Letter(frozenset({name}))
    step = Letter(frozenset({name, "x"}), frozenset(), name, Owner.TOOL, name)
    return [
        Dfa((name,), 0, frozenset({1}), (((plain, 1),), ((plain, 0),))),
        Dfa((name,), 0, frozenset({1}), (((step, 1),), ((step, 0), (Letter(frozenset({name}), frozenset(), name), 1)))),
        Omega((name,), 0, ((Edge(plain, 0, frozenset({0})),),), Inf(0)),
        Buchi((name,), 0, 1, ((Edge(step, 0, frozenset({0})),),)),
    ]


MERMAID = re.compile(
    r"stateDiagram-v2|    direction LR|    \[\*\] --> s\d+|    s\d+ --> \[\*\]"
    r'|    state "\d+" as s\d+|    (s\d+ --> s\d+|note left of s\d+) : (?:[^#:;%<>"{}`\\]|#\d+;)*'
    r"|    classDef (lost stroke-dasharray: 4 4|here stroke: #c2255c,stroke-width: 4px)|    class [s\d,]+ (lost|here)"
    r"|    %% \([^\n]*\)"
)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("summary", [False, True])
def test_hostile_names_break_no_format(name: str, which: int, summary: bool) -> None:
    automaton = hostile(name)[which]
    for form in FORMATS:
        at = 0 if form != "json" or isinstance(automaton, Dfa) else None
        text = printed(automaton, form, frozenset({0}), position=at, title=name, summary=summary)
        assert text.endswith("\n")
        if form != "hoa":
            text.encode()
            assert text.replace("\n", "").isprintable()
        match form:
            case "mermaid":
                assert all(MERMAID.fullmatch(line) for line in text.splitlines()), text
            case "dot":
                nodes, _ = read_dot(text)
                assert set(nodes) <= {"node", "edge", "start", "s0", "s1"}
            case "svg":
                root = ElementTree.fromstring(text)
                assert not [one for one in root.iter() if "script" in one.tag]
            case "json":
                assert json.loads(text)["propositions"] == [name]
            case "text":
                starts = ("state ", "  ", "accepted: ", "(")
                assert all(line.startswith(starts) for line in text.splitlines())


def test_every_format_by_name() -> None:
    dfa = small()
    assert printed(dfa, "text") == to_text(dfa)
    assert printed(dfa, "mermaid", summary=True) == to_mermaid(dfa, summary=True)
    assert printed(dfa, "dot", title="t") == to_dot(dfa, title="t")
    assert json.loads(printed(dfa, "json", frozenset({2}))) == to_json(dfa, frozenset({2}))
    assert isinstance(from_hoa(printed(dfa, "hoa", title="t")), Buchi)
    with pytest.raises(InvalidInput, match=r"'sgv' is no format; did you mean 'svg'\?"):
        printed(dfa, "sgv")


def test_a_summary_says_that_it_is_one() -> None:
    chain = translate(parse_formula("a & X(b & X c)"))
    assert to_text(chain, summary=True).endswith("(2 of 4 states: a summary)\n")
    assert to_mermaid(chain, summary=True).endswith("    %% (2 of 4 states: a summary)\n")
    assert "a & then" not in to_text(chain)
    assert "a, then b, then c" in to_text(chain, summary=True)
    assert "(2 of 4 states: a summary)" in to_dot(chain, summary=True)


def test_hidden_states_are_counted() -> None:
    a = Letter(frozenset({"a"}))
    dead = Dfa(("a",), 0, frozenset({1}), (((a, 1),), ((a, 2),), ((a, 2),)))
    assert to_text(dead) == (
        "state 0 (initial)\n  a -> 1\nstate 1 (accepting)\n(left out, on no way to acceptance: 1)\n"
    )
