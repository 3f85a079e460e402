"""The command line as a user meets it: exit codes, JSON shapes, plans, help. No model is loaded here."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.process import PLAIN, SHAPE, Place

GOOD = """\
version: 1
name: small
steps:
  question: {by: user, cue: "[Q]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question answer
limits: {max_tokens: 200}
"""
REAL = {"AGENTSPEC_MODEL": "smollm2-135m", "LC_ALL": "C", "TERM": "dumb"}
COMMANDS = ["demo", "run", "check", "validate-prompts", "automaton", "init", "schema", "tools", "models", "doctor"]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("small.yaml", GOOD)
    return made


def test_version_and_help(place: Place) -> None:
    assert place.agentspec("--version").out.startswith("agentspec 0.")
    done = place.inside("--help")
    assert done.code == 0
    for command in COMMANDS:
        assert command in done.out
        told = place.inside(command, "--help")
        assert told.code == 0
        assert f"agentspec {command}" in told.out


IMPORTS = """
import sys
from agentspec.__main__ import main
for arguments in sys.argv[1:]:
    sys.argv = ["agentspec", *arguments.split("|")]
    try:
        main()
    except SystemExit as ending:
        assert not ending.code, arguments
    heavy = {"torch", "transformers", "llguidance"}
    if sys.argv[1] in ("--help", "check"):
        heavy |= {"numpy", "networkx"}
    print(arguments, "imported", heavy & set(sys.modules))
"""


def test_what_needs_no_model_imports_none(place: Place) -> None:
    commands = ["--help", "check|small.yaml", "validate-prompts|react", "run|small.yaml|Hi.|--dry-run"]
    done = place.agentspec("-c", IMPORTS, *commands, program=[sys.executable], AGENTSPEC_MODEL="")
    assert done.code == 0, done
    for command in commands:
        assert f"{command} imported set()\n" in done.out


def test_usage_errors_exit_2(place: Place) -> None:
    for arguments in (["fly"], ["check"], ["run"], ["check", "--fast", "small.yaml"], ["automaton"], ["models", "fly"]):
        done = place.inside(*arguments)
        assert done.code == 2
        assert done.out == ""
        assert "Usage: " in done.err


def test_check_fine(place: Place) -> None:
    done = place.agentspec("check", "react", "react-zero")
    assert done.code == 0
    assert done.err == ""
    assert "react: guaranteed by construction" in done.out


def test_check_json_has_one_object(place: Place) -> None:
    done = place.inside("check", "small.yaml", "nothing-like-it", "--json")
    assert done.code == 2
    assert done.err == ""
    fine, missing = done.shape["reports"]
    assert fine["valid"]
    assert fine["realizable"]
    assert fine["guarantee"] == "full"
    assert fine["dead_steps"] == []
    assert fine["least_budget"] == {"max_tokens": len("[A] x\n"), "max_steps": 2, "max_tool_calls": 0}
    assert not missing["valid"]
    assert "nothing-like-it" in missing["problems"][0]


def test_a_warning_exits_1(place: Place) -> None:
    place.write("dead.yaml", GOOD.replace("behavior:", '  other: {by: model, cue: "[T]", text: {}}\nbehavior:'))
    done = place.inside("check", "dead.yaml", "small.yaml")
    assert done.code == 1
    assert "dead.yaml: warning: the step 'other' can never occur" in done.err
    assert place.inside("check", "dead.yaml", "nowhere.yaml").code == 2
    assert place.toy("run", "dead.yaml", "Hi.").code == 0


def test_a_play_of_the_tools_is_shown_step_by_step(place: Place) -> None:
    place.write(
        "fragile.yaml",
        """\
version: 1
name: fragile
steps:
  question: {by: user, cue: "[Q]"}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]"}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question action input seen answer
tools: [calculator]
rules: [{id: no-failure, ltl: "G !failed(calculator)"}]
""",
    )
    done = place.inside("check", "fragile.yaml")
    assert done.code == 2
    told = [line.split() for line in done.err.split("step by step:\n")[1].splitlines()]
    assert [line[:2] for line in told[:5]] == [
        ["user", "question"], ["model", "action"], ["model", "input"], ["tool", "seen"], ["which", "violates"],
    ]  # fmt: skip
    shape = place.inside("check", "fragile.yaml", "--json").shape["reports"][0]
    assert not shape["realizable"]
    assert "no-failure" in json.dumps(shape["witness"])


def test_run_writes_steps_or_one_object(place: Place) -> None:
    shown = place.inside("run", "small.yaml", "Hi.", toy=True)
    assert shown.code == 0
    assert [line[:3] for line in shown.out.splitlines()] == ["[Q]", "[A]"]
    assert shown.err.startswith("accepted\n2 steps, tool calls: 0, ")
    done = place.inside("run", "small.yaml", "Hi.", "--json", toy=True)
    assert set(done.shape) == SHAPE
    assert [line[:3] for line in done.err.splitlines()] == ["[Q]", "[A]"]
    assert [trace[-1]["status"] for trace in place.traces()] == ["accepted", "accepted"]


def test_the_same_seed_is_the_same_run(place: Place) -> None:
    runs = [
        place.inside("run", "small.yaml", "Hi.", "--temperature", "1", "--seed", seed, toy=True, TOY_WILL="random").out
        for seed in ("1", "1", "2")
    ]
    assert runs[0] == runs[1] != runs[2]


def test_a_task_from_stdin(place: Place) -> None:
    done = place.inside("run", "small.yaml", "-", "--json", stdin=b"  Hi.\n", toy=True)
    assert done.code == 0
    assert place.trace()[1]["content"] == "Hi."


def test_dry_run_shows_what_would_be_run(place: Place) -> None:
    place.write("mine.py", "raise SystemExit('nobody may run me')\n")
    done = place.inside("run", "react", "What is 2 + 2?", "--dry-run", "--model", "own/model")
    assert done.code == 0
    assert done.err == ("model: own/model; tools: calculator, lookup; budget: 4000 tokens, 40 steps, 4 tool calls\n")
    parts = done.out.split("\n<")
    assert parts[0].startswith("<system>\nYou answer questions")
    assert '- calculator {"expression": string}: ' in parts[0]
    assert [part.split(">")[0] for part in parts[1:]] == ["user", "assistant"] * 3 + ["user"]
    assert done.out.rstrip().endswith("What is 2 + 2?")
    text = place.write("text.yaml", GOOD + "rendering: {style: text, prefill: '[A] I'}\ninstructions: Answer.\n")
    plain = place.inside("run", text, "Hi.", "--dry-run")
    assert plain.code == 0
    assert "[Q] Hi.\n" in plain.out
    assert "Answer." in plain.out
    for arguments, code in ((["react", "", "--dry-run"], 2), (["react", "Hi.", "--dry-run", "--max-steps", "2"], 3)):
        assert place.inside("run", *arguments).code == code
    assert place.traces() == []


def test_dry_run_as_one_object(place: Place) -> None:
    shape = place.inside("run", "react", "Hi.", "--dry-run", "--json", "--model", "own/model").shape
    assert shape["model"] == "own/model"
    assert shape["tools"] == ["calculator", "lookup"]
    assert shape["budget"] == {"tokens": 4000, "steps": 40, "calls": 4}
    assert "Hi." in json.dumps(shape["prompt"])


TOOL = '''\
def shout(text: str) -> str:
    """Shouts.

    Args:
        text: what
    """
    return text.upper()
'''
SHOUTER = """\
version: 1
name: shouter
steps:
  question: {by: user, cue: "[Q]"}
  call: {by: model, cue: "[Call]", tool: call}
  seen: {by: tool, cue: "[See]", max_tokens: 50}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question call seen answer
tools: [./mine.py:shout]
limits: {max_tokens: 2000}
"""


def test_tools_of_ones_own(place: Place) -> None:
    """Locked by somebody else, they run when named on the command line, or once they are trusted."""
    place.write("mine.py", TOOL)
    file = place.write("shouter.yaml", SHOUTER)
    assert place.inside("tools", "lock", file).code == 0
    distrusted = place.inside("run", file, "Hi.", "--json", toy=True, AGENTSPEC_STATE_DIR="another")
    assert distrusted.code == 2
    assert "mine.py" in distrusted.shape["reason"]
    assert "--tools mine.py" in distrusted.shape["reason"] or "agentspec tools lock" in distrusted.shape["reason"]
    named = place.inside("run", file, "Hi.", "--json", "--tools", "mine.py", toy=True, AGENTSPEC_STATE_DIR="another")
    assert named.shape["status"] == "accepted"
    assert f"tool shout: {place.folder / 'mine.py'} (named on the command line)" in named.err
    trusted = place.inside("run", file, "Hi.", "--json", toy=True)
    assert trusted.shape["status"] == "accepted"
    assert "trusted since it was locked" in trusted.err
    for trace in place.traces():
        called, seen = trace[2], trace[3]
        assert called["true"] == ["call", "call(shout)", "chosen(shout)"]
        assert seen["content"] == json.loads(called["content"])["arguments"]["text"].upper()


def test_automaton_formats(place: Place) -> None:
    shape = json.loads(place.inside("automaton", "a U b", "--format", "json").out)
    assert shape["states"] == 2
    assert shape["propositions"] == ["a", "b"]
    assert place.inside("automaton", "a U b", "--format", "hoa").out.startswith("HOA: v1")
    assert place.inside("automaton", "react", "--format", "mermaid").out.startswith("stateDiagram-v2")
    spec = json.loads(place.inside("automaton", "react", "--format", "json").out)
    assert spec["winning"]
    assert {"step", "owner", "label", "source", "target"} <= set(spec["transitions"][0])
    wrong = place.inside("automaton", "G(a -> ")
    assert wrong.code == 2
    assert "<formula>:1:" in wrong.err
    assert wrong.carets()


def test_models_where_is_0_or_4(place: Place) -> None:
    done = place.inside("models", "where", AGENTSPEC_CACHE_DIR=str(place.folder), AGENTSPEC_MODEL="")
    assert done.code == 4
    assert "agentspec models fetch" in done.err


@pytest.mark.model
@pytest.mark.long
def test_the_real_model_without_a_terminal(place: Place) -> None:
    """stdin closed, stdout a pipe, a locale of ASCII."""
    done = place.shell("agentspec run react 'What is 12 * 7?' --json --offline <&-", **REAL)
    assert done.shape["status"] == "accepted"
    assert done.shape["guarantee"] == "full"
    assert "\x1b" not in done.err
    assert place.trace()[-1] == {"type": "result", **done.shape}


@pytest.mark.model
@pytest.mark.long
def test_the_real_model_interrupted(place: Place) -> None:
    process = place.start("run", "react", "What is 12 * 7?", "--json", "--offline", program=PLAIN, **REAL)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[Question]"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    cancelled = json.loads(out)
    assert cancelled["status"] == "cancelled"
    assert place.trace()[-1] == {"type": "result", **cancelled}
