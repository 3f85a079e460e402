"""The adversary game on an arena: from which positions can the model end well whatever tools and users do?

Finite episodes: a reachability game, solved by the attractor (Zermelo; Grädel, Thomas & Wilke 2002, ch. 2). The model
moves at its own positions and may ``end`` at accepting ones; every letter that exists at a tool's or user's position
is the adversary's to choose, and so is the truth of what is open at the model's (`Arena.choices`). At an accepting
position of the user the model ends if the user stays silent.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena


@dataclass(frozen=True)
class Solution:
    """``rank[q]``: within how many steps the model can force a good end from ``q``; absent where it cannot."""

    rank: dict[int, int]

    @property
    def winning(self) -> frozenset[int]:
        return frozenset(self.rank)


def solve(arena: Arena) -> Solution:
    """The model's winning region and its ranks."""
    before: list[list[tuple[int, int]]] = [[] for _ in range(len(arena))]
    waiting: list[int] = []
    for q, moves in enumerate(arena.moves):
        for choice in arena.choices[q]:
            for letter in choice:
                if moves[letter] != VIOLATED:
                    before[moves[letter]].append((q, len(waiting)))
            waiting.append(len(choice))
    rank = dict.fromkeys(arena.accepting, 0)
    queue = deque(sorted(rank))
    while queue:
        target = queue.popleft()
        for q, choice_of_q in before[target]:
            waiting[choice_of_q] -= 1
            if q not in rank and waiting[choice_of_q] == 0:
                rank[q] = rank[target] + 1
                queue.append(q)
    return Solution(rank)


def counterplay(arena: Arena, solution: Solution, start: int | None = None) -> tuple[list[Letter], str]:
    """How the adversary wins from a lost position, each side at its best: it strikes at once, the model holds out.

    So the play is as short as the adversary can force it to be. Where it cannot force an end, the play goes round.
    Returns the letters and a clause that says why the last position is lost.
    """
    q = arena.initial if start is None else start
    lost = _forced(arena, solution)
    play: list[Letter] = []
    seen: set[int] = set()
    while q not in seen:
        seen.add(q)
        moves = arena.moves[q]
        if not moves:
            return play, "no step is possible there, and the episode may not end"
        losing = [[(a, moves[a]) for a in c if moves[a] not in solution.rank] for c in arena.choices[q]]
        answers = [min(moves, key=lambda move: (lost.get(move[1], len(arena)), move[1] in seen)) for moves in losing]
        if q in lost:
            letter, q = max(answers, key=lambda move: lost.get(move[1], len(arena)))
        else:  # neither side can end it: the model keeps out of what is forced, towards what it has not tried
            letter, q = min(answers, key=lambda move: (move[1] in lost, move[1] in seen))
        play.append(letter)
        if q == VIOLATED:
            return play, "which violates a rule"
    return play, "and so on without an end"


def way_out(arena: Arena, solution: Solution, state: int, letter: Letter) -> Letter:
    """Why a move of the model is not kept: itself where it leads to a lost state, else what it may turn out to be."""
    choice = next(choice for choice in arena.choices[state] if letter in choice)
    return next((a for a in (letter, *choice) if arena.moves[state][a] not in solution.rank), letter)


def _forced(arena: Arena, solution: Solution) -> dict[int, int]:
    """Within how many steps the adversary forces a violation or a dead end from lost positions, where it can."""
    before: dict[int, list[tuple[int, int]]] = {}
    waiting: dict[int, int] = {}
    rank = {VIOLATED: 0}
    for q, moves in enumerate(arena.moves):
        if q in solution.rank:
            continue
        waiting[q] = len(arena.choices[q])
        for i, choice in enumerate(arena.choices[q]):
            for target in {moves[letter] for letter in choice} - solution.rank.keys():
                before.setdefault(target, []).append((q, i))
        if not moves:
            rank[q] = 0
    queue = deque(rank)
    answered: set[tuple[int, int]] = set()
    while queue:
        target = queue.popleft()
        for q, i in before.get(target, ()):
            if (q, i) in answered:
                continue
            answered.add((q, i))
            waiting[q] -= 1
            if q not in rank and waiting[q] == 0:
                rank[q] = rank[target] + 1
                queue.append(q)
    return rank


def live_letters(arena: Arena, winning: frozenset[int]) -> frozenset[Letter]:
    """The letters that occur in some play that stays in the winning region, from the start."""
    if arena.initial not in winning:
        return frozenset()
    seen = {arena.initial}
    stack = [arena.initial]
    letters: set[Letter] = set()
    while stack:
        q = stack.pop()
        if (
            q in arena.accepting
            and arena.owner[q] == Owner.USER
            and any(t not in winning for t in arena.moves[q].values())
        ):
            continue
        for letter, target in arena.kept(q, winning).items():
            letters.add(letter)
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return frozenset(letters)
