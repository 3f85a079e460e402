"""``agentspec replay`` and ``explain``: shapes, exit codes, pages that no log can write on, journals of our own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import Done, Place

POLICY = """\
version: 1
name: refunds
propositions:
  large: {at: call, tool: refund, where: {amount: {exclusiveMinimum: 100}}}
  approved: {at: result, tool: ask_human, matches: "(?i)yes.*"}
rules:
  - {id: look-first, ltl: "!call(refund) W ok(lookup_order)", description: nothing is refunded unseen}
  - {id: four-eyes, ltl: "!large W approved"}
  - {id: answered, ltl: "G(user -> F assistant)", enforce: warn}
"""


def call(name: str, key: str, **arguments: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": key, "type": "function", "function": function}]}


USER = {"role": "user", "content": "Refund me."}
DONE = {"role": "assistant", "content": "Done."}
GOOD = [USER, call("lookup_order", "1"), {"role": "tool", "tool_call_id": "1", "content": "open"},
        call("refund", "2", amount=5), {"role": "tool", "tool_call_id": "2", "content": "ok"}, DONE]  # fmt: skip
BAD = [USER, call("refund", "1", amount=500), {"role": "tool", "tool_call_id": "1", "content": "ok"}, DONE]
SILENT = [USER]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.write("policy.yaml", POLICY)
    (place.folder / "logs" / "deep").mkdir(parents=True)
    return place


def logs(place: Place, **files: Any) -> None:
    for name, value in files.items():
        place.write(f"logs/{name}.json", value if isinstance(value, str) else json.dumps(value, indent=2))


def replay(place: Place, *more: str) -> Done:
    return place.inside("replay", "logs", "--spec", "policy.yaml", *more)


def test_the_table_says_which_rule_how_often_and_where_first(place: Place) -> None:
    logs(place, a=GOOD, b=BAD, c=BAD, d=SILENT)
    place.write("logs/deep/e.jsonl", json.dumps(GOOD) + "\n" + json.dumps(BAD) + "\n")
    done = replay(place)
    assert done.code == 1
    rows = [re.split(r" {2,}", line.strip()) for line in done.out.split("\n")]
    assert rows[1] == ["look-first", "block", "6", "3", "3", "0", "50.0 %", "logs/b.json:6"]
    assert rows[2] == ["four-eyes", "block", "6", "3", "3", "0", "50.0 %", "logs/b.json:6"]
    assert rows[3] == ["answered", "warn", "6", "5", "1", "0", "16.7 %", "logs/d.json:2"]
    assert "refunds: violated; 6 traces in 5 files, 25 messages, 0 problems" in done.out
    assert done.err == "" or "has no result" in done.err


def test_exit_codes(place: Place) -> None:
    logs(place, a=GOOD)
    assert replay(place).code == 0
    logs(place, b=SILENT)
    assert replay(place).code == 0, "a rule that only warns"
    logs(place, c="{")
    assert replay(place).code == 2
    logs(place, d=BAD)
    assert replay(place).code == 1
    assert replay(place, "--rule", "answered").code == 2
    for arguments in (["logs", "--spec", "nowhere.yaml"], ["nothing", "--spec", "policy.yaml"]):
        assert place.inside("replay", *arguments).code == 2
    place.write("policy.yaml", POLICY.replace("W ok", "W ok("))
    assert replay(place).code == 2
    assert json.loads(replay(place, "--json").out)["status"] == "invalid"


def test_an_empty_folder_is_told(place: Place) -> None:
    done = replay(place)
    assert (done.code, done.out) == (2, "")
    assert "no .json, .jsonl, .ndjson file in this folder" in done.err


def test_json_is_one_object(place: Place) -> None:
    logs(place, a=GOOD, b=BAD, c="[")
    done = replay(place, "--json")
    shape = json.loads(done.out)
    assert (shape["schema_version"], shape["status"], shape["spec"]) == (1, "violated", "refunds")
    assert shape["usage"] == {"files": 3, "traces": 2, "messages": 10, "steps": 10, "notes": 0, "problems": 1}
    first = shape["rules"][0]
    assert (first["rule"], first["violated"], first["first_violation"]) == (
        "look-first", 1, {"file": "logs/b.json", "line": 6, "item": 1},
    )  # fmt: skip
    assert shape["traces"][1]["verdicts"][0] == {
        "rule": "look-first", "enforce": "block", "verdict": "violated", "position": 1, "message": 1, "line": 6,
        "at_end": False,
    }  # fmt: skip
    assert shape["traces"][2]["problem"]["line"] == 1
    assert "four-eyes" in [rule["rule"] for rule in shape["rules"]]
    hint = "the tool 'ask_human', which rules name, is called in no trace; valid: lookup_order, refund"
    assert shape["hints"] == [hint]


def test_jsonl_is_one_line_a_trace(place: Place) -> None:
    logs(place, a=GOOD, b=BAD, c="[")
    done = replay(place, "--jsonl")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(line["file"], len(line["verdicts"]), line["problem"] is None) for line in lines] == [
        ("logs/a.json", 3, True), ("logs/b.json", 3, True), ("logs/c.json", 3, False),
    ]  # fmt: skip
    assert done.code == 1


def test_logs_that_go_on_leave_rules_undecided(place: Place) -> None:
    logs(place, a=SILENT)
    verdicts = json.loads(replay(place, "--json", "--open").out)["traces"][0]["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == ["undecided"] * 3
    assert replay(place, "--json").out.count('"undecided": 0') == 3


def test_failures_by_ones_own_pattern(place: Place) -> None:
    log = json.loads(json.dumps(GOOD))
    log[2]["content"] = "no such order"
    logs(place, a=log)
    assert replay(place).code == 0
    assert replay(place, "--failed-if", "no such").code == 1
    done = replay(place, "--failed-if", "(")
    assert done.code == 2
    assert "--failed-if:1:" in done.err


def test_a_mistyped_tool_in_a_rule_is_told(place: Place) -> None:
    place.write("policy.yaml", POLICY.replace("call(refund)", "call(refnd)"))
    logs(place, a=BAD)
    assert "the tool 'refnd', which rules name, is called in no trace; did you mean 'refund'?" in replay(place).out


HOSTILE = "a ```\n```\n# Ha\n| x | <script>alert(1)</script> [l](http://e.example) \x1b[2J \u202e www.e.example **b**"


def test_a_log_cannot_write_on_the_page(place: Place) -> None:
    """All of it stands in code blocks that it cannot end, and its names are escaped."""
    bad = [{"role": "user", "content": HOSTILE}, *BAD[1:]]
    logs(place, **{"x|y`<b>": bad})
    place.write("logs/bad.json", '[{"role": "<script>alert(1)</script>"}]')
    assert replay(place, "--markdown", "page.md").code == 1
    unwritable = replay(place, "--markdown", "nowhere/page.md")
    assert unwritable.code == 2
    assert "nowhere/page.md cannot be written" in unwritable.err
    text = (place.folder / "page.md").read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    outside, fence = [], ""
    for line in text.split("\n"):
        opened = re.fullmatch(r"(`{3,})(text)?", line)
        if fence:
            fence = "" if opened and not opened[2] and len(opened[1]) >= len(fence) else fence
        elif opened:
            fence = opened[1]
        else:
            outside.append(line)
    assert fence == ""
    prose = "\n".join(outside)
    for foreign in (r"<", r"# Ha", r"www\.", r"\]\("):
        assert re.search(rf"(?<!\\){foreign}", prose) is None, foreign
    table = next(line for line in outside if line.startswith("| look-first"))
    assert len(re.findall(r"(?<!\\)\|", table)) == 9
    assert "nothing is refunded unseen" in prose
    assert "What could not be read" in prose
    assert text.count("first violation") == 1


def test_the_terminal_is_not_driven_by_a_log(place: Place) -> None:
    logs(place, a=[{"role": "\x1b[2J"}])
    done = replay(place)
    assert "\x1b" not in done.out + done.err


# explain -----------------------------------------------------------------------------------------------------------


def test_explain_names_the_deciding_place(place: Place) -> None:
    logs(place, b=BAD)
    done = place.inside("explain", "logs/b.json", "--spec", "policy.yaml")
    assert done.code == 1
    assert "rule look-first: violated at messages[1], line 6" in done.out
    assert "`ok(lookup_order)` does not hold at steps 0, 1 and `call(refund)` holds at step 1" in done.out
    assert "  ►   1  call {call(refund), chosen(refund), large}" in done.out
    assert "rule answered" not in done.out


def test_explain_as_json_cites_facts(place: Place) -> None:
    logs(place, b=BAD)
    shape = json.loads(place.inside("explain", "logs/b.json", "--spec", "policy.yaml", "--json").out)
    first, second = shape["traces"][0]["rules"]
    assert (first["rule"], first["needs_end"]) == ("look-first", False)
    assert first["culprit"] == "!call(refund) W ok(lookup_order)"
    assert [(fact["position"], fact["proposition"], fact["holds"]) for fact in second["facts"]] == [
        (0, "approved", False), (1, "approved", False), (1, "large", True),
    ]  # fmt: skip


def test_explain_a_rule_that_holds(place: Place) -> None:
    logs(place, a=GOOD)
    done = place.inside("explain", "logs/a.json", "--spec", "policy.yaml", "--rule", "look-first")
    assert done.code == 0
    assert "rule look-first: satisfied at messages[2]" in done.out
    assert "no rule is violated (3 judged)" in place.inside("explain", "logs/a.json", "--spec", "policy.yaml").out


def test_explain_one_trace_of_many(place: Place) -> None:
    place.write("logs/e.jsonl", json.dumps(BAD) + "\n" + json.dumps(GOOD) + "\n" + json.dumps(BAD) + "\n")
    done = place.inside("explain", "logs/e.jsonl", "--spec", "policy.yaml", "--line", "3", "--rule", "four-eyes")
    assert done.out.count("rule four-eyes: violated at messages[1], line 3") == 1
    assert place.inside("explain", "logs/e.jsonl", "--spec", "policy.yaml", "--line", "9").code == 2
    assert place.inside("explain", "logs", "--spec", "policy.yaml").code == 2
    assert "add --spec" in place.inside("explain", "logs/e.jsonl").err


# Journals of ours --------------------------------------------------------------------------------------------------


@pytest.fixture
def journals(place: Place) -> list[dict[str, Any]]:
    """Three runs of a toy; what each of them says of itself."""
    found = []
    for will, task in (("short", "What is 1+1?"), ("random", "Who?"), ("long", "Why?")):
        done = place.inside("run", "react-zero", task, "--json", toy=True, TOY_WILL=will)
        assert done.code in (0, 1, 3), done
        found.append(json.loads(done.out))
    return found


def test_journals_get_the_verdicts_of_their_runs(place: Place, journals: list[dict[str, Any]]) -> None:
    done = place.inside("replay", str(place.trace_folder), "--spec", "react-zero", "--json")
    shape = json.loads(done.out)
    traces = {trace["file"]: trace for trace in shape["traces"]}
    assert shape["usage"]["problems"] == 0
    for run in journals:
        trace = traces[run["trace_path"]]
        assert trace["steps"] == run["usage"]["steps"]
        assert [(v["rule"], v["verdict"], v["position"]) for v in trace["verdicts"]] == [
            (v["rule"], v["verdict"], v["position"]) for v in run["verdicts"]
        ]


def test_a_policy_of_messages_reads_journals_too(place: Place, journals: list[dict[str, Any]]) -> None:
    rules = '  - {id: talk, ltl: "user & G(call -> X result)"}\n  - {id: none, ltl: "G !chosen(calculator)"}\n'
    place.write("journals.yaml", f"version: 1\nname: p\nrules:\n{rules}")
    done = place.inside("replay", str(place.trace_folder), "--spec", "journals.yaml", "--jsonl")
    for line in map(json.loads, done.out.splitlines()):
        lines = Path(line["file"]).read_text(encoding="utf-8").splitlines()
        records = [json.loads(text) for text in lines]
        called = any("call(calculator)" in record.get("true", []) for record in records)
        assert [v["verdict"] for v in line["verdicts"]] == ["satisfied", "violated" if called else "satisfied"]
    assert len(journals) == 3


def test_a_journal_that_breaks_off_is_judged_as_far_as_it_goes(place: Place, journals: list[dict[str, Any]]) -> None:
    lines = Path(journals[0]["trace_path"]).read_text(encoding="utf-8").splitlines()
    place.write("logs/cut.jsonl", "\n".join(lines[:-1])[:-20])
    shape = json.loads(place.inside("replay", "logs", "--spec", "react-zero", "--json").out)
    trace = shape["traces"][0]
    assert trace["steps"] == len(lines) - 3
    assert not trace["ended"]
    assert "cut off" in trace["problem"]["message"]


def test_explain_finds_the_spec_of_a_journal(place: Place, journals: list[dict[str, Any]]) -> None:
    done = place.inside("explain", journals[0]["trace_path"], "--rule", "look-first")
    assert done.code == 0
    assert "rule look-first: satisfied" in done.out
