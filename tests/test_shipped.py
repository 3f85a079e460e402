"""Everything shipped, and every block in the docs, passes `check` without a warning; its examples are episodes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from agentspec.checking.check import check
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.episode.policy_check import check_policy
from agentspec.episode.prompt_examples import findings, read_examples, read_transcripts
from agentspec.episode.replay_policy import load_policy
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text
from tests.cli.process import Place

ROOT = Path(__file__).parent.parent
AGENTS = sorted(folder("agents").glob("*.yaml"))
SPECS = sorted(folder("specs").glob("*.yaml"))
BLOCKS = [
    pytest.param(block, id=f"{document.name}-{i}")
    for document in sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
    for i, block in enumerate(re.findall(r"```yaml\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL))
]
each_agent = pytest.mark.parametrize("file", AGENTS, ids=lambda file: file.stem)


def compiled(file: Path) -> Compiled:
    return compile_agent(load(str(file)))


@pytest.mark.parametrize("file", [*AGENTS, *SPECS], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_shipped_files_are_fine(file: Path) -> None:
    agent = compiled(file)
    report = check(agent)
    assert report.fine, report
    assert report.realizable
    read_examples(agent)


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.stem)
def test_a_behaviour_is_a_page(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 40


@each_agent
def test_an_agent_is_more_than_its_spec(file: Path) -> None:
    """It is called as its file, has a model, instructions, a description, and tools that are its own."""
    declared = load(str(file))
    assert declared.name == file.stem
    assert declared.model
    assert declared.instructions
    assert declared.description
    assert compiled(file).assumed_tools == ()


@each_agent
def test_the_examples_use_every_tool_and_every_step(file: Path) -> None:
    agent = compiled(file)
    declared = agent.agent
    if file.stem == "react-zero":
        assert not declared.examples
        return
    lines = [line for episode in read_examples(agent) for line in episode]
    assert {line.step for line in lines} == set(declared.spec.steps)
    assert all(any(ref.name in line.content for line in lines) for ref in declared.tools)


@each_agent
def test_the_examples_are_examined(file: Path) -> None:
    """An example cut behind any step but its last, or turned around, is found wrong."""
    agent = compiled(file)
    declared = agent.agent
    transcripts = read_transcripts(declared.spec, declared.examples)
    assert list(findings(agent, transcripts, "")) == []
    for transcript in transcripts:
        whole = {len(transcript.lines)}
        if declared.spec.semantics == "infinite":  # what is cut at the end of a turn is a session as well
            asked = str(transcript.lines[0].step)
            whole |= {i for i, line in enumerate(transcript.lines) if line.step == asked}
        cut = [
            replace(transcript, lines=transcript.lines[:n]) for n in range(1, len(transcript.lines)) if n not in whole
        ]
        for broken in (*cut, replace(transcript, lines=transcript.lines[::-1])):
            assert len(list(findings(agent, [broken], ""))) == 1


@pytest.mark.parametrize(
    "will", ["short", "action", *(pytest.param(will, marks=pytest.mark.long) for will in ("random", "long", "quitter"))]
)
@each_agent
def test_every_run_of_a_toy_is_accepted(file: Path, will: str, tmp_path: Path) -> None:
    """Or, of an agent whose sessions have no end, waits for the user, with nothing violated."""
    place = Place(tmp_path)
    done = place.inside("run", file.stem, "Please pay order D40.", "--json", toy=True, TOY_WILL=will)
    endless = load(str(file)).spec.semantics == "infinite"
    assert done.shape["status"] == ("pending" if endless else "accepted"), done
    assert {verdict["verdict"] for verdict in done.shape["verdicts"]} <= {"undecided" if endless else "satisfied"}
    assert place.trace()[-1] == {"type": "result", **done.shape}


def test_the_command_line_agrees(tmp_path: Path) -> None:
    place = Place(tmp_path)
    names = [file.stem for file in AGENTS]
    reports = place.inside("check", *names, "--json").shape["reports"]
    assert [(report["name"], report["valid"], report["warnings"]) for report in reports] == [
        (n, True, []) for n in names
    ]
    for name in set(names) - {"react-zero"}:
        shape = place.inside("validate-prompts", name, "--json").shape
        assert shape["valid"]
        assert shape["examples"] >= 2
        listed = place.inside("tools", "list", name, "--json").shape["tools"]
        assert [tool["state"] for tool in listed] == ["ready"] * len(listed)
        planned = place.inside("run", name, "Hi.", "--dry-run", AGENTSPEC_MODEL="")
        assert planned.code == 0


@pytest.mark.parametrize("block", BLOCKS)
def test_yaml_in_the_docs_is_fine(block: str, tmp_path: Path) -> None:
    if "\nsteps:" in block or "\nextends:" in block:
        assert check(compile_agent(load_text(block))).fine
        return
    file = tmp_path / "policy.yaml"
    file.write_text(block, encoding="utf-8")
    assert check_policy(load_policy(str(file))).fine


def test_there_are_blocks_and_files() -> None:
    assert len(BLOCKS) >= 3
    assert {file.stem for file in AGENTS} >= {
        "react", "react-zero", "clerk", "direct", "cot", "extract-json", "router", "support",
    }  # fmt: skip
    documents = {str(block.id).split("-")[0] for block in BLOCKS}
    assert documents >= {"README.md", "language.md", "quickstart.md"}


def test_the_lock_covers_the_shipped_tools() -> None:
    locked = set(json.loads((folder("tools") / "tools.lock.json").read_text(encoding="utf-8"))["tools"])
    assert {ref.name for file in AGENTS for ref in load(str(file)).tools} <= locked
