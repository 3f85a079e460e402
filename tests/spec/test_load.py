"""What stands in a file, and what is said about a file that is wrong: the message and the very place."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentspec.automata.letter import Owner
from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem
from agentspec.logic.parse import parse_formula
from agentspec.logic.parse_behavior import parse_behavior
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text, resolve
from agentspec.spec.model import Declaration

VALID = """\
version: 1
name: clerk
description: It pays.
steps:
  question: {by: user, cue: "[Q]"}
  thought: {by: model, cue: "[T]", text: {min_chars: 2, max_chars: 30}}
  action: {by: model, cue: "[Action]", tool: name}
  input: {by: model, cue: "[Input]", tool: arguments}
  observation: {by: tool, cue: "[O]", max_tokens: 50}
  answer:
    by: model
    cue: "[A]"
    choice: [yes, no, on]
behavior: question (thought action input observation)* answer
rules:
  - {id: look-first, ltl: "!answer W observation"}
  - id: think
    ltl: F thought
    description: at least once
    enforce: warn
model: smollm2-135m
instructions: |
  Pay.
tools: [calculator]
limits: {max_tokens: 100, max_steps: 10, max_tool_calls: 2, timeout: 60}
"""
LINES = VALID.split("\n")


def test_everything_that_stands_in_a_valid_file() -> None:
    agent = load_text(VALID, "clerk.yaml")
    spec = agent.spec
    assert (agent.name, agent.model, agent.instructions, agent.tools) == (
        "clerk", "smollm2-135m", "Pay.\n", ("calculator",),
    )  # fmt: skip
    assert (spec.name, spec.description, spec.source) == ("clerk", "It pays.", "clerk.yaml")
    assert list(spec.steps) == ["question", "thought", "action", "input", "observation", "answer"]
    assert [step.owner for step in spec.steps.values()] == [
        Owner.USER, Owner.MODEL, Owner.MODEL, Owner.MODEL, Owner.TOOL, Owner.MODEL,
    ]  # fmt: skip
    text = spec.steps["thought"].text
    assert text is not None
    assert (text.min_chars, text.max_chars) == (2, 30)
    assert spec.steps["answer"].choice == ("yes", "no", "on"), "YAML 1.2: these are strings"
    assert (spec.steps["action"].tool, spec.steps["input"].tool) == ("name", "arguments")
    assert (spec.steps["observation"].max_tokens, spec.steps["question"].max_tokens) == (50, 200)
    assert spec.behavior == parse_behavior("question (thought action input observation)* answer")
    first, second = spec.rules
    assert (first.id, first.formula, first.enforce) == ("look-first", parse_formula("!answer W observation"), "block")
    assert (second.enforce, second.description, second.text) == ("warn", "at least once", "F thought")
    assert first.location == Location("clerk.yaml", 16, 28)
    assert spec.behavior_location == Location("clerk.yaml", 14, 11)
    assert agent.tools_location == Location("clerk.yaml", 24, 8)
    limits = agent.limits
    assert (limits.max_tokens, limits.max_steps, limits.max_tool_calls, limits.timeout) == (100, 10, 2, 60)
    assert load_text(VALID, "clerk.yaml") == agent
    assert load_text(VALID + "# more\n").spec.digest != spec.digest


def edited(*changes: tuple[int, str | None], more: str = "") -> str:
    """The valid file with some lines (from 1) replaced or, with None, left out."""
    new = dict(changes)
    kept = [new.get(number, line) for number, line in enumerate(LINES, 1)]
    return "\n".join(line for line in kept if line is not None) + more


Case = tuple[str, str, str, tuple[int, int] | None]
BROKEN: list[Case] = [
    # keys
    ("top key", edited(more="behaviour: a\n"), "unknown key 'behaviour'; did you mean 'behavior'?", (26, 1)),
    ("far key", edited(more="zzz: a\n"), "unknown key 'zzz'; valid: version, name,", (26, 1)),
    ("later key", edited(more="propositions: {}\n"), "'propositions' is not supported by this version yet", (26, 1)),
    ("two wrong", edited(more="zz: 1\nyy: 2\n"), "unknown key 'zz'", (26, 1)),
    ("two wrong, count", edited(more="zz: 1\nyy: 2\n"), "(and 1 more)", (26, 1)),
    ("step key place", edited((13, "    choise: [yes]")), "unknown key 'choise'; did you mean 'choice'?", (13, 5)),
    ("step later key", edited((13, "    regex: a")), "the key 'regex' is not supported by this version yet", (13, 5)),
    (
        "text key", edited((6, '  thought: {by: model, cue: "[T]", text: {max_char: 3}}')),
        "unknown key 'max_char'; did you mean 'max_chars'?", (6, 43),
    ),
    ("rule extra key", edited((19, "    describtion: x")), "did you mean 'description'?", (19, 5)),
    ("rule later key", edited((19, "    view: calls")), "the key 'view' is not supported by this version yet", (19, 5)),
    (
        "limits key", edited((25, "limits: {max_token: 1}")),
        "unknown key 'max_token'; did you mean 'max_tokens'?", (25, 10),
    ),
    ("duplicate key", edited(more="name: other\n"), 'duplicate key "name"', (26, 1)),
    ("duplicate step", edited((6, '  question: {by: user, cue: "[Z]"}')), 'duplicate key "question"', (6, 3)),
    ("number as key", edited(more="1: a\n"), "a key is a name, not 1; put it in quotes", (26, 1)),
    ("true as key", edited(more="true: a\n"), "a key is a name, not True", (26, 1)),
    ("null as key", edited(more="~: a\n"), "a key is a name, not None", (26, 1)),
    ("list as key", edited(more="[a]: a\n"), "a key is a name", (26, 1)),
    ("number as step", edited((6, '  7: {by: user, cue: "[Z]"}')), "a key is a name, not 7", (6, 3)),
    ("number deep", edited((25, "limits: {1: 2}")), "a key is a name, not 1", (25, 10)),
    # missing
    ("no version", edited((1, None)), "the key 'version' is missing", (1, 1)),
    ("no name", edited((2, None)), "the key 'name' is missing", (1, 1)),
    (
        "no steps", VALID[: VALID.index("steps:")] + VALID[VALID.index("behavior:") :],
        "the key 'steps' is missing", (1, 1),
    ),
    ("no behavior", edited((14, None)), "the key 'behavior' is missing (or name a spec with 'spec:')", (1, 1)),
    ("no cue", edited((5, "  question: {by: user}")), "the key 'cue' is missing", (5, 3)),
    ("no owner", edited((5, '  question: {cue: "[Q]"}')), "the key 'by' is missing", (5, 3)),
    ("no id", edited((16, '  - {ltl: "F answer"}')), "the key 'id' is missing", (16, 5)),
    ("no ltl", edited((16, "  - {id: r}")), "the key 'ltl' is missing", (16, 5)),
    # types and values
    ("version 2", edited((1, "version: 2")), "version: input should be 1, not '2'", (1, 10)),
    ("version text", edited((1, 'version: "1"')), "version: input should be 1", (1, 10)),
    ("infinite", edited(more="semantics: infinite\n"), "semantics: input should be 'finite', not 'infinite'", (26, 12)),
    ("steps list", edited((4, "steps: [a]"), *((n, None) for n in range(5, 14))), "steps: input should be", (4, 8)),
    ("step text", edited((5, "  question: user")), "steps.question: input should be", (5, 13)),
    ("owner", edited((5, '  question: {by: human, cue: "[Q]"}')), "'model', 'tool' or 'user', not 'human'", (5, 18)),
    ("empty cue", edited((5, '  question: {by: user, cue: ""}')), "steps.question.cue:", (5, 29)),
    (
        "cue number", edited((5, "  question: {by: user, cue: 5}")),
        "steps.question.cue: input should be a valid string", (5, 29),
    ),
    (
        "cue list", edited((5, "  question: {by: user, cue: [Q]}")),
        "steps.question.cue: input should be a valid string", (5, 29),
    ),
    ("long cue", edited((5, f'  question: {{by: user, cue: "{"q" * 61}"}}')), "at most 60 characters", (5, 29)),
    ("name blank", edited((2, "name: a clerk")), "name: string should match pattern", (2, 7)),
    ("name number", edited((2, "name: 7")), "name: input should be a valid string, not '7'", (2, 7)),
    ("name date", edited((2, "name: 2020-01-01")), "name: string should match pattern", (2, 7)),
    ("name long", edited((2, f"name: {'a' * 61}")), "at most 60 characters", (2, 7)),
    ("step name", edited((5, '  "1st": {by: user, cue: "[Q]"}')), "steps.1st: string should match pattern", None),
    ("behavior list", edited((14, "behavior: [question]")), "behavior: input should be a valid string", (14, 11)),
    (
        "rules map", edited((15, "rules: {}"), *((n, None) for n in range(16, 21))),
        "rules: input should be a valid list", (15, 8),
    ),
    ("rule text", edited((16, "  - F answer")), "rules.0: input should be", (16, 5)),
    (
        "enforce", edited((20, "    enforce: yes")),
        "rules.1.enforce: input should be 'block', 'warn', 'log' or 'off'", (20, 14),
    ),
    ("ltl number", edited((18, "    ltl: 1")), "rules.1.ltl: input should be a valid string, not '1'", (18, 10)),
    ("tools text", edited((24, "tools: calculator")), "tools: input should be a valid list", (24, 8)),
    ("tools number", edited((24, "tools: [calculator, 4]")), "tools.1: input should be a valid string", (24, 21)),
    ("tools path", edited((24, "tools: [./a.py]")), "tools.0: string should match pattern", (24, 9)),
    (
        "limit 0", edited((25, "limits: {max_tokens: 0}")),
        "limits.max_tokens: input should be greater than or equal to 1", (25, 22),
    ),
    (
        "limit text", edited((25, "limits: {max_tokens: many}")),
        "limits.max_tokens: input should be a valid integer", (25, 22),
    ),
    (
        "limit float", edited((25, "limits: {max_steps: 1.5}")),
        "limits.max_steps: input should be a valid integer", (25, 21),
    ),
    (
        "limit bool", edited((25, "limits: {max_steps: true}")),
        "limits.max_steps: input should be a valid integer", (25, 21),
    ),
    ("timeout 0", edited((25, "limits: {timeout: 0}")), "limits.timeout: input should be greater than 0", (25, 19)),
    ("timeout nan", edited((25, "limits: {timeout: .nan}")), "limits.timeout: input should be", (25, 19)),
    ("null model", edited((21, "model: 3")), "model: input should be a valid string, not '3'", (21, 8)),
    # kinds of steps
    (
        "no kind", edited((6, '  thought: {by: model, cue: "[T]"}')),
        "'thought' needs exactly one of text, choice, tool", (6, 3),
    ),
    (
        "two kinds", edited((6, '  thought: {by: model, cue: "[T]", tool: name, text: {}}')),
        "'thought' needs exactly one of text, choice, tool", (6, 3),
    ),
    (
        "tool with text", edited((9, '  observation: {by: tool, cue: "[O]", text: {}}')),
        "the tool writes 'observation': 'text' is for the model's steps", (9, 45),
    ),
    (
        "user with choice", edited((5, '  question: {by: user, cue: "[Q]", choice: [a]}')),
        "the user writes 'question': 'choice' is for the model's steps", (5, 44),
    ),
    (
        "model tokens", edited((13, "    choice: [a]\n    max_tokens: 90")),
        "'max_tokens' is for steps of tools and users", (14, 5),
    ),
    (
        "few tokens", edited((9, '  observation: {by: tool, cue: "[O]", max_tokens: 3}')),
        "greater than or equal to", (9, 51),
    ),
    (
        "min over max", edited((6, '  thought: {by: model, cue: "[T]", text: {min_chars: 9, max_chars: 8}}')),
        "min_chars is more than max_chars", (6, 42),
    ),
    ("no choice", edited((13, "    choice: []")), "steps.answer.choice: list should have at least 1 item", (13, 13)),
    ("equal choices", edited((13, "    choice: [a, b, a]")), "a choice is a distinct, printable line", (13, 20)),
    ("blank choice", edited((13, '    choice: [a, " b"]')), "that begins with no blank", (13, 17)),
    ("line break", edited((13, '    choice: ["a\\nb"]')), "printable line", (13, 14)),
    ("empty choice", edited((13, '    choice: [""]')), "printable line", (13, 14)),
    (
        "tool kind", edited((7, '  action: {by: model, cue: "[Action]", tool: call}')),
        "'name' or 'arguments', not 'call'", (7, 46),
    ),
    # cues
    (
        "shared cue", edited((9, '  observation: {by: tool, cue: "[T]"}')),
        "'thought' and 'observation' share the cue '[T]'", (9, 32),
    ),
    ("prefix", edited((9, '  observation: {by: tool, cue: "[T]x"}')), "no cue may be a prefix of another", (9, 32)),
    (
        "prefix, later", edited((9, '  observation: {by: tool, cue: "["}')),
        "'[Q]' of 'question' and '[' of 'observation'", (9, 32),
    ),
    ("cue blank", edited((5, '  question: {by: user, cue: "[Q] "}')), "neither begins nor ends with a blank", (5, 29)),
    ("cue line", edited((5, '  question: {by: user, cue: "[Q]\\nx"}')), "a cue is printable", (5, 29)),
    ("cue \\u2028", edited((5, '  question: {by: user, cue: "[Q\\u2028]"}')), "a cue is printable", (5, 29)),
    # names of steps
    *(
        (f"step {name}", edited((5, f'  {name}: {{by: user, cue: "[Q]"}}')), f"'{name}' has a meaning in rules", (5, 3))
        for name in ("X", "G", "U", "S", "xor", "last", "end", "error")
    ),
    # behaviors
    (
        "unknown step", edited((14, "behavior: question anser")),
        "unknown step 'anser'; did you mean 'answer'?", (14, 11),
    ),
    ("syntax", edited((14, "behavior: question (answer")), "'(' is never closed", (14, 20)),
    ("syntax, quoted", edited((14, 'behavior: "question ) answer"')), "unbalanced ')'", (14, 21)),
    ("syntax, single", edited((14, "behavior: 'question +* answer'")), "'*' after a repetition", (14, 22)),
    ("syntax, next line", edited((14, "behavior:\n  question } answer")), "found '}'", (15, 12)),
    ("syntax, folded", edited((14, "behavior: >\n  question\n  } answer")), "found '}'", (14, 11)),
    ("empty behavior", edited((14, 'behavior: ""')), "empty behavior", (14, 12)),
    ("large bound", edited((14, "behavior: question answer{2000}")), "bound '2000' is too large", (14, 27)),
    # rules
    ("rule syntax", edited((16, '  - {id: r, ltl: "!answer W"}')), "expected a formula after 'W', found the end", None),
    ("rule syntax place", edited((16, '  - {id: r, ltl: "answer and observation"}')), "write '&'", (16, 26)),
    ("rule plain", edited((18, "    ltl: F thought)")), "unbalanced ')'", (18, 19)),
    ("rule past", edited((18, "    ltl: O thought")), "past operator 'O' (once) is known, and not supported", (18, 10)),
    ("rule folded", edited((18, "    ltl: >\n      F thought\n      &")), "found the end", (18, 10)),
    ("rule empty", edited((18, '    ltl: ""')), "empty formula", (18, 11)),
    ("rule end", edited((18, "    ltl: F end")), "'end' is a reserved word", (18, 12)),
    ("duplicate id", edited((17, "  - id: look-first")), "two rules are called 'look-first'", (17, 9)),
    # what YAML may not do here
    ("anchor", edited((21, "model: &m smollm")), "anchors and aliases are not part of the language", (21, 8)),
    ("alias", edited((21, "model: *m")), "anchors and aliases are not part of the language", (21, 8)),
    ("anchored map", edited((4, "steps: &s")), "anchors and aliases", None),
    ("tag", edited((21, "model: !!str smollm")), "tags such as tag:yaml.org,2002:str are not part", (21, 8)),
    ("python tag", edited((21, "model: !!python/object/apply:os.system [id]")), "tags such as", (21, 8)),
    ("own tag", edited((21, "model: !env HOME")), "tags such as !env are not part", (21, 8)),
    ("tab", edited((5, '\tquestion: {by: user, cue: "[Q]"}')), "not valid YAML", (5, 1)),
    ("open quote", edited((21, 'model: "x')), "not valid YAML", None),
    ("open brace", edited((25, "limits: {max_tokens: 1")), "not valid YAML", None),
    ("colon", edited((3, "description: a: b")), "not valid YAML: mapping values are not allowed here", (3, 15)),
    ("indent", edited((11, "   by: model")), "not valid YAML", None),
    ("control", edited((3, "description: \x07")), "not valid YAML: unacceptable character", None),
    ("nul", VALID + "\0", "not valid YAML: unacceptable character", None),
    ("surrogate", edited((3, "description: \ud800")), "not valid YAML: unacceptable character", None),
    ("two documents", VALID + "---\n" + VALID, "not valid YAML", (26, 1)),
    ("empty", "", "a mapping of keys at the top of the file", (1, 1)),
    ("blank", "\n \n# nothing\n", "a mapping of keys at the top of the file", (1, 1)),
    ("list", "- version: 1\n- name: a\n", "a mapping of keys at the top of the file", (1, 1)),
    ("scalar", "hello", "a mapping of keys at the top of the file", (1, 1)),
    ("json scalar", "null", "a mapping of keys at the top of the file", (1, 1)),
    ("deep block", "a:\n  " + "- " * 60 + "x\n", "nested deeper than 50", (2, 101)),
    ("deep flow", "a: " + "[" * 60 + "]" * 60 + "\n", "nested deeper than 50", (1, 53)),
    # a spec named
    ("spec and steps", edited(more="spec: react\n"), "'steps' belongs to the spec; this file names one", (4, 1)),
    ("spec and rules", "version: 1\nname: a\nspec: react\nrules: []\n", "'rules' belongs to the spec", (4, 1)),
    ("spec and behavior", "version: 1\nname: a\nspec: react\nbehavior: a\n", "'behavior' belongs to the spec", (4, 1)),
    (
        "no such spec", "version: 1\nname: a\nspec: reakt\n",
        "no file and no shipped spec is called 'reakt'; did you mean 'react'?", (3, 7),
    ),
    ("spec number", "version: 1\nname: a\nspec: 3\n", "spec: input should be a valid string", (3, 7)),
    ("no such examples", edited(more="examples: no/such.txt\n"), "no/such.txt: No such file", (26, 11)),
    ("examples folder", edited(more="examples: /\n"), "Is a directory", (26, 11)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message", "place"), BROKEN, ids=[case[0] for case in BROKEN])
def test_broken_files(name: str, text: str, message: str, place: tuple[int, int] | None) -> None:
    with pytest.raises(InvalidInput) as raised:
        load_text(text, f"{name}.yaml")
    problem = raised.value
    assert message in problem.message
    assert problem.location is not None
    assert problem.location.source == f"{name}.yaml"
    if place is not None:
        assert (problem.location.line, problem.location.column) == place, str(problem)
    shown = str(problem).split("\n")
    assert shown[0].startswith(f"{name}.yaml:{problem.location.line}:{problem.location.column}: ")
    if problem.excerpt is not None:
        assert problem.excerpt == text.split("\n")[problem.location.line - 1].rstrip() or place is None or "\n" in text
        assert shown[-1].strip() == "^"


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(SyntaxProblem) as raised:
        load_text(edited((14, "behavior: question (answer")), "c.yaml")
    assert str(raised.value) == (
        "c.yaml:14:20: '(' is never closed; expected ')' before the end\n"
        "    behavior: question (answer\n"
        "                       ^"
    )


def test_kinds_of_errors() -> None:
    with pytest.raises(SpecError):
        load_text(edited(more="zzz: a\n"))
    with pytest.raises(SpecError):
        load_text(edited((14, "behavior: question anser")))
    with pytest.raises(SyntaxProblem):
        load_text(edited((14, "behavior: (")))
    with pytest.raises(SyntaxProblem):
        load_text("a: [")


def test_an_unknown_proposition_is_found_when_the_alphabet_is_made() -> None:
    """Which propositions there are depends on the tools, so loading cannot know."""
    from agentspec.spec.alphabet import alphabet

    agent = load_text(edited((16, '  - {id: r, ltl: "!answr W observation"}')), "c.yaml")
    with pytest.raises(SpecError) as raised:
        alphabet(agent.spec, ("pay",))
    assert raised.value.message == (
        "rule 'r' names 'answr', which is no step and no proposition here; did you mean 'answer'?"
    )
    assert raised.value.location == Location("c.yaml", 16, 19)


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
    assert agent.spec.steps["yes"].choice == ("y", "n", "no", "yes", "On", "OFF")
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
    assert str(raised.value) == f"{file}: not UTF-8 at byte 37; save the file as UTF-8"


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
    assert (agent.name, agent.spec.name, agent.tools) == ("a", "clerk", ("calculator",))
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
    with pytest.raises(InvalidInput, match="not UTF-8 at byte 0") as raised:
        load(str(tmp_path / "agent.yaml"))
    assert raised.value.location == Location(str(tmp_path / "agent.yaml"), 26, 11)


def test_a_huge_file_is_refused_at_once() -> None:
    began = time.perf_counter()
    with pytest.raises(SyntaxProblem, match="larger than 1000000 characters"):
        load_text(VALID + "#" * 1_000_000)
    assert time.perf_counter() - began < 1


# ---- bugs, each in a test of its own


def test_deep_nesting_is_refused_at_once() -> None:
    began = time.perf_counter()
    with pytest.raises(SyntaxProblem, match="nested deeper than 50"):
        load_text("a: " + "[" * 600)
    assert time.perf_counter() - began < 0.3


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


# ---- fuzz: a value or InvalidInput, nothing else


def loads_or_says_why(text: str) -> None:
    result: Declaration | InvalidInput
    try:
        result = load_text(text)
    except InvalidInput as problem:
        result = problem
    if isinstance(result, InvalidInput):
        assert result.message
        assert str(result)
        assert result.location is not None
        assert result.location.line >= 1
        assert result.location.column >= 1
    else:
        assert isinstance(result, Declaration)


@settings(deadline=None, max_examples=120)
@given(st.text(max_size=80))
@example("? a")
@example("a: |\n")
@example("'")
@example("%TAG ! tag:x,2000:\n--- !a\n")
@example("a: 0x")
@example("a: 1_000")
@example("a: 12:30:45")
@example("!!binary: a")
def test_any_text(text: str) -> None:
    loads_or_says_why(text)


INSERTS = [
    *"{}[]:,-?|>&*!%@`'\"#~ \n\t\r\\0",
    "\u2028",
    "\x85",
    "---\n",
    "...\n",
    "<<: ",
    "null",
    "1e5",
    "0o7",
    "2001-01-01",
    "\U0001f600",
    "\ufeff",
    "\n  ",
    "{1,2}",
    "G(",
    "- ",
    ": ",
    "!!set ",
    "question",
    "ltl",
]


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The valid file after a few cuts, insertions, swaps and doublings."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        size = draw(st.integers(0, 12))
        kind = draw(st.sampled_from(["cut", "insert", "replace", "double", "line"]))
        if kind == "cut":
            text = text[:place] + text[place + size :]
        elif kind == "double":
            text = text[:place] + text[place : place + size] + text[place:]
        elif kind == "line":
            lines = text.split("\n")
            at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
            lines[at], lines[to] = lines[to], lines[at]
            text = "\n".join(lines)
        else:
            new = draw(st.sampled_from(INSERTS) | st.text(max_size=3))
            text = text[:place] + new + text[place + (1 if kind == "replace" else 0) :]
    return text


@settings(deadline=None, max_examples=250)
@given(mutations())
def test_mutated_files(text: str) -> None:
    loads_or_says_why(text)


@pytest.mark.long
@settings(deadline=None, max_examples=5_000)
@given(mutations())
def test_many_mutated_files(text: str) -> None:
    loads_or_says_why(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PATHS = [
    ("version",), ("name",), ("semantics",), ("steps",), ("steps", "question"), ("steps", "thought", "text"),
    ("steps", "thought", "text", "max_chars"), ("steps", "answer", "choice"), ("steps", "input", "tool"), ("behavior",),
    ("rules",), ("rules", 0), ("rules", 0, "ltl"), ("rules", 1, "id"), ("tools",), ("limits",), ("limits", "timeout"),
    ("model",), ("instructions",), ("spec",), ("description",),
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PATHS), VALUES)
def test_any_value_at_any_key(path: tuple[str | int, ...], value: object) -> None:
    """JSON is YAML: any JSON value in place of any part of a valid file."""
    import json

    from ruamel.yaml import YAML

    document = YAML(typ="safe", pure=True).load(VALID)
    node = document
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    loads_or_says_why(json.dumps(document))
