"""Prompt examples in other forms: foreign styles by a mapping, logs of messages; what a file of them can have wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentspec import limits
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.episode.examples_foreign import Foreign, read_mapping
from agentspec.episode.examples_report import Report
from agentspec.errors import InvalidInput
from agentspec.spec.load import load
from tests.checking.agents import compiled


@pytest.fixture(scope="module")
def react() -> Compiled:
    return compile_agent(load("react"))


MAPPING = """\
version: 1
steps:
  "Question:": question
  "Thought {n}:": thought
  "Observation {n}:": observation
actions:
  "Action {n}:":
    "Search[{query}]": {tool: lookup}
    "Calculate[{expression}]": {tool: calculator}
    "Finish[{answer}]": {step: answer}
"""
FOREIGN = """\
Question: Where is Oslo?
Thought 1: I look it up.
Action 1: Search[Oslo]
Observation 1: Oslo is
the capital of Norway.
Thought 2: So it is.
Action 2: Finish[in Norway]

Question: What is 6 * 7?
Thought 1: I multiply.
Action 1: Calculate[6 * 7]
Observation 1: 42
Thought 2: So it is.
Action 2: Finish[42]
"""


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def reported(made: Compiled, path: Path, mapping: Path | None = None) -> Report:
    report = Report(made, None if mapping is None else read_mapping(made, mapping))
    report.add(path)
    return report


# Foreign styles -----------------------------------------------------------------------------------------------------


def test_the_published_style_of_react(react: Compiled, tmp_path: Path) -> None:
    mapping = read_mapping(react, written(tmp_path, "map.yaml", MAPPING))
    first, second = Foreign(react, mapping).read(FOREIGN)
    assert [(line.step, line.content) for line in first.lines] == [
        ("question", "Where is Oslo?"),
        ("thought", "I look it up."),
        ("action", "lookup"),
        ("action_input", '{"query":"Oslo"}'),
        ("observation", "Oslo is\nthe capital of Norway."),
        ("thought", "So it is."),
        ("answer", "in Norway"),
    ]
    assert second.lines[3].content == '{"expression":"6 * 7"}'
    assert reported(react, written(tmp_path, "e.txt", FOREIGN), tmp_path / "map.yaml").findings() == []


FOREIGN_FAULTS = {
    "an unknown action": ("Calculate[", "Compute[", (11, 11), "no action of the mapping reads 'Compute[6 * 7]'"),
    "an unknown cue": ("Thought 2: So it is.\nAction 2: Fin", "Thoght 2: So.\nAction 2: Fin", (6, 1), "'Thought {n}:'"),
    "a step left out": ("Thought 2: So it is.\nAction 2: Finish[42]", "Action 2: Finish[42]", (13, 18), "may not come"),
    "two questions": ("Thought 1: I look it up.\n", "", (2, 11), "may not come here"),
}


@pytest.mark.parametrize(("old", "new", "place", "problem"), FOREIGN_FAULTS.values(), ids=FOREIGN_FAULTS)
def test_faults_stand_where_the_foreign_text_has_them(
    react: Compiled, tmp_path: Path, old: str, new: str, place: tuple[int, int], problem: str
) -> None:
    assert old in FOREIGN
    mapping = written(tmp_path, "map.yaml", MAPPING)
    report = reported(react, written(tmp_path, "e.txt", FOREIGN.replace(old, new)), mapping)
    finding = report.findings()[0]
    assert (finding.location.line, finding.location.column) == place, str(finding)
    assert problem in finding.problem
    (fixed,) = report.fix()
    assert reported(react, fixed).findings() == [], "the copy has the agent's own cues, and is fine"


BAD_MAPPINGS = {
    "no version": (MAPPING.replace("version: 1\n", ""), "'version: 1' is missing"),
    "an unknown step": (MAPPING.replace(": thought", ": thougt"), "no step 'thougt'; did you mean 'thought'?"),
    "an unknown tool": (MAPPING.replace("tool: lookup", "tool: lokup"), "no tool 'lokup'; did you mean 'lookup'?"),
    "an unknown argument": (MAPPING.replace("{query}", "{qery}"), "no argument 'qery'; did you mean 'query'?"),
    "no place": (MAPPING.replace("Finish[{answer}]", "Finish"), "has one place"),
    "an unknown key": (MAPPING.replace("actions:", "action:"), "unknown key 'action'; did you mean 'actions'?"),
    "no pattern": (MAPPING[: MAPPING.index('    "Search')].rstrip() + " {}\n", "has patterns, such as"),
    "another shape": (MAPPING.replace("{tool: lookup}", "lookup"), "{tool: NAME}"),
}


@pytest.mark.parametrize(("text", "problem"), BAD_MAPPINGS.values(), ids=BAD_MAPPINGS)
def test_a_mapping_that_does_not_fit_the_agent(react: Compiled, tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_mapping(react, written(tmp_path, "map.yaml", text))
    assert problem in str(raised.value)
    assert "map.yaml:" in str(raised.value)


def test_arguments_that_are_no_strings(tmp_path: Path) -> None:
    pay = {"type": "object", "properties": {"amount": {"type": "integer"}, "to": {"type": "string"}}}
    made = compiled("q (k o)* a", tools={"pay": {**pay, "required": ["amount", "to"]}})
    text = 'version: 1\nsteps: {"Q:": q, "O:": o, "A:": a}\nactions: {"Do:": {"{to} <- {amount}": {tool: pay}}}\n'
    mapping = read_mapping(made, written(tmp_path, "map.yaml", text))
    (one,) = Foreign(made, mapping).read("Q: x\nDo: Ann <- 3\nO: done\nA: yes\n")
    assert one.lines[1].content == '{"name":"pay","arguments":{"amount":3,"to":"Ann"}}'


# Messages -----------------------------------------------------------------------------------------------------------


def call(arguments: str, name: str = "calculator", key: str = "a") -> dict[str, Any]:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def conversation(arguments: str = '{"expression": "6*7"}', *, answer: str | None = "42") -> list[dict[str, Any]]:
    made = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 6*7?"},
        {"role": "assistant", "content": "I multiply.", "tool_calls": [call(arguments)]},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        {"role": "assistant", "content": "So it is 42."},
    ]
    return made if answer is None else [*made, {"role": "assistant", "content": answer}]


FORMS: dict[str, tuple[str, Any]] = {
    "a list of messages": ("e.json", lambda some: json.dumps(some[0], indent=1)),
    "an object": ("e.json", lambda some: json.dumps({"id": "x", "messages": some[0]})),
    "conversations": ("e.json", lambda some: json.dumps([*some, {"messages": some[0]}], indent=1)),
    "one a line": ("e.jsonl", lambda some: "".join(json.dumps({"messages": one}) + "\n" for one in some)),
    "one message a line": ("e.jsonl", lambda some: "".join(json.dumps(one) + "\n" for one in some[0])),
}


@pytest.mark.parametrize(("name", "form"), FORMS.values(), ids=FORMS)
def test_logs_of_messages(react: Compiled, tmp_path: Path, name: str, form: Any) -> None:
    report = reported(react, written(tmp_path, name, form([conversation(), conversation()])))
    assert report.findings() == []
    assert report.steps == 7 * report.examples
    assert report.fix() == []
    broken = reported(react, written(tmp_path, name, form([conversation(answer=None), conversation()])))
    assert {finding.kind for finding in broken.findings()} == {"end"}
    (fixed,) = broken.fix()
    again = reported(react, fixed)
    assert again.findings() == []
    assert again.examples == broken.examples
    assert "Be brief." in fixed.read_text()


def test_the_assistant_may_write_its_cues(react: Compiled, tmp_path: Path) -> None:
    text = '[Thought] I multiply.\n[Action] calculator\n[Action Input] {"expression":"6*7"}\n[Observation] 42\n'
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": f"{text}[Thought] so\n[Answer] 42"}]
    assert reported(react, written(tmp_path, "e.json", json.dumps(messages))).findings() == []


def test_a_trailing_comma_in_arguments(react: Compiled, tmp_path: Path) -> None:
    report = reported(react, written(tmp_path, "e.json", json.dumps(conversation('{"expression": "6*7",}'))))
    (finding,) = report.findings()
    assert "a comma before a closing bracket" in finding.problem
    assert [edit.content for edit in finding.repair] == ['{"expression":"6*7"}']
    assert reported(react, report.fix()[0]).findings() == []


def test_what_is_wrong_with_a_log_is_not_the_end(react: Compiled, tmp_path: Path) -> None:
    no_call = [
        {"role": "user", "content": "?"},
        {"role": "tool", "tool_call_id": "z", "content": "42"},
        {"role": "assistant", "content": "42"},
    ]
    rows = [json.dumps({"messages": one}) for one in (conversation(), no_call, [{"role": "robot"}], conversation())]
    rows.insert(1, '{"messages": [')
    report = reported(react, written(tmp_path, "e.jsonl", "\n".join(rows) + "\n"))
    found = [(one.location.line, one.problem) for one in report.findings()]
    assert [line for line, _ in found[:4]] == [2, 3, 4, 3]
    assert "not valid JSON" in found[0][1]
    assert "a result that answers no call" in found[1][1]
    assert "unknown role 'robot'" in found[2][1]
    assert "may not come here" in found[3][1]
    assert report.examples == 3
    assert reported(react, report.fix()[0]).examples == 3


def test_a_tool_that_does_not_exist(react: Compiled, tmp_path: Path) -> None:
    messages = conversation()
    messages[2]["tool_calls"][0]["function"]["name"] = "calculater"
    finding = reported(react, written(tmp_path, "e.json", json.dumps(messages))).findings()[0]
    assert "did you mean 'calculator'?" in finding.problem


# Files --------------------------------------------------------------------------------------------------------------

GOOD = "[Q] x\n[T] so\n[A] yes\n"


@pytest.fixture(scope="module")
def small() -> Compiled:
    return compiled("q t* a")


FILES: dict[str, tuple[bytes, list[tuple[int, int, str]]]] = {
    "Windows line ends": (GOOD.replace("\n", "\r\n").encode(), []),
    "Windows line ends, and a fault": (b"[Q] x\r\n[T] so\r\n[A] yess\r\n", [(3, 8, "no such choice")]),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), []),
    "another encoding": (
        b"[Q] caf\xe9\n[A] no\n---\n" + GOOD.encode(), [(1, 8, "not UTF-8: the byte 0xe9 at offset 7; save")],
    ),
    "another encoding after a mark": (b"\xef\xbb\xbf[Q] caf\xe9\n[A] no\n", [(1, 8, "at offset 10")]),
    "UTF-16": ("[Q] x\n[A] no\n".encode("utf-16"), [(1, 1, "byte 0 begins a text in UTF-16")]),
    "a NUL byte": (b"[Q] x\n[T] a\0b\n[A] no\n", [(2, 6, "a NUL byte")]),
    "NUL bytes alone": (b"\0\0\0", [(1, 1, "a NUL byte")]),
    "an unknown cue": (b"[Q] x\n[t] so\n[A] no\n", [(2, 1, "did you mean '[T]'?")]),
    "cut in the middle": (b"[Q] x\n[T] so\n[A", [(3, 1, "no cue")]),
    "nothing": (b"", [(1, 1, "the file holds no example")]),
}  # fmt: skip


@pytest.mark.parametrize(("data", "wanted"), FILES.values(), ids=FILES)
def test_files_of_examples(small: Compiled, tmp_path: Path, data: bytes, wanted: list[tuple[int, int, str]]) -> None:
    report = reported(small, written(tmp_path, "e.txt", data))
    found = report.findings()
    for (line, column, problem), finding in zip(wanted, found, strict=False):
        assert (finding.location.line, finding.location.column) == (line, column), str(finding)
        assert problem in finding.problem
    assert bool(found) == bool(wanted)
    if not found:
        return
    for fixed in report.fix():
        again = reported(small, fixed)
        assert again.findings() == []
        assert again.examples == report.examples
        assert fixed.read_bytes().startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
        assert (b"\r\n" in fixed.read_bytes()) == (b"\r\n" in data)


def test_two_cues_on_one_line(tmp_path: Path) -> None:
    made = compiled("q u* a", steps={"u": {"by": "model", "cue": "[U]", "text": {"max_chars": 50}}})
    report = reported(made, written(tmp_path, "e.txt", "[Q] x\n[U] so [A] yes\n[A] yes\n"))
    assert report.findings() == []
    warning = next(one for one in report.warnings() if one.kind == "segmentation")
    assert (warning.location.line, warning.location.column) == (2, 8)
    assert "'[A]'" in warning.problem
    assert report.findings(strict=True)


def test_a_large_file_is_refused_and_the_others_are_read(
    small: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "EXAMPLES_BYTES", 100)
    report = Report(small)
    for name, text in (("a.txt", "[Q] x\n" * 50), ("b.json", "[" + " " * 200 + "]"), ("c.txt", GOOD)):
        report.add(written(tmp_path, name, text))
    assert [(Path(one.location.source).name, one.problem) for one in report.findings()] == [
        ("a.txt", "the file is larger than 100 bytes"), ("b.json", "the file is larger than 100 bytes"),
    ]  # fmt: skip
    assert report.examples == 1


def test_a_copy_is_written_over_a_copy_alone(small: Compiled, tmp_path: Path) -> None:
    path = written(tmp_path, "e.txt", "# mine\n[Q] x\n\n[A] yess\n---\n" + GOOD)
    before = path.read_bytes()
    (fixed,) = reported(small, path).fix()
    assert fixed.name == "e.fixed.txt"
    assert fixed.read_text().split("\n", 1)[1] == "# mine\n[Q] x\n\n[A] yes\n---\n" + GOOD
    assert reported(small, path).fix() == [fixed]
    fixed.write_text(fixed.read_text() + "# by hand\n")
    with pytest.raises(InvalidInput, match="no untouched copy of ours"):
        reported(small, path).fix()
    assert fixed.read_text().endswith("# by hand\n")
    assert path.read_bytes() == before


# What examples show ---------------------------------------------------------------------------------------------------


def test_what_no_example_shows(tmp_path: Path) -> None:
    made = compiled(
        "q (t | n i o)* a", "G(failed(pay) -> X t)", "!a W (t | o)", "G(failed(look) -> F a)",
        tools={"pay": {"type": "object", "properties": {}}, "look": {"type": "object", "properties": {}}},
    )  # fmt: skip
    report = reported(made, written(tmp_path, "e.txt", "[Q] x\n[T] so\n[A] yes\n"))
    assert report.findings() == []
    missing = {"step": ["n", "i", "o"], "tool": ["pay", "look"], "rule": ["r0", "r2"]}
    assert report.coverage.missing() == missing
    report.add(written(tmp_path, "f.txt", "[Q] x\n[N] pay\n[I] {}\n[O] Error: no\n[T] so\n[A] yes\n"))
    assert report.coverage.missing()["tool"] == ["look"]
    assert "r0" not in report.coverage.missing()["rule"]
    shape = report.coverage.to_json()
    assert shape["examples"] == 2
    assert shape["transitions"]["taken"] < shape["transitions"]["total"]
    assert sum(one["taken"] for one in shape["steps"]) == shape["transitions"]["taken"]
    assert sum(one["transitions"] for one in shape["steps"]) == shape["transitions"]["total"]
    assert {one["step"]: one["times"] for one in shape["steps"]} == {"q": 2, "t": 2, "n": 1, "i": 1, "o": 1, "a": 2}


def test_a_rule_that_nothing_can_exercise_is_not_missed(tmp_path: Path) -> None:
    made = compiled("q t* a", "G !(a & t)")
    report = reported(made, written(tmp_path, "e.txt", "[Q] x\n[A] yes\n"))
    assert report.coverage.missing() == {"step": ["t"], "tool": [], "rule": []}


def test_rules_that_are_not_enforced_are_warned_of(tmp_path: Path) -> None:
    made = compiled("q t* a", rules=[{"id": "think", "ltl": "F t", "enforce": "warn"}])
    report = reported(made, written(tmp_path, "e.txt", "[Q] x\n[A] yes\n---\n[Q] x\n[T] so\n[A] yes\n"))
    assert report.findings() == []
    (warning,) = [one for one in report.warnings() if one.kind == "rule"]
    assert (warning.example, warning.rules, warning.location.line) == (1, ("think",), 2)
    assert [one.rules for one in report.findings(strict=True)] == [("think",)]


def test_tokens_are_estimated_without_a_model(tmp_path: Path) -> None:
    made = compiled("q u* a", steps={"u": {"by": "model", "cue": "[U]", "text": {"max_chars": 400}}},
                    limits={"max_tokens": 120})  # fmt: skip
    report = reported(
        made, written(tmp_path, "e.txt", f"[Q] x\n{'[U] ' + 'word ' * 50}.\n[U] {'word ' * 60}.\n[A] no\n")
    )
    assert report.findings() == []
    (warning,) = [one for one in report.warnings() if one.kind == "limits"]
    assert warning.step == 3
    assert "estimate" in warning.problem
