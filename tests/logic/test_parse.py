"""Text to formula and back; what is wrong is in ``test_bad_formulas``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
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
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.show import LEVELS, PRECEDENCE, SYMBOLS, show_formula
from tests.logic.strategies import formulas, patient

A, B, C, D = Atom("a"), Atom("b"), Atom("c"), Atom("d")


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("a", A),
        ("true", TRUE),
        ("1", TRUE),
        ("false", FALSE),
        ("0", FALSE),
        ("last", Last()),
        ("!a", Not(A)),
        ("~a", Not(A)),
        ("X a", Next(A)),
        ("X[!] a", Next(A)),
        ("X [ ! ] a", Next(A)),
        ("N a", WeakNext(A)),
        ("F a", Eventually(A)),
        ("G a", Always(A)),
        ("a U b", Until(A, B)),
        ("a W b", WeakUntil(A, B)),
        ("a R b", Release(A, B)),
        ("a M b", StrongRelease(A, B)),
        ("Y a", Yesterday(A)),
        ("Z a", WeakYesterday(A)),
        ("O a", Once(A)),
        ("H a", Historically(A)),
        ("a S b", Since(A, B)),
        ("a B b", WeakSince(A, B)),
        ("a && b", And((A, B))),
        ("a || b", Or((A, B))),
        ("a ^ b", Xor(A, B)),
        ("a xor b", Xor(A, B)),
        ("a -> b", Implies(A, B)),
        ("a <-> b", Iff(A, B)),
    ],
)
def test_each_operator(text: str, formula: Formula) -> None:
    assert parse_formula(text) == formula


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        ("!a U b", Until(Not(A), B)),
        ("X a U F b", Until(Next(A), Eventually(B))),
        ("! X a", Not(Next(A))),
        ("a U b U c", Until(A, Until(B, C))),
        ("a U b R c M d", Until(A, Release(B, StrongRelease(C, D)))),
        ("(a U b) U c", Until(Until(A, B), C)),
        ("!a S b", Since(Not(A), B)),
        ("a U b S c B d", Until(A, Since(B, WeakSince(C, D)))),
        ("Y a S O b", Since(Yesterday(A), Once(B))),
        ("a S b & c", And((Since(A, B), C))),
        ("G(a -> Y(!b S c))", Always(Implies(A, Yesterday(Since(Not(B), C))))),
        ("a & b U c", And((A, Until(B, C)))),
        ("a & b & c", And((A, B, C))),
        ("(a & b) & c", And((And((A, B)), C))),
        ("a & (b & c)", And((A, And((B, C))))),
        ("a | b & c | d", Or((A, And((B, C)), D))),
        ("a & b | c & d", Or((And((A, B)), And((C, D))))),
        ("a | b xor c | d", Xor(Or((A, B)), Or((C, D)))),
        ("a xor b -> c", Implies(Xor(A, B), C)),
        ("a -> b -> c", Implies(A, Implies(B, C))),
        ("a -> b <-> c", Implies(A, Iff(B, C))),
        ("a <-> b -> c", Iff(A, Implies(B, C))),
        ("(a -> b) -> c", Implies(Implies(A, B), C)),
        ("G(a -> X b)", Always(Implies(A, Next(B)))),
        ("G a -> b", Implies(Always(A), B)),
        ("((a))", A),
        ("a & b -> c | d", Implies(And((A, B)), Or((C, D)))),
        ("!(a U b) & c", And((Not(Until(A, B)), C))),
        ("a U (b & c) & d", And((Until(A, And((B, C))), D))),
    ],
)
def test_precedence(text: str, formula: Formula) -> None:
    assert parse_formula(text) == formula


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("action_input", "action_input"),
        ("look-first", "look-first"),
        ("_x9", "_x9"),
        ("Xa", "Xa"),
        ("GFa", "GFa"),
        ("untilU", "untilU"),
        ("x-X", "x-X"),
        ("call(pay)", "call(pay)"),
        ("call ( pay )", "call(pay)"),
        ("ok(ask-human)", "ok(ask-human)"),
        ("failed(X)", "failed(X)"),
        ("a--b", "a--b"),
        ("count", "count"),
        ("since", "since"),
        ("counted(a)", "counted(a)"),
        ("call(count)", "call(count)"),
        ("call(since)", "call(since)"),
    ],
)
def test_names(text: str, name: str) -> None:
    assert parse_formula(text) == Atom(name)


@pytest.mark.parametrize("text", ["a->b", "a ->b", "a-> b", "a\n->\tb"])
def test_a_name_does_not_swallow_an_arrow(text: str) -> None:
    assert parse_formula(text) == Implies(A, B)


def test_a_name_may_end_in_a_dash_before_an_arrow() -> None:
    assert parse_formula("a-->b") == Implies(Atom("a-"), B)
    assert parse_formula("a-b<->c") == Iff(Atom("a-b"), C)


@pytest.mark.parametrize(
    ("bounded", "plain"),
    [
        ("X[0] a", "a"),
        ("X[3] a", "X X X a"),
        ("F[0:0] a", "a"),
        ("F[0:2] a", "a | X(a | X a)"),
        ("F[2:3] a", "X X (a | X a)"),
        ("G[0:2] a", "a & N(a & N a)"),
        ("G[1:2] a", "N(a & N a)"),
        ("F[2:] a", "X X F a"),
        ("G[2:] a", "N N G a"),
        ("F[0:] a", "F a"),
        ("!G[ 1 : 1 ] a U b", "!(N a) U b"),
        ("F[0:1] G[0:1] a", "(a & N a) | X(a & N a)"),
        ("F[00:01] a", "a | X a"),
        ("Y[0] a", "a"),
        ("Y[3] a", "Y Y Y a"),
        ("O[0:2] a", "a | Y(a | Y a)"),
        ("O[2:3] a", "Y Y (a | Y a)"),
        ("H[0:2] a", "a & Z(a & Z a)"),
        ("H[1:2] a", "Z(a & Z a)"),
        ("O[2:] a", "Y Y O a"),
        ("H[2:] a", "Z Z H a"),
        ("H[0:] a", "H a"),
        ("G[0:1] O[0:1] a", "(a | Y a) & N(a | Y a)"),
    ],
)
def test_bounded_operators_are_rewritten(bounded: str, plain: str) -> None:
    assert parse_formula(bounded) == parse_formula(plain)


COUNTS = [
    ("count(a) >= 0", "true"),
    ("count(a) >= 1", "O a"),
    ("count(a) > 0", "O a"),
    ("count(a) >= 3", "O(a & Y O(a & Y O a))"),
    ("count(a) < 0", "false"),
    ("count(a) <= 0", "!O a"),
    ("count(a) < 2", "!O(a & Y O a)"),
    ("count(a) == 0", "!O a"),
    ("count(a) == 1", "O a & !O(a & Y O a)"),
    ("count(a since b) >= 1", "!b S (a & !b)"),
    ("count(a since b) > 1", "!b S (a & !b & Y(!b S (a & !b)))"),
    ("count(a since b) <= 0", "!(!b S (a & !b))"),
    ("count ( a | b ) >= 1", "O(a | b)"),
    ("count(a | b since c -> d) >= 1", "!(c -> d) S ((a | b) & !(c -> d))"),
    ("count((a) since (b)) >= 1", "!b S (a & !b)"),
    ("count(since since since) >= 1", "!since S (since & !since)"),
    ("count(count) >= 1", "O count"),
    ("count(count(a) >= 2 since b) >= 1", "!b S (O(a & Y O a) & !b)"),
    ("count(F a since X b)>=1", "!X b S (F a & !X b)"),
    ("!count(a)>=1 U b", "!O a U b"),
    ("G(count(a) >= 1 -> b)", "G(O a -> b)"),
    ("count & since | count", "count & since | count"),
    ("count", "count"),
]


@pytest.mark.parametrize(("text", "plain"), COUNTS)
def test_counts_are_rewritten(text: str, plain: str) -> None:
    assert parse_formula(text) == parse_formula(plain)


def test_large_counts_share_their_parts() -> None:
    formula = parse_formula("count(a since b) == 1000")
    assert len(subformulas(formula)) < 3_100
    assert formula.size < 20_000


def test_the_documentation_agrees() -> None:
    text = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")
    for row in PRECEDENCE:
        shown = "`, `".join(row) if "->" in row else " ".join(row)
        assert "| `" + shown.replace("|", "\\|") + "` |" in text, row
    words = re.search(r"The words `([^`]*)` name no step or proposition", text)
    assert words is not None
    assert set(words[1].split()) == RESERVED
    meanings = re.findall(r"`([^`]*)` is `([^`]*)`", text[text.index("## Rules") : text.index("Keys of a rule")])
    assert len(meanings) >= 5
    for one, two in meanings:
        assert parse_formula(one.replace("\\|", "|")) == parse_formula(two.replace("\\|", "|"))


def test_the_precedence_table_lists_every_operator() -> None:
    assert [LEVELS[symbol] for row in PRECEDENCE for symbol in row] == [
        level for level, row in enumerate(PRECEDENCE, 1) for _ in row
    ]
    assert set(LEVELS) == set(SYMBOLS.values())


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (And((And((A, B)), C)), "(a & b) & c"),
        (Or((A, And((B, C)))), "a | b & c"),
        (And((A, Or((B, C)))), "a & (b | c)"),
        (Implies(A, Implies(B, C)), "a -> b -> c"),
        (Implies(Implies(A, B), C), "(a -> b) -> c"),
        (Implies(Iff(A, B), C), "(a <-> b) -> c"),
        (Until(Until(A, B), Until(C, D)), "(a U b) U c U d"),
        (Not(Not(Next(A))), "!!X a"),
        (Always(Implies(A, Next(Not(B)))), "G(a -> X !b)"),
        (Not(And((A, B))), "!(a & b)"),
        (Until(Not(A), Next(B)), "!a U X b"),
        (Next(Until(A, B)), "X(a U b)"),
        (Xor(Xor(A, B), C), "(a xor b) xor c"),
        (WeakNext(FALSE), "N false"),
        (Atom("call(pay)"), "call(pay)"),
        (Yesterday(Since(Not(A), B)), "Y(!a S b)"),
        (Since(Since(A, B), Until(C, D)), "(a S b) S c U d"),
        (Historically(Once(A)), "H O a"),
        (WeakSince(And((A, B)), WeakYesterday(C)), "(a & b) B Z c"),
        (And(()), "true"),
        (Or(()), "false"),
    ],
)
def test_shown_with_minimal_parentheses(formula: Formula, text: str) -> None:
    assert show_formula(formula) == text


@patient
@given(formulas(("a", "b", "call(pay)", "look-first", "Xa", "count", "since"), max_leaves=15, past=True))
def test_round_trip(formula: Formula) -> None:
    assert parse_formula(show_formula(formula)) == formula


@patient
@given(formulas(max_leaves=10, past=True), st.data())
def test_every_pair_of_parentheses_is_needed(formula: Formula, data: st.DataObject) -> None:
    text = show_formula(formula)
    opened = [index for index, char in enumerate(text) if char == "("]
    if not opened:
        return
    start = data.draw(st.sampled_from(opened))
    depth = 0
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            break
    without = f"{text[:start]} {text[start + 1 : end]} {text[end + 1 :]}"
    assert parse_formula(without) != formula
