"""Both ReAct agents on questions from a seed chosen at run time, guarded and unguarded, greedy and hot.

Guarded: every run must be accepted, its word must be in the behavior and satisfy every rule by the direct evaluator;
the script fails otherwise. Unguarded (at most 200 tokens): the share of malformed and of unfinished runs.
Right answers are reported for all. They are no measure of an unseen task: the shipped prompts were chosen by trying
variants on questions of this same generator (other seeds), and one worked example of react uses one of its templates.

    python benchmarks/agents.py [--seed N] [--count 20]
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version

from questions import Question, questions

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.decoding.sample import Sampler
from agentspec.engines.engine import Engine
from agentspec.engines.models import open_engine
from agentspec.episode.episode import Episode
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.guard.budget import Budget
from agentspec.logic.behavior import derivative, nullable
from agentspec.logic.semantics import holds
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools

UNGUARDED_TOKENS = 200


@dataclass
class Tally:
    """What became of one setting's runs."""

    statuses: dict[str, int] = field(default_factory=dict)
    right: int = 0
    malformed: int = 0
    unfinished: int = 0
    tokens: int = 0
    calls: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def word_is_lawful(compiled: Compiled, word: list[frozenset[str]], steps: list[str]) -> list[str]:
    """The laws a word breaks, by derivative of the behavior as written and by the direct evaluator of the rules."""
    broken = []
    behavior = compiled.agent.spec.behavior
    for step in steps:
        behavior = derivative(behavior, step)
    if not nullable(behavior):
        broken.append("behavior")
    broken += [rule.id for rule in compiled.agent.spec.rules if not holds(rule.formula, word)]
    return broken


def play(
    compiled: Compiled, engine: Engine, question: Question, guarded: bool, temperature: float, seed: int
) -> Episode:
    """One episode to its end."""
    tools = load_tools(compiled.agent.tools)
    limits = compiled.agent.limits
    sampler = Sampler(temperature, seed)
    if guarded:
        episode = Episode(compiled, engine, tools, question.text, sampler)
    else:
        budget = Budget(UNGUARDED_TOKENS, limits.max_steps, limits.max_tool_calls)
        episode = UnguardedEpisode(compiled, engine, tools, question.text, sampler, budget=budget)
    for _ in episode.steps():
        pass
    return episode


def tally(agent: str, engine: Engine, asked: list[Question], guarded: bool, temperature: float, seed: int) -> Tally:
    """All questions under one setting."""
    compiled = compile_agent(load(agent))
    found = Tally()
    began = time.perf_counter()
    for i, question in enumerate(asked):
        episode = play(compiled, engine, question, guarded, temperature, seed + i)
        result = episode.result
        assert result is not None
        found.statuses[result.status] = found.statuses.get(result.status, 0) + 1
        found.right += question.is_answered_by(result.answer)
        found.tokens += result.usage.tokens
        found.calls += result.usage.model_calls
        found.tool_calls += result.usage.tool_calls
        broken = word_is_lawful(
            compiled, [letter.true for letter in episode.word], [str(letter.step) for letter in episode.word]
        )
        found.unfinished += result.status == "stopped_limit"
        found.malformed += result.status != "stopped_limit" and (result.status != "accepted" or bool(broken))
        if guarded and (result.status != "accepted" or broken):
            found.wrong.append(f"{question.text!r}: {result.status} {result.reason} broken: {broken}")
    found.seconds = time.perf_counter() - began
    return found


def main() -> int:
    """Print the table; 1 if any guarded run was not accepted or broke a rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None, help="default: chosen now")
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    asked = questions(seed, options.count)
    engine = open_engine("smollm2-135m")
    versions = ", ".join(f"{name} {version(name)}" for name in ("agentspec-ltl", "llguidance", "torch", "transformers"))
    print(f"seed {seed}, {len(asked)} questions, {engine.name}; {versions}\n", flush=True)
    print("| agent | temperature | guard | accepted | malformed | unfinished | right | tool calls | tokens | s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    wrong: list[str] = []
    for agent in ("react", "react-zero"):
        for temperature in (0.0, 1.5):
            for guarded in (True, False):
                t = tally(agent, engine, asked, guarded, temperature, seed)
                wrong += t.wrong
                n = len(asked)
                print(
                    f"| {agent} | {temperature:g} | {'on' if guarded else 'off'} | {t.statuses.get('accepted', 0)}/{n} "
                    f"| {t.malformed}/{n} | {t.unfinished}/{n} "
                    f"| {t.right}/{n} | {t.tool_calls} | {t.tokens} | {t.seconds:.0f} |",
                    flush=True,
                )
    for line in wrong:
        print("GUARD FAILED:", line)
    print(f"\nguarded runs that were not accepted or broke a rule: {len(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
