"""Parity games against all positional strategies, Zielonka trees against the condition itself."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.parity_game import ParityGame
from agentspec.automata.zielonka import zielonka_tree

games = settings(deadline=None, max_examples=300)


@st.composite
def parity_games(draw: st.DrawFn, most: int = 6) -> ParityGame:
    size = draw(st.integers(1, most))
    vertices = st.integers(0, size - 1)
    return ParityGame(
        tuple(draw(st.integers(0, 1)) for _ in range(size)),
        tuple(draw(st.integers(0, 4)) for _ in range(size)),
        tuple(tuple(draw(st.lists(vertices, max_size=3, unique=True))) for _ in range(size)),
    )


def won_by_all_plays(game: ParityGame, player: int, moves: dict[int, tuple[int, ...]]) -> frozenset[int]:
    """From where ``player``, whose moves are restricted to ``moves``, wins every play that is left."""
    after = {v: moves.get(v, game.successors[v]) for v in range(len(game.owner))}

    def reachable(start: int, allowed: set[int]) -> set[int]:
        """What can be reached by at least one move within ``allowed``."""
        seen: set[int] = set()
        stack = [start]
        while stack:
            for target in after[stack.pop()]:
                if target in allowed and target not in seen:
                    seen.add(target)
                    stack.append(target)
        return seen

    everything = set(after)
    bad = set()
    for v in after:
        if not after[v] and game.owner[v] == player:
            bad.add(v)
        worse = {u for u in after if game.priority[u] >= game.priority[v]}
        if game.priority[v] % 2 != player and v in reachable(v, worse):
            bad.add(v)
    return frozenset(v for v in after if v not in bad and not reachable(v, everything) & bad)


def by_definition(game: ParityGame, player: int) -> frozenset[int]:
    """Parity games are determined by positional strategies: try them all."""
    mine = [v for v, owner in enumerate(game.owner) if owner == player and game.successors[v]]
    found: frozenset[int] = frozenset()
    for choice in product(*(game.successors[v] for v in mine)):
        found |= won_by_all_plays(game, player, {v: (t,) for v, t in zip(mine, choice, strict=True)})
    return found


@games
@given(parity_games())
def test_the_regions_are_those_of_the_best_positional_strategies(game: ParityGame) -> None:
    assert game.winning[0] == by_definition(game, 0)
    assert game.winning[1] == by_definition(game, 1)


@games
@given(parity_games(9), st.integers(0, 1))
def test_every_move_along_which_the_measure_does_not_grow_wins(game: ParityGame, player: int) -> None:
    measures = game.measures(player)
    assert measures.keys() == game.winning[player]

    def fine(v: int, target: int) -> bool:
        """The law of progress: no growth up to the priority that is left behind, a fall where that is bad."""
        if target not in measures:
            return False
        bad = sorted({game.priority[u] for u in measures if game.priority[u] % 2 != player})
        size = sum(p <= game.priority[v] for p in bad)
        mine, other = measures[v][:size], measures[target][:size]
        return mine > other if game.priority[v] % 2 != player else mine >= other

    kept = {}
    for v in measures:
        allowed = tuple(t for t in game.successors[v] if fine(v, t))
        if game.owner[v] == player:
            assert allowed, "a winning vertex has a move that makes progress"
            kept[v] = allowed
        else:
            assert allowed == game.successors[v], "whatever the other player does is progress"
    assert won_by_all_plays(game, player, kept) >= game.winning[player]


def test_one_more_round_is_counted() -> None:
    """Three odd vertices in a row before the even one: 3, 2, 1, 0."""
    game = ParityGame((0, 0, 0, 0), (1, 1, 1, 0), ((1,), (2,), (3,), (0,)))
    assert game.winning == (frozenset(range(4)), frozenset())
    assert game.measures(0) == {0: (3,), 1: (2,), 2: (1,), 3: (0,)}


def test_deep_games_need_no_deep_recursion() -> None:
    size = 5_000
    owner = tuple(v % 2 for v in range(size))
    game = ParityGame(owner, (0, *(1 for _ in range(size - 1))), tuple(((v + 1) % size,) for v in range(size)))
    assert len(game.winning[0]) == size
    assert max(game.measures(0).values()) == (size - 1,)


@games
@given(parity_games(7), st.integers(0, 1))
def test_counting_is_lifting_where_nothing_else_is_good(game: ParityGame, player: int) -> None:
    """With two priorities, of which one is the player's, both ways give the least measures."""
    two = replace(game, priority=tuple(player + priority % 2 for priority in game.priority))
    counted = two._counted(player)
    if counted is not None:
        assert counted == two._lifted(player)


# ---- Zielonka trees

marks = st.integers(0, 3)
conditions: st.SearchStrategy[Acceptance] = st.recursive(
    st.builds(Inf, marks) | st.builds(Fin, marks),
    lambda parts: (
        st.builds(All, st.lists(parts, max_size=3).map(tuple)) | st.builds(Any, st.lists(parts, max_size=3).map(tuple))
    ),
    max_leaves=8,
)
rounds = st.lists(st.frozensets(marks, max_size=3), min_size=1, max_size=5)


@settings(deadline=None, max_examples=500)
@given(conditions, st.lists(st.frozensets(marks, max_size=3), max_size=3), rounds)
def test_the_leaves_are_a_memory_for_the_condition(
    condition: Acceptance, prefix: list[frozenset[int]], loop: list[frozenset[int]]
) -> None:
    tree, known = zielonka_tree(condition), frozenset(condition.marks())
    leaf = 0
    for step in prefix:
        leaf, _ = tree.step(leaf, step & known)
    seen: dict[int, int] = {}
    least: list[int] = []
    while leaf not in seen:
        seen[leaf] = len(least)
        priorities = []
        for step in loop:
            leaf, priority = tree.step(leaf, step & known)
            priorities.append(priority)
        least.append(min(priorities))
    assert (min(least[seen[leaf] :]) % 2 == 0) == condition.accepts(frozenset().union(*loop))


def test_a_conjunction_of_inf_marks_is_a_round_robin_counter() -> None:
    tree = zielonka_tree(All(tuple(Inf(i) for i in range(7))))
    assert len(tree.leaves) == 7
    assert {node.priority for node in tree.nodes} == {0, 1}
    assert len(zielonka_tree(All(())).leaves) == 1
    assert zielonka_tree(All(())).step(0, frozenset()) == (0, 0)
    assert zielonka_tree(Any(())).step(0, frozenset()) == (0, 1)


def test_a_parity_condition_needs_no_memory() -> None:
    parity = Any((Inf(0), All((Fin(1), Any((Inf(2), Fin(3)))))))
    assert len(zielonka_tree(parity).leaves) == 1
