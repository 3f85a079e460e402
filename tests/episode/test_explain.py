"""Rules explained on recorded traces: the steps cited force the verdict, places are the trace's own."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from agentspec.episode.explain import explain_trace, lines
from agentspec.episode.replay import Replayer
from agentspec.episode.replay_policy import load_policy
from agentspec.episode.replay_read import read_traces
from agentspec.errors import InvalidInput
from agentspec.logic.semantics import holds
from tests.episode.logs import TOOLS, conversation, word_of

RULES = """\
version: 1
name: p
rules:
  - {id: look-first, ltl: "!call(pay) W ok(look)"}
  - {id: answered, ltl: "G(user -> F assistant)"}
  - {id: by-calls, view: calls, ltl: "G(call(pay) -> X ok(pay))"}
  - {id: past, ltl: "G(result -> (!user S call))"}
  - {id: each, for: {t: tools}, ltl: "G(failed(t) -> N G !call(t))"}
"""
NAMES = [f"{kind}({tool})" for kind in ("call", "ok", "failed") for tool in TOOLS]
NAMES += ["user", "assistant", "call", "result"]


@pytest.fixture
def replayer(tmp_path: Path) -> Replayer:
    (tmp_path / "p.yaml").write_text(RULES, encoding="utf-8")
    return Replayer(load_policy(str(tmp_path / "p.yaml")))


@pytest.mark.parametrize("unfinished", [False, True])
def test_the_steps_cited_force_the_verdict(tmp_path: Path, replayer: Replayer, unfinished: bool) -> None:
    replayer = Replayer(replayer.policy, unfinished=unfinished)
    rng = random.Random(1)
    explained = 0
    for _ in range(150):
        log = conversation(rng)
        file = tmp_path / "log.json"
        file.write_text(json.dumps(log, indent=1), encoding="utf-8")
        report = replayer.replay(next(read_traces(file)))
        if not word_of(log):
            continue
        every = [verdict.rule for verdict in report.verdicts]
        for one in explain_trace(replayer, report, every):
            if one.explanation is None:
                assert one.verdict.verdict == "undecided" or one.rule.view == "calls"
                continue
            explained += 1
            assert one.explanation.holds == (one.verdict.verdict == "satisfied")
            facts = {(fact.position, fact.proposition): fact.holds for fact in one.explanation.facts}
            for _ in range(5):
                other = [
                    {name for name in NAMES if facts.get((i, name), rng.random() < 0.5)}
                    for i in range(len(one.positions))
                ]
                assert holds(one.rule.formula, other) == one.explanation.holds
            for i, at in enumerate(one.positions):
                for name in (name for position, name in facts if position == i):
                    assert (name in report.positions.letters[at].true) == facts[i, name]
            assert one.marked <= set(range(len(report.positions.letters)))
    assert explained > 100


def test_only_violated_rules_are_explained_unasked(tmp_path: Path, replayer: Replayer) -> None:
    file = tmp_path / "log.json"
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "pay"}}]}
    file.write_text(json.dumps([{"role": "user", "content": "x"}, call]), encoding="utf-8")
    report = replayer.replay(next(read_traces(file)))
    assert [one.rule.id for one in explain_trace(replayer, report)] == ["look-first", "answered", "by-calls"]
    assert [one.rule.id for one in explain_trace(replayer, report, ["each"])] == ["each[look]", "each[pay]"]
    with pytest.raises(InvalidInput, match="did you mean 'past'"):
        explain_trace(replayer, report, ["pas"])
    by_calls = explain_trace(replayer, report, ["by-calls"])[0]
    assert by_calls.positions == (1,)
    assert by_calls.sentences()[-1] == "`X ok(pay)` does not hold at step 1: the trace ends there"
    assert any(line.startswith("  ►   1  call") for line in lines(by_calls, report))


def test_long_traces_are_shown_around_what_is_cited(tmp_path: Path, replayer: Replayer) -> None:
    file = tmp_path / "log.json"
    pay = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "pay"}}]}
    bad = {"role": "tool", "tool_call_id": "1", "content": "Error"}
    talk = [{"role": "assistant", "content": "x"}] * 30
    file.write_text(json.dumps([*talk, pay, bad, *talk, pay, *talk]), encoding="utf-8")
    report = replayer.replay(next(read_traces(file)))
    shown = list(lines(explain_trace(replayer, report, ["each[pay]"])[0], report))
    assert [line.strip() for line in shown if "…" in line] == ["… 30 steps", "… 28 steps", "… 29 steps"]
    assert sum(line.startswith("  ►") for line in shown) == 2
