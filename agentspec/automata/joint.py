"""Deciding a product too large to build: by its rules one at a time, and by exploring no more than the answer needs.

``satisfying_word`` refines by counterexamples (Clarke et al., CAV 2000): a shortest-ish word for some of the rules is
judged by all of them, and a rule that it breaks is added until a word satisfies all, or those added contradict each
other. ``LazyGame`` decides the game of tools and users on the fly (Liu & Smolka, ICALP 1998; Cassez et al., CONCUR
2005): positions are explored forward, the likeliest first, and wins are handed backward as soon as they are known.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from agentspec import limits
from agentspec.automata.dfa import backward
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.monitor import Monitor
from agentspec.automata.product import Component, NonEmpty
from agentspec.errors import TooLarge

State = tuple[int, ...]
Rules = Sequence[tuple[str, Monitor]]


@dataclass(frozen=True)
class Decision:
    """``word`` satisfies behavior and all rules; where None, the rules in ``core`` contradict each other.

    None of the core can be left out; it is empty where the behavior alone has no word.
    """

    word: tuple[Letter, ...] | None
    core: tuple[str, ...]
    explored: int


def satisfying_word(letters: Sequence[Letter], structure: Sequence[Component], rules: Rules) -> Decision:
    """A word of the structure that satisfies all rules, or rules that contradict each other.

    Raises TooLarge, naming the rules whose product grew too large, past ``limits.JOINT_STATES`` or ``JOINT_SECONDS``.
    """
    until = time.monotonic() + limits.JOINT_SECONDS
    by_name = dict(rules)
    chosen: list[str] = []
    explored = 0
    while True:
        word, seen = _search(letters, structure, [(name, by_name[name]) for name in chosen], until)
        explored += seen
        if word is None:
            core = _core(letters, structure, [(name, by_name[name]) for name in chosen], until)
            return Decision(None, tuple(name for name, _ in rules if name in core), explored)
        broken = [name for name, monitor in rules if name not in chosen and not _holds(monitor, word)]
        if not broken:
            return Decision(word, (), explored)
        chosen += broken[:3]


def _holds(monitor: Monitor, word: Sequence[Letter]) -> bool:
    state = monitor.initial
    for letter in word:
        after = monitor.step(state, letter)
        if after is None:
            return False
        state = after
    return monitor.accepts_at(state)


def _core(letters: Sequence[Letter], structure: Sequence[Component], rules: Rules, until: float) -> tuple[str, ...]:
    """Contradictory rules less those that are not needed for it, by leaving out one after the other."""
    kept = list(rules)
    for rule in rules:
        fewer = [one for one in kept if one is not rule]
        if _search(letters, structure, fewer, until)[0] is None:
            kept = fewer
    return tuple(name for name, _ in kept)


def _search(
    letters: Sequence[Letter], structure: Sequence[Component], rules: Rules, until: float
) -> tuple[tuple[Letter, ...] | None, int]:
    """Best first: the states whose rules are nearest to accepting before others. The word, and how many were seen."""
    monitors = [monitor for _, monitor in rules]
    merged = _distinct(letters, structure, monitors)
    components: tuple[Component, ...] = (NonEmpty(), *structure, *monitors)
    start = tuple(component.initial for component in components)
    pairs = [_Pair(one, other) for i, one in enumerate(components) for other in components[:i]]
    consistency = _Consistency(merged, [*components, *pairs])
    alive = consistency.alive(start)
    alive = None if alive is None else consistency.alive((*start, *[pair.initial for pair in pairs]), alive)
    if alive is None:
        return None, 1
    merged = [letter for bit, letter in enumerate(merged) if alive >> bit & 1]
    far = [_distances(monitor, merged) for monitor in monitors]
    came: dict[State, tuple[State, Letter] | None] = {start: None}
    queue: list[tuple[int, int, State]] = [(0, 0, start)]
    split = len(structure) + 1
    small, most = limits.JOINT_SMALL, limits.JOINT_STATES
    while queue:
        _, _, state = heappop(queue)
        if all(c.accepts_at(s) for c, s in zip(components, state, strict=True)):
            word: list[Letter] = []
            link = came[state]
            while link is not None:
                word.append(link[1])
                link = came[link[0]]
            return tuple(reversed(word)), len(came)
        for letter in merged:
            parts: list[int] = []
            distance = 0
            for i, component in enumerate(components):
                after = component.step(state[i], letter)
                if after is None:
                    break
                if i >= split:
                    left = far[i - split].get(after)
                    if left is None:
                        break
                    distance += left
                parts.append(after)
            else:
                target = tuple(parts)
                if target not in came:
                    if len(came) == small and len(rules) > 3 and _contradict(letters, structure, rules, until):
                        return None, len(came)
                    if len(came) >= most or (len(came) % 256 == 0 and time.monotonic() > until):
                        raise _too_large(rules)
                    came[target] = (state, letter)
                    heappush(queue, (distance, -len(came), target))
    return None, len(came)


def _contradict(letters: Sequence[Letter], structure: Sequence[Component], rules: Rules, until: float) -> bool:
    """Whether three of the rules that speak of common propositions contradict each other."""
    named = [frozenset(monitor.dfa.propositions) for _, monitor in rules]
    beside = [{j for j, other in enumerate(named) if j != i and one & other} for i, one in enumerate(named)]
    triples = {
        frozenset({i, j, k}) for i in range(len(rules)) for j in beside[i] for k in beside[i] | beside[j] if k != i
    }
    return any(
        _search(letters, structure, [rules[i] for i in sorted(triple)], until)[0] is None
        for triple in sorted(triples, key=sorted)
    )


def _too_large(rules: Rules) -> TooLarge:
    named = ", ".join(name for name, _ in rules[:12]) + (f" and {len(rules) - 12} more" if len(rules) > 12 else "")
    return TooLarge(
        f"whether the rules {named} can be satisfied together takes more than {limits.JOINT_STATES} states or "
        f"{limits.JOINT_SECONDS:.0f} seconds: leave some out, or make them speak of fewer propositions"
    )


def _distinct(letters: Sequence[Letter], structure: Sequence[Component], monitors: Sequence[Monitor]) -> list[Letter]:
    """One letter for all that neither structure nor these rules tell apart."""
    if not all(isinstance(component, Monitor) for component in structure):
        return list(letters)
    named = {name for one in (*structure, *monitors) if isinstance(one, Monitor) for name in one.dfa.propositions}
    found: dict[object, Letter] = {}
    for letter in letters:
        seen = tuple(monitor.reads(letter) for monitor in monitors)
        found.setdefault((letter.owner, frozenset(letter.true & named), seen), letter)
    return list(found.values())


class _Pair:
    """Two components side by side, as one."""

    def __init__(self, one: Component, other: Component) -> None:
        self._one, self._other = one, other
        self._states = [(one.initial, other.initial)]
        self._number = {self._states[0]: 0}
        self.initial = 0

    def step(self, state: int, letter: Letter) -> int | None:
        first, second = self._states[state]
        one = self._one.step(first, letter)
        other = None if one is None else self._other.step(second, letter)
        if one is None or other is None:
            return None
        target = (one, other)
        if target not in self._number:
            self._number[target] = len(self._states)
            self._states.append(target)
        return self._number[target]

    def accepts_at(self, state: int) -> bool:
        first, second = self._states[state]
        return self._one.accepts_at(first) and self._other.accepts_at(second)


class _Consistency:
    """Which letters can still occur at all, each rule for itself, until nothing changes (Mackworth's AC-3, 1977).

    A letter that one rule can never read again on the way to accepting is dead for all of them; with it gone, others
    may lose theirs. Sets of letters are the bits of a number.
    """

    def __init__(self, letters: Sequence[Letter], components: Sequence[Component]) -> None:
        self._letters = letters
        self._components = components
        self._usable: dict[tuple[int, int, int], int | None] = {}
        self.all = (1 << len(letters)) - 1

    def alive(self, state: State, alive: int | None = None) -> int | None:
        """The letters that may occur in a good word from ``state``; None: there surely is no such word.

        The empty word counts where every component accepts.
        """
        alive = self.all if alive is None else alive
        while True:
            before = alive
            for i, part in enumerate(state):
                usable = self.usable(i, part, alive)
                if usable is None:
                    return None
                alive &= usable
            if alive == before:
                return alive

    def usable(self, i: int, part: int, alive: int) -> int | None:
        """The letters on accepted words of component ``i`` from ``part`` made of living letters; None: no such word."""
        key = (i, part, alive)
        if key not in self._usable:
            self._usable[key] = self._paths(self._components[i], part, alive)
        return self._usable[key]

    def _paths(self, component: Component, part: int, alive: int) -> int | None:
        following: dict[int, list[tuple[int, int]]] = {}
        queue = [part]
        for q in queue:
            if q in following:
                continue
            following[q] = []
            for bit, letter in enumerate(self._letters):
                if alive >> bit & 1 and (target := component.step(q, letter)) is not None:
                    following[q].append((bit, target))
                    queue.append(target)
        ends = [q for q in following if component.accepts_at(q)]
        live = backward({q: [target for _, target in edges] for q, edges in following.items()}, ends)
        if part not in live:
            return None
        found = 0
        for q in live:
            for bit, target in following[q]:
                if target in live:
                    found |= 1 << bit
        return found


def _distances(monitor: Monitor, letters: Sequence[Letter]) -> dict[int, int]:
    """How many of the letters at least each state of a rule is from accepting; states that are lost are left out."""
    before: dict[int, set[int]] = {}
    seen = {monitor.initial}
    stack = [monitor.initial]
    while stack:
        q = stack.pop()
        for letter in letters:
            target = monitor.step(q, letter)
            if target is not None:
                before.setdefault(target, set()).add(q)
                if target not in seen:
                    seen.add(target)
                    stack.append(target)
    found = {q: 0 for q in seen if monitor.accepts_at(q)}
    queue = deque(found)
    while queue:
        target = queue.popleft()
        for q in before.get(target, ()):
            if q not in found:
                found[q] = found[target] + 1
                queue.append(q)
    return found


@dataclass
class _Node:
    owner: Owner | None
    accepting: bool
    moves: dict[Letter, State | None]
    open: int = 0
    wins: bool = False


class LazyGame:
    """Finite episodes against tools and users, decided where asked, exploring on from what is known.

    As in `automata.game`: the model wins where it surely ends well. Positions are tuples of the components' states.
    """

    def __init__(self, letters: Sequence[Letter], structure: Sequence[Component], rules: Rules) -> None:
        self._letters, self._rules = letters, rules
        self._structure: tuple[Component, ...] = (NonEmpty(), *structure)
        self._monitors = tuple(monitor for _, monitor in rules)
        self.initial: State = tuple(component.initial for component in (*self._structure, *self._monitors))
        self._far = [_distances(monitor, letters) for monitor in self._monitors]
        self._consistency = _Consistency(letters, (*self._structure, *self._monitors))
        self._nodes: dict[State, _Node] = {}
        self._waiting: dict[State, list[State]] = {}
        self._lost: set[State] = set()

    @property
    def explored(self) -> int:
        """How many positions were looked at so far."""
        return len(self._nodes)

    def owner(self, state: State) -> Owner | None:
        """Who writes at a position; None where no letter exists."""
        return self._node(state).owner

    def moves(self, state: State) -> dict[Letter, State | None]:
        """The letters that exist at a position, each with the position behind it; None: it violates a rule for good."""
        return self._node(state).moves

    def accepts_at(self, state: State) -> bool:
        """Whether an episode may end at the position."""
        return self._node(state).accepting

    def wins(self, state: State) -> bool:
        """Whether the model can end well from here whatever tools and users do.

        Raises TooLarge, naming the rules, past ``limits.JOINT_STATES`` positions or ``JOINT_SECONDS``.
        """
        until = time.monotonic() + limits.JOINT_SECONDS
        root = self._node(state)
        if not root.wins and state not in self._lost and self._consistency.alive(state) is None:
            self._lost.add(state)
        queued = {state}
        queue = [(0, 0, state)]
        while queue and not root.wins and state not in self._lost:
            here = heappop(queue)[2]
            node = self._node(here)
            if node.wins or here in self._lost:
                continue
            for target in node.moves.values():
                if target is None or target in queued:
                    continue
                if len(self._nodes) > limits.JOINT_STATES or (len(queued) % 256 == 0 and time.monotonic() > until):
                    raise _too_large(self._rules)
                queued.add(target)
                heappush(queue, (self._distance(target), len(queued), target))
        if not root.wins:
            self._lost |= {one for one in queued if not self._node(one).wins}
        return root.wins

    def _distance(self, state: State) -> int:
        return sum(far.get(q, 99) for far, q in zip(self._far, state[len(self._structure) :], strict=True))

    def _node(self, state: State) -> _Node:
        node = self._nodes.get(state)
        if node is None:
            node = self._nodes[state] = self._made(state)
            if node.wins:
                self._hand_back(state)
        return node

    def _made(self, state: State) -> _Node:
        moves = dict(self._moves(state))
        owner = next(iter(moves)).owner if moves else None
        components = (*self._structure, *self._monitors)
        accepting = all(c.accepts_at(s) for c, s in zip(components, state, strict=True))
        node = _Node(owner, accepting, moves, wins=accepting)
        won = False
        for target in set(moves.values()):
            if target is not None and (known := self._nodes.get(target)) is not None and known.wins:
                won = True
                continue
            node.open += 1  # a violation stays open for good
            if target is not None:
                self._waiting.setdefault(target, []).append(state)
        if moves and (won if owner == Owner.MODEL else node.open == 0):
            node.wins = True
        return node

    def _hand_back(self, state: State) -> None:
        stack = [state]
        while stack:
            for earlier in self._waiting.pop(stack.pop(), ()):
                node = self._nodes.get(earlier)
                if node is None:  # it is being made, with a move to itself
                    continue
                node.open -= 1
                if not node.wins and (node.owner == Owner.MODEL or node.open == 0):
                    node.wins = True
                    stack.append(earlier)

    def _moves(self, state: State) -> Iterator[tuple[Letter, State | None]]:
        split = len(self._structure)
        for letter in self._letters:
            parts: list[int] = []
            for component, part in zip(self._structure, state, strict=False):
                after = component.step(part, letter)
                if after is None:
                    break
                parts.append(after)
            else:
                for monitor, part in zip(self._monitors, state[split:], strict=True):
                    after = monitor.step(part, letter)
                    if after is None or monitor.lost(after):
                        yield letter, None
                        break
                    parts.append(after)
                else:
                    yield letter, tuple(parts)
