"""What stands in a file, which words YAML means, and where files are found."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from agentspec.automata.letter import Owner
from agentspec.content.language import matches
from agentspec.content.tool_ref import ToolRef
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem
from agentspec.logic.parse import parse_formula
from agentspec.logic.parse_behavior import parse_behavior
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text, resolve
from tests.spec.files import VALID, edited


def test_everything_that_stands_in_a_valid_file() -> None:
    agent = load_text(VALID, "clerk.yaml")
    spec = agent.spec
    assert (agent.name, agent.model, agent.instructions, agent.tools) == (
        "clerk", "smollm2-135m", "Pay.\n", (ToolRef("calculator", None, "calculator"),),
    )  # fmt: skip
    assert (spec.name, spec.description, spec.source) == ("clerk", "It pays.", "clerk.yaml")
    assert list(spec.steps) == ["question", "thought", "action", "input", "observation", "answer"]
    assert [step.owner for step in spec.steps.values()] == [
        Owner.USER, Owner.MODEL, Owner.MODEL, Owner.MODEL, Owner.TOOL, Owner.MODEL,
    ]  # fmt: skip
    assert [step.kind for step in spec.steps.values()] == ["", "text", "tool", "tool", "", "choice"]
    thought, answer = spec.steps["thought"].content, spec.steps["answer"].content
    assert thought is not None
    assert [matches(thought, "t" * n) for n in (1, 2, 30, 31)] == [False, True, True, False]
    assert answer is not None
    assert all(matches(answer, word) for word in ("yes", "no", "on")), "YAML 1.2: these are strings"
    assert not any(matches(answer, word) for word in ("true", "True", "1", ""))
    assert (spec.steps["action"].tool, spec.steps["input"].tool) == ("name", "arguments")
    assert (spec.steps["observation"].max_tokens, spec.steps["question"].max_tokens) == (50, 200)
    assert spec.behavior == parse_behavior("question (thought action input observation)* answer")
    first, second = spec.rules
    assert (first.id, first.formula, first.enforce) == ("look-first", parse_formula("!answer W observation"), "block")
    assert (second.enforce, second.description, second.text) == ("warn", "at least once", "F thought")
    assert first.location == Location("clerk.yaml", 16, 28)
    assert spec.behavior_location == Location("clerk.yaml", 14, 11)
    assert agent.tool_locations == {"calculator": Location("clerk.yaml", 24, 9)}
    limits = agent.limits
    assert (limits.max_tokens, limits.max_steps, limits.max_tool_calls, limits.timeout) == (100, 10, 2, 60)
    assert load_text(VALID, "clerk.yaml") == agent
    assert load_text(VALID + "# more\n").spec.digest != spec.digest


def test_an_unknown_proposition_is_found_when_the_alphabet_is_made() -> None:
    """Which propositions there are depends on the tools, so loading cannot know."""
    from agentspec.spec.alphabet import alphabet

    agent = load_text(edited((16, '  - {id: r, ltl: "!answr W observation"}')), "c.yaml")
    with pytest.raises(SpecError) as raised:
        alphabet(agent.spec, {"pay": ToolSchema("pay", "Pays.", {"type": "object", "properties": {}})})
    assert raised.value.message == (
        "rule 'r' names 'answr', which is no step and no proposition here; did you mean 'answer'?"
    )
    assert raised.value.location == Location("c.yaml", 16, 20)
    assert str(raised.value).split("\n")[1:] == ['      - {id: r, ltl: "!answr W observation"}', " " * 23 + "^"]


def test_words_of_yaml_1_1_are_strings() -> None:
    text = """
version: 1
name: no
steps:
  on: {by: user, cue: on}
  off: {by: model, cue: "off", text: {}}
  yes: {by: model, cue: "yes", choice: [y, n, no, yes, On, OFF]}
  n: {by: model, cue: "no", text: {}}
behavior: on off* yes n?
rules: [{id: y, ltl: on & F yes, enforce: off}]
"""
    agent = load_text(text)
    assert agent.name == "no"
    assert list(agent.spec.steps) == ["on", "off", "yes", "n"]
    yes = agent.spec.steps["yes"].content
    assert yes is not None
    assert all(matches(yes, word) for word in ("y", "n", "no", "yes", "On", "OFF"))
    assert not any(matches(yes, word) for word in ("true", "false", "on", "Y"))
    assert agent.spec.steps["on"].cue == "on"
    assert agent.spec.rules[0].id == "y"
    assert agent.spec.rules[0].enforce == "off"


@pytest.mark.parametrize("word", ["true", "True", "false", "null", "~"])
def test_words_of_yaml_1_2_are_not(word: str) -> None:
    with pytest.raises(SpecError, match=r"tools\.0|a key is a name"):
        load_text(edited((24, f"tools: [{word}]")))


# ---- files


def test_a_file_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())
    agent = load(str(file))
    assert agent.spec == load_text(VALID, str(file)).spec
    assert agent.source == file


def test_a_latin_1_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(edited((3, "description: Büro")).encode("latin-1"))
    with pytest.raises(InvalidInput) as raised:
        load(str(file))
    first, excerpt, caret = str(raised.value).split("\n")
    assert first == f"{file}:3:15: not UTF-8 from here on; save the file as UTF-8"
    assert excerpt[: caret.index("^")] == "    description: B"


def test_no_such_file() -> None:
    with pytest.raises(InvalidInput, match="no file and no shipped agent or spec is called 'reacct'; did you mean"):
        load("reacct")
    with pytest.raises(InvalidInput):
        load("no/such/file.yaml")
    with pytest.raises(InvalidInput):
        resolve("../specs/react")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        load(str(tmp_path))


def test_shipped_files_load() -> None:
    for kind in ("agents", "specs"):
        for file in sorted(folder(kind).glob("*.yaml")):
            assert load(str(file)).name
    assert load("react").spec.name == "react"
    assert resolve("react", kinds=("specs",)) == folder("specs") / "react.yaml"


def test_a_spec_beside_the_agent(tmp_path: Path) -> None:
    body = VALID[: VALID.index("model:")]
    (tmp_path / "own.yaml").write_text(body)
    (tmp_path / "agent.yaml").write_text("version: 1\nname: a\nspec: own.yaml\ntools: [calculator]\n")
    agent = load(str(tmp_path / "agent.yaml"))
    assert (agent.name, agent.spec.name, [tool.name for tool in agent.tools]) == ("a", "clerk", ["calculator"])
    assert agent.spec.source == str(tmp_path / "own.yaml")
    assert agent.spec.rules == load_text(body, str(tmp_path / "own.yaml")).spec.rules


def test_a_fault_in_a_named_spec_is_located_in_the_spec(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(edited((14, "behavior: question (answer")))
    (tmp_path / "agent.yaml").write_text("version: 1\nname: a\nspec: own.yaml\n")
    with pytest.raises(InvalidInput) as raised:
        load(str(tmp_path / "agent.yaml"))
    assert raised.value.location == Location(str(tmp_path / "own.yaml"), 14, 20)


def test_a_named_spec_names_no_other(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("version: 1\nname: b\nspec: react\n")
    (tmp_path / "agent.yaml").write_text("version: 1\nname: a\nspec: own.yaml\n")
    with pytest.raises(SpecError, match="may not name another") as raised:
        load(str(tmp_path / "agent.yaml"))
    assert raised.value.location == Location(str(tmp_path / "own.yaml"), 3, 1)


def test_examples_beside_the_agent(tmp_path: Path) -> None:
    (tmp_path / "e.txt").write_text("[Q] a\n[A] b\n")
    (tmp_path / "agent.yaml").write_text(edited(more="examples: e.txt\n"))
    agent = load(str(tmp_path / "agent.yaml"))
    assert (agent.examples, agent.examples_source) == ("[Q] a\n[A] b\n", str(tmp_path / "e.txt"))
    (tmp_path / "e.txt").write_bytes(b"\xff")
    with pytest.raises(InvalidInput, match="not UTF-8 from here on") as raised:
        load(str(tmp_path / "agent.yaml"))
    assert raised.value.location == Location(str(tmp_path / "e.txt"), 1, 1)


def test_a_huge_file_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(SyntaxProblem, match="larger than 1000000 characters"):
        load_text(VALID + "#" * 1_000_000)
    assert time.process_time() - began < 1


# ---- bugs, each in a test of its own


def test_deep_nesting_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(SyntaxProblem, match="nested deeper than 50"):
        load_text("a: " + "[" * 600)
    assert time.process_time() - began < 0.3


def test_old_line_ends() -> None:
    assert load_text(VALID.replace("\n", "\r")).name == "clerk"


def test_an_unknown_yaml_version_is_refused() -> None:
    with pytest.raises(InvalidInput):
        load_text("%YAML 1.5\n---\n" + VALID)


def test_yaml_1_1_is_refused() -> None:
    with pytest.raises(InvalidInput, match="YAML"):
        load_text("%YAML 1.1\n---\n" + VALID)


def test_merge_keys_are_refused() -> None:
    with pytest.raises(InvalidInput):
        load_text(edited((3, "<<: {description: merged}")))


@pytest.mark.parametrize(
    "line",
    ['spec: "~nosuchuser/x"', f"spec: {'a' * 5000}", 'spec: "\\ud800"', 'spec: "a\\0b"', "spec: /", 'spec: ""'],
    ids=["user", "long", "surrogate", "nul", "folder", "empty"],
)
def test_paths_of_specs_that_cannot_be(line: str) -> None:
    with pytest.raises(InvalidInput):
        load_text(f"version: 1\nname: a\n{line}\n")


@pytest.mark.parametrize(
    "path", ["~nosuchuser/x", "a" * 5000, "\\ud800", "a\\0b", "/", ""],
    ids=["user", "long", "surrogate", "nul", "folder", "empty"],
)  # fmt: skip
def test_paths_of_examples_that_cannot_be(path: str) -> None:
    with pytest.raises(InvalidInput):
        load_text(edited(more=f'examples: "{path}"\n'))


@pytest.mark.parametrize("name", ["~nosuchuser/x", "a" * 5000, "a\0b", "\ud800", ""])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(InvalidInput):
        load(name)


@pytest.mark.parametrize("value", ["true", "1.0"])
def test_a_version_is_the_number_1(value: str) -> None:
    with pytest.raises(SpecError, match="version"):
        load_text(edited((1, f"version: {value}")))


def test_an_infinite_timeout_is_refused() -> None:
    with pytest.raises(SpecError, match="timeout"):
        load_text(edited((25, "limits: {timeout: .inf}")))


@pytest.mark.parametrize(
    ("line", "text", "place", "right"),
    [
        (1, "vershun: 1", (1, 1), "version"),
        (5, '  question: {by: user, cues: "[Q]"}', (5, 24), "cue"),
        (18, "    lt: F thought", (18, 5), "ltl"),
    ],
)
def test_a_misspelt_key_that_is_needed(line: int, text: str, place: tuple[int, int], right: str) -> None:
    with pytest.raises(SpecError, match=f"did you mean '{right}'") as raised:
        load_text(edited((line, text)), "c.yaml")
    assert raised.value.location == Location("c.yaml", *place)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidInput):
        load_text(edited((3, 'description: "\\ud800"'), (22, 'instructions: "\\udc00"'), (23, None)))


@pytest.mark.parametrize("date", ["2020-13-41", "2020-01-01"])
def test_a_date_is_text(date: str) -> None:
    assert load_text(edited((3, f"description: {date}"))).spec.description == date
