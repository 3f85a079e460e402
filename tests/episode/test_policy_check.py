"""What `agentspec check` says of a file with rules and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agentspec.cli.app import app
from agentspec.episode.policy_check import check_policy
from agentspec.episode.replay_policy import load_policy
from agentspec.logic.semantics import holds

HEAD = "version: 1\nname: refunds\nrules:\n"
FIRST = '  - {id: first, ltl: "!call(refund) W ok(look)"}\n'


def written(folder: Path, *rules: str) -> str:
    file = folder / "policy.yaml"
    file.write_text(HEAD + "".join(rules), encoding="utf-8")
    return str(file)


def test_rules_that_can_be_kept(tmp_path: Path) -> None:
    policy = load_policy(
        written(tmp_path, FIRST, "  - {id: answer, template: response, params: {a: user, b: assistant}}\n")
    )
    report = check_policy(policy)
    assert report.fine
    assert not report.guards
    assert report.to_json()["guarantee"] is None
    assert report.analysis is not None
    for effect, rule in zip(report.analysis.effects, policy.rules(), strict=True):
        assert effect.forbids is not None
        assert not holds(rule.formula, [letter.true for letter in effect.forbids.letters])


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        (
            '  - {id: no, ltl: "F call(refund) & G !ok(look)"}\n',
            2,
            "contradictory: no trace satisfies the rules first, no",
        ),
        ('  - {id: same, ltl: "!call(refund) W ok(look)"}\n', 1, "the rule 'same' is redundant"),
        ('  - {id: nothing, ltl: "G(call(refund) -> call(refund))"}\n', 1, "'nothing' forbids nothing"),
        ('  - {id: fine, ltl: "G !call(delete)"}\n', 0, "its rules can be satisfied together"),
    ],
)
def test_on_the_command_line(tmp_path: Path, rule: str, code: int, said: str) -> None:
    done = CliRunner().invoke(app, ["check", written(tmp_path, FIRST, rule)])
    assert done.exit_code == code
    assert said in done.output
    shown = json.loads(CliRunner().invoke(app, ["check", "--json", written(tmp_path, FIRST, rule)]).stdout)
    assert shown["reports"][0]["valid"] == (code != 2)


def test_a_file_that_is_neither_is_refused_as_before(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("version: 1\nname: a\n")
    done = CliRunner().invoke(app, ["check", str(file)])
    assert done.exit_code == 2
    assert "the key 'steps' is missing" in done.output
