"""The oracles themselves: tables worked out by hand, dualities, expansion laws, and a second definition of each."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.logic.formula import TRUE, Atom, Formula, Next, Not, subformulas
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso, holds_on_nothing, truth_along
from agentspec.logic.show import show_formula
from agentspec.logic.simplify import to_nnf
from tests.logic.strategies import Lasso, Word, all_lassos, all_words, formulas, lassos, patient, words

COMPARE = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt, "==": operator.eq}

NO, A, B, AB = frozenset[str](), frozenset({"a"}), frozenset({"b"}), frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("a", [A], True),
        ("a", [B, A], False),
        ("true", [NO], True),
        ("false", [AB], False),
        ("last", [NO], True),
        ("last", [NO, NO], False),
        ("X a", [A], False),
        ("X a", [NO, A], True),
        ("X true", [NO], False),
        ("N a", [NO], True),
        ("N false", [NO], True),
        ("N false", [NO, NO], False),
        ("N a", [NO, B], False),
        ("F a", [NO, NO, A], True),
        ("F a", [NO, B], False),
        ("G a", [A, A], True),
        ("G a", [A, NO], False),
        ("a U b", [B], True),
        ("a U b", [A, A, B], True),
        ("a U b", [A, A], False),
        ("a U b", [A, NO, B], False),
        ("a W b", [A, A], True),
        ("a W b", [NO, B], False),
        ("a W b", [A, B], True),
        ("a R b", [B, B], True),
        ("a R b", [B, AB, NO], True),
        ("a R b", [B, A], False),
        ("a R b", [A, B], False),
        ("a M b", [B, B], False),
        ("a M b", [B, AB, NO], True),
        ("a M b", [AB], True),
        ("a xor b", [A], True),
        ("a xor b", [AB], False),
        ("a <-> b", [NO], True),
        ("a -> b", [A], False),
        ("F[1:2] a", [A, NO, NO, A], False),
        ("F[1:2] a", [NO, NO, A], True),
        ("G[1:2] a", [NO, A], True),
        ("G[1:2] a", [NO, A, NO], False),
        ("X[2] a", [NO, NO, A], True),
        ("X[2] a", [NO, A], False),
        ("G(a -> X b)", [A, B], True),
        ("G(a -> X b)", [B, A], False),
        ("G(a -> N b)", [B, A], True),
        ("!a W b", [NO, B, A], True),
        ("!a W b", [NO, A, B], False),
        ("Y a", [A], False),
        ("Z a", [NO], True),
        ("X Y a", [A, NO], True),
        ("X Y a", [NO, A], False),
        ("X Z a", [NO, A], False),
        ("F(last & O a)", [A, NO, NO], True),
        ("F(last & O a)", [NO, NO, NO], False),
        ("F(last & H a)", [A, A], True),
        ("F(last & H a)", [NO, A], False),
        ("F(last & a S b)", [B, A, A], True),
        ("F(last & a S b)", [B, NO, A], False),
        ("F(last & a S b)", [A, A], False),
        ("F(last & a B b)", [A, A], True),
        ("F(last & a B b)", [NO, A], False),
        ("F(last & a B b)", [NO, B, A], True),
        ("G(b -> Y(!b S a))", [A, B, A, B], True),
        ("G(b -> Y(!b S a))", [A, B, B], False),
        ("G(b -> Y(!b S a))", [B], False),
        ("F(last & O[1:2] a)", [A, NO, NO], True),
        ("F(last & O[1:2] a)", [A, NO, NO, A], False),
        ("F(last & H[0:2] a)", [A, A], True),
        ("F(last & H[0:2] a)", [NO, A, A], False),
        ("F(last & H[0:2] a)", [NO, A, A, A], True),
        ("F(last & count(a) >= 2)", [A, NO, A], True),
        ("F(last & count(a) >= 2)", [A, NO, NO], False),
        ("F(last & count(a since b) >= 2)", [A, B, A], False),
        ("F(last & count(a since b) >= 2)", [B, A, NO, A], True),
        ("F(last & count(a since b) >= 1)", [AB], False),
    ],
)
def test_by_hand(text: str, word: list[frozenset[str]], expected: bool) -> None:
    assert holds(parse_formula(text), word) is expected


def test_positions() -> None:
    word = [A, B, A]
    assert [holds(parse_formula("X a"), word, at) for at in range(3)] == [False, True, False]
    assert [holds(parse_formula("last"), word, at) for at in range(3)] == [False, False, True]


def test_letters_may_be_any_collection() -> None:
    assert holds(parse_formula("a & X b"), [["a"], {"b": 1}])


def test_only_positions_of_non_empty_words() -> None:
    with pytest.raises(ValueError, match="non-empty"):
        holds(Atom("a"), [])
    for position in (-1, 2):
        with pytest.raises(ValueError, match="position"):
            holds(Atom("a"), [A, A], position)


def test_deep_formulas_need_no_stack() -> None:
    formula: Formula = Atom("a")
    for _ in range(5_000):
        formula = Next(formula)
    assert not holds(formula, [A, A])


LAWS = [
    ("!X a", "N !a"),
    ("!N a", "X !a"),
    ("X a", "N a & !last"),
    ("last", "N false"),
    ("!last", "X true"),
    ("F a", "true U a"),
    ("G a", "false R a"),
    ("G a", "!F !a"),
    ("a W b", "!(!b U (!a & !b))"),
    ("a W b", "G a | a U b"),
    ("a R b", "!(!a U !b)"),
    ("a R b", "b W (a & b)"),
    ("a M b", "b U (a & b)"),
    ("a M b", "a R b & F a"),
    ("a M b", "!(!a W !b)"),
    ("a U b", "b | a & X(a U b)"),
    ("a W b", "b | a & N(a W b)"),
    ("a R b", "b & (a | N(a R b))"),
    ("a M b", "b & (a | X(a M b))"),
    ("F a", "a | X F a"),
    ("G a", "a & N G a"),
    ("F last", "true"),
    ("G X true", "false"),
    ("a xor b", "!(a <-> b)"),
    ("a -> b", "!a | b"),
    ("F[1:3] a", "X a | X X a | X X X a"),
    ("G[1:3] a", "N a & N N a & N N N a"),
    ("F[2:] a", "X X F a"),
    ("!F[1:3] a", "G[1:3] !a"),
]

ENDS = [("F last", "true"), ("G X true", "false")]
"""Those that need an end."""

PAST_LAWS = [
    ("!Y a", "Z !a"),
    ("!Z a", "Y !a"),
    ("Y a", "Z a & !Z false"),
    ("Z false", "!Y true"),
    ("O a", "true S a"),
    ("H a", "a B false"),
    ("H a", "!O !a"),
    ("a B b", "H a | a S b"),
    ("a B b", "!(!b S (!a & !b))"),
    ("a S b", "a B b & O b"),
    ("a S b", "b | a & Y(a S b)"),
    ("a B b", "b | a & Z(a B b)"),
    ("O a", "a | Y O a"),
    ("H a", "a & Z H a"),
    ("O Z false", "true"),
    ("H Y true", "false"),
    ("X Y a", "X true & a"),
    ("N Z a", "N false | a"),
    ("Y X a", "Y true & a"),
    ("Z X a", "Z false | a"),
    ("Y N a", "Y X a"),
    ("N Y a", "N Z a"),
    ("O[1:3] a", "Y a | Y Y a | Y Y Y a"),
    ("H[1:3] a", "Z a & Z Z a & Z Z Z a"),
    ("O[2:] a", "Y Y O a"),
    ("!O[1:3] a", "H[1:3] !a"),
    ("count(a) >= 2", "O(a & Y O a)"),
    ("count(a) < 2", "H(a -> Z H !a)"),
    ("count(a) == 2", "count(a) >= 2 & count(a) <= 2"),
    ("count(a since b) == 0", "!a B b"),
    ("!(count(a since b) > 2)", "count(a since b) <= 2"),
]
"""Laws with past; all of these hold over infinite words too."""


@pytest.mark.parametrize(("one", "two"), LAWS + PAST_LAWS)
def test_laws(one: str, two: str) -> None:
    left, right = parse_formula(one), parse_formula(two)
    for word in all_words(max_size=4):
        assert truth_along(left, word)[left] == truth_along(right, word)[right], word


@pytest.mark.parametrize(
    ("one", "two"),
    [("X a", "N a"), ("a U b", "a W b"), ("a R b", "a M b"), ("a U b", "b U a"), ("F a", "X F a"), ("G F a", "F G b")],
)
def test_different_formulas_differ_on_a_short_word(one: str, two: str) -> None:
    left, right = parse_formula(one), parse_formula(two)
    assert any(holds(left, word) != holds(right, word) for word in all_words(max_size=3))


def by_expansion(formula: Formula, word: Word, at: int = 0) -> bool:
    """The recursive reading: what must hold now and what at the next position, if there is one."""
    name, parts = type(formula).__name__, formula.children()

    def now(index: int) -> bool:
        return by_expansion(parts[index], word, at)

    def before(default: bool) -> bool:
        return by_expansion(formula, word, at - 1) if at else default

    def then(default: bool) -> bool:
        return by_expansion(formula, word, at + 1) if at + 1 < len(word) else default

    match name:
        case "Constant":
            return bool(formula.value)  # type: ignore[attr-defined]
        case "Atom":
            return formula.name in word[at]  # type: ignore[attr-defined]
        case "Last":
            return len(word) == at + 1
        case "Next" | "WeakNext":
            return by_expansion(parts[0], word, at + 1) if at + 1 < len(word) else name == "WeakNext"
        case "Not":
            return not now(0)
        case "And":
            return False not in [now(index) for index in range(len(parts))]
        case "Or":
            return True in [now(index) for index in range(len(parts))]
        case "Implies":
            return now(0) <= now(1)
        case "Iff":
            return now(0) is now(1)
        case "Xor":
            return now(0) is not now(1)
        case "Eventually":
            return now(0) or then(False)
        case "Always":
            return now(0) and then(True)
        case "Until" | "WeakUntil":
            return now(1) or (now(0) and then(name == "WeakUntil"))
        case "Release" | "StrongRelease":
            return now(1) and (now(0) or then(name == "Release"))
        case "Yesterday" | "WeakYesterday":
            return by_expansion(parts[0], word, at - 1) if at else name == "WeakYesterday"
        case "Once":
            return now(0) or before(False)
        case "Historically":
            return now(0) and before(True)
        case "Since" | "WeakSince":
            return now(1) or (now(0) and before(name == "WeakSince"))
    raise TypeError(name)


@patient
@given(formulas(max_leaves=5, past=True), words(max_size=4))
def test_the_expansion_laws_define_the_same(formula: Formula, word: Word) -> None:
    for at in range(len(word)):
        assert holds(formula, word, at) == by_expansion(formula, word, at)


@patient
@given(
    formulas(max_leaves=3, past=True),
    st.none() | formulas(max_leaves=3, past=True),
    st.sampled_from(sorted(COMPARE)),
    st.integers(0, 4),
    words(max_size=5),
)
def test_counts_count(counted: Formula, reset: Formula | None, comparison: str, number: int, word: Word) -> None:
    since = "" if reset is None else f" since {show_formula(reset)}"
    formula = parse_formula(f"count({show_formula(counted)}{since}) {comparison} {number}")
    total = 0
    for at in range(len(word)):
        total += holds(counted, word, at)
        if reset is not None and holds(reset, word, at):
            total = 0
        assert holds(formula, word, at) == COMPARE[comparison](total, number)


@pytest.mark.parametrize(
    ("text", "definition"),
    [
        ("Y a", lambda a, _, i: i > 0 and a[i - 1]),
        ("Z a", lambda a, _, i: i == 0 or a[i - 1]),
        ("O a", lambda a, _, i: any(a[: i + 1])),
        ("H a", lambda a, _, i: all(a[: i + 1])),
        ("a S b", lambda a, b, i: any(b[j] and all(a[j + 1 : i + 1]) for j in range(i + 1))),
        ("a B b", lambda a, b, i: all(a[j] or any(b[j : i + 1]) for j in range(i + 1))),
    ],
)
def test_the_past_by_its_definition(text: str, definition: Callable[[list[bool], list[bool], int], bool]) -> None:
    formula = parse_formula(text)
    for word in all_words(max_size=4):
        a, b = ["a" in letter for letter in word], ["b" in letter for letter in word]
        for at in range(len(word)):
            assert holds(formula, word, at) == definition(a, b, at)
            assert holds_on_lasso(formula, word, [NO], at) == definition(a, b, at)


# ---- infinite words


@pytest.mark.parametrize(
    ("text", "prefix", "loop", "expected"),
    [
        ("G F a", [], [A, NO], True),
        ("F G a", [], [A, NO], False),
        ("F G a", [NO], [A], True),
        ("G F a", [A], [NO], False),
        ("last", [], [A], False),
        ("F last", [A], [A], False),
        ("G X true", [A], [A], True),
        ("N false", [A], [A], False),
        ("a U b", [A, A], [A], False),
        ("a W b", [A, A], [A], True),
        ("a U b", [A], [A, B], True),
        ("a R b", [], [B], True),
        ("a M b", [], [B], False),
        ("X[5] a", [A], [NO, A], False),
        ("X[6] a", [A], [NO, A], True),
        ("G(Z false -> b)", [], [B], True),
        ("F(Y Y Y Z false & a)", [], [NO, NO, NO, A], True),
        ("F(Y Y Y Z false & a)", [], [A, NO], False),
        ("G F H a", [], [A, B], False),
        ("F G O b", [], [A, B], True),
        ("G F(!a S b)", [B], [NO], True),
        ("F G(!a S b)", [B, A], [NO], False),
        ("F(count(a) >= 7)", [], [A, NO], True),
        ("F(count(a) >= 2)", [A], [NO], False),
        ("F(count(a since b) >= 3)", [], [A, A, B], False),
        ("F(count(a since b) >= 2)", [], [A, A, B], True),
        ("F(a & Y[10] a)", [], [A, NO, NO], False),
        ("F(a & Y[9] a)", [], [A, NO, NO], True),
        ("G(b -> O a)", [], [B, A], False),
        ("X G(b -> O a)", [], [B, A], True),
    ],
)
def test_lassos_by_hand(text: str, prefix: list[frozenset[str]], loop: list[frozenset[str]], expected: bool) -> None:
    assert holds_on_lasso(parse_formula(text), prefix, loop) is expected


def test_positions_of_lassos() -> None:
    first = parse_formula("Z false")
    assert [holds_on_lasso(first, [], [A], at) for at in range(3)] == [True, False, False]
    third = parse_formula("count(a) == 3")
    assert [at for at in range(40) if holds_on_lasso(third, [NO], [A, NO], at)] == [5, 6]
    with pytest.raises(ValueError, match="loop"):
        holds_on_lasso(first, [A], [])
    with pytest.raises(ValueError, match="position"):
        holds_on_lasso(first, [A], [A], -1)


def by_fixpoint(formula: Formula, lasso: Lasso, positions: int) -> list[bool]:
    """The truth at the first positions, on so many turns of the loop that whatever looks back has long settled.

    There the last position goes back by one turn; what looks ahead is the least or greatest solution of its expansion.
    """
    prefix, loop = lasso
    word = [*prefix, *loop * (formula.size + 2)]
    word += loop * -(-max(0, positions - len(word)) // len(loop))
    count = len(word)
    after = [*range(1, count), count - len(loop)]
    truth: dict[Formula, list[bool]] = {}
    for node in subformulas(formula):
        name = type(node).__name__
        parts = [truth[part] for part in node.children()]
        a, b = (parts + [[], []])[:2]
        match name:
            case "Constant":
                values = [node == TRUE] * count
            case "Atom":
                values = [str(node.name) in letter for letter in word]  # type: ignore[attr-defined]
            case "Last":
                values = [False] * count
            case "Next" | "WeakNext":
                values = [a[then] for then in after]
            case "Yesterday" | "WeakYesterday":
                values = [name == "WeakYesterday", *a[:-1]]
            case "Once" | "Historically":
                values = list(accumulate(a, max if name == "Once" else min))
            case "Since" | "WeakSince":
                values, held = [], name == "WeakSince"
                for left, right in zip(a, b, strict=True):
                    held = right or (left and held)
                    values.append(held)
            case "Eventually" | "Until" | "StrongRelease" | "Always" | "WeakUntil" | "Release":
                values = solved(name, a, b, after)
            case _:
                values = [boolean(name, [part[at] for part in parts]) for at in range(count)]
        truth[node] = values
    return truth[formula][:positions]


def solved(name: str, a: list[bool], b: list[bool], after: list[int]) -> list[bool]:
    expand: Callable[[int, bool], bool] = {
        "Eventually": lambda at, then: a[at] or then,
        "Always": lambda at, then: a[at] and then,
        "Until": lambda at, then: b[at] or (a[at] and then),
        "WeakUntil": lambda at, then: b[at] or (a[at] and then),
        "Release": lambda at, then: b[at] and (a[at] or then),
        "StrongRelease": lambda at, then: b[at] and (a[at] or then),
    }[name]
    values = [name in ("Always", "WeakUntil", "Release")] * len(after)
    while True:
        better = [expand(at, values[then]) for at, then in enumerate(after)]
        if better == values:
            return values
        values = better


def boolean(name: str, values: list[bool]) -> bool:
    match name:
        case "Not":
            return not values[0]
        case "And" | "Or":
            return all(values) if name == "And" else any(values)
        case "Implies":
            return values[0] <= values[1]
        case "Iff" | "Xor":
            return (values[0] == values[1]) is (name == "Iff")
    raise TypeError(name)


@patient
@given(formulas(max_leaves=6, past=True), lassos())
def test_lassos_by_fixpoint(formula: Formula, lasso: Lasso) -> None:
    expected = by_fixpoint(formula, lasso, 12)
    assert [holds_on_lasso(formula, *lasso, at) for at in range(12)] == expected


@patient
@given(formulas(max_leaves=10, past=True), lassos(max_prefix=5, max_loop=5), st.integers(0, 20))
def test_long_lassos_by_fixpoint(formula: Formula, lasso: Lasso, at: int) -> None:
    assert holds_on_lasso(formula, *lasso, at) == by_fixpoint(formula, lasso, at + 1)[at]


@patient
@given(formulas(past=True), lassos(), st.integers(0, 3), st.integers(1, 3), st.integers(0, 8))
def test_one_word_has_one_value(formula: Formula, lasso: Lasso, turns: int, times: int, at: int) -> None:
    prefix, loop = lasso
    word = (*prefix, *loop * turns)
    assert holds_on_lasso(formula, word, loop * times, at) == holds_on_lasso(formula, prefix, loop, at)
    turned = (*prefix, loop[0]), (*loop[1:], loop[0])
    assert holds_on_lasso(formula, *turned, at) == holds_on_lasso(formula, prefix, loop, at)


INFINITE_LAWS = [pair for pair in LAWS if pair not in ENDS] + PAST_LAWS


@pytest.mark.parametrize(("one", "two"), INFINITE_LAWS)
def test_laws_over_infinite_words(one: str, two: str) -> None:
    left, right = parse_formula(one), parse_formula(two)
    for lasso in all_lassos(max_size=2):
        for at in range(5):
            assert holds_on_lasso(left, *lasso, at) == holds_on_lasso(right, *lasso, at), (lasso, at)


@pytest.mark.parametrize(("one", "two"), ENDS)
def test_laws_of_finite_words_alone(one: str, two: str) -> None:
    assert holds_on_lasso(parse_formula(one), [], [A]) != holds_on_lasso(parse_formula(two), [], [A])


@patient
@given(formulas(max_leaves=6), words(max_size=3))
def test_both_nexts_are_one_without_an_end(formula: Formula, word: Word) -> None:
    text = show_formula(formula)
    other = parse_formula(text.replace("N ", "X ").replace("N(", "X(").replace("last", "false"))
    assert holds_on_lasso(formula, word[:-1], word[-1:]) == holds_on_lasso(other, word[:-1], word[-1:])


# ---- no position at all


@pytest.mark.parametrize("text", ["N a", "G a", "a R b", "a W b", "Z a", "H a", "a B b", "last", "true", "!a"])
def test_true_of_nothing(text: str) -> None:
    assert holds_on_nothing(parse_formula(text))
    assert not holds_on_nothing(parse_formula(f"!({text})"))


@pytest.mark.parametrize("text", ["a", "X a", "F a", "a U b", "a M b", "Y a", "O a", "a S b", "false", "X true"])
def test_false_of_nothing(text: str) -> None:
    assert not holds_on_nothing(parse_formula(text))
    assert holds_on_nothing(parse_formula(f"!({text})"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("F a & G a", False),
        ("F a | G a", True),
        ("F a -> false", True),
        ("G a -> F a", False),
        ("G a xor H a", False),
        ("G a <-> F a", False),
        ("G(a -> F b)", True),
        ("count(a) < 3", True),
        ("count(a) >= 1", False),
        ("!a W b", True),
        ("F last", False),
    ],
)
def test_combinations_at_nothing(text: str, expected: bool) -> None:
    assert holds_on_nothing(parse_formula(text)) is expected


@patient
@given(formulas(past=True))
def test_the_normal_form_keeps_the_value_of_nothing(formula: Formula) -> None:
    assert holds_on_nothing(to_nnf(formula)) == holds_on_nothing(formula)
    assert holds_on_nothing(Not(formula)) != holds_on_nothing(formula)
