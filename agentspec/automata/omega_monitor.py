"""A rule of a session without an end, read over a spec's letters: marks at each step, and what can still become of it.

Only the automaton's reachable part over the letters is kept, without states from which no session can satisfy the
rule; so a rule that forbids and owes nothing has no marks at all. With ``sees`` only some letters are read; a session
of which the rule sees no more is judged as the finite word that it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega import Omega
from agentspec.automata.omega_game import Marks, OmegaArena, positions, winning_states
from agentspec.automata.product import VIOLATED, Arena

_RUINED = -1
_Move = tuple[int, Marks]


class OmegaMonitor:
    """A component of a product. ``acceptance`` speaks of the marks that ``marks`` gives.

    ``finite`` is the rule's automaton over finite words and ``nothing`` whether it holds where no letter was read;
    they are needed with ``sees``.
    """

    initial = 0

    def __init__(
        self,
        omega: Omega,
        letters: Sequence[Letter],
        *,
        sees: Callable[[Letter], bool] | None = None,
        finite: Dfa | None = None,
        nothing: bool = False,
    ) -> None:
        self._letters = tuple(letters)
        self.acceptance: Acceptance = omega.acceptance
        if sees is None:
            self._moves = _explored(omega, self._letters)
        else:
            assert finite is not None
            seen = max(omega.acceptance.marks(), default=-1) + 1
            self._moves = _viewed(omega, self._letters, sees, finite, nothing, seen)
            self.acceptance = Any((All((Inf(seen), Fin(seen + 2), omega.acceptance)), All((Fin(seen), Inf(seen + 1)))))
        alive = self._won(None)
        self._lost = frozenset(range(len(self._moves))) - alive
        self._moves = [{a: m for a, m in moves.items() if m[0] in alive} for moves in self._moves]
        self._firm = self._won(Owner.TOOL)
        if self._is_safety():
            self.acceptance = All(())
            self._moves = [{a: (t, Marks()) for a, (t, _) in moves.items()} for moves in self._moves]

    def step(self, state: int, letter: Letter) -> int | None:
        """The state after ``letter``, or None: no session that goes on so satisfies the rule."""
        move = self._moves[state].get(letter)
        return None if move is None else move[0]

    def marks(self, state: int, letter: Letter) -> Marks:
        """The marks of a step that `step` allows."""
        return self._moves[state][letter][1]

    def accepts_at(self, state: int) -> bool:
        """No session ends."""
        del state
        return True

    def lost(self, state: int | None) -> bool:
        """Whether no session that goes on from here satisfies the rule."""
        return state is None or state in self._lost

    def settled(self, state: int) -> bool:
        """Whether every session that goes on from here satisfies the rule."""
        return state in self._firm

    def _won(self, owner: Owner | None) -> frozenset[int]:
        """The states from which the rule is kept if nobody (None), or the adversary, is against it."""
        moves = tuple({a: m[a][0] if a in m else VIOLATED for a in self._letters} for m in self._moves)
        return self._solved(owner, moves)

    def _is_safety(self) -> bool:
        """Whether every session that never meets a lost state satisfies the rule."""
        moves = tuple({a: t for a, (t, _) in m.items()} for m in self._moves)
        everything = {q for q in range(len(moves)) if q not in self._lost}
        return self._solved(Owner.TOOL, moves) >= self._reachable(moves) & everything

    def _solved(self, owner: Owner | None, moves: tuple[dict[Letter, int], ...]) -> frozenset[int]:
        arena = Arena((), 0, (owner,) * len(moves), moves, frozenset())
        marks = tuple({a: mark for a, (_, mark) in m.items()} for m in self._moves)
        found = positions(OmegaArena(arena, marks, self.acceptance))
        return winning_states(found)

    def _reachable(self, moves: tuple[dict[Letter, int], ...]) -> set[int]:
        seen = {0}
        stack = [0]
        while stack:
            for target in moves[stack.pop()].values():
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
        return seen


def _explored(omega: Omega, letters: Sequence[Letter]) -> list[dict[Letter, _Move]]:
    number = {omega.initial: 0}
    queue = [omega.initial]
    moves: list[dict[Letter, _Move]] = []
    for state in queue:
        here: dict[Letter, _Move] = {}
        for letter in letters:
            edge = omega.step(state, letter.true)
            if edge is not None:
                if edge.target not in number:
                    number[edge.target] = len(queue)
                    queue.append(edge.target)
                here[letter] = (number[edge.target], edge.marks)
        moves.append(here)
    return moves


def _viewed(
    omega: Omega, letters: Sequence[Letter], sees: Callable[[Letter], bool], finite: Dfa, nothing: bool, seen: int
) -> list[dict[Letter, _Move]]:
    """Both automata side by side.

    ``seen`` marks letters that are read, the next mark others where the word is good so far, the one after that letters
    after which the word can only be good if it ends.
    """
    start: tuple[int, int | None, bool] = (omega.initial, finite.initial, nothing)
    number = {start: 0}
    queue = [start]
    moves: list[dict[Letter, _Move]] = []
    for state, word, good in queue:
        here: dict[Letter, _Move] = {}
        for letter in letters:
            if not sees(letter):
                here[letter] = (number[state, word, good], frozenset({seen + 1} if good else ()))
                continue
            edge = None if state == _RUINED else omega.step(state, letter.true)
            after = None if word is None else finite.step(word, letter.true)
            if edge is None and after is None:
                continue
            target = (_RUINED if edge is None else edge.target, after, after in finite.accepting)
            if target not in number:
                number[target] = len(queue)
                queue.append(target)
            marks = {seen, seen + 2} if edge is None else {seen, *edge.marks}
            here[letter] = (number[target], frozenset(marks))
        moves.append(here)
    return moves
