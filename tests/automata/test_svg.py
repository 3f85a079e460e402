"""Pictures: valid XML that shows every state and transition, with nothing over anything else."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata import svg
from agentspec.automata.dfa import Dfa
from agentspec.automata.label import labels
from agentspec.automata.layers import layered
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.lettering import MOST
from agentspec.automata.svg import SUMMARY_FROM, to_svg
from agentspec.automata.translate import translate
from agentspec.automata.view import View, view
from agentspec.checking.compile import compile_agent
from agentspec.errors import TooLarge
from agentspec.logic.parse import parse_formula
from agentspec.shipped import folder
from agentspec.spec.load import load

SVG = "{http://www.w3.org/2000/svg}"
ADVANCE = 0.602  # DejaVu Sans Mono, one of the widest monospace fonts
HOSTILE = "</title><script>alert(1)</script> ]]> & \" ' <!-- \x00\x1b[2J\u202e\ud800\n" + "宽" * 300
DESK = """\
version: 1
name: desk
steps:
  question: {by: user, cue: "[Q]"}
  plan: {by: model, cue: "[P]", text: {max_chars: 60}}
  thought: {by: model, cue: "[T]", text: {max_chars: 60}}
  action: {by: model, cue: "[A]", tool: name}
  action_input: {by: model, cue: "[I]", tool: arguments}
  observation: {by: tool, cue: "[O]", max_tokens: 60}
  confirm: {by: model, cue: "[C]", text: {max_chars: 60}}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 60}}
  unknown: {by: model, cue: "[U]", text: {max_chars: 60}}
behavior: question plan (thought? action action_input observation){0,3} (confirm answer | unknown)
rules:
  - {id: look, ltl: "!call(calculator) W ok(lookup)"}
  - {id: quiet, ltl: "G(failed(calculator) -> X (thought | unknown))"}
  - {id: honest, ltl: "!answer W ok(lookup)"}
tools: [calculator, lookup]
"""
FRAGILE = """\
version: 1
name: fragile
steps:
  question: {by: user, cue: "[Q]"}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question (action input seen)* answer
rules: [{id: no-failure, ltl: "G !failed(calculator)"}, {id: look, ltl: "!answer W ok(lookup)"}]
tools: [calculator, lookup]
"""
SPECS = [*sorted(file.stem for file in folder("agents").glob("*.yaml")), "desk", "fragile"]
FORMULAS = ["true", "false", "F a", "a U b", "G(a -> F b)", "(!a W b) & G(c -> X d)", "G(a -> F b) & (c U d)"]


@cache
def automaton(name: str) -> tuple[Dfa, frozenset[int] | None]:
    if name in FORMULAS:
        return translate(parse_formula(name)), None
    text = {"desk": DESK, "fragile": FRAGILE}.get(name)
    if text is None:
        return compile_agent(load(name)).automaton
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(text)
        return compile_agent(load(str(file))).automaton


@cache
def picture_of(name: str, position: int | None = None) -> Seen:
    dfa, winning = automaton(name)
    return seen(to_svg(dfa, winning, position=position, title=name, summary=False))


Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Seen:
    """A picture as a reader's eye has it: circles of states, boxes of texts by what they belong to, lines."""

    root: ElementTree.Element
    circles: dict[int, tuple[float, float, float]]
    labels: dict[str, Box]
    others: list[Box]
    lines: list[tuple[str, list[tuple[float, float]]]]
    words: dict[str, list[str]]


def seen(text: str) -> Seen:
    root = ElementTree.fromstring(text)
    circles: dict[int, tuple[float, float, float]] = {}
    boxes: dict[str, Box] = {}
    lines: list[tuple[str, list[tuple[float, float]]]] = []
    words: dict[str, list[str]] = {}
    inside = set()
    for group in root.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title")
        if title is None:
            continue
        inside |= set(group.iter(f"{SVG}text"))
        texts = list(group.iter(f"{SVG}text"))
        words[title] = [str(one.text) for one in texts]
        if found := re.match(r"state (\d+)", title):
            rings = [tuple(float(ring.attrib[key]) for key in ("cx", "cy", "r")) for ring in group.iter(f"{SVG}circle")]
            x, y, r = max(rings, key=lambda ring: ring[2])
            assert int(found.group(1)) not in circles
            circles[int(found.group(1))] = (x, y, r)
            continue
        if texts:
            parts = [box(one, 12) for one in texts]
            boxes[title] = (
                min(b[0] for b in parts), min(b[1] for b in parts), max(b[2] for b in parts), max(b[3] for b in parts)
            )  # fmt: skip
        lines += [(title, sampled(path.attrib["d"])) for path in group.iter(f"{SVG}path")]
    small = next((g for g in root.iter(f"{SVG}g") if g.get("font-size") == "11"), None)
    legend = set() if small is None else set(small.iter(f"{SVG}text"))
    others = [box(one, 11 if one in legend else 14) for one in root.iter(f"{SVG}text") if one not in inside]
    return Seen(root, circles, boxes, others, lines, words)


def box(text: ElementTree.Element, size: float) -> Box:
    width = sum(2 if ord(c) > 0x2E80 else 1 for c in str(text.text)) * size * ADVANCE
    x, y = float(text.attrib["x"]), float(text.attrib["y"])
    left = x - width / 2 if text.get("text-anchor") == "middle" else x
    return left, y - 0.75 * size, left + width, y + 0.2 * size


def sampled(path: str) -> list[tuple[float, float]]:
    """Points along an SVG path of M, L and C with absolute coordinates."""
    points: list[tuple[float, float]] = []
    for kind, rest in re.findall(r"([MLC])([^MLC]+)", path):
        ends = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", rest)]
        if kind == "M":
            points.append(ends[0])
            continue
        start = points[-1]
        for i in range(1, 13):
            t = i / 12
            if kind == "L":
                points.append((start[0] + t * (ends[0][0] - start[0]), start[1] + t * (ends[0][1] - start[1])))
            else:
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
                curve = zip(start, *ends, strict=True)
                x, y = (a * p + b * q + c * r + d * s for p, q, r, s in curve)
                points.append((x, y))
    return points


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def around(points: list[tuple[float, float]]) -> Box:
    xs, ys = zip(*points, strict=True)
    return min(xs) - 1, min(ys) - 1, max(xs) + 1, max(ys) + 1


def touches(circle: tuple[float, float, float], one: Box) -> bool:
    x, y, r = circle
    return (max(one[0] - x, 0, x - one[2])) ** 2 + (max(one[1] - y, 0, y - one[3])) ** 2 < r**2


def check_nothing_overlaps(picture: Seen) -> None:
    width, height = float(picture.root.attrib["width"]), float(picture.root.attrib["height"])
    assert picture.root.attrib["viewBox"] == f"0 0 {picture.root.attrib['width']} {picture.root.attrib['height']}"
    boxes = [*picture.labels.values(), *picture.others]
    for left, top, right, bottom in boxes:
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other)
    for (x, y, r), (u, v, s) in combinations(picture.circles.values(), 2):
        assert (x - u) ** 2 + (y - v) ** 2 > (r + s) ** 2
    for circle in picture.circles.values():
        assert not any(touches(circle, one) for one in boxes)
    for title, points in picture.lines:
        near = [b for b in boxes if overlap(b, around(points))]
        own = set(map(int, re.findall(r"^(\d+) → (\d+):", title)[0])) if "→" in title else set(picture.circles)
        for x, y in points:
            assert 0 <= x <= width
            assert 0 <= y <= height
            assert not any(b[0] < x < b[2] and b[1] < y < b[3] for b in near), title
            for state, (u, v, r) in picture.circles.items():
                assert state in own or (x - u) ** 2 + (y - v) ** 2 > r**2, (title, state)


def check_everything_is_there(shown: View, picture: Seen) -> None:
    name = [state.of[0] for state in shown.states]
    assert set(picture.circles) == set(name)
    for title, words in picture.words.items():
        if title.startswith("state "):
            assert words == [re.findall(r"\d+", title)[0]]
    wanted = {
        f"{name[source]} → {name[target]}: {' or '.join(map(str, leading))}"
        for (source, target), leading in shown.arrows.items()
    }
    assert set(picture.labels) == wanted


@pytest.mark.parametrize("name", [*SPECS, *FORMULAS])
def test_every_state_and_every_transition_is_in_the_picture(name: str) -> None:
    picture = picture_of(name)
    dfa, winning = automaton(name)
    shown = view(dfa, winning)
    if isinstance(dfa, Dfa):
        arrows = {(shown.states[s].of[0], shown.states[t].of[0]): leading for (s, t), leading in shown.arrows.items()}
        assert arrows == {
            (q, target): leading for q in range(len(dfa.edges)) for target, leading in labels(dfa, q).items()
        }
    check_everything_is_there(shown, picture)
    for title, words in picture.words.items():
        if "→" in title and "…" not in words:
            said = " ".join(words).removeprefix("or ")
            assert re.sub(r"[\s:,]|or ", "", said) == re.sub(r"[\s:,]|or ", "", title.partition(":")[2]), title


@pytest.mark.parametrize("name", [*SPECS, *FORMULAS])
def test_nothing_lies_over_anything_else(name: str) -> None:
    check_nothing_overlaps(picture_of(name))


def test_the_mark_of_the_position_has_room() -> None:
    for position in range(len(automaton("fragile")[0].edges)):
        check_nothing_overlaps(picture_of("fragile", position))


@pytest.mark.parametrize("name", [*SPECS, *FORMULAS])
def test_arrows_run_from_their_source_to_their_target(name: str) -> None:
    picture = picture_of(name)
    for group in picture.root.iter(f"{SVG}g"):
        found = re.match(r"(\d+) → (\d+):", group.findtext(f"{SVG}title") or "")
        if found is None:
            continue
        source, target = (picture.circles[int(state)] for state in found.groups())
        paths = [sampled(path.attrib["d"]) for path in group.iter(f"{SVG}path")]
        (head,) = group.iter(f"{SVG}polygon")
        tip = tuple(map(float, head.attrib["points"].split(" ")[0].split(",")))
        assert on_rim(source, paths[0][0])
        assert on_rim(target, tip)
        assert (paths[-1][-1][0] - tip[0]) ** 2 + (paths[-1][-1][1] - tip[1]) ** 2 < 9**2


def on_rim(circle: tuple[float, float, float], point: tuple[float, ...]) -> bool:
    return abs(((circle[0] - point[0]) ** 2 + (circle[1] - point[1]) ** 2) ** 0.5 - circle[2]) < 2


NAMES = ["a", "thought", "look_up_the_order", "a_name_of_a_step_that_is_longer_than_a_line_can_hold"]


@st.composite
def automata(draw: st.DrawFn) -> Dfa:
    """Any graph: states that nothing reaches, no way on, many ways, loops, several labels an arrow."""
    states = draw(st.integers(1, 8))
    edges = []
    for _ in range(states):
        names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
        here = []
        for name in names:
            owner = draw(st.sampled_from(Owner))
            for beside in draw(st.sampled_from([[frozenset()], [frozenset({"ok(t)"}), frozenset({"failed(t)"})]])):
                letter = Letter(frozenset({name}) | beside, frozenset(), name, owner)
                here.append((letter, draw(st.integers(0, states - 1))))
        edges.append(tuple(here))
    accepting = draw(st.frozensets(st.integers(0, states - 1)))
    return Dfa((*NAMES, "ok(t)", "failed(t)"), draw(st.integers(0, states - 1)), accepting, tuple(edges))


@settings(deadline=None, max_examples=30)
@given(automata(), st.booleans(), st.data())
def test_any_automaton_can_be_drawn_both_ways(dfa: Dfa, down: bool, data: st.DataObject) -> None:
    position = data.draw(st.none() | st.integers(0, len(dfa.edges) - 1))
    winning = data.draw(st.none() | st.frozensets(st.integers(0, len(dfa.edges) - 1)))
    summary = data.draw(st.booleans())
    shown = view(dfa, winning, position, summary=summary)
    picture = seen(svg._drawn(shown, "any", down=down).text())
    check_everything_is_there(shown, picture)
    check_nothing_overlaps(picture)


@pytest.mark.parametrize("name", ["react", "react-zero", "desk", "fragile"])
def test_wide_pictures_go_down(name: str) -> None:
    assert float(picture_of(name).root.attrib["width"]) <= 1100


def test_the_states_say_what_they_are() -> None:
    dfa, winning = automaton("fragile")
    picture = picture_of("fragile", 1)
    assert winning is not None
    lost = set(range(len(dfa.edges))) - winning
    assert lost
    assert winning
    for group in picture.root.iter(f"{SVG}g"):
        title = group.findtext(f"{SVG}title") or ""
        if not title.startswith("state "):
            continue
        state = int(re.findall(r"\d+", title)[0])
        rings = list(group.iter(f"{SVG}circle"))
        assert len(rings) == 1 + (state in dfa.accepting) + (state == 1)
        assert any("stroke-dasharray" in ring.attrib for ring in rings) == (state in lost) == (", lost" in title)
        assert (", accepting" in title) == (state in dfa.accepting)
        assert (", the position" in title) == (state == 1)
        assert (", the start" in title) == (state == dfa.initial)
    words = " ".join(picture.root.itertext())
    assert "lost: tools or users can force a bad end" in words
    assert "the position" in words


def test_the_legend_holds_only_what_occurs() -> None:
    words = " ".join(picture_of("react").root.itertext())
    assert "model writes" in words
    assert "tool writes" in words
    assert "lost" not in words
    assert "the position" not in words
    assert "writes" not in to_svg(*automaton("F a"))


def test_hostile_titles_stay_text() -> None:
    for name in ("react", "F a"):
        text = to_svg(*automaton(name), title=HOSTILE)
        text.encode("utf-8")
        assert not [c for c in text if not c.isprintable() and c != "\n"]
        picture = seen(text)
        check_nothing_overlaps(picture)
        check_harmless(picture.root)
        assert str(picture.root.findtext(f"{SVG}title")).startswith("</title><script>alert(1)</script>")


def check_harmless(root: ElementTree.Element) -> None:
    drawn = {"svg", "title", "g", "rect", "text", "path", "polygon", "circle", "ellipse"}
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= drawn
    for element in root.iter():
        assert not [name for name in element.attrib if name.startswith("on") or "href" in name or name == "style"]
        assert not [value for value in element.attrib.values() if "url(" in value or "javascript" in value]


def test_hostile_names_stay_text() -> None:
    odd = Letter(frozenset({"a<b>", '"&amp;"'}), frozenset({"</text>"}))
    picture = seen(to_svg(Dfa(("a<b>",), 0, frozenset({0}), (((odd, 0),),))))
    check_harmless(picture.root)
    assert set(picture.labels) == {'0 → 0: "&amp;" & !</text> & a<b>'}


def test_what_is_too_long_to_show_is_in_the_title() -> None:
    letters = [
        Letter(frozenset({f"a_very_long_name_of_a_step_{i}"}), frozenset(), f"a_very_long_name_of_a_step_{i}")
        for i in range(9)
    ]
    dfa = Dfa((), 0, frozenset({1}), (tuple((letter, 1) for letter in letters), ()))
    picture = seen(to_svg(dfa))
    check_nothing_overlaps(picture)
    (title,) = picture.labels
    assert all(str(letter.step) in title for letter in letters)
    assert len(picture.words[title]) == MOST
    assert picture.words[title][-1] == "…"
    assert max(map(len, picture.words[title])) <= 26


def test_the_same_picture_every_time() -> None:
    code = (
        "from agentspec.automata.svg import to_svg\n"
        "from agentspec.checking.compile import compile_agent\n"
        "from agentspec.spec.load import load\n"
        "print(to_svg(*compile_agent(load('react-zero')).automaton), end='')"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}, timeout=60
        )
        assert run.stdout.decode() == to_svg(*automaton("react-zero"))


def ladder(states: int) -> Dfa:
    """A way up and a way down at every state, so that no summary is shorter."""
    up, down = Letter(frozenset({"up"}), frozenset(), "up"), Letter(frozenset({"down"}), frozenset(), "down")
    rungs = tuple(((up, min(q + 1, states - 1)), (down, max(q - 1, 0))) for q in range(states))
    return Dfa(("up", "down"), 0, frozenset({states - 1}), rungs)


def test_the_limits_are_said() -> None:
    many = limits.PICTURE_STATES + 1
    long = ladder(many)
    with pytest.raises(TooLarge, match=rf"^a picture of {many} states .* one by one or a summary$"):
        to_svg(long, summary=False)
    with pytest.raises(TooLarge, match=rf"^even the summary of a picture of {many} states .* one by one$"):
        to_svg(long)
    assert long._repr_svg_() is None
    with pytest.raises(TooLarge, match=rf"{limits.PICTURE_SUMMARIZED + 1} states are too many even for the summary"):
        to_svg(ladder(limits.PICTURE_SUMMARIZED + 1))
    with pytest.raises(ValueError, match="there is no state 9"):
        to_svg(automaton("F a")[0], position=9)


def test_many_states_make_a_summary() -> None:
    few, many = ladder(SUMMARY_FROM), ladder(SUMMARY_FROM + 1)
    assert "a summary" not in to_svg(few)
    assert f"a summary: {SUMMARY_FROM + 1} of {SUMMARY_FROM + 1} states" in to_svg(many)
    assert "a summary" not in to_svg(many, summary=False)
    assert "a summary" in to_svg(few, summary=True)


def test_the_clerk_fits_a_screen_as_a_summary() -> None:
    dfa, winning = automaton("clerk")
    picture = seen(to_svg(dfa, winning, title="clerk"))
    assert len(picture.circles) <= 20
    check_nothing_overlaps(picture)
    check_everything_is_there(view(dfa, winning, summary=True), picture)


def test_a_notebook_shows_the_picture() -> None:
    dfa, _ = automaton("G(a -> F b)")
    assert dfa._repr_svg_() == to_svg(dfa)


@settings(deadline=None, max_examples=30)
@given(automata())
def test_arrows_without_those_marked_backward_go_right(dfa: Dfa) -> None:
    edges = {(q, t): 1.0 for q, out in enumerate(dfa.edges) for _, t in out if q != t}
    layers = layered(len(dfa.edges), dfa.initial, edges)
    for source, target in edges:
        assert (layers.column[source] < layers.column[target]) == ((source, target) not in layers.backward)
        assert layers.column[source] % 2 == 0
        assert layers.column[layers.label[source, target]] % 2 == 1
    assert sorted(v for column in layers.columns for v in column) == list(range(len(layers.column)))
    assert all(layers.column[one] + 1 == layers.column[other] for one, other in layers.links())
    if not cyclic(edges):
        assert all(target == dfa.initial for _, target in layers.backward)


def cyclic(edges: dict[tuple[int, int], float]) -> bool:
    left = set(edges)
    while True:
        kept = {(s, t) for s, t in left if any(u == t for u, _ in left)}
        if kept == left:
            return bool(left)
        left = kept


def test_trees_have_no_crossings() -> None:
    edges = {((i - 1) // 2, i): 1.0 for i in range(1, 31)}
    layers = layered(31, 0, edges)
    place = {v: i for column in layers.columns for i, v in enumerate(column)}
    for (a, b), (c, d) in combinations(layers.links(), 2):
        if layers.column[a] == layers.column[c]:
            assert (place[a] - place[c]) * (place[b] - place[d]) >= 0


def test_the_picture_in_the_docs_is_the_one_we_draw() -> None:
    """Made by ``agentspec automaton react-zero --format svg -o docs/react-zero.svg``."""
    file = Path(__file__).parents[2] / "docs" / "react-zero.svg"
    assert file.read_text(encoding="utf-8") == to_svg(*automaton("react-zero"), title="react-zero")
