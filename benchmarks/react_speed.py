"""A ReAct workload (tasks of three calls each): a guarded agent against loops around ``transformers.generate``.

All on one model, greedy, in one run, taken in turn so that a machine that drifts hurts all alike; ratios are what to
quote. Both loops write, turn by turn, as many tokens as the guarded agent wrote and see the same answers of the same
tools: one sends the whole transcript again each turn, one keeps its cache. Stop strings are looked for as such loops
do. ``--peer NAME=PYTHON`` (outlines, guidance) runs the script of a peer with the Python of an environment it is in.

    python benchmarks/react_speed.py [--tasks 10] [--peer outlines=/path/to/python] [--peer guidance=/path/to/python]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.engines.models import open_engine
from agentspec.episode.episode import Episode
from agentspec.episode.transcript import show
from agentspec.spec.load import load_text
from agentspec.toolbox.registry import load_tools

SPEC = """\
version: 1
name: react-three
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 120}}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 120}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 120}}
behavior: question (thought action action_input observation){3} answer
tools: [calculator, lookup]
instructions: |
  You answer questions with the help of tools. Think about what the question asks, then call a tool; after three calls
  answer with what the tool said. Write one step a line:
  [Thought] what you need to do next
  [Action] the name of a tool
  [Action Input] the input of the tool as JSON
  [Observation] what the tool says
  [Answer] the answer to the question
limits: {max_tokens: 4000, max_steps: 40, max_tool_calls: 4}
"""
TASKS = [f"What is {a} * {b}, plus {c}, minus {d}?" for a, b, c, d in (
    (48, 17, 3, 5), (12, 12, 6, 2), (99, 3, 7, 1), (25, 25, 5, 50), (31, 9, 4, 8),
    (7, 77, 10, 9), (64, 8, 2, 12), (15, 45, 30, 20), (101, 11, 1, 11), (5, 555, 25, 100),
)]  # fmt: skip
STOP = ["[Observation]", "\n\n\n"]


@dataclass
class Turn:
    """One turn of the model: how many tokens it wrote, and the text that stands then, the tool's answer included."""

    tokens: int
    text: str


def guarded(compiled: Compiled, engine: Any, tools: Any, task: str) -> tuple[float, Episode, list[Turn]]:
    """Our run: its seconds, the episode, its turns."""
    episode = Episode(compiled, engine, tools, task)
    began = time.perf_counter()
    records = list(episode.steps())
    seconds = time.perf_counter() - began
    assert episode.result is not None
    assert episode.result.status == "accepted", episode.result
    turns: list[Turn] = []
    for owner, some in groupby(records[1:], key=lambda record: record.letter.owner):
        steps = list(some)
        text = "".join(show(compiled.agent.spec, step.letter.step, step.shown) for step in steps)
        if owner == Owner.MODEL:
            turns.append(Turn(sum(step.tokens for step in steps), text))
        else:
            turns[-1].text += text
    return seconds, episode, turns


def plain(engine: Any, prompt: list[int], turns: list[Turn], *, keep: bool) -> float:
    """The seconds of a loop around ``generate`` that sends the transcript again, or keeps the cache of what it sent."""
    tokenizer, model = engine._tokenizer, engine._model
    began, text = time.perf_counter(), list(prompt)
    cache = DynamicCache(config=model.config) if keep else None
    for turn in turns:
        ids = torch.tensor([text])
        options = {} if cache is None else {"cache": cache}
        model.generate(
            ids, attention_mask=torch.ones_like(ids), min_new_tokens=turn.tokens, max_new_tokens=turn.tokens,
            do_sample=False, tokenizer=tokenizer, stop_strings=[f"{stop}\0" for stop in STOP], **options,
        )  # fmt: skip
        if cache is not None:  # it holds what generate wrote: ours is what stands
            cache.crop(-(cache.get_seq_length() - len(text)))
            written = tokenizer.encode(turn.text, add_special_tokens=False)[: turn.tokens]
            with torch.inference_mode():  # not counted: the loop would have these in its cache already
                aside = time.perf_counter()
                model(input_ids=torch.tensor([written]), cache=cache, use_cache=True, logits_to_keep=1)
                began += time.perf_counter() - aside
        text += tokenizer.encode(turn.text, add_special_tokens=False)
    return time.perf_counter() - began


def peer(name: str, python: str, folder: Path, tasks: list[tuple[str, list[Turn]]]) -> None:
    """Run a peer's script, if it and its environment are there."""
    script = Path(__file__).with_name(f"react_speed_{name}.py")
    if not script.is_file() or not Path(python).is_file():
        print(f"{name}: skipped, {script.name if not script.is_file() else python} is not there")
        return
    subprocess.run([python, str(script), str(folder), str(len(tasks))], check=False)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=len(TASKS))
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args()
    engine = open_engine("smollm2-135m")
    compiled = compile_agent(load_text(SPEC))
    tools = load_tools(compiled.agent.tools)
    names = ("agentspec-ltl", "llguidance", "torch", "transformers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {versions}", flush=True)
    guarded(compiled, engine, tools, "What is 1 + 1?")  # warm-up
    resent, kept, guard, done = [], [], [], []
    tokens = calls = forced = 0
    ours = 0.0
    for task in TASKS[: options.tasks]:
        seconds, episode, turns = guarded(compiled, engine, tools, task)
        resent.append(plain(engine, episode.prompt, turns, keep=False) / seconds)
        kept.append(plain(engine, episode.prompt, turns, keep=True) / seconds)
        guard += episode.counters.guard_seconds
        ours += seconds
        tokens, calls = tokens + episode.counters.tokens, calls + episode.counters.calls
        forced += episode.counters.forced
        done.append((task, turns))
        print(f"{task}: {seconds:.1f} s, {resent[-1]:.2f}x, {kept[-1]:.2f}x", flush=True)
    for name, ratios in (("sending the transcript again", resent), ("keeping its cache", kept)):
        print(
            f"against generate {name} (the same number of tokens, so per token and per task alike): "
            f"median {statistics.median(ratios):.2f}x, from {min(ratios):.2f}x to {max(ratios):.2f}x"
        )
    print(
        f"{tokens / ours:.1f} tokens/s; {calls / tokens:.2f} model calls a token; forced {100 * forced / tokens:.0f} %"
    )
    ordered = sorted(guard)
    middle, worst = ordered[len(ordered) // 2] * 1e6, ordered[len(ordered) * 99 // 100] * 1e6
    print(f"guard a draw: p50 {middle:.0f} µs, p99 {worst:.0f} µs; {100 * sum(guard) / ours:.2f} % of the time")
    given = dict(one.split("=", 1) for one in options.peer)
    for name in ("outlines", "guidance"):
        if name in given:
            peer(name, given[name], Path(engine.name), done)
        else:
            print(f"{name}: skipped, no --peer {name}=PYTHON")


if __name__ == "__main__":
    main()
