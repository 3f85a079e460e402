"""Evaluations on toy models: what a result says, going on after a stop, shards, summaries."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentspec.errors import InvalidInput, SyntaxProblem
from agentspec.evaluation.evaluation import Evaluation, chosen, labels, parsed_shard
from agentspec.evaluation.items import Item, Said
from agentspec.evaluation.metrics import metric
from agentspec.evaluation.own_metric import own_metric
from agentspec.evaluation.play import Line, Player
from agentspec.evaluation.readers import read_items
from agentspec.evaluation.report import markdown
from agentspec.evaluation.results import Store, read_lines, store
from agentspec.evaluation.setting import ARMS, Arm, Candidate, Setting, arms_named, grid
from agentspec.evaluation.stats import wilson
from agentspec.evaluation.summary import base_of, summary
from agentspec.spec.load import load, load_text
from agentspec.toolbox.tool import tool_from_function
from tests.api.toys import TEXT, add
from tests.episode.scripted import END, scripted
from tests.laws.toy import ToyEngine

RIGHT = '[Thought] go\n[Action] add\n[Action Input] {"a":1,"b":2}\n'
SMALL = Candidate("small", load_text(TEXT), (tool_from_function(add),))


def evaluation(
    tmp_path: Path, engine: Any = None, *, items: int = 3, arms: tuple[Arm, ...] = ARMS, **more: Any
) -> Evaluation:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"id": str(i), "task": "1 and 2?", "expected": 3}) + "\n" for i in range(items)))
    measured = metric("numeric")
    data, some = chosen(read_items(path), measured)
    engine = engine or ToyEngine(will="short")
    settings = grid(["small"], arms, [None], ["toy"], [0.0], [0])
    return Evaluation(data, some, settings, Player({"small": SMALL}, lambda _: engine, measured, 300, **more))


def test_a_line_says_what_became_of_the_run(tmp_path: Path) -> None:
    engine = scripted(RIGHT, "[Answer] it is 3.\n", END)
    found = evaluation(tmp_path, engine)
    item = found.items[0]
    line = found.player.play(item, found.settings[0])
    assert (line.status, line.answer, line.score, line.score_anyway) == ("accepted", "it is 3.", 1, 1)
    assert line.calls == ({"name": "add", "arguments": {"a": 1, "b": 2}},)
    assert line.usage["tool_calls"] == 1
    assert Line.from_json(json.loads(json.dumps(line.to_json()))) == line


def test_a_right_answer_of_a_run_that_did_not_end_well_is_no_score(tmp_path: Path) -> None:
    found = evaluation(tmp_path, scripted("[Answer] 3\n", END))
    line = found.player.play(found.items[0], found.settings[0])
    assert (line.status, line.answer, line.said) == ("stopped_rule", None, "[Answer] 3")
    assert (line.score, line.score_anyway, line.malformed) == (0, 1, True)


def test_rules_and_denials_are_counted(tmp_path: Path) -> None:
    script = (RIGHT, "[Thought] more\n[Action] add\n")
    found = evaluation(tmp_path, scripted(*script, *["x\n"] * 9))
    free = found.player.play(found.items[0], found.settings[0])
    assert (free.rules, free.malformed) == (("once",), False)
    watched = evaluation(tmp_path, scripted(*script, *["x\n"] * 9))
    line = watched.player.play(watched.items[0], watched.settings[ARMS.index("monitor")])
    assert (line.denied, line.malformed, line.rules) == (3, True, ())


def test_items_bring_their_tools(tmp_path: Path) -> None:
    tools = [{"name": "math.neg", "description": "d", "parameters": {"type": "dict", "properties": {"x": {"type": "float"}}, "required": ["x"]}}]  # fmt: skip # noqa: E501
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps({"task": "Go", "expected": [{"math.neg": {"x": [2]}}], "tools": tools}))
    text = TEXT.replace("rules: [{id: once, ltl: \"G(ok(add) -> G !action)\", description: what is known is not asked again}]\n", "")  # fmt: skip # noqa: E501
    agent = Candidate("a", load_text(text), (tool_from_function(add),))
    _, items = chosen(read_items(path), metric("calls"))
    engine = scripted('[Thought] go\n[Action] math_neg\n[Action Input] {"x":2.0}\n', "[Answer] 3\n", END)
    player = Player({"a": agent}, lambda _: engine, metric("calls"))
    setting = Setting("a", "unguarded", None, "toy")
    line = player.play(items[0], setting)
    assert (line.status, line.score) == ("accepted", 1), line
    assert line.calls == ({"name": "math.neg", "arguments": {"x": 2.0}},)
    assert player.agent(setting, items[0]) is player.agent(setting, items[0])
    assert [ref.name for ref in player.agent(setting, items[0]).declaration.tools] == ["math_neg"]


def test_what_cannot_be_run_is_a_result(tmp_path: Path) -> None:
    small = evaluation(tmp_path)
    little = replace(small, player=replace(small.player, max_tokens=3))
    line = little.player.play(little.items[0], little.settings[ARMS.index("guard")])
    assert (line.status, line.score) == ("refused", 0)
    broken = Item("1", " ", 3)
    assert little.player.play(broken, little.settings[0]).status == "refused"

    class Broken(ToyEngine):
        def open(self, prompt: list[int]) -> Any:
            raise LookupError(f"no memory for {len(prompt) * 0 + 1} more")

    found = evaluation(tmp_path, Broken())
    line = found.player.play(found.items[0], found.settings[0])
    assert (line.status, line.reason) == ("engine_fault", "LookupError: no memory for 1 more")


# ---- results on the disk ---------------------------------------------------------------------------------------------


def keys(found: Evaluation) -> set[tuple[str, str]]:
    return {(item.id, setting.key) for item in found.items for setting in found.settings}


def stopped(found: Evaluation, folder: Path, after: int) -> None:
    def tell(_: Line) -> None:
        nonlocal after
        after -= 1
        if after == 0:
            raise KeyboardInterrupt

    with store(folder, found.config()) as results, pytest.raises(KeyboardInterrupt):
        found.run(results, tell=tell)


def test_going_on_runs_only_what_is_missing(tmp_path: Path) -> None:
    found, folder = evaluation(tmp_path), tmp_path / "out"
    stopped(found, folder, 5)
    first = (folder / "results.jsonl").read_bytes()
    assert first.count(b"\n") == 5
    played: list[tuple[str, str]] = []

    class Counting(Player):
        def play(self, item: Item, setting: Setting) -> Line:
            played.append((item.id, setting.key))
            return super().play(item, setting)

    again = replace(found, player=Counting(found.player.candidates, found.player.engines, found.player.metric, 300))
    with store(folder, again.config()) as results:
        again.run(results)
    assert len(played) == len(set(played)) == 7
    assert (folder / "results.jsonl").read_bytes().startswith(first)
    assert set(read_lines(folder)) == keys(found)


@pytest.mark.parametrize("cut", [1, 20, -1])
def test_a_torn_last_line_is_cut_and_run_again(tmp_path: Path, cut: int) -> None:
    found, folder = evaluation(tmp_path, arms=("guard",)), tmp_path / "out"
    stopped(found, folder, 2)
    file = folder / "results.jsonl"
    content = file.read_bytes()
    rows = content.splitlines(keepends=True)
    file.write_bytes(rows[0] + rows[1][:cut])
    assert len(read_lines(folder)) == 1
    with store(folder, found.config()) as results:
        found.run(results)
    assert len(file.read_bytes().splitlines()) == 3
    assert set(read_lines(folder)) == keys(found)


def test_a_broken_line_in_the_midst_is_named(tmp_path: Path) -> None:
    found, folder = evaluation(tmp_path, arms=("guard",)), tmp_path / "out"
    stopped(found, folder, 2)
    (folder / "results.jsonl").write_text("{}\n{\n")
    with pytest.raises(SyntaxProblem, match=r"results\.jsonl:1:1: not a result"):
        read_lines(folder)


def test_another_configuration_is_refused_by_what_differs(tmp_path: Path) -> None:
    found, folder = evaluation(tmp_path, arms=("guard",)), tmp_path / "out"
    stopped(found, folder, 1)
    other = replace(found, player=replace(found.player, max_tokens=99, metric=metric("exact")))
    differ = r'limits\.max_tokens was 300 and is 99; metric\.name was "numeric" and is "exact"'
    with pytest.raises(InvalidInput, match=differ):
        stopped(other, folder, 1)
    changed = replace(SMALL, declaration=replace(SMALL.declaration, instructions="Hurry."))
    with pytest.raises(InvalidInput, match=r"agents\.small was"):
        stopped(replace(found, player=replace(found.player, candidates={"small": changed})), folder, 1)
    more = replace(found, player=replace(found.player, candidates={"small": SMALL, "other": changed}))
    with store(folder, more.config()):
        pass
    assert set(json.loads((folder / "config.json").read_text())["agents"]) == {"small", "other"}


def test_results_without_their_configuration_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("")
    with pytest.raises(InvalidInput, match="without the config"), store(tmp_path, {"agents": {}}):
        pass


def test_two_shards_fill_one_folder_and_the_same_file_is_not_shared(tmp_path: Path) -> None:
    found, folder = evaluation(tmp_path, items=5, arms=("guard",)), tmp_path / "out"
    with store(folder, found.config(), (1, 2)) as one, store(folder, found.config(), (2, 2)) as other:
        found.run(one, (1, 2))
        found.run(other, (2, 2))
        with pytest.raises(InvalidInput, match="another process fills"), store(folder, found.config(), (2, 2)):
            pass
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["results-1of2.jsonl", "results-2of2.jsonl"]
    assert [len(path.read_text().splitlines()) for path in sorted(folder.glob("*.jsonl"))] == [3, 2]
    with store(folder, found.config()) as whole:
        assert set(whole.lines) == keys(found)


@pytest.mark.parametrize("text", ["0/2", "3/2", "a", "1", "1/", "/2", "1/1001", "-1/2"])
def test_bad_shards(text: str) -> None:
    with pytest.raises(InvalidInput, match="a shard is i/n"):
        parsed_shard(text)


# ---- summaries -------------------------------------------------------------------------------------------------------


def lines_of(found: Evaluation, scores: dict[str, list[float]]) -> Iterator[Line]:
    usage = {"tokens": 10, "model_calls": 4, "tool_calls": 1, "seconds": 0.5, "prompt_tokens": 9}
    for setting in found.settings:
        for item, score in zip(found.items, scores[setting.arm], strict=False):
            yield Line(item.id, setting.key, "accepted" if score else "engine_fault", None, score, score, usage, reason="x")  # fmt: skip # noqa: E501


def test_a_summary_counts_all_items_and_compares_item_by_item(tmp_path: Path) -> None:
    found = evaluation(tmp_path, items=4, arms=("unguarded", "guard"))
    scores = {"unguarded": [0.0, 0.0, 1.0, 0.0], "guard": [1.0, 1.0, 1.0, 0.0]}
    lines = {(line.item, line.setting): line for line in lines_of(found, scores)}
    made = summary(found, lines)
    first, second = made.rows
    assert (first.score, first.interval, first.difference) == (0.25, wilson(1, 4), None)
    assert (second.score, second.items, second.statuses) == (0.75, 4, {"accepted": 3, "engine_fault": 1})
    assert second.difference is not None
    assert (second.difference.mean, second.difference.p) == (0.5, 0.5)
    assert made.missing == 0
    text = markdown(made)
    assert "| guard | 75.0 [30.1, 95.4] | +50.0 [+0.0, +100.0] | 0.500 | 3 |" in text
    assert "- guard: once: x" in text
    assert json.loads(json.dumps(made.to_json(), allow_nan=False))["settings"][1]["difference"]["p"] == 0.5


def test_a_summary_of_a_part_says_so(tmp_path: Path) -> None:
    found = evaluation(tmp_path, items=4, arms=("unguarded", "guard"))
    made = summary(found, {})
    assert made.missing == 8
    assert "8 runs are still to come" in markdown(made)
    json.dumps(made.to_json(), allow_nan=False)


def test_settings_are_compared_with_the_first_arm_of_the_same_agent() -> None:
    settings = grid(["a", "b"], ("unguarded", "guard"), [0, 1], ["m"], [0.0], [0])
    for one in settings:
        base = base_of(one, settings)
        if one.arm == "guard":
            assert (base.agent, base.examples, base.arm) == (one.agent, one.examples, "unguarded")
        else:
            assert base == settings[0]
    assert labels(settings)[settings[-1].key] == "b k=1 guard"
    with pytest.raises(InvalidInput, match="each arm once"):
        grid(["a"], ("guard", "guard"), [0], ["m"], [0.0], [0])
    with pytest.raises(InvalidInput, match="did you mean 'monitor'"):
        arms_named(["moniter"])
    assert arms_named(["all"]) == ARMS


def test_there_must_be_so_many_examples(tmp_path: Path) -> None:
    found = evaluation(tmp_path, arms=("guard",))
    found.check()
    with pytest.raises(InvalidInput, match="'small' has 0 worked examples, not 1"):
        replace(found, settings=(replace(found.settings[0], examples=1),)).check()


def test_so_many_examples_are_in_the_prompt(tmp_path: Path) -> None:
    found = evaluation(tmp_path)
    react = Candidate("react", load("react"))
    player = replace(found.player, candidates={"react": react}, max_tokens=None)
    sizes = []
    for k in (0, 1, 2, 3, None):
        line = player.play(found.items[0], Setting("react", "guard", k, "toy"))
        sizes.append(line.usage["prompt_tokens"])
    assert sizes[:4] == sorted(set(sizes))
    assert sizes[4] == sizes[3]


def test_items_are_chosen_by_limit_and_by_seed(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(
        "".join(json.dumps({"id": i, "task": "t", "expected": "x" if i == 7 else i}) + "\n" for i in range(30))
    )
    data = read_items(path)
    left, items = chosen(data, metric("numeric"), limit=3)
    assert ([item.id for item in items], len(left.faults)) == (["0", "1", "2"], 1)
    drawn = [item.id for item in chosen(data, metric("exact"), sample=5, seed=4)[1]]
    assert drawn == [str(i) for i in sorted(random.Random(4).sample(range(30), 5))]
    assert drawn == [item.id for item in chosen(data, metric("exact"), sample=5, seed=4)[1]]
    assert drawn != [item.id for item in chosen(data, metric("exact"), sample=5, seed=5)[1]]
    with pytest.raises(InvalidInput, match="can use no item"):
        chosen(data, metric("calls"))


# ---- metrics of the user's own ---------------------------------------------------------------------------------------


def test_a_metric_in_a_file_beneath_the_folder(tmp_path: Path) -> None:
    (tmp_path / "my.py").write_text(
        "def half(item, run):\n    return 0.5 if item['expected'] == 3 and run['answer'] else 0\n"
        "def wrong(item, run): return 7\ndef boom(item, run): raise KeyError('x')\ndef one(item): return 1\n"
    )
    good = own_metric("./my.py:half", tmp_path)
    found = evaluation(tmp_path, scripted(RIGHT, "[Answer] it is 3.\n", END))
    line = replace(found.player, metric=good).play(found.items[0], found.settings[0])
    assert line.score == 0.5
    for name, told in (("wrong", "a number from 0 to 1"), ("boom", "the metric failed: KeyError")):
        found = evaluation(tmp_path, scripted(RIGHT, "[Answer] it is 3.\n", END))
        line = replace(found.player, metric=own_metric(f"./my.py:{name}", tmp_path)).play(
            found.items[0], found.settings[0]
        )
        assert line.score == 0
        assert told in line.reason
    for text, told in (
        ("./my.py:one", "takes two arguments"), ("./my.py:none", "has no function 'none'"),
        ("../my.py:half", "leads out"),
        ("./no.py:half", "no such file"), ("python:no_such.thing", "cannot be imported"), ("my:half", "is no python:"),
        ("python:math.nothing", "has no 'nothing'"), ("/etc/x.py:f", "not a relative path"),
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=told):
            own_metric(text, tmp_path)
    assert own_metric("python:operator.eq", tmp_path).score(Item("1", "t", 3), Said("x")) == 0


def test_a_store_in_memory_writes_nothing(tmp_path: Path) -> None:
    found = evaluation(tmp_path, arms=("guard",))
    with store(None, {}) as results:
        found.run(results)
        results.write("x", "y")
    assert isinstance(results, Store)
    assert set(results.lines) == keys(found)
