"""Finite words inside infinite ones, and HOA read back by a parser that knows only the format."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.buchi import END, Buchi, Edge, from_dfa
from agentspec.automata.hoa import to_hoa
from agentspec.automata.letter import Letter
from agentspec.automata.translate import translate
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.automata.languages import Valuation, Word, valuations, words_up_to
from tests.logic.strategies import formulas, words

AB = valuations("ab")
SHORT = tuple(words_up_to(AB, 3))
ONLY_END = frozenset({END})
quick = settings(deadline=None, max_examples=50)


@quick
@given(formulas())
def test_a_word_followed_by_end_for_ever(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    buchi = from_dfa(dfa)
    assert buchi.propositions == ("a", "b", "end")
    for word in SHORT:
        assert buchi.accepts(word, [ONLY_END]) == (bool(word) and holds(formula, word))
        assert buchi.accepts([*word, ONLY_END], [ONLY_END, ONLY_END]) == dfa.accepts(word)


@quick
@given(formulas(), words(max_size=4), words(max_size=3))
def test_a_lasso_without_end_is_rejected(formula: Formula, prefix: Word, loop: Word) -> None:
    buchi = from_dfa(translate(formula, ("a", "b")))
    assert not buchi.accepts(prefix, loop)
    assert not buchi.accepts([*prefix, ONLY_END], loop)
    assert not buchi.accepts(prefix, [*loop, ONLY_END])


def test_after_end_there_is_only_end() -> None:
    buchi = from_dfa(translate(parse_formula("true"), ("a",)))
    a: Valuation = frozenset({"a"})
    assert buchi.accepts([a], [ONLY_END])
    assert not buchi.accepts([a, ONLY_END, a], [ONLY_END])
    assert not buchi.accepts([ONLY_END], [ONLY_END]), "the empty word is no word"


@quick
@given(formulas())
def test_no_valuation_enables_two_transitions(formula: Formula) -> None:
    buchi = from_dfa(translate(formula, ("a", "b")))
    assert buchi.deterministic
    for edges in buchi.edges:
        for valuation in valuations(buchi.propositions):
            assert sum(edge.letter.matches(valuation) for edge in edges) <= 1


def test_overlapping_edges_are_not_deterministic() -> None:
    overlapping = Buchi(("a", "b"), 0, 0, ((Edge(Letter(frozenset("a")), 0), Edge(Letter(frozenset("b")), 0)),))
    assert not overlapping.deterministic
    apart = Buchi(("a",), 0, 0, ((Edge(Letter(frozenset("a")), 0), Edge(Letter(frozenset(), frozenset("a")), 0)),))
    assert apart.deterministic


def test_generalised_acceptance_wants_every_set_infinitely_often() -> None:
    a, b = frozenset("a"), frozenset("b")
    edges = (
        Edge(Letter(a, b), 0, frozenset({0})),
        Edge(Letter(b, a), 0, frozenset({1})),
        Edge(Letter(frozenset(), a | b), 0),
    )
    both = Buchi(("a", "b"), 0, 2, (edges,))
    assert both.accepts([], [a, b])
    assert both.accepts([frozenset()], [a, frozenset(), b])
    assert not both.accepts([b, b], [a])
    assert not both.accepts([a, b], [frozenset()])
    assert not both.accepts([], [a | b]), "no transition reads both"
    none = Buchi(("a", "b"), 0, 0, (edges,))
    assert none.accepts([], [frozenset()])


def test_nondeterminism_is_resolved_by_any_run() -> None:
    a = frozenset("a")
    anything = Letter(frozenset())
    finally_always = Buchi(
        ("a",), 0, 1, ((Edge(anything, 0), Edge(Letter(a), 1)), (Edge(Letter(a), 1, frozenset({0})),))
    )
    assert finally_always.accepts([frozenset(), a, frozenset()], [a])
    assert not finally_always.accepts([a, a], [a, frozenset()])


def test_a_loop_is_not_empty() -> None:
    with pytest.raises(ValueError, match="not empty"):
        from_dfa(translate(parse_formula("a"))).accepts([frozenset("a")], [])


# ---- HOA


@dataclass
class Hoa:
    """What stands in one automaton of the format, transition labels only."""

    header: dict[str, str]
    propositions: list[str]
    edges: dict[int, list[tuple[list[tuple[int, bool]], int, set[int]]]]

    def accepts_then_end(self, word: Word) -> bool:
        """Deterministic run over word·end^ω: whether mark 0 is seen for ever."""
        state: int | None = int(self.header["Start"])
        for valuation in word:
            state, _ = self.step(state, valuation)
        marks: set[int] = set()
        for _ in range(2 * len(self.edges) + 2):
            state, marks = self.step(state, ONLY_END)
        return state is not None and 0 in marks

    def step(self, state: int | None, valuation: Valuation) -> tuple[int | None, set[int]]:
        for literals, target, marks in self.edges.get(-1 if state is None else state, []):
            if all((self.propositions[index] in valuation) == positive for index, positive in literals):
                return target, marks
        return None, set()


STRING = r'"(?:[^"\\]|\\.)*"'


def parse_hoa(text: str) -> Hoa:
    head, body = text.split("--BODY--\n")
    body, rest = body.split("--END--\n")
    assert rest == ""
    header: dict[str, str] = {}
    for line in head.splitlines():
        key, value = line.split(": ", 1)
        assert key not in header, f"{key} twice"
        header[key] = value
    assert text.startswith("HOA: v1\n")
    count, *_ = header["AP"].split(" ", 1)
    names = [re.sub(r"\\(.)", r"\1", name[1:-1]) for name in re.findall(STRING, header["AP"])]
    assert int(count) == len(names)
    edges: dict[int, list[tuple[list[tuple[int, bool]], int, set[int]]]] = {}
    current = -1
    for line in body.splitlines():
        if state := re.fullmatch(r"State: (\d+)", line):
            current = int(state[1])
            assert current not in edges
            edges[current] = []
            continue
        edge = re.fullmatch(r"\[([^\]]+)\] (\d+)(?: \{([0-9 ]+)\})?", line)
        assert edge is not None, line
        literals = []
        if edge[1] != "t":
            for literal in edge[1].split("&"):
                sign = re.fullmatch(r"(!?)(\d+)", literal.strip())
                assert sign is not None, literal
                literals.append((int(sign[2]), not sign[1]))
        edges[current].append((literals, int(edge[2]), {int(mark) for mark in (edge[3] or "").split()}))
    assert sorted(edges) == list(range(int(header["States"])))
    assert all(0 <= target < len(edges) for out in edges.values() for _, target, _ in out)
    return Hoa(header, names, edges)


@quick
@given(formulas())
def test_hoa_has_the_same_language(formula: Formula) -> None:
    dfa = translate(formula, ("a", "b"))
    hoa = parse_hoa(to_hoa(from_dfa(dfa), "a formula"))
    assert hoa.propositions == ["a", "b", "end"]
    for word in SHORT:
        assert hoa.accepts_then_end(word) == dfa.accepts(word)


@quick
@given(formulas(("a", "b", "c"), max_leaves=10), st.lists(words(("a", "b", "c"), 7), max_size=10))
def test_hoa_on_random_words(formula: Formula, sample: list[Word]) -> None:
    hoa = parse_hoa(to_hoa(from_dfa(translate(formula, ("a", "b", "c"))), "f"))
    for word in sample:
        assert hoa.accepts_then_end(word) == holds(formula, word)


def test_hoa_header() -> None:
    hoa = parse_hoa(to_hoa(from_dfa(translate(parse_formula("G(a -> F call(pay))"))), 'it is "so" \\ here'))
    assert hoa.header["name"] == r'"it is \"so\" \\ here"'
    assert hoa.header["AP"] == '3 "a" "call(pay)" "end"'
    assert hoa.header["acc-name"] == "Buchi"
    assert hoa.header["Acceptance"] == "1 Inf(0)"
    assert hoa.header["Start"] == "0"
    assert hoa.header["States"] == "4"
    assert {"deterministic", "trans-acc", "trans-labels", "explicit-labels"} <= set(hoa.header["properties"].split())


def test_hoa_of_generalised_and_trivial_acceptance() -> None:
    edges = ((Edge(Letter(frozenset("a")), 0, frozenset({0, 1})), Edge(Letter(frozenset()), 0)),)
    hoa = parse_hoa(to_hoa(Buchi(("a",), 0, 2, edges), "two"))
    assert hoa.header["acc-name"] == "generalized-Buchi 2"
    assert hoa.header["Acceptance"] == "2 Inf(0) & Inf(1)" or hoa.header["Acceptance"] == "2 Inf(0)&Inf(1)"
    assert "deterministic" not in hoa.header["properties"].split()
    assert hoa.edges[0] == [([(0, True)], 0, {0, 1}), ([], 0, set())]
    hoa = parse_hoa(to_hoa(Buchi(("a",), 0, 0, edges[:0] + ((),)), "none"))
    assert hoa.header["acc-name"] == "all"
    assert hoa.header["Acceptance"] == "0 t"


def test_hoa_of_a_specs_letters_names_what_is_false() -> None:
    letter = Letter(frozenset({"b"}), frozenset(), "b")
    hoa = parse_hoa(to_hoa(Buchi(("a", "b", "c"), 0, 1, ((Edge(letter, 0, frozenset({0})),),)), "spec"))
    assert sorted(hoa.edges[0][0][0]) == [(0, False), (1, True), (2, False)]
