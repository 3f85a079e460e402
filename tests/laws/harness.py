"""Drive random specs through episodes on the toy engine and hold every one against the laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random

from agentspec.checking.compile import Compiled
from agentspec.errors import InvalidInput
from agentspec.guard.budget import Budget
from tests.laws.episode_laws import check_laws
from tests.laws.played import Played, compiled_of, play, told
from tests.laws.specs import RandomSpec, spec_from
from tests.laws.toy import WILLS
from tests.laws.words import TooMany, WordGame


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
        told = "; ".join(
            f"{name} {sum(c.values())} ({', '.join(f'{k} {c[k]}' for k in sorted(c))})" for name, c in shown
        )
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


@cache
def sound_spec(seed: int) -> tuple[RandomSpec, Compiled | None]:
    """The spec of a seed, compiled if it is sound and realizable. Kept: not for tests that put bugs in."""
    spec = spec_from(seed)
    return spec, sound(spec, Count())


def least(rng: Random, compiled: Compiled) -> Budget:
    """A budget none of whose parts can be smaller, the parts made small in random order."""
    guard = compiled.guard
    best = Budget(10**6, 400, 100)
    assert guard.costs.fits(guard.arena.initial, best), "law: what is realizable can be done within some budget"
    for part in rng.sample(["tokens", "steps", "calls"], 3):
        low, high = 0, getattr(best, part)
        while low < high:
            middle = (low + high) // 2
            if guard.costs.fits(guard.arena.initial, replace(best, **{part: middle})):
                high = middle
            else:
                low = middle + 1
        best = replace(best, **{part: low})
    return best


def budgets(rng: Random, compiled: Compiled) -> Iterator[Budget | None]:
    """The least budget, another least one, one a little larger, and a generous one (None: the limits of the spec)."""
    other = least(rng, compiled)
    best = compiled.guard.least()
    yield best
    yield other
    more = (rng.choice([0, 1, 2, 5, 20, 60]), rng.randint(0, 3), rng.randint(0, 1))
    few = rng.choice([best, other])
    yield Budget(few.tokens + more[0], few.steps + more[1], few.calls + more[2])
    limits = compiled.agent.limits
    asked = Budget(limits.max_tokens, limits.max_steps, limits.max_tool_calls)
    fits = all(getattr(asked, name) >= getattr(best, name) for name in ("tokens", "steps", "calls"))
    yield None if fits else Budget(best.tokens + 500, best.steps + 12, best.calls + 3)


def episodes_of(
    seed: int, count: Count, *, wills: Iterable[str] | None = None, folder: Path | None = None, focus: str = ""
) -> None:
    """Play one random spec under four budgets, each with a different will, and check every law."""
    rng = Random(f"episodes {seed}")
    spec = spec_from(seed, focus)
    compiled = sound(spec, count)
    if compiled is None:
        return
    for budget in budgets(rng, compiled):
        tempers = [spec.temper, "wordy", "wordy"] if spec.temper == "wordy" else [spec.temper, "failing", "broken"]
        spec = replace(spec, tool_seed=rng.randrange(10**9), temper=rng.choice([*tempers, "mixed"]))
        chosen = rng.choice(sorted(wills or WILLS))
        options = {
            "seed": rng.randrange(2**32),
            "will": chosen,
            "budget": budget,
            "temperature": rng.choice([0.0, 0.0, 1.0, 3.0]),
        }
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


def check_game(spec: RandomSpec, compiled: Compiled, depth: int, limit: int) -> str:
    """Compare ``solve`` with trying everything, as deep as the limit allows. Returns how it was settled."""
    game = WordGame(spec, compiled, limit)
    letters, definition = {a.true for a in compiled.alphabet.letters}, {sign.true for sign in game.signs}
    assert letters == definition, f"law: the letters are those some text has: {letters ^ definition}\n{spec.text}"
    rank = compiled.solution.rank.get(compiled.arena.initial)
    for steps in range(depth + 1):
        try:
            forced = game.wins(steps)
        except TooMany:
            break
        if forced != (rank is not None and rank <= steps):
            raise AssertionError(f"within {steps} steps: rank {rank}, by definition {forced}\n{spec.text}")
        if forced:
            return "forced"
        if not game.cut:
            return "lost"  # every word was tried to its end
    return f"agree within {steps} steps"
