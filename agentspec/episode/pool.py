"""Few-shot pools: which of an agent's worked episodes stand in the prompt of a run, and in which order.

All are held against the spec before any is shown, once for each compiled agent. A choice depends on nothing but the
pool, the task and the seed of the run: the same on every machine.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from agentspec import limits
from agentspec.checking.compile import Compiled
from agentspec.episode.prompt_examples import Line, read_examples
from agentspec.episode.similar import Similar
from agentspec.errors import TooLarge
from agentspec.spec.model import By

logger = logging.getLogger("agentspec.examples")
Example = list[Line]


@dataclass(frozen=True)
class Chosen:
    """The examples of one prompt in the order they are shown; ``numbers`` are their places in the pool, from 1.

    ``asked`` is how many were asked for; fewer are there where the pool or the context window holds no more.
    """

    numbers: tuple[int, ...]
    examples: list[Example]
    asked: int

    def __str__(self) -> str:
        numbers = ", ".join(map(str, self.numbers)) or "none"
        fewer = f" ({len(self.numbers)} of the {self.asked} asked for)" if len(self.numbers) < self.asked else ""
        return f"{numbers}{fewer}"


@dataclass(frozen=True)
class Pool:
    """All examples of an agent, each an episode of its spec, numbered from 1."""

    examples: tuple[Example, ...]

    def ranked(self, by: By, task: str, seed: int) -> tuple[int, ...]:
        """The numbers of all, the most useful first. The first of them are the same whatever follows."""
        if by == "similarity":
            return tuple(place + 1 for place in self._similar.ranked(task))
        numbers = range(1, len(self.examples) + 1)
        return tuple(sorted(numbers, key=lambda number: _drawn(seed, number)) if by == "seed" else numbers)

    @cached_property
    def _similar(self) -> Similar:
        return Similar([example[0].content for example in self.examples])


def pool_of(compiled: Compiled) -> Pool:
    """The agent's pool. Raises SyntaxProblem at the first example that is no episode, TooLarge for too many."""
    pool = compiled.kept.get("pool")
    if not isinstance(pool, Pool):
        pool = Pool(tuple(read_examples(compiled)))
        if len(pool.examples) > limits.POOL_EXAMPLES:
            raise TooLarge(
                f"{compiled.agent.examples_source}: {len(pool.examples)} examples; a pool has "
                f"{limits.POOL_EXAMPLES} at most"
            )
        compiled.kept["pool"] = pool
    return pool


def choose(
    compiled: Compiled,
    task: str,
    seed: int,
    count: int | None = None,
    fits: Callable[[list[Example]], bool] | None = None,
) -> Chosen:
    """The examples of a run: ``count`` of them, or as many as the agent says, or all.

    Of a number that was asked for, the least useful are left out until the prompt ``fits``; what an agent shows without
    being asked for a number stays. With similarity the most similar is the last, right before the task.
    """
    pool, pick = pool_of(compiled), compiled.agent.pick
    asked = count if count is not None or pick is None else pick.count
    if asked is None:
        return Chosen(tuple(range(1, len(pool.examples) + 1)), list(pool.examples), len(pool.examples))
    by: By = "order" if pick is None else pick.by
    ranked = pool.ranked(by, task, seed)[:asked]

    def shown(most: int) -> tuple[int, ...]:
        return ranked[:most][::-1] if by == "similarity" else ranked[:most]

    def examples(most: int) -> list[Example]:
        return [pool.examples[number - 1] for number in shown(most)]

    most = len(ranked) if fits is None else _most(len(ranked), lambda count: fits(examples(count)))
    chosen = Chosen(shown(most), examples(most), asked)
    if most < asked:
        why = "the context window holds no more" if most < len(ranked) else f"the agent has {len(pool.examples)}"
        logger.warning("%d of the %d examples asked for are in the prompt: %s", most, asked, why)
    return chosen


def _most(count: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to ``count`` that fits, where fewer fit if more do; 0 is not asked about."""
    if count == 0 or fits(count):
        return count
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _drawn(seed: int, number: int) -> bytes:
    """The lot of an example: no random generator's, whose numbers may be others in another version of Python."""
    return hashlib.sha256(f"{seed} {number}".encode()).digest()
