"""How fast recorded messages are judged: logs written to a temporary folder, replayed, messages a second.

One process on one core, from the file's bytes to the verdicts: JSON, propositions, rules. By the clock, and by the
processor's time, which says more where other processes share the core.

    python benchmarks/replay.py [--messages 200000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from agentspec.episode.replay import Replayer
from agentspec.episode.replay_policy import load_policy
from agentspec.episode.replay_read import files_of, read_traces
from agentspec.episode.replay_report import Summary

RULES = """
version: 1
name: refunds
rules:
  - {id: look-first, ltl: "!call(refund) W ok(lookup_order)"}
  - {id: answered, ltl: "G(user -> F assistant)"}
  - {id: calls-are-answered, ltl: "G(call -> X result)"}
  - {id: no-blind-retry, ltl: "G(failed(refund) -> N(!call(refund) W ok(lookup_order)))"}
  - {id: once, ltl: "G(ok(refund) -> N G !call(refund))"}
"""
CONTENT = """propositions:
  large: {at: call, tool: refund, where: {amount: {exclusiveMinimum: 100}}}
  angry: {at: user, contains: "(?i)lawyer|unacceptable"}
  apology: {at: assistant, contains: "(?i)sorry"}
"""
MORE = """  - {id: small, ltl: "G !large"}
  - {id: sorry, ltl: "G(angry -> F apology)"}
"""


def conversation(rng: random.Random, turns: int) -> Iterator[dict[str, Any]]:
    """The messages of one: short texts, a call and its result in every turn."""
    yield {"role": "system", "content": "You are the refunds desk."}
    for turn in range(turns):
        yield {"role": "user", "content": f"My order {rng.randrange(10_000)} did not arrive, please help me."}
        tool = rng.choice(("lookup_order", "refund"))
        arguments = json.dumps({"order": f"A{rng.randrange(99)}", "amount": rng.randrange(150)})
        call = {"id": f"call_{turn}", "type": "function", "function": {"name": tool, "arguments": arguments}}
        yield {"role": "assistant", "content": None, "tool_calls": [call]}
        result = "Error: try again" if rng.random() < 0.1 else json.dumps({"state": "open", "total": 42})
        yield {"role": "tool", "tool_call_id": f"call_{turn}", "content": result}
        yield {"role": "assistant", "content": f"I have looked into it; your case has the number {turn}."}


def write(folder: Path, messages: int) -> dict[str, int]:
    """The same messages in three forms, each in its folder; returns how many there are in each."""
    counts = {}
    for form in ("one conversation a line", "one message a line", "one file a conversation"):
        rng, count, number = random.Random(7), 0, 0
        place = folder / form
        place.mkdir()
        while count < messages:
            batch = [list(conversation(rng, 10)) for _ in range(1 if form != "one conversation a line" else 50)]
            name = place / f"{number:05}.{'json' if form == 'one file a conversation' else 'jsonl'}"
            if form == "one conversation a line":
                text = "\n".join(json.dumps({"messages": one}) for one in batch) + "\n"
            elif form == "one message a line":
                text = "\n".join(json.dumps(message) for message in batch[0]) + "\n"
            else:
                text = json.dumps({"messages": batch[0]}, indent=1)
            name.write_text(text, encoding="utf-8")
            count, number = count + sum(map(len, batch)), number + 1
        counts[form] = count
    return counts


def judged(folder: Path, policy: Path) -> tuple[float, float]:
    """The seconds that one replay of a folder takes, its policy compiled first: by the clock, and the processor's."""
    replayer = Replayer(load_policy(str(policy)))
    summary = Summary("benchmark")
    began, used = time.perf_counter(), time.process_time()
    for file in files_of([str(folder)]):
        for recorded in read_traces(file):
            summary.add(replayer, replayer.replay(recorded))
    assert summary.traces
    assert not summary.problems
    return time.perf_counter() - began, time.process_time() - used


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores (one used), Python {platform.python_version()}, "
        f"agentspec-ltl {version('agentspec-ltl')}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = write(folder, asked.messages)
        for told, text in (("5 rules", RULES), ("7 rules, 3 predicates on content", CONTENT)):
            policy = folder / "policy.yaml"
            head, rules = RULES.split("rules:\n")
            policy.write_text(text if text is RULES else f"{head}{CONTENT}rules:\n{rules}{MORE}", encoding="utf-8")
            for form, count in counts.items():
                times = [judged(folder / form, policy) for _ in range(asked.rounds)]
                clock, processor = (statistics.median(column) for column in zip(*times, strict=True))
                print(
                    f"{told}, {form}: {count / clock:,.0f} messages/s by the clock, "
                    f"{count / processor:,.0f} by processor time ({count:,} messages, medians of {asked.rounds})"
                )


if __name__ == "__main__":
    main()
