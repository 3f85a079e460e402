"""Files of items: each kind as it is published, and all that can be wrong with them, with its place."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec import limits
from agentspec.checking.compile import compile_agent
from agentspec.content.json_schema import lowered
from agentspec.content.tool_file import read_tool_file
from agentspec.episode.prompt_examples import read_examples
from agentspec.errors import AgentSpecError, InvalidInput
from agentspec.evaluation.metrics import metric
from agentspec.evaluation.readers import METRICS, Data, data_file, read_items
from agentspec.shipped import folder
from agentspec.spec.load import load
from agentspec.toolbox.importing import import_tool_file

ROOT = Path(__file__).parent.parent.parent

GSM8K = {"question": "How many?", "answer": "2 + 2 = <<2+2=4>>4\nso four\n#### 1,004"}
HOTPOT = {
    "_id": "5a8b", "question": "Who?", "answer": "Ann", "type": "bridge", "level": "hard",
    "supporting_facts": [["A", 0]], "context": [["A", ["One. ", "Two."]], ["B", ["Three."]]],
}  # fmt: skip
BFCL = {
    "id": "simple_1", "question": [[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go"}]],
    "function": [{
        "name": "math.gcd", "description": "The divisor.",
        "parameters": {"type": "dict", "required": ["a"], "properties": {
            "a": {"type": "float", "description": "one"}, "b": {"type": "tuple", "items": {"type": "integer"}},
            "c": {"type": "any"}, "d": {"type": "dict", "properties": {"e": {"type": "string", "enum": ["x"]}}},
            "f": {"type": "String", "default": 1, "optional": True},
        }},
    }],
}  # fmt: skip
TRUTH = [{"math.gcd": {"a": [1.0, 2], "b": [""], "c": [""], "d": [""], "f": [""]}}]


def written(tmp_path: Path, content: str | bytes, name: str = "data.jsonl") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines(*values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def read(tmp_path: Path, content: str | bytes, **more: Any) -> Data:
    return read_items(written(tmp_path, content), **more)


def test_our_own(tmp_path: Path) -> None:
    data = read(
        tmp_path, lines({"id": 7, "task": "t", "expected": ["a", "b"], "level": 3}, {"task": "u", "expected": 1})
    )
    assert data.reader == "jsonl"
    assert [(item.id, item.task, item.expected, dict(item.meta)) for item in data.items] == [
        ("7", "t", ["a", "b"], {"level": 3}), ("2", "u", 1, {}),
    ]  # fmt: skip


def test_gsm8k(tmp_path: Path) -> None:
    data = read(tmp_path, lines(GSM8K))
    assert (data.reader, data.items[0].id, data.items[0].expected) == ("gsm8k", "gsm8k-1", "1,004")
    assert metric(METRICS["gsm8k"]).check(data.items[0].expected) is None


def test_hotpotqa_with_the_columns_of_the_hub(tmp_path: Path) -> None:
    context = {"title": [one[0] for one in HOTPOT["context"]], "sentences": [one[1] for one in HOTPOT["context"]]}
    row = {key: one for key, one in HOTPOT.items() if key != "_id"} | {"id": "h7", "context": context}
    uneven = {**row, "id": "u", "context": {"title": ["a"], "sentences": []}}
    path = written(tmp_path, f"{json.dumps(row)}\n{json.dumps(uneven)}\n")
    data = read_items(path, context=True)
    first = read_items(written(tmp_path, json.dumps([HOTPOT])), context=True)
    assert (data.reader, [item.id for item in data.items]) == ("hotpotqa", ["h7"])
    assert data.items[0].task == first.items[0].task
    assert ["as many 'title' as 'sentences'" in str(fault) for fault in data.faults] == [True]


def test_hotpotqa_is_a_list(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([HOTPOT], indent=1))
    data = read_items(path)
    assert (data.reader, data.items[0].id, data.items[0].task, data.items[0].expected) == (
        "hotpotqa",
        "5a8b",
        "Who?",
        "Ann",
    )
    assert data.items[0].meta["supporting_facts"] == [["A", 0]]
    assert read_items(path, context=True).items[0].task == "A: One. Two.\nB: Three.\nWho?"


def test_bfcl_with_its_answers_in_the_line_or_beside(tmp_path: Path) -> None:
    inside = read(tmp_path, lines({**BFCL, "ground_truth": TRUTH}))
    answers = written(tmp_path, lines({"id": "simple_1", "ground_truth": TRUTH}), "answers.jsonl")
    beside = read(tmp_path, lines(BFCL), answers=answers)
    assert inside.items == beside.items
    assert inside.sha256 != beside.sha256
    item = inside.items[0]
    assert (inside.reader, item.task, item.expected) == ("bfcl", "Be brief.\n\nGo", TRUTH)
    assert item.names == {"math_gcd": "math.gcd"}
    parameters = item.tools[0].parameters
    assert parameters["properties"] == {
        "a": {"type": "number", "description": "one"}, "b": {"type": "array", "items": {"type": "integer"}}, "c": {},
        "d": {"type": "object", "properties": {"e": {"type": "string", "enum": ["x"]}}, "required": [],
              "additionalProperties": False},
        "f": {"type": "string"},
    }  # fmt: skip
    assert parameters["required"] == ["a"]
    lowered(parameters)


def test_names_that_fall_together_are_told_apart(tmp_path: Path) -> None:
    functions = [{"name": name, "description": "d", "parameters": {"type": "dict", "properties": {}}} for name in ("a.b", "a_b", "1x")]  # fmt: skip # noqa: E501
    item = read(tmp_path, lines({**BFCL, "function": functions, "ground_truth": []})).items[0]
    assert item.names == {"a_b": "a.b", "a_b_2": "a_b", "f_1x": "1x"}


@pytest.mark.parametrize(
    ("bad", "line", "column", "told"),
    [
        ('{"id": 1, "task": "t",}', 2, 23, "not JSON"), ('{"id": 1, "task": "t"}', 2, 1, "'expected' is missing"),
        ("[1]", 2, 1, "an object, not list"), ('{"task": "", "expected": 1}', 2, 1, "not empty"),
        ('{"id": "ok", "task": "t", "expected": 1}', 2, 1, "a second item with the id 'ok'"),
        ('{"task": "\\ud800", "expected": 1}', 2, 1, "not valid Unicode"), ('{"task": NaN}', 2, 1, "NaN is not JSON"),
        ("[" * 100_000, 2, 1, "not JSON"), ('{"task": "t", "expected": 1, "tools": [{"name": 3}]}', 2, 1, "a function"),
        ('{"task": 3, "expected": 1}', 2, 1, "is a text"), ("9" * 5000, 2, 1, "not JSON"),
    ],
)  # fmt: skip
def test_a_bad_line_is_told_and_the_others_are_read(
    tmp_path: Path, bad: str, line: int, column: int, told: str
) -> None:
    good = {"id": "ok", "task": "t", "expected": 1}
    content = f"{json.dumps(good)}\r\n{bad}\r\n\r\n{json.dumps({**good, 'id': 'last'})}"
    data = read(tmp_path, content)
    assert [item.id for item in data.items] == ["ok", "last"]
    (fault,) = data.faults
    assert told in fault.message
    assert fault.location is not None
    assert (fault.location.line, fault.location.column) == (line, column)


def test_places_in_a_list(tmp_path: Path) -> None:
    second = json.dumps({**HOTPOT, "_id": "x", "context": 3, "answer": 5})
    data = read(tmp_path, f"[\n {json.dumps(HOTPOT)},\n  {second},\n {json.dumps({**HOTPOT, '_id': 'z'})}\n {{")
    assert [item.id for item in data.items] == ["5a8b", "z"]
    places = [(fault.location.line, fault.location.column) for fault in data.faults if fault.location]
    assert places == [(3, 3), (5, 2)]
    assert "comma" in data.faults[1].message


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "holds no item"), (b"\n\n", "holds no item"), (b"[]", "holds no item"), (b"\xff\n", "not UTF-8"),
        (b'{"a": 1}\n', "neither jsonl"), (b"{", "not JSON"), (b'{"task": 1, "expected": 1}', "is a text"),
        (b"[1, 2]", "holds no item"),
    ],
)  # fmt: skip
def test_a_file_without_any_item_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read(tmp_path, content)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [{"id": str(i), "task": "t" * i, "expected": 1} for i in range(1, 9)]
    monkeypatch.setattr(limits, "DATA_ITEMS", 3)
    data = read(tmp_path, lines(*items))
    assert (len(data.items), len(data.faults)) == (3, 1)
    monkeypatch.setattr(limits, "DATA_ITEMS", 99)
    monkeypatch.setattr(limits, "DATA_LINE", 44)
    assert len(read(tmp_path, lines(*items)).faults) == 2
    monkeypatch.setattr(limits, "DATA_BYTES", 50)
    with pytest.raises(InvalidInput, match="larger than 50 bytes"):
        read(tmp_path, lines(*items))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"question": [[], []]}, "not 2"), ({"question": []}, "one turn"), ({"question": [[]]}, "no message"),
        ({"question": [[{"role": "tool", "content": "x"}]]}, "system or user"), ({"function": 3}, "list of functions"),
        ({"function": [{"name": "f", "parameters": {"type": "string"}}]}, "of type dict"),
        ({"function": [{"name": "f", "parameters": {"properties": {"a": {"type": "flot"}}}}]}, "'float'"),
        ({"ground_truth": None}, "nothing is expected"),
    ],
)  # fmt: skip
def test_bad_bfcl(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        read(tmp_path, lines({**BFCL, "ground_truth": TRUTH, **change}), reader="bfcl")


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail_otherwise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)
    with suppress(AgentSpecError):
        assert read_items(path).items


@pytest.mark.parametrize(("name", "tool"), [("sums", "calculator"), ("facts", "lookup")])
def test_the_agents_of_the_experiment_show_what_their_tools_say(name: str, tool: str) -> None:
    function = vars(import_tool_file(read_tool_file(folder("tools"), f"{tool}.py")))[tool]
    agent = compile_agent(load(str(ROOT / "benchmarks" / "experiment_agents" / f"{name}.yaml")))
    shown = read_examples(agent)
    assert len(shown) == 3
    asked = {item.task for set_ in ("arithmetic", "lookup") for item in read_items(data_file(set_)).items}
    for example in shown:
        said = {line.step: line.content for line in example}
        assert function(**json.loads(said["action_input"])) == said["observation"]
        assert said["question"] not in asked


def test_shipped_sets_are_large_and_fit_their_metrics() -> None:
    for name, measure in (("arithmetic", "numeric"), ("lookup", "contains"), ("calls", "calls")):
        data = read_items(data_file(name))
        assert len(data.items) >= 100
        assert not data.faults
        for item in data.items:
            metric(measure).check(item.expected)
    with pytest.raises(InvalidInput, match="did you mean 'lookup'"):
        data_file("lokup")
