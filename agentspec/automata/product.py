"""The product of a spec's components on the fly, as an arena: who moves, which letters there are, where they lead.

*Structure* (the behavior, the register of the pending call) says which letters exist at a position; *rules* say which
of them the author wants. A letter that structure excludes does not exist, for the adversary neither; a letter a rule
excludes exists and leads to ``VIOLATED``: the adversary may still choose it. *Assumptions* take moves from the
adversary and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from agentspec import limits
from agentspec.automata.dfa import Dfa, minimal
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.partition import equivalent_states
from agentspec.errors import SpecError, TooLarge

VIOLATED = -1


class Component(Protocol):
    """A deterministic automaton over letters; ``step`` gives None where the letter is excluded."""

    @property
    def initial(self) -> int: ...
    def step(self, state: int, letter: Letter) -> int | None: ...
    def accepts_at(self, state: int) -> bool: ...


class Judge(Component, Protocol):
    """A rule's automaton as a component that also tells what can still become of the rule."""

    def lost(self, state: int | None) -> bool: ...
    def settled(self, state: int) -> bool: ...


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

    ``owner[q]`` is who writes there; None where no letter exists. ``excluded[q]`` are the letters of the adversary that
    an assumption takes away there, each with the name of the assumption.

    ``choices[q]`` are the sets of letters among which the model chooses at ``q``; which letter of the set it becomes is
    the adversary's. At the model's positions they are the letters equal but for what is open, one letter each where
    nothing is; at the others there is one set, of all letters. So everywhere: the model picks a set, the adversary a
    letter of it. Where the model is ``knowing`` it picks each of its letters by itself, whatever is open.
    """

    propositions: tuple[str, ...]
    initial: int
    owner: tuple[Owner | None, ...]
    moves: tuple[dict[Letter, int], ...]
    accepting: frozenset[int]
    excluded: tuple[dict[Letter, str], ...] = ()
    knowing: bool = False

    def __len__(self) -> int:
        return len(self.moves)

    @cached_property
    def choices(self) -> tuple[tuple[tuple[Letter, ...], ...], ...]:
        return tuple(map(self._choices, self.owner, self.moves))

    def _choices(self, owner: Owner | None, moves: dict[Letter, int]) -> tuple[tuple[Letter, ...], ...]:
        if owner != Owner.MODEL:
            return (tuple(moves),) if moves else ()
        if self.knowing or not any(letter.open for letter in moves):
            return tuple((letter,) for letter in moves)
        found: dict[Letter, list[Letter]] = {}
        for letter in moves:
            found.setdefault(letter.choice, []).append(letter)
        return tuple(map(tuple, found.values()))

    def kept(self, state: int, good: Collection[int]) -> dict[Letter, int]:
        """The moves that keep to the ``good`` states whatever the adversary does: whole choices of the model.

        At positions of others, each move that leads to a good state.
        """
        moves = self.moves[state]
        if self.owner[state] != Owner.MODEL:
            return {letter: target for letter, target in moves.items() if target in good}
        sure = (choice for choice in self.choices[state] if all(moves[letter] in good for letter in choice))
        return {letter: moves[letter] for choice in sure for letter in choice}

    def language(self) -> tuple[Dfa, tuple[int | None, ...]]:
        """The minimal DFA of behavior and rules, before any pruning, and each arena state's place in it."""
        edges = tuple(tuple((a, t) for a, t in moves.items() if t != VIOLATED) for moves in self.moves)
        return minimal(Dfa(self.propositions, self.initial, self.accepting, edges))


def build_arena(
    letters: Sequence[Letter],
    propositions: tuple[str, ...],
    structure: Sequence[Component],
    rules: Sequence[Component],
    assumptions: Sequence[tuple[str, Judge]] = (),
) -> Arena:
    """The product explored from the start, equal states merged. Raises as `explore`."""
    return merged(explore(letters, propositions, structure, rules, assumptions)[0])


def explore(
    letters: Sequence[Letter],
    propositions: tuple[str, ...],
    structure: Sequence[Component],
    rules: Sequence[Component],
    assumptions: Sequence[tuple[str, Judge]] = (),
) -> tuple[Arena, list[tuple[int, ...]]]:
    """The product from the start, and of each state those of its parts: whether it is the first, structure,
    assumptions, rules.

    Raises SpecError where two owners, or two steps of the adversary, may write at one position, where the model
    writes first, or where the model could break an assumption or an assumption leaves nobody a move (the path there is
    in the message); TooLarge past ``limits.PRODUCT_STATES``.
    """
    structure = (NonEmpty(), *structure)
    assumed: list[Component] = [monitor for _, monitor in assumptions]
    components: tuple[Component, ...] = (*structure, *assumed, *rules)
    start = tuple(component.initial for component in components)
    number = {start: 0}
    queue = [start]
    came: list[tuple[int, Letter] | None] = [None]
    moves: list[dict[Letter, int]] = []
    excluded: list[dict[Letter, str]] = []
    owners: list[Owner | None] = []
    most = limits.PRODUCT_STATES
    for q, state in enumerate(queue):
        here: dict[Letter, int] = {}
        taken: dict[Letter, str] = {}
        for letter in letters:
            parts: list[int] = []
            for component, part in zip(structure, state, strict=False):
                after = component.step(part, letter)
                if after is None:
                    break
                parts.append(after)
            else:
                for (name, monitor), part in zip(assumptions, state[len(structure) :], strict=False):
                    after = monitor.step(part, letter)
                    if after is None or monitor.lost(after):
                        taken[letter] = name
                        break
                    parts.append(after)
                else:
                    for component, part in zip(rules, state[len(structure) + len(assumed) :], strict=True):
                        after = component.step(part, letter)
                        if after is None:
                            here[letter] = VIOLATED
                            break
                        parts.append(after)
                    else:
                        target = tuple(parts)
                        if target not in number:
                            if len(number) >= most:
                                raise TooLarge(f"behavior and rules together need more than {most} states")
                            number[target] = len(queue)
                            queue.append(target)
                            came.append((q, letter))
                        here[letter] = number[target]
        owners.append(_turn(here, taken, came, q))
        moves.append(here)
        excluded.append(taken)
    judged = [(i, component) for i, component in enumerate(components) if component not in assumed]
    accepting = frozenset(q for q, state in enumerate(queue) if all(c.accepts_at(state[i]) for i, c in judged))
    return Arena(propositions, 0, tuple(owners), tuple(moves), accepting, tuple(excluded)), queue


def _after(came: list[tuple[int, Letter] | None], q: int) -> str:
    path: list[Letter] = []
    link = came[q]
    while link is not None:
        path.append(link[1])
        link = came[link[0]]
    return f"after {' '.join(str(letter) for letter in reversed(path))}" if path else "at the start"


def _turn(
    moves: dict[Letter, int], taken: dict[Letter, str], came: list[tuple[int, Letter] | None], q: int
) -> Owner | None:
    owners = {letter.owner for letter in moves} | {letter.owner for letter in taken}
    owner = next(iter(owners), None)
    if len(owners) == 1 and owner == Owner.MODEL and not taken and q:
        return owner
    steps = sorted({str(letter.step) for letter in (*moves, *taken)})
    if len(owners) > 1:
        where = f"{_after(came, q)}: {', '.join(steps)}"
        raise SpecError(f"two owners may write {where}; make it one owner's turn in the behavior")
    if owner is not None and owner != Owner.MODEL and len(steps) > 1:
        raise SpecError(
            f"{_after(came, q)} the {owner} may write {' or '.join(steps)}: give the {owner} one step at a position"
        )
    if q == 0 and owner != Owner.USER:
        raise SpecError(f"a behavior begins with a step of the user (the task), not with {' or '.join(steps) or 'end'}")
    if taken:
        letter, name = min(taken.items(), key=lambda one: str(one[0]))
        if owner == Owner.MODEL:
            raise SpecError(
                f"the model could break the assumption '{name}' itself, by {letter} {_after(came, q)}: an assumption "
                "is about what tools and users do"
            )
        if not moves:
            raise SpecError(f"the assumption '{name}' leaves the {owner} nothing to write {_after(came, q)}")
    return owner


def restricted(arena: Arena, rules: Sequence[Component]) -> Dfa:
    """The minimal DFA of the words of the arena that the rules allow as well.

    Raises TooLarge past ``limits.PRODUCT_STATES``.
    """
    start = (arena.initial, *(rule.initial for rule in rules))
    number = {start: 0}
    edges: list[tuple[tuple[Letter, int], ...]] = []
    most = limits.PRODUCT_STATES
    for state in (queue := [start]):
        here = []
        for letter, behind in arena.moves[state[0]].items():
            if behind == VIOLATED:
                continue
            parts = [behind]
            for rule, part in zip(rules, state[1:], strict=True):
                after = rule.step(part, letter)
                if after is None:
                    break
                parts.append(after)
            else:
                target = tuple(parts)
                if target not in number:
                    if len(number) >= most:
                        raise TooLarge(f"behavior and rules together need more than {most} states")
                    number[target] = len(queue)
                    queue.append(target)
                here.append((letter, number[target]))
        edges.append(tuple(here))
    accepting = frozenset(
        q
        for q, state in enumerate(queue)
        if state[0] in arena.accepting and all(r.accepts_at(s) for r, s in zip(rules, state[1:], strict=True))
    )
    return minimal(Dfa(arena.propositions, 0, accepting, tuple(edges)))[0]


def merged(arena: Arena) -> Arena:
    """The quotient by language, keeping letters that lead to ``VIOLATED``."""
    taken = [frozenset(arena.excluded[q]) if arena.excluded else frozenset() for q in range(len(arena))]
    signs = [(q in arena.accepting, taken[q]) for q in range(len(arena))]
    return quotient(arena, alike(signs, arena.moves))[0]


def alike(
    signs: Sequence[Hashable],
    moves: Sequence[Mapping[Letter, int]],
    marks: Sequence[Mapping[Letter, Hashable]] | None = None,
) -> list[int]:
    """Classes of states with equal signs and moves of equal ``marks``, numbered from 0 by their first members."""
    edges: list[list[tuple[Hashable, int]]] = []
    keys: list[Hashable] = []
    for q, own in enumerate(moves):
        seen: Mapping[Letter, Hashable] = marks[q] if marks is not None else {}
        edges.append([((a, seen.get(a)), t) for a, t in own.items() if t != VIOLATED])
        keys.append((signs[q], frozenset((a, seen.get(a)) for a, t in own.items() if t == VIOLATED)))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(c, len(numbers)) for c in equivalent_states(keys, edges)]


def quotient(arena: Arena, classes: Sequence[int]) -> tuple[Arena, list[int]]:
    """The arena with a state for each class (numbered from 0 by first member), and the first member of each."""
    first: dict[int, int] = {}
    for q, one in enumerate(classes):
        first.setdefault(one, q)
    kept = list(first.values())
    small = Arena(
        arena.propositions,
        classes[arena.initial],
        tuple(arena.owner[q] for q in kept),
        tuple({a: t if t == VIOLATED else classes[t] for a, t in arena.moves[q].items()} for q in kept),
        frozenset(classes[q] for q in arena.accepting),
        tuple(arena.excluded[q] for q in kept) if arena.excluded else (),
        arena.knowing,
    )
    return small, kept
