"""Runs side by side (``Agent.run_many``) against the same runs one by one, with and without guesses ahead; greedy.

The texts are compared. Processor time is told beside the clock's, for machines that others use; the ratio of a busy one
is the former's. The longest run of a batch is for its last part alone: texts of very different length gain little.

    python benchmarks/many.py [--agent react] [--tasks 4] [--rounds 2]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import torch
from questions import questions

import agentspec
from agentspec.engines.batch import Batch
from agentspec.engines.models import open_engine


def main() -> None:
    """Print a line for each way and round, then the ratios of the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default="react")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    engine = open_engine("smollm2-135m", device="cpu", dtype="float32")
    agent = agentspec.load(asked.agent)
    tasks = [question.text for question in questions(0, asked.tasks)]
    agent.run(tasks[0], engine=engine, trace=False)
    forwards: list[int] = []
    forward = Batch.forward

    def counted(self: Batch, rows: object) -> None:
        forwards.append(1)
        forward(self, rows)  # type: ignore[arg-type]  # passed on as it came

    Batch.forward = counted  # type: ignore[assignment, method-assign]  # to count
    ways: dict[str, Callable[[], list[agentspec.Run]]] = {
        "one by one": lambda: [agent.run(t, engine=engine, trace=False, lookahead=0) for t in tasks],
        "one by one, guessing": lambda: [agent.run(t, engine=engine, trace=False) for t in tasks],
        "side by side": lambda: agent.run_many(tasks, engine=engine, trace=False, at_once=asked.tasks),
    }
    clocks: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    texts: dict[str, list[str]] = {}
    for _ in range(asked.rounds):
        for way, play in ways.items():
            forwards.clear()
            clock, processor = time.perf_counter(), time.process_time()
            runs = play()
            clocks[way].append((time.perf_counter() - clock, time.process_time() - processor))
            texts[way] = [str(run) for run in runs]
            calls, tokens = [run.usage.model_calls for run in runs], sum(run.usage.tokens for run in runs)
            print(
                f"{way:21} {clocks[way][-1][0]:6.1f} s, processor {clocks[way][-1][1]:6.1f} s, "
                f"{tokens} tokens, forwards {len(forwards) or sum(calls)}, of each {calls}",
                flush=True,
            )
    same = [one == other for one, other in zip(texts["one by one"], texts["side by side"], strict=True)]
    print(f"same texts: {sum(same)} of {len(same)}")
    best = {way: [min(column) for column in zip(*found, strict=True)] for way, found in clocks.items()}
    for way in list(ways)[:2]:
        ratios = [one / other for one, other in zip(best[way], best["side by side"], strict=True)]
        print(f"{way} / side by side: {ratios[0]:.2f} by the clock, {ratios[1]:.2f} by the processor")


if __name__ == "__main__":
    main()
