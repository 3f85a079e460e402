"""Text to formula and back; every way to get it wrong, with its place."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.errors import SyntaxProblem
from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
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
    atoms,
)
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.show import show_formula
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
    ],
)
def test_bounded_operators_are_rewritten(bounded: str, plain: str) -> None:
    assert parse_formula(bounded) == parse_formula(plain)


@pytest.mark.parametrize(
    ("text", "line", "column", "fragment"),
    [
        ("", 1, 1, "empty formula"),
        (" \n ", 1, 1, "empty formula"),
        ("a &", 1, 4, "expected a formula after '&', found the end"),
        ("a &  \n\n", 1, 4, "found the end"),
        ("!", 1, 2, "expected a formula after '!'"),
        ("& a", 1, 1, "expected a formula, found '&'"),
        ("a &&& b", 1, 5, "found '&'"),
        ("a U U b", 1, 5, "expected a formula after 'U', found 'U'"),
        ("a || | b", 1, 6, "expected a formula after '||', found '|'"),
        ("()", 1, 2, "expected a formula after '(', found ')'"),
        ("(a", 1, 1, "'(' is never closed"),
        ("a &\n (b | (c)", 2, 2, "'(' is never closed"),
        ("a)", 1, 2, "unbalanced ')'"),
        ("(a))", 1, 4, "unbalanced ')'"),
        ("a b", 1, 3, "expected an operator (& | -> <-> xor U W R M) or the end, found 'b'"),
        ("(a b)", 1, 4, "or ')', found 'b'"),
        ("a !b", 1, 3, "found '!'"),
        ("a true", 1, 3, "found 'true'"),
        ("(a) (b)", 1, 5, "found '('"),
        ("a and b", 1, 3, "write '&'"),
        ("not a", 1, 5, "'not' reads as a proposition, write '!'"),
        ("a => b", 1, 3, "unknown operator '=>'; write '->'"),
        ("a ∧ b", 1, 3, "unknown operator '∧'; write '&'"),
        ("a == b", 1, 3, "unknown operator '=='; write '<->'"),
        ("a - b", 1, 3, "unknown operator '-'; write '->'"),
        ("a @ b", 1, 3, "unknown operator '@'; valid: ! X N F G & |"),
        ("café", 1, 4, "unknown operator 'é'"),
        ("a\u200b", 1, 2, "\\u200b"),
        ("2", 1, 1, "expected a formula, found '2'"),
        ("end", 1, 1, "'end' is a reserved word"),
        ("Y a", 1, 1, "past operator 'Y' (yesterday) is known, and not supported by this version yet"),
        ("G(a -> !b S c)", 1, 11, "past operator 'S' (since) is known, and not supported"),
        ("a\n B b", 2, 2, "past operator 'B' (weak since)"),
        ("call(a | b)", 1, 8, "expected ')' after 'call(a', found '|'"),
        ("call()", 1, 6, "expected one name inside 'call(...)', found ')'"),
        ("call(!a)", 1, 6, "one name inside 'call(...)'"),
        ("call(a", 1, 7, "expected ')' after 'call(a', found the end"),
        ("last(a)", 1, 5, "found '('"),
        ("F[3:1] a", 1, 5, "empty bounds F[3:1]"),
        ("F[3] a", 1, 4, "expected ':' as in F[0:5], found ']'"),
        ("F[:3] a", 1, 3, "expected a number, found ':'"),
        ("F[1:a] a", 1, 5, "expected a number or ']', found 'a'"),
        ("F[1:2 a", 1, 7, "expected ']', found 'a'"),
        ("F[1", 1, 4, "expected ':' as in F[0:5], found the end"),
        ("X[ a", 1, 4, "expected '!' or a number, found 'a'"),
        ("X[! a", 1, 5, "expected ']', found 'a'"),
        ("N[2] a", 1, 1, "'N' takes no bounds"),
        ("a U[1:2] b", 1, 4, "expected a formula after 'U', found '['"),
        ("a [1:2]", 1, 3, "only X, F and G take bounds"),
        ("X[1001] a", 1, 3, "bound '1001' is too large; at most 1000"),
        ("X[" + "9" * 5000 + "] a", 1, 3, "too large"),
        ("F[0:1000] F[0:1000] a", 1, 1, "add more than 100000 nodes"),
        ("X[1000] a & " * 5_000 + "a", 1, 1201, "this 'X' add more than"),
        ("F[1000:] a & " * 5_000 + "a", 1, 1301, "this 'F' add more than"),
        ("(" * 201 + "a" + ")" * 201, 1, 201, "nested deeper than 200"),
        ("!" * 50_000 + "a", 1, 201, "nested deeper than 200"),
        (" U ".join("a" * 202), 1, 803, "nested deeper than 200"),
    ],
)
def test_syntax_errors(text: str, line: int, column: int, fragment: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_formula(text)
    problem = caught.value
    assert fragment in problem.message
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == (line, column)
    assert problem.location.source == "<formula>"
    assert problem.excerpt is not None


@pytest.mark.parametrize("word", sorted(RESERVED - {"true", "false", "last"}))
def test_reserved_words_name_no_proposition(word: str) -> None:
    with pytest.raises(SyntaxProblem):
        parse_formula(f"{word} & b")


def test_places_count_from_where_the_text_starts() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_formula("a @ b", source="clerk.yaml", line=7, column=21)
    assert str(caught.value).splitlines()[0].startswith("clerk.yaml:7:23: unknown operator '@'")
    shown, caret = str(caught.value).splitlines()[1:]
    assert shown[caret.index("^")] == "@"

    with pytest.raises(SyntaxProblem) as caught:
        parse_formula("a &\r\n  @ b\nc", source="clerk.yaml", line=7, column=21)
    assert str(caught.value.location) == "clerk.yaml:8:3"
    assert caught.value.excerpt == "  @ b"


def test_the_deepest_allowed_formula_needs_little_of_the_stack() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100 + stack_depth())
    try:
        deep = parse_formula("(" * 200 + "a" + ")" * 200)
        assert deep == A
        tall = parse_formula("X" + " X" * 199 + " a")
        assert parse_formula(show_formula(tall)) == tall
    finally:
        sys.setrecursionlimit(limit)


def stack_depth() -> int:
    frame, depth = sys._getframe().f_back, 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


@pytest.mark.parametrize("unit", ["a & ", "(", "!", "a -", "é", "\n", "F[0:9] ", "a xor ", "call(a)|", "1"])
def test_a_megabyte_is_refused_at_once(unit: str) -> None:
    start = time.perf_counter()
    with pytest.raises(SyntaxProblem, match="characters; at most"):
        parse_formula(unit * (1_000_000 // len(unit)))
    assert time.perf_counter() - start < 1


def test_a_long_formula_within_the_limit_is_read() -> None:
    start = time.perf_counter()
    formula = parse_formula(" & ".join(["call(pay)"] * 8_000))
    assert time.perf_counter() - start < 5
    assert len(formula.children()) == 8_000


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
        (And(()), "true"),
        (Or(()), "false"),
    ],
)
def test_shown_with_minimal_parentheses(formula: Formula, text: str) -> None:
    assert show_formula(formula) == text


@patient
@given(formulas(("a", "b", "call(pay)", "look-first", "Xa"), max_leaves=15))
def test_round_trip(formula: Formula) -> None:
    assert parse_formula(show_formula(formula)) == formula


@patient
@given(formulas(max_leaves=10), st.data())
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


@patient
@given(st.text(alphabet="abXFGUSY!&|->()[]:01 \n@xor", max_size=25))
def test_any_text_is_a_formula_or_a_syntax_problem(text: str) -> None:
    read = read_or_problem(text)
    if isinstance(read, SyntaxProblem):
        assert read.location is not None
        assert 1 <= read.location.line <= text.count("\n") + 1
        assert 1 <= read.location.column <= len(text) + 1
    else:
        assert parse_formula(show_formula(read)) == read
        assert all(name in text.replace(" ", "").replace("\n", "") for name in atoms(read))


def read_or_problem(text: str) -> Formula | SyntaxProblem:
    try:
        return parse_formula(text)
    except SyntaxProblem as problem:
        return problem
