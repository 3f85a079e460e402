"""A ReAct workload (tasks of three calls each): a guarded agent against loops around ``transformers.generate``.

All on one model, greedy, in one run, taken in turn so that a machine that drifts hurts all alike; ratios are what to
quote: of the clock's time, and of the processor's, which other processes disturb less (in parentheses where seconds are
told; our mask is computed in a thread beside the forward, which counts there in full). Both loops write, turn by turn,
as many tokens as the guarded agent wrote and see the same answers of the same tools: one sends the whole transcript
again each turn, one keeps its cache. Stop strings are looked for as such loops do. The prompts share a beginning, which
our engine encodes once; a loop that sends its tasks one by one does not.

``--peer NAME=PYTHON`` (outlines, guidance) has a peer do the same tasks with the same tools, with the Python of an
environment it is in (beside torch and transformers; guidance 0.3.1 needs transformers 4). What it writes is its own:
per token is per token of what its turns hold, cues included, whoever put them there. Each is warmed up before.

    python benchmarks/react_speed.py [--tasks 10] [--peer outlines=/path/to/python] [--peer guidance=/path/to/python]

``--tasks 0`` prints only the time of grammars and the memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from agentspec.api.cursor import Cursor
from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.engines.models import fetch, open_engine
from agentspec.episode.episode import Episode
from agentspec.episode.transcript import show
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text
from agentspec.toolbox.registry import load_tools
from agentspec.toolbox.tool import call

MODEL = "smollm2-135m"
SPEC = """\
version: 1
name: react-three
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {min_chars: 40, max_chars: 120}}
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


@dataclass(frozen=True)
class Spent:
    """Seconds of the clock, and of the processor: on a busy machine only the latter can be compared."""

    clock: float
    worked: float

    @classmethod
    def now(cls) -> Spent:
        """What both show."""
        return cls(time.perf_counter(), time.process_time())

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.clock - other.clock, self.worked - other.worked)

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.clock + other.clock, self.worked + other.worked)

    def __str__(self) -> str:
        return f"{self.clock:.1f} s ({self.worked:.1f})"


@dataclass
class Turn:
    """One turn of the model: how many tokens it wrote, and the text that stands then, the tool's answer included."""

    tokens: int
    text: str


def guarded(compiled: Compiled, engine: Any, tools: Any, task: str) -> tuple[Spent, Episode, list[Turn]]:
    """Our run: its seconds, the episode, its turns."""
    episode = Episode(compiled, engine, tools, task)
    began = Spent.now()
    records = list(episode.steps())
    seconds = Spent.now() - began
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


def plain(engine: Any, prompt: list[int], turns: list[Turn], *, keep: bool) -> Spent:
    """The seconds of a loop around ``generate`` that sends the transcript again, or keeps the cache of what it sent."""
    tokenizer, model = engine._tokenizer, engine._model
    text, aside = list(prompt), Spent(0.0, 0.0)
    cache = DynamicCache(config=model.config) if keep else None
    began = Spent.now()
    for turn in turns:
        ids = torch.tensor([text])
        options = {} if cache is None else {"cache": cache}
        written = model.generate(
            ids, attention_mask=torch.ones_like(ids), min_new_tokens=turn.tokens, max_new_tokens=turn.tokens,
            do_sample=False, tokenizer=tokenizer, stop_strings=[f"{stop}\0" for stop in STOP], **options,
        )  # fmt: skip
        assert written.shape[1] == len(text) + turn.tokens
        stands = tokenizer.encode(turn.text, add_special_tokens=False)
        if cache is not None:  # it holds what generate wrote; of a loop whose model wrote our turn, it would hold that
            paused = Spent.now()
            if (wrong := cache.get_seq_length() - len(text)) > 0:
                cache.crop(-wrong)
            with torch.inference_mode():
                new = torch.tensor([stands[: turn.tokens - 1]])
                if new.shape[1]:
                    model(input_ids=new, cache=cache, use_cache=True, logits_to_keep=1)
            assert cache.get_seq_length() == len(text) + turn.tokens - 1
            aside += Spent.now() - paused
        text += stands
    return Spent.now() - began - aside


@dataclass
class Peer:
    """Another library in a process of its own, and what it needed for each task."""

    name: str
    process: subprocess.Popen[str]
    opened: dict[str, Any] = field(default_factory=dict)
    seconds: list[Spent] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)

    def say(self, said: Any) -> dict[str, Any]:
        """Send a line and read one."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def does(self, engine: Any, prompt: list[int], tools: Any, *, calls: int = 3) -> list[str]:
        """One task; the turns of the model."""
        text = engine._tokenizer.decode(prompt)
        parts = re.findall(r"<\|im_start\|>(system|user)\n(.*?)<\|im_end\|>\n", text, re.DOTALL)
        messages = [{"role": role, "content": content} for role, content in parts]
        answer = self.say({"prompt": text, "messages": messages, "calls": calls})
        while "tool" in answer:
            outcome = call(tools[answer["tool"]], answer["arguments"])
            answer = self.say(f"[Observation] {outcome.text}\n")
        self.seconds.append(Spent(answer["seconds"], answer["worked"]))
        self.calls.append(answer["calls"])
        self.tokens.append(sum(len(engine.encode(turn)) for turn in answer["turns"]))
        turns: list[str] = answer["turns"]
        return turns


def start(name: str, python: str, schemas: dict[str, Any]) -> Peer | None:
    """Start a peer's script, if its environment is there."""
    script = Path(__file__).with_name(f"react_speed_{name}.py")
    if not Path(python).is_file():
        print(f"{name}: skipped, {python} is not there")
        return None
    process = subprocess.Popen(
        [python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    one = Peer(name, process)
    one.opened = one.say({"folder": str(fetch(MODEL)), "schemas": schemas})
    versions = ", ".join(f"{package} {number}" for package, number in one.opened["versions"].items())
    print(f"{name}: {versions}; {one.opened['seconds']:.1f} s to prepare, not counted", flush=True)
    return one


# The rest: memory, grammars, cues -------------------------------------------------------------------------------------

RESIDENT = """
import re
def resident():
    found = dict(re.findall(r"(VmRSS|VmHWM):\\s*(\\d+) kB", open("/proc/self/status").read()))
    print(found["VmRSS"], found["VmHWM"])
"""
BARE = """
import sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
ids = torch.tensor([tokenizer.encode("word " * int(sys.argv[2]))])
model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=100, do_sample=False)
resident()
"""
GUARDED = """
import sys
from agentspec.checking.compile import compile_agent
from agentspec.engines.models import fetch, open_engine
from agentspec.episode.episode import Episode
from agentspec.guard.budget import Budget
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools
engine, compiled = open_engine(sys.argv[1]), compile_agent(load(sys.argv[2]))
tools = load_tools(compiled.agent.tools)
budget = Budget(100, 30, 4)
list(Episode(compiled, engine, tools, "Please pay order A18.", budget=budget).steps())
resident()
"""


def resident(code: str, *arguments: str, runs: int = 5) -> tuple[float, float]:
    """What a process of its own holds at its end, and held at most, in MB: medians, since it varies by tens of MB."""
    command = [sys.executable, "-c", RESIDENT + code, *arguments]
    said = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-2:] for _ in range(runs)
    ]
    ends, most = zip(*said, strict=True)
    return statistics.median(map(int, ends)) / 1024, statistics.median(map(int, most)) / 1024


def grammars(engine: Any, *, rounds: int = 15) -> list[tuple[float, float, str]]:
    """Milliseconds (medians, of processor and clock) to write and read each shipped agent's first grammar.

    For the clerk also the grammars behind a look-up, where the rules and predicates that narrow a payment are in force.
    """
    found = []
    for file in sorted(folder("agents").glob("*.yaml")):
        compiled = compile_agent(load(file.stem))
        if compiled.agent.spec.semantics == "infinite":
            continue
        cursor = Cursor(compiled)
        cursor.take(next(iter(cursor.allowed_steps)), "Please do it.")
        found.append((*_grammar(engine, cursor, rounds), file.stem))
        if file.stem == "clerk":
            cursor.take("thought", "I look.")
            cursor.take("action", "lookup_order")
            cursor.take("action_input", {"order": "A18"})
            cursor.observe("it comes to 250")
            found.append((*_grammar(engine, cursor, rounds), "clerk, behind a look-up"))
    return sorted(found)


def _grammar(engine: Any, cursor: Cursor, rounds: int) -> tuple[float, float]:
    times = []
    for _ in range(rounds):
        began = Spent.now()
        engine.matcher(cursor.grammar)
        times.append(Spent.now() - began)
    return 1000 * statistics.median(t.worked for t in times), 1000 * statistics.median(t.clock for t in times)


def cues(engine: Any, compiled: Compiled, episode: Episode) -> int:
    """How many tokens the cues of the model's steps take, each spelled alone."""
    steps = compiled.agent.spec.steps
    mine = [steps[str(letter.step)] for letter in episode.word if letter.owner == Owner.MODEL]
    return sum(len(engine.encode(step.cue)) for step in mine)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=len(TASKS))
    parser.add_argument("--alone", action="store_true", help="only the guarded agent")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    options = parser.parse_args()
    engine = open_engine(MODEL)
    compiled = compile_agent(load_text(SPEC))
    tools = load_tools(compiled.agent.tools)
    names = ("agentspec-ltl", "llguidance", "torch", "transformers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} of them for the model"
    print(f"{machine}, Python {platform.python_version()}; {versions}", flush=True)
    with ExitStack() as stack:
        schemas = {name: dict(schema.parameters) for name, schema in compiled.schemas.items()}
        given = [one.split("=", 1) for one in options.peer]
        peers = [peer for name, python in given if (peer := start(name, python, schemas)) is not None]
        for peer in peers:
            stack.callback(peer.process.wait)
            stack.callback(peer.process.stdin.close)  # type: ignore[union-attr]  # it was opened as a pipe
        if options.tasks:
            measure(engine, compiled, tools, peers, TASKS[: options.tasks], alone=options.alone)
    print("a grammar written and read, ms of the processor (of the clock), medians:")
    for worked, clock, name in reversed(grammars(engine)):
        print(f"  {name}: {worked:.1f} ({clock:.1f})")
    clerk = compile_agent(load("clerk"))
    prompt = len(Episode(clerk, engine, load_tools(clerk.agent.tools), "Please pay order A18.").prompt)
    bare, ours = resident(BARE, str(fetch(MODEL)), str(prompt)), resident(GUARDED, MODEL, "clerk")
    print(
        f"memory: {bare[0]:.0f} MB of transformers' generate alone, {ours[0] - bare[0]:+.0f} MB with engine, guard and "
        f"matcher of the clerk after an episode; at most {bare[1]:.0f} MB, {ours[1] - bare[1]:+.0f} MB"
    )


def measure(engine: Any, compiled: Compiled, tools: Any, peers: list[Peer], tasks: list[str], *, alone: bool) -> None:
    """Play the tasks, each by all in turn, and print."""
    _, first, turns = guarded(compiled, engine, tools, "What is 1 + 1?")  # warm-up
    for keep in () if alone else (False, True):
        plain(engine, first.prompt, turns[:1], keep=keep)
    for peer in peers:
        peer.does(engine, first.prompt, tools, calls=1)
        peer.seconds, peer.tokens, peer.calls = [], [], []
    ours: list[Spent] = []
    wrote: list[int] = []
    loops: dict[str, list[Spent]] = {} if alone else {"sending the transcript again": [], "keeping its cache": []}
    guard: list[float] = []
    draws: list[float] = []
    calls = forced = told = 0
    for task in tasks:
        seconds, episode, turns = guarded(compiled, engine, tools, task)
        ours.append(seconds)
        wrote.append(episode.counters.tokens)
        for keep, name in enumerate(loops):
            loops[name].append(plain(engine, episode.prompt, turns, keep=bool(keep)))
        for peer in peers:
            peer.does(engine, episode.prompt, tools)
        guard += episode.counters.guard_seconds
        draws += episode.counters.draw_seconds
        calls, forced = calls + episode.counters.calls, forced + episode.counters.forced
        told += cues(engine, compiled, episode)
        shown = [f"{name} {times[-1]}" for name, times in loops.items()]
        shown += [f"{peer.name} {peer.seconds[-1]} for {peer.tokens[-1]} tokens" for peer in peers]
        print(f"{task} {'; '.join([f'{seconds} for {wrote[-1]} tokens', *shown])}", flush=True)
    same = [1.0] * len(ours)
    for name, times in loops.items():
        print(f"against generate {name}, per token and per task alike: {spread(times, ours, same)}")
    for peer in peers:
        shares = [mine / theirs for mine, theirs in zip(wrote, peer.tokens, strict=True)]
        print(f"against {peer.name}, per task: {spread(peer.seconds, ours, same)}")
        print(f"against {peer.name}, per token: {spread(peer.seconds, ours, shares)}")
        print(f"  it took {sum(peer.calls) / sum(peer.tokens):.2f} model calls a token")
    tokens, spent = sum(wrote), sum(one.clock for one in ours)
    print(
        f"{tokens / spent:.1f} tokens/s; {calls / tokens:.2f} model calls a token; "
        f"forced {100 * forced / tokens:.0f} %; cues {100 * told / tokens:.0f} % of the tokens"
    )
    ordered = sorted(guard)
    middle, worst = ordered[len(ordered) // 2] * 1e6, ordered[len(ordered) * 99 // 100] * 1e6
    print(
        f"guard a draw (the draw itself not included): p50 {middle:.0f} µs, p99 {worst:.0f} µs; "
        f"{sum(guard) / calls * 1e6:.0f} µs a model call; {100 * sum(guard) / spent:.2f} % of the time "
        f"(draws {100 * sum(draws) / spent:.2f} %)"
    )


def spread(theirs: list[Spent], ours: list[Spent], shares: list[float]) -> str:
    """Median and range of the ratios, times the shares; over 1 is that we are faster."""
    pairs = list(zip(theirs, ours, shares, strict=True))
    clock = [one.clock / other.clock * share for one, other, share in pairs]
    worked = [one.worked / other.worked * share for one, other, share in pairs]
    return (
        f"median {statistics.median(worked):.2f}x of the processor's time, from {min(worked):.2f}x to "
        f"{max(worked):.2f}x; {statistics.median(clock):.2f}x of the clock's, from {min(clock):.2f}x to "
        f"{max(clock):.2f}x"
    )


if __name__ == "__main__":
    main()
