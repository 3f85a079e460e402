"""Where there is no terminal: nothing to read, nobody who reads, no colours, no letters beyond ASCII."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.process import TOY, Done, Place

SMALL = """\
version: 1
name: small
steps:
  question: {by: user, cue: "[Q]"}
  answer: {by: model, cue: "[答]", choice: [größer ≥ 1, 😀]}
behavior: question answer
limits: {max_tokens: 100}
"""
ESCAPE = "\x1b"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("small.yaml", SMALL)
    return made


def test_a_pipe_gets_no_colours(place: Place) -> None:
    place.environment.pop("NO_COLOR")
    done = place.toy("run", "small.yaml", "Wie heißt 日本?", TERM="dumb")
    assert done.code == 0
    assert ESCAPE not in done.out + done.err
    assert done.out.splitlines()[0] == "[Q] Wie heißt 日本?"
    assert place.trace()[1]["content"] == "Wie heißt 日本?"


@pytest.mark.parametrize("colours", [{}, {"NO_COLOR": "1"}], ids=["", "NO_COLOR"])
def test_a_terminal_gets_colours_unless_it_is_not_to(place: Place, colours: dict[str, str]) -> None:
    place.environment.pop("NO_COLOR")
    done = in_terminal(place, "run", "small.yaml", "Hi.", **{"TERM": "xterm-256color", **colours})
    assert done.code == 0
    assert "[Q]" in done.out
    assert ("\x1b[1;32m" in done.out) == (not colours)


def in_terminal(place: Place, *arguments: str, **more: str) -> Done:
    """Run it with a terminal of its own on stdout and stderr."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*TOY, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=place.folder, env={**place.environment, **more}
    )
    os.close(slave)
    said = b""
    try:
        while chunk := os.read(master, 4096):
            said += chunk
    except OSError:
        pass
    os.close(master)
    return Done(process.wait(60), said.decode(errors="replace"), "")


def test_letters_that_a_locale_lacks(place: Place) -> None:
    """Written with a backslash instead; the object holds them by JSON's own rules."""
    place.environment |= {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    place.environment["PYTHONIOENCODING"] = "ascii"
    done = place.toy("run", "small.yaml", "-", stdin="Wie heißt 日本?")
    assert done.code == 0
    assert done.out.splitlines()[0] == r"[Q] Wie hei\xdft \u65e5\u672c?"
    assert done.out.isascii()
    shown = place.toy("run", "small.yaml", "-", "--json", stdin="Wie heißt 日本?")
    assert shown.shape["answer"] in ("größer ≥ 1", "😀")
    assert [trace[1]["content"] for trace in place.traces()] == ["Wie heißt 日本?"] * 2
    assert {trace[2]["content"] for trace in place.traces()} <= {"größer ≥ 1", "😀"}


@pytest.mark.parametrize(
    ("script", "code", "said"),
    [
        ("toy run small.yaml Hi. <&-", 0, "accepted"),
        ("toy run small.yaml <&-", 2, "a task is missing"),
        ("toy run small.yaml - <&-", 2, "a task is missing"),
        ("toy run small.yaml Hi. --json >&-", 0, ""),
        ("toy run nowhere.yaml Hi. 2>&- >&- <&-", 2, ""),
        pytest.param("agentspec check small.yaml >&-", 0, "", marks=pytest.mark.long),
    ],
)
def test_closed_streams(place: Place, script: str, code: int, said: str) -> None:
    done = place.shell(script)
    assert done.code == code, done
    assert said in done.err
    assert len(place.traces()) == (code == 0 and "run" in script)


def test_nobody_reads_on(place: Place) -> None:
    """A reader such as ``head`` that goes away ends the command quietly; what was done is in the trace."""
    for command in ("agentspec schema", "toy run react Hi."):
        done = place.shell(f"{command} | head -1; exit ${{PIPESTATUS[0]}}")
        assert len(done.out.splitlines()) == 1
        assert "BrokenPipe" not in done.err
        assert "Exception ignored" not in done.err
        assert done.code in (0, 1), done
    done = place.shell("toy run react Hi. --json | true; exit ${PIPESTATUS[0]}")
    assert done.code in (0, 1)
    assert {trace[-1]["status"] for trace in place.traces()} <= {"accepted", "cancelled"}
    assert len(place.traces()) == 2
