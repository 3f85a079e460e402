"""Diagrams as edges, and boolean functions as numbers, against plain tables over all valuations."""

from __future__ import annotations

import pickle
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.bdd import FALSE, TRUE, Bdd
from agentspec.automata.dfa import Dfa
from agentspec.automata.diagram import REJECTED, Decisions
from agentspec.automata.effort import Effort
from agentspec.automata.letter import Letter
from agentspec.errors import TooLarge
from tests.automata.languages import valuations

quick = settings(deadline=None, max_examples=100)
ORDER = ("x", "y", "z")
ALL = valuations(ORDER)

Table = tuple[bool, ...]
tables = st.lists(st.booleans(), min_size=8, max_size=8).map(tuple)
POINTS = list(product((False, True), repeat=3))


def table_of(bdd: Bdd, f: int) -> Table:
    """The truth table, by walking down for every valuation."""

    def value(point: tuple[bool, ...]) -> bool:
        g = f
        while g > TRUE:
            g = bdd.high[g] if point[bdd.rank[g]] else bdd.low[g]
        return g == TRUE

    return tuple(value(point) for point in POINTS)


def function(bdd: Bdd, table: Table) -> int:
    """The function with a truth table, as a disjunction of minterms."""
    f = FALSE
    for point, wanted in zip(POINTS, table, strict=True):
        minterm = TRUE
        for rank, value in enumerate(point):
            minterm = bdd.conj(minterm, bdd.variable(rank) ^ (not value))
        if wanted:
            f = bdd.disj(f, minterm)
    return f


def fresh() -> Bdd:
    return Bdd(Effort("test", 10, 10_000, 60.0))


@quick
@given(tables, tables, tables)
def test_functions_are_their_tables_and_operations_pointwise(one: Table, two: Table, three: Table) -> None:
    bdd = fresh()
    f, g, h = (function(bdd, table) for table in (one, two, three))
    assert table_of(bdd, f) == one
    assert (f == g) == (one == two)
    assert table_of(bdd, f ^ 1) == tuple(not value for value in one)
    assert bdd.conj(f, g) == function(bdd, tuple(a and b for a, b in zip(one, two, strict=True)))
    assert bdd.disj(f, g) == function(bdd, tuple(a or b for a, b in zip(one, two, strict=True)))
    chosen = tuple(b if a else c for a, b, c in zip(one, two, three, strict=True))
    assert bdd.ite(f, g, h) == function(bdd, chosen)


@quick
@given(tables)
def test_the_support_is_what_the_function_depends_on(table: Table) -> None:
    bdd = fresh()
    depends = {
        rank
        for rank in range(3)
        for point, value in zip(POINTS, table, strict=True)
        if value != table[POINTS.index(tuple(v != (i == rank) for i, v in enumerate(point)))]
    }
    assert bdd.support(function(bdd, table)) == depends


def pairs_far_apart(bdd: Bdd) -> int:
    """A function whose diagram is exponential in this order of variables."""
    f = FALSE
    for rank in range(16):
        f = bdd.disj(f, bdd.conj(bdd.variable(rank), bdd.variable(rank + 16)))
    return f


def test_too_many_nodes_or_too_much_time_name_the_culprit() -> None:
    for effort in (Effort("rule 'r'", 10, 5_000, 60.0), Effort("rule 'r'", 10, 10**9, 0.0)):
        with pytest.raises(TooLarge, match=r"^rule 'r': its (decision diagrams need|automaton takes) more than"):
            pairs_far_apart(Bdd(effort))


def edges(rows: list[list[int]]) -> Decisions:
    """The diagrams of tables, one row a state with its target per valuation (``REJECTED``: none)."""
    known: dict[tuple[str, int, int], int] = {}

    def built(row: list[int], names: tuple[str, ...]) -> int:
        if not names:
            return REJECTED if row[0] == REJECTED else -2 - row[0]
        half = len(row) // 2
        low, high = built(row[:half], names[1:]), built(row[half:], names[1:])
        return low if low == high else known.setdefault((names[0], low, high), len(known))

    roots = tuple(built(row, ORDER) for row in rows)
    names, lows, highs = zip(*known, strict=True) if known else ((), (), ())
    return Decisions(roots, names, lows, highs)


rows = st.lists(st.lists(st.integers(-1, 2), min_size=8, max_size=8), min_size=3, max_size=3)


@quick
@given(rows)
def test_cubes_steps_and_targets_are_those_of_the_table(table: list[list[int]]) -> None:
    decisions = edges(table)
    dfa = Dfa(ORDER, 0, frozenset({1}), decisions)
    twin = Dfa(ORDER, 0, frozenset({1}), tuple(decisions))
    assert len(decisions) == len(table)
    for state, row in enumerate(table):
        for point, target in zip(POINTS, row, strict=True):
            valuation = frozenset(name for name, value in zip(ORDER, point, strict=True) if value)
            expected = None if target == REJECTED else target
            assert dfa.step(state, valuation) == twin.step(state, valuation) == expected
            assert [t for letter, t in decisions[state] if letter.matches(valuation)] == [expected] * (target >= 0)
        assert set(decisions.successors(state)) == set(row) - {REJECTED}
        assert dfa.successors(state) == twin.successors(state)
        assert dfa.complete(state) == twin.complete(state) == (REJECTED not in row)
    assert dfa.live == twin.live


@quick
@given(rows, rows)
def test_equal_transitions_are_equal_values(one: list[list[int]], two: list[list[int]]) -> None:
    assert (edges(one) == edges(two)) == (one == two)
    assert pickle.loads(pickle.dumps(edges(one))) == edges(one)
    assert hash(edges(one)) == hash(edges(one))


def test_edges_read_like_a_tuple() -> None:
    decisions = edges([[0, 1] * 4, [REJECTED] * 8])
    assert decisions[0] == ((Letter(frozenset(), frozenset("z")), 0), (Letter(frozenset("z")), 1))
    assert decisions[-1] == ()
    assert decisions[:1] == (decisions[0],)
    assert list(decisions) == [decisions[0], decisions[1]]
    with pytest.raises(IndexError):
        decisions[2]
