"""Decision diagrams against plain dictionaries over all valuations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import add, mul, sub

from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.diagram import Diagrams
from tests.automata.languages import Valuation, valuations

ORDER = ("x", "y", "z")
ALL = valuations(ORDER)
quick = settings(deadline=None, max_examples=100)

Table = dict[Valuation, int]
tables = st.lists(st.integers(0, 3), min_size=len(ALL), max_size=len(ALL)).map(
    lambda values: dict(zip(ALL, values, strict=True))
)


def built(diagrams: Diagrams[int], table: Mapping[Valuation, int], rest: tuple[str, ...] = ORDER) -> int:
    """The diagram of a dictionary, by Shannon expansion."""
    if not rest:
        return diagrams.leaf(next(iter(table.values())))
    name, *later = rest
    low = {valuation: value for valuation, value in table.items() if name not in valuation}
    high = {valuation: value for valuation, value in table.items() if name in valuation}
    return diagrams.branch(name, built(diagrams, low, tuple(later)), built(diagrams, high, tuple(later)))


def read(diagrams: Diagrams[int], node: int) -> Table:
    """The dictionary of a diagram, by its cubes; they are disjoint and cover everything."""
    table: Table = {}
    for cube, value in diagrams.cubes(node):
        assert set(cube) <= set(ORDER)
        for valuation in ALL:
            if all((name in valuation) == truth for name, truth in cube.items()):
                assert valuation not in table, "cubes overlap"
                table[valuation] = value
    assert set(table) == set(ALL), "cubes leave a gap"
    return table


@quick
@given(tables)
def test_cubes_give_the_function_back(table: Table) -> None:
    diagrams: Diagrams[int] = Diagrams(ORDER)
    assert read(diagrams, built(diagrams, table)) == table


@quick
@given(tables, tables)
def test_equal_functions_are_equal_nodes(one: Table, two: Table) -> None:
    diagrams: Diagrams[int] = Diagrams(ORDER)
    assert (built(diagrams, one) == built(diagrams, two)) == (one == two)
    assert built(diagrams, one) == built(diagrams, one)


@quick
@given(tables, tables, st.sampled_from([add, mul, sub, max]))
def test_combine_is_pointwise(one: Table, two: Table, operation: Callable[[int, int], int]) -> None:
    diagrams: Diagrams[int] = Diagrams(ORDER)
    memo: dict[tuple[int, int], int] = {}
    left, right = built(diagrams, one), built(diagrams, two)
    node = diagrams.combine(operation, left, right, memo)
    expected = {valuation: operation(one[valuation], two[valuation]) for valuation in ALL}
    assert read(diagrams, node) == expected
    assert node == built(diagrams, expected)
    assert diagrams.combine(operation, left, right, memo) == node


@quick
@given(tables, st.lists(st.sampled_from("pqr"), min_size=4, max_size=4))
def test_rename_maps_every_value(table: Table, names: list[str]) -> None:
    diagrams: Diagrams[int] = Diagrams(ORDER)
    into: Diagrams[str] = Diagrams(ORDER)
    node = diagrams.rename(names.__getitem__, into, built(diagrams, table), {})
    assert read(into, node) == {valuation: names[value] for valuation, value in table.items()}


@quick
@given(tables)
def test_leaves_are_the_values_taken(table: Table) -> None:
    diagrams: Diagrams[int] = Diagrams(ORDER)
    found = diagrams.leaves(built(diagrams, table))
    assert set(found) == set(table.values())
    assert len(found) == len(set(found))


def test_a_needless_branch_is_left_out() -> None:
    diagrams: Diagrams[str] = Diagrams(("x",))
    leaf = diagrams.leaf("v")
    assert diagrams.branch("x", leaf, leaf) == leaf
    assert diagrams.value(leaf) == "v"
    assert list(diagrams.cubes(leaf)) == [({}, "v")]
