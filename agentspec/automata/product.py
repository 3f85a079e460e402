"""The product of a spec's components on the fly, as an arena: who moves, which letters there are, where they lead.

*Structure* (the behavior, the register of the pending call) says which letters exist at a position; *rules* say which
of them the author wants. A letter that structure excludes does not exist, for the adversary neither; a letter a rule
excludes exists and leads to ``VIOLATED``: the adversary may still choose it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agentspec.automata.dfa import Dfa, coarsest, minimal
from agentspec.automata.letter import Letter, Owner
from agentspec.errors import SpecError, TooLarge

STATE_LIMIT = 50_000
VIOLATED = -1


class Component(Protocol):
    """A deterministic automaton over letters; ``step`` gives None where the letter is excluded."""

    @property
    def initial(self) -> int: ...
    def step(self, state: int, letter: Letter) -> int | None: ...
    def accepts_at(self, state: int) -> bool: ...


class Monitor:
    """A DFA over valuations read as a component over a spec's letters, one look-up a step."""

    def __init__(self, dfa: Dfa) -> None:
        self.dfa = dfa
        self.initial = dfa.initial
        self._known: dict[tuple[int, Letter], int | None] = {}

    def step(self, state: int, letter: Letter) -> int | None:
        key = (state, letter)
        if key not in self._known:
            self._known[key] = self.dfa.step(state, letter.true)
        return self._known[key]

    def accepts_at(self, state: int) -> bool:
        return state in self.dfa.accepting


class NonEmpty:
    """Words are non-empty: nothing is accepted before the first letter."""

    initial = 0

    def step(self, state: int, letter: Letter) -> int | None:
        del state, letter
        return 1

    def accepts_at(self, state: int) -> bool:
        return state == 1


@dataclass(frozen=True)
class Arena:
    """A finite turn-based game graph. ``moves[q]`` maps the letters that exist at ``q`` to states or ``VIOLATED``.

    ``owner[q]`` is who writes there; None where no letter exists.
    """

    propositions: tuple[str, ...]
    initial: int
    owner: tuple[Owner | None, ...]
    moves: tuple[dict[Letter, int], ...]
    accepting: frozenset[int]

    def __len__(self) -> int:
        return len(self.moves)

    def language(self) -> tuple[Dfa, tuple[int | None, ...]]:
        """The minimal DFA of behavior and rules, before any pruning, and each arena state's place in it."""
        edges = tuple(tuple((a, t) for a, t in moves.items() if t != VIOLATED) for moves in self.moves)
        return minimal(Dfa(self.propositions, self.initial, self.accepting, edges))


def build_arena(
    letters: Sequence[Letter], propositions: tuple[str, ...], structure: Sequence[Component], rules: Sequence[Component]
) -> Arena:
    """Explore the product from the start and merge equal states.

    Raises SpecError where two owners, or two steps of the adversary, may write at one position, or where the model
    writes first (the path there is in the message), TooLarge past ``STATE_LIMIT`` states.
    """
    structure = (NonEmpty(), *structure)
    components = (*structure, *rules)
    start = tuple(component.initial for component in components)
    number = {start: 0}
    queue = [start]
    came: list[tuple[int, Letter] | None] = [None]
    moves: list[dict[Letter, int]] = []
    owners: list[Owner | None] = []
    for q, state in enumerate(queue):
        here: dict[Letter, int] = {}
        for letter in letters:
            parts = [c.step(s, letter) for c, s in zip(components, state, strict=True)]
            if any(part is None for part in parts[: len(structure)]):
                continue
            target = tuple(part for part in parts if part is not None)
            if len(target) < len(components):
                here[letter] = VIOLATED
                continue
            if target not in number:
                if len(number) >= STATE_LIMIT:
                    raise TooLarge(f"behavior and rules together need more than {STATE_LIMIT} states")
                number[target] = len(queue)
                queue.append(target)
                came.append((q, letter))
            here[letter] = number[target]
        owners.append(_turn(here, _path(came, q)))
        moves.append(here)
    accepting = frozenset(
        q for q, state in enumerate(queue) if all(c.accepts_at(s) for c, s in zip(components, state, strict=True))
    )
    return merged(Arena(propositions, 0, tuple(owners), tuple(moves), accepting))


def _path(came: list[tuple[int, Letter] | None], q: int) -> list[Letter]:
    path: list[Letter] = []
    link = came[q]
    while link is not None:
        path.append(link[1])
        link = came[link[0]]
    return path[::-1]


def _turn(moves: dict[Letter, int], path: list[Letter]) -> Owner | None:
    owners = {letter.owner for letter in moves}
    steps = sorted({str(letter.step) for letter in moves})
    after = f"after {' '.join(str(letter) for letter in path)}" if path else "at the start"
    if len(owners) > 1:
        raise SpecError(f"two owners may write {after}: {', '.join(steps)}; make it one owner's turn in the behavior")
    owner = next(iter(owners), None)
    if owner is not None and owner != Owner.MODEL and len(steps) > 1:
        raise SpecError(f"{after} the {owner} may write {' or '.join(steps)}: give the {owner} one step at a position")
    if not path and owner != Owner.USER:
        raise SpecError(f"a behavior begins with a step of the user (the task), not with {' or '.join(steps) or 'end'}")
    return owner


def merged(arena: Arena) -> Arena:
    """The quotient by language, keeping letters that lead to ``VIOLATED``."""

    def refine(classes: list[int]) -> list[frozenset[tuple[Letter, int]]]:
        return [frozenset((a, t if t == VIOLATED else classes[t]) for a, t in m.items()) for m in arena.moves]

    classes = coarsest([q in arena.accepting for q in range(len(arena))], refine)
    kept = [classes.index(c) for c in range(max(classes) + 1)]
    number = {classes[q]: i for i, q in enumerate(kept)}
    return Arena(
        arena.propositions,
        number[classes[arena.initial]],
        tuple(arena.owner[q] for q in kept),
        tuple({a: t if t == VIOLATED else number[classes[t]] for a, t in arena.moves[q].items()} for q in kept),
        frozenset(number[classes[q]] for q in arena.accepting),
    )
