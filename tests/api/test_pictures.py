"""What notebooks show of automata, guards, cursors and runs: well formed, escaped, and nothing to fetch."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

import agentspec
from agentspec import limits
from agentspec.errors import InvalidInput
from tests.api.toys import TEXT, add, small
from tests.laws.toy import ToyEngine

SVG = "{http://www.w3.org/2000/svg}svg"


def test_an_automaton_is_a_picture_and_a_text() -> None:
    automaton = small().automaton
    picture = ElementTree.fromstring(str(automaton._repr_svg_()))
    assert picture.tag == SVG
    assert "answer" in "".join(picture.itertext())
    assert str(automaton).startswith("state 0 (initial)")
    assert len(automaton) == str(automaton).count("state ")


def test_an_automaton_in_every_format() -> None:
    automaton = small().automaton
    assert automaton.show() == str(automaton)
    assert automaton.show("svg") == automaton._repr_svg_()
    assert json.loads(automaton.show("json", position=1))["position"] == 1
    assert automaton.show("hoa").startswith("HOA: v1")
    assert "class s1 here" in automaton.show("mermaid", position=1)
    assert "a summary" in automaton.show("dot", summary=True)
    with pytest.raises(InvalidInput, match="'png' is no format"):
        automaton.show("png")


def test_an_automaton_as_a_graph() -> None:
    automaton = small().automaton
    graph = automaton.graph(position=1)
    assert graph.number_of_nodes() == len(automaton)
    assert [state for state, here in graph.nodes(data="position") if here] == [1]
    assert {state for state, wins in graph.nodes(data="winning") if wins} == automaton.winning
    assert "answer" in {step for _, _, step in graph.edges(data="step")}
    assert graph is not automaton.graph()


def test_a_guard_shows_its_rules_and_its_picture() -> None:
    text = TEXT.replace("what is known", "what is <known> & done")
    guard = agentspec.loads(text, tools=[add]).compile()
    shown = ElementTree.fromstring(f"<div>{guard._repr_html_()}</div>")
    assert shown.find(f".//{SVG}") is not None
    said = "".join(shown.itertext())
    assert "G(ok(add) -> G !action)" in said
    assert "what is <known> & done" in said
    assert guard._repr_svg_() == guard.automaton._repr_svg_()


def test_a_cursor_shows_where_it_stands() -> None:
    cursor = small().compile().start()
    before = cursor._repr_svg_()
    cursor.take("question", "1 + 1?")
    after = cursor._repr_svg_()
    assert before != after
    cursor.rollback()
    assert cursor._repr_svg_() == before
    assert ElementTree.fromstring(str(after)).tag == SVG


def test_what_is_too_large_for_a_picture_has_a_name_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PICTURE_STATES", 2)
    guard = small().compile()
    assert guard.automaton._repr_svg_() is None
    assert guard.start()._repr_svg_() is None
    assert "least budget" in guard._repr_html_()


def test_a_run_is_a_page_of_steps() -> None:
    run = small().run("<script>alert(1)</script>", engine=ToyEngine(3), trace=False)
    page = run._repr_html_()
    assert "<script" not in page
    assert "alert(1)" in page
    assert "accepted" in page
    for record in run.steps:
        assert record.letter is not None
        assert f"[{str(record.letter.step).split('_')[0].capitalize()}" in page
