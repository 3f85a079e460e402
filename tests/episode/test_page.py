"""Episodes as HTML: everything that happened is there, and nothing hostile is more than text."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.episode.page import guard_svg, trace_html, trace_page
from agentspec.episode.trace import Result, StepRecord, Usage, Verdict
from agentspec.spec.load import load

HOSTILE = (
    "</div><script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;\"'`${x} "
    "\x1b[31mred\x00\x07\r\u202egpj.exe\u2028 ]]> <!-- <style>*{display:none}</style> \ud800"
)
VOID = {"meta", "br", "img", "link", "input"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are balanced."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@cache
def compiled() -> Compiled:
    return compile_agent(load("react-zero"))


def played(*steps: tuple[str, str]) -> list[StepRecord]:
    """Records of a play through react-zero's arena, by the first letter of each step."""
    arena = compiled().arena
    state, records = arena.initial, []
    for index, (step, content) in enumerate(steps):
        letter = next(a for a in arena.moves[state] if a.step == step and a.tool in (None, "calculator"))
        state = arena.moves[state][letter]
        records.append(
            StepRecord(
                index, letter, content, content, tokens=10 + index, forced=index, seconds=0.25, guard_state=state
            )
        )
    return records


def episode() -> list[StepRecord]:
    return played(
        ("question", "What is 2 + 2?"),
        ("thought", "I add."),
        ("action", "calculator"),
        ("action_input", '{"expression":"2 + 2"}'),
        ("observation", "4"),
        ("answer", "4"),
    )


def result(**more: object) -> Result:
    usage = Usage(prompt_tokens=77, tokens=61, forced_tokens=15, model_calls=41, steps=6, tool_calls=1, seconds=2.5)
    shape: dict[str, object] = {
        "status": "accepted",
        "answer": "4",
        "guarantee": "full",
        "verdicts": (
            Verdict("look-first", "satisfied", 4, "block"),
            Verdict("answer-once-known", "undecided", None, "warn"),
        ),
        "usage": usage,
        "trace_path": "/tmp/<trace>.jsonl",
    }
    return Result(**{**shape, **more})  # type: ignore[arg-type]


def test_every_step_is_there_with_its_cue_content_and_cost() -> None:
    text = read(trace_html(episode(), compiled(), None)).text
    for cue, content in (
        ("[Question]", "What is 2 + 2?"),
        ("[Thought]", "I add."),
        ("[Action]", "calculator"),
        ("[Action Input]", '{"expression":"2 + 2"}'),
        ("[Observation]", "4"),
        ("[Answer]", "4"),
    ):
        assert re.search(re.escape(cue) + r"[^\[]*" + re.escape(content), text), (cue, content)
    assert text.index("[Question]") < text.index("[Thought]") < text.index("[Answer]")
    assert "12 tokens, 2 forced · 250 ms" in text
    for record in episode():
        assert f"guard state {record.guard_state}" in text
    assert "tool: observation, ok(calculator)" in text


def test_the_owners_have_different_colours() -> None:
    records = episode()
    edges = [re.search(r"border-left:4px solid (#\w+)", trace_html([r], compiled(), None)) for r in records]
    colours = [edge.group(1) for edge in edges if edge]
    assert len(colours) == len(records)
    user, model, tool = colours[0], colours[1], colours[4]
    assert len({user, model, tool}) == 3
    assert colours[2] == colours[3] == colours[5] == model


def test_the_ending_names_status_verdicts_rules_and_usage() -> None:
    text = read(trace_html(episode(), compiled(), result())).text
    for said in (
        "accepted",
        "guarantee: full",
        "look-first✓ satisfiedat step 4!answer W observation — nothing is answered before a tool was asked",
        "answer-once-known (warn)? undecided",
        "6 steps · 1 tool call · 61 tokens, 15 of them forced · 41 model calls · 77 prompt tokens · 2.5 s",
        "trace: /tmp/<trace>.jsonl",
    ):
        assert said in text


def test_an_episode_that_was_stopped_says_why() -> None:
    ended = result(
        status="engine_fault", reason="the matcher <failed>", guarantee="partial", unguaranteed=("look-first",)
    )
    text = read(trace_html([], compiled(), ended)).text
    assert "engine_fault: the matcher <failed> guarantee: partial, not for look-first" in text
    assert "[Question]" not in text


def hostile_records() -> list[StepRecord]:
    letter = next(iter(compiled().arena.moves[compiled().arena.initial]))
    odd = Letter(letter.true | {"<b>&"}, frozenset(), letter.step, letter.owner)
    return [
        StepRecord(0, odd, HOSTILE, HOSTILE[:10] + " …[cut]", detail=HOSTILE, guard_state=0),
        StepRecord(1, None, HOSTILE, HOSTILE),
    ]


@pytest.mark.parametrize("draw", [trace_html, trace_page])
def test_hostile_text_stays_text(draw: object) -> None:
    ended = result(
        status="engine_fault", reason=HOSTILE, trace_path=HOSTILE, unguaranteed=(HOSTILE,),
        verdicts=(Verdict(HOSTILE, "violated", 0, HOSTILE),),
    )  # fmt: skip
    html = draw(hostile_records(), compiled(), ended)  # type: ignore[operator]
    html.encode("utf-8")
    assert not [c for c in html if not c.isprintable() and c != "\n"]
    reader = read(html)
    assert not {"script", "img", "style", "link", "iframe", "b>"} & set(reader.tags)
    assert not [name for name, _ in reader.attributes if name.startswith("on") or name in ("src", "href")]
    assert reader.text.count("<script>alert(1)</script>") >= 3
    assert "\\x1b[31mred\\x00\\x07\\r\\u202egpj.exe\\u2028" in reader.text
    assert "\\ud800" in reader.text
    assert "(no step)" in reader.text
    for _, value in reader.attributes:
        assert "url(" not in value
        assert "expression(" not in value


def test_what_was_cut_for_the_model_can_be_unfolded() -> None:
    letter = next(iter(compiled().arena.moves[compiled().arena.initial]))
    record = StepRecord(0, letter, "the whole long answer", "the whole …[cut]", detail="Traceback: boom")
    reader = read(trace_html([record], compiled(), None))
    assert reader.tags.count("details") == 2
    assert reader.text.index("…[cut]") < reader.text.index("the whole long answer") < reader.text.index("boom")
    assert "21 characters" in reader.text
    assert "details" not in read(trace_html(episode(), compiled(), None)).tags


def test_very_long_texts_are_cut_and_say_so() -> None:
    letter = next(iter(compiled().arena.moves[compiled().arena.initial]))
    html = trace_html([StepRecord(0, letter, "x" * 1_000_000, "x" * 1_000_000)], compiled(), None)
    assert len(html) < 20_000
    assert "…[996000 more characters]" in html


def test_lines_are_kept() -> None:
    letter = next(iter(compiled().arena.moves[compiled().arena.initial]))
    assert "one\n  two" in read(trace_html([StepRecord(0, letter, "one\n  two", "one\n  two")], compiled(), None)).text


def test_the_page_is_whole_and_shows_the_way_through_the_automaton() -> None:
    html = trace_page(episode(), compiled(), result())
    assert html.startswith("<!DOCTYPE html>")
    reader = read(html)
    assert reader.tags[:2] == ["html", "head"]
    assert {"title", "body", "table", "svg"} <= set(reader.tags)
    assert ("http-equiv", "Content-Security-Policy") in reader.attributes
    assert "react-zero: an episode" in reader.text
    dfa, _ = compiled().automaton
    told = re.search(r"states passed: ([\d →]+)", reader.text)
    assert told
    way = [int(state) for state in told.group(1).split(" → ")]
    state = dfa.initial
    assert way[0] == state
    for record, after in zip(episode(), way[1:], strict=True):
        assert record.letter is not None
        state = dict(dfa.edges[state])[record.letter]
        assert state == after
    assert f"state {way[-1]}, accepting, the position" in reader.text
    assert trace_page(episode(), compiled(), result()) == html


def test_a_page_of_nothing() -> None:
    text = read(trace_page([], compiled(), None)).text
    assert "states passed" not in text
    assert "the position" not in text


def test_the_guard_is_drawn_with_its_position() -> None:
    _, image = compiled().arena.language()
    for state in range(len(compiled().arena)):
        root = ElementTree.fromstring(guard_svg(compiled(), state))
        marked = [e.text for e in root.iter("{http://www.w3.org/2000/svg}title") if "the position" in str(e.text)]
        assert len(marked) == (image[state] is not None)
        assert all(str(title).startswith(f"state {image[state]}") for title in marked)


def test_the_guard_has_no_other_states() -> None:
    with pytest.raises(ValueError, match="there is no state -1"):
        guard_svg(compiled(), -1)
    with pytest.raises(ValueError, match="there is no state"):
        guard_svg(compiled(), len(compiled().arena))
