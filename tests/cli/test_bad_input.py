"""Specs and settings that cannot be used: what is said, where it points, the exit code, one object, and no trace."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.process import Done, Place

GOOD = """\
version: 1
name: clerk
steps:
  question: {by: user, cue: "[Q]"}
  thought: {by: model, cue: "[T]", text: {max_chars: 30}}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]", max_tokens: 50}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question (thought action input seen)* thought answer
rules:
  - {id: look-first, ltl: "!answer W seen"}
tools: [calculator]
limits: {max_tokens: 1000}
"""
CARET = "¦"
"""Marks in an edit where the caret is to stand."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def edited(old: str, new: str) -> tuple[str, int, int]:
    """The good file with one edit, and the line and column of the caret."""
    assert GOOD.count(old) == 1
    marked = GOOD.replace(old, new)
    before = marked[: marked.index(CARET)]
    return marked.replace(CARET, ""), before.count("\n") + 1, len(before.split("\n")[-1]) + 1


def refused(done: Done, place: Place, code: int = 2) -> str:
    """What is said of a run that was refused, on stderr and in its object; nothing else is left of it."""
    assert done.code == code, done
    shape = done.shape
    assert shape["status"] == "refused"
    assert shape["answer"] is None
    assert shape["guarantee"] == "partial"
    assert shape["trace_path"] is None
    assert set(shape["usage"].values()) == {0}
    assert shape["reason"] in done.err
    assert place.traces() == []
    return str(shape["reason"])


RULES = "rules:\n"
PLACED = [
    ("broken YAML", "text: {max_chars: 30}}", "text: {max_chars: 30}\n  ¦action_: {}", ["not valid YAML", "'}'"]),
    ("a tab", "behavior:", "¦\tbehavior:", ["not valid YAML", r"'\t'"]),
    ("a quote left open", '"!answer W seen"}', '"!answer W seen¦}', ["not valid YAML"]),
    ("a key twice", "rules:", "¦name: other\nrules:", ['duplicate key "name"']),
    ("a step twice", "  seen:", '  ¦input: {by: tool, cue: "[X]"}\n  seen:', ['duplicate key "input"']),
    ("an unknown key", "behavior:", "¦behaviour:", ["unknown key 'behaviour'", "did you mean 'behavior'?"]),
    ("an unknown key inside", "max_chars: 20", "¦max_char: 20", ["'max_char'", "did you mean 'max_chars'?"]),
    ("a wrong type", "max_tokens: 1000", "max_tokens: ¦many", ["limits.max_tokens", "integer", "'many'"]),
    ("a wrong owner", "by: tool", "by: ¦tol", ["steps.seen.by", "'model', 'tool' or 'user'", "'tol'"]),
    ("a number as a name", "name: clerk", "name: ¦7", ["name:", "string", "'7'"]),
    ("true as a name", "  thought: {", "  ¦true: {", ["a key is a name, not True", "quotes"]),
    ("an unknown step in the behavior", "thought answer", "thought ¦anser", ["'anser'", "did you mean 'answer'?"]),
    ("a behavior left open", "thought answer", "¦(thought answer", ["'(' is never closed"]),
    ("an unknown step in a rule", "W seen", "W ¦sene", ["rule 'look-first'", "'sene'", "did you mean 'seen'?"]),
    (
        "an unknown tool in a rule", "W seen", "W ¦ok(calculater)",
        ["rule 'look-first'", "'ok(calculater)'", "did you mean 'ok(calculator)'?"],
    ),
    ("a rule left open", "W seen", "W ¦(seen", ["'(' is never closed", "expected ')'"]),
    ("no such operator", "W seen", "¦WW seen", ["expected an operator", "U W R M", "found 'WW'"]),
    ("half a rule", "!answer W seen", "G(seen ->¦", ["expected a formula after '->'"]),
    ("an empty rule", "!answer W seen", "¦", ["empty formula"]),
    ("yes as a rule", '"!answer W seen"', "¦yes", ["rule 'look-first' names 'yes'", "valid: question, thought,"]),
    ("an unknown tool", "[calculator]", "[¦calculater]", ["unknown tool 'calculater'", "'calculator'?"]),
    ("no such file of tools", "[calculator]", "[¦./mine.py:pay]", ["mine.py: no such file"]),
    ("no such examples", "tools:", "examples: ¦nope.txt\ntools:", ["nope.txt: No such file"]),
    ("no such spec to extend", "rules:", "extends: ¦raect\nrules:", ["'raect'", "did you mean 'react'?"]),
    ("a regex left open", "text: {max_chars: 30}", 'regex: "a¦(b"', ["'(' is never closed"]),
    ("look-ahead", "text: {max_chars: 30}", 'regex: "¦(?=a)b"', ["look-ahead (?= cannot be used"]),
]  # fmt: skip
WHOLE_LINE = [
    (
        "contradictory rules", "tools:", '  - {id: never, ltl: "G !answer"}¦\ntools:',
        ["contradictory", "never"],
    ),
    (
        "a rule tools can break", "tools:", '  - {id: no-failure, ltl: "G !failed(calculator)"}¦\ntools:',
        ["not realizable", "seen {failed(calculator)}", "violates a rule (no-failure)"],
    ),
    (
        "shared cues", "thought answer\n", "(thought | answer)¦\n",
        ["ambiguous", "thought", "answer", "[T] "],
    ),
    ("a cue that begins another", 'cue: "[T]"', 'cue: "[Do] x"¦', ["no cue may be a prefix", "[Do]"]),
    ("two owners", "thought answer\n", "(thought | seen) answer¦\n", ["seen", "thought"]),
]  # fmt: skip
"""The caret stands somewhere on the line."""

SHARED = ('cue: "[A]"', 'cue: "[T]"')


@pytest.mark.parametrize(("old", "new", "said"), [case[1:] for case in PLACED], ids=[case[0] for case in PLACED])
def test_a_fault_in_the_file_has_its_place(place: Place, old: str, new: str, said: list[str]) -> None:
    text, line, column = edited(old, new)
    done = place.agentspec("run", place.write("clerk.yaml", text), "Pay.", "--json")
    reason = refused(done, place)
    assert reason.startswith(f"clerk.yaml:{line}:{column}: ")
    assert all(part in reason for part in said), reason
    assert done.carets() == [(line, column, text.split("\n")[line - 1][column - 1 :])]


@pytest.mark.parametrize(
    ("old", "new", "said"), [case[1:] for case in WHOLE_LINE], ids=[case[0] for case in WHOLE_LINE]
)
def test_a_fault_of_the_whole_has_its_line(place: Place, old: str, new: str, said: list[str]) -> None:
    text, line, _ = edited(old, new)
    if said[0] == "ambiguous":
        text = text.replace(*SHARED)
    done = place.agentspec("run", place.write("clerk.yaml", text), "Pay.", "--json")
    reason = refused(done, place)
    assert reason.startswith(f"clerk.yaml:{line}:")
    assert all(part in reason for part in said), reason
    ((where, column, shown),) = done.carets()
    assert where == line
    assert shown == text.split("\n")[line - 1][column - 1 :]
