"""Named parts of behaviors: what they stand for, in any order, never in a circle, and where their faults are."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec import limits
from agentspec.errors import SyntaxProblem
from agentspec.logic.behavior import EMPTY, NOTHING, Behavior, Step, concat, show_behavior
from agentspec.logic.parse_behavior import parse_behavior, parse_parts
from agentspec.logic.source import SourceText
from tests.logic.strategies import behaviors, patient


def texts(*lines: str) -> dict[str, SourceText]:
    """``name: text`` as the lines of a file."""
    found = {}
    for number, line in enumerate(lines, 1):
        name, _, text = line.partition(": ")
        found[name] = SourceText(text, "spec.yaml", number, len(name) + 3)
    return found


def problem_of(parts: dict[str, SourceText]) -> SyntaxProblem:
    with pytest.raises(SyntaxProblem) as caught:
        parse_parts(parts)
    return caught.value


def test_a_name_of_a_part_stands_for_it_as_if_in_parentheses() -> None:
    parts = {"lookup": parse_behavior("action input observation"), "end": parse_behavior("answer | unknown")}
    assert parse_behavior("q lookup{0,3} end", parts=parts) == parse_behavior(
        "q (action input observation){0,3} (answer | unknown)"
    )
    assert parse_behavior("lookup || end", parts=parts) == parse_behavior(
        "action input observation || (answer | unknown)"
    )
    assert parse_behavior("ending", parts=parts) == Step("ending")


def test_a_part_may_be_empty_or_nothing() -> None:
    assert parse_behavior("a none b", parts={"none": EMPTY}) == parse_behavior("a b")
    assert parse_behavior("a no | b", parts={"no": NOTHING}) == Step("b")


@patient
@given(behaviors(), behaviors(("c", "one")), behaviors(("d", "one", "two")))
def test_parts_are_their_texts_put_in(one: Behavior, two: Behavior, whole: Behavior) -> None:
    shown = {"one": show_behavior(one), "two": show_behavior(two)}
    written_two = show_behavior(two).replace("one", f"({shown['one']})")
    written = show_behavior(whole).replace("two", f"({written_two})").replace("one", f"({shown['one']})")
    for order in (["one", "two"], ["two", "one"]):
        parts = parse_parts({name: SourceText(shown[name], "", 1, 1) for name in order})
        assert set(parts) == {"one", "two"}
        assert parse_behavior(show_behavior(whole), parts=parts) == parse_behavior(written)


def test_parts_may_be_used_before_they_are_declared() -> None:
    found = parse_parts(texts("turn: lookup | ask", "lookup: act observe", "ask: say lookup?"))
    assert {name: show_behavior(part) for name, part in found.items()} == {
        "lookup": "act observe",
        "ask": "say (act observe)?",
        "turn": "act observe | say (act observe)?",
    }
    assert parse_parts({}) == {}


@pytest.mark.parametrize(
    ("lines", "place", "circle"),
    [
        (["a: x a"], "spec.yaml:1:6", "a -> a"),
        (["a: b", "b: x (c | y)", "c: z a"], "spec.yaml:3:6", "a -> b -> c -> a"),
        (["start: x b", "b: c", "c: y b{2}"], "spec.yaml:3:6", "b -> c -> b"),
        (["fine: x", "a: fine b", "b: fine || a"], "spec.yaml:3:12", "a -> b -> a"),
    ],
)
def test_a_circle_is_named_where_it_closes(lines: list[str], place: str, circle: str) -> None:
    problem = problem_of(texts(*lines))
    assert str(problem.location) == place
    assert problem.message == f"part '{circle.split()[0]}' is made of itself: {circle}"


@pytest.mark.parametrize(
    ("lines", "place", "said"),
    [
        (["a: x", "b: a (y"], "spec.yaml:2:6", "'(' is never closed"),
        (["a: b", "b: x | | y"], "spec.yaml:2:8", "found '|'"),
        (["a: "], "spec.yaml:1:4", "empty behavior"),
        (["a: x | y || z"], "spec.yaml:1:10", "'||' beside '|'"),
    ],
)
def test_faults_are_placed_in_the_text_of_their_part(lines: list[str], place: str, said: str) -> None:
    problem = problem_of(texts(*lines))
    assert str(problem.location) == place
    assert said in problem.message


def test_the_reader_of_a_file_may_place_them_anew() -> None:
    def relocate(part: str, problem: SyntaxProblem) -> SyntaxProblem:
        return SyntaxProblem(f"in part {part}: {problem.message}")

    for lines in (["a: x", "b: a ("], ["a: b", "b: a"], ["a: x", "b: " + "x " * 60_000]):
        with pytest.raises(SyntaxProblem, match=r"^in part b: "):
            parse_parts(texts(*lines), relocate)


def test_parts_cannot_grow_without_end() -> None:
    start = time.perf_counter()
    doubling = [f"p{i}: p{i + 1} p{i + 1}" for i in range(60)]
    problem = problem_of(texts(*doubling, "p60: x y"))
    assert f"more than {limits.BEHAVIOR_SIZE} steps and operators" in problem.message
    assert problem.location is not None
    with pytest.raises(SyntaxProblem, match="parts written out"):
        parse_behavior("many many", parts={"many": concat([Step("x"), Step("y")] * (limits.BEHAVIOR_SIZE // 3))})
    assert time.perf_counter() - start < 5


def test_a_long_chain_of_parts_needs_no_stack() -> None:
    found = parse_parts(texts(*[f"p{i}: p{i + 1}" for i in range(3_000)], "p3000: x"))
    assert found["p0"] == Step("x")


@patient
@given(st.dictionaries(st.sampled_from("abc"), st.text(alphabet="abcx |*(){2}", max_size=8), max_size=3))
def test_any_texts_are_parts_or_a_problem_with_a_place(given_texts: dict[str, str]) -> None:
    parts = {name: SourceText(text, name, 1, 1) for name, text in given_texts.items()}
    found = parts_or_problem(parts)
    if isinstance(found, SyntaxProblem):
        assert found.location is not None
        assert found.location.source in parts
    else:
        assert set(found) == set(parts)


def parts_or_problem(parts: dict[str, SourceText]) -> dict[str, Behavior] | SyntaxProblem:
    try:
        return parse_parts(parts)
    except SyntaxProblem as problem:
        return problem
