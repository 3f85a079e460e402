"""The game of a session without an end: can the model keep all rules for ever, whatever tools and users do?

The objective is an Emerson-Lei condition on the moves taken infinitely often. With the leaves of its Zielonka tree as
memory it is a parity game (`zielonka`, `parity_game`); who wins from an arena state does not depend on the leaf. A user
who stays silent is not lost to the model; a position where nobody can write is. Positions of nobody (None) are the
model's, down to the last letter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from agentspec import limits
from agentspec.automata.acceptance import Acceptance
from agentspec.automata.buchi import Edge
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega import Omega
from agentspec.automata.parity_game import Measure, ParityGame
from agentspec.automata.product import VIOLATED, Arena, alike, quotient
from agentspec.automata.zielonka import zielonka_tree
from agentspec.errors import TooLarge

Marks = frozenset[int]


@dataclass(frozen=True, eq=False)
class OmegaArena:
    """An arena whose plays go on for ever. ``marks[q][a]`` are those of the move ``a``; none where it is VIOLATED.

    ``arena.accepting`` are the states at which the behavior is complete.
    """

    arena: Arena
    marks: tuple[dict[Letter, Marks], ...]
    acceptance: Acceptance

    def automaton(self) -> Omega:
        """The arena as an automaton: a move into VIOLATED is a missing transition."""
        edges = tuple(
            tuple(Edge(a, t, marks.get(a, Marks())) for a, t in moves.items() if t != VIOLATED)
            for moves, marks in zip(self.arena.moves, self.marks, strict=True)
        )
        return Omega(self.arena.propositions, self.arena.initial, edges, self.acceptance)

    def merged(self) -> OmegaArena:
        """The quotient by language, keeping letters that lead to VIOLATED."""
        arena = self.arena
        taken = [frozenset(arena.excluded[q]) if arena.excluded else frozenset() for q in range(len(arena))]
        signs = [(q in arena.accepting, taken[q]) for q in range(len(arena))]
        small, kept = quotient(arena, alike(signs, arena.moves, self.marks))
        return OmegaArena(small, tuple(self.marks[q] for q in kept), self.acceptance)


@dataclass(frozen=True, eq=False)
class Positions:
    """An arena with the memory that the objective needs: a state for each arena state and leaf, equal ones merged.

    ``state_of[v]`` is an arena state of ``v``, ``priority[v][a]`` that of the move ``a``: a play is won just if the
    least priority seen infinitely often is even.
    """

    arena: Arena
    state_of: tuple[int, ...]
    priority: tuple[dict[Letter, int], ...]

    @cached_property
    def _gates(self) -> dict[tuple[int, int], int]:
        """The vertices of the parity game that stand for a priority and the position behind it."""
        found = {
            (self.priority[v][a], t) for v, m in enumerate(self.arena.moves) for a, t in m.items() if t != VIOLATED
        }
        return {gate: len(self.arena) + 1 + i for i, gate in enumerate(sorted(found))}

    @cached_property
    def _open(self) -> dict[tuple[int, tuple[Letter, ...]], int]:
        """The vertices of the parity game for choices of the model of which the adversary settles the rest."""
        first = len(self.arena) + 1 + len(self._gates)
        mine = (v for v, owner in enumerate(self.arena.owner) if owner == Owner.MODEL)
        found = [(v, choice) for v in mine for choice in self.arena.choices[v] if len(choice) > 1]
        return {one: first + i for i, one in enumerate(found)}

    @cached_property
    def game(self) -> ParityGame:
        """Positions, then a vertex where the model is stuck (a rule is broken), then gates, then open choices."""
        arena, gates = self.arena, self._gates
        plain = max((p for p, _ in gates), default=0)
        plain += plain % 2
        owners = [int(o in (Owner.TOOL, Owner.USER)) for o in arena.owner]
        behind = [tuple(dict.fromkeys(self._after(v))) for v in range(len(arena))]
        settled = [tuple(dict.fromkeys(self.vertex(v, a) for a in choice)) for v, choice in self._open]
        return ParityGame(
            (*owners, 0, *(0 for _ in gates), *(1 for _ in settled)),
            (*(plain for _ in owners), plain, *(p for p, _ in gates), *(plain for _ in settled)),
            (*behind, (), *((t,) for _, t in gates), *settled),
        )

    def _after(self, position: int) -> list[int]:
        if self.arena.owner[position] != Owner.MODEL:
            return [self.vertex(position, letter) for letter in self.arena.moves[position]]
        return [self.choice_vertex(position, choice) for choice in self.arena.choices[position]]

    def choice_vertex(self, position: int, choice: tuple[Letter, ...]) -> int:
        """Where a choice of the model leads in the parity game."""
        return self.vertex(position, choice[0]) if len(choice) == 1 else self._open[position, choice]

    def vertex(self, position: int, letter: Letter) -> int:
        """Where a move leads in the parity game: a gate, or the vertex where the model is stuck."""
        target = self.arena.moves[position][letter]
        return len(self.arena) if target == VIOLATED else self._gates[self.priority[position][letter], target]

    @cached_property
    def winning(self) -> frozenset[int]:
        """The positions from which the model wins."""
        return frozenset(v for v in self.game.winning[0] if v < len(self.arena))

    @cached_property
    def _measures(self) -> dict[int, Measure]:
        return self.game.measures(0)

    def ranked(self, position: int) -> tuple[Letter, ...]:
        """The model's moves at a winning position that bring what is owed nearer, all of them.

        Keeping to them from any position on wins, whichever is taken.
        """
        most = self._measures[position]
        worse = (*most, 1)
        return tuple(
            letter
            for choice in self.arena.choices[position]
            if self._measures.get(self.choice_vertex(position, choice), worse) <= most
            for letter in choice
        )

    def rank(self, position: int) -> Measure:
        """The progress measure of a winning position."""
        return self._measures[position]


def positions(omega: OmegaArena) -> Positions:
    """The positions reachable from the start. Raises TooLarge past ``limits.GAME_POSITIONS``."""
    arena, tree = omega.arena, zielonka_tree(omega.acceptance)
    number = {(arena.initial, 0): 0}
    queue = [(arena.initial, 0)]
    moves: list[dict[Letter, int]] = []
    priorities: list[dict[Letter, int]] = []
    most = limits.GAME_POSITIONS
    for state, leaf in queue:
        here: dict[Letter, int] = {}
        seen: dict[Letter, int] = {}
        for letter, target in arena.moves[state].items():
            if target == VIOLATED:
                here[letter] = VIOLATED
                continue
            after, seen[letter] = tree.step(leaf, omega.marks[state][letter])
            if (target, after) not in number:
                if len(number) >= most:
                    raise TooLarge(
                        f"behavior, rules and the memory of what is owed need more than {most} states; "
                        "use fewer rules about what happens again and again"
                    )
                number[target, after] = len(number)
                queue.append((target, after))
            here[letter] = number[target, after]
        moves.append(here)
        priorities.append(seen)
    owners = tuple(arena.owner[state] for state, _ in queue)
    accepting = frozenset(v for v, (state, _) in enumerate(queue) if state in arena.accepting)
    excluded = tuple(arena.excluded[state] for state, _ in queue) if arena.excluded else ()
    whole = Arena(arena.propositions, 0, owners, tuple(moves), accepting, excluded)
    small, kept = quotient(whole, alike([state for state, _ in queue], moves, priorities))
    return Positions(small, tuple(queue[v][0] for v in kept), tuple(priorities[v] for v in kept))


def winning_states(found: Positions) -> frozenset[int]:
    """The arena states from which the model wins."""
    return frozenset(found.state_of[v] for v in found.winning)


@dataclass(frozen=True)
class Lasso:
    """A play that the adversary wins: ``prefix``, then ``loop`` again and again, or an ``end`` that is lost at once."""

    prefix: tuple[Letter, ...]
    loop: tuple[Letter, ...]
    end: str

    @property
    def letters(self) -> tuple[Letter, ...]:
        """Prefix and loop, once."""
        return self.prefix + self.loop


def losing_lasso(found: Positions, start: int | None = None) -> Lasso:
    """How the adversary wins from a lost position: by its measures, against a model that plays on as long as it can."""
    game, arena = found.game, found.arena
    measures = game.measures(1)
    v = arena.initial if start is None else start
    play: list[Letter] = []
    seen: dict[int, int] = {}
    while v not in seen:
        seen[v] = len(play)
        moves = arena.moves[v]
        if not moves:
            return Lasso(tuple(play), (), "no step is possible there, and the session cannot go on")
        answers = []
        for choice in arena.choices[v]:
            losing = {a: found.vertex(v, a) for a in choice if found.vertex(v, a) in measures}
            if losing:  # always, at the model's positions
                answers.append(min(losing, key=lambda a: (moves[a] != VIOLATED, measures[losing[a]], moves[a])))
        letter = min(answers, key=lambda a: (moves[a] == VIOLATED, moves[a] in seen, moves[a]))
        play.append(letter)
        v = moves[letter]
        if v == VIOLATED:
            return Lasso(tuple(play), (), "which violates a rule")
    start_of_loop = seen[v]
    return Lasso(
        tuple(play[:start_of_loop]),
        tuple(play[start_of_loop:]),
        f"and so on, the last {len(play) - start_of_loop} steps again and again",
    )


def lasso_marks(omega: OmegaArena, lasso: Lasso, start: int | None = None) -> Marks:
    """The marks that the loop of a lasso sees; the arena may have to go round it several times."""
    state = omega.arena.initial if start is None else start
    for letter in lasso.prefix:
        state = omega.arena.moves[state][letter]
    seen: dict[int, int] = {}
    rounds: list[Marks] = []
    while state not in seen:
        seen[state] = len(rounds)
        marks: Marks = frozenset()
        for letter in lasso.loop:
            marks |= omega.marks[state][letter]
            state = omega.arena.moves[state][letter]
        rounds.append(marks)
    return frozenset().union(*rounds[seen[state] :])


def anybody_wins(omega: OmegaArena) -> bool:
    """Whether some play at all fulfils the objective: the game in which nobody is against the model."""
    alone = replace(omega.arena, owner=(None,) * len(omega.arena))
    return 0 in positions(OmegaArena(alone, omega.marks, omega.acceptance)).winning
