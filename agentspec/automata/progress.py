"""LTLf with past to an automaton, by progression over decision diagrams.

De Giacomo & Vardi (2013) for the semantics; direct translation over multi-terminal diagrams after Duret-Lutz et al.
(2025, "Engineering an LTLf Synthesis Tool"). Everything is one boolean function over the variables, in this order:

- the propositions of this position,
- a selector for every subformula that looks back (below),
- ``end``: there is no next position,
- the *obligations*: for every subformula with a temporal operator on top, whether it holds at the next position.

A state is what such a function is below the propositions: an equal function is an equal state. ``X f`` says ``!end``
and ``f`` as obligations. The obligation of ``a U b`` is written ``b | (a | b) & x``, of which only what concerns
obligations is kept, so that ``b -> a U b -> a | b`` is seen by propositional means and nested untils stay linear;
likewise ``X f`` is written so that ``X f -> X g`` is seen where ``f -> g`` is.

The past: a state is the main function and, for each subformula ``Y f`` or ``f S g``, the value of ``f`` or of itself at
this position (Havelund & Rosu 2002 keep a bit; ours is a function: operands may look ahead). All move in lockstep,
and the selectors make one function of them. What the main function no longer depends on is forgotten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

from agentspec.automata.bdd import FALSE, TRUE, Bdd
from agentspec.automata.effort import Effort
from agentspec.automata.forest import Forest, gathered
from agentspec.automata.kernel import PAST, Kernel, Kind

_BESIDE = 8
"""With how many formulas ``X g`` an ``X f`` is compared; neighbours in a bounded operator stand next to each other."""


@dataclass
class _Position:
    """One memory and what is computed from it: ``now`` for every place, ``later`` for functions of obligations."""

    memory: tuple[int, ...]
    now: list[int] = field(default_factory=list)
    later: dict[int, int] = field(default_factory=dict)


class Progression:
    """Of the formula ``root`` in ``kernel``; ``order`` lists the propositions, those of ``exclusive`` first.

    Exactly one of the first ``exclusive`` propositions holds at each position; what the automaton does with other
    valuations is not specified.
    """

    def __init__(self, kernel: Kernel, root: int, order: Sequence[str], effort: Effort, exclusive: int = 0) -> None:
        self._kernel, self._root, self._effort = kernel, root, effort
        self._rank = {name: rank for rank, name in enumerate(order)}
        self._exclusive = exclusive
        self._bdd = Bdd(effort)
        self._places = kernel.below(root)
        self._backward = [place for place in self._places if kernel.kinds[place] in PAST]
        self._selectors = len(order)
        self._end = self._selectors + (len(self._backward) + 1 if self._backward else 0)
        self._top = self._end + 1 + len(kernel.kinds)
        self._as_obligation()
        self._inside = self._past_inside()
        self._moving = [place for place in self._places if self._inside[place]]
        self._known: dict[tuple[int, ...], _Position] = {}
        self._fixed = [FALSE] * len(kernel.kinds)
        for place in self._places:
            if not self._inside[place]:
                effort.spent(len(self._bdd.rank) // 2)
                self._fixed[place] = self._now(place, self._fixed, {})
        self._on: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        self._needed: dict[int, int] = {}

    # -- obligations ---------------------------------------------------------------------------------------------

    def _as_obligation(self) -> None:
        """For every place a lower and an upper bound of its truth at the next position, equal where both are needed."""
        kernel, bdd = self._kernel, self._bdd
        size = len(kernel.kinds)
        self._least, self._most = [FALSE] * size, [FALSE] * size
        exact = self._exact_atoms()
        nexts: list[int] = []
        for place in self._places:
            self._effort.spent(len(bdd.rank) // 2)
            kind, parts = kernel.kinds[place], kernel.parts[place]
            if kind == Kind.CONSTANT:
                least = most = FALSE
            elif kind == Kind.ATOM:
                least = most = bdd.variable(self._top - place)
                if place not in exact:
                    least, most = FALSE, TRUE
            elif kind == Kind.AND:
                least = reduce(bdd.conj, map(self._at_least, reversed(parts)))
                most = reduce(bdd.conj, map(self._at_most, reversed(parts)))
            else:
                least = most = bdd.variable(self._top - place)
                if kind == Kind.NEXT:
                    least = most = self._beside(place, nexts, most)
                    nexts.append(place)
                elif kind in (Kind.UNTIL, Kind.SINCE):
                    either = bdd.disj(*map(self._at_most, parts))
                    least = most = bdd.disj(self._at_least(parts[1]), bdd.conj(either, most))
            self._least[place], self._most[place] = least, most

    def _beside(self, place: int, nexts: list[int], x: int) -> int:
        """``X f`` given some ``X g`` written before it: what implies it joins it, what it implies bounds it."""
        bdd = self._bdd
        f = self._at_least(self._kernel.parts[place][0])
        for other in nexts[-_BESIDE:]:
            g = self._at_least(self._kernel.parts[other][0])
            if bdd.conj(g, f ^ 1) == FALSE:
                x = bdd.disj(x, self._least[other])
            elif bdd.conj(f, g ^ 1) == FALSE:
                x = bdd.conj(x, self._least[other])
        return x

    def _at_least(self, f: int) -> int:
        return self._most[f >> 1] ^ 1 if f & 1 else self._least[f >> 1]

    def _at_most(self, f: int) -> int:
        return self._least[f >> 1] ^ 1 if f & 1 else self._most[f >> 1]

    def _exact_atoms(self) -> set[int]:
        """The atoms whose truth at the next position an obligation may be about."""
        kernel = self._kernel
        stack = [kernel.parts[place][0] >> 1 for place in self._places if kernel.kinds[place] == Kind.NEXT]
        seen: set[int] = set()
        while stack:
            place = stack.pop()
            if place not in seen:
                seen.add(place)
                if kernel.kinds[place] == Kind.AND:
                    stack += [part >> 1 for part in kernel.parts[place]]
        return seen

    def _past_inside(self) -> list[int]:
        """For every place which memories its truth depends on: bit ``i`` stands for the memory with index ``i``."""
        found = [0] * len(self._kernel.kinds)
        for index, place in enumerate(self._backward):
            found[place] = 1 << index
        for place in self._places:
            for part in self._kernel.parts[place]:
                found[place] |= found[part >> 1]
        return found

    # -- one position --------------------------------------------------------------------------------------------

    def _now(self, place: int, now: list[int], later: dict[int, int], memory: int = FALSE) -> int:
        """What a formula says of this position and the obligations after it, given that for its operands."""
        kernel, bdd = self._kernel, self._bdd

        def said(f: int) -> int:
            return now[f >> 1] ^ (f & 1)

        kind, parts = kernel.kinds[place], kernel.parts[place]
        if kind == Kind.CONSTANT:
            return FALSE
        if kind == Kind.ATOM:
            return self._literal(self._rank[kernel.names[place]])
        if kind == Kind.AND:
            return reduce(bdd.conj, map(said, reversed(parts)))
        if kind == Kind.NEXT:
            return bdd.node(self._end, self._at_least(parts[0]), FALSE)
        if kind == Kind.UNTIL:
            again = bdd.node(self._end, self._least[place], FALSE)
            return bdd.disj(said(parts[1]), bdd.conj(said(parts[0]), again))
        before = self._progressed(memory, now, later)
        if kind == Kind.YESTERDAY:
            return before
        return bdd.disj(said(parts[1]), bdd.conj(said(parts[0]), before))

    def _literal(self, rank: int) -> int:
        """A proposition. An exclusive one is false after any other, and true where it is the last one left."""
        bdd = self._bdd
        if rank >= self._exclusive:
            return bdd.variable(rank)
        node = TRUE if rank == self._exclusive - 1 else bdd.variable(rank)
        for other in range(rank - 1, -1, -1):
            node = bdd.node(other, node, FALSE)
        return node

    def _progressed(self, f: int, now: list[int], later: dict[int, int]) -> int:
        """Obligations, met at this position: each replaced by what its formula says now."""
        if f <= TRUE:
            return f
        sign = f & 1
        found = later.get(f ^ sign)
        if found is None:
            bdd = self._bdd
            low = self._progressed(bdd.low[f ^ sign], now, later)
            high = self._progressed(bdd.high[f ^ sign], now, later)
            found = later[f ^ sign] = bdd.ite(now[self._top - bdd.rank[f ^ sign]], high, low)
        return found ^ sign

    def _position(self, memory: tuple[int, ...]) -> _Position:
        found = self._known.get(memory)
        if found is None:
            found = self._known[memory] = _Position(memory, self._fixed[:])
            index = {place: i for i, place in enumerate(self._backward)}
            for place in self._moving:
                self._effort.spent(len(self._bdd.rank) // 2)
                value = memory[index[place]] if place in index else FALSE
                found.now[place] = self._now(place, found.now, found.later, value)
        return found

    # -- states --------------------------------------------------------------------------------------------------

    def explore(self) -> Forest:
        """The automaton, not yet minimal. Raises TooLarge where ``effort`` says so."""
        first = self._position((FALSE,) * len(self._backward))
        said = first.now[self._root >> 1] ^ (self._root & 1)
        states: dict[int, int] = {}
        queue: list[int] = []
        roots = [self._joined(said, first)]
        accepting = [False]
        seen: set[int] = set()
        self._meet(roots[0], states, queue, seen)
        for state in queue:
            main, memory = self._parted(state)
            end, obligations = (main, main) if main <= TRUE else (self._bdd.high[main], self._bdd.low[main])
            position = self._position(memory)
            roots.append(self._joined(self._progressed(obligations, position.now, position.later), position))
            accepting.append(end == TRUE)
            self._effort.spent(len(self._bdd.rank) // 2)
            self._meet(roots[-1], states, queue, seen)
        return self._gathered(roots, accepting, states, sorted(seen))

    def _meet(self, root: int, states: dict[int, int], queue: list[int], seen: set[int]) -> None:
        """Number the states below a diagram; ``seen`` are nodes above states whose states have their number."""
        bdd = self._bdd
        stack = [root]
        while stack:
            node = stack.pop()
            if bdd.rank[node] >= self._selectors:
                if node not in states:
                    queue.append(node)
                    states[node] = len(queue)
                    self._effort.reached(len(queue))
            elif node not in seen:
                seen.add(node)
                stack += (bdd.high[node], bdd.low[node])

    def _gathered(self, roots: list[int], accepting: list[bool], states: dict[int, int], nodes: list[int]) -> Forest:
        bdd = self._bdd
        place = {state: ~number for state, number in states.items()}
        for index, node in enumerate(nodes):
            place[node] = index
        return gathered(
            [bdd.rank[node] for node in nodes],
            [place[bdd.low[node]] for node in nodes],
            [place[bdd.high[node]] for node in nodes],
            [place[root] for root in roots],
            accepting,
        )

    # -- several functions as one --------------------------------------------------------------------------------

    def _joined(self, main: int, position: _Position) -> int:
        """One function of the main one and of the memory after this position."""
        if not self._backward:
            return main
        joined = FALSE
        needed = reduce(or_, map(self._remembered, self._leaves(main)))
        for index in range(needed.bit_length() - 1, -1, -1):
            if not needed >> index & 1:
                continue
            place = self._backward[index]
            f = self._kernel.parts[place][0] if self._kernel.kinds[place] == Kind.YESTERDAY else 2 * place
            value = self._going_on(position.now[f >> 1] ^ (f & 1))
            joined = self._bdd.ite(self._bdd.variable(self._selectors + 1 + index), value, joined)
        return self._relevant(self._bdd.ite(self._bdd.variable(self._selectors), main, joined))

    def _leaves(self, f: int) -> list[int]:
        """What a function is below the propositions."""
        bdd = self._bdd
        seen = {f}
        stack = [f]
        found: list[int] = []
        while stack:
            node = stack.pop()
            if bdd.rank[node] >= self._selectors:
                found.append(node)
            else:
                fresh = {bdd.low[node], bdd.high[node]} - seen
                seen |= fresh
                stack += fresh
        return found

    def _going_on(self, f: int) -> int:
        """The function where there is a next position."""
        rank = self._bdd.rank[f]
        if rank >= self._end:
            return self._bdd.low[f] if rank == self._end else f
        found = self._on.get(f)
        if found is None:
            low, high = self._going_on(self._bdd.low[f]), self._going_on(self._bdd.high[f])
            found = self._on[f] = self._bdd.node(rank, low, high)
        return found

    def _parted(self, state: int) -> tuple[int, tuple[int, ...]]:
        """The main function of a state and its memory."""
        bdd = self._bdd
        parts: list[int] = []
        for rank in range(self._selectors, self._end):
            here = bdd.rank[state] == rank
            parts.append(bdd.high[state] if here else state)
            state = bdd.low[state] if here else state
        return (parts[0], tuple(parts[1:])) if parts else (state, ())

    def _relevant(self, f: int) -> int:
        """The same with FALSE for every memory that the main function of a state does not depend on."""
        bdd = self._bdd
        found = self._kept.get(f)
        if found is not None:
            return found
        rank = bdd.rank[f]
        if rank < self._selectors:
            found = bdd.node(rank, self._relevant(bdd.low[f]), self._relevant(bdd.high[f]))
        else:
            main, memory = self._parted(f)
            found = FALSE
            kept = self._remembered(main)
            for index in range(len(memory) - 1, -1, -1):
                value = memory[index] if kept >> index & 1 else FALSE
                found = bdd.ite(bdd.variable(self._selectors + 1 + index), value, found)
            found = bdd.ite(bdd.variable(self._selectors), main, found)
        self._kept[f] = found
        return found

    def _remembered(self, main: int) -> int:
        """The memories that the obligations of a state depend on, as bits."""
        found = self._needed.get(main)
        if found is None:
            found = 0
            for rank in self._bdd.support(main):
                if rank > self._end:
                    found |= self._inside[self._top - rank]
            self._needed[main] = found
        return found
