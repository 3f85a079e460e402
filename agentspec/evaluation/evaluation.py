"""An evaluation: items under settings, run one after another, and gone on with where it stopped."""

from __future__ import annotations

import platform
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import Any

from agentspec import __version__
from agentspec.episode.pool import pool_of
from agentspec.errors import AgentSpecError, InvalidInput, SyntaxProblem
from agentspec.evaluation.items import Item
from agentspec.evaluation.metrics import Metric
from agentspec.evaluation.play import Line, Player
from agentspec.evaluation.readers import Data
from agentspec.evaluation.results import Store
from agentspec.evaluation.setting import Setting

Tell = Callable[[Line], None]


@dataclass(frozen=True)
class Evaluation:
    """What is run: ``items`` of ``data`` under ``settings``; ``player`` runs them."""

    data: Data
    items: tuple[Item, ...]
    settings: tuple[Setting, ...]
    player: Player
    tolerance: float = 0.0
    context: bool = False

    def config(self) -> dict[str, Any]:
        """What results must agree in to be compared with each other."""
        player = self.player
        return {
            "schema_version": 1,
            "versions": versions(),
            "data": {"reader": self.data.reader, "sha256": self.data.sha256, "context": self.context},
            "metric": {"name": player.metric.name, "tolerance": self.tolerance},
            "limits": {"max_tokens": player.max_tokens, "max_steps": player.max_steps, "timeout": player.timeout},
            "agents": {name: candidate.digest for name, candidate in player.candidates.items()},
        }

    def check(self) -> None:
        """Raises what forbids the runs of a setting before a model is loaded: unknown tools, too few examples.

        Where items bring tools, the first few are tried, since those of one may be at fault.
        """
        for setting in self.settings:
            problems: list[AgentSpecError] = []
            for item in self.items[: 3 if self.items[0].tools else 1]:
                try:
                    agent = self.player.agent(setting, item)
                    _ = agent.compile() if setting.arm == "guard" else agent.compiled
                    self._check_examples(setting, len(pool_of(agent.compiled).examples))
                    break
                except InvalidInput as problem:
                    problems.append(problem)
            else:
                raise problems[0]

    @staticmethod
    def _check_examples(setting: Setting, there: int) -> None:
        if (setting.examples or 0) > there:
            have = f"{there} worked example{'' if there == 1 else 's'}"
            raise InvalidInput(f"the agent '{setting.agent}' has {have}, not {setting.examples}")

    def runs(self, shard: tuple[int, int] = (1, 1)) -> Iterator[tuple[Item, Setting]]:
        """All runs of a shard ``(i, n)``, each n-th item from the i-th, in an order in which prompts share beginnings.

        The arms of an item come one after another: what they have in common is the prompt.
        """
        mine = self.items[shard[0] - 1 :: shard[1]]
        for _, group in groupby(self.settings, key=lambda one: replace(one, arm="guard")):
            side = tuple(group)
            for item in mine:
                for setting in side:
                    yield item, setting

    def run(self, store: Store, shard: tuple[int, int] = (1, 1), *, tell: Tell = lambda _: None) -> None:
        """Run what has no result yet; each is in the store before it is told. An interrupt leaves what is there."""
        for item, setting in self.runs(shard):
            known = store.lines.get((item.id, setting.key))
            if known is None:
                known = self.player.play(item, setting)
                store.add(known)
            tell(known)


def chosen(
    data: Data, metric: Metric, *, limit: int | None = None, sample: int | None = None, seed: int = 0
) -> tuple[Data, tuple[Item, ...]]:
    """The items to be run: those whose expectation the metric can use, the first ``limit``, or ``sample`` by seed.

    The others become faults of the data. Raises InvalidInput where the metric can use none.
    """
    fit: list[Item] = []
    faults: list[SyntaxProblem] = []
    for item in data.items:
        try:
            metric.check(item.expected)
            fit.append(item)
        except InvalidInput as problem:
            faults.append(SyntaxProblem(f"{data.source}: item '{item.id}': {problem.message}"))
    if not fit:
        raise InvalidInput(f"the metric {metric.name} can use no item: {faults[0].message}")
    if sample is not None and sample < len(fit):
        places = sorted(random.Random(seed).sample(range(len(fit)), sample))
        fit = [fit[i] for i in places]
    return replace(data, faults=(*data.faults, *faults)), tuple(fit[:limit])


def versions() -> dict[str, str]:
    """Of what results depend on."""
    found = {"agentspec": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in ("llguidance", "torch", "transformers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def parsed_shard(text: str) -> tuple[int, int]:
    """``2/4``: the second of four. Raises InvalidInput for another text."""
    first, mark, many = text.partition("/")
    if mark and first.isdecimal() and many.isdecimal() and 1 <= int(first) <= int(many) <= 1000:
        return int(first), int(many)
    raise InvalidInput(f"a shard is i/n with i from 1 to n, such as 1/2, not {text!r}")


def labels(settings: Sequence[Setting]) -> dict[str, str]:
    """A short name for each setting's key: what tells it from the others."""
    parts: dict[str, Callable[[Setting], str]] = {
        "agent": lambda s: s.agent, "examples": lambda s: "own examples" if s.examples is None else f"k={s.examples}",
        "model": lambda s: s.model, "temperature": lambda s: f"T={s.temperature:g}", "seed": lambda s: f"seed {s.seed}",
        "arm": lambda s: s.arm,
    }  # fmt: skip
    varied = [told for name, told in parts.items() if len({getattr(s, name) for s in settings}) > 1 or name == "arm"]
    return {setting.key: " ".join(told(setting) for told in varied) for setting in settings}
