"""Episodes of agents that are hard to land, under budgets from the least that suffices upwards, judged twice.

Once by the laws of every episode, which are written from the definitions; once by writing the transcript again, step by
step, on a cursor of the compiled guard that has plenty of everything and only believes texts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agentspec.api.cursor import Cursor
from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.decoding.landing import Landing
from agentspec.episode import episode as episode_module
from agentspec.guard.budget import Budget
from agentspec.guard.guard import Position
from agentspec.guard.segment import Segment, segment
from tests.laws.bpe import joined_tokenizer, words_tokenizer
from tests.laws.episode_laws import check_laws
from tests.laws.harness import Count, sound
from tests.laws.landing_specs import LandingSpec, landing_spec_from
from tests.laws.played import CUT, Played, letters_of, play
from tests.laws.toy import WILLS, ToyTokenizer, toy_tokenizer

TOKENIZERS: dict[str, Callable[[], ToyTokenizer]] = {
    "toy": toy_tokenizer,
    "words": words_tokenizer,
    "joined": joined_tokenizer,
}
PLENTY = Budget(10**7, 10**4, 10**4)


def feasible(rng: Random, compiled: Compiled, tokenizer: ToyTokenizer) -> Budget:
    """A budget that suffices: the least, or one with more of something, sometimes with fewer steps or calls for it."""
    guard = compiled.guard_with(tokenizer)
    least = guard.least()
    more = (rng.choice([0, 0, 1, 2, 3, 5, 8, 20, 60, 200]), rng.choice([0, 0, 1, 3]), rng.choice([0, 0, 1, 2]))
    best = Budget(least.tokens + more[0], least.steps + more[1], least.calls + more[2])
    for part in ("steps", "calls"):
        fewer = replace(best, **{part: max(getattr(best, part) - 1, 0)})
        if rng.random() < 0.3 and guard.suffices(fewer):
            best = fewer
    return best


def rewritten(played: Played) -> None:
    """The transcript is accepted by a guard that knows nothing of the budget: letters, rules and end are the same."""
    cursor = Cursor(played.compiled, PLENTY)
    letters, steps = letters_of(played), played.compiled.agent.spec.steps
    for record, letter in zip(played.records, letters, strict=True):
        if letter.owner == Owner.TOOL:
            failed = f"failed({letter.tool})" in letter.true
            shown = record.shown if record.shown == record.content else record.shown.removesuffix(CUT)
            cursor.observe(record.content, shown=shown, ok=not failed, error="error" in letter.true)
        elif letter.owner == Owner.USER:
            cursor.take(str(letter.step), record.content)
        else:
            cursor.read(f"{steps[str(letter.step)].cue} {record.content}\n")
    assert cursor.word == tuple(letters), "law: read again, the transcript is the same word"
    if played.result.status == "accepted":
        assert cursor.may_end, "law: read again, the transcript is a whole episode"
        open_rules = [v.rule for v in cursor.verdicts(ended=True) if v.verdict != "satisfied"]
        blocking = {rule.id for rule in played.compiled.blocking}
        assert not blocking & set(open_rules), f"law: read again, {open_rules} are not satisfied"


def episodes_of(seed: int, count: Count, *, each: int = 6, wills: tuple[str, ...] = tuple(sorted(WILLS))) -> None:
    """Play the landing spec of a seed ``each`` times and judge what was written. A failure says how to repeat it."""
    spec = landing_spec_from(seed)
    compiled = sound(spec, count)
    if compiled is None:
        return
    rng = Random(f"landing episodes {seed}")
    for _ in range(each):
        name = rng.choice(sorted(TOKENIZERS))
        tokenizer = TOKENIZERS[name]()
        options: dict[str, Any] = {
            "seed": rng.randrange(2**32),
            "will": rng.choice(wills),
            "budget": feasible(rng, compiled, tokenizer),
            "temperature": rng.choice([0.0, 0.0, 1.0, 3.0]),
        }
        try:
            played = play(spec, compiled, tokenizer=tokenizer, **options)
            check_laws(played)
            rewritten(played)
        except AssertionError as problem:
            problem.add_note(f"landing spec {seed}, tokenizer {name}, {options}\n{spec.text}{spec.schemas}")
            raise
        count.add(played)


# What an episode would have needed ------------------------------------------------------------------------------------


def play_and_measure(
    spec: LandingSpec, compiled: Compiled, budget: Budget, options: dict[str, Any]
) -> tuple[Played, int | None]:
    """Play with plenty of tokens; also the least budget of tokens for which the design promises the same episode.

    Behind every token, and every run of forced ones, what was spent and the cheapest sure ending are within it; and at
    the beginning of each segment it offers the same steps. None where plenty was not enough: a token was refused.
    """
    needed, refused = [0], [False]
    begun: list[tuple[int, int, int, int, Segment]] = []

    class Measuring(Landing):
        def fits(self, tokens: list[int]) -> bool:
            refused.append(not super().fits(tokens))
            return not refused[-1]

        def take(self, tokens: list[int]) -> None:
            super().take(tokens)
            if not any(refused):
                needed.append(budget.tokens - self.left + int(self.cost))

        def fits_end(self) -> bool:
            refused.append(not super().fits_end())
            if not refused[-1]:
                needed.append(budget.tokens - self.left + 1 + int(self._stopping()))
            return not refused[-1]

        def must_stop(self) -> bool:
            refused.append(super().must_stop())
            return refused[-1]

    def planned(position: Position) -> Segment:
        plan, left = segment(position), position.left
        begun.append((position.state, budget.tokens - left.tokens, left.steps, left.calls, plan))
        return plan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(episode_module, "Landing", Measuring)
        patch.setattr(episode_module, "segment", planned)
        played = play(spec, compiled, budget=budget, **options)
    if any(refused):
        return played, None
    guard = compiled.guard_with(options["tokenizer"])

    def same_plans(tokens: int) -> bool:
        return all(
            segment(Position(guard, state, Budget(tokens - spent, steps, calls))) == plan
            for state, spent, steps, calls, plan in begun
        )

    low, high = max(guard.least().tokens, *needed), budget.tokens
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if same_plans(middle) else (middle + 1, high)
    return played, low
