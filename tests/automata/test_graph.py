"""The networkx view holds what the JSON holds: either can be made from the other."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.acceptance import Inf
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.dfa import Dfa
from agentspec.automata.draw import to_json
from agentspec.automata.graph import to_graph
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.translate import translate
from agentspec.checking.compile import compile_agent
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from agentspec.spec.load import load
from tests.logic.strategies import formulas


def json_of(graph: networkx.MultiDiGraph[int]) -> dict[str, Any]:
    """The JSON shape, from the graph alone."""
    shape: dict[str, Any] = {
        "schema_version": 1,
        "semantics": graph.graph["acceptance"],
        "acceptance": graph.graph["acceptance"],
        "deterministic": True,
        "propositions": list(graph.graph["propositions"]),
        "states": graph.number_of_nodes(),
        "initial": graph.graph["initial"],
        "accepting": [state for state, holds in graph.nodes(data="accepting") if holds],
        "transitions": [
            {
                "source": source,
                "target": target,
                **{name: edge[name] for name in ("step", "tool", "owner") if edge[name] is not None},
                "label": edge["label"],
            }
            for source, target, edge in graph.edges(data=True)
        ],
    }
    if any("winning" in attributes for _, attributes in graph.nodes(data=True)):
        shape["winning"] = [state for state, holds in graph.nodes(data="winning") if holds]
    found = [state for state, holds in graph.nodes(data="position") if holds]
    return shape | ({"position": found[0]} if found else {})


def ordered(shape: dict[str, Any]) -> dict[str, Any]:
    return shape | {"transitions": sorted(shape["transitions"], key=str)}


@settings(deadline=None, max_examples=60)
@given(formulas(), st.data())
def test_formulas_round_trip(formula: Formula, data: st.DataObject) -> None:
    dfa = translate(formula, ("a", "b"))
    states = st.sampled_from(range(len(dfa.edges)))
    winning, position = data.draw(st.none() | st.frozensets(states)), data.draw(st.none() | states)
    graph = to_graph(dfa, winning, position=position)
    assert ordered(json_of(graph)) == ordered(to_json(dfa, winning, position=position))


@pytest.mark.parametrize("name", ["clerk", "react"])
def test_specs_round_trip(name: str) -> None:
    dfa, winning = compile_agent(load(name)).automaton
    graph = to_graph(dfa, winning)
    assert ordered(json_of(graph)) == ordered(to_json(dfa, winning))
    assert {edge["letter"] for _, _, edge in graph.edges(data=True)} == {a for edges in dfa.edges for a, _ in edges}


def test_the_library_can_work_with_it() -> None:
    dfa = translate(parse_formula("a & X(b & X c)"))
    graph = to_graph(dfa)
    (goal,) = dfa.accepting
    path = networkx.shortest_path(graph, dfa.initial, goal)
    assert len(path) == 4
    assert [graph.nodes[state]["initial"] for state in path] == [True, False, False, False]


def test_parallel_transitions_stay_apart() -> None:
    one, two = Letter(frozenset({"a"})), Letter(frozenset({"b"}), frozenset({"a"}))
    graph = to_graph(Dfa(("a", "b"), 0, frozenset({0}), (((one, 0), (two, 0)),)))
    assert graph.number_of_edges(0, 0) == 2


def test_marks_of_infinite_words() -> None:
    edges = ((Edge(Letter(frozenset({"a"})), 1, frozenset({1, 0})),), (Edge(Letter(frozenset()), 0),))
    graph = to_graph(Buchi(("a",), 0, 2, edges), frozenset({1}))
    assert graph.graph["acceptance"] == "infinitely often {0} and infinitely often {1}"
    assert [marks for _, _, marks in graph.edges(data="marks")] == [(0, 1), ()]
    assert list(graph.nodes(data="winning")) == [(0, False), (1, True)]
    assert list(graph.nodes(data="accepting")) == [(0, False), (1, False)]
    assert to_graph(Omega(("a",), 0, edges, Inf(1))).graph["acceptance"] == "infinitely often {1}"


def test_a_position_must_be_a_state() -> None:
    with pytest.raises(ValueError, match="there is no state 5: states are 0 to 1"):
        to_graph(translate(parse_formula("F a")), position=5)


def test_networkx_is_imported_only_for_a_graph() -> None:
    code = (
        "import sys, agentspec.automata.graph, agentspec.api.picture\n"
        "from agentspec.automata.translate import translate\n"
        "from agentspec.logic.parse import parse_formula\n"
        "picture = agentspec.api.picture.Automaton(translate(parse_formula('F a')))\n"
        "picture.show(), picture.show('svg')\n"
        "assert 'networkx' not in sys.modules\n"
        "picture.graph()\n"
        "assert 'networkx' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
