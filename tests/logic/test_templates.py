"""Every template against its definition in words, in every scope, on finite words and on infinite ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any

import pytest

from agentspec import limits
from agentspec.errors import InvalidInput, SyntaxProblem
from agentspec.logic.formula import Atom, Formula, atoms
from agentspec.logic.parse import parse_formula
from agentspec.logic.pattern import SCOPES, Template
from agentspec.logic.semantics import holds, holds_on_lasso
from agentspec.logic.show import show_formula
from agentspec.logic.templates import TEMPLATES, template
from agentspec.logic.templates_declare import ALIASES
from tests.logic.paths import Letters, Path, segments


def _happens(p: Path, name: str) -> bool:
    return p.count(name) > 0


def _response(p: Path) -> bool:
    return all(p.has("b", i) or any(p.has("b", j) for j in p.later(i)) for i in p.where("a"))


def _precedence(p: Path) -> bool:
    return all(any(p.has("a", i) for i in range(j + 1)) for j in p.where("b"))


def _alternate_response(p: Path) -> bool:
    """Behind each a there is a b, and no a between the two."""
    return all(
        any(p.has("b", j) and not any(p.has("a", k) for k in range(i + 1, j)) for j in p.later(i)) for i in p.where("a")
    )


def _alternate_precedence(p: Path) -> bool:
    """To each b belongs an a, not before the b before it nor together with that one."""
    return all(
        any(p.has("a", i) and not any(p.has("b", k) for k in range(i, j)) for i in range(j + 1)) for j in p.where("b")
    )


def _next(p: Path, i: int) -> range:
    return p.later(i)[:1]


def _chain_response(p: Path) -> bool:
    return all(any(p.has("b", j) for j in _next(p, i)) for i in p.where("a"))


def _chain_precedence(p: Path) -> bool:
    return all(j > 0 and p.has("a", j - 1) for j in p.where("b"))


def _precedence_chain_2_1(p: Path) -> bool:
    return all(
        any(p.has("a", i) and any(p.has("b", k) for k in range(i + 1, j + 1)) for i in range(j)) for j in p.where("c")
    )


def _precedence_chain_1_2(p: Path) -> bool:
    chains = [i for i in p.where("b") if any(p.has("c", j) for j in p.later(i))]
    return all(any(p.has("a", k) for k in range(i + 1)) for i in chains)


def _response_chain_2_1(p: Path) -> bool:
    return all(
        p.has("c", j) or any(p.has("c", k) for k in p.later(j))
        for i in p.where("a")
        for j in p.later(i)
        if p.has("b", j)
    )


def _response_chain_1_2(p: Path) -> bool:
    return all(
        any(p.has("b", j) and any(p.has("c", k) for k in p.later(j)) for j in (i, *p.later(i))) for i in p.where("a")
    )


def _constrained_chain(p: Path) -> bool:
    def chained(j: int) -> bool:
        return p.has("b", j) and any(
            p.has("c", k) and not any(p.has("d", m) for m in range(j, k)) for k in p.later(j)
        )  # fmt: skip

    return all(any(chained(j) for j in (i, *p.later(i))) for i in p.where("a"))


DEFINITIONS: dict[str, Callable[[Path], bool]] = {
    "existence": lambda p: p.count("a") >= 1,
    "absence": lambda p: p.count("a") < 1,
    "at_least": lambda p: p.count("a") >= 2,
    "at_most": lambda p: p.count("a") <= 2,
    "exactly": lambda p: p.count("a") == 2,
    "init": lambda p: not p.positions or p.has("a", 0),
    "last": lambda p: bool(p.loop) or not p.prefix or "a" in p.prefix[-1],
    "choice": lambda p: _happens(p, "a") or _happens(p, "b"),
    "exclusive_choice": lambda p: _happens(p, "a") + _happens(p, "b") == 1,
    "responded_existence": lambda p: not _happens(p, "a") or _happens(p, "b"),
    "co_existence": lambda p: _happens(p, "a") + _happens(p, "b") != 1,
    "response": _response,
    "precedence": _precedence,
    "succession": lambda p: _response(p) and _precedence(p),
    "alternate_response": _alternate_response,
    "alternate_precedence": _alternate_precedence,
    "alternate_succession": lambda p: _alternate_response(p) and _alternate_precedence(p),
    "chain_response": _chain_response,
    "chain_precedence": _chain_precedence,
    "chain_succession": lambda p: _chain_response(p) and _chain_precedence(p),
    "not_co_existence": lambda p: not (_happens(p, "a") and _happens(p, "b")),
    "not_succession": lambda p: not any(p.has("b", j) for i in p.where("a") for j in (i, *p.later(i))),
    "not_chain_succession": lambda p: not any(p.has("b", j) for i in p.where("a") for j in _next(p, i)),
    "universality": lambda p: len(p.where("a")) == len(p.positions),
    "bounded_existence": lambda p: p.stretches("a") <= 2,
    "precedence_chain_2_1": _precedence_chain_2_1,
    "precedence_chain_1_2": _precedence_chain_1_2,
    "response_chain_2_1": _response_chain_2_1,
    "response_chain_1_2": _response_chain_1_2,
    "constrained_chain": _constrained_chain,
}
"""What each template says, with 2 for an n without default."""

each_template = pytest.mark.parametrize("name", TEMPLATES)
each_scope = pytest.mark.parametrize("scope", SCOPES)


def defined(name: str, scope: str, path: Path) -> bool:
    return all(DEFINITIONS[name](segment) for segment in segments(path, scope))


def letters(formula: Formula) -> list[frozenset[str]]:
    names = atoms(formula)
    return [frozenset({n for n, held in zip(names, row, strict=True) if held})
            for row in product((False, True), repeat=len(names))]  # fmt: skip


def words(formula: Formula, longest: int) -> Iterator[Letters]:
    for length in range(1, longest + 1):
        yield from product(letters(formula), repeat=length)


def drawn(formula: Formula, random: Random, longest: int) -> Letters:
    return tuple(random.choices(letters(formula), k=random.randint(1, longest)))


def test_every_template_has_a_definition_here() -> None:
    assert list(DEFINITIONS) == list(TEMPLATES)
    assert len(TEMPLATES) == 30


@each_template
def test_a_template_is_what_its_definition_says_on_all_short_words(name: str) -> None:
    formula = TEMPLATES[name].build(TEMPLATES[name].placeholders())
    longest = {1: 8, 2: 5, 3: 3, 4: 2}[len(atoms(formula))]
    for word in words(formula, longest):
        assert holds(formula, word) == defined(name, "globally", Path(word)), word


@each_scope
@each_template
def test_a_template_is_what_its_definition_says_on_words_drawn(name: str, scope: str) -> None:
    random = Random(f"{name} {scope}")
    formula = TEMPLATES[name].build(TEMPLATES[name].placeholders(scope))
    for _ in range(50):
        word = drawn(formula, random, 9)
        assert holds(formula, word) == defined(name, scope, Path(word)), word


@each_scope
@each_template
def test_a_template_is_what_its_definition_says_on_lassos(name: str, scope: str) -> None:
    random = Random(f"{name} {scope} for ever")
    if not TEMPLATES[name].infinite:
        return
    formula = TEMPLATES[name].build(TEMPLATES[name].placeholders(scope))
    for _ in range(25):
        prefix, loop = drawn(formula, random, 5), drawn(formula, random, 3)
        assert holds_on_lasso(formula, prefix, loop) == defined(name, scope, Path(prefix, loop)), (prefix, loop)


@pytest.mark.long
@each_scope
@each_template
def test_a_template_is_what_its_definition_says_on_all_words_up_to_five(name: str, scope: str) -> None:
    """The words as paths of the minimal automaton, which `test_translate` compares with ``holds``."""
    from agentspec.automata.translate import translate

    formula = TEMPLATES[name].build(TEMPLATES[name].placeholders(scope))
    automaton = translate(formula)
    longest = {1: 5, 2: 5, 3: 5, 4: 4, 5: 3, 6: 3}[len(atoms(formula))]
    todo: list[tuple[Letters, int | None]] = [((), automaton.initial)]
    while todo:
        word, state = todo.pop()
        if word:
            assert (state in automaton.accepting) == defined(name, scope, Path(word)), word
        if len(word) < longest:
            for letter in letters(formula):
                todo.append(((*word, letter), None if state is None else automaton.step(state, letter)))


CLASSIC = {
    ("absence", "globally"): "G !a",
    ("absence", "before"): "F r -> (!a U r)",
    ("absence", "after"): "G(q -> G !a)",
    ("absence", "between"): "G((q & !r & F r) -> (!a U r))",
    ("absence", "after-until"): "G(q & !r -> (!a W r))",
    ("existence", "globally"): "F a",
    ("existence", "before"): "!r W (a & !r)",
    ("existence", "after"): "G !q | F(q & F a)",
    ("existence", "between"): "G(q & !r -> (!r W (a & !r)))",
    ("existence", "after-until"): "G(q & !r -> (!r U (a & !r)))",
    ("universality", "globally"): "G a",
    ("universality", "before"): "F r -> (a U r)",
    ("universality", "after"): "G(q -> G a)",
    ("universality", "between"): "G((q & !r & F r) -> (a U r))",
    ("universality", "after-until"): "G(q & !r -> (a W r))",
    ("precedence", "globally"): "!b W a",
    ("precedence", "before"): "F r -> (!b U (a | r))",
    ("precedence", "between"): "G((q & !r & F r) -> (!b U (a | r)))",
    ("precedence", "after-until"): "G(q & !r -> (!b W (a | r)))",
    ("response", "globally"): "G(a -> F b)",
    ("response", "before"): "F r -> (a -> (!r U (b & !r))) U r",
    ("response", "after"): "G(q -> G(a -> F b))",
    ("response", "between"): "G((q & !r & F r) -> (a -> (!r U (b & !r))) U r)",
    ("response", "after-until"): "G(q & !r -> ((a -> (!r U (b & !r))) W r))",
    ("bounded_existence", "globally"): "(!a W (a W (!a W (a W G !a))))",
    ("precedence_chain_2_1", "globally"): "F c -> (!c U (a & !c & X(!c U b)))",
    ("precedence_chain_1_2", "globally"): "(F(b & X F c)) -> ((!b) U a)",
    ("response_chain_1_2", "globally"): "G(a -> F(b & X F c))",
    ("constrained_chain", "globally"): "G(a -> F(b & !d & X(!d U c)))",
}
"""Formulas as published for infinite words."""


@pytest.mark.parametrize(("name", "scope"), CLASSIC)
def test_the_published_formula_says_the_same_where_segments_open_once(name: str, scope: str) -> None:
    """Over lassos and, but for what the paper did not mean, over words, if no ``q`` comes inside a segment."""
    random = Random(f"{name} {scope} published")
    ours = TEMPLATES[name].build(TEMPLATES[name].placeholders(scope))
    theirs = parse_formula(CLASSIC[name, scope])
    compared = 0
    for _ in range(50):
        prefix, loop = drawn(ours, random, 6), drawn(ours, random, 2)
        loop = tuple([letter - {"q"} for letter in loop])
        if scope != "globally":
            prefix = _opened_once(prefix)
        assert holds_on_lasso(ours, prefix, loop) == holds_on_lasso(theirs, prefix, loop), (prefix, loop)
        assert holds(ours, prefix) == holds(theirs, prefix), prefix
        compared += holds(ours, prefix)
    assert 0 < compared < 50


def _opened_once(word: Letters) -> Letters:
    """The word without each ``q`` that comes inside a segment, or after it in a word without an ``r`` between."""
    kept, open_ = [], False
    for letter in word:
        inside = open_ and "r" not in letter
        kept.append(letter - {"q"} if inside else letter)
        open_ = inside or ("q" in letter and "r" not in letter)
    return tuple(kept)


@each_template
def test_the_example_words_show_it(name: str) -> None:
    one = TEMPLATES[name]
    formula = one.build(one.placeholders())
    assert holds(formula, one.satisfied)
    assert not holds(formula, one.violated)
    assert set().union(*one.satisfied, *one.violated) <= set(atoms(formula))


@each_scope
@each_template
def test_the_formula_is_shown_and_can_be_read_back(name: str, scope: str) -> None:
    one = TEMPLATES[name]
    built = one.build(one.placeholders(scope))
    assert parse_formula(show_formula(built)) == built
    needed = {p.name for p in one.parameters if p.kind == "formula"}
    opened = {"globally": "", "before": "r", "after": "q"}.get(scope, "qr")
    assert set(atoms(built)) == needed | set(opened)


@each_scope
@each_template
def test_any_formula_may_be_an_operand(name: str, scope: str) -> None:
    """Building with formulas is building with atoms and putting the formulas in their places."""
    from tests.logic.replacing import replaced

    one = TEMPLATES[name]
    words_ = {"a": "x & !y", "b": "X z", "c": "ok(pay) | y", "d": "!x", "q": "y -> x", "r": "F z"}
    plain = one.placeholders(scope)
    filled: dict[str, Any] = {
        key: [words_[v] for v in value] if isinstance(value, list) else words_.get(str(value), value)
        for key, value in plain.items()
    }
    told = {key: parse_formula(text) for key, text in words_.items()}
    expected = replaced(one.build(plain), told)
    built = one.build(filled)
    random = Random(name)
    for _ in range(8):
        word = drawn(built, random, 6)
        assert holds(built, word) == holds(expected, word)


@each_scope
@each_template
def test_a_sentence_names_what_it_is_about(name: str, scope: str) -> None:
    one = TEMPLATES[name]
    filled: dict[str, Any] = {"a": "call(pay)", "b": "ok(ask)", "c": "x | y", "d": "thought"}
    params = {
        **{p.name: 3 if p.kind == "count" else filled[p.name] for p in one.parameters},
        **{k: ["opened & x", "closed"] if isinstance(v, list) else v for k, v in SCOPES[scope].items()},
    }
    said = one.sentence(params)
    assert said.endswith(".")
    assert said[0].isupper() or said.startswith("call(pay) ")
    for p in one.parameters:
        text = {"a": "call(pay)", "b": "ok(ask)", "c": "'x | y'", "d": "thought"}.get(p.name, "")
        assert text in said
    if scope == "between":
        assert said.startswith("From each 'opened & x' to the next closed: ")


def test_sentences() -> None:
    said = [
        template("at_most").sentence({"n": 1, "a": "ok(pay)"}),
        template("at_most").sentence({"n": 0, "a": "ok(pay)"}),
        template("response").sentence({"a": "opened", "b": "closed", "before": "done"}),
        template("absence").sentence({"a": "large"}),
    ]
    assert said == [
        "ok(pay) happens at most once.",
        "ok(pay) never happens.",
        "Up to the first done, if it comes: each opened is followed by closed, at once or later.",
        "large never happens.",
    ]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_counts(n: int) -> None:
    a = "a"
    built: dict[str, Callable[[int], bool]] = {"at_most": lambda k: k <= n, "exactly": lambda k: k == n}
    if n:
        built |= {"existence": lambda k: k >= n, "at_least": lambda k: k >= n, "absence": lambda k: k < n}
    for name, expected in built.items():
        formula = TEMPLATES[name].build({"n": n, "a": a})
        for word in words(Atom(a), 7):
            assert holds(formula, word) == expected(sum(len(letter) for letter in word)), (name, word)
    if n:
        stretches = TEMPLATES["bounded_existence"].build({"n": n, "a": a})
        for word in words(Atom(a), 7):
            assert holds(stretches, word) == (Path(word).stretches(a) <= n), word


def test_the_largest_count_is_built_and_shown() -> None:
    for name in ("existence", "at_most", "exactly", "bounded_existence"):
        formula = TEMPLATES[name].build({"n": limits.TEMPLATE_COUNT, "a": "a"})
        assert formula.size < 1_500
    assert not holds(
        TEMPLATES["at_most"].build({"n": limits.TEMPLATE_COUNT, "a": "a"}), [{"a"}] * (limits.TEMPLATE_COUNT + 1)
    )


def test_no_two_templates_say_the_same() -> None:
    found: set[frozenset[str]] = set()
    for one, other in product(TEMPLATES.values(), repeat=2):
        if one.name < other.name and one.parameters[-1].name == other.parameters[-1].name:
            f, g = one.build(one.placeholders()), other.build(other.placeholders())
            if all(holds(f, word) == holds(g, word) for word in words(f if len(atoms(f)) > 1 else g, 3)):
                found.add(frozenset({one.name, other.name}))
    assert found == set()


def test_aliases() -> None:
    assert all(template(alias) is TEMPLATES[name] for alias, name in ALIASES.items())
    assert not set(ALIASES) & set(TEMPLATES)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("response", {"a": "x"}, "the template 'response' needs the parameter 'b'; its parameters: a, b; for a scope: "),
    ("response", {"a": "x", "b": "y", "befor": "z"}, "has no parameter 'befor'; did you mean 'before'?"),
    ("response", {"a": "x", "b": 3}, "takes a proposition or a formula as 'b', not 3"),
    ("response", {"a": "x", "b": ["y"]}, "takes a proposition or a formula as 'b', not ['y']"),
    ("at_most", {"n": "2", "a": "x"}, "takes a whole number as 'n', not '2'"),
    ("at_most", {"n": True, "a": "x"}, "takes a whole number as 'n', not True"),
    ("at_most", {"n": -1, "a": "x"}, "takes 'n' from 0 to 100, not -1"),
    ("at_least", {"n": 0, "a": "x"}, "takes 'n' from 1 to 100, not 0"),
    ("at_least", {"n": 10**9, "a": "x"}, "takes 'n' from 1 to 100, not 1000000000"),
    ("at_least", {"a": "x"}, "needs the parameter 'n'; its parameters: n, a"),
    ("existence", {}, "needs the parameter 'a'; its parameters: n = 1, a"),
    ("response", {"a": "x", "b": "y", "until": "z"}, "takes one scope ('before', 'after', 'after' with 'until', or"),
    ("response", {"a": "x", "b": "y", "before": "z", "after": "q"}, "not 'before' with 'after'"),
    ("response", {"a": "x", "b": "y", "between": "z"}, "takes a list of two as 'between', such as [q, r], not 'z'"),
    ("response", {"a": "x", "b": "y", "between": ["z"]}, "takes a list of two as 'between'"),
    ("response", {"a": "x", "b": "y", "between": ["z", 1]}, "takes a proposition or a formula as 'between', not 1"),
]


@pytest.mark.parametrize(("name", "params", "message"), WRONG)
def test_wrong_parameters_are_named(name: str, params: dict[str, Any], message: str) -> None:
    for asked in (TEMPLATES[name].build, TEMPLATES[name].sentence):
        with pytest.raises(InvalidInput) as raised:
            asked(params)
        assert message in raised.value.message


def test_a_text_that_is_no_formula_is_pointed_at() -> None:
    with pytest.raises(SyntaxProblem) as raised:
        TEMPLATES["response"].build({"a": "x", "b": "y &"})
    assert raised.value.location is not None
    assert str(raised.value.location) == "response.b:1:4"


def test_an_unknown_template_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="unknown template 'respons'; did you mean 'response'"):
        template("respons")


def test_a_template_is_a_value() -> None:
    one: Template = TEMPLATES["response"]
    assert hash(one) == hash(TEMPLATES["response"])
    assert one != TEMPLATES["precedence"]


@pytest.mark.parametrize(
    ("name", "scope", "wrong"),
    [
        ("existence", "between", "G(q & !r & F r -> !r U (a & !r))"),  # anew at each q
        ("precedence", "after", "G !q | F(q & (!b W a))"),  # as published: after any q
        ("response", "between", "G(q & !r -> (a -> !r U (b & !r)) W r)"),  # without an r as well
        ("alternate_precedence", "globally", "!b W a & G(b -> X(!b W a))"),  # no b at the end
        ("not_chain_succession", "globally", "G(a -> X !b)"),  # no a at the end
        ("response_chain_2_1", "globally", "G(a & X F b -> X F(b & F c))"),  # as published: one answer for all
    ],
)
def test_common_mistakes_are_caught(name: str, scope: str, wrong: str) -> None:
    """The formula is another one, on the words and with the definition that the tests above use."""
    random = Random(f"{name} {scope}")
    formula = parse_formula(wrong)
    drawn_words = [drawn(formula, random, 9) for _ in range(50)]
    assert any(holds(formula, word) != defined(name, scope, Path(word)) for word in drawn_words)
