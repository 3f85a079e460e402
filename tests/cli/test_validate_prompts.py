"""``agentspec validate-prompts``: which example and step, the exact place, the rule, what would have been allowed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import agentspec
from tests.cli.process import Done, Place

AGENT = """\
version: 1
name: desk
steps:
  question: {by: user, cue: "[Q]"}
  mood: {by: model, cue: "[Mood]", choice: [good, bad]}
  code: {by: model, cue: "[Code]", regex: "[A-Z][0-9]{2}"}
  record: {by: model, cue: "[R]", json_schema: {type: object, properties: {n: {type: integer}}, required: [n]}}
  note: {by: model, cue: "[Note]", text: {max_chars: 40, max_lines: 2}}
  action: {by: model, cue: "[Do]", tool: name}
  input: {by: model, cue: "[In]", tool: arguments}
  seen: {by: tool, cue: "[See]", max_tokens: 50}
  quote: {by: model, cue: "[Quote]", span: seen}
  answer: {by: model, cue: "[A]", text: {max_chars: 20}}
behavior: question (mood | code | record | note | action input seen quote?)* answer
rules:
  - {id: look-first, ltl: "!answer W seen"}
  - {id: one-mood, ltl: "G(mood -> N G !mood)"}
tools: [calculator, lookup]
limits: {max_tokens: 2000}
"""
CALL = '[Q] a\n[Do] calculator\n[In] {"expression":"1+1"}\n[See] 2\n'
GOOD = CALL + "[A] two\n"
ANY = {"action {chosen(calculator)}", "action {chosen(lookup)}", "code", "mood", "note", "record"}
"""What may follow where nothing was looked at."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("desk.yaml", AGENT)
    return made


def validated(place: Place, text: str | bytes, *more: str) -> Done:
    return place.inside("validate-prompts", "desk.yaml", place.write("some.txt", text), *more)


GOOD_FILES = {
    "one": GOOD,
    "no line end": GOOD[:-1],
    "two": f"{GOOD}---\n{GOOD}",
    "Windows": GOOD.replace("\n", "\r\n"),
    "a byte order mark": "\ufeff" + GOOD,
    "comments and blank lines": f"# first\n\n{GOOD}\n# second\n---\n\n{GOOD}---\n",
    "every kind": '[Q] a\n[Mood] bad\n[Code] X42\n[R] {"n":-7}\n[Note] one\n  two\n' + GOOD[6:],
    "a tool's text over lines": CALL.replace("See] 2", "See] 2\n  and so\n  [A] on") + "[Quote] and so\n[A] 2",
    "a tool that failed": GOOD.replace("[See] 2", "[See] ZeroDivisionError: division by zero"),
    "other letters": GOOD.replace("[Q] a", "[Q] Größe 日本 😀"),
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD_FILES.values(), ids=GOOD_FILES)
def test_good_examples(place: Place, text: str) -> None:
    done = validated(place, text)
    assert done.code == 0, done
    assert all(line.startswith("warning: no example shows: ") for line in done.err.splitlines())
    assert done.out.startswith("desk: ")
    assert done.out.endswith(": all valid\n")
    shape = validated(place, text, "--json").shape
    assert shape["valid"]
    assert shape["findings"] == []
    assert shape["agent"] == "desk"
    assert shape["examples"] == 1 + text.count("---\n[Q]") + text.count("---\n\n[Q]")
    assert shape["steps"] == sum(line.startswith("[") for line in text.lstrip("\ufeff").splitlines())


Case = tuple[str, tuple[int, int], int, str, list[str], set[str] | None]
BAD: dict[str, Case] = {
    # text, line and column, step, problem, rules, allowed
    "cut behind a step": (
        "[Q] a\n[Do] lookup\n", (2, 1), 2, "may not end", [], {"input {call(lookup)}"},
    ),
    "cut in a step": (
        '[Q] a\n[Do] lookup\n[In] {"quer', (3, 12), 3, "not a valid content for 'input'", [], {"input {call(lookup)}"},
    ),
    "cut behind a call": (CALL[: CALL.index("[See]")], (3, 1), 3, "may not end", [], None),
    "cut before the answer": (CALL, (4, 1), 4, "may not end", [], {*ANY, "answer", "quote"}),
    "an unknown cue": ("[Q] a\n[Moood] good\n", (2, 1), 2, "[Mood]", [], None),
    "no cue": ("[Q] a\nI think so.\n", (2, 1), 2, "[Mood]", [], None),
    "a cue without its blank": ("[Q] a\n[Mood]good\n", (2, 1), 2, "[Mood]", [], None),
    "the wrong beginning": ("[Mood] good\n", (1, 1), 1, "'mood' may not come here", [], {"question"}),
    "wrong order": ('[Q] a\n[In] {"query":"a"}\n', (2, 1), 2, "'input' may not come here", [], ANY),
    "a tool's step that nobody called": ("[Q] a\n[See] 2\n", (2, 1), 2, "'seen' may not come here", [], ANY),
    "no answer of the tool": (CALL[:-8] + "[A] b\n", (4, 1), 4, "'answer' may not come here", [], None),
    "a rule at once": ("[Q] a\n[A] b\n", (2, 1), 2, "'answer' breaks a rule", ["look-first"], ANY),
    "a rule later": (
        "[Q] a\n[Mood] good\n[Code] A12\n[Mood] bad\n", (4, 1), 4, "'mood' breaks a rule", ["one-mood"], ANY - {"mood"},
    ),
    "not among the choices": ("[Q] a\n[Mood] goood\n", (2, 11), 2, "not a valid content for 'mood'", [], ANY),
    "more than a choice": ("[Q] a\n[Mood] good!\n", (2, 12), 2, "not a valid content for 'mood'", [], ANY),
    "not the regex": ("[Q] a\n[Code] AB2\n", (2, 9), 2, "not a valid content for 'code'", [], ANY),
    "not the schema": ('[Q] a\n[R] {"n":1.5}\n', (2, 11), 2, "not a valid content for 'record'", [], ANY),
    "a key the schema lacks": ('[Q] a\n[R] {"n":1,"m":2}\n', (2, 11), 2, "not a valid content for 'record'", [], ANY),
    "too long": (CALL + "[A] " + "b" * 21 + "\n", (5, 25), 5, "not a valid content for 'answer'", [], None),
    "nothing in it": ("[Q] a\n[Note]\n", (2, 7), 2, "not a valid content for 'note'", [], ANY),
    "too many lines": ("[Q] a\n[Note] b\n  c\n  d\n", (3, 4), 2, "not a valid content for 'note'", [], ANY),
    "no such tool": ("[Q] a\n[Do] calculater\n", (2, 14), 2, "not a valid content for 'action'", [], ANY),
    "another tool's arguments": (
        '[Q] a\n[Do] lookup\n[In] {"expression":"1"}\n', (3, 8), 3, "not a valid content for 'input'", [],
        {"input {call(lookup)}"},
    ),
    "no quotation": (CALL + "[Quote] 3\n", (5, 9), 5, "not a valid content for 'quote'", [], None),
    "something after the answer": (GOOD + "[Mood] bad\n", (6, 1), 6, "'mood' may not come here", [], {"the end"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "where", "step", "problem", "rules", "allowed"), BAD.values(), ids=BAD)
def test_bad_examples(
    place: Place, text: str, where: tuple[int, int], step: int, problem: str, rules: list[str], allowed: set[str] | None
) -> None:
    shape = validated(place, text, "--json").shape
    assert not shape["valid"]
    finding = shape["findings"][0]
    assert (finding["line"], finding["column"]) == where
    assert (finding["example"], finding["step"]) == (1, step)
    assert finding["file"] == "some.txt"
    assert problem in finding["problem"]
    assert finding["rules"] == rules
    assert allowed is None or set(finding["allowed"]) == allowed
    done = validated(place, text)
    assert done.code == 1
    assert f"some.txt:{where[0]}:{where[1]}: example 1, step {step}: " in done.err
    assert all(rule in done.err for rule in rules)
    assert all(one in done.err for one in allowed or ())
    line = text.split("\n")[where[0] - 1]
    assert done.carets()[0] == (*where, line[where[1] - 1 :])
    assert done.out.endswith("1 with findings\n")


def test_windows_line_ends_move_no_column(place: Place) -> None:
    shape = validated(place, BAD["not among the choices"][0].replace("\n", "\r\n"), "--json").shape
    assert (shape["findings"][0]["line"], shape["findings"][0]["column"]) == (2, 11)


def test_each_broken_example_is_found(place: Place) -> None:
    bad, unknown = BAD["a rule at once"][0], BAD["an unknown cue"][0]
    shape = validated(place, "---\n".join([GOOD, bad, GOOD, unknown, bad]), "--json").shape
    first = {one["example"]: (one["step"], one["line"]) for one in reversed(shape["findings"])}
    assert first == {2: (2, 8), 4: (2, 17), 5: (2, 20)}
    assert shape["examples"] == 5


def test_several_files(place: Place) -> None:
    place.write("good.txt", GOOD)
    place.write("bad.txt", BAD["a rule at once"][0])
    done = place.inside("validate-prompts", "desk.yaml", "good.txt", "bad.txt", "good.txt", "--json")
    assert done.code == 1
    assert [one["file"] for one in done.shape["findings"]] == ["bad.txt"]
    assert done.shape["examples"] == 3


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n---\n"])
def test_a_file_without_examples_is_a_finding(place: Place, text: str) -> None:
    done = validated(place, text)
    assert done.code == 1
    assert "some.txt" in done.err
    assert "all valid" not in done.out


def unusable(done: Done, *said: str) -> None:
    assert done.code == 2
    shape: dict[str, Any] = done.shape
    assert not shape["valid"]
    assert shape["findings"] == []
    (problem,) = shape["problems"]
    for part in said:
        assert part in problem


def test_what_cannot_be_looked_at(place: Place) -> None:
    unusable(place.inside("validate-prompts", "desk.yaml", "nowhere.txt", "--json"), "nowhere.txt: No such file")
    unusable(place.inside("validate-prompts", "nowhere", "--json"), "'nowhere'", "valid: ")
    unusable(place.inside("validate-prompts", "desk.yaml", "--json"), "'desk' names no examples", "add 'examples:'")
    broken = place.write("broken.yaml", AGENT.replace("behavior:", "behaviour:"))
    unusable(place.inside("validate-prompts", broken, "some.txt", "--json"), "broken.yaml:14:1", "'behavior'")
    lost = place.write("lost.yaml", AGENT.replace("tools:", '  - {id: never, ltl: "G !answer"}\ntools:'))
    unusable(place.inside("validate-prompts", lost, "some.txt", "--json"), "contradictory")


def test_its_own_examples_are_looked_at_before_a_run(place: Place) -> None:
    """``validate-prompts``, ``check`` and ``run`` say the same of them, at the same place."""
    place.write("some.txt", f"{GOOD}---\n[Q] a\n[A] b\n")
    own = place.write("own.yaml", AGENT.replace("tools:", "examples: some.txt\ntools:"))
    validated = place.agentspec("validate-prompts", own)
    assert validated.code == 1
    checked = place.inside("check", own)
    assert checked.code == 2
    ran = place.inside("run", own, "Hi.", "--json")
    assert ran.code == 2
    assert ran.shape["status"] == "refused"
    for done in (validated, checked, ran):
        assert "some.txt:8:1: " in done.err
        assert "'answer' breaks a rule here" in done.err
        assert "look-first" in done.err
        assert done.carets()[0] == (8, 1, "[A] b")
    assert place.traces() == []


BROKEN = f"{GOOD}---\n[Q] a\n[Mood] bda\n[A] two, 100%\n"


def test_a_file_in_another_encoding_is_one_finding(place: Place) -> None:
    place.write("good.txt", GOOD)
    place.write("latin.txt", GOOD.replace("two", "zwölf").encode("latin-1") + b"---\n" + GOOD.encode())
    done = place.inside("validate-prompts", "desk.yaml", "latin.txt", "good.txt", "--json")
    assert done.code == 1
    finding = done.shape["findings"][0]
    assert (finding["file"], finding["line"], finding["column"], finding["kind"]) == ("latin.txt", 5, 7, "segmentation")
    assert "not UTF-8: the byte 0xf6 at offset" in finding["problem"]
    assert {one["example"] for one in done.shape["findings"]} == {1}
    assert done.shape["examples"] == 3


def test_a_finding_tells_constraint_and_repair(place: Place) -> None:
    shape = validated(place, BROKEN, "--json").shape
    first, second = shape["findings"]
    assert first["constraint"] == "one of: good, bad"
    assert first["repair"] == [{"edit": "change", "line": 8, "step": "mood", "text": "[Mood] bad"}]
    assert second["rules"] == ["look-first"]
    assert [edit["edit"] for edit in second["repair"]] == ["insert"] * 3
    assert (first["severity"], first["kind"], second["kind"]) == ("error", "content", "rule")
    assert shape["not_checked"]


def test_strict_makes_findings_of_warnings(place: Place) -> None:
    shape = validated(place, GOOD, "--json").shape
    missed = {one["problem"] for one in shape["warnings"]}
    assert "no example shows the tool 'lookup'" in missed
    assert "no example exercises the rule 'one-mood'" in missed
    done = validated(place, GOOD, "--json", "--strict")
    assert done.code == 1
    assert {one["problem"] for one in done.shape["findings"]} == missed
    assert {one["file"] for one in done.shape["findings"]} == {"desk.yaml"}
    assert validated(place, GOOD, "--strict").out.endswith("with findings\n")


def test_a_repaired_copy_is_written_beside_the_file(place: Place) -> None:
    done = validated(place, BROKEN, "--fix")
    assert done.code == 1
    assert "wrote some.fixed.txt" in done.err
    again = place.inside("validate-prompts", "desk.yaml", "some.fixed.txt", "--json")
    assert (again.code, again.shape["examples"]) == (0, 2)
    assert (place.folder / "some.txt").read_text() == BROKEN
    place.write("some.fixed.txt", "mine\n")
    refused = place.inside("validate-prompts", "desk.yaml", "some.txt", "--fix")
    assert refused.code == 2
    assert "some.fixed.txt exists" in refused.err
    assert (place.folder / "some.fixed.txt").read_text() == "mine\n"
    assert "nothing to repair" in validated(place, GOOD, "--fix").err


def test_coverage(place: Place) -> None:
    done = validated(place, GOOD, "--coverage")
    assert "transitions" in done.out
    assert "one-mood (not exercised)" in done.out
    shape = validated(place, GOOD, "--coverage", "--json").shape["coverage"]
    assert shape["tools"] == {"calculator": 1, "lookup": 0}
    assert 0 < shape["transitions"]["taken"] < shape["transitions"]["total"]


def test_sarif(place: Place) -> None:
    done = validated(place, BROKEN, "--format", "sarif")
    assert done.code == 1
    log = json.loads(done.out)
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-2.1.0.json")
    assert log["runs"][0]["tool"]["driver"]["version"] == agentspec.__version__
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    rows = BROKEN.split("\n")
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
        assert result["level"] in ("error", "warning")
        (spot,) = result["locations"]
        assert spot["physicalLocation"]["artifactLocation"]["uri"] in ("some.txt", "desk.yaml")
        region = spot["physicalLocation"]["region"]
        assert min(region["startLine"], region["startColumn"]) >= 1
    errors = [one for one in run["results"] if one["level"] == "error"]
    assert [one["ruleId"] for one in errors] == ["content", "rule/look-first"]
    region = errors[0]["locations"][0]["physicalLocation"]["region"]
    assert rows[region["startLine"] - 1][region["startColumn"] - 1 :] == "da"
    (change,) = errors[0]["fixes"][0]["artifactChanges"]
    assert change["replacements"][0]["insertedContent"]["text"] == "[Mood] bad\n"
    applied = rows.copy()
    for one in reversed([r for e in errors for r in e["fixes"][0]["artifactChanges"][0]["replacements"]]):
        gone = one["deletedRegion"]
        applied[gone["startLine"] - 1 : gone["endLine"] - 1] = [one["insertedContent"]["text"].rstrip("\n")]
    assert validated(place, "\n".join(applied)).code == 0, applied


def test_github_annotations(place: Place) -> None:
    done = validated(place, BROKEN, "--format", "github")
    lines = done.out.splitlines()
    assert lines[0].startswith(
        "::error file=some.txt,line=8,col=9,title=content::example 2, step 2: not a valid content"
    )
    assert "%0Arepair: change line 8 to: [Mood] bad" in lines[0]
    assert lines[1].startswith("::error file=some.txt,line=9,col=1,title=rule%3A look-first::")
    assert all(line.startswith(("::error ", "::warning ")) for line in lines)


def test_a_mapping_and_a_log(place: Place) -> None:
    mapping = 'version: 1\nsteps: {"Q:": question, "Saw:": seen, "A:": answer}\n'
    mapping += 'actions: {"Do {n}:": {"calc({expression})": {tool: calculator}}}\n'
    place.write("map.yaml", mapping)
    place.write("foreign.txt", "Q: a\nDo 1: calc(1+1)\nSaw: 2\nA: two\nQ: b\nDo 1: calc(1+2)\nSaw: 3\nA: three\n")
    done = place.inside("validate-prompts", "desk.yaml", "foreign.txt", "--mapping", "map.yaml", "--json")
    assert (done.code, done.shape["examples"], done.shape["steps"]) == (0, 2, 10)
    assert place.inside("validate-prompts", "desk.yaml", "--mapping", "map.yaml").code == 2
    log = [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "x", "content": "2"}]
    place.write("log.jsonl", json.dumps({"messages": log}) + "\n{]\n")
    done = place.inside("validate-prompts", "desk.yaml", "log.jsonl", "foreign.txt", "--mapping", "map.yaml", "--json")
    assert done.code == 1
    assert {(one["file"], one["line"]) for one in done.shape["findings"]} == {("log.jsonl", 1), ("log.jsonl", 2)}


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_lone_surrogate_in_a_log_is_a_finding(place: Place, role: str) -> None:
    place.write("log.jsonl", json.dumps({"role": role, "content": "half \ud800"}) + "\n")
    done = place.inside("validate-prompts", "react", "log.jsonl", "--fix")
    assert done.code == 1
    assert "log.jsonl:1:1: a lone surrogate is no character" in done.err
    assert "Traceback" not in done.err


def test_nothing_heavy_is_imported(place: Place) -> None:
    place.write("some.txt", BROKEN)
    code = (
        "import sys\nfrom agentspec.__main__ import main\n"
        "sys.argv = ['agentspec', 'validate-prompts', 'desk.yaml', 'some.txt', '--coverage']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'numpy', 'llguidance', 'transformers') if name in sys.modules])\n"
    )
    done = place.agentspec("-c", code, program=[sys.executable])
    assert done.out.endswith("[]\n"), done


def test_a_wrong_character_goes_alone_and_no_blank_call_is_put_in(place: Place) -> None:
    place.write("wrong.txt", "[Question] Where?\n[Thought] x\x85y\n[Answer] \u202e4\n")
    done = place.inside("validate-prompts", "react", "wrong.txt")
    assert done.code == 1
    assert "repair: change line 2 to: [Thought] xy" in done.err
    assert 'insert before line 3: [Action Input] {"query":"TODO"}' in done.err
    assert "\u202e" not in done.err, "no example drives the terminal"
