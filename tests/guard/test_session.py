"""Session guards on random arenas: every cursor a session can come to, and every play through them."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega_game import OmegaArena, positions
from agentspec.automata.product import VIOLATED, Arena
from agentspec.errors import BudgetRefused, EngineFault
from agentspec.guard.budget import Budget
from agentspec.guard.segment import segment
from agentspec.guard.session import SessionGuard, SessionPosition
from tests.automata.test_game_infinite import MARKS, Marks, some_play_breaks

COUNT = 1_000
PLENTY = Budget(10**6, 10**4, 10**3)
Cursor = tuple[object, ...]


def condition(rng: Random, depth: int = 3) -> Acceptance:
    if depth and rng.random() < 0.7:
        return rng.choice([All, All, Any])(tuple(condition(rng, depth - 1) for _ in range(rng.randint(1, 3))))
    return rng.choice([Inf, Inf, Fin])(rng.randrange(MARKS))


def random_omega(rng: Random) -> OmegaArena:
    """Up to six states, of which the first is the user's; every other owner's states have several moves."""
    size = rng.randint(2, 6)
    owners = (Owner.USER, *rng.choices(list(Owner), [5, 2, 2], k=size - 1))
    moves: list[dict[Letter, int]] = []
    marks: list[dict[Letter, Marks]] = []
    for owner in owners:
        names = rng.sample("xyz", rng.randint(1, 3))
        letters = [
            Letter(frozenset({n + owner}), frozenset(), n + owner, owner, None, (owner, n) == (Owner.MODEL, "z"))
            for n in names
        ]
        targets = [q for q in range(size) if owner != Owner.TOOL or owners[q] != Owner.TOOL]
        here = {a: VIOLATED if rng.random() < 0.05 else rng.choice(targets) for a in letters}
        moves.append(here)
        marks.append({a: frozenset(rng.sample(range(MARKS), rng.randint(0, 2))) for a in here})
    return OmegaArena(Arena((), 0, owners, tuple(moves), frozenset()), tuple(marks), condition(rng))


def guard_of(omega: OmegaArena, patience: int) -> SessionGuard | None:
    """The guard, where the model wins."""
    found = positions(omega)
    if found.arena.initial not in found.winning:
        return None
    letters = dict.fromkeys(a for moves in omega.arena.moves for a in moves if a.owner == Owner.MODEL)
    return SessionGuard(found, {a: 1 + i % 3 for i, a in enumerate(letters)}, patience)


def guards(count: int) -> Iterator[tuple[int, OmegaArena, SessionGuard]]:
    """Seed, arena and guard of the sound ones among so many."""
    sound = 0
    for seed in range(count):
        rng = Random(seed)
        omega = random_omega(rng)
        guard = guard_of(omega, rng.randint(0, 2))
        if guard is not None:
            sound += 1
            yield seed, omega, guard
    assert sound > count // 8, "the test saw few guards"


def cursor(at: SessionPosition) -> Cursor:
    return (at.state, at.left, at.patience, at.debt, at.ranked, at.guard)


def explored(guard: SessionGuard, limits: Budget) -> Iterator[tuple[Cursor, Letter, Cursor, SessionPosition]]:
    """All that a session can do, the model's steps at their longest and at their shortest."""
    start = guard.start(limits)
    seen = {cursor(start)}
    stack = [start]
    while stack:
        at = stack.pop()
        assert at.owner is not None
        assert at.allowed() or at.guard is guard.endless, "somebody can write in every turn that ends"
        for letter in at.allowed():
            for tokens in {guard.weights.get(letter, 0), min(1, guard.weights.get(letter, 0))}:
                after = SessionPosition(
                    at.guard, at.state, at.left, session=guard, limits=limits, patience=at.patience, debt=at.debt,
                    ranked=at.ranked,
                )  # fmt: skip
                after.advance(letter, tokens)
                yield cursor(at), letter, cursor(after), after
                if cursor(after) not in seen:
                    seen.add(cursor(after))
                    stack.append(after)
        assert len(seen) < 20_000


def test_every_play_through_the_guard_is_won_and_every_turn_ends() -> None:
    for _, omega, guard in guards(COUNT):
        all_plays(omega, guard)


def all_plays(omega: OmegaArena, guard: SessionGuard) -> None:
    limits = guard.least()
    assert guard.suffices(limits)
    numbers: dict[Cursor, int] = {}
    edges = []
    for before, letter, after, _ in explored(guard, limits):
        source, target = (numbers.setdefault(c, len(numbers)) for c in (before, after))
        state = guard.positions.state_of[before[0]]  # type: ignore[index]
        edges.append((source, target, omega.marks[state][letter]))
    assert not some_play_breaks(edges, frozenset({0}), lambda seen: not omega.acceptance.accepts(seen))


def test_free_turns_allow_all_that_the_winning_region_does() -> None:
    for _, _, guard in guards(COUNT):
        all_moves(guard)


def all_moves(guard: SessionGuard) -> None:
    found = guard.positions
    for v in found.winning:
        if found.arena.owner[v] != Owner.MODEL:
            continue
        inside = {a for a, t in found.arena.moves[v].items() if t in found.winning}
        assert set(guard.free.arena.moves[v]) == inside
        assert set(guard.ranked.arena.moves[v]) <= inside
        sure = {a for a in inside if guard.free.costs.tokens(found.arena.moves[v][a], 10**9, 10**9) < float("inf")}
        assert set(guard.free.offered(v, PLENTY)) == sure


def test_a_smaller_budget_is_refused_or_does() -> None:
    for _, _, guard in guards(COUNT):
        no_less(guard)


def no_less(guard: SessionGuard) -> None:
    least = guard.least()
    for part in ("tokens", "steps", "calls"):
        fewer = Budget(**{n: getattr(least, n) - (n == part) for n in ("tokens", "steps", "calls")})
        if getattr(fewer, part) < 0:
            continue
        assert not guard.suffices(fewer), f"one that is less in {part}"
        with pytest.raises(BudgetRefused, match="one that suffices"):
            guard.start(fewer)


def test_rollback_undoes_all_of_it() -> None:
    for seed, _, guard in guards(COUNT):
        undo(seed, guard)


def undo(seed: int, guard: SessionGuard) -> None:
    rng, at = Random(seed), guard.start(guard.least())
    trail = [cursor(at)]
    for _ in range(12):
        if not at.allowed():
            break
        letter = rng.choice(at.allowed())
        at.advance(letter, guard.weights.get(letter, 0))
        trail.append(cursor(at))
    while len(trail) > 1:
        back = rng.randint(1, len(trail) - 1)
        at.rollback(back)
        del trail[-back:]
        assert cursor(at) == trail[-1]
    with pytest.raises(ValueError, match="can be undone"):
        at.rollback()


# ---- one arena by hand: an open ticket may wait, but not for ever

USER = [Letter(frozenset({n}), frozenset(), n, Owner.USER) for n in ("open", "chat")]
MINE = [Letter(frozenset({n}), frozenset(), n, Owner.MODEL) for n in ("close", "talk")]


def desk(patience: int) -> SessionGuard:
    """States: user without a ticket, model without, user with, model with. Only ``close`` closes it."""
    moves: tuple[dict[Letter, int], ...] = (
        {USER[0]: 3, USER[1]: 1}, {MINE[1]: 0}, {USER[0]: VIOLATED, USER[1]: 3}, {MINE[0]: 0, MINE[1]: 2},
    )  # fmt: skip
    moves = (*moves[:2], {USER[0]: 3, USER[1]: 3}, moves[3])
    owner = (Owner.USER, Owner.MODEL, Owner.USER, Owner.MODEL)
    paid: Marks = frozenset({0})
    marks = (
        {USER[0]: Marks(), USER[1]: paid},
        {MINE[1]: paid},
        {a: Marks() for a in USER},
        {MINE[0]: paid, MINE[1]: Marks()},
    )
    found = positions(OmegaArena(Arena((), 0, owner, moves, frozenset()), marks, Inf(0)))
    return SessionGuard(found, dict.fromkeys(MINE, 5), patience)


def waits(guard: SessionGuard, turns: int = 40) -> int:
    """The longest a ticket stays open, in replies, when the model talks as long as it may."""
    at, open_for, longest = guard.start(Budget(20, 4, 0)), 0, 0
    for _ in range(turns):
        at.advance(USER[0])
        letter = at.allowed()[-1]
        open_for = 0 if letter.step == "close" else open_for + 1
        longest = max(longest, open_for)
        at.advance(letter, 5)
    return longest


@pytest.mark.parametrize("patience", [0, 1, 3, 7])
def test_a_ticket_waits_for_as_many_turns_as_patience_lasts(patience: int) -> None:
    assert waits(desk(patience)) == patience + 1


def test_without_the_ranking_it_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionGuard, "guard_of", lambda self, *_, **__: self.free)
    assert waits(desk(3)) == 40


def test_what_is_not_allowed_changes_nothing() -> None:
    at = desk(0).start(Budget(20, 4, 0))
    at.advance(USER[0])
    at.advance(MINE[1], 5)
    at.advance(USER[1])
    before = cursor(at)
    assert at.ranked
    assert [a.step for a in at.allowed()] == ["close"]
    with pytest.raises(EngineFault, match="the guard does not allow talk here; allowed: close"):
        at.advance(MINE[1], 5)
    assert cursor(at) == before
    assert [[way.letter.step for way in node.alternatives] for node in segment(at).nodes] == [["close"]]
    assert not at.must_end
    assert not at.is_accepting
