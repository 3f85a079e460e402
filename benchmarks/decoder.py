"""What the guard costs: tokens a second against transformers' own ``generate``, mask times, forced tokens.

All in one run on one prompt, taken in turn so that a machine that drifts hurts both alike; ratios are what to quote.

    python benchmarks/decoder.py [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from importlib.metadata import version

import torch

from agentspec.checking.compile import compile_agent
from agentspec.engines.models import open_engine
from agentspec.episode.episode import Episode
from agentspec.spec.load import load
from agentspec.toolbox.registry import load_tools

QUESTIONS = ["What is 48 * 17?", "What is the capital of Norway?", "What is 1234 + 4321?"]


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    engine = open_engine("smollm2-135m")
    compiled = compile_agent(load("react"))
    tools = load_tools(compiled.agent.tools)
    names = ("agentspec-ltl", "llguidance", "torch", "transformers")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {versions}")

    ratios: list[float] = []
    guard: list[float] = []
    tokens = forced = calls = 0
    decode_seconds = generate_seconds = 0.0
    for round_number in range(rounds + 1):
        for question in QUESTIONS:
            episode = Episode(compiled, engine, tools, question)
            prompt = episode.prompt
            began = time.perf_counter()
            for _ in episode.steps():
                pass
            guarded_seconds = time.perf_counter() - began
            assert episode.result is not None
            usage = episode.result.usage
            assert episode.result.status == "accepted"
            ids = torch.tensor([prompt])
            began = time.perf_counter()
            with torch.inference_mode():
                engine._model.generate(
                    ids,
                    attention_mask=torch.ones_like(ids),
                    min_new_tokens=usage.tokens,
                    max_new_tokens=usage.tokens,
                    do_sample=False,
                )
            plain_seconds = time.perf_counter() - began
            if round_number == 0:
                continue  # warm-up
            ratios.append(plain_seconds / guarded_seconds)
            guard += episode.counters.guard_seconds
            tokens, forced, calls = tokens + usage.tokens, forced + usage.forced_tokens, calls + usage.model_calls
            decode_seconds += guarded_seconds
            generate_seconds += plain_seconds
    print(f"episodes: {rounds * len(QUESTIONS)}; tokens emitted: {tokens}; model calls: {calls}")
    print(
        f"speed, guarded episode (prompt, tool calls and observations included) against generate of as many tokens: "
        f"median {statistics.median(ratios):.2f}x, from {min(ratios):.2f}x to {max(ratios):.2f}x"
    )
    print(f"guarded: {tokens / decode_seconds:.1f} tokens/s; generate: {tokens / generate_seconds:.1f} tokens/s")
    print(
        f"guard time a model call (mask, forced text, draw, bookkeeping): p50 {percentile(guard, 0.5) * 1e6:.0f} µs, "
        f"p99 {percentile(guard, 0.99) * 1e6:.0f} µs; {100 * sum(guard) / decode_seconds:.2f} % of the time"
    )
    print(f"share of forced tokens: {100 * forced / tokens:.0f} %; model calls a token: {calls / tokens:.2f}")


if __name__ == "__main__":
    main()
