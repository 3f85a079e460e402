"""Rules in words against what they say, word by word; their texts, errors, and the replacing of variables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec import limits
from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.logic.formula import Atom, Formula, atoms
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.logic.show import show_formula
from agentspec.logic.sugar import Said, lower_deny, lower_require, substituted
from tests.logic.replacing import replaced
from tests.logic.strategies import formulas

Letters = tuple[frozenset[str], ...]
Oracle = Callable[[Letters], bool]


def _before(word: Letters, i: int, happened: str, since: str = "") -> bool:
    """``happened`` at some position before ``i``, and ``since`` at none after it and before ``i``."""
    return any(happened in word[k] and not any(since in word[m] for m in range(k + 1, i)) for k in range(i))


def _each(word: Letters, condition: Callable[[int], bool], wanted: Callable[[int], bool]) -> bool:
    return all(wanted(i) for i in range(len(word)) if condition(i))


CASES: list[tuple[Callable[[], Said], str, str, Oracle]] = [
    (lambda: lower_deny("p"), "G !p", "p is denied.", lambda w: not any("p" in letter for letter in w)),
    (lambda: lower_deny("!p"), "G p", "'!p' is denied.", lambda w: all("p" in letter for letter in w)),
    (
        lambda: lower_deny("p", when="c"),
        "G !(p & c)",
        "p is denied when c holds.",
        lambda w: not any({"p", "c"} <= letter for letter in w),
    ),
    (
        lambda: lower_deny("p", unless="u"),
        "G(p -> Y O u)",
        "p is denied unless u happened before.",
        lambda w: _each(w, lambda i: "p" in w[i], lambda i: _before(w, i, "u")),
    ),
    (
        lambda: lower_deny("p", unless="u since s"),
        "G(p -> Y(!s S u))",
        "p is denied unless u happened since the last s.",
        lambda w: _each(w, lambda i: "p" in w[i], lambda i: _before(w, i, "u", "s")),
    ),
    (
        lambda: lower_deny("p", when="c", unless="u since s"),
        "G(p & c -> Y(!s S u))",
        "p is denied when c holds unless u happened since the last s.",
        lambda w: _each(w, lambda i: {"p", "c"} <= w[i], lambda i: _before(w, i, "u", "s")),
    ),
    (
        lambda: lower_deny("p", when="c since s"),
        "G !(p & Y(!s S c))",
        "p is denied when c happened since the last s.",
        lambda w: not any("p" in w[i] and _before(w, i, "c", "s") for i in range(len(w))),
    ),
    (
        lambda: lower_deny("p", unless="p since p"),
        "G(p -> Y(!p S p))",
        "p is denied unless p happened since the last p.",
        lambda w: not any("p" in letter for letter in w),
    ),
    (
        lambda: lower_require("p"),
        "F p",
        "p is required at some time.",
        lambda w: any("p" in letter for letter in w),
    ),
    (
        lambda: lower_require("p", when="c"),
        "G(c -> p)",
        "p is required whenever c holds.",
        lambda w: _each(w, lambda i: "c" in w[i], lambda i: "p" in w[i]),
    ),
    (
        lambda: lower_require("p", when="c since s"),
        "G(Y(!s S c) -> p)",
        "p is required whenever c happened since the last s.",
        lambda w: _each(w, lambda i: _before(w, i, "c", "s"), lambda i: "p" in w[i]),
    ),
    (
        lambda: lower_require("p", before="q"),
        "!q W p",
        "p is required before q.",
        lambda w: _each(w, lambda i: "q" in w[i], lambda i: any("p" in w[k] for k in range(i + 1))),
    ),
    (
        lambda: lower_require("p", when="c", before="q"),
        "!(q & c) W p",
        "p is required before q when c holds.",
        lambda w: _each(w, lambda i: {"q", "c"} <= w[i], lambda i: any("p" in w[k] for k in range(i + 1))),
    ),
    (
        lambda: lower_require("p", after="q"),
        "G(q -> F p)",
        "p is required after each q.",
        lambda w: _each(w, lambda i: "q" in w[i], lambda i: any("p" in w[k] for k in range(i, len(w)))),
    ),
    (
        lambda: lower_require("p", when="c", after="q"),
        "G(q & c -> F p)",
        "p is required after each q when c holds.",
        lambda w: _each(w, lambda i: {"q", "c"} <= w[i], lambda i: any("p" in w[k] for k in range(i, len(w)))),
    ),
]


@pytest.mark.parametrize(("lower", "text", "sentence", "means"), CASES, ids=[case[1] for case in CASES])
def test_a_rule_in_words_is_what_it_says(lower: Callable[[], Said], text: str, sentence: str, means: Oracle) -> None:
    said = lower()
    assert show_formula(said.formula) == text
    assert parse_formula(text) == said.formula
    assert said.sentence == sentence
    names = atoms(said.formula)
    letters = [frozenset(n for n, held in zip(names, row, strict=True) if held)
               for row in product((False, True), repeat=len(names))]  # fmt: skip
    for length in range(1, 6 if len(names) < 3 else 4):
        for word in product(letters, repeat=length):
            assert holds(said.formula, word) == means(word), word
    random = Random(text)
    for _ in range(200):
        word = tuple(random.choices(letters, k=random.randint(4, 9)))
        assert holds(said.formula, word) == means(word), word


def test_the_designs_own_examples() -> None:
    four_eyes = lower_deny("large", unless="approved since call(pay)")
    assert four_eyes.formula == parse_formula("G(large -> Y(!call(pay) S approved))")
    retries = lower_deny("call(t)", when="count(failed(t) since ok(t)) >= 2")
    assert retries.formula == parse_formula("G !(call(t) & count(failed(t) since ok(t)) >= 2)")
    assert retries.sentence == "call(t) is denied when 'count(failed(t) since ok(t)) >= 2' holds."
    nested = lower_deny("large", unless="count(ok(ask) since ok(pay)) >= 2 since call(pay)")
    assert nested.formula == parse_formula("G(large -> Y(!call(pay) S count(ok(ask) since ok(pay)) >= 2))")


def test_texts_are_formulas() -> None:
    said = lower_deny("a  | b", when="X c", unless="a & b\n  since  c | d")
    assert said.formula == parse_formula("G((a | b) & X c -> Y(!(c | d) S (a & b)))")
    assert said.sentence == "'a | b' is denied when 'X c' holds unless 'a & b' happened since the last 'c | d'."
    assert lower_deny("since-then").formula == parse_formula("G !since-then")
    assert lower_deny("a", unless="(b) since (c)").formula == parse_formula("G(a -> Y(!c S b))")


BAD = [
    ({"deny": "a &"}, "deny:1:4: expected a formula after '&', found the end"),
    ({"deny": ""}, "deny:1:1: empty formula"),
    ({"deny": "a", "when": "b c"}, "when:1:3: expected an operator"),
    ({"deny": "a", "unless": "b & since c"}, "unless:1:4: expected a formula after '&', found the end"),
    ({"deny": "a", "unless": "b since c &"}, "unless:1:12: expected a formula after '&', found the end"),
    ({"deny": "a", "unless": "b since"}, "unless:1:3: 'since' stands between two formulas"),
    ({"deny": "a", "unless": "since c"}, "unless:1:1: 'since' stands between two formulas"),
    ({"deny": "a", "unless": "b since c since d"}, "unless:1:11: a second 'since'"),
    ({"deny": "a since b"}, "deny:1:3: 'since' belongs to 'when' and 'unless', not to 'deny'"),
    ({"deny": "a", "unless": "b since\n  c & )"}, "unless:2:7: expected a formula after '&', found ')'"),
    (
        {"deny": "a", "when": "args.amount > 3"},
        "when:1:1: this compares values, which the rules of a file do",
    ),
    ({"deny": "a", "when": "b & last(look).total"}, "when:1:5: this compares values, which the rules of"),
    ({"require": "args.x"}, "require:1:1: this compares values"),
    ({"require": "a", "before": "b since c"}, "before:1:3: 'since' belongs to 'when' and 'unless', not to 'before'"),
    ({"require": "a", "after": "!"}, "after:1:2: expected a formula after '!', found the end"),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_what_cannot_be_read_is_pointed_at(words: dict[str, str], message: str) -> None:
    lower = lower_deny if "deny" in words else lower_require
    with pytest.raises(SyntaxProblem) as raised:
        lower(**words)
    assert str(raised.value).startswith(message)
    assert raised.value.location is not None
    line = words[raised.value.location.source].split("\n")[raised.value.location.line - 1]
    assert raised.value.excerpt == line


def test_places_in_files_are_kept() -> None:
    places = {"unless": Location("clerk.yaml", 12, 40)}
    with pytest.raises(SyntaxProblem) as raised:
        lower_deny("a", unless="b since c d", places=places)
    assert str(raised.value.location) == "clerk.yaml:12:50"
    caret = str(raised.value).split("\n")[-1].index("^")
    assert str(raised.value).split("\n")[-2][caret] == "d"


def test_before_and_after_together_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"'before' or 'after', not both; .* between"):
        lower_require("a", before="b", after="c")


def test_huge_texts_end_in_an_error() -> None:
    for text in ("a" * (limits.TEXT_LENGTH + 1), "!" * (limits.FORMULA_DEPTH + 1) + "a", "(" * 9_999, "since " * 9_999):
        with pytest.raises(SyntaxProblem):
            lower_deny("a", unless=text)


def test_variables_are_replaced() -> None:
    declared = parse_formula("G(failed(t) -> N !call(t)) & t & tt & u(tt) & t-t")
    assert show_formula(substituted(declared, "t", "pay")) == "G(failed(pay) -> N !call(pay)) & pay & tt & u(tt) & t-t"
    past = lower_deny("call(t)", when="count(failed(t) since ok(t)) >= 2").formula
    assert substituted(past, "t", "pay") == parse_formula("G !(call(pay) & count(failed(pay) since ok(pay)) >= 2)")
    assert substituted(declared, "x", "pay") is declared
    for value in ("", "a b", "call(pay)", "X", "true", "1"):
        with pytest.raises(InvalidInput, match="'t' cannot become"):
            substituted(declared, "t", value)


@given(formulas(("t", "u", "ok(t)", "ok(u)")), st.sampled_from(["u", "pay"]))
def test_replacing_a_variable_is_replacing_its_atoms(formula: Formula, value: str) -> None:
    expected = replaced(formula, {"t": Atom(value), "ok(t)": Atom(f"ok({value})")})
    assert substituted(formula, "t", value) == expected


def test_what_is_said_is_a_value() -> None:
    assert lower_deny("a") == lower_deny("a")
    assert hash(lower_deny("a")) != hash(lower_deny("b"))
