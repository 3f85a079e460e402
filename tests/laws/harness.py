"""Drive random specs through episodes on the toy engine and hold every one against the laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from agentspec.checking.compile import Compiled
from agentspec.errors import BudgetRefused, InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.episode_laws import Played, check_laws, compiled_of, play, told
from tests.laws.specs import RandomSpec, random_spec
from tests.laws.toy import WILLS


@dataclass
class Count:
    """What became of the specs and episodes of a run."""

    specs: Counter[str] = field(default_factory=Counter)
    episodes: Counter[str] = field(default_factory=Counter)
    owners: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    forced: int = 0

    def add(self, played: Played) -> None:
        self.episodes[played.result.status] += 1
        self.owners.update(str(record.letter.owner) for record in played.records if record.letter)
        self.tokens += played.result.usage.tokens
        self.forced += played.result.usage.forced_tokens

    def __str__(self) -> str:
        shown = [("specs", self.specs), ("episodes", self.episodes), ("steps", self.owners)]
        told = "; ".join(f"{name} {sum(c.values())} ({', '.join(f'{k} {c[k]}' for k in sorted(c))})" for name, c in shown)
        return f"{told}; tokens {self.tokens}, of them forced {self.forced}"


def sound(random_spec: RandomSpec, count: Count) -> Compiled | None:
    """The compiled spec if it is sound and realizable; else it is counted with the reason it is refused for."""
    try:
        compiled = compiled_of(random_spec)
        compiled.guard  # noqa: B018
    except InvalidInput as problem:
        count.specs[problem.message.split(":")[0].split(" (")[0][:40].rsplit(" after", 1)[0]] += 1
        return None
    count.specs["realizable"] += 1
    return compiled


def budgets(rng: Random, compiled: Compiled) -> Iterator[Budget | None]:
    """The least budget, one a little larger, and a generous one (None: the limits of the spec, where they suffice)."""
    least = compiled.guard.least()
    yield least
    more = (rng.randint(0, 12), rng.randint(0, 3), rng.randint(0, 1))
    yield Budget(*(a + b for a, b in zip((least.tokens, least.steps, least.calls), more, strict=True)))
    limits = compiled.agent.limits
    asked = Budget(limits.max_tokens, limits.max_steps, limits.max_tool_calls)
    fits = all(getattr(asked, name) >= getattr(least, name) for name in ("tokens", "steps", "calls"))
    yield None if fits else Budget(least.tokens + 500, least.steps + 12, least.calls + 3)


def episodes_of(seed: int, count: Count, *, wills: Iterable[str] | None = None, folder: Path | None = None) -> None:
    """Play one random spec under three budgets, each with a different will, and check every law."""
    rng = Random(f"episodes {seed}")
    spec = random_spec(Random(f"spec {seed}"))
    compiled = sound(spec, count)
    if compiled is None:
        return
    for budget in budgets(rng, compiled):
        spec = replace(spec, tool_seed=rng.randrange(10**9), temper=rng.choice([spec.temper, "mixed", "failing", "broken"]))
        chosen = rng.choice(sorted(wills or WILLS))
        options = {"seed": rng.randrange(2**32), "will": chosen, "budget": budget, "temperature": rng.choice([0.0, 0.0, 1.0, 3.0])}
        check_one(spec, compiled, count, folder if rng.random() < 0.3 else None, rng.random() < 0.1, **options)


def check_one(
    spec: RandomSpec, compiled: Compiled, count: Count, folder: Path | None, again: bool, **options: object
) -> Played:
    """Play one episode and check the laws; ``again`` plays it twice. A failure says how to repeat it."""
    try:
        played = play(spec, compiled, folder=folder, **options)  # type: ignore[arg-type]
        check_laws(played)
        if again:
            assert told(play(spec, compiled, **options)) == told(played), "law: the same seed gives the same trace"  # type: ignore[arg-type]
    except AssertionError as problem:
        problem.add_note(f"spec:\n{spec.text}schemas: {spec.schemas}\n{spec.tool_seed=} {spec.temper=} {options}")
        raise
    count.add(played)
    return played


def refused_below(compiled: Compiled, budget: Budget) -> bool:
    """Whether the guard refuses to start within the budget."""
    try:
        compiled.guard.start(budget)
    except BudgetRefused:
        return True
    return False
