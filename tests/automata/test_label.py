"""Labels say exactly which letters lead where, in few words."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentspec.automata.dfa import Dfa
from agentspec.automata.label import Label, labels, visible
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
            ways = [target for target, leading in found.items() for one in leading if holds(str(one), valuation)]
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
