"""The clerk's policy, said again in plain Python and held against episodes with tools that pay, refuse, fail and break.

Models of many wills write; tools answer at random. What counts is what the tools saw, not what the automaton says.
"""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.decoding.sample import Sampler
from agentspec.episode.episode import Episode
from agentspec.errors import ToolError
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools
from agentspec.toolbox.tool import Tool, call
from tests.laws.toy import WILLS, ToyEngine

Event = tuple[str, dict[str, Any], str, str]
"""A call as it happened: tool, arguments, outcome (``ok``, ``failed``, ``error``), and the text of the answer."""


@pytest.fixture(scope="module")
def clerk() -> Compiled:
    return compile_agent(load("clerk"))


def office(compiled: Compiled, rng: Random) -> tuple[dict[str, Tool], list[Event]]:
    """Tools that do what they like, and the list to which they write what they did."""
    events: list[Event] = []
    kind = rng.random() < 0.6

    def answer(name: str, arguments: dict[str, Any]) -> Any:
        outcome = rng.choice(["ok", "ok", "ok", "failed", "error"])
        text = rng.choice(["yes", "YES, of course", "no", "No.", "yes\nno", " yes", "perhaps", "", "[Paid] order A17"])
        if kind and name == "ask_human":
            text = rng.choice(["yes", "YES, of course"])
        events.append((name, arguments, outcome, text))
        if outcome == "failed":
            raise ToolError(text)
        if outcome == "error":
            raise RuntimeError(text)
        return text

    def tool(name: str) -> Tool:
        return Tool(compiled.schemas[name], lambda **arguments: answer(name, arguments), timeout=None)

    return {name: tool(name) for name in compiled.schemas}, events


def large(arguments: dict[str, Any]) -> bool:
    return Decimal(str(arguments["amount"])) > 100


def approved(event: Event) -> bool:
    name, _, outcome, text = event
    return name == "ask_human" and outcome == "ok" and text.lower().startswith("yes") and "\n" not in text


def refused(event: Event) -> bool:
    name, _, outcome, _ = event
    return name == "ask_human" and outcome == "ok" and not approved(event)


def broken(events: list[Event], last: str) -> list[str]:
    """The sentences of the policy that the events break."""
    found = []
    for i, (name, arguments, outcome, _) in enumerate(events):
        before = events[:i]
        if name == "pay":
            payments = [j for j, event in enumerate(before) if event[0] == "pay"]
            since = before[payments[-1] + 1 :] if payments else before
            if not any(e[0] == "lookup_order" and e[2] == "ok" for e in before):
                found.append("nothing is paid before the order was looked at")
            if large(arguments) and not any(map(approved, since)):
                found.append("each large payment needs an approval of its own")
            if any(map(refused, before)):
                found.append("whoever hears anything but yes does not pay")
            if (
                payments
                and before[payments[-1]][2] != "ok"
                and not any(approved(e) or (e[0] == "lookup_order" and e[2] == "ok") for e in since)
            ):
                found.append("after a failed payment the order is looked at, or a person asked")
        if any(e[0] == "pay" and e[2] == "ok" for e in before):
            found.append("once a payment is made nothing else is done")
        del outcome
    paid = any(e[0] == "pay" and e[2] == "ok" for e in events)
    if paid != (last == "paid"):
        found.append("what was paid is confirmed, and nothing else is")
    return found


@pytest.mark.parametrize(
    ("episodes", "least"), [(25, {"paid": 1, "declined": 1}), pytest.param(
        300, {"large": 10, "paid": 10, "declined": 10, "retried": 5}, marks=pytest.mark.long
    )]
)  # fmt: skip
def test_the_policy_holds_whatever_models_write_and_tools_answer(
    clerk: Compiled, episodes: int, least: dict[str, int]
) -> None:
    seen = {"large": 0, "paid": 0, "declined": 0, "retried": 0, "calls": 0}
    for seed in range(episodes):
        rng = Random(seed)
        tools, events = office(clerk, rng)
        will = rng.choice(sorted(WILLS))
        engine = ToyEngine(seed, will)
        episode = Episode(clerk, engine, tools, "Pay it.", Sampler(rng.choice([0.0, 1.0, 3.0]), seed))
        steps = list(episode.steps())
        assert episode.result is not None
        assert episode.result.status == "accepted", (seed, episode.result.reason)
        last = str(steps[-1].letter.step) if steps[-1].letter else ""
        assert not broken(events, last), (seed, events)
        seen["calls"] += len(events)
        seen["large"] += sum(e[0] == "pay" and large(e[1]) for e in events)
        seen["paid" if last == "paid" else "declined"] += 1
        seen["retried"] += sum(e[0] == "pay" for e in events) > 1
    assert all(seen[name] >= number for name, number in least.items()), seen


def test_the_policy_in_python_finds_what_is_broken() -> None:
    look: Event = ("lookup_order", {"order": "A17"}, "ok", "{}")
    small: Event = ("pay", {"order": "A17", "amount": 84.5}, "ok", "paid")
    big: Event = ("pay", {"order": "A18", "amount": 250}, "ok", "paid")
    yes: Event = ("ask_human", {"order": "A18", "amount": 250}, "ok", "yes")
    assert not broken([look, small], "paid")
    assert not broken([look, yes, big], "paid")
    assert broken([small], "paid")
    assert broken([look, big], "paid")
    assert broken([look, (yes[0], yes[1], "failed", "yes"), big], "paid")
    assert broken([look, (*small[:2], "failed", "no"), small], "paid")
    assert broken([look, small], "declined")


@pytest.mark.parametrize(
    ("order", "amount", "answers"),
    [
        ("A17", 84.5, {"lookup_order": "ok", "ask_human": "yes", "pay": "ok"}),
        ("A19", 40, {"lookup_order": "ok", "pay": "failed"}),
        ("B20", 420, {"ask_human": "no"}),
        ("B21", 60, {"pay": "failed"}),
        ("C31", 35, {"pay": "error"}),
        ("Z99", 1, {"lookup_order": "failed", "ask_human": "failed", "pay": "failed"}),
    ],
)
def test_the_shipped_office(order: str, amount: float, answers: dict[str, str]) -> None:
    tools = load_tools(["lookup_order", "ask_human", "pay"])
    for name, expected in answers.items():
        arguments = {"order": order} if name == "lookup_order" else {"order": order, "amount": amount}
        outcome = call(tools[name], arguments)
        told = "ok" if outcome.ok else "error" if outcome.error else "failed"
        assert told == expected or (outcome.ok and outcome.text.startswith(expected)), (name, outcome)


def test_some_calls_never_come_back() -> None:
    outcome = call(load_tools(["ask_human"])["ask_human"], {"order": "C30", "amount": 900})
    assert outcome.error
    assert "timed out" in outcome.text


def test_a_large_amount_cannot_be_written_before_an_approval(clerk: Compiled) -> None:
    """Whatever form the number has: no text of a large amount is among those of the letters that are allowed."""
    from agentspec.content.language import matches

    guard = clerk.guard
    position = guard.start(guard.least())
    small = next(a for a in clerk.contents if "call(pay)" in a.true and "large" not in a.true)
    big = next(a for a in clerk.contents if "call(pay)" in a.true and "large" in a.true)
    assert position.allowed()
    for number in ("100.01", "101", "250.00", "99999", "100.000000001", "1000", "250"):
        text = json.dumps({"order": "A18"})[:-1].replace(": ", ":") + f',"amount":{number}}}'
        assert matches(clerk.contents[big], text), number
        assert not matches(clerk.contents[small], text), number
    for number in ("100", "100.00", "99.9", "0.5", "84.5"):
        text = '{"order":"A18","amount":' + number + "}"
        assert matches(clerk.contents[small], text), number
        assert not matches(clerk.contents[big], text), number
    for number in ("1e3", "0250", "+250", "250.", ".5", "-0", '"250"', "25O", " 250", "NaN"):
        text = '{"order":"A18","amount":' + number + "}"
        assert not matches(clerk.contents[small], text), number
        assert not matches(clerk.contents[big], text), number
