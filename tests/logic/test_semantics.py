"""The oracle itself: tables worked out by hand, dualities, expansion laws, and a second definition by recursion."""

from __future__ import annotations

import pytest
from hypothesis import given

from agentspec.logic.formula import Atom, Formula, Next
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.logic.strategies import Word, all_words, formulas, patient, words

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


@pytest.mark.parametrize(("one", "two"), LAWS)
def test_laws(one: str, two: str) -> None:
    left, right = parse_formula(one), parse_formula(two)
    for word in all_words(max_size=4):
        assert holds(left, word) == holds(right, word), word


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
    raise TypeError(name)


@patient
@given(formulas(max_leaves=5), words(max_size=4))
def test_the_expansion_laws_define_the_same(formula: Formula, word: Word) -> None:
    for at in range(len(word)):
        assert holds(formula, word, at) == by_expansion(formula, word, at)
