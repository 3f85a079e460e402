"""The translator against the meaning of formulas, word by word, and its sizes against Myhill and Nerode."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentspec import limits
from agentspec.automata import translate as module
from agentspec.automata.dfa import Dfa
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
    Constant,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
    subformulas,
)
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.automata.languages import Word, assert_minimal, assert_well_formed, residuals, run, valuations, words_up_to
from tests.logic.strategies import BINARY, PAST_BINARY, PAST_UNARY, UNARY, formulas, words

AB = valuations("ab")
UP_TO_4 = tuple(words_up_to(AB, 4))
FEW = settings(deadline=None, max_examples=60)
MORE = settings(deadline=None, max_examples=120)


def truth(formula: Formula, word: Word) -> bool:
    """The meaning, and that the empty word satisfies nothing."""
    return bool(word) and holds(formula, word)


@MORE
@given(formulas(past=True))
def test_accepts_exactly_the_words_the_formula_holds_on(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    assert_well_formed(dfa, AB)
    for word in UP_TO_4:
        assert dfa.accepts(word) == truth(formula, word), word


@MORE
@given(
    formulas(("a", "b", "c", "d"), max_leaves=10, past=True),
    st.lists(words(("a", "b", "c", "d"), 7), min_size=8, max_size=12),
)
def test_four_propositions_on_random_words(formula: Formula, sample: list[Word]) -> None:
    dfa = translate(formula)
    assert_well_formed(dfa, valuations(dfa.propositions))
    for word in sample:
        assert dfa.accepts(word) == truth(formula, word), word


@pytest.mark.long
def test_many_formulas_on_all_words_up_to_five_letters() -> None:
    drawn = random.Random(20240917)
    sample = [tuple(product(AB, repeat=length)) for length in range(1, 6)]
    for number in range(20_000):
        formula = _random_formula(drawn, drawn.randint(2, 5))
        dfa = translate(formula, ("a", "b"))
        if number % 5 == 0:
            assert_well_formed(dfa, AB)
            assert_minimal(dfa, AB)
        accepted = acceptance(dfa, 5)
        for every in sample:
            expected = truth_of_all(formula, every)
            for place in {drawn.randrange(len(every)) for _ in range(6)}:
                assert expected[place] == holds(formula, every[place]), "the two oracles differ"
            assert accepted[len(every[0]) - 1] == expected, formula


def test_mixtures_of_past_and_future_on_all_words_up_to_five_letters() -> None:
    drawn = random.Random(20241103)
    sample = [tuple(product(AB, repeat=length)) for length in range(1, 6)]
    for _ in range(150):
        formula = _random_formula(drawn, drawn.randint(3, 5))
        dfa = translate(formula, ("a", "b"))
        assert_minimal(dfa, AB)
        assert acceptance(dfa, 5) == [truth_of_all(formula, every) for every in sample], formula


@pytest.mark.long
def test_three_to_five_propositions_on_random_words() -> None:
    drawn = random.Random(20241104)
    for _ in range(600):
        names = "abcde"[: drawn.randint(3, 5)]
        formula = _random_formula(drawn, drawn.randint(3, 6), names)
        dfa = translate(formula, tuple(names))
        letters = valuations(names)
        for length in range(1, 11):
            every = tuple(tuple(drawn.choice(letters) for _ in range(length)) for _ in range(50))
            for word, true in zip(every, truth_of_all(formula, every), strict=True):
                assert dfa.accepts(word) == true, (formula, word)


def acceptance(dfa: Dfa, length: int) -> list[list[bool]]:
    """Which words over a and b are accepted, for every length up to this one, in the order of itertools.product."""
    states: list[int | None] = [dfa.initial]
    found = []
    for _ in range(length):
        states = [None if state is None else dfa.step(state, letter) for state in states for letter in AB]
        found.append([state in dfa.accepting for state in states])
    return found


def truth_of_all(formula: Formula, every: Sequence[Word]) -> list[bool]:
    """The definition once more, for all words of one length together: column i is the truth at position i."""
    length = len(every[0])
    truth: dict[Formula, NDArray[np.bool_]] = {}

    def at(compute: Callable[[int], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        return np.stack([compute(i) for i in range(length)], axis=1)

    def until(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return at(lambda i: np.any([b[:, j] & a[:, i:j].all(axis=1) for j in range(i, length)], axis=0))

    def since(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return at(lambda i: np.any([b[:, j] & a[:, j + 1 : i + 1].all(axis=1) for j in range(i + 1)], axis=0))

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
            case Yesterday():
                truth[node] = np.hstack([np.zeros_like(one[:, :1]), one[:, :-1]])
            case WeakYesterday():
                truth[node] = np.hstack([np.ones_like(one[:, :1]), one[:, :-1]])
            case Once():
                truth[node] = since(np.ones_like(one), one)
            case Historically():
                truth[node] = ~since(np.ones_like(one), ~one)
            case Since():
                truth[node] = since(one, two)
            case WeakSince():
                truth[node] = since(one, two) | ~since(np.ones_like(one), ~one)
            case _:
                raise TypeError(node)
    return [bool(value) for value in truth[formula][:, 0]]


def _random_formula(drawn: random.Random, depth: int, names: str = "ab") -> Formula:
    def smaller() -> Formula:
        return _random_formula(drawn, depth - 1, names)

    if depth == 0 or drawn.random() < 0.1:
        return Atom(drawn.choice(names)) if drawn.random() < 0.9 else drawn.choice((Last(), TRUE, FALSE))
    if drawn.random() < 0.45:
        return drawn.choice(UNARY + PAST_UNARY)(smaller())
    if drawn.random() < 0.6:
        return drawn.choice(BINARY + PAST_BINARY)(smaller(), smaller())
    return drawn.choice((And, Or))(tuple(smaller() for _ in range(drawn.randint(2, 3))))


@FEW
@given(formulas())
def test_the_initial_state_never_accepts(formula: Formula) -> None:
    dfa = translate(formula)
    assert not dfa.accepts(())
    assert dfa.initial not in dfa.accepting


@MORE
@given(formulas(max_leaves=10, past=True))
def test_states_are_reachable_live_and_pairwise_distinguished(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    assert_minimal(dfa, AB)
    assert dfa.initial == 0


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(("a",), max_leaves=8, past=True))
def test_size_is_that_of_the_residuals_over_one_proposition(formula: Formula) -> None:
    dfa = translate(formula, ("a",))
    assume(len(dfa.edges) <= 6)
    assert len(dfa.edges) == residuals(lambda word: truth(formula, word), valuations("a"), len(dfa.edges))


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.filter_too_much])
@given(formulas(max_leaves=6, past=True))
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
    ("four eyes", "G(pay -> Y(!pay S ok))", 3),
    ("look first", "G(b -> O a)", 3),
    ("never after", "H !a", 2),
    ("yesterday", "F(a & Y b)", 3),
    ("weak yesterday", "F(a & Z b)", 3),
    ("back to", "F(last & (a B b))", 3),
    ("first", "G(a -> !Y true)", 2),
    ("past of a future", "G(a -> O F b)", 4),
    ("future of a past", "F(b & O(a & X c))", 5),
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


def test_wide_formulas_of_every_shape_are_minimal() -> None:
    def joined(part: str, count: int, sign: str = " & ") -> Formula:
        return parse_formula(sign.join(part.replace("#", str(i)) for i in range(count)))

    responses = translate(joined("G(a# -> F b#)", 8))
    assert len(responses.edges) == 2**8 + 1
    assert translate(Always(joined("(a# -> F b#)", 8))) == responses
    assert len(translate(joined("G(a# -> F b)", 30)).edges) == 3
    assert len(translate(joined("G(l# -> Y(!c# S o#))", 8)).edges) == 2**8 + 1
    assert len(translate(joined("F a#", 8)).edges) == 2**8
    assert len(translate(joined("F a#", 60, " | ")).edges) == 2
    assert len(translate(joined("(X a# | X b#)", 30)).edges) == 3
    assert len(translate(joined("G(a# -> F[0:5] b#)", 3)).edges) == 6**3 + 1
    assert len(translate(And((joined("F a#", 10), parse_formula("G !a3")))).edges) == 1


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = random.Random(7)
    for _ in range(60):
        formula = drawn.choice((And, Or))(tuple(_random_formula(drawn, 3) for _ in range(4)))
        monkeypatch.setattr(module, "PARTS", 1)
        parts = translate(formula, ("a", "b"))
        monkeypatch.setattr(module, "PARTS", 10**6)
        assert translate(formula, ("a", "b")) == parts


def test_nested_operators_stay_linear() -> None:
    for sign in "UWRM":
        formula = parse_formula(f" {sign} ".join(f"p{i}" for i in range(60)))
        assert len(translate(formula).edges) <= 62
    for sign in "SB":
        formula = parse_formula(f" {sign} ".join(f"p{i}" for i in range(60)))
        assert len(translate(formula).edges) == 2


def test_states_that_only_long_words_tell_apart() -> None:
    assert len(translate(parse_formula("X[300] a")).edges) == 302
    assert len(translate(parse_formula("F[0:60] a & (G(a -> X[40] b) | true)"), ("a",)).edges) == 62
    dfa = translate(parse_formula("F[3:20] a"), ("a",))
    assert_minimal(dfa, valuations("a"))
    assert dfa.accepts([()] * 20 + ["a"])
    assert not dfa.accepts([()] * 21 + ["a"])
    assert not dfa.accepts(["a"] * 3)


def test_deep_and_wide_formulas_end_in_an_automaton_or_a_refusal() -> None:
    deep: Formula = Atom("a")
    nested: Formula = Atom("p")
    for i in range(10_000):
        deep = (Next, Not, Eventually, Yesterday)[i % 4](deep)
        nested = Until(Atom(f"p{i}"), nested)
    assert len(translate(deep).edges) >= 1
    with pytest.raises(TooLarge, match=r"^rule 'deep': its "):
        translate(nested, name="rule 'deep'")
    names = [f"p{i}" for i in range(200)]
    wide = Always(Implies(Or(tuple(map(Atom, names[:100]))), Eventually(Or(tuple(map(Atom, names[100:]))))))
    dfa = translate(wide)
    assert len(dfa.edges) == 3
    assert dfa.accepts([{"p7"}, {"p150"}])
    assert not dfa.accepts([{"p150"}, {"p7"}])


def exactly_one(names: str) -> Formula:
    """Exactly one of the propositions, at every position."""
    others = [And(tuple(Atom(a) if a == b else Not(Atom(a)) for a in names)) for b in names]
    return Always(Or(tuple(others)))


@MORE
@given(formulas(("a", "b", "c"), past=True))
def test_exclusive_propositions_are_a_conjunct(formula: Formula) -> None:
    assert translate(formula, ("a", "b", "c"), exclusive="ab") == translate(
        And((formula, exactly_one("ab"))), ("a", "b", "c")
    )
    assert_minimal(translate(formula, ("a", "b", "c"), exclusive="abc"), valuations("abc"))


def test_exclusive_propositions_keep_wide_conjunctions_small() -> None:
    steps = "abcdefg"
    formula = parse_formula(" & ".join(f"G({a} -> N(!{a} W {b}))" for a, b in pairwise(steps)))
    dfa = translate(formula, exclusive=steps)
    twin = translate(And((formula, exactly_one(steps))))
    drawn = random.Random(3)
    for _ in range(2_000):
        word = [{drawn.choice(steps)} for _ in range(drawn.randint(1, 9))]
        assert dfa.accepts(word) == twin.accepts(word) == holds(formula, word)
    assert len(dfa.edges) == len(twin.edges)
    assert not dfa.accepts([{"a", "c"}])
    assert not dfa.accepts([()])
    assert dfa.propositions == tuple(steps)


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
    monkeypatch.setattr(limits, "TRANSLATION_STATES", 5)
    with pytest.raises(TooLarge, match=r"rule 'slow'.*more than 5 states") as raised:
        translate(parse_formula("F(a & X[6] b)"), name="rule 'slow'")
    assert isinstance(raised.value, InvalidInput)
    assert len(translate(parse_formula("F a"), name="rule 'small'").edges) == 2


def test_too_many_nodes_name_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRANSLATION_NODES", 4)
    text = " & ".join(f"G(a{i} -> F b{j})" for i in range(8) for j in range(8))
    with pytest.raises(TooLarge, match=r"^rule 'wide': its decision diagrams need more than 4 nodes; .*several rules"):
        translate(parse_formula(text), name="rule 'wide'")


def test_too_much_time_names_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TRANSLATION_SECONDS", 0.0)
    with pytest.raises(TooLarge, match=r"^rule 'slow': its automaton takes more than 0 s"):
        translate(parse_formula("F(a & X[12] b)"), name="rule 'slow'")


@pytest.mark.long
def test_the_true_limit_on_states_is_met_and_named() -> None:
    with pytest.raises(TooLarge, match=r"^rule 'far': its automaton needs more than 20000 states"):
        translate(parse_formula("F(a & X[16] b)"), name="rule 'far'")
