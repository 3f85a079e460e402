"""The translator against the meaning of formulas, word by word, and its sizes against Myhill and Nerode."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentspec.automata import translate as module
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Constant,
    Eventually,
    Formula,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Or,
    Release,
    StrongRelease,
    Until,
    WeakNext,
    WeakUntil,
    Xor,
    subformulas,
)
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.automata.languages import Word, assert_minimal, assert_well_formed, residuals, run, valuations, words_up_to
from tests.logic.strategies import BINARY, UNARY, formulas, words

AB = valuations("ab")
UP_TO_4 = tuple(words_up_to(AB, 4))
FEW = settings(deadline=None, max_examples=60)
MORE = settings(deadline=None, max_examples=120)


def truth(formula: Formula, word: Word) -> bool:
    """The meaning, and that the empty word satisfies nothing."""
    return bool(word) and holds(formula, word)


@MORE
@given(formulas())
def test_accepts_exactly_the_words_the_formula_holds_on(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    assert_well_formed(dfa, AB)
    for word in UP_TO_4:
        assert dfa.accepts(word) == truth(formula, word), word


@MORE
@given(formulas(("a", "b", "c", "d"), max_leaves=10), st.lists(words(("a", "b", "c", "d"), 7), min_size=8, max_size=12))
def test_four_propositions_on_random_words(formula: Formula, sample: list[Word]) -> None:
    dfa = translate(formula)
    assert_well_formed(dfa, valuations(dfa.propositions))
    for word in sample:
        assert dfa.accepts(word) == truth(formula, word), word


@pytest.mark.long
def test_many_formulas_on_all_words_up_to_five_letters() -> None:
    drawn = random.Random(20240917)
    sample = [tuple(product(AB, repeat=length)) for length in range(1, 6)]
    for _ in range(3_000):
        formula = _random_formula(drawn, drawn.randint(2, 5))
        dfa = translate(formula, ("a", "b"))
        assert_well_formed(dfa, AB)
        assert_minimal(dfa, AB)
        for every in sample:
            expected = truth_of_all(formula, every)
            for place in {drawn.randrange(len(every)) for _ in range(6)}:
                assert expected[place] == holds(formula, every[place]), "the two oracles differ"
            for word, true in zip(every, expected, strict=True):
                assert dfa.accepts(word) == true, (formula, word)


def truth_of_all(formula: Formula, every: Sequence[Word]) -> list[bool]:
    """The definition once more, for all words of one length together: column i is the truth at position i."""
    length = len(every[0])
    truth: dict[Formula, NDArray[np.bool_]] = {}

    def at(compute: Callable[[int], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        return np.stack([compute(i) for i in range(length)], axis=1)

    def until(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return at(lambda i: np.any([b[:, j] & a[:, i:j].all(axis=1) for j in range(i, length)], axis=0))

    for node in subformulas(formula):
        one, *rest = [truth[child] for child in node.children()] or [np.zeros((len(every), length), dtype=bool)]
        two = rest[0] if rest else one
        match node:
            case Constant(value):
                truth[node] = np.full_like(one, value)
            case Atom(name):
                truth[node] = np.array([[name in letter for letter in word] for word in every])
            case Last():
                truth[node] = at(lambda i: np.full(len(every), i == length - 1))
            case Not():
                truth[node] = ~one
            case And():
                truth[node] = np.logical_and.reduce([one, *rest])
            case Or():
                truth[node] = np.logical_or.reduce([one, *rest])
            case Implies():
                truth[node] = ~one | two
            case Iff():
                truth[node] = one == two
            case Xor():
                truth[node] = one != two
            case Next():
                truth[node] = np.hstack([one[:, 1:], np.zeros_like(one[:, :1])])
            case WeakNext():
                truth[node] = np.hstack([one[:, 1:], np.ones_like(one[:, :1])])
            case Eventually():
                truth[node] = until(np.ones_like(one), one)
            case Always():
                truth[node] = ~until(np.ones_like(one), ~one)
            case Until():
                truth[node] = until(one, two)
            case WeakUntil():
                truth[node] = until(one, two) | ~until(np.ones_like(one), ~one)
            case Release():
                truth[node] = ~until(~one, ~two)
            case StrongRelease():
                truth[node] = until(two, one & two)
            case _:
                raise TypeError(node)
    return [bool(value) for value in truth[formula][:, 0]]


def _random_formula(drawn: random.Random, depth: int) -> Formula:
    if depth == 0 or drawn.random() < 0.1:
        return Atom(drawn.choice("ab")) if drawn.random() < 0.9 else parse_formula(drawn.choice(["last", "true"]))
    if drawn.random() < 0.45:
        return drawn.choice(UNARY)(_random_formula(drawn, depth - 1))
    if drawn.random() < 0.6:
        return drawn.choice(BINARY)(_random_formula(drawn, depth - 1), _random_formula(drawn, depth - 1))
    sign = drawn.choice(["a & b", "a | b"])
    return type(parse_formula(sign))(tuple(_random_formula(drawn, depth - 1) for _ in range(drawn.randint(2, 3))))


@FEW
@given(formulas())
def test_the_initial_state_never_accepts(formula: Formula) -> None:
    dfa = translate(formula)
    assert not dfa.accepts(())
    assert dfa.initial not in dfa.accepting


@MORE
@given(formulas(max_leaves=10))
def test_states_are_reachable_live_and_pairwise_distinguished(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    assert_minimal(dfa, AB)
    assert dfa.initial == 0


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(("a",), max_leaves=8))
def test_size_is_that_of_the_residuals_over_one_proposition(formula: Formula) -> None:
    dfa = translate(formula, ("a",))
    assume(len(dfa.edges) <= 6)
    assert len(dfa.edges) == residuals(lambda word: truth(formula, word), valuations("a"), len(dfa.edges))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(max_leaves=6))
def test_size_is_that_of_the_residuals_over_two_propositions(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    assume(len(dfa.edges) <= 3)
    assert len(dfa.edges) == residuals(lambda word: truth(formula, word), AB, len(dfa.edges))


SIZES = [  # states without the dead one; the initial state is apart where it would accept the empty word
    ("false", "false", 1),
    ("anything", "true", 2),
    ("init", "a", 2),
    ("end", "F(a & last)", 2),
    ("existence", "F a", 2),
    ("existence, twice", "F(a & X F a)", 3),
    ("existence, three times", "F(a & X F(a & X F a))", 4),
    ("absence", "G !a", 2),
    ("absence of a second", "!F(a & X F a)", 3),
    ("exactly one", "F a & !F(a & X F a)", 2),
    ("choice", "F a | F b", 2),
    ("exclusive choice", "(F a | F b) & !(F a & F b)", 3),
    ("responded existence", "F a -> F b", 4),
    ("coexistence", "F a <-> F b", 5),
    ("response", "G(a -> F b)", 3),
    ("alternate response", "G(a -> X(!a U b))", 3),
    ("chain response", "G(a -> X b)", 3),
    ("precedence", "!b W a", 3),
    ("alternate precedence", "(!b W a) & G(b -> N(!b W a))", 3),
    ("chain precedence", "G(X b -> a) & !b", 3),
    ("succession", "G(a -> F b) & (!b W a)", 4),
    ("not coexistence", "!(F a & F b)", 4),
    ("not succession", "G(a -> !F b)", 3),
    ("not chain succession", "G(a -> N !b)", 3),
    ("universality", "G a", 2),
    ("absence before", "F b -> (!a U b)", 4),
    ("absence after", "G(a -> G !b)", 3),
    ("absence between", "G((a & !b & F b) -> (!c U b))", 4),
    ("bounded existence after", "G(a -> N G(!a))", 3),
    ("strong next", "X a", 3),
    ("weak next", "N a", 3),
    ("nothing after", "X[4] true", 6),
    ("exactly three steps", "X[2] last", 4),
    ("within", "F[0:3] a", 5),
    ("later bound", "G[2:3] a", 5),
    ("until", "a U b", 2),
    ("release", "a R b", 3),
    ("strong release", "a M b", 2),
    ("past the last", "last", 2),
    ("not last", "!last", 3),
]


@pytest.mark.parametrize(("name", "text", "states"), SIZES, ids=[case[0] for case in SIZES])
def test_named_patterns_have_their_minimal_size(name: str, text: str, states: int) -> None:
    formula = parse_formula(text)
    dfa = translate(formula, name=name)
    letters = valuations(dfa.propositions)
    for word in words_up_to(letters, 4 if len(letters) < 8 else 3):
        assert dfa.accepts(word) == truth(formula, word)
        assert dfa.accepts(word) == run(dfa, word)
    assert_well_formed(dfa, letters)
    assert_minimal(dfa, letters)
    assert len(dfa.edges) == states


def test_a_conjunction_of_many_responses_is_minimal() -> None:
    dfa = translate(parse_formula(" & ".join(f"G(a{i} -> F b{i})" for i in range(5))))
    assert len(dfa.edges) == 2**5 + 1


def test_nested_untils_of_moderate_depth() -> None:
    # slow: the cost doubles with every level although the automaton is linear; 8 levels are what a test can afford
    for sign in "UWRM":
        formula = parse_formula(f" {sign} ".join(f"p{i}" for i in range(8)))
        assert len(translate(formula).edges) <= 9


def test_the_order_of_propositions_is_kept_and_may_hold_more() -> None:
    dfa = translate(parse_formula("F b"), ("c", "b", "a"))
    assert dfa.propositions == ("c", "b", "a")
    assert translate(parse_formula("b U a")).propositions == ("a", "b")
    assert dfa.accepts([{"c"}, {"a", "b"}])
    assert not dfa.accepts([{"c"}, {"a"}])


def test_equal_languages_give_equal_automata() -> None:
    for one, two in (("G(a -> F b)", "!F(a & G !b)"), ("a W b", "(a U b) | G a"), ("N a", "last | X a")):
        assert translate(parse_formula(one), ("a", "b")) == translate(parse_formula(two), ("a", "b"))


def test_shortest_word_is_a_shortest_one() -> None:
    for text in ("X[3] a", "F(a & X b)", "a & last", "X a & G !a", "!last & F[2:4] b"):
        formula = parse_formula(text)
        found = translate(formula, ("a", "b")).shortest_word()
        length = next((len(word) for word in UP_TO_4 if truth(formula, word)), None)
        assert (None if found is None else len(found)) == length
        if found is not None:
            assert truth(formula, tuple(letter.true for letter in found))


def test_too_many_states_name_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATE_LIMIT", 5)
    with pytest.raises(TooLarge, match=r"rule 'slow'.*more than 5 states") as raised:
        translate(parse_formula("F(a & X[6] b)"), name="rule 'slow'")
    assert isinstance(raised.value, InvalidInput)
    assert len(translate(parse_formula("F a"), name="rule 'small'").edges) == 2


def test_too_many_nodes_name_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NODE_LIMIT", 4)
    text = " & ".join(f"G(a{i} -> F b{j})" for i in range(8) for j in range(8))
    with pytest.raises(TooLarge, match=r"^rule 'wide': its decision diagrams need more than 4 nodes; .*several rules"):
        translate(parse_formula(text), name="rule 'wide'")


def test_too_much_time_names_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS_LIMIT", 0.0)
    with pytest.raises(TooLarge, match=r"^rule 'slow': its automaton takes more than 0 s"):
        translate(parse_formula("F(a & X[12] b)"), name="rule 'slow'")


@pytest.mark.long
def test_the_true_limit_on_states_is_met_and_named() -> None:
    with pytest.raises(TooLarge, match=r"^rule 'far': its automaton needs more than 20000 states"):
        translate(parse_formula("F(a & X[16] b)"), name="rule 'far'")
