"""Specs and settings that cannot be used: what is said, where it points, the exit code, one object, and no trace."""

from __future__ import annotations

import re
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


def edited(*edits: tuple[str, str]) -> tuple[str, int, int]:
    """The good file with some edits, and the line and column of the caret."""
    marked = GOOD
    for old, new in edits:
        assert marked.count(old) == 1, old
        marked = marked.replace(old, new)
    before = marked[: marked.index(CARET)]
    return marked.replace(CARET, ""), before.count("\n") + 1, len(before.split("\n")[-1]) + 1


def refused(done: Done, place: Place, code: int = 2, guarantee: str = "partial") -> str:
    """What is said of a run that was refused, on stderr and in its object; nothing else is left of it."""
    assert done.code == code, done
    shape = done.shape
    assert shape["status"] == "refused"
    assert shape["answer"] is None
    assert shape["guarantee"] == guarantee
    assert shape["trace_path"] is None
    assert {count for name, count in shape["usage"].items() if name != "seconds"} == {0}
    assert shape["reason"].encode(errors="backslashreplace").decode() in done.err
    assert place.traces() == []
    return str(shape["reason"])


PLACED = [
    ("broken YAML", "text: {max_chars: 30}}", "text: {max_chars: 30}\n  ¦action_: {}", ["not valid YAML", "'}'"]),
    ("a tab", "behavior:", "¦\tbehavior:", ["not valid YAML", "a tab"]),
    ("a quote left open", '"!answer W seen"}', '¦"!answer W seen}', ["not valid YAML"]),
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
        ["rule 'look-first'", "'ok(calculater)'", "'calculater' is not among the tools", "mean 'calculator'?"],
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
EITHER = ("thought answer\n", "(thought | answer)¦\n")
WHOLE_LINE: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    (
        "contradictory rules", [("tools:", '  - {id: never, ltl: "G !answer"}¦\ntools:')],
        ["contradictory", "never"],
    ),
    (
        "a rule tools can break", [("tools:", '  - {id: no-failure, ltl: "G !failed(calculator)"}¦\ntools:')],
        ["not realizable", "seen {failed(calculator)}", "violates a rule (no-failure)"],
    ),
    (
        "a shared cue", [EITHER, ('cue: "[A]"', 'cue: "[T]"')],
        ["ambiguous: the text '[T] ", "as 'thought'", "as 'answer'", "give them different cues"],
    ),
    (
        "a cue that begins another", [EITHER, ('cue: "[A]"', 'cue: "[T] x"')],
        ["ambiguous: the text '[T] x ", "as 'thought'", "as 'answer'", "give them different cues"],
    ),
    ("two owners", [("thought answer\n", "(thought | question) answer¦\n")], ["question", "thought"]),
]  # fmt: skip
"""The caret stands somewhere on the marked line."""


@pytest.mark.parametrize(("old", "new", "said"), [case[1:] for case in PLACED], ids=[case[0] for case in PLACED])
def test_a_fault_in_the_file_has_its_place(place: Place, old: str, new: str, said: list[str]) -> None:
    text, line, column = edited((old, new))
    done = place.inside("run", place.write("clerk.yaml", text), "Pay.", "--json")
    reason = refused(done, place)
    assert reason.startswith(f"clerk.yaml:{line}:{column}: ")
    assert all(part in reason for part in said), reason
    assert done.carets() == [(line, column, text.split("\n")[line - 1][column - 1 :])]


@pytest.mark.parametrize(("edits", "said"), [case[1:] for case in WHOLE_LINE], ids=[case[0] for case in WHOLE_LINE])
def test_a_fault_of_the_whole_has_its_line(place: Place, edits: list[tuple[str, str]], said: list[str]) -> None:
    text, line, _ = edited(*edits)
    file = place.write("clerk.yaml", text)
    done = place.inside("run", file, "Pay.", "--json")
    reason = refused(done, place)
    assert reason.startswith(f"clerk.yaml:{line}:")
    assert all(part in reason for part in said), reason
    ((where, column, shown),) = done.carets()
    assert where == line
    assert shown == text.split("\n")[line - 1][column - 1 :]
    checked = place.inside("check", file)
    assert checked.code == 2
    assert all(part in checked.err for part in said), checked.err
    assert checked.carets() == done.carets()


def test_only_the_rules_to_blame_are_named(place: Place) -> None:
    text, *_ = edited(("tools:", '  - {id: never, ltl: "G !answer"}¦\ntools:'))
    reason = refused(place.inside("run", place.write("clerk.yaml", text), "Pay.", "--json"), place)
    assert "look-first" not in reason.split("\n")[0]


def test_check_tells_of_many_files_at_once(place: Place) -> None:
    files = {}
    for i, (_, old, new, said) in enumerate(PLACED):
        text, line, column = edited((old, new))
        files[place.write(f"file-{i}.yaml", text)] = (line, column, said)
    done = place.agentspec("check", *files, place.write("fine.yaml", GOOD), "--json")
    assert done.code == 2
    assert done.err == ""
    *broken, fine = done.shape["reports"]
    assert fine["valid"]
    assert [report["spec"] for report in broken] == list(files)
    for report, (line, column, said) in zip(broken, files.values(), strict=True):
        assert not report["valid"]
        (problem,) = report["problems"]
        assert problem.startswith(f"{report['spec']}:{line}:{column}: ")
        assert all(part in problem for part in said), problem
    assert place.traces() == []


def test_a_budget_below_the_least(place: Place) -> None:
    text, line, _ = edited(("max_tokens: 1000", "max_tokens: ¦9"))
    file = place.write("clerk.yaml", text)
    checked = place.inside("check", file)
    assert checked.code == 2
    least = re.search(r"below the least that surely suffices: (\d+) tokens, (\d+) steps, 1 tool call", checked.err)
    assert least, checked.err
    assert [where for where, *_ in checked.carets()] == [line]
    reason = refused(place.inside("run", file, "Pay.", "--json", toy=True), place, 3, "full")
    assert "cannot surely end within 9 tokens, 40 steps, 8 tool calls" in reason
    told = re.search(r"one that suffices: (\d+) tokens, (\d+) steps, 1 tool call", reason)
    assert told, reason
    assert int(told[1]) <= int(least[1])
    assert told[2] == least[2]
    below = str(int(told[1]) - 1)
    assert refused(place.inside("run", file, "Pay.", "--json", "--max-tokens", below, toy=True), place, 3, "full")
    assert refused(place.inside("run", file, "Pay.", "--json", "--max-tokens=999", "--max-steps=3"), place, 3)
    enough = place.inside("run", file, "Pay.", "--json", "--max-tokens", told[1], "--max-steps", told[2], toy=True)
    assert enough.shape["status"] == "accepted"


NAMES = """\
version: 1
name: on
steps:
  on: {by: user, cue: "[On]"}
  yes: {by: model, cue: "[Yes]", choice: [yes, no, on, off, y, n]}
  off: {by: model, cue: "[Off]", text: {max_chars: 9}}
behavior: on yes off
rules:
  - {id: no, ltl: "!off W yes", enforce: warn}
  - {id: n, ltl: "y | !y", enforce: off}
propositions:
  y: {at: yes, matches: y}
limits: {max_tokens: 200}
"""


def test_on_off_and_yes_are_names(place: Place) -> None:
    file = place.write("on.yaml", NAMES)
    assert place.inside("check", file) == Done(0, place.inside("check", file).out, "")
    done = place.inside("run", file, "Is it on?", "--json", toy=True)
    assert done.shape["status"] == "accepted"
    assert [verdict["rule"] for verdict in done.shape["verdicts"]] == ["no"]
    first, question, chosen, last, _ = place.trace()
    assert first["agent"] == "on"
    assert [question["step"], chosen["step"], last["step"]] == ["on", "yes", "off"]
    assert chosen["content"] in ("yes", "no", "on", "off", "y", "n")
    assert ("y" in chosen["true"]) == (chosen["content"] == "y")


LATIN = "description: pays caf\xe9s\n"


@pytest.mark.parametrize(
    ("raw", "line", "column", "said"),
    [
        ((GOOD + LATIN).encode("latin-1"), 15, 22, ["not UTF-8", "save the file as UTF-8"]),
        ((GOOD + "description: naïve\n").encode("utf-16"), 1, 1, ["not UTF-8"]),
        (b"", 1, 1, ["mapping of keys"]),
        (b"- 1\n- 2\n", 1, 1, ["mapping of keys"]),
        (b"\x00\x01\x02", 1, 1, ["not valid YAML"]),
        (b"a: &x 1\nb: *x\n", 1, 4, ["anchors and aliases are not part of the language"]),
        (b"a: !!python/object:os.system 1\n", 1, 4, ["tags such as", "are not part of the language"]),
        (b"version: 1\nname: [" + b"[" * 60 + b"]" * 60 + b"]\n", 2, 56, ["nested deeper than 50"]),
        (b"version: 1\nname: a\n---\nversion: 1\n", 3, 1, ["not valid YAML", "document"]),
        (b"a: 1\n" * 300_000, 1, 1, ["larger than 1000000 characters"]),
    ],
    ids=["Latin-1", "UTF-16", "empty", "a list", "binary", "anchor", "tag", "deep", "two documents", "huge"],
)
def test_what_is_no_spec_at_all(place: Place, raw: bytes, line: int, column: int, said: list[str]) -> None:
    file = place.write("odd.yaml", raw)
    reason = refused(place.inside("run", file, "Pay.", "--json"), place)
    assert all(part in reason for part in said), reason
    assert reason.startswith(f"odd.yaml:{line}:{column}: ")
    for command in ("check", "validate-prompts", "automaton"):
        done = place.inside(command, file)
        assert done.code == 2
        assert done.out == ""
        assert reason in done.err


def test_latin_1_elsewhere(place: Place) -> None:
    """In the examples, in the task on stdin, in a tool's file."""
    place.write("examples.txt", "[Q] Gr\xfc\xdfe\n[T] a\n[A] b\n".encode("latin-1"))
    text, _, _ = edited(("tools:", "examples: ¦examples.txt\ntools:"))
    file = place.write("clerk.yaml", text)
    reason = refused(place.inside("run", file, "Pay.", "--json"), place)
    assert reason.startswith("examples.txt:1:7: not UTF-8")
    done = place.agentspec("run", place.write("good.yaml", GOOD), "-", "--json", stdin="Gr\xfc\xdfe".encode("latin-1"))
    assert "the task on stdin is not UTF-8" in refused(done, place)
    place.write("mine.py", 'def pay() -> str:\n    "Pays caf\xe9s."\n    return ""\n'.encode("latin-1"))
    locked = place.inside("tools", "lock", "mine.py")
    assert locked.code == 2
    assert "mine.py" in locked.err
    assert place.traces() == []


@pytest.mark.parametrize("name", ["nowhere.yaml", "raect", ".", "", "a\nb", "x" * 3000, "\udcff"])
def test_no_such_spec(place: Place, name: str) -> None:
    done = place.inside("run", name, "Pay.", "--json")
    reason = refused(done, place)
    assert "valid: " in reason or "did you mean 'react'?" in reason
    assert len(reason) < 4000


def test_a_task_is_needed(place: Place) -> None:
    assert "the task is empty" in refused(place.inside("run", "react", "  ", "--json"), place)
    assert "the task is empty" in refused(place.inside("run", "react", "--json"), place)
    assert "not valid Unicode at character 2" in refused(place.inside("run", "react", "a\udcff", "--json"), place)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--device", "warp"], ["unknown device 'warp'", "valid: auto, cpu, cuda"]),
        (["--dtype", "fp9"], ["unknown dtype 'fp9'", "valid: auto, float32"]),
        (["--tools", "nowhere.py"], ["nowhere.py: no such file"]),
        (["--tools", "other.py"], ["other.py holds none of the agent's tools"]),
    ],
)
def test_no_such_setting(place: Place, option: list[str], said: list[str]) -> None:
    place.write("other.py", "raise SystemExit('nobody may run me')\n")
    reason = refused(place.inside("run", "react", "Hi.", "--json", *option), place)
    assert all(part in reason for part in said), reason


@pytest.mark.parametrize(
    "option", [["--max-tokens", "0"], ["--max-steps", "few"], ["--temperature", "-1"], ["--sed", "1"], ["a", "b"]]
)
def test_wrong_usage(place: Place, option: list[str]) -> None:
    done = place.inside("run", "react", "Hi.", *option)
    assert done.code == 2
    assert done.out == ""
    assert option[0] in done.err or "unexpected extra argument" in done.err
    assert place.traces() == []
