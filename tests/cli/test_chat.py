"""``agentspec chat`` on a toy model: lines from a pipe, a terminal, the ways to leave."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import TOY, Place

INTERRUPT = b"\x03"
TALK = "My lamp is broken.\nIt is still broken.\n\n   \nThank you!\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def steps(record: list[dict[str, Any]]) -> list[str]:
    return [line["step"] for line in record if line["type"] == "step"]


def test_each_line_is_a_message(place: Place) -> None:
    done = place.inside("chat", "support", stdin=TALK.encode(), toy=True)
    assert done.code == 0
    shown = [line.split("]")[0] for line in done.out.splitlines()]
    assert shown.count("[Customer") == 3
    assert shown[:3] == ["[Customer", "[Ticket", "[Reply"]
    assert "pending: the user said nothing more" in done.err
    trace = place.trace()
    assert [line["content"] for line in trace if line.get("step") == "customer"] == [
        line.strip() for line in TALK.splitlines() if line.strip()
    ]
    assert trace[-1]["status"] == "pending"


def test_quit_ends_it(place: Place) -> None:
    done = place.inside("chat", "support", stdin=b"Hello\n/quit\nHello again\n", toy=True)
    assert done.code == 0
    assert steps(place.trace()) == ["customer", "reply"]


def test_one_object_tells_of_all_turns(place: Place) -> None:
    done = place.inside("chat", "support", "--json", "--seed", "3", stdin=TALK.encode(), toy=True)
    assert done.code == 0
    shape = json.loads(done.out)
    assert (shape["schema_version"], shape["status"], shape["answer"], shape["guarantee"]) == (
        1,
        "pending",
        None,
        "full",
    )
    assert [turn["user"] for turn in shape["turns"]] == ["My lamp is broken.", "It is still broken.", "Thank you!"]
    replies = [line["content"] for line in place.trace() if line.get("step") == "reply"]
    assert [turn["answer"] for turn in shape["turns"]] == replies
    assert {verdict["verdict"] for verdict in shape["verdicts"]} == {"undecided"}


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["", "json"])
def test_who_says_nothing_has_no_session(place: Place, flags: list[str]) -> None:
    done = place.inside("chat", "support", *flags, stdin=b"\n\n", toy=True)
    assert done.code == 0
    assert place.traces() == []
    if flags:
        assert json.loads(done.out)["turns"] == []


def test_a_finite_agent_runs_an_episode_a_line(place: Place) -> None:
    done = place.inside("chat", "direct", "--json", stdin=b"One?\nTwo?\n", toy=True)
    assert done.code == 0
    runs = json.loads(done.out)["runs"]
    assert [run["status"] for run in runs] == ["accepted", "accepted"]
    assert [trace[1]["content"] for trace in place.traces()] in (["One?", "Two?"], ["Two?", "One?"])
    shown = place.inside("chat", "direct", stdin=b"One?\nTwo?\n", toy=True)
    assert shown.out.count("[Question]") == 2


def test_the_worst_ending_decides_the_code(place: Place) -> None:
    done = place.inside("chat", "direct", stdin=b"One?\nTwo?\n", toy=True, TOY_BREAK="1")
    assert done.code == 4
    assert done.err.count("engine_fault: the toy broke") == 2


REFUSED = [
    (["chat", "nobody"], b"Hello\n", 2, "nobody"),
    (["chat", "support", "--max-tokens", "10"], b"Hello\n", 3, "a turn cannot surely end within 10 tokens"),
    (["chat", "support"], b"caf\xe9\n", 2, "line 1 of the input is not UTF-8"),
    (["chat", "lost.yaml"], b"Hello\n", 2, "not realizable"),
]


@pytest.mark.parametrize(("arguments", "said", "code", "message"), REFUSED, ids=[case[3][:12] for case in REFUSED])
def test_what_refuses_a_talk(place: Place, arguments: list[str], said: bytes, code: int, message: str) -> None:
    place.write(
        "lost.yaml",
        "version: 1\nname: lost\nsemantics: infinite\nsteps:\n"
        '  q: {by: user, cue: "[Q]"}\n  a: {by: model, cue: "[A]", choice: [yes, no]}\n'
        "behavior: (q a)*\npropositions: {please: {at: q, contains: please}}\n"
        'rules: [{id: polite, ltl: "G F please"}]\n',
    )
    done = place.inside(*arguments, stdin=said, toy=True)
    assert done.code == code, done
    assert message in done.err
    assert place.traces() == []
    told = place.inside(*arguments, "--json", stdin=said, toy=True)
    assert told.code == code
    assert json.loads(told.out)["status"] in ("refused", "engine_fault")


def in_terminal(place: Place, *arguments: str, keys: list[bytes]) -> tuple[int, str]:
    """Type into a terminal, each time after a prompt has come; an interrupt is repeated until it is heeded."""
    pty = pytest.importorskip("pty")
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*TOY, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=place.folder,
        start_new_session=True,
        env={**place.environment, "TERM": "dumb"},
    )
    os.close(slave)
    said, answered, interrupted = b"", 0, False
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 0.5)[0]:
                if interrupted and process.poll() is None:  # readline may not see one that comes before it waits
                    process.send_signal(signal.SIGINT)
                continue
            chunk = os.read(master, 4096)
            if not chunk:
                break
            said += chunk
            if keys and said[answered:].endswith(b"> "):
                answered = len(said)
                key = keys.pop(0)
                interrupted = key == INTERRUPT
                if not interrupted:
                    os.write(master, key)
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    finally:
        os.close(master)
        if process.poll() is None and time.monotonic() >= deadline:
            process.kill()
    return process.wait(timeout=60), said.decode().replace("\r\n", "\n")


def test_in_a_terminal_there_is_a_prompt(place: Place) -> None:
    code, said = in_terminal(place, "chat", "support", keys=[b"Hello\n", b"/quit\n"])
    assert code == 0
    assert "Say something; /quit ends the talk." in said
    assert said.count("> ") == 2
    assert "[Reply] " in said
    assert "[Customer] " not in said, "what was typed is not told again"


def test_the_end_of_the_input_leaves_and_an_interrupt_stops(place: Place) -> None:
    assert in_terminal(place, "chat", "support", keys=[b"Hello\n", b"\x04"])[0] == 0
    code, said = in_terminal(place, "chat", "support", keys=[b"Hello\n", INTERRUPT])
    assert code == 130
    assert "Traceback" not in said
    assert sorted(trace[-1]["status"] for trace in place.traces()) == ["cancelled", "pending"]
