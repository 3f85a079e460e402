"""Budgets, costs and segments on random arenas, against the game played by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata.game import solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena
from agentspec.errors import BudgetRefused, EngineFault
from agentspec.guard import segment as segment_module
from agentspec.guard.budget import Budget, Costs
from agentspec.guard.guard import Guard, Position
from agentspec.guard.segment import segment

MODEL = [Letter(frozenset({f"m{i}"}), step=f"m{i}", owner=Owner.MODEL, completes_call=i % 3 == 0) for i in range(6)]
TOOL = [Letter(frozenset({f"t{i}"}), step=f"t{i}", owner=Owner.TOOL) for i in range(3)]
USER = [Letter(frozenset({"u"}), step="u", owner=Owner.USER)]
PLENTY = Budget(10**6, 10**4, 10**4)

unhurried = settings(deadline=None, max_examples=200)


def random_arena(rng: Random) -> Arena:
    many = rng.randint(1, 6)
    owners: list[Owner | None] = []
    moves = []
    for _ in range(many):
        letters, owner = rng.choice(
            [(MODEL, Owner.MODEL)] * 4 + [(TOOL, Owner.TOOL)] * 2 + [(USER, Owner.USER), ([], None)]
        )
        chosen = rng.sample(letters, rng.randint(1, min(3, len(letters)))) if letters else []
        bad = 0.1 if owner == Owner.TOOL else 0.2
        moves.append({a: VIOLATED if rng.random() < bad else rng.randrange(many) for a in chosen})
        owners.append(owner)
    accepting = frozenset(q for q in range(many) if rng.random() < 0.35)
    return Arena((), 0, tuple(owners), tuple(moves), accepting)


def guard_of(arena: Arena, rng: Random) -> Guard:
    solution = solve(arena)
    weights = {letter: rng.randint(1, 6) for letter in MODEL}
    return Guard(arena, solution, Costs(arena, weights))


guards = st.randoms(use_true_random=False).map(lambda rng: guard_of(random_arena(rng), rng))


def by_hand(guard: Guard) -> Callable[[int, int, int, int], bool]:
    """``wins(state, tokens, steps, calls)``: whether the model can surely end well, every play tried."""
    arena, weights = guard.arena, guard.costs.weights

    @cache
    def wins(q: int, tokens: int, steps: int, calls: int) -> bool:
        if tokens < 0 or steps < 0 or calls < 0 or q == VIOLATED:
            return False
        if q in arena.accepting:
            return True
        after = [
            wins(target, tokens - weights.get(letter, 0), steps - 1, calls - letter.completes_call)
            for letter, target in arena.moves[q].items()
        ]
        return any(after) if arena.owner[q] == Owner.MODEL else bool(after) and all(after)

    return wins


@unhurried
@given(guards)
def test_costs_are_the_least_with_which_the_game_is_won(guard: Guard) -> None:
    wins, many = by_hand(guard), len(guard.arena)
    for q, steps, calls in product(range(many), range(-1, many + 4), range(-1, many + 3)):
        cost = guard.costs.tokens(q, steps, calls)
        assert cost >= 0
        assert not wins(q, 45, steps, calls) if math.isinf(cost) else wins(q, int(cost), steps, calls)
        if 0 < cost < math.inf:
            assert not wins(q, int(cost) - 1, steps, calls)


@unhurried
@given(guards)
def test_a_position_has_a_finite_cost_exactly_if_it_is_winning(guard: Guard) -> None:
    for q in range(len(guard.arena)):
        assert (q in guard.solution.rank) == math.isfinite(guard.costs.tokens(q, 10**4, 10**4))
        assert (q in guard.solution.rank) == guard.costs.fits(q, PLENTY)
    assert math.isinf(guard.costs.tokens(VIOLATED, 10, 10))


@unhurried
@given(guards, st.integers(0, 40), st.integers(0, 9), st.integers(0, 5), st.integers(0, 9))
def test_more_of_anything_never_hurts(guard: Guard, tokens: int, steps: int, calls: int, more: int) -> None:
    left = Budget(tokens, steps, calls)
    for q in range(len(guard.arena)):
        if guard.costs.fits(q, left):
            for part in ("tokens", "steps", "calls"):
                assert guard.costs.fits(q, replace(left, **{part: getattr(left, part) + more}))


@unhurried
@given(guards)
def test_least_is_feasible_and_least_in_tokens_then_steps_then_calls(guard: Guard) -> None:
    start = guard.arena.initial
    if start not in guard.solution.rank:
        with pytest.raises(OverflowError):
            guard.least()
        return
    wins, least, many = by_hand(guard), guard.least(), len(guard.arena)
    assert wins(start, least.tokens, least.steps, least.calls)
    assert least.tokens == 0 or not wins(start, least.tokens - 1, many + 2, many + 2)
    assert least.steps == 0 or not wins(start, least.tokens, least.steps - 1, many + 2)
    assert least.calls == 0 or not wins(start, least.tokens, least.steps, least.calls - 1)
    assert guard.start(least).left == least
    for part in ("tokens", "steps", "calls"):
        smaller = replace(least, **{part: getattr(least, part) - 1})
        if not guard.costs.fits(start, smaller):
            with pytest.raises(BudgetRefused, match=str(least)):
                guard.start(smaller)


# Positions ----------------------------------------------------------------------------------------------------------


def positions(guard: Guard, rng: Random) -> list[Position]:
    """Positions of the model's from which a good end is sure, their budgets from just enough to plenty."""
    found = []
    for q in guard.solution.rank:
        if guard.owner(q) == Owner.MODEL:
            steps, calls = rng.randint(0, 8), rng.randint(0, 4)
            cost = guard.costs.tokens(q, steps, calls)
            if math.isfinite(cost):
                found.append(Position(guard, q, Budget(int(cost) + rng.choice([0, 1, 3, 8, 30]), steps, calls)))
    return found


@unhurried
@given(guards, st.randoms(use_true_random=False))
def test_what_is_offered_is_every_letter_after_which_the_game_is_won(guard: Guard, rng: Random) -> None:
    wins = by_hand(guard)
    for position in positions(guard, rng):
        left = position.left
        won = {
            letter
            for letter, target in guard.arena.moves[position.state].items()
            if wins(
                target, left.tokens - guard.costs.weights[letter], left.steps - 1, left.calls - letter.completes_call
            )
        }
        assert set(position.allowed()) == won
        assert won or position.is_accepting
        assert position.must_end == (not won and position.is_accepting)


@unhurried
@given(guards, st.randoms(use_true_random=False))
def test_any_play_of_allowed_steps_ends_well_within_its_budget(guard: Guard, rng: Random) -> None:
    for position in positions(guard, rng):
        start, budget, plays = position.state, position.left, []
        while not position.must_end:
            if position.is_accepting and (position.owner != Owner.MODEL or rng.random() < 0.2):
                assert position.owner != Owner.MODEL or position.left.tokens >= 1, "a token is left for the end"
                break
            plays.append((position.state, position.left))
            letter = rng.choice(position.allowed())
            weight = guard.costs.weights.get(letter, 0)
            if (
                rng.random() < 0.2
                and letter.owner == Owner.MODEL
                and not guard.costs.fits(
                    guard.arena.moves[position.state][letter], position.left.after(letter, weight + 9)
                )
            ):
                with pytest.raises(EngineFault, match="no good end is sure"):
                    position.advance(letter, weight + 9)
            position.advance(letter, rng.choice([weight, weight, rng.randint(0, weight)]))
            assert min(position.left.tokens, position.left.steps, position.left.calls) >= 0
            assert len(plays) <= budget.steps
        assert position.is_accepting
        back = rng.randint(0, len(plays))
        position.rollback(back)
        if back:
            assert (position.state, position.left) == plays[len(plays) - back]
        position.rollback(len(plays) - back)
        assert (position.state, position.left) == (start, budget)
        with pytest.raises(ValueError, match="0 steps can be undone"):
            position.rollback(1)


def test_a_step_that_is_not_allowed_is_refused_and_changes_nothing() -> None:
    arena = Arena((), 0, (Owner.MODEL, None), ({MODEL[1]: 1, MODEL[2]: VIOLATED}, {}), frozenset({1}))
    guard = Guard(arena, solve(arena), Costs(arena, dict.fromkeys(MODEL, 3)))
    position = guard.start(Budget(3, 1, 0))
    for letter in (MODEL[2], MODEL[4], TOOL[0]):
        with pytest.raises(EngineFault, match="does not allow"):
            position.advance(letter)
    assert (position.state, position.left) == (0, Budget(3, 1, 0))
    position.advance(MODEL[1], 3)
    assert position.must_end


# Segments -----------------------------------------------------------------------------------------------------------

Ways = frozenset[tuple[Letter, ...]]


def words_of_segment(position: Position, longest: int) -> Ways:
    """The words of steps the grammar generates, up to a length."""
    nodes, found = segment(position).nodes, set()
    paths: list[tuple[tuple[Letter, ...], int | None]] = [((), 0)]
    for word, node in paths:
        if node is None or nodes[node].may_end:
            found.add(word)
        if node is not None and len(word) < longest:
            paths += [((*word, way.letter), way.behind) for way in nodes[node].alternatives]
    return frozenset(found)


def words_of_guard(position: Position, longest: int) -> Ways:
    """The same from repeated ``offered`` with every step at its least, stopped where others write or nothing is."""
    guard, found = position.guard, set()
    paths: list[tuple[tuple[Letter, ...], int, Budget]] = [((), position.state, position.left)]
    for word, q, left in paths:
        offered = guard.offered(q, left)
        if word and (guard.owner(q) != Owner.MODEL or not offered):
            found.add(word)
            continue
        if guard.may_end(q):
            found.add(word)
        if len(word) < longest:
            paths += [((*word, a), guard.arena.moves[q][a], left.after(a, guard.costs.weights[a])) for a in offered]
    return frozenset(found)


@unhurried
@given(guards, st.randoms(use_true_random=False))
def test_a_segment_generates_all_that_the_guard_offers(guard: Guard, rng: Random) -> None:
    for position in positions(guard, rng):
        if len(segment(position).nodes) < limits.SEGMENT_NODES:
            assert words_of_segment(position, 5) >= words_of_guard(position, 5)


def check_segment(guard: Guard, rng: Random) -> None:
    """Wherever a play stands, the grammar under way offers what the guard offers for what was really used, or more."""
    for position in positions(guard, rng):
        if position.must_end:
            continue
        nodes, here = segment(position).nodes, 0
        while True:
            node = nodes[here]
            offered = {way.letter for way in node.alternatives}
            assert offered >= set(position.allowed()), "no step is hidden"
            assert here or offered == set(position.allowed()), "nor added where it is made afresh"
            for way in node.alternatives:
                target, after = guard.arena.moves[position.state][way.letter], position.left.after(way.letter, 0)
                assert way.cost == guard.costs.tokens(target, after.steps, after.calls)
            assert node.may_end == position.is_accepting
            affordable = [way for way in node.alternatives if way.letter in position.allowed()]
            if not affordable:
                break
            way = rng.choice(affordable)
            letter, behind = way.letter, way.behind
            room = position.left.tokens - way.cost
            position.advance(letter, rng.randint(min(room, guard.costs.weights[letter]), room))
            if position.owner != Owner.MODEL or position.must_end:
                break
            if behind is None:  # a checkpoint
                nodes, behind = segment(position).nodes, 0
            here = behind


@unhurried
@given(guards, st.randoms(use_true_random=False))
def test_a_checkpoint_never_hides_an_affordable_step(guard: Guard, rng: Random) -> None:
    check_segment(guard, rng)


def test_the_segment_law_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = segment_module._behind

    def poorer(*given: Any) -> Any:
        target, after = behind(*given)
        return target, replace(after, tokens=max(after.tokens - 5, 0))

    monkeypatch.setattr(segment_module, "_behind", poorer)

    def search() -> None:
        for seed in range(2000):
            rng = Random(seed)
            check_segment(guard_of(random_arena(rng), rng), rng)

    with pytest.raises(AssertionError, match="no step is hidden"):
        search()


def test_segments_are_bounded_and_numbered_breadth_first() -> None:
    """One state, a loop, a large budget: a node for each number of steps left, never more than the limit."""
    arena = Arena((), 0, (Owner.MODEL,), ({MODEL[1]: 0, MODEL[2]: 0},), frozenset({0}))
    guard = Guard(arena, solve(arena), Costs(arena, dict.fromkeys(MODEL, 1)))
    found = segment(guard.start(Budget(10**6, 10**3, 0)))
    assert len(found.nodes) == limits.SEGMENT_NODES
    seen = [way.behind for node in found.nodes for way in node.alternatives if way.behind is not None]
    assert sorted(set(seen)) == list(range(1, len(found.nodes)))
    assert list(dict.fromkeys(seen)) == sorted(set(seen))
    assert segment(guard.start(Budget(10**6, 10**3, 0))) == found
