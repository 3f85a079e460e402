"""Labels say exactly which letters lead where, in few words."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentspec.automata.dfa import Dfa
from agentspec.automata.label import Label, joined_by_tool, labels, visible
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.translate import translate
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from tests.automata.languages import valuations
from tests.logic.strategies import formulas

NAMES = ("call(pay)", "error", "large", "ok(pay)")


def holds(way: str, valuation: frozenset[str]) -> bool:
    parts = [] if way in ("", "true") else way.split(" & ")
    return all((part[1:] not in valuation) if part.startswith("!") else part in valuation for part in parts)


def fan(targets: dict[frozenset[str], int]) -> Dfa:
    """One state with a letter of step ``s`` for each valuation."""
    edges = tuple((Letter(frozenset({"s", *true}), frozenset(), "s", Owner.MODEL), t) for true, t in targets.items())
    return Dfa(("s", *NAMES), 0, frozenset(), (edges, (), (), ()))


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.frozensets(st.sampled_from(NAMES)), st.integers(1, 3), min_size=1))
def test_the_ways_of_a_step_hold_at_its_letters_and_no_others(targets: dict[frozenset[str], int]) -> None:
    found = labels(fan(targets), 0)
    assert list(found) == sorted(set(targets.values()))
    for target, leading in found.items():
        (label,) = leading
        assert (label.step, label.owner) == ("s", Owner.MODEL)
        for true, there in targets.items():
            assert any(holds(way, true) for way in label.ways or ("",)) == (there == target), (str(label), true)


@settings(deadline=None, max_examples=60)
@given(formulas())
@example(parse_formula("a xor b"))
def test_the_cubes_of_a_formula_say_the_same_in_no_more_words(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    for state, edges in enumerate(dfa.edges):
        found = labels(dfa, state)
        assert sum(map(len, found.values())) <= len(edges)
        for valuation in valuations("ab"):
            said = [(target, str(one)) for target, leading in found.items() for one in leading]
            ways = [target for target, way in said if way != "else" and holds(way, valuation)]
            ways = ways or [target for target, way in said if way == "else"]
            assert ways == [target for target in (dfa.step(state, valuation),) if target is not None]


OK, FAILED, ERROR = frozenset({"ok(pay)"}), frozenset({"failed(pay)"}), frozenset({"failed(pay)", "error"})
CALL, LARGE = frozenset({"call(pay)"}), frozenset({"call(pay)", "large"})


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        ({OK: 1, FAILED: 1, ERROR: 1}, {1: "s"}),
        ({OK: 1, FAILED: 2, ERROR: 2}, {1: "s: ok(pay)", 2: "s: failed(pay)"}),
        ({OK: 1, FAILED: 2, ERROR: 3}, {1: "s: ok(pay)", 2: "s: failed(pay) & !error", 3: "s: error & failed(pay)"}),
        ({OK: 1, FAILED: 1, ERROR: 2}, {1: "s: !error", 2: "s: error & failed(pay)"}),
        ({CALL: 1, LARGE: 2}, {1: "s: call(pay) & !large", 2: "s: call(pay) & large"}),
        ({CALL: 1, LARGE: 1}, {1: "s: call(pay)"}),
        ({frozenset(): 1}, {1: "s"}),
        ({frozenset(): 1, LARGE: 2}, {1: "s: !call(pay)", 2: "s: call(pay) & large"}),
    ],
)
def test_ways(targets: dict[frozenset[str], int], wanted: dict[int, str]) -> None:
    assert {target: str(label) for target, (label,) in labels(fan(targets), 0).items()} == wanted


def test_cubes() -> None:
    dfa = translate(parse_formula("(!a W b) & G(c -> X d)"))
    assert {target: list(map(str, leading)) for target, leading in labels(dfa, 0).items()} == {
        1: ["!a & !b & !c"],
        2: ["!a & !b & c"],
        3: ["b & !c"],
        4: ["b & c"],
    }


def test_steps_that_lead_to_one_state_have_a_label_each() -> None:
    here = tuple((Letter(frozenset({name}), frozenset(), name, Owner.MODEL), 0) for name in ("think", "answer"))
    assert labels(Dfa((), 0, frozenset(), (here,)), 0) == {
        0: (Label("think", (), Owner.MODEL), Label("answer", (), Owner.MODEL))
    }


def test_control_characters_are_made_visible() -> None:
    assert visible("a\x1b[1m\n\u202e\ud800é宽") == "a\\x1b[1m\\n\\u202e\\ud800é宽"


# ---- else


def test_else_stands_for_the_longest_label_where_everything_leads_somewhere() -> None:
    dfa = translate(parse_formula("F(a & b & c)"))
    assert {target: list(map(str, leading)) for target, leading in labels(dfa, dfa.initial).items()} == {
        0: ["else"],
        1: ["a & b & c"],
    }


def test_else_is_not_said_where_something_is_forbidden() -> None:
    dfa = translate(parse_formula("(!(a & b & c) U d) & G(d -> a)"))
    assert "else" not in {str(one) for leading in labels(dfa, dfa.initial).values() for one in leading}


# ---- many tools


def desk(tools: list[str], targets: dict[str, int]) -> Dfa:
    """State 0 chooses one of ``targets``, the last state any of ``tools``."""
    letters = {t: Letter(frozenset({"do", f"chosen({t})"}), frozenset(), "do", Owner.MODEL, t) for t in tools}
    here = tuple((letters[tool], target) for tool, target in targets.items())
    return Dfa((), 0, frozenset(), (here, (), tuple((letters[tool], 1) for tool in tools)))


TOOLS = ["ask", "look", "pay", "send", "sum", "write"]


@pytest.mark.parametrize(
    ("targets", "wanted"),
    [
        (dict.fromkeys(TOOLS, 1), {1: "do"}),
        (dict.fromkeys(TOOLS[:-1], 1), {1: "do: !chosen(write)"}),
        (dict.fromkeys(TOOLS[:2], 1), {1: "do: chosen(ask | look)"}),
        ({"ask": 1, "look": 2, "pay": 2}, {1: "do: chosen(ask)", 2: "do: chosen(look | pay)"}),
        ({tool: 1 + (tool == "pay") for tool in TOOLS}, {1: "do: !chosen(pay)", 2: "do: chosen(pay)"}),
        ({"pay": 1}, {1: "do: chosen(pay)"}),
    ],
)
def test_tools_that_lead_to_one_state_are_named_together(targets: dict[str, int], wanted: dict[int, str]) -> None:
    found = labels(desk(TOOLS, targets), 0)
    assert {target: ", ".join(map(str, leading)) for target, leading in found.items()} == wanted


def test_many_tools_are_counted() -> None:
    tools = [f"tool{i}" for i in range(40)]
    found = labels(desk(tools, {tool: 1 + i % 2 for i, tool in enumerate(tools)}), 0)
    assert {target: str(label) for target, (label,) in found.items()} == {
        1: "do: chosen(any of 20)",
        2: "do: chosen(any of 20)",
    }


def test_what_is_nowhere_allowed_of_the_tool_at_work_is_said() -> None:
    small = Letter(frozenset({"in", "call(pay)"}), frozenset(), "in", Owner.MODEL, "pay")
    large = Letter(frozenset({"in", "call(pay)", "large"}), frozenset(), "in", Owner.MODEL, "pay")
    other = Letter(frozenset({"in", "call(ask)"}), frozenset(), "in", Owner.MODEL, "ask")
    dfa = Dfa((), 0, frozenset(), (((small, 1),), ((small, 1), (large, 1)), ((other, 1),)))
    assert [str(labels(dfa, state)[1][0]) for state in range(3)] == [
        "in: call(pay) & !large",
        "in: call(pay)",
        "in: call(ask)",
    ]


def test_labels_of_one_arrow_that_differ_in_the_tool_are_joined() -> None:
    one, two = Label("do", ("chosen(a)",), Owner.MODEL), Label("do", ("chosen(b)",), Owner.MODEL)
    after = Label("in", ("call(a)",), Owner.MODEL, plain=True)
    assert [str(label) for label in joined_by_tool([two, one])] == ["do: chosen(a | b)"]
    assert [str(label) for label in joined_by_tool([one.followed(after), two.followed(after)])] == [
        "do: chosen(a | b), then in"
    ]
    assert len(joined_by_tool([one.followed(after), two])) == 2
    assert len(joined_by_tool([one, Label("do", ("ok(b)",), Owner.MODEL)])) == 2
    several = [Label("do", (f"chosen({i})",), Owner.MODEL) for i in range(9)]
    assert [str(label) for label in joined_by_tool(several)] == ["do: chosen(any of 9)"]


def test_marks_and_what_follows_are_said() -> None:
    first = Label("a", ("x",), marks=(1,))
    assert str(first) == "a: x {1}"
    assert str(first.followed(Label("b", ("y", "z"), marks=(0,)))) == "a: x {0 1}, then b: y, z"
