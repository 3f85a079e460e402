"""From a formula over infinite words to a transition-based generalised Büchi automaton.

Couvreur, "On-the-fly verification of linear temporal logic" (FM 1999): a state is what has to hold from here on, the
moves are what that asks of this position and of the next one, and putting an until off is a promise; a run must be free
of each promise infinitely often. Of two ways to go on under the same valuation, the one that asks and promises less
(and remembers more) is kept: an implication that is also a direct simulation.

Past operators over the past and the present are a deterministic memory, one bit for each (Havelund & Rosu 2002); what
of the future stands below them is guessed position by position (``logic.endless.guessed``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce

from agentspec import limits
from agentspec.automata.acceptance import generalized_buchi
from agentspec.automata.mtbdd import Mtbdd
from agentspec.automata.omega_graph import Graph, Marks, explored
from agentspec.logic.endless import endless, guessed, looks_ahead
from agentspec.logic.formula import (
    FALSE,
    PAST,
    TRUE,
    And,
    Atom,
    Constant,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Since,
    Until,
    WeakSince,
    WeakYesterday,
    Yesterday,
    atoms,
    subformulas,
)
from agentspec.logic.simplify import conjunction

Ids = frozenset[int]
Way = tuple[Ids, Ids]
"""One way to go on: the formulas asked of the next position, and the promises made."""
Ways = frozenset[Way]
State = tuple[Ids, Ids]
"""The formulas that must hold from here on, and the bits of the memory that are set."""

_FREE: Ways = frozenset({(frozenset(), frozenset())})
_NONE: Ways = frozenset()


def generalised_buchi(formula: Formula, names: tuple[str, ...], table: Mtbdd) -> Graph:
    """The automaton of the infinite words that satisfy ``formula``; the ranks of the diagrams are places in ``names``.

    Its acceptance is a conjunction of ``Inf`` (or true). Raises TooLarge as the table's effort.
    """
    return _Expansion(endless(formula), names, table).graph()


class _Expansion:
    def __init__(self, formula: Formula, names: tuple[str, ...], table: Mtbdd) -> None:
        self._table = table
        self._names = names
        main, hidden = guessed(formula)
        self._hidden = {name: Release(FALSE, Or((Not(Atom(name)), meaning))) for name, meaning in hidden.items()}
        self._rank = {name: rank for rank, name in enumerate((*names, *hidden))}
        self._ahead: dict[Formula, bool] = {}
        self._formulas: list[Formula] = []
        self._ids: dict[Formula, int] = {}
        self._promises: dict[Formula, int] = {}
        self._memories: dict[tuple[Formula, bool], int] = {}
        self._inside: dict[Formula, Ids] = {}
        self._steps: dict[Formula, tuple[Formula, ...]] = {}
        self._known: dict[tuple[Formula, Ids], int] = {}
        self._values: dict[tuple[Formula, Ids], int] = {}
        self._asked: dict[Ids, Ids] = {}
        self._and: dict[tuple[int, ...], int] = {}
        self._or: dict[tuple[int, ...], int] = {}
        self._start = self._asking([main])
        needed = self._needed(self._start)
        first = frozenset(i for (_, initial), i in self._memories.items() if initial and i in needed)
        self._first: State = (self._start, first)

    def graph(self) -> Graph:
        graph, _ = explored(self._table, self._names, self._first, self._moves, generalized_buchi(0))
        used = sorted({i for moves in graph.moves for _, promises in moves for i in promises})
        mark = {promise: number for number, promise in enumerate(used)}
        every = frozenset(mark.values())
        marked = graph.changed(lambda _, leaf: frozenset((t, every - {mark[i] for i in made}) for t, made in leaf))
        return marked.with_acceptance(generalized_buchi(len(used)))

    # -- states ----------------------------------------------------------------------------------------------------

    def _id(self, formula: Formula) -> int:
        found = self._ids.get(formula)
        if found is None:
            found = self._ids[formula] = len(self._formulas)
            self._formulas.append(formula)
        return found

    def _asking(self, formulas: Sequence[Formula]) -> Ids:
        """Their conjunction, simplified, and what is to be said of just the guessed propositions that occur in it."""
        rules = self._hidden.values()
        found = conjunction([f for f in formulas if f not in rules])
        parts = [] if found == TRUE else list(found.operands) if isinstance(found, And) else [found]
        todo, asked = parts[:], set[str]()
        while todo and self._hidden:
            for name in atoms(todo.pop()):
                if name in self._hidden and name not in asked:
                    asked.add(name)
                    todo.append(self._hidden[name])
        parts += [rule for name, rule in self._hidden.items() if name in asked]
        return frozenset(self._id(part) for part in parts)

    def _needed(self, asked: Ids) -> Ids:
        """The bits of memory that the truth of these formulas may depend on."""
        return frozenset[int]().union(*[self._memory_inside(self._formulas[i]) for i in asked])

    def _memory_inside(self, formula: Formula) -> Ids:
        found = self._inside.get(formula)
        if found is None:
            bits = [self._memory(node) for node in subformulas(formula) if isinstance(node, PAST)]
            found = self._inside[formula] = frozenset(bits)
        return found

    def _memory(self, node: Formula) -> int:
        """The bit that tells a past operator what was: whether a formula held at the position before."""
        match node:
            case Yesterday(a):
                key = (a, False)
            case WeakYesterday(a):
                key = (a, True)
            case _:
                key = (node, isinstance(node, WeakSince))
        return self._memories.setdefault(key, len(self._memories))

    def _simplified(self, asked: Ids) -> Ids:
        found = self._asked.get(asked)
        if found is None:
            found = self._asked[asked] = self._asking([self._formulas[i] for i in sorted(asked)])
        return found

    # -- moves -----------------------------------------------------------------------------------------------------

    def _moves(self, state: State) -> int:
        """The diagram of a state, with sets of (state, promises) at its leaves."""
        asked, memory = state
        table = self._table
        roots = [self._expanded(self._formulas[i], memory) for i in sorted(asked)]
        ways = reduce(self._both, roots, table.leaf(_FREE))
        needed = frozenset[int]().union(
            *[self._needed(self._simplified(after)) for leaf in table.leaves(ways) for after, _ in leaf]
        )
        keys = list(self._memories)
        bits = [(i, self._value(keys[i][0], memory)) for i in sorted(needed)]

        def joined(leaf: Ways, *values: bool) -> frozenset[tuple[State, Marks]]:
            now = frozenset(i for (i, _), value in zip(bits, values, strict=True) if value)
            found = []
            for after, promises in leaf:
                simple = self._simplified(after)
                if self._id(FALSE) not in simple:
                    found.append(((simple, now & self._needed(simple)), promises))
            return self._best_moves(found)

        root = table.apply(joined, (ways, *[value for _, value in bits]))
        return table.without(len(self._names), lambda one, two: self._best_moves([*one, *two]), root)

    def _best_moves(self, moves: Sequence[tuple[State, Marks]]) -> frozenset[tuple[State, Marks]]:
        """Without the moves that ask and promise no less than another, and set no bit that it needs and has not."""

        def better(one: tuple[State, Marks], two: tuple[State, Marks]) -> bool:
            (asked, bits), promises = one
            (other_asked, other_bits), other_promises = two
            return (
                asked <= other_asked
                and promises <= other_promises
                and other_bits & self._needed(asked) <= bits
                and one != two
            )

        every = frozenset(moves)
        if len(every) < 2:
            return every
        return frozenset(m for m in every if not any(better(n, m) for n in every))

    def _both(self, f: int, g: int) -> int:
        return self._table.apply(self._conjoined, (f, g), self._and)

    def _expanded(self, formula: Formula, memory: Ids) -> int:
        """The ways to go on from a formula: a diagram whose leaves are sets of ways, none better than another."""
        key = (formula, memory & self._memory_inside(formula))
        found = self._known.get(key)
        if found is None:
            for node in self._before(formula):
                own = (node, memory & self._memory_inside(node))
                if own not in self._known:
                    self._known[own] = self._expand(node, memory)
            found = self._known[key]
        return found

    def _before(self, formula: Formula) -> tuple[Formula, ...]:
        """What has to be expanded for a formula to be, operands first."""
        found = self._steps.get(formula)
        if found is None:
            order: dict[Formula, None] = {}
            stack = [formula]
            seen: set[Formula] = set()
            while stack:
                node = stack[-1]
                if node not in seen:
                    seen.add(node)
                    stack += [a for a in self._parts(node) if a not in seen]
                else:
                    order[stack.pop()] = None
            found = self._steps[formula] = tuple(order)
        return found

    def _parts(self, node: Formula) -> tuple[Formula, ...]:
        if isinstance(node, Next) or not looks_ahead(node, self._ahead):
            return ()
        return node.children()

    def _expand(self, node: Formula, memory: Ids) -> int:
        table = self._table
        if not looks_ahead(node, self._ahead):
            return table.apply(lambda value: _FREE if value else _NONE, (self._value(node, memory),))

        def ways(part: Formula) -> int:
            return self._known[part, memory & self._memory_inside(part)]

        match node:
            case And(operands):
                return reduce(self._both, map(ways, operands))
            case Or(operands):
                return reduce(lambda f, g: table.apply(self._either, (f, g), self._or), map(ways, operands))
            case Next(a):
                asked = frozenset(self._id(part) for part in (a.operands if isinstance(a, And) else (a,)))
                return table.leaf(frozenset({(asked, frozenset[int]())}))
            case Until(a, b):
                promise = self._promises.setdefault(b, len(self._promises))
                again: Ways = frozenset({(frozenset({self._id(node)}), frozenset({promise}))})
                later = self._both(ways(a), table.leaf(again))
                return table.apply(self._either, (ways(b), later), self._or)
            case Release(a, b):
                stay: Ways = frozenset({(frozenset({self._id(node)}), frozenset[int]())})
                released = table.apply(self._either, (ways(a), table.leaf(stay)), self._or)
                return self._both(ways(b), released)
        raise TypeError(f"not in normal form: {node!r}")

    # -- the past --------------------------------------------------------------------------------------------------

    def _value(self, formula: Formula, memory: Ids) -> int:
        """The truth at this position of a formula without future: a diagram of booleans."""
        found = self._values.get((formula, memory))
        if found is None:
            for node in subformulas(formula):
                if (node, memory) not in self._values:
                    self._values[node, memory] = self._evaluate(node, memory)
            found = self._values[formula, memory]
        return found

    def _evaluate(self, node: Formula, memory: Ids) -> int:
        table = self._table
        roots = [self._values[child, memory] for child in node.children()]
        match node:
            case Constant(value):
                return table.leaf(value)
            case Atom(name):
                return table.node(self._rank[name], table.leaf(False), table.leaf(True))
            case Not():
                return table.apply(lambda a: not a, roots)
            case And():
                return reduce(lambda f, g: table.apply(lambda a, b: a and b, (f, g)), roots, table.leaf(True))
            case Or():
                return reduce(lambda f, g: table.apply(lambda a, b: a or b, (f, g)), roots, table.leaf(False))
        was = self._memory(node) in memory
        match node:
            case Yesterday() | WeakYesterday():
                return table.leaf(was)
            case Since() | WeakSince():
                return table.apply(lambda a, b: b or (a and was), roots)
        raise TypeError(f"not in normal form: {node!r}")

    # -- sets of ways ----------------------------------------------------------------------------------------------

    def _conjoined(self, one: Ways, two: Ways) -> Ways:
        if one == _FREE:
            return two
        if two == _FREE:
            return one
        return self._best({(a | b, p | q) for a, p in one for b, q in two})

    def _either(self, one: Ways, two: Ways) -> Ways:
        return self._best(one | two)

    def _best(self, ways: Collection[Way]) -> Ways:
        """Without the ways that ask and promise no less than another."""
        if len(ways) > limits.EXPANSION_WAYS:
            raise self._table.effort.refusal(f"it can go on in more than {limits.EXPANSION_WAYS} ways after one letter")
        if len(ways) < 2:
            return frozenset(ways)
        return frozenset(w for w in ways if not any(v[0] <= w[0] and v[1] <= w[1] and v != w for v in ways))
