"""Logs broken at random: never an exception, never a verdict that the whole log would not have had."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from agentspec.episode.explain import explain_trace
from agentspec.episode.replay import Replayer
from agentspec.episode.replay_policy import load_policy
from agentspec.episode.replay_read import read_traces
from agentspec.episode.replay_report import Summary, markdown
from tests.episode.logs import conversation, word_of

RULES = """\
version: 1
name: p
propositions:
  large: {at: call, tool: pay, where: {amount: {exclusiveMinimum: 100}}}
  refund: {at: user, contains: "ref(u|o)nd"}
rules:
  - {id: look-first, ltl: "!call(pay) W ok(look)"}
  - {id: small, ltl: "G !large"}
  - {id: refunds, ltl: "G(refund -> F call(pay))"}
  - {id: each, for: {t: tools}, ltl: "G(failed(t) -> N G !call(t))"}
"""


INSERTED = (b"[", b'{"messages": [', b'"', b"\\ud800", b"\n", b"null", b"-1e999", b"NaN")
KEYS = ("role", "content", "tool_calls", "function", "name", "arguments", "id", "tool_call_id", "type", "text",
        "messages")  # fmt: skip


@pytest.fixture
def replayer(tmp_path: Path) -> Replayer:
    (tmp_path / "p.yaml").write_text(RULES, encoding="utf-8")
    return Replayer(load_policy(str(tmp_path / "p.yaml")))


def everything(replayer: Replayer, file: Path) -> Summary:
    """All that is done with a file: read, judged, explained, told."""
    summary = Summary("p", 1)
    for recorded in read_traces(file):
        report = replayer.replay(recorded)
        json.dumps(report.to_json())
        for one in explain_trace(replayer, report):
            one.sentences()
        summary.add(replayer, report)
    summary.finish(replayer)
    markdown(summary, summary.hints(replayer))
    json.dumps(summary.to_json())
    return summary


def test_random_damage_raises_nothing(tmp_path: Path, replayer: Replayer) -> None:
    rng = random.Random(1)
    for number in range(400):
        log = conversation(rng)
        text = json.dumps(log, indent=rng.choice((None, 1))) if number % 2 else "\n".join(map(json.dumps, log))
        raw = bytearray(text.encode())
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(raw) + 1)
            match rng.randrange(4):
                case 0:
                    raw[at : at + 1] = bytes([rng.randrange(256)])
                case 1:
                    del raw[at : at + rng.randrange(1, 30)]
                case 2:
                    raw[at:at] = rng.choice(
                        (b"[", b'{"messages": [', b'"', b"\\ud800", b"\n", b"null", b"-1e999", b"NaN")
                    )
                case _:
                    del raw[at:]
        file = tmp_path / rng.choice(("a.json", "a.jsonl", "a.log"))
        file.write_bytes(raw)
        everything(replayer, file)


def value(rng: random.Random, depth: int = 3) -> Any:
    """Any JSON value, with the words of message logs as its keys."""
    kind = rng.randrange(6 if depth else 4)
    if kind == 4:
        return [value(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 5:
        return {rng.choice(KEYS): value(rng, depth - 1) for _ in range(rng.randrange(5))}
    words = ("user", "assistant", "tool", "function", "text", "tool_use", "pay", "{}", '{"amount": 1e999}', "")
    return rng.choice((rng.choice(words), rng.choice(words), rng.randrange(-5, 5), None, True, 1.5))


def test_any_json_raises_nothing(tmp_path: Path, replayer: Replayer) -> None:
    rng = random.Random(2)
    for number in range(600):
        file = tmp_path / rng.choice(("a.json", "a.jsonl"))
        messages = [{"role": rng.choice(("user", "assistant", "tool")), **dict.fromkeys(("content",), value(rng)),
                     "tool_calls": value(rng), "tool_call_id": value(rng, 0)} for _ in range(3)]  # fmt: skip
        file.write_text(json.dumps(messages if number % 3 else value(rng, 5)), encoding="utf-8")
        everything(replayer, file)


def test_a_journal_of_anything_raises_nothing(tmp_path: Path, replayer: Replayer) -> None:
    rng = random.Random(3)
    for _ in range(300):
        records = [{"type": rng.choice(("episode", "step", "result")), "step": value(rng, 1),
                    "owner": rng.choice(("model", "tool", "user", 1)), "tool": value(rng, 0),
                    "true": value(rng, 1), "content": value(rng, 0)} for _ in range(4)]  # fmt: skip
        file = tmp_path / "a.jsonl"
        file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
        everything(replayer, file)


def test_what_a_cut_log_decides_the_whole_log_decides(tmp_path: Path, replayer: Replayer) -> None:
    rng = random.Random(4)
    decided = 0
    for _ in range(150):
        log = conversation(rng)
        if not word_of(log):
            continue
        text = json.dumps(log)
        (tmp_path / "whole.json").write_text(text, encoding="utf-8")
        (tmp_path / "cut.json").write_text(text[: rng.randrange(1, len(text))], encoding="utf-8")
        whole = replayer.replay(next(read_traces(tmp_path / "whole.json")))
        cut = replayer.replay(next(read_traces(tmp_path / "cut.json")))
        assert cut.problem is not None
        final = {verdict.rule: verdict for verdict in whole.verdicts}
        for verdict in cut.verdicts:
            if verdict.verdict != "undecided":
                decided += 1
                assert (final[verdict.rule].verdict, final[verdict.rule].position) == (
                    verdict.verdict,
                    verdict.position,
                )
    assert decided > 20
