"""Few-shot prompts on the real default model: what was made of their beginnings is there for the next run.

``python -m pytest -m long -s -p no:xdist tests/episode/test_pool_model.py`` prints seconds to the first token.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.decoding.ahead import Lookup
from agentspec.engines.models import fetch
from agentspec.engines.prefix import Prefixes
from agentspec.engines.transformers import TransformersEngine
from agentspec.episode.episode import Episode
from agentspec.guard.budget import Budget
from agentspec.spec.load import load
from agentspec.spec.model import Pick
from agentspec.toolbox.registry import load_tools

pytestmark = [pytest.mark.model, pytest.mark.long]
TASKS = ["What is 48 * 17?", "What is the capital of Peru?", "What is 99 / 11?"]


@pytest.fixture(scope="module")
def engine() -> TransformersEngine:
    return TransformersEngine(fetch("smollm2-135m"), name="smollm2-135m")


def react(pick: Pick | None) -> Compiled:
    compiled = compile_agent(load("react"))
    return replace(compiled, agent=replace(compiled.agent, pick=pick))


def first(agent: Compiled, engine: TransformersEngine, task: str) -> tuple[float, NDArray[np.float32]]:
    """Seconds to the scores of the first token, from the choice of the examples on, and the scores."""
    began = time.perf_counter()
    scores = engine.open(Episode(agent, engine, {}, task).prompt).logits()
    return time.perf_counter() - began, scores


@pytest.mark.parametrize("pick", [None, Pick(2, "order"), Pick(2, "seed"), Pick(2, "similarity")], ids=str)
def test_the_second_run_begins_sooner_with_the_same_scores(engine: TransformersEngine, pick: Pick | None) -> None:
    agent = react(pick)
    cold = []
    for task in TASKS:
        engine._prefixes = Prefixes()
        cold.append(first(agent, engine, task))
    engine._prefixes = Prefixes()
    warm = [first(agent, engine, task) for task in TASKS]
    for (_, alone), (_, after) in zip(cold, warm, strict=True):
        np.testing.assert_array_equal(after, alone)
    ratio = warm[-1][0] / cold[-1][0]
    told = ", ".join(f"{seconds:.2f}" for seconds, _ in warm)
    print(f"\n{pick}: seconds to the first token {told}; of the last without the others {cold[-1][0]:.2f}: {ratio:.2f}")
    assert ratio < 0.8


def test_runs_after_another_are_those_of_a_new_engine(engine: TransformersEngine) -> None:
    agent, budget = react(Pick(2, "similarity")), Budget(160, 12, 1)
    tools = load_tools(agent.agent.tools)

    def played(task: str) -> list[tuple[str, str, int, float | None]]:
        episode = Episode(agent, engine, tools, task, budget=budget, lookup=Lookup(8), logprobs=True)
        return [(str(one.letter), one.content, one.tokens, one.logprob_free) for one in episode.steps()]

    alone = []
    for task in TASKS:
        engine._prefixes = Prefixes()
        alone.append(played(task))
    engine._prefixes = Prefixes()
    assert [played(task) for task in TASKS] == alone
