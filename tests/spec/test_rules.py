"""Rules as templates, in words, for each tool, on a view, as assumptions: what they are lowered to."""

from __future__ import annotations

from typing import Any

import pytest

from agentspec.errors import InvalidInput
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_nothing
from agentspec.spec.rule import instances, sees
from tests.checking.agents import compiled, declared


def with_rule(**rule: Any) -> dict[str, Any]:
    return {"rules": [{"id": "r", **rule}]}


@pytest.mark.parametrize(
    ("rule", "formula"),
    [
        ({"ltl": "G(t -> F a)"}, "G(t -> F a)"),
        ({"template": "response", "params": {"a": "t", "b": "a"}}, "G(t -> F a)"),
        ({"template": "at_most", "params": {"n": 1, "a": "ok(pay)"}}, "G(ok(pay) -> N G !ok(pay))"),
        ({"deny": "t", "unless": "a since q"}, "G(t -> Y(!q S a))"),
        ({"deny": "t", "when": "count(a) >= 2"}, "G(!(t & O(a & Y O a)))"),
        ({"require": "a"}, "F a"),
        ({"require": "a", "before": "t"}, "!t W a"),
        ({"require": "a", "after": "t"}, "G(t -> F a)"),
        ({"require": "O t", "when": "a"}, "G(a -> O t)"),
    ],
)  # fmt: skip
def test_each_form_means_its_formula(rule: dict[str, Any], formula: str) -> None:
    agent = declared("q (t | n i o)* a", tools=["pay"], **with_rule(**rule))
    lowered, meant = agent.spec.rules[0].formula, parse_formula(formula)
    one, two = compiled("q (t | n i o)* a", **with_rule(**rule)), compiled("q (t | n i o)* a", formula)
    assert one.automaton[0] == two.automaton[0]
    letters = [frozenset(s) for s in ("q", "t", "a", "ta")] + [frozenset({"ok(pay)"})]
    for first in letters:
        for second in letters:
            for third in letters:
                word = (first, second, third)
                assert holds(lowered, word) == holds(meant, word), word


def test_for_makes_one_rule_a_tool_a_step_or_a_name() -> None:
    agent = declared(
        "q (n i o)* a", tools=["pay", "ask"],
        **with_rule(ltl="G(failed(x) -> N !call(x))", **{"for": {"x": "tools"}}, view="calls"),
    )  # fmt: skip
    made = instances(agent.spec, ("pay", "ask"))
    assert [rule.id for rule in made] == ["r[pay]", "r[ask]"]
    assert [rule.text for rule in made] == ["G(failed(pay) -> N !call(pay))", "G(failed(ask) -> N !call(ask))"]
    two = declared("q t a", **with_rule(ltl="F s & F u", **{"for": {"s": ["t", "a"], "u": "steps"}}))
    assert [rule.id for rule in instances(two.spec, ())][:3] == ["r[t,q]", "r[t,t]", "r[t,a]"]
    assert instances(agent.spec, ()) == ()


def test_the_word_calls_is_no_step_in_a_list() -> None:
    with pytest.raises(InvalidInput, match="'calls' stands alone, not in a list: 'view: calls'"):
        declared("q t a", tools=["pay"], **with_rule(ltl="F t", view=["calls"]))


def test_a_view_is_an_inverse_projection() -> None:
    """N means the next call or answer, not the next step."""
    rule = with_rule(ltl="G(failed(pay) -> N !call(pay))", view="calls")
    agent = compiled("q (t* n i o)* a", **rule)
    formula = agent.blocking[0].formula
    free = agent.language(())
    words = [((), free.initial)]
    judged = {True: 0, False: 0}
    for word, state in words:
        if state in free.accepting:
            projected = [letter.true for letter in word if sees("calls", letter)]
            meant = holds(formula, projected) if projected else holds_on_nothing(formula)
            judged[meant] += 1
            assert agent.automaton[0].accepts([letter.true for letter in word]) == meant, word
        if len(word) < 9:
            words += [((*word, letter), target) for letter, target in free.edges[state]]
    assert min(judged.values()) > 10


def test_a_view_of_nothing() -> None:
    for text, fine in (("F ok(pay)", False), ("G ok(pay)", True), ("X true", False), ("N false", True)):
        agent = compiled("q (n i o)? a", **with_rule(ltl=text, view="calls"))
        assert agent.automaton[0].accepts([{"q"}, {"a"}]) == fine, text


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({}, "needs exactly one of ltl, template, deny, require, unique, verbatim"),
        ({"ltl": "t", "deny": "t"}, "one of ltl, template, deny, require, unique, verbatim, not ltl and deny"),
        ({"ltl": "t", "when": "a"}, "'when' belongs to 'deny', 'require', 'unique' or 'verbatim', not to 'ltl'"),
        ({"template": "respons", "params": {"a": "t", "b": "a"}}, "response"),
        ({"template": "response", "params": {"a": "t"}}, "b"),
        ({"template": "response", "params": {"a": "t", "b": "a &"}}, "found the end"),
        ({"deny": "t &"}, "found the end"),
        ({"deny": "t", "when": "(a"}, "never closed"),
        ({"deny": "t", "when": "args.amount != last(pay).total", "before": "t"}, "'before' belongs to 'require'"),
        ({"ltl": "F t", "view": ["tt"]}, "unknown step 'tt'; did you mean 't'?"),
        ({"ltl": "F t", "view": "clals"}, "unknown step 'clals'; did you mean 'calls'?"),
        ({"ltl": "F t", "for": {"t": "tools"}}, "choose another variable"),
        ({"ltl": "F t", "for": {"x": "steppes"}}, "for"),
        ({"ltl": "F t", "assume": True, "enforce": "warn"}, "not enforced"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        declared("q t a", **with_rule(**rule))
    assert message in str(caught.value)
    assert caught.value.location is not None


@pytest.mark.parametrize(
    ("behavior", "formula", "message"),
    [
        ("q (n i o)* a", "F ok(pay)", "promises that something will happen"),
        ("q (n i o)* a", "G(failed(pay) -> X a)", "promises that something will happen"),
        ("q t* a", "G !t", "the model could break the assumption 'r' itself, by t after q"),
        ("q n i o a", "G(!failed(pay) & !ok(pay))", "leaves the tool nothing to write after q n"),
    ],
)  # fmt: skip
def test_assumptions_are_about_others_and_safe(behavior: str, formula: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compiled(behavior, **with_rule(ltl=formula, assume=True))
    assert message in str(caught.value)


def test_an_assumption_takes_moves_from_the_adversary_and_nothing_else() -> None:
    pay = {"id": "pays", "ltl": "F ok(pay)"}
    fine = {"id": "fine", "ltl": "G !failed(pay)", "assume": True}
    assert not compiled("q n i o a", rules=[pay]).realizable
    agent = compiled("q n i o a", rules=[fine, pay])
    assert agent.realizable
    calls = [q for q, moves in enumerate(agent.arena.moves) if any("ok(pay)" in a.true for a in moves)]
    assert calls
    for q in calls:
        assert {str(a) for a in agent.arena.excluded[q]} == {"o {failed(pay)}", "o {error, failed(pay)}"}
        assert set(agent.arena.excluded[q].values()) == {"fine"}
