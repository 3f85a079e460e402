"""Each shipped handler against its definition."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from agentspec import Answer, Moment, Said, ToolError, Written
from agentspec.decoding.ahead import Ahead
from agentspec.decoding.source import Counters
from agentspec.episode import handlers
from tests.episode.test_weigh import Reading, logprob_of


def moment(*steps: Written, agents: Sequence[str] = (), **more: Any) -> Moment:
    return Moment("here", "the task", steps, agents=tuple(agents), **more)


def answering(*answers: str | None) -> tuple[Callable[..., Answer], list[tuple[Any, ...]]]:
    asked: list[tuple[Any, ...]] = []

    def ask(*of: Any) -> Answer:
        asked.append(of)
        text = answers[(len(asked) - 1) % len(answers)]
        return Answer(text, "stopped_limit" if text is None else "accepted")

    return ask, asked


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        (["a", "b", "b"], "b (2 of 3)"),
        (["a", "b", "b", "a"], "a (2 of 4)"),
        (["1,000", "1000", "7", "1000.0"], "1,000 (3 of 4)"),
        (["1,2", "12"], "1,2 (1 of 2)"),
        (["$5", "5.00", "6", "6"], "$5 (2 of 4)"),
        (["-0", "0", "000.0"], "-0 (3 of 3)"),
        (["-3", "3"], "-3 (1 of 2)"),
        (["Paris.", "paris", "  PARIS "], "Paris. (3 of 3)"),
        ([None, "x", None, "  "], "x (1 of 4)"),
    ],
    ids=str,
)
def test_a_vote_counts(answers: list[str | None], text: str) -> None:
    ask, asked = answering(*answers)
    said = handlers.vote(moment(agents=["one"], asked=ask, seed=3), samples=len(answers), temperature=0.5)
    assert said.text == text
    seeds = [seed for _, _, seed, _ in asked]
    assert len(set(seeds)) == len(answers)
    assert {(agent, task, temperature) for agent, task, _, temperature in asked} == {("one", "the task", 0.5)}
    assert said.value["votes"] == int(text.rsplit("(")[-1].split()[0])
    assert handlers.repeat(moment(Written("vote", said.text, value=said.value)), of=["vote"]) == text.rsplit(" (", 1)[0]


def test_a_vote_without_any_answer_has_failed() -> None:
    with pytest.raises(ToolError, match="none of the 3 runs of one came to an answer"):
        handlers.vote(moment(agents=["one"], asked=answering(None)[0]), samples=3, temperature=0.5)


def test_what_is_repeated_is_the_latest_that_did_not_fail() -> None:
    said = [
        Written("a", "first", value="first"),
        Written("b", "second", value={"answer": None}),
        Written("b", "broken", failed=True),
    ]
    assert handlers.repeat(moment(*said), of=["a"]) == "first"
    assert handlers.repeat(moment(*said), of=["a", "b"]) == "second"
    assert handlers.repeat(moment(*said), of=["c"]) is None


def test_a_task_is_handed_to_who_is_named() -> None:
    ask, asked = answering("done", None)
    here = moment(Written("to", " two "), Written("sub", " part "), agents=["one", "two"], asked=ask)
    assert handlers.delegate(here, to="to", task="sub") == Said("done", {"agent": "two", "answer": "done"})
    assert asked[0][:2] == ("two", "part")
    with pytest.raises(ToolError, match=r"one came to no answer \(stopped_limit\)"):
        handlers.delegate(here, to=None, task=None)
    assert asked[1][:2] == ("one", "the task")
    with pytest.raises(ToolError, match="no agent is called 'tow'; did you mean 'two'"):
        handlers.delegate(moment(Written("to", "tow"), agents=["one", "two"]), to="to", task=None)
    with pytest.raises(ToolError, match="there is no 'to' yet"):
        handlers.delegate(moment(agents=["one"]), to="to", task=None)


def called(tool: str, answer: str, *, failed: bool = False) -> list[Written]:
    return [
        Written("action", tool, tool), Written("input", "{}", tool),
        Written("result", answer, tool, failed, None if failed else answer),
    ]  # fmt: skip


PLAN = [Written("e", "#E1 = find[the sun]"), Written("e", "#E2 = add[#E1 + 5]"), Written("f", "#E3 = find[#E2 #E1]")]


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (PLAN, "find"),
        ([*PLAN, Written("action", "find", "find")], "the sun"),
        ([*PLAN, Written("action", "find", "find"), Written("thought", "hm")], "the sun"),
        ([*PLAN, Written("action", "add", "add")], None),
        ([*PLAN, *called("find", "8")], "add"),
        ([*PLAN, *called("find", "8"), Written("action", "add", "add")], "8 + 5"),
        ([*PLAN, *called("find", "8", failed=True), Written("action", "add", "add")], None),
        ([*PLAN, *called("find", "8"), *called("add", "13"), Written("action", "find", "find")], "13 8"),
        ([*PLAN, *called("find", "8"), *called("add", "13"), *called("find", "x")], None),
        ([Written("e", "find the sun")], None),
        ([Written("e", "find the sun"), PLAN[1], *called("find", "8"), Written("action", "add", "add")], None),
        ([Written("e", "#E1 = find[#E7]"), Written("action", "find", "find")], None),
        ([Written("e", '#E1 = find[{"q": "x"}]'), Written("action", "find", "find")], '{"q": "x"}'),
        ([], None),
    ],
)
def test_a_plan_is_followed(steps: list[Written], text: str | None) -> None:
    assert handlers.planned(moment(Written("question", "?"), *steps), plan=["e", "f"]) == text


def test_what_stands_for_an_answer_is_put_within_the_strings_of_json() -> None:
    plan = [Written("e", "#E1 = find[x]"), Written("e", '#E2 = add[{"q": ["#E1!", 4], "r": {"s": "#E1"}}]')]
    steps = [*plan, *called("find", 'a "b"\n'), Written("action", "add", "add")]
    found = handlers.planned(moment(*steps), plan=["e"])
    assert json.loads(str(found)) == {"q": ['a "b"\n!', 4], "r": {"s": 'a "b"\n'}}


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
def test_a_summary_keeps_what_is_likelier_by_its_length(seed: int, alpha: float) -> None:
    rng = np.random.default_rng(seed)
    prompt = [int(n) for n in rng.integers(0, 40, 6)]
    source = Ahead(Reading(list(prompt), bool(seed % 2)), Counters(), None)

    def tokens_of(text: str) -> list[int]:
        return [ord(letter) % 40 for letter in f" {text}"]

    def weigh(text: str) -> tuple[float, int]:
        return source.logprob(tokens_of(text)), len(tokens_of(text))

    short = "".join(rng.choice([*"abcdefgh "], int(rng.integers(1, 20)))).strip() or "x"
    ask, asked = answering(short)
    results = ["one\n thing", "another"]
    steps = [Written("result", "old"), Written("plan", "the plan"), *(Written("result", one) for one in results)]
    here = moment(*steps, agents=["sum"], asked=ask, weighed=weigh)
    said = handlers.summary(here, of="result", since="plan", alpha=alpha)
    raw = "1. one thing 2. another"
    assert asked[0][1] == f"Statements: {raw} Context: the task Goal: the plan"

    def worth(text: str) -> float:
        return logprob_of(prompt, tokens_of(text)) / ((5 + len(tokens_of(text))) / 6) ** alpha

    assert said.text == max([short, raw], key=worth)
    assert said.value["kept"] == ("summary" if said.text == short else "results")
    assert said.value["summary"] == pytest.approx(worth(short), abs=1e-4)


def test_a_summary_without_results_fails_and_without_a_summary_keeps_the_results() -> None:
    with pytest.raises(ToolError, match="there is nothing to sum up"):
        handlers.summary(moment(Written("plan", "p"), agents=["sum"]), of="result", since="plan", alpha=0.6)
    here = moment(Written("result", "r"), agents=["sum"], asked=answering(None)[0])
    assert handlers.summary(here, of="result", since="plan", alpha=0.6).text == "1. r"
