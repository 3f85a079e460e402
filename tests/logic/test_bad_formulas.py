"""Every way to get a formula wrong, with its place; and what is merely large, which is read and handled at once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec import limits
from agentspec.errors import SyntaxProblem
from agentspec.logic.formula import Atom, Formula, atoms, subformulas
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso
from agentspec.logic.show import show_formula
from agentspec.logic.simplify import simplify, to_nnf
from tests.logic.strategies import patient

A = Atom("a")


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
        ("a b", 1, 3, "expected an operator (& | -> <-> xor U W R M S B) or the end, found 'b'"),
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
        ("a @ b", 1, 3, "unknown operator '@'; valid: ! X N F G Y Z O H & |"),
        ("F 'a'", 1, 3, "unknown operator '''; a name is a letter or '_'"),
        ("F é", 1, 3, "unknown operator 'é'; a name is a letter or '_'"),
        ("café", 1, 4, "unknown operator 'é'"),
        ("a\u200b", 1, 2, "\\u200b"),
        ("2", 1, 1, "expected a formula, found '2'"),
        ("end", 1, 1, "'end' is a reserved word"),
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
        ("N[2] a", 1, 1, "'N' takes no bounds; only X, F, G, Y, O and H do"),
        ("Z[2] a", 1, 1, "'Z' takes no bounds"),
        ("Y[!] a", 1, 3, "expected a number, found '!'"),
        ("Y[1:2] a", 1, 4, "expected ']', found ':'"),
        ("O[3] a", 1, 4, "expected ':' as in O[0:5], found ']'"),
        ("H[2:1] a", 1, 5, "empty bounds H[2:1]"),
        ("a U[1:2] b", 1, 4, "expected a formula after 'U', found '['; only X, F, G, Y, O and H take bounds"),
        ("a [1:2]", 1, 3, "only X, F, G, Y, O and H take bounds"),
        ("F[-1:2] a", 1, 3, "expected a number, found '-'"),
        ("X[1001] a", 1, 3, "'1001' is too large; at most 1000"),
        ("X[" + "9" * 5000 + "] a", 1, 3, "too large"),
        ("F[0:1000] F[0:1000] a", 1, 1, "add more than 100000 nodes"),
        ("X[1000] a & " * 5_000 + "a", 1, 1201, "this 'X' add more than"),
        ("F[1000:] a & " * 5_000 + "a", 1, 1301, "this 'F' add more than"),
        ("(" * 1_001 + "a" + ")" * 1_001, 1, 1_001, "nested deeper than 1000"),
        ("(" * 10_000 + "a" + ")" * 10_000, 1, 1_001, "nested deeper than 1000"),
        ("!" * 50_000 + "a", 1, 1_001, "nested deeper than 1000"),
        ("G (" * 10_000, 1, 1_501, "nested deeper than 1000"),
        ("count(" * 10_000, 1, 6_006 - 0, "nested deeper than 1000"),
        (" U ".join("a" * 1_002), 1, 4_003, "nested deeper than 1000"),
        (" S ".join("a" * 10_000), 1, 4_003, "nested deeper than 1000"),
        ("a S", 1, 4, "expected a formula after 'S', found the end"),
        ("S a", 1, 1, "expected a formula, found 'S'; 'S' is an operator and names no proposition"),
        ("G(a -> U)", 1, 8, "'U' is an operator and names no proposition"),
        ("once a", 1, 6, "'once' reads as a proposition, write 'O'"),
        ("a since b", 1, 3, "found 'since'; write 'S'"),
        ("count(a) since b", 1, 10, "expected a comparison (>= > <= < ==) after 'count(...)', found 'since'"),
        ("count(a)", 1, 9, "expected a comparison (>= > <= < ==) after 'count(...)', found the end"),
        ("count(a) & b", 1, 10, "expected a comparison"),
        ("count(a) = 2", 1, 10, "found '='"),
        ("count(a) != 2", 1, 10, "found '!'"),
        ("count(a) >= b", 1, 13, "expected a number after '>=', found 'b'"),
        ("count(a) >= -1", 1, 13, "expected a number after '>=', found '-'"),
        ("count(a) >=", 1, 12, "expected a number after '>=', found the end"),
        ("count(a) > 1001", 1, 12, "'1001' is too large; at most 1000"),
        ("count(a) > 2 > 1", 1, 14, "unknown operator '>'; only counts are compared"),
        ("count(a) > 2 b", 1, 14, "expected an operator"),
        ("count()", 1, 7, "expected a formula after '(', found ')'"),
        ("count(a since) > 1", 1, 14, "expected a formula after 'since', found ')'"),
        ("count(a since b since c) > 1", 1, 17, "found 'since'"),
        ("count((a since b)) > 1", 1, 10, "found 'since'"),
        ("count(a, b) > 1", 1, 8, "unknown operator ','"),
        ("count(a since b", 1, 6, "'(' is never closed"),
        ("a < b", 1, 3, "unknown operator '<'; only counts are compared, as in count(a) < 2"),
        ("1 <= count(a)", 1, 3, "unknown operator '<='; only counts are compared"),
        ("a <=> b", 1, 3, "unknown operator '<=>'; write '<->'"),
        ("count(F[0:100] a) >= 1000", 1, 19, "counts up to this '>=' add more than 100000 nodes"),
        ("count(a) >= 1000 & " * 50 + "a", 1, 143, "counts up to this '>=' add more than 100000 nodes"),
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
        deep = parse_formula("(" * 1_000 + "a" + ")" * 1_000)
        assert deep == A
        tall = parse_formula("X" + " X" * 999 + " a")
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
    start = time.process_time()
    with pytest.raises(SyntaxProblem, match="characters; at most"):
        parse_formula(unit * (1_000_000 // len(unit)))
    assert time.process_time() - start < 1


def test_a_long_formula_within_the_limit_is_read() -> None:
    start = time.process_time()
    formula = parse_formula(" & ".join(["call(pay)"] * 8_000))
    assert time.process_time() - start < 5
    assert len(formula.children()) == 8_000


@contextmanager
def within_seconds(seconds: float) -> Iterator[None]:
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


LARGE = {
    "deep parentheses": "(" * limits.FORMULA_DEPTH + "a" + ")" * limits.FORMULA_DEPTH,
    "deep negations": "!" * limits.FORMULA_DEPTH + "a",
    "deep untils": " U ".join(["a", "b"] * (limits.FORMULA_DEPTH // 2)),
    "deep sinces": " S ".join(["a", "b"] * (limits.FORMULA_DEPTH // 2)),
    "deep disjunctions": "".join(f"(p{index} | " for index in range(300)) + "a" + ")" * 300,
    "deep past": "Y[1000] a",
    "next": "X[1000] " * 10 + "a",
    "bounds": "F[0:1000] G[0:20] a & O[0:1000] H[0:10] b",
    "count": "count(a since b) == 1000",
    "nested counts": "count(count(a) >= 20 since count(b) > 9) >= 40",
    "conjunction": " & ".join([f"p{index}" for index in range(4_000)]),
    "clauses": " & ".join([f"(!p{index} | p{index + 1})" for index in range(1_000)]),
    "equivalences": " <-> ".join([f"p{index}" for index in range(limits.FORMULA_DEPTH)]),
    "weak untils": " W ".join([f"p{index}" for index in range(limits.FORMULA_DEPTH)]),
    "200 propositions": " & ".join([f"G(p{index} -> F q{index})" for index in range(100)]),
}


@pytest.mark.parametrize("name", LARGE)
def test_large_formulas_are_handled_at_once(name: str) -> None:
    with within_seconds(6):
        formula = parse_formula(LARGE[name])
        assert formula == parse_formula(LARGE[name])
        assert formula.size > 0
        normal, simple = to_nnf(formula), simplify(formula)
        assert simplify(simple) == simple
        if formula.size < 1_000_000:
            assert show_formula(formula)
        word = [{"a"}, {"b"}, {"a", "p0"}]
        value = holds(formula, word)
        assert (holds(normal, word), holds(simple, word)) == (value, value)


@pytest.mark.parametrize(
    "name", ["deep untils", "deep sinces", "deep past", "next", "bounds", "count", "nested counts"]
)
def test_large_formulas_on_lassos(name: str) -> None:
    formula = parse_formula(LARGE[name].replace("1000", "200"))
    with within_seconds(6):
        value = holds_on_lasso(formula, [{"a"}], [{"b"}, {"a", "p0"}])
        assert holds_on_lasso(simplify(formula), [{"a"}], [{"b"}, {"a", "p0"}]) == value


def test_200_propositions_are_read() -> None:
    assert len(atoms(parse_formula(LARGE["200 propositions"]))) == 200
    assert len(subformulas(parse_formula(LARGE["next"]))) == 10_001


PIECES = "a b S O Y U & | -> ! ( ) [0:2] [2] since count( count ) >= == < 1 2"


@patient
@given(st.lists(st.sampled_from(PIECES.split()), max_size=14).map(" ".join))
def test_any_pieces_are_a_formula_or_a_syntax_problem(text: str) -> None:
    either_formula_or_problem(text)


@patient
@given(st.text(alphabet="abXFGUSYOB!&|->()[]:01 \n@xor", max_size=25))
def test_any_text_is_a_formula_or_a_syntax_problem(text: str) -> None:
    either_formula_or_problem(text)


def either_formula_or_problem(text: str) -> None:
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
