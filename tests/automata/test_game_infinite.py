"""The game of sessions without an end: regions, strategies and lassos against definitions that know no tree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega_game import (
    OmegaArena,
    Positions,
    anybody_wins,
    lasso_marks,
    losing_lasso,
    positions,
    winning_states,
)  # fmt: skip
from agentspec.automata.product import VIOLATED, Arena

Marks = frozenset[int]
MARKS = 3
marks = st.integers(0, MARKS - 1)
conditions: st.SearchStrategy[Acceptance] = st.recursive(
    st.builds(Inf, marks) | st.builds(Fin, marks),
    lambda parts: (
        st.builds(All, st.lists(parts, max_size=3).map(tuple)) | st.builds(Any, st.lists(parts, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
games = settings(deadline=None, max_examples=300)


@st.composite
def omega_arenas(draw: st.DrawFn, most: int = 5) -> OmegaArena:
    """Arenas of a few states all of which can be reached; letters carry the owner of the state they leave."""
    size = draw(st.integers(1, most))
    owners: list[Owner | None] = []
    moves: list[dict[Letter, int]] = []
    seen: list[dict[Letter, Marks]] = []
    for _ in range(size):
        owner = draw(st.sampled_from(list(Owner)))
        names = draw(st.lists(st.sampled_from("xyz"), unique=True, min_size=0, max_size=3))
        letters = [Letter(frozenset({n + owner}), frozenset(), n + owner, owner) for n in names]
        if owner == Owner.MODEL and draw(st.booleans()):
            letters += [replace(a, true=a.true | {"p"}, open=frozenset({"p"})) for a in letters[:1]]
            letters[:1] = [replace(a, false=frozenset({"p"}), open=frozenset({"p"})) for a in letters[:1]]
        rare = st.integers(VIOLATED, size - 1) if draw(st.booleans()) else st.integers(0, size - 1)
        here = {letter: draw(rare) for letter in letters}
        moves.append(here)
        seen.append({a: draw(st.frozensets(marks, max_size=2)) for a, t in here.items() if t != VIOLATED})
        owners.append(owner if letters else None)
    arena = Arena((), 0, tuple(owners), tuple(moves), frozenset())
    reached = [0]
    for q in reached:
        reached += [t for t in dict.fromkeys(moves[q].values()) if t != VIOLATED and t not in reached]
    number = {q: i for i, q in enumerate(reached)} | {VIOLATED: VIOLATED}
    arena = Arena(
        (), 0, tuple(owners[q] for q in reached),
        tuple({a: number[t] for a, t in moves[q].items()} for q in reached), frozenset(),
    )  # fmt: skip
    return OmegaArena(arena, tuple(seen[q] for q in reached), draw(conditions))


# ---- McNaughton's algorithm on sets of marks, moves split by a vertex that carries their marks


def mcnaughton(omega: OmegaArena) -> frozenset[int]:
    """The states from which the model wins: recursion on sets of marks ("Infinite games played on finite graphs")."""
    arena = omega.arena
    colour: dict[object, Marks] = {}
    after: dict[object, list[object]] = {}
    mine: dict[object, bool] = {VIOLATED: True}
    for q, here in enumerate(arena.moves):
        mine[q] = arena.owner[q] in (Owner.MODEL, None)
        after[q] = []
        for a, t in here.items():
            edge = (q, a)
            if a.open:  # the model chooses the step, the adversary what is open about it
                after[q] = list(dict.fromkeys([*after[q], (q, a.step)]))
                mine[q, a.step], after[q, a.step] = False, [*after.get((q, a.step), []), edge]
            else:
                after[q].append(edge)
            mine[edge], colour[edge], after[edge] = True, omega.marks[q].get(a, Marks()), [t]
    after[VIOLATED] = []

    def attracted(goal: set[object], within: set[object], model: bool) -> set[object]:
        reached = set(goal)
        while True:
            more = {
                v
                for v in within - reached
                if (targets := [t for t in after[v] if t in within])
                and (any if mine[v] == model else all)(t in reached for t in targets)
            }
            if not more:
                return reached
            reached |= more

    def solve(within: set[object]) -> set[object]:
        """Where the model wins; everybody can move."""
        for_model: set[object] = set()
        while within:
            marks = frozenset().union(*(colour.get(v, Marks()) for v in within))
            model = omega.acceptance.accepts(marks)
            lost: set[object] = set()
            for size in range(len(marks)):
                for some in combinations(sorted(marks), size):
                    if omega.acceptance.accepts(frozenset(some)) == model:
                        continue
                    goal = {v for v in within if colour.get(v, Marks()) - frozenset(some)}
                    rest = within - attracted(goal, within, model)
                    won = solve(set(rest))
                    lost |= (rest - won) if model else won
            if not lost:
                return for_model | (within if model else set())
            drawn = attracted(lost, within, not model)
            if not model:
                for_model |= drawn
            within = within - drawn
        return for_model

    everything: set[object] = set(after)
    won: set[object] = set()
    for model in (False, True):
        stuck = {v for v in everything if not after[v] and mine[v] != model}
        drawn = attracted(stuck, everything, model)
        won |= drawn if model else set()
        everything -= drawn
    won |= solve(everything)
    return frozenset(q for q in range(len(arena)) if q in won)


@games
@given(omega_arenas())
def test_the_region_is_mcnaughtons(omega: OmegaArena) -> None:
    assert winning_states(positions(omega)) == mcnaughton(omega)


@games
@given(omega_arenas())
def test_merging_changes_nobodys_chances(omega: OmegaArena) -> None:
    small = omega.merged()
    assert len(small.arena) <= len(omega.arena)
    assert (small.arena.initial in mcnaughton(small)) == (0 in mcnaughton(omega))
    assert (0 in winning_states(positions(small))) == (0 in mcnaughton(omega))


# ---- strategies


def some_play_breaks(
    edges: Iterable[tuple[int, int, Marks]], starts: frozenset[int], wrong: Callable[[Marks], bool]
) -> bool:
    """Whether an infinite play from some start sees a set of marks for ever that is ``wrong``."""
    import networkx

    whole = networkx.MultiDiGraph()
    whole.add_nodes_from(starts)
    for source, target, seen in edges:
        whole.add_edge(source, target, marks=seen)
    reached = set(starts).union(*(networkx.descendants(whole, v) for v in starts))
    for size in range(MARKS + 1):
        for chosen in combinations(range(MARKS), size):
            some = frozenset(chosen)
            if not wrong(some):
                continue
            inner = networkx.MultiDiGraph()
            inner.add_edges_from(
                (u, v, data) for u, v, data in whole.edges(data=True) if u in reached and data["marks"] <= some
            )
            for part in networkx.strongly_connected_components(inner):
                kept = inner.subgraph(part)
                here = [data["marks"] for _, _, data in kept.edges(data=True)]
                if here and frozenset().union(*here) == some:
                    return True
    return False


def marks_at(omega: OmegaArena, found: Positions, v: int, letter: Letter) -> Marks:
    return omega.marks[found.state_of[v]][letter]


@games
@given(omega_arenas())
def test_whoever_keeps_to_the_ranked_moves_wins(omega: OmegaArena) -> None:
    found = positions(omega)
    edges = []
    for v in found.winning:
        moves = found.arena.moves[v]
        mine = found.arena.owner[v] == Owner.MODEL
        kept = found.ranked(v) if mine else tuple(moves)
        assert kept, "the model has a move at every winning position"
        for letter in kept:
            assert moves[letter] in found.winning, "no kept move leaves the winning region"
            edges.append((v, moves[letter], marks_at(omega, found, v, letter)))
    if found.winning:
        assert not some_play_breaks(edges, found.winning, lambda seen: not omega.acceptance.accepts(seen))


@games
@given(omega_arenas())
def test_a_lost_position_has_a_play_that_the_adversary_wins(omega: OmegaArena) -> None:
    found = positions(omega)
    for start in set(range(len(found.arena))) - found.winning:
        lasso = losing_lasso(found, start)
        state = found.state_of[start]
        for i, letter in enumerate(lasso.letters):
            assert letter in omega.arena.moves[state], "a play takes moves that exist"
            state = omega.arena.moves[state][letter]
            assert state != VIOLATED or (i == len(lasso.letters) - 1 and not lasso.loop)
        if lasso.loop:
            assert not omega.acceptance.accepts(lasso_marks(omega, lasso, found.state_of[start]))
        else:
            assert state == VIOLATED or not omega.arena.moves[state]


@games
@given(omega_arenas())
def test_somebody_wins_when_one_plays_for_all(omega: OmegaArena) -> None:
    edges = [
        (q, t, omega.marks[q][a]) for q, here in enumerate(omega.arena.moves) for a, t in here.items() if t != VIOLATED
    ]
    assert anybody_wins(omega) == some_play_breaks(edges, frozenset({0}), omega.acceptance.accepts)


def test_who_is_asked_again_and_again_must_answer_again_and_again() -> None:
    """user: ask or not; model: answer or think. G F answer where asked; the user may fall silent, the model may not."""
    user = [Letter(frozenset({n}), frozenset(), n, Owner.USER) for n in ("ask", "chat")]
    mine = [Letter(frozenset({n}), frozenset(), n, Owner.MODEL) for n in ("answer", "think")]
    arena = Arena((), 0, (Owner.USER, Owner.MODEL), (dict.fromkeys(user, 1), {mine[0]: 0, mine[1]: 0}), frozenset())
    marks = ({a: Marks() for a in user}, {mine[0]: frozenset({0}), mine[1]: Marks()})
    found = positions(OmegaArena(arena, marks, Inf(0)))
    assert winning_states(found) == {0, 1}
    at_model = next(v for v in found.winning if found.arena.owner[v] == Owner.MODEL)
    assert found.ranked(at_model) == (mine[0],)
    lost = positions(OmegaArena(arena, marks, Fin(0)))
    assert [a.step for a in lost.ranked(at_model)] == ["think"]
    never = positions(OmegaArena(arena, marks, All((Inf(0), Fin(0)))))
    assert winning_states(never) == frozenset()
    assert losing_lasso(never).loop
