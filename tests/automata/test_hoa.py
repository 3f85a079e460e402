"""HOA written and read back: the same values, or the same language where labels become other cubes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.buchi import Buchi, Edge, from_dfa
from agentspec.automata.canonical import canonical
from agentspec.automata.dfa import Dfa
from agentspec.automata.hoa import dfa_from_hoa, from_hoa, overlapping, to_hoa
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.state_based import state_based
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from tests.automata.languages import run, valuations, words_up_to
from tests.logic.strategies import Lasso, all_lassos, formulas, lassos

AB = valuations("ab")
LASSOS = tuple(all_lassos("ab", 3))
quick = settings(deadline=None, max_examples=40)
names = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=2, unique=True).map(tuple)


def cubes(propositions: tuple[str, ...]) -> st.SearchStrategy[Letter]:
    signs = st.lists(st.sampled_from((True, False, None)), min_size=len(propositions), max_size=len(propositions))
    return signs.map(
        lambda chosen: Letter(
            frozenset(name for name, sign in zip(propositions, chosen, strict=True) if sign is True),
            frozenset(name for name, sign in zip(propositions, chosen, strict=True) if sign is False),
        )
    )


@st.composite
def buchi_automata(draw: st.DrawFn, propositions: tuple[str, ...] = ("a", "b")) -> Buchi:
    """Any generalised Büchi automaton of up to four states."""
    states, sets = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    edge = st.builds(
        Edge,
        cubes(propositions),
        st.integers(0, states - 1),
        st.frozensets(st.integers(0, max(sets - 1, 0)), max_size=sets),
    )
    edges = draw(st.lists(st.lists(edge, max_size=4).map(tuple), min_size=states, max_size=states).map(tuple))
    return Buchi(propositions, draw(st.integers(0, states - 1)), sets, edges)


def conditions(marks: int = 3) -> st.SearchStrategy[Acceptance]:
    leaves = st.one_of(st.integers(0, marks - 1).map(Inf), st.integers(0, marks - 1).map(Fin))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(*[st.lists(inner, max_size=3).map(tuple).map(kind) for kind in (All, Any)]),
        max_leaves=5,
    )


@st.composite
def omega_automata(draw: st.DrawFn) -> Omega:
    """Any deterministic automaton of up to four states over two propositions."""
    states = draw(st.integers(1, 4))
    edges = []
    for _ in range(states):
        kept = draw(st.lists(st.sampled_from(AB), unique=True))
        edges.append(
            tuple(
                Edge(
                    Letter(true, frozenset("ab") - true),
                    draw(st.integers(0, states - 1)),
                    draw(st.frozensets(st.integers(0, 2))),
                )
                for true in kept
            )
        )
    return Omega(("a", "b"), draw(st.integers(0, states - 1)), tuple(edges), draw(conditions()))


@quick
@given(buchi_automata())
def test_buchi_automata_come_back(automaton: Buchi) -> None:
    assert from_hoa(to_hoa(automaton, "any")) == automaton


@quick
@given(names.flatmap(buchi_automata), st.text())
def test_any_name_is_only_a_name(automaton: Buchi, title: str) -> None:
    assert from_hoa(to_hoa(automaton, title)) == automaton


@quick
@given(omega_automata(), st.lists(lassos(), max_size=20))
def test_omega_automata_come_back(automaton: Omega, sample: list[Lasso]) -> None:
    read = from_hoa(to_hoa(automaton, "any"))
    if isinstance(read, Omega):
        assert (read.initial, read.edges) == (automaton.initial, automaton.edges)
    for prefix, loop in [*sample, *LASSOS[:40]]:
        assert read.accepts(prefix, loop) == automaton.accepts(prefix, loop)


@quick
@given(formulas(past=True))
def test_finite_automata_come_back_as_values(formula: Formula) -> None:
    dfa = translate(formula, ("b", "a"))
    assert dfa_from_hoa(to_hoa(from_dfa(dfa), "finite")) == dfa


@quick
@given(formulas(("a", "b", "c"), max_leaves=6), st.randoms(use_true_random=False))
def test_canonical_forgets_how_it_was_built(formula: Formula, random) -> None:  # type: ignore[no-untyped-def]
    """States copied, renumbered and labelled with whole valuations: the value is the one of ``translate``."""
    order = ("a", "b", "c")
    dfa = translate(formula, order)
    states = len(dfa.edges)
    place = list(range(2 * states))
    random.shuffle(place)
    edges: list[tuple[tuple[Letter, int], ...]] = [()] * (2 * states)
    for copy in (0, 1):
        for state in range(states):
            edges[place[state + copy * states]] = tuple(
                (Letter(letter, frozenset(order) - letter), place[target + random.randrange(2) * states])
                for letter in valuations(order)
                if (target := dfa.step(state, letter)) is not None
            )
    accepting = frozenset(place[q + copy * states] for q in dfa.accepting for copy in (0, 1))
    assert canonical(Dfa(order, place[dfa.initial], accepting, tuple(edges))) == dfa


def test_entangled_cubes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    dfa = translate(parse_formula("a & b | c & d"))
    monkeypatch.setattr(limits, "CANONICAL_WORK", 3)
    with pytest.raises(TooLarge, match=r"^rule: .*more than 3 nodes"):
        canonical(Dfa(dfa.propositions, dfa.initial, dfa.accepting, tuple(dfa.edges)), "rule")


FINITE = to_hoa(from_dfa(translate(parse_formula("a U b"))), "a U b")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"end"', '"fin"', "it accepts a word without 'end'"),
        ("[2] 2 {0}", "[t] 2 {0}", "a word may go on after 'end'"),
        ("[2] 2 {0}", "[2] 2 {0}\n[2&0] 2", "two transitions for one valuation"),
        ("[!2] 1", "[!2] 1 {0}", "it accepts a word without 'end'"),
        ("Inf(0)", "Fin(0)", "its acceptance is not Büchi"),
    ],
)
def test_what_is_no_automaton_of_finite_words_is_refused(old: str, new: str, message: str) -> None:
    text = FINITE.replace(old, new, 1)
    assert text != FINITE
    with pytest.raises(InvalidInput, match=f"^f.hoa: no automaton of finite words: .*{message}"):
        dfa_from_hoa(text, "f.hoa")


def test_nothing_ends_without_the_proposition() -> None:
    """A tool that finds no word leaves ``end`` out."""
    dfa = dfa_from_hoa('HOA: v1 Start: 0 AP: 1 "a" Acceptance: 1 Inf(0) --BODY-- State: 0 [0] 0 --END--')
    assert dfa == translate(parse_formula("false"), ("a",))


def test_another_tools_way_to_end_is_read() -> None:
    """Acceptance on states, generalised, labels that are no cubes, unreachable states: a language is a language."""
    text = """HOA: v1 States: 4 Start: 2 AP: 3 "end" "a" "b" Acceptance: 2 Inf(1) & Inf(0)
    --BODY-- State: 0 [0] 0 {0} State: 1 {0 1} [0 & (1 | !1)] 1 State: 2 [!0 & (1 | 2)] 3 State: 3 [0] 1 [!0 & 1] 3
    --END--"""
    dfa = dfa_from_hoa(text)
    assert dfa == translate(parse_formula("(a | b) & N G a"), ("a", "b"))
    assert all(dfa.accepts(word) == run(dfa, word) for word in words_up_to(AB, 3))


@quick
@given(buchi_automata())
def test_states_may_accept_instead(automaton: Buchi) -> None:
    split = state_based(automaton)
    again = Buchi(
        automaton.propositions,
        split.initial,
        1,
        tuple(
            tuple(Edge(letter, target, frozenset({0} if state in split.accepting else ())) for letter, target in edges)
            for state, edges in enumerate(split.edges)
        ),
    )
    for prefix, loop in LASSOS:
        assert again.accepts(prefix, loop) == automaton.accepts(prefix, loop)


def test_two_transitions_for_one_valuation_are_found() -> None:
    a, b = frozenset("a"), frozenset("b")
    apart = (Edge(Letter(a), 0), Edge(Letter(b, a), 0))
    assert overlapping("ab", [apart]) is None
    assert overlapping("ab", [apart, (Edge(Letter(a), 0), Edge(Letter(b), 1))]) == 1
