"""Views: what is hidden cannot be reached or cannot end well, and a summary says what the automaton says."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.dfa import Dfa
from agentspec.automata.draw import to_json
from agentspec.automata.label import Label
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.liveness import live_states
from agentspec.automata.omega import Omega
from agentspec.automata.partition import coarsest_bisimulation
from agentspec.automata.view import View, condition_in_words, view
from agentspec.checking.compile import compile_agent
from agentspec.checking.compile_session import CompiledSession
from agentspec.spec.load import load

NAMES = ("a", "b", "c")
LETTERS = {name: Letter(frozenset({name}), frozenset(), name, Owner.MODEL) for name in NAMES}
quick = settings(deadline=None, max_examples=150)


@st.composite
def dfas(draw: st.DrawFn) -> Dfa:
    """Any graph over three steps."""
    states = draw(st.integers(1, 6))
    target = st.integers(0, states - 1)
    moves = st.dictionaries(st.sampled_from(NAMES), target, max_size=3)
    edges = [tuple((LETTERS[name], t) for name, t in draw(moves).items()) for _ in range(states)]
    return Dfa(NAMES, draw(target), draw(st.frozensets(target)), tuple(edges))


def accepts(shown: View, word: tuple[str, ...]) -> bool:
    """Whether a way through the picture writes the word, read as a person would: arrow by arrow, label by label."""
    ends = {(shown.initial, 0)}
    todo = list(ends)
    while todo:
        state, at = todo.pop()
        for (source, target), leading in shown.arrows.items():
            for label in leading if source == state else ():
                steps = tuple(str(one.step) for one in (label, *label.then))
                after = (target, at + len(steps))
                if word[at : at + len(steps)] == steps and after not in ends:
                    ends.add(after)
                    todo.append(after)
    return any(shown.states[state].accepting for state, at in ends if at == len(word))


@quick
@given(dfas(), st.booleans())
def test_a_picture_has_the_language_of_its_automaton(dfa: Dfa, summary: bool) -> None:
    shown = view(dfa, summary=summary)
    for length in range(5):
        for word in product(NAMES, repeat=length):
            assert accepts(shown, word) == dfa.accepts([frozenset({step}) for step in word]), word


@quick
@given(dfas(), st.data())
def test_what_is_hidden_and_what_is_said(dfa: Dfa, data: st.DataObject) -> None:
    states = range(len(dfa.edges))
    position = data.draw(st.none() | st.sampled_from(states))
    winning = data.draw(st.none() | st.frozensets(st.sampled_from(states)))
    shown = view(dfa, winning, position)
    names = [state.of[0] for state in shown.states]
    words = [word for length in range(7) for word in product(NAMES, repeat=length)][:500]
    passed = {dfa.initial} | ({position} if position is not None else set())
    for word in words:
        if dfa.accepts([frozenset({step}) for step in word]):
            state: int | None = dfa.initial
            for step in word:
                assert state is not None
                state = dfa.step(state, frozenset({step}))
                passed.add(state)  # type: ignore[arg-type]
    assert passed <= set(names)
    assert shown.hidden == len(states) - len(names)
    for state, name in zip(shown.states, names, strict=True):
        assert state.of == (name,)
        assert state.initial == (name == dfa.initial)
        assert state.accepting == (name in dfa.accepting)
        assert state.lost == (winning is not None and name not in winning)
        assert state.here == (name == position)
        assert name in passed or name in dfa.live
    assert shown.initial == names.index(dfa.initial)


def test_a_position_must_be_a_state() -> None:
    with pytest.raises(ValueError, match="there is no state 3: states are 0 to 0"):
        view(Dfa((), 0, frozenset({0}), ((),)), position=3)


def desk(tools: int, *, special: bool) -> Dfa:
    """question (choose call observe)* answer; after the special tool has failed only the answer is left."""
    ask = Letter(frozenset({"ask"}), frozenset(), "ask", Owner.USER)
    answer = Letter(frozenset({"answer"}), frozenset(), "answer", Owner.MODEL)
    edges: list[tuple[tuple[Letter, int], ...]] = [((ask, 1),), (), (), ((answer, 2),)]
    choices = []
    for i in range(tools):
        t, at = f"t{i}", len(edges)
        choices.append((Letter(frozenset({"do", f"chosen({t})"}), frozenset(), "do", Owner.MODEL, t), at))
        edges.append(((Letter(frozenset({"in", f"call({t})"}), frozenset(), "in", Owner.MODEL, t), at + 1),))
        ok = Letter(frozenset({"see", f"ok({t})"}), frozenset(), "see", Owner.TOOL, t)
        failed = Letter(frozenset({"see", f"failed({t})"}), frozenset(), "see", Owner.TOOL, t)
        edges.append(((ok, 1), (failed, 3 if special and i == 0 else 1)))
    edges[1] = (*choices, (answer, 2))
    return Dfa(("ask", "answer", "do", "in", "see"), 0, frozenset({2}), tuple(edges))


def said(shown: View) -> dict[tuple[str, str], list[str]]:
    return {
        (shown.states[s].name, shown.states[t].name): list(map(str, leading))
        for (s, t), leading in shown.arrows.items()
    }


def test_tools_that_make_no_difference_are_one_in_a_summary() -> None:
    assert len(view(desk(20, special=False)).states) == 43
    shown = view(desk(20, special=False), summary=True)
    assert said(shown) == {
        ("0", "1"): ["ask"],
        ("1", "1"): ["do, then in, then see"],
        ("1", "2"): ["answer"],
    }
    assert shown.summary == 44


def test_a_tool_that_makes_a_difference_stays_apart() -> None:
    shown = view(desk(20, special=True), summary=True)
    assert said(shown) == {
        ("0", "1"): ["ask"],
        ("1", "1"): ["do: !chosen(t0), then in, then see"],
        ("1", "2"): ["answer"],
        ("1", "5"): ["do: chosen(t0), then in"],
        ("5", "1"): ["see: ok(t0)"],
        ("5", "2"): ["see: failed(t0), then answer"],
    }


TOOLS = ("p", "q", "r")


def chosen(label: Label, tool: str) -> bool:
    """Whether a label lets the tool be chosen, its ways read as a person would."""

    def holds(way: str) -> bool:
        return not way or (tool not in way[8:-1].split(" | ") if way[0] == "!" else tool in way[7:-1].split(" | "))

    return any(all(map(holds, way.split(" & "))) for way in label.ways or ("",))


@st.composite
def desks(draw: st.DrawFn) -> Dfa:
    """Places where some tools may be chosen, each of which is used before another may be."""
    places = draw(st.integers(1, 4))
    letters = {
        (kind, t): Letter(frozenset({kind, f"{name}({t})"}), frozenset(), kind, Owner.MODEL, t)
        for kind, name in (("do", "chosen"), ("in", "call"))
        for t in TOOLS
    }
    edges: list[tuple[tuple[Letter, int], ...]] = [()] * places
    for place in range(places):
        out = []
        for tool in draw(st.lists(st.sampled_from(TOOLS), unique=True, max_size=3)):
            out.append((letters["do", tool], len(edges)))
            edges.append(((letters["in", tool], draw(st.integers(0, places - 1))),))
        edges[place] = tuple(out)
    return Dfa((), 0, draw(st.frozensets(st.integers(0, places - 1), min_size=1)), tuple(edges))


@quick
@given(desks())
def test_a_summary_says_which_tools_may_be_chosen_when(dfa: Dfa) -> None:
    shown = view(dfa, summary=True)
    offered = {letter.tool for edges in dfa.edges for letter, _ in edges if letter.step == "do"}
    for length in range(4):
        for tools in product(sorted(map(str, offered)), repeat=length):
            word = [step for tool in tools for step in (("do", tool), ("in", tool))]
            real = dfa.accepts([{step, f"{'chosen' if step == 'do' else 'call'}({tool})"} for step, tool in word])
            ends = {(shown.initial, 0)}
            todo = list(ends)
            while todo:
                state, at = todo.pop()
                for (source, target), leading in shown.arrows.items():
                    for label in leading if source == state else ():
                        path = (label, *label.then)
                        fits = len(path) <= len(word) - at and all(
                            one.step == step and (step == "in" or chosen(one, tool))
                            for one, (step, tool) in zip(path, word[at:], strict=False)
                        )
                        if fits and (target, at + len(path)) not in ends:
                            ends.add((target, at + len(path)))
                            todo.append((target, at + len(path)))
            drawn = any(shown.states[state].accepting for state, at in ends if at == len(word))
            assert drawn == real, word


def test_the_position_stays_a_state_of_a_summary() -> None:
    for position in range(8):
        shown = view(desk(2, special=False), position=position, summary=True)
        (here,) = [state for state in shown.states if state.here]
        assert position in here.of


def test_lost_states_are_not_taken_for_winning_ones() -> None:
    shown = view(desk(2, special=False), frozenset({0, 1, 2, 3, 4, 5}), summary=True)
    assert {state.of: state.lost for state in shown.states} == {(0,): False, (1,): False, (2,): False, (7,): True}


@quick
@given(
    st.lists(st.integers(0, 1), min_size=5, max_size=5),
    st.lists(
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), max_size=3, unique=True), min_size=5, max_size=5
    ),
)
def test_the_coarsest_bisimulation(signs: list[int], edges: list[list[tuple[str, int]]]) -> None:
    """The greatest relation by its definition: take pairs away until what is left has an answer to every move."""
    pairs = {(p, q) for p in range(5) for q in range(5) if signs[p] == signs[q]}

    def answered(p: int, q: int) -> bool:
        return all(any(a == b and (s, t) in pairs for b, t in edges[q]) for a, s in edges[p])

    while bad := {(p, q) for p, q in pairs if not (answered(p, q) and answered(q, p))}:
        pairs -= bad
    found = coarsest_bisimulation(signs, edges)
    assert {(p, q) for p in range(5) for q in range(5) if found[p] == found[q]} == pairs


# ---- infinite words

MARKS = (0, 1, 2)
conditions = st.recursive(
    st.sampled_from([*map(Inf, MARKS), *map(Fin, MARKS), All(()), Any(())]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: Any(tuple(parts))),
    ),
    max_leaves=4,
)


@st.composite
def marked_edges(draw: st.DrawFn) -> tuple[tuple[Edge, ...], ...]:
    states = draw(st.integers(1, 4))
    edges = []
    for _ in range(states):
        moves = draw(st.dictionaries(st.sampled_from(NAMES), st.integers(0, states - 1), max_size=3))
        marks = st.frozensets(st.sampled_from(MARKS))
        edges.append(tuple(Edge(LETTERS[name], target, draw(marks)) for name, target in moves.items()))
    return tuple(edges)


def reached(edges: tuple[tuple[Edge, ...], ...], start: int) -> set[tuple[int, frozenset[int]]]:
    """All ends of walks of one edge and more, each with the marks met."""
    found: set[tuple[int, frozenset[int]]] = set()
    todo = [(start, frozenset[int]())]
    while todo:
        state, marks = todo.pop()
        for edge in edges[state]:
            after = (edge.target, marks | edge.marks)
            if after not in found:
                found.add(after)
                todo.append(after)
    return found


def alive(edges: tuple[tuple[Edge, ...], ...], condition: Acceptance) -> set[int]:
    states = range(len(edges))
    fulfilled = {q for q in states if any(end == q and condition.accepts(marks) for end, marks in reached(edges, q))}
    return {q for q in states if q in fulfilled or any(end in fulfilled for end, _ in reached(edges, q))}


@quick
@given(marked_edges(), conditions)
def test_live_states_are_those_with_a_cycle_that_fulfils_the_condition(
    edges: tuple[tuple[Edge, ...], ...], condition: Acceptance
) -> None:
    assert live_states(Omega(NAMES, 0, edges, condition)) == alive(edges, condition)
    assert live_states(Buchi(NAMES, 0, 3, edges)) == alive(edges, All(tuple(map(Inf, MARKS))))
    assert live_states(Buchi(NAMES, 0, 0, edges)) == alive(edges, All(()))


def test_marks_stand_at_the_arrows_and_dead_states_are_hidden() -> None:
    a, b, c = LETTERS.values()
    edges = (
        (Edge(a, 1, frozenset({0, 1})), Edge(b, 1), Edge(c, 2)),
        (Edge(a, 0), Edge(b, 1, frozenset({2}))),
        (Edge(c, 2, frozenset({1})),),
    )
    shown = view(Omega(NAMES, 0, edges, Any((Inf(0), All((Fin(1), Inf(2)))))))
    assert said(shown) == {("0", "1"): ["b", "a {0 1}"], ("1", "0"): ["a"], ("1", "1"): ["b {2}"]}
    assert shown.acceptance == "infinitely often {0} or (finitely often {1} and infinitely often {2})"
    assert shown.hidden == 1
    assert not any(state.accepting for state in shown.states)
    chain = view(Omega(NAMES, 0, (edges[0][:1], edges[1][:1]), Inf(0)), summary=True)
    assert chain.arrows == {(0, 0): (Label("a", (), Owner.MODEL, (0, 1), (Label("a", (), Owner.MODEL),)),)}


def test_conditions_in_words() -> None:
    assert condition_in_words(All(())) == "any run"
    assert condition_in_words(Any(())) == "no run"
    assert condition_in_words(All((All(()), Inf(0), All((Inf(1), All(())))))) == (
        "infinitely often {0} and infinitely often {1}"
    )
    assert condition_in_words(Any((Any((Fin(0),)), All((Inf(1),))))) == "finitely often {0} or infinitely often {1}"
    assert condition_in_words(All((Inf(0), Inf(1)))) == "infinitely often {0} and infinitely often {1}"


def test_a_session_shows_its_marks() -> None:
    compiled = compile_agent(load("support"))
    assert isinstance(compiled, CompiledSession)
    omega = compiled.omega.automaton()
    shown = view(omega, frozenset(compiled.solution.rank))
    assert shown.acceptance.startswith("infinitely often {0}")
    assert any(label.marks for leading in shown.arrows.values() for label in leading)
    shape = to_json(omega, frozenset(compiled.solution.rank))
    assert (shape["semantics"], shape["acceptance"], shape["deterministic"]) == ("infinite", "buchi", True)
    assert shape["accepting"]
    assert shape["initial"] in shape["winning"]
