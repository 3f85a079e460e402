"""`agentspec eval` as it is called: what it prints and writes, how it goes on, what it refuses."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from tests.cli.process import Place

DATA = "".join(json.dumps({"id": f"q{i}", "task": f"What is {i} + 1?", "expected": i + 1}) + "\n" for i in range(3))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path)
    made.write("data.jsonl", DATA)
    return made


def evaluate(place: Place, *arguments: str, **more: str) -> dict[str, object]:
    done = place.inside("eval", *arguments, "--json", toy=True, **more)
    assert done.code == 0, done
    return done.shape


def test_arms_and_examples_side_by_side(place: Place) -> None:
    shape = evaluate(
        place, "react", "data.jsonl", "--metric", "numeric", "--arms", "all", "--examples", "0,1",
        "--max-tokens", "150", "--limit", "2", "--out", "out",
    )  # fmt: skip
    settings = shape["settings"]
    assert isinstance(settings, list)
    assert [one["label"] for one in settings] == [
        f"k={k} {arm}" for k in (0, 1) for arm in ("unguarded", "grammar", "monitor", "guard")
    ]
    assert {one["items"] for one in settings} == {2}
    assert {one["label"]: one["statuses"] for one in settings}["k=1 guard"] == {"accepted": 2}
    assert shape["missing"] == 0
    out = place.folder / "out"
    assert len((out / "results.jsonl").read_text().splitlines()) == 16
    assert json.loads((out / "summary.json").read_text()) == shape
    assert "| k=0 guard |" in (out / "report.md").read_text()
    before = (out / "results.jsonl").read_bytes()
    again = place.inside(
        "eval", "react", "data.jsonl", "--metric", "numeric", "--arm", "unguarded", "--arm", "guard", "--examples", "1",
        "--max-tokens", "150", "--out", "out", "--traces", toy=True,
    )  # fmt: skip
    assert again.code == 0
    assert (out / "results.jsonl").read_bytes().startswith(before)
    assert len((out / "results.jsonl").read_text().splitlines()) == 18
    assert len(list((out / "traces").glob("*.jsonl"))) == 2
    assert again.out.startswith(
        "3 items of data.jsonl (jsonl), metric numeric, max_tokens 150; no-model-is-wanted-here."
    )
    assert "| guard |" in again.out


def test_several_agents(place: Place) -> None:
    shape = evaluate(place, "cot", "direct", "data.jsonl", "--metric", "contains", "--limit", "1")
    settings = shape["settings"]
    assert isinstance(settings, list)
    assert [one["label"] for one in settings] == ["cot guard", "direct guard"]
    assert settings[1]["difference"]["to"] == "cot guard"


def test_a_shipped_set_and_a_metric_of_ones_own(place: Place) -> None:
    place.write("mine.py", "def called(item, run):\n    return len(run['calls']) == 1\n")
    shape = evaluate(place, "caller", "calls", "--metric", "./mine.py:called", "--sample", "2", "--seed", "3")
    settings = shape["settings"]
    assert isinstance(settings, list)
    assert settings[0]["score"] == 1
    assert shape["items"] == 2


def test_a_metric_that_leaves_is_a_metric_that_failed(place: Place) -> None:
    place.write("mine.py", "def leaves(item, run):\n    raise SystemExit(3)\n")
    done = place.inside("eval", "direct", "data.jsonl", "--metric", "./mine.py:leaves", "--limit", "1", toy=True)
    assert done.code == 0
    assert "- guard: once: the metric failed: SystemExit: 3" in done.out


def test_a_shard_without_items_has_no_means(place: Place) -> None:
    done = place.inside("eval", "direct", "data.jsonl", "--shard", "5/9", "--out", "out", toy=True)
    assert done.code == 0
    assert "| guard | - | - | - | - | - |\n" in done.out
    assert "3 runs are still to come" in done.out


def test_a_session_that_waits_for_its_user_is_unfinished(place: Place) -> None:
    done = place.inside("eval", "chat-tools", "data.jsonl", "--limit", "1", toy=True)
    assert done.code == 0
    assert "|  |  | 0 | 0 | 0 | 0 | 1 | 0 |\n" in done.out


def test_what_is_not_read_is_told(place: Place) -> None:
    place.write("bad.jsonl", DATA + "{\n")
    done = place.inside("eval", "direct", "bad.jsonl", "--limit", "1", toy=True)
    assert done.code == 0
    assert "not read: bad.jsonl:4:2: not JSON" in done.err
    assert "Not read: 1, such as\n- bad.jsonl:4:2: not JSON" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["react"], "name an agent and a file of items"), (["react", "no.jsonl"], "no.jsonl: no such file"),
        (["react", "nothing"], "no set of that name is shipped"), (["reakt", "data.jsonl"], "did you mean 'react'"),
        (["react", "data.jsonl", "--arm", "guards"], "did you mean 'guard'"),
        (["react", "data.jsonl", "--examples", "9"], "has 3 worked examples, not 9"),
        (["react", "data.jsonl", "--examples", "a"], "--examples takes numbers"),
        (["react", "data.jsonl", "--metric", "calls"], "can use no item"),
        (["react", "data.jsonl", "--shard", "1/2"], "need a folder"),
        (["react", "data.jsonl", "--shard", "3/2", "--out", "o"], "a shard is i/n"),
        (["react", "data.jsonl", "--reader", "gsm"], "did you mean 'gsm8k'"),
        (["react", "data.jsonl", "--temperature", "-1"], "numbers of 0 or more"),
        (["react", "data.jsonl", "--timeout", "0"], "--timeout takes a number of seconds above 0, not 0.0"),
        (["react", "data.jsonl", "--timeout", "nan"], "--timeout takes a number of seconds above 0, not nan"),
        (["react", "data.jsonl", "--device", "tpu"], "tpu"),
        (["react", "data.jsonl", "--arms", "guard,guard"], "each arm once"),
    ],
)  # fmt: skip
def test_usage(place: Place, arguments: list[str], told: str) -> None:
    done = place.inside("eval", *arguments, toy=True)
    assert done.code == 2
    assert told in done.err
    assert "Traceback" not in done.err


def test_another_evaluation_in_the_folder(place: Place) -> None:
    evaluate(place, "direct", "data.jsonl", "--limit", "1", "--out", "out")
    done = place.inside("eval", "direct", "data.jsonl", "--max-tokens", "99", "--out", "out", toy=True)
    assert done.code == 2
    assert "out holds another evaluation: limits.max_tokens was null and is 99" in done.err


def test_a_model_that_breaks_is_shown(place: Place) -> None:
    done = place.inside("eval", "direct", "data.jsonl", "--limit", "2", toy=True, TOY_BREAK="1")
    assert done.code == 4
    assert "| 2 |\n" in done.out
    assert "- guard: 2 times: the toy broke" in done.out


def test_an_interrupted_evaluation_goes_on(place: Place) -> None:
    arguments = ["eval", "direct", "data.jsonl", "--out", "out"]
    process = place.start(*arguments, TOY_PAUSE="0.1")
    results = place.folder / "out" / "results.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (results.exists() and results.read_bytes().count(b"\n")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    many = results.read_bytes().count(b"\n")
    assert 1 <= many < 3
    assert place.inside(*arguments, toy=True).code == 0
    assert results.read_bytes().count(b"\n") == 3


def test_where_each_run_is_refused_it_says_so(place: Place) -> None:
    place.write("data.jsonl", '{"id": "a", "task": "Hi?", "expected": "x"}\n')
    done = place.inside("eval", "direct", "data.jsonl", "--max-tokens", "1", toy=True)
    assert done.code == 3
