"""The adversary's play is as short as it can force it to be: against the definition, by values of bounded games."""

from __future__ import annotations

import random

from agentspec.automata.game import counterplay, solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena

LETTERS = {
    owner: [Letter(frozenset({f"{owner}{i}"}), step=f"{owner}{i}", owner=owner) for i in range(4)] for owner in Owner
}


def arena(rng: random.Random) -> Arena:
    states = rng.randint(2, 7)
    owners = [rng.choice([Owner.MODEL, Owner.TOOL]) for _ in range(states)]
    moves = []
    for owner in owners:
        count = rng.choice([0, 1, 1, 2, 2, 3])
        moves.append({a: rng.choice([VIOLATED, *range(states)]) for a in LETTERS[owner][:count]})
    accepting = frozenset(q for q in range(states) if rng.random() < 0.2)
    return Arena((), 0, tuple(o if m else None for o, m in zip(owners, moves, strict=True)), tuple(moves), accepting)


def forced_within(game: Arena, won: frozenset[int], q: int, steps: int) -> bool:
    """Whether the adversary can force a violation or a dead end within so many steps, while nothing is won."""
    if q == VIOLATED:
        return True
    if q in won:
        return False
    if not game.moves[q]:
        return True
    if steps == 0:
        return False
    kind = all if game.owner[q] == Owner.MODEL else any
    return kind(forced_within(game, won, target, steps - 1) for target in game.moves[q].values())


def test_as_short_as_it_can_be_forced() -> None:
    seen = {"forced": 0, "round": 0}
    for seed in range(1500):
        game = arena(random.Random(seed))
        solution = solve(game)
        if game.initial in solution.rank:
            continue
        won = frozenset(solution.rank)
        play, end = counterplay(game, solution)
        value = next((n for n in range(9) if forced_within(game, won, 0, n)), None)
        if end == "and so on without an end":
            assert value is None
            seen["round"] += 1
        else:
            assert len(play) == value
            seen["forced"] += 1
        q = game.initial
        for letter in play:
            assert q not in won
            q = game.moves[q][letter]
        if end == "which violates a rule":
            assert q == VIOLATED
        elif end.startswith("no step"):
            assert not game.moves[q]
    assert min(seen.values()) > 40, seen
