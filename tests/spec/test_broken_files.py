"""What is said about a file that is wrong: the message and the very place."""

from __future__ import annotations

import pytest

from agentspec.errors import InvalidInput, SpecError, SyntaxProblem
from agentspec.spec.load import load_text
from tests.spec.files import VALID, edited

Case = tuple[str, str, str, tuple[int, int] | None]
KINDS = ["text", "choice", "regex", "json_schema", "tool", "span", "format", "free"]
BROKEN: list[Case] = [
    # keys
    ("top key", edited(more="behaviour: a\n"), "unknown key 'behaviour'; did you mean 'behavior'?", (26, 1)),
    ("far key", edited(more="zzz: a\n"), "unknown key 'zzz'; valid: version, name,", (26, 1)),
    ("later key", edited(more="mcpServers: {}\n"), "'mcpServers' is not supported by this version yet", (26, 1)),
    ("two wrong", edited(more="zz: 1\nyy: 2\n"), "unknown key 'zz'", (26, 1)),
    ("two wrong, count", edited(more="zz: 1\nyy: 2\n"), "(and 1 more)", (26, 1)),
    ("step key place", edited((13, "    choise: [yes]")), "unknown key 'choise'; did you mean 'choice'?", (13, 5)),
    ("step later key", edited((13, "    lark: a")), "the key 'lark' is not supported by this version yet", (13, 5)),
    (
        "text key", edited((6, '  thought: {by: model, cue: "[T]", text: {max_char: 3}}')),
        "unknown key 'max_char'; did you mean 'max_chars'?", (6, 43),
    ),
    ("rule extra key", edited((19, "    describtion: x")), "did you mean 'description'?", (19, 5)),
    ("view of no step", edited((19, "    view: [questio]")), "'questio'; did you mean 'question'?", (19, 12)),
    ("two forms", edited((19, "    deny: answer")), "require, unique, verbatim, not ltl and deny", (17, 9)),
    ("key of another form", edited((19, "    when: answer")), "'when' belongs to 'deny', 'require',", (19, 5)),
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
    ("no ltl", edited((16, "  - {id: r}")), "the rule 'r' needs exactly one of ltl, template, deny, require", (16, 10)),
    # types and values
    ("version 2", edited((1, "version: 2")), "version: input should be 1, not '2'", (1, 10)),
    ("version text", edited((1, 'version: "1"')), "version: input should be 1", (1, 10)),
    ("semantics", edited(more="semantics: endless\n"), "input should be 'finite' or 'infinite', not", (26, 12)),
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
    ("tools path", edited((24, "tools: [./a.py]")), "'./a.py' names no function: write ./a.py:NAME", (24, 9)),
    ("tools above", edited((24, "tools: [calculator, ../a.py:f]")), "leads out of the folder", (24, 21)),
    ("tools twice", edited((24, "tools: [pay, ./a.py:pay]")), "two tools are called 'pay'", (24, 14)),
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
        f"'thought' needs exactly one of {', '.join(KINDS)}", (6, 3),
    ),
    (
        "two kinds", edited((6, '  thought: {by: model, cue: "[T]", tool: name, text: {}}')),
        f"'thought' needs exactly one of {', '.join(KINDS)}, not text and tool", (6, 3),
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
        "tool kind", edited((7, '  action: {by: model, cue: "[Action]", tool: calls}')),
        "'name', 'arguments' or 'call', not 'calls'", (7, 46),
    ),
    # cues
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
        "unknown step 'anser'; did you mean 'answer'?", (14, 20),
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
