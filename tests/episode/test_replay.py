"""Verdicts on recorded traces: those of the definitions, at the first position that decides, from every form of log."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from agentspec import limits
from agentspec.episode.replay import Replayer, TraceReport
from agentspec.episode.replay_messages import Messages, failed_if, looks_failed
from agentspec.episode.replay_policy import load_policy
from agentspec.episode.replay_read import read_traces
from agentspec.errors import InvalidInput, SpecError, SyntaxProblem
from agentspec.logic.formula import atoms
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from tests.episode.logs import Message, conversation, word_of

RULES = {
    "look-first": "!call(pay) W ok(look)",
    "answered": "G(user -> F assistant)",
    "next": "G(call -> X (call | result))",
    "no-retry": "G(failed(pay) -> N(!call(pay) W ok(look)))",
    "since": "G(call(pay) -> (!error S user))",
    "before": "G(result -> Y (call | result))",
    "large-ok": "G(large -> O approved)",
    "eventually": "F ok(pay) | G !call(pay)",
    "last": "F(last & assistant)",
    "refunds": "G(refund -> F call(pay))",
    "chosen": "G(chosen(look) <-> call(look))",
}
HEAD = """\
version: 1
name: refunds
propositions:
  large: {at: call, tool: pay, where: {amount: {exclusiveMinimum: 100}}}
  approved: {at: result, tool: look, matches: "yes"}
  refund: {at: user, contains: "refund"}
"""


def policy_file(folder: Path, rules: dict[str, str] | None = None, head: str = HEAD) -> Path:
    file = folder / "policy.yaml"
    listed = "".join(f"  - {{id: {name}, ltl: {json.dumps(text)}}}\n" for name, text in (rules or RULES).items())
    file.write_text(f"{head}rules:\n{listed}", encoding="utf-8")
    return file


@pytest.fixture
def replayer(tmp_path: Path) -> Replayer:
    return Replayer(load_policy(str(policy_file(tmp_path))))


def written(folder: Path, form: str, logs: list[list[Message]]) -> list[Path]:
    """The conversations in files of one form."""
    if form == "conversations":
        lines = [json.dumps(log if i % 2 else {"messages": log}) for i, log in enumerate(logs)]
        (folder / "all.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return [folder / "all.jsonl"]
    if form == "one document":
        listed = [log if i % 2 else {"id": i, "messages": log, "x": {"messages": []}} for i, log in enumerate(logs)]
        (folder / "all.json").write_text(json.dumps(listed, indent=1), encoding="utf-8")
        return [folder / "all.json"]
    files = []
    for i, log in enumerate(logs):
        file = folder / f"{i:03}.{'jsonl' if form == 'messages' else 'json'}"
        text = "\n".join(map(json.dumps, log)) + "\n\n" if form == "messages" else json.dumps(log, indent=2)
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files


def reports(replayer: Replayer, files: list[Path]) -> list[TraceReport]:
    return [replayer.replay(recorded) for file in files for recorded in read_traces(file)]


@pytest.mark.parametrize("form", ["conversations", "one document", "messages", "documents"])
def test_verdicts_are_those_of_the_definitions(tmp_path: Path, replayer: Replayer, form: str) -> None:
    rng = random.Random(form)
    logs = [log for log in (conversation(rng) for _ in range(120)) if word_of(log)]
    found = reports(replayer, written(tmp_path, form, logs))
    assert len(found) == len(logs)
    for report, log in zip(found, logs, strict=True):
        word = word_of(log)
        assert [letter.true for letter in report.positions.letters] == [true for true, _ in word]
        assert report.positions.items == [item for _, item in word]
        assert report.problem is None
        for verdict in report.verdicts:
            fine = holds(parse_formula(RULES[verdict.rule]), [true for true, _ in word])
            assert verdict.verdict == ("satisfied" if fine else "violated"), (verdict, word)
            assert verdict.position is not None
            assert verdict.item == word[verdict.position][1]


def test_lines_are_where_the_messages_stand(tmp_path: Path, replayer: Replayer) -> None:
    """The line of a verdict holds the beginning of that message, in every form of file."""
    rng = random.Random(5)
    logs = [log for log in (conversation(rng) for _ in range(30)) if word_of(log)]
    for form in ("messages", "documents", "one document", "conversations"):
        folder = tmp_path / form.replace(" ", "-")
        folder.mkdir()
        for report, log in zip(reports(replayer, written(folder, form, logs)), logs, strict=True):
            lines = Path(report.recorded.file).read_text(encoding="utf-8").split("\n")
            for verdict in report.verdicts:
                assert verdict.item is not None
                assert verdict.line is not None
                text = lines[verdict.line - 1]
                if form == "messages":
                    assert json.loads(text) == log[verdict.item]
                elif form == "conversations":
                    assert json.loads(text) in (log, {"messages": log})
                else:
                    assert text.strip() == "{"
                    assert json.dumps(log[verdict.item]["role"]) in lines[verdict.line]


def test_what_is_decided_before_the_end_no_continuation_changes_and_nothing_sooner_is(tmp_path: Path) -> None:
    names = ("user", "assistant", "call(pay)")
    texts = ["!call(pay) W assistant", "G(user -> X assistant)", "F assistant & G !call(pay)", "G(assistant -> O user)",
             "F(user & Y user)", "G(user -> F assistant)"]  # fmt: skip
    rules = {f"r{i}": text for i, text in enumerate(texts)}
    replayer = Replayer(load_policy(str(policy_file(tmp_path, rules))), unfinished=True)
    message = {
        "user": {"role": "user", "content": "x"},
        "assistant": {"role": "assistant", "content": "x"},
        "call(pay)": {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "pay"}}]},
    }
    for kinds in [kinds for length in range(1, 4) for kinds in product(names, repeat=length)]:
        file = tmp_path / "log.jsonl"
        file.write_text(json.dumps([message[kind] for kind in kinds]), encoding="utf-8")
        for verdict in reports(replayer, [file])[0].verdicts:
            formula = parse_formula(rules[verdict.rule])
            tails = [tail for length in range(4) for tail in product(names, repeat=length)]

            def possible(prefix: tuple[str, ...], formula: Any = formula, tails: Any = tails) -> set[bool]:
                return {holds(formula, [{name} for name in (*prefix, *tail)]) for tail in tails}

            if verdict.verdict == "undecided":
                assert possible(kinds) == {True, False}
                continue
            assert verdict.position is not None
            assert possible(kinds[: verdict.position + 1]) == {verdict.verdict == "satisfied"}
            assert verdict.position == 0 or possible(kinds[: verdict.position]) == {True, False}


# What messages are -----------------------------------------------------------------------------------------------


def moves(messages: list[Any]) -> list[tuple[Any, ...]]:
    return [(move.kind, move.tool, move.text, move.failed) for move in Messages().read(messages)]


def one(name: str, key: str | None = None, arguments: Any = "{}") -> Message:
    return {**({"id": key} if key else {}), "type": "function", "function": {"name": name, "arguments": arguments}}


def call(name: str, key: str | None = None, arguments: Any = "{}") -> Message:
    return {"role": "assistant", "content": None, "tool_calls": [one(name, key, arguments)]}


def answer(key: str, text: str = "x", **more: Any) -> Message:
    return {"role": "tool", "tool_call_id": key, "content": text, **more}


def test_forms_of_messages() -> None:
    assert moves([
        {"role": "system", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, "b"]},
        {**call("p", "1"), "content": "so", "tool_calls": [one("p", "1"), one("q", "2")]},
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "two"}]},
        {"role": "tool", "tool_call_id": "1", "content": "Error"},
        {"role": "assistant", "content": None, "function_call": {"name": "r", "arguments": "{}"}},
        {"role": "function", "name": "r", "content": None},
        {"role": "assistant", "content": None, "refusal": "no"},
        {"role": "assistant", "content": None},
    ]) == [
        ("user", None, "ab", False), ("assistant", None, "so", False), ("call", "p", "", False),
        ("call", "q", "", False), ("result", "q", "two", False), ("result", "p", "Error", True),
        ("call", "r", "", False), ("result", "r", "", False), ("assistant", None, "no", False),
        ("assistant", None, "", False),
    ]  # fmt: skip


def test_calls_and_results_among_the_parts() -> None:
    use = {"type": "tool_use", "id": "1", "name": "p", "input": {}}
    assert moves([
        {"role": "assistant", "content": [{"type": "text", "text": "so"}, use]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x", "is_error": True}]},
    ]) == [("assistant", None, "so", False), ("call", "p", "", False), ("result", "p", "x", True)]  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "notes"),
    [
        ([call("p", "1")], ["the call '1' of p has no result"]),
        ([answer("9")], ["a result that answers no call, of an unknown tool"]),
        ([{"role": "tool", "name": "p", "content": "x"}], ["a result that answers no call"]),
        (
            [call("p", "1"), call("q", "1"), *[answer("1")] * 3],
            ["the id '1' stands for two calls", "the call '1' is answered twice"],
        ),
        ([call("p", "1"), answer("1", name="q")], ["a result of 'q' answers a call of 'p'"]),
        ([{"role": "user", "content": [{"type": "input_audio"}]}], ["a part of the type 'input_audio' is not read"]),
    ],
)  # fmt: skip
def test_what_is_odd_is_noted(messages: list[Message], notes: list[str]) -> None:
    reader = Messages()
    reader.read(messages)
    assert [what for _, what in reader.notes] == notes


def test_calls_of_one_id_are_answered_in_order() -> None:
    results = [{"role": "tool", "tool_call_id": "1", "content": "x"}] * 2
    assert [tool for kind, tool, *_ in moves([call("p", "1"), call("q", "1"), *results]) if kind == "result"] == [
        "p",
        "q",
    ]


def test_the_only_open_call_is_answered_by_a_result_without_id_and_name() -> None:
    assert moves([call("p"), {"role": "tool", "content": "x"}])[-1] == ("result", "p", "x", False)


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("Error: no", True), ("error", True), ("  ERROR 404", True), ("Errors are listed", False), ("An error", False),
        ('{"error": "x"}', True), ('{"error": null, "a": 1}', False), ('{"error": {"code": 1}}', True),
        ('{"a": {"error": 1}}', False), ('{"error": ', False), ("", False), ("[1]", False),
    ],
)  # fmt: skip
def test_the_convention_of_failures(text: str, failed: bool) -> None:
    assert looks_failed(text) == failed


def test_failures_by_a_pattern() -> None:
    test = failed_if("(?i)not found$")
    assert test("Order Not Found")
    assert not test("Error: not found, sorry")
    with pytest.raises(SyntaxProblem, match="look"):
        failed_if("(?=x)")


@pytest.mark.parametrize("flag", [{"is_error": True}, {"isError": True}, {"status": "error"}])
def test_flags_say_failure(flag: dict[str, Any]) -> None:
    log = [call("p", "1"), {"role": "tool", "tool_call_id": "1", "content": "fine", **flag}]
    assert moves(log)[-1] == ("result", "p", "fine", True)


def test_arguments_that_are_no_object_fulfil_nothing_and_are_noted(tmp_path: Path, replayer: Replayer) -> None:
    for arguments, note in [
        ("{", "no JSON object"),
        ('{"amount": 5, "amount": 500}', "stands twice"),
        ([1], "a list"),
        (" ", ""),
    ]:
        log = [{"role": "user", "content": "x"}, call("pay", "1", arguments)]
        file = written(tmp_path, "documents", [log])[0]
        report = reports(replayer, [file])[0]
        assert "large" not in report.positions.letters[1].true
        assert note == "" or any(note in what and "large cannot hold" in what for _, what in report.notes), report.notes


# Bad input ---------------------------------------------------------------------------------------------------------


GOOD = '{"role": "user", "content": "x"}'
BROKEN = '{"role": "assistant", "content": null, "tool_calls": [{"id": "1", "function": {"name": "pay"}}]}'


@pytest.mark.parametrize(
    ("name", "content", "place", "message", "steps"),
    [
        ("a.jsonl", f"{GOOD}\n{BROKEN}\n{GOOD[:20]}", (3, 18), "the line is cut off", 2),
        ("a.jsonl", f"{GOOD}\n{{]\n{BROKEN}\n", (2, 2), "not valid JSON", 1),
        ("a.jsonl", f"{GOOD}\n[1]\n", (2, 1), "this is not a message", 1),
        ("a.json", f"[{GOOD},\n {BROKEN},\n {{\"role\": ", (3, 11), "not valid JSON", 2),
        ("a.json", f"[{GOOD}\n {BROKEN}]", (2, 2), "Expecting ',' delimiter", 1),
        ("a.json", f'{{"messages": [{GOOD}], "x" 1}}', (1, 54), "Expecting ':'", 1),
        ("a.json", f"[{GOOD}] x", (1, 36), "Extra data", 1),
        ("a.json", '{"a": 1}', (1, 1), "no messages", 0),
        ("a.json", "3", (1, 1), "no messages", 0),
        ("a.jsonl", "3\n4\n", (1, 1), "neither a message", 0),
        ("a.json", "", (1, 1), "the file is empty", 0),
        ("a.jsonl", " \n\n", (1, 1), "the file is empty", 0),
        ("a.jsonl", f"{GOOD}\n".encode() + b'{"role": "us\xffer"}\n', (2, 13), "not UTF-8", 1),
        ("a.json", b'[\n"\xe4"]', (2, 2), "not UTF-8", 0),
        ("a.jsonl", "[" * 100_000, (1, 1), "nested too deeply", 0),
        ("a.json", "[" + GOOD + "," + "[" * 100_000, (1, 1), "nested too deeply", 1),
        ("a.jsonl", f'{GOOD}\n{{"role": "robot"}}\n{GOOD}', (2, 1), "messages[1]: unknown role 'robot'", 1),
        ("a.json", f"[{GOOD},\n\n7]", (3, 1), "messages[1]: a message is an object", 1),
        ("a.json", '[{"role": "user", "content": 5}]', (1, 1), "a content is a string", 0),
        ("a.json", '[{"role": "assistant", "tool_calls": [{}]}]', (1, 1), "without the name of a tool", 0),
        ("a.json", '[{"role": "assistant", "tool_calls": 5}]', (1, 1), "tool_calls is a list", 0),
        ("a.json", '[{"role": "user", "content": [3]}]', (1, 1), "a part of a content", 0),
        ("a.jsonl", '{"n": ' + "9" * 5000 + "}\n" + GOOD, (1, 1), "not valid JSON", 1),
    ],
)  # fmt: skip
def test_broken_logs(
    tmp_path: Path,
    replayer: Replayer,
    name: str,
    content: str | bytes,
    place: tuple[int, int],
    message: str,
    steps: int,
) -> None:
    """The place is told, and what stands before it is judged as a log that goes on."""
    file = tmp_path / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    found = reports(replayer, [file])
    report = next(report for report in found if report.problem is not None)
    assert report.problem is not None
    assert (report.problem.line, report.problem.column) == place
    assert message in report.problem.message
    assert sum(report.steps for report in found) == steps
    assert not report.ended
    for verdict in report.verdicts:
        early = holds(parse_formula(RULES[verdict.rule]), [{"user"}, {"call(pay)", "call", "chosen(pay)"}])
        assert verdict.verdict != "violated" or not early


def test_a_violation_before_the_fault_counts(tmp_path: Path, replayer: Replayer) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{GOOD}\n{BROKEN}\n{GOOD[:9]}", encoding="utf-8")
    verdicts = {verdict.rule: verdict for verdict in reports(replayer, [file])[0].verdicts}
    assert (verdicts["look-first"].verdict, verdicts["look-first"].line) == ("violated", 2)
    assert verdicts["answered"].verdict == "undecided"


def test_one_bad_line_among_conversations_stops_no_other(tmp_path: Path, replayer: Replayer) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"[{GOOD}]\n[{GOOD}, {{\n{{}}\n\n[{GOOD}]\n", encoding="utf-8")
    found = reports(replayer, [file])
    assert [(report.recorded.line, report.steps, report.problem is None) for report in found] == [
        (1, 1, True), (2, 0, False), (3, 0, False), (5, 1, True),
    ]  # fmt: skip


def test_a_line_that_is_too_long(tmp_path: Path, replayer: Replayer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REPLAY_BYTES", 200)
    file = tmp_path / "a.jsonl"
    file.write_text(f"[{GOOD}]\n[{GOOD}{' ' * 500}]\n[{GOOD}]\n", encoding="utf-8")
    found = reports(replayer, [file])
    assert [report.steps for report in found] == [1, 0, 1]
    assert found[1].problem is not None
    assert "more than 200 bytes" in found[1].problem.message


def test_lone_surrogates_and_nul_are_texts(tmp_path: Path, replayer: Replayer) -> None:
    file = tmp_path / "a.json"
    file.write_text('[{"role": "user", "content": "\\ud800 refund \\u0000"}]', encoding="utf-8")
    assert "refund" in reports(replayer, [file])[0].positions.letters[0].true


# Policies and specs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "rules", "message"),
    [
        (HEAD, {"a": "G answered"}, "names 'answered', which is no step and no proposition"),
        (HEAD, {"a": "G("}, "policy.yaml:8:"),
        (HEAD.replace("exclusiveMinimum", "above"), {"a": "G !large"}, "'above' is no condition"),
        (HEAD.replace("at: user", "at: usr"), {"a": "G !large"}, "did you mean 'user'"),
        (HEAD.replace("tool: pay, ", ""), {"a": "G !large"}, "add 'tool:'"),
    ],
)
def test_a_policy_that_cannot_be_used(tmp_path: Path, head: str, rules: dict[str, str], message: str) -> None:
    with pytest.raises((SpecError, SyntaxProblem)) as caught:
        Replayer(load_policy(str(policy_file(tmp_path, rules, head))))
    assert message in str(caught.value)


def test_rules_can_be_chosen(tmp_path: Path) -> None:
    name = str(policy_file(tmp_path))
    assert [rule.id for rule in load_policy(name, only=["next"]).rules()] == ["next"]
    with pytest.raises(InvalidInput, match="did you mean 'next'"):
        load_policy(name, only=["nex"])


def test_a_whole_spec_is_judged_where_the_log_tells_all(tmp_path: Path) -> None:
    """The clerk: calls, results and the predicates on them are in a log of messages, its own kinds of text are not."""
    log = [
        {"role": "user", "content": "Pay order A1."},
        {"role": "assistant", "content": "I look it up."},
        call("lookup_order", "1"), {"role": "tool", "tool_call_id": "1", "content": "open, 500"},
        call("pay", "2", '{"amount": 500}'), {"role": "tool", "tool_call_id": "2", "content": "paid"},
        {"role": "assistant", "content": "Paid."},
    ]  # fmt: skip
    report = reports(Replayer(load_policy("clerk")), written(tmp_path, "documents", [log]))[0]
    verdicts = {verdict.rule: verdict for verdict in report.verdicts}
    assert dict(report.not_judged) == {"confirm": "needs paid, which a message log does not show"}
    assert verdicts["look-first"].verdict == "satisfied"
    assert (verdicts["four-eyes"].verdict, verdicts["four-eyes"].item) == ("violated", 4)


def test_rules_that_count_steps_are_not_judged_where_steps_are_hidden(tmp_path: Path) -> None:
    clerk = Path(load_policy("clerk").spec.source).read_text(encoding="utf-8").replace(
        "rules:\n",
        'rules:\n  - {id: at-once, ltl: "G(ok(pay) -> X call(pay))"}\n'
        '  - {id: in-the-end, ltl: "F(ok(pay) & X call(pay))"}\n'
        '  - {id: by-calls, view: calls, ltl: "G(call(pay) -> X ok(pay))"}\n',
        1,
    )  # fmt: skip
    spec = tmp_path / "spec.yaml"
    left_out = ("tools:", "examples:")
    spec.write_text("\n".join(line for line in clerk.split("\n") if not line.startswith(left_out)), encoding="utf-8")
    report = reports(Replayer(load_policy(str(spec))), written(tmp_path, "documents", [[call("pay", "1")]]))[0]
    assert dict(report.not_judged)["at-once"].startswith("counts steps")
    assert dict(report.not_judged)["in-the-end"].startswith("counts steps")
    assert {verdict.rule: verdict.verdict for verdict in report.verdicts}["by-calls"] == "violated"


def test_one_rule_for_each_tool_of_the_log(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "version: 1\nname: p\nrules:\n"
        '  - {id: once, for: {t: tools}, ltl: "G(call(t) -> N G !call(t))"}\n', encoding="utf-8",
    )  # fmt: skip
    log = [call("a", "1"), call("b", "2"), call("a", "3")]
    report = reports(Replayer(load_policy(str(file))), written(tmp_path, "documents", [log]))[0]
    assert {verdict.rule: verdict.verdict for verdict in report.verdicts} == {
        "once[a]": "violated", "once[b]": "satisfied",
    }  # fmt: skip


def test_a_rule_too_large_for_an_automaton_is_decided_at_the_end(
    tmp_path: Path, replayer: Replayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentspec.episode.replay.monitor_of", lambda *_: None)
    slow = Replayer(replayer.policy)
    rng = random.Random(3)
    logs = [log for log in (conversation(rng) for _ in range(40)) if word_of(log)]
    for file in written(tmp_path, "documents", logs):
        for recorded in read_traces(file):
            quick = [verdict.verdict for verdict in replayer.replay(recorded).verdicts]
            assert [verdict.verdict for verdict in slow.replay(recorded).verdicts] == quick


def test_every_rule_of_the_tests_meets_both_verdicts() -> None:
    """The random logs tell something: each rule is satisfied by some and violated by others."""
    rng = random.Random(9)
    words = [[true for true, _ in word_of(log)] for log in (conversation(rng) for _ in range(600))]
    for text in RULES.values():
        formula = parse_formula(text)
        if text != RULES["chosen"]:
            assert {holds(formula, word) for word in words if word} == {True, False}, text
    seen = {name for word in words for true in word for name in true}
    assert {name for text in RULES.values() for name in atoms(parse_formula(text))} <= seen


def test_what_a_function_said_is_believed_in_journals_and_not_known_of_messages(tmp_path: Path) -> None:
    spec = tmp_path / "polite.yaml"
    spec.write_text(
        'version: 1\nname: polite\nsteps:\n  q: {by: user, cue: "[Q]"}\n  t: {by: model, cue: "[T]", text: {}}\n'
        "behavior: q t\npropositions: {p: {at: t, python: f}}\nrules: [{id: r, ltl: F p}, {id: s, ltl: F t}]\n"
    )
    replayer = Replayer(load_policy(str(spec)))

    def step(name: str, owner: str, *true: str) -> dict[str, Any]:
        return {"type": "step", "step": name, "owner": owner, "true": [name, *true], "content": "x"}

    def report_on(*lines: dict[str, Any]) -> TraceReport:
        file = tmp_path / "trace.jsonl"
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        (recorded,) = read_traces(file)
        return replayer.replay(recorded)

    begin, end = {"type": "episode", "schema_version": 1}, {"type": "result", "status": "accepted"}
    for true, verdict in ((("p",), "satisfied"), ((), "violated")):
        report = report_on(begin, step("q", "user"), step("t", "model", *true), end)
        assert [one.verdict for one in report.verdicts] == [verdict, "satisfied"]
    report = report_on({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "x"}]})
    assert dict(report.not_judged) == {"r": "needs p, which a function said at run time"}
