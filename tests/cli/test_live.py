"""Text as it comes on a terminal: in the end it is what stands there without one."""

from __future__ import annotations

import io
import os
import re
import subprocess
from itertools import islice
from pathlib import Path
from random import Random

import pytest

import agentspec
from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled
from agentspec.cli.live import Live
from agentspec.cli.run import show, watch
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.episode.trace import StepRecord
from tests.cli.process import TOY, Place
from tests.laws.harness import Count, budgets, sound
from tests.laws.specs import spec_from
from tests.laws.toy import WILLS, ToyEngine

SEVERAL = """\
version: 1
name: several
steps:
  question: {by: user, cue: "[Q]"}
  plan: {by: model, cue: "[Plan]", text: {max_chars: 40, max_lines: 4}}
  answer: {by: model, cue: "[A]", text: {max_chars: 30}}
behavior: question plan plan answer
limits: {max_tokens: 400}
"""


def plain(records: list[StepRecord], compiled: Compiled) -> str:
    out = io.StringIO()
    for record in records:
        show(record, compiled, out)
    return out.getvalue()


class Noted(io.StringIO):
    """Counts how often something was written that ends no line."""

    early = 0

    def write(self, text: str) -> int:
        self.early += bool(text) and not text.endswith("\n")
        return super().write(text)


def both(episode: Episode) -> tuple[str, Noted]:
    """What is shown without a terminal, and with one."""
    records: list[StepRecord] = []
    out = Noted()
    live = Live(episode.compiled, out)
    tell = live.tell

    def telling(event: StepRecord | str) -> None:
        if isinstance(event, StepRecord):
            records.append(event)
        tell(event)
        assert plain(records, episode.compiled) == out.getvalue()[: len(plain(records, episode.compiled))]

    live.tell = telling  # type: ignore[method-assign]
    watch(episode, live)
    return plain(records, episode.compiled), out


def test_it_is_the_same_text() -> None:
    early = count = 0
    for seed in range(7):
        spec = spec_from(seed)
        compiled = sound(spec, Count())
        if compiled is None:
            continue
        rng = Random(seed)
        for budget in islice(budgets(rng, compiled), 2):
            tools, _ = spec.tools()
            engine = ToyEngine(seed, rng.choice([*WILLS]))
            there, live = both(Episode(compiled, engine, tools, "Why?\nSo?", Sampler(0.8, seed), budget=budget))
            assert live.getvalue() == there
            early += live.early
            count += 1
    assert count > 5
    assert early > 50


@pytest.mark.parametrize("seed", range(4))
def test_steps_of_several_lines(seed: int) -> None:
    compiled = agentspec.loads(SEVERAL).compiled
    there, live = both(Episode(compiled, ToyEngine(seed, "newlines"), {}, "Why?\nSo?", Sampler(1.0, seed)))
    assert live.getvalue() == there
    assert live.early > 5


def test_a_step_that_is_not_finished_keeps_its_line() -> None:
    compiled = agentspec.loads(SEVERAL).compiled
    out = io.StringIO()
    live = Live(compiled, out)
    for event in ("[Pl", "an] fir", "st\n", "  second", "\n"):
        live.tell(event)
    live.end()
    assert out.getvalue() == "[Plan] first\n    second\n"
    live.end()
    assert out.getvalue() == "[Plan] first\n    second\n"


def test_what_was_read_otherwise_is_shown_again() -> None:
    """No text of an episode's does that; a screen must not be wrong if one ever did."""
    compiled = agentspec.loads(SEVERAL).compiled
    out = io.StringIO()
    live = Live(compiled, out)
    live.tell("[A] Osl")
    live.tell(StepRecord(0, Letter(frozenset(), frozenset(), "answer", Owner.MODEL, None, False), "Bergen", "Bergen"))
    assert out.getvalue() == "[A] Osl\n[A] Bergen\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("several.yaml", SEVERAL)
    return made


def test_it_comes_before_the_line_is_whole_and_a_pipe_gets_the_same(place: Place) -> None:
    pty = pytest.importorskip("pty")
    place.environment |= {"TERM": "xterm", "TOY_WILL": "long"}
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*TOY, "run", "several.yaml", "Why?"], stdin=slave, stdout=slave, stderr=slave, cwd=place.folder,
        env={**place.environment, "TOY_PAUSE": "0.02"},
    )  # fmt: skip
    os.close(slave)
    chunks: list[bytes] = []
    try:
        while chunk := os.read(master, 4096):
            chunks.append(chunk)
    except OSError:
        pass
    os.close(master)
    assert process.wait(60) == 0
    seen = re.sub(r"\x1b\[[0-9;]*m", "", b"".join(chunks).decode()).replace("\r\n", "\n")
    assert sum(not chunk.endswith(b"\n") for chunk in chunks) > 6, "no line is shown at once"
    piped = place.toy("run", "several.yaml", "Why?")
    assert seen.startswith(piped.out + "accepted\n")
