"""The game where the truth of some propositions shows only when the model's step is written.

The oracle plays by definition: the model names a text, the adversary says what is true of it.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import product
from random import Random

import pytest

from agentspec.automata.game import counterplay, live_letters, solve, way_out
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena
from agentspec.guard.budget import Budget, Costs
from agentspec.guard.guard import Guard
from agentspec.guard.segment import segment


def letters_of(text: str, open_names: tuple[str, ...], *, call: bool = False) -> list[Letter]:
    """The letters a text of the model may turn out to be."""
    found = []
    for signs in product((True, False), repeat=len(open_names)):
        true = frozenset((text, *(n for n, sign in zip(open_names, signs, strict=True) if sign)))
        false = frozenset(open_names) - true
        found.append(Letter(true, false, text, Owner.MODEL, None, call, frozenset(open_names)))
    return found


def random_arena(rng: Random) -> Arena:
    """Few states; at the model's some texts whose letters lead wherever they like, at the tool's any letters."""
    size = rng.randint(2, 6)
    owners: list[Owner | None] = []
    moves: list[dict[Letter, int]] = []
    for _ in range(size):
        owner = rng.choice([Owner.MODEL, Owner.MODEL, Owner.TOOL])
        here: dict[Letter, int] = {}
        for text in rng.sample(["a", "b", "c"], rng.randint(0, 3)):
            if owner == Owner.TOOL:
                here[Letter(frozenset((text,)), frozenset(), "o", owner)] = rng.randint(-1, size - 1)
                continue
            names = rng.choice([(), ("p",), ("p",), ("p", "r")])
            together = rng.randint(-1, size - 1)
            for letter in letters_of(text, names, call=text == "c"):
                here[letter] = rng.choice([together, rng.randint(-1, size - 1)])
        owners.append(owner if here else None)
        moves.append(here)
    accepting = frozenset(q for q in range(size) if owners[q] != Owner.TOOL and rng.random() < 0.3)
    return Arena(("p", "r"), 0, tuple(owners), tuple(moves), accepting)


class ByDefinition:
    """The model names a text, the adversary answers with what is true of it."""

    def __init__(self, arena: Arena, weights: dict[Letter, int]) -> None:
        self.arena, self.weights = arena, weights

    def answers(self, q: int) -> list[list[Letter]]:
        """For each thing the model may do, what it may become."""
        moves = self.arena.moves[q]
        if self.arena.owner[q] == Owner.TOOL:
            return [list(moves)]
        texts = {letter.step for letter in moves}
        return [[letter for letter in moves if letter.step == text] for text in sorted(map(str, texts))]

    @cache  # noqa: B019
    def wins(self, q: int, steps: int) -> bool:
        if q == VIOLATED:
            return False
        if q in self.arena.accepting:
            return True
        moves, ways = self.arena.moves[q], [some for some in self.answers(q) if some]
        return steps > 0 and any(all(self.wins(moves[letter], steps - 1) for letter in some) for some in ways)

    @cache  # noqa: B019
    def cost(self, q: int, steps: int, calls: int) -> float:
        if q == VIOLATED or steps < 0 or calls < 0:
            return math.inf
        ways = [0.0] if q in self.arena.accepting else []
        for some in self.answers(q):
            if some:
                ways.append(max(self.after(q, letter, steps, calls) for letter in some))
        return min(ways, default=math.inf)

    def after(self, q: int, letter: Letter, steps: int, calls: int) -> float:
        behind = self.cost(self.arena.moves[q][letter], steps - 1, calls - letter.completes_call)
        return self.weights.get(letter, 0) + behind


@pytest.mark.parametrize("seed", range(400))
def test_ranks_costs_and_offers_are_those_of_the_game_by_definition(seed: int) -> None:
    rng = Random(f"open {seed}")
    arena = random_arena(rng)
    weight = {text: rng.randint(1, 4) for text in "abc"}
    weights = {a: weight[str(a.step)] for moves in arena.moves for a in moves if a.owner == Owner.MODEL}
    game, solution = ByDefinition(arena, weights), solve(arena)
    for q in range(len(arena)):
        least = next((k for k in range(len(arena) + 1) if game.wins(q, k)), None)
        assert solution.rank.get(q) == least
    costs = Costs(arena, weights)
    for q, steps, calls in product(range(len(arena)), (0, 1, 2, 4, 7), (0, 1, 3)):
        assert costs.tokens(q, steps, calls) == game.cost(q, steps, calls)
    guard = Guard(arena, solution, costs)
    for q in range(len(arena)):
        for left in (Budget(3, 2, 1), Budget(8, 5, 2), Budget(99, 99, 9)):
            offered = set(guard.offered(q, left))
            for some in game.answers(q) if arena.owner[q] == Owner.MODEL else []:
                fine = all(game.after(q, a, left.steps, left.calls) <= left.tokens for a in some)
                assert offered & set(some) == (set(some) if fine else set())


def test_the_model_chooses_the_text_and_the_adversary_the_truth() -> None:
    good, bad = letters_of("a", ("p",))
    (sure,) = letters_of("b", ())
    arena = Arena(("p",), 0, (Owner.MODEL, None), ({good: 1, bad: VIOLATED, sure: 1},), frozenset({1}))
    arena = Arena(("p",), 0, (Owner.MODEL, None), (arena.moves[0], {}), frozenset({1}))
    assert arena.choices == (((good, bad), (sure,)), ())
    assert arena.kept(0, {1}) == {sure: 1}
    solution = solve(arena)
    assert solution.rank == {0: 1, 1: 0}
    assert live_letters(arena, solution.winning) == {sure}
    assert way_out(arena, solution, 0, good) == bad
    lost = Arena(("p",), 0, (Owner.MODEL, None), ({good: 1, bad: VIOLATED}, {}), frozenset({1}))
    assert solve(lost).rank == {1: 0}
    assert counterplay(lost, solve(lost)) == ([bad], "which violates a rule")


def test_a_segment_stops_where_what_is_open_makes_a_difference() -> None:
    good, bad = letters_of("a", ("p",))
    (after,) = letters_of("b", ())
    owner = (Owner.MODEL, Owner.MODEL, Owner.MODEL, None)
    ends = frozenset({3})

    def plan(target: int) -> tuple[tuple[Letter, int | None], ...]:
        arena = Arena(("p",), 0, owner, ({good: 1, bad: target}, {after: 3}, {after: 3}, {}), ends)
        guard = Guard(arena, solve(arena), Costs(arena, {good: 1, bad: 1, after: 1}))
        return tuple((way.letter, way.behind) for way in segment(guard.start(Budget(9, 9, 9))).nodes[0].alternatives)

    assert plan(2) == ((good, None), (bad, None))
    assert plan(1) == ((good, 1), (bad, 1))
