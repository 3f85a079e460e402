"""Repairs of prompt examples: the repaired example is fine, and no shorter repair exists."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.checking.compile import Compiled
from agentspec.episode.examples_check import Examiner
from agentspec.episode.examples_read import Transcript, read_transcripts
from agentspec.episode.examples_repair import Repair, repaired
from agentspec.episode.examples_walk import Ground
from agentspec.episode.examples_write import edited
from tests.checking.agents import compiled

FIXED = {
    "q": {"by": "user", "cue": "[Q]"},
    "b": {"by": "model", "cue": "[B]", "choice": ["b"]},
    "c": {"by": "model", "cue": "[C]", "choice": ["c", "cc"]},
    "d": {"by": "model", "cue": "[D]", "choice": ["d"]},
}
SPECS: dict[str, tuple[str, tuple[str, ...]]] = {
    "in turn": ("q (b c)* d", ()),
    "a rule": ("q (b | c)* d", ("!d W c", "G(b -> X c)")),
    "either": ("q (b b b | c) d?", ()),
    "owed": ("q (b | c | d)+", ("F d", "G(d -> N G !c)")),
    "calls": ("q (n i o | b)* d", ("G(failed(pay) -> X b)",)),
}
ROOT = Path(__file__).parent.parent.parent
MOST = 3
"""Edits that the oracle looks for."""


LIMITED: dict[str, dict[str, int]] = {
    "in turn": {"max_steps": 6}, "owed": {"max_steps": 4}, "a rule": {"max_steps": 5},
    "calls": {"max_steps": 40, "max_tool_calls": 1},
}  # fmt: skip
"""Limits under which an episode may go on wherever some episode of that beginning keeps to them."""


@cache
def agent(name: str, limited: bool = False) -> Compiled:
    behavior, rules = SPECS[name]
    return compiled(behavior, *rules, steps=FIXED, **({"limits": LIMITED[name]} if limited else {}))


@cache
def episodes(name: str, longest: int) -> list[tuple[str, ...]]:
    """The steps of all episodes of the guard, by brute force: each sequence of letters that stays where it may."""
    made = agent(name)
    arena, winning = made.arena, made.solution.rank

    def words(state: int, left: int) -> Iterator[tuple[str, ...]]:
        if state in arena.accepting:
            yield ()
        if left:
            for letter, target in arena.kept(state, winning).items():
                for rest in words(target, left - 1):
                    yield (str(letter.step), *rest)

    return sorted(set(words(arena.initial, longest)))


def edits_to(lines: list[tuple[str, bool]], steps: tuple[str, ...]) -> int:
    """The least edits from an example (each step, and whether its text is fine) to an episode's steps."""
    row = [*range(len(steps) + 1)]
    for i, (step, fine) in enumerate(lines, start=1):
        before, row = row, [i]
        for j, wanted in enumerate(steps):
            same = before[j] + (not fine) if step == wanted else before[j] + 2
            row.append(min(same, before[j + 1] + 1, row[j] + 1))
    return row[-1]


GOOD = {"q": "x", "b": "b", "c": "cc", "d": "d", "n": "pay", "i": "{}", "o": "fine"}
BAD = {"q": "x", "b": "bb", "c": "ccc", "d": "no", "n": "pya", "i": "{,}", "o": "fine"}


def example(drawn: list[tuple[str, bool]]) -> str:
    cues = {**{name: step["cue"] for name, step in FIXED.items()}, "n": "[N]", "i": "[I]", "o": "[O]"}
    return "".join(f"{cues[name]} {(GOOD if fine else BAD)[name]}\n" for name, fine in drawn)


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_repair_is_shorter(name: str, data: st.DataObject) -> None:
    made = agent(name)
    known = sorted(made.agent.spec.steps)
    step = st.tuples(st.sampled_from(known), st.booleans())
    drawn = [(s, fine or s in ("q", "o")) for s, fine in data.draw(st.lists(step, min_size=1, max_size=6))]
    (one,) = read_transcripts(made.agent.spec, example(drawn))
    found = repaired(Ground(made), one.lines, limited=False)
    assert found is not None
    fewest = min(edits_to(drawn, steps) for steps in episodes(name, len(drawn) + MOST))
    if fewest <= MOST:
        assert len(found.edits) == fewest, (example(drawn), found.edits)
    else:
        assert len(found.edits) > MOST
    is_fine(made, one, found, example(drawn))


@pytest.mark.parametrize("name", LIMITED)
@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_repair_within_the_limits_is_shorter(name: str, data: st.DataObject) -> None:
    made = agent(name, limited=True)
    step = st.tuples(st.sampled_from(sorted(made.agent.spec.steps)), st.booleans())
    some = st.lists(step, min_size=1, max_size=7)
    if name == "calls":  # as many calls as are too many come about by chance too seldom
        call = st.just([("n", True), ("i", True), ("o", True)])
        more = st.lists(st.one_of(call, call, st.lists(step, min_size=1, max_size=1)), min_size=1, max_size=3)
        some = st.one_of(some, more.map(lambda parts: [("q", True), *(one for part in parts for one in part)]))
    drawn = [(s, fine or s in ("q", "o")) for s, fine in data.draw(some)]
    (one,) = read_transcripts(made.agent.spec, example(drawn))
    found = repaired(Ground(made), one.lines, limited=True)
    assert found is not None
    steps, calls = LIMITED[name]["max_steps"], LIMITED[name].get("max_tool_calls", 100)
    known = episodes(name, min(len(drawn) + MOST, steps))
    fewest = min(edits_to(drawn, each) for each in known if each.count("i") <= calls)
    if fewest <= MOST:
        assert len(found.edits) == fewest, (example(drawn), found.edits)
    else:
        assert len(found.edits) > MOST
    is_fine(made, one, found, example(drawn))


def is_fine(made: Compiled, one: Transcript, found: Repair, text: str) -> None:
    """Whether the repaired example has no finding: as lines, and written out and read again."""
    assert Examiner(made).first(Transcript(1, list(found.lines)), "e") is None
    edits = [(edit, one.lines[edit.at] if edit.at < len(one.lines) else None) for edit in found.edits]
    again = read_transcripts(made.agent.spec, edited(text, edits))
    assert [[line.content for line in each.lines] for each in again] == [[line.content for line in found.lines]]
    assert Examiner(made).first(again[0], "e") is None


PAY = {"type": "object", "properties": {"amount": {"type": "integer", "minimum": 0}}, "required": ["amount"]}
RICH = {
    "t": {"by": "model", "cue": "[T]", "text": {"max_chars": 9}},
    "p": {"by": "model", "cue": "[P]", "text": {"max_chars": 20, "max_lines": 3}},
    "f": {"by": "model", "cue": "[F]", "free": "</f>"},
    "r": {"by": "model", "cue": "[R]", "regex": "[A-Z][0-9]{2}"},
}


@cache
def rich() -> Compiled:
    return compiled(
        "q (t | p | f | r | k o)* (a | s | t)", "G !large", "!a W paid",
        steps=RICH, tools={"pay": PAY},
        propositions={
            "large": {"at": "k", "tool": "pay", "where": {"amount": {"minimum": 100}}},
            "paid": {"at": "o", "contains": "paid"},
        },
    )  # fmt: skip


@cache
def rich_examiner() -> Examiner:
    return Examiner(rich())


ROWS = st.sampled_from(
    [
        "[Q] what", "[T] short", "[T] much too long a text", "[T]  blank ", "[P] one", "  two", "[F] let me", "</f>",
        "[R] x42", "[R] A1", '[K] {"name":"pay","arguments":{"amount":3}}', '[K] {"name": "pay"}', "[O] it is paid",
        '[K] {"name":"pay","arguments":{"amount":300,}}', '[K] {"name":"pay","arguments":{"amuont":"7"', "[O]",
        "[O] no", "[A] yes", "[A] yes!", "[S] paid", "[S] nothing said", "[Z] odd", "[t] lower", "loose", "", "---",
    ]
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=9))
def test_what_is_repaired_is_fine(rows: list[str]) -> None:
    """And each edit belongs to one finding; an example without findings has no repair."""
    made, text, examiner = rich(), "\n".join(rows), rich_examiner()
    for one in read_transcripts(made.agent.spec, text):
        found = examiner.examine(one, "e")
        assert bool(found.findings) == (examiner.first(one, "e") is not None)
        if not found.findings:
            assert found.repair is None
            assert len(found.word) == len(one.lines)
            continue
        assert found.repair is not None
        assert [edit for finding in found.findings for edit in finding.repair] == list(found.repair.edits)
        assert all(finding.repair for finding in found.findings), [str(f) for f in found.findings]
        assert examiner.first(Transcript(1, list(found.repair.lines)), "e") is None


def repair_of(text: str, made: Compiled | None = None) -> list[str]:
    made = made or rich()
    (one,) = read_transcripts(made.agent.spec, text)
    found = Examiner(made).examine(one, "e").repair
    return [] if found is None else [line.text for line in found.lines]


KEPT = {
    "cut at a word": ("[Q] x\n[T] much too long\n", "[T] much too"),
    "blanks dropped": ("[Q] x\n[T]  so  \n", "[T] so"),
    "the nearest choice": ("[Q] x\n[K] CALL\n[O] paid\n[A] yess\n", "[A] yes"),
    "the case": ("[Q] x\n[R] x42\n[T] a\n", "[R] X42"),
    "JSON without its comma": ('[Q] x\n[K] {"name":"pay","arguments":{"amount": 3,}}\n[O] paid\n[A] no\n', "[K] CALL"),
    "JSON cut off": ('[Q] x\n[K] {"name":"pay","arguments":{"amount":3\n[O] paid\n[A] no\n', "[K] CALL"),
    "a misspelt name": ('[Q] x\n[K] {"name":"pay","arguments":{"amuont":"3"}}\n[O] paid\n[A] no\n', "[K] CALL"),
    "a rule about values": (
        '[Q] x\n[K] {"name":"pay","arguments":{"amount":300}}\n[O] paid\n[A] no\n',
        '[K] {"name":"pay","arguments":{"amount":30}}',
    ),
    "a cue misspelt": ("[Q] x\n[t] so\n", "[T] so"),
    "a region not closed": ("[Q] x\n[F] well\n---\n", "[F] well</f>"),
}
CALL = '{"name":"pay","arguments":{"amount":3}}'


@pytest.mark.parametrize(("text", "row"), KEPT.values(), ids=KEPT)
def test_a_changed_step_keeps_its_own_text(text: str, row: str) -> None:
    assert row.replace("CALL", CALL) in repair_of(text.replace("CALL", CALL))


def test_limits_are_kept_to_as_well() -> None:
    made = compiled("q (t | k o)* a", tools={"pay": PAY}, limits={"max_steps": 6, "max_tool_calls": 1})
    calls = f"[K] {CALL}\n[O] paid\n"
    (one,) = read_transcripts(made.agent.spec, f"[Q] x\n{calls}{calls}[A] yes\n")
    found = Examiner(made).examine(one, "e")
    assert (found.findings[0].kind, found.findings[0].step) == ("limits", 4)
    assert "tool call 2" in found.findings[0].problem
    assert found.repair is not None
    assert [line.step for line in found.repair.lines] == ["q", "k", "o", "a"]
    thoughts = "".join(f"[T] {i}\n" for i in range(9))
    (one,) = read_transcripts(made.agent.spec, f"[Q] x\n{thoughts}[A] yes\n")
    found = Examiner(made).examine(one, "e")
    assert found.findings[0].kind == "limits"
    assert found.repair is not None
    assert len(found.repair.lines) == 6


def test_a_search_that_is_too_long_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPAIR_PLACES", 2)
    (one,) = read_transcripts(rich().agent.spec, "[Q] x\n[A] no\n")
    found = Examiner(rich()).examine(one, "e")
    assert found.repair is None
    assert len(found.findings) == 1


def test_quotations_are_repaired_by_what_was_said() -> None:
    assert repair_of(f"[Q] x\n[K] {CALL}\n[O] it was paid twice\n[S] it is paid twice\n")[-1].startswith("[S] it")
    assert repair_of("[Q] x\n[S] y\n") == ["[Q] x", "[T] TODO"]


@pytest.mark.parametrize("rule", ["G(failed(pay) -> X t)", "!s W ok(pay)"])
def test_many_outcomes_are_not_as_many_ways(rule: str) -> None:
    """Each of the calls may have failed or not: 2 ** 40 ways to read the example, of which few matter."""
    made = compiled("q (k o t?)* (s | a)", rule, limits={"max_steps": 200, "max_tool_calls": 50, "max_tokens": 9999})
    calls = "".join(f'[K] {{"name":"pay","arguments":{{}}}}\n[O] word{i}\n[T] so\n' for i in range(40))
    assert repair_of(f"[Q] x\n{calls}[S] nobody\n", made)[-1].startswith("[S] word")
    assert repair_of(f"[Q] x\n{calls}[T] so\n[S] word7\n", made)[-3:] == ["[O] word39", "[T] so", "[S] word7"]


def test_a_repair_is_the_same_every_time() -> None:
    """Whatever was examined before, and in whatever order sets are gone through."""
    text = '[O] no\n[K] {"name":"pay","arguments":{"amount":300,}}\n[O]\n[A] yes!\n[Z] odd\n[S] paid\n[A] yes\n'
    code = (
        "from tests.episode.test_examples_repair import *\n"
        f"(one,) = read_transcripts(rich().agent.spec, {text!r})\n"
        "print([edit.to_json() for edit in Examiner(rich()).examine(one, 'e').repair.edits])\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": str(seed)}, cwd=ROOT,
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in (1, 2)
    }  # fmt: skip
    (one,) = read_transcripts(rich().agent.spec, text)
    repair = rich_examiner().examine(one, "e").repair
    assert repair is not None
    assert told == {f"{[edit.to_json() for edit in repair.edits]}\n"}


def test_one_example_has_several_findings() -> None:
    text = f"[Q] x\n[T] much too long\n[K] {CALL}\n[A] yes\n[R] x42\n"
    (one,) = read_transcripts(rich().agent.spec, text)
    found = Examiner(rich()).examine(one, "e")
    assert [(f.kind, f.step, len(f.repair)) for f in found.findings] == [
        ("content", 2, 1), ("behavior", 4, 1), ("behavior", 5, 1),
    ]  # fmt: skip
