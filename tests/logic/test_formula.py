"""Formulas as values: equality, hash, immutability, size, traversal."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given

from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
    Constant,
    Eventually,
    Formula,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Until,
    WeakNext,
    atoms,
    looks_back,
    subformulas,
)
from tests.logic.strategies import BINARY, PAST_BINARY, PAST_UNARY, UNARY, formulas, patient

A, B = Atom("a"), Atom("b")
CHAIN = 20_000


def tower(height: int = CHAIN) -> Formula:
    formula: Formula = A
    for _ in range(height):
        formula = Next(formula)
    return formula


def doubled(times: int) -> Formula:
    """A formula of 2**times atoms in as many objects as times."""
    formula: Formula = A
    for _ in range(times):
        formula = Until(formula, formula)
    return formula


def test_equal_structure_is_equal_and_hashes_alike() -> None:
    one = Always(Implies(Atom("a"), And((Atom("b"), Last()))))
    two = Always(Implies(Atom("a"), And((Atom("b"), Last()))))
    assert one is not two
    assert one == two
    assert hash(one) == hash(two)
    assert {one: 1}[two] == 1


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (A, B),
        (Next(A), WeakNext(A)),
        (And((A, B)), Or((A, B))),
        (And((A, B)), And((B, A))),
        (And((A, B)), And((A,))),
        (Until(A, B), Until(B, A)),
        (TRUE, FALSE),
        (Last(), Atom("last")),
        (And((A, And((A, B)))), And((A, A, B))),
    ],
)
def test_different_structure_is_different(one: Formula, two: Formula) -> None:
    assert one != two


def test_every_class_of_node_is_its_own() -> None:
    made = (
        [node(A) for node in UNARY + PAST_UNARY]
        + [node(A, B) for node in BINARY + PAST_BINARY]
        + [And((A, B)), Or((A, B))]
    )
    assert len(set(made)) == len(made)


def test_a_formula_is_no_other_value() -> None:
    assert A != "a"
    assert TRUE != True  # noqa: E712


def test_formulas_cannot_be_changed() -> None:
    for formula, name in ((Not(A), "operand"), (A, "name"), (Last(), "name"), (And((A, B)), "size")):
        with pytest.raises(FrozenInstanceError):
            setattr(formula, name, B)
    with pytest.raises(FrozenInstanceError):
        del A.name


def test_deep_formulas_are_compared_hashed_and_shown_without_recursion() -> None:
    one, two = tower(), tower()
    assert one == two
    assert hash(one) == hash(two)
    assert one != Next(two)
    assert len(subformulas(one)) == CHAIN + 1
    assert one.size == CHAIN + 1
    assert repr(one).startswith("Next(Next(")
    assert len(repr(one)) < 11_000


def test_shared_parts_are_visited_once() -> None:
    one, two = doubled(300), doubled(300)
    assert one == two
    assert len(subformulas(one)) == 301
    assert one.size == 2**301 - 1


def test_repr_is_the_constructor_call() -> None:
    formula = Until(Atom("call(pay)"), And((Constant(True), Or((Last(),)))))
    assert repr(formula) == "Until(Atom('call(pay)'), And((Constant(True), Or((Last(),)))))"


@patient
@given(formulas(past=True))
def test_pickle_and_repr_rebuild_the_formula(formula: Formula) -> None:
    assert pickle.loads(pickle.dumps(formula)) == formula
    names = {
        node.__name__: node for node in (*UNARY, *BINARY, *PAST_UNARY, *PAST_BINARY, And, Or, Atom, Constant, Last)
    }
    assert eval(repr(formula), names) == formula


def test_the_hash_is_rebuilt_in_another_process() -> None:
    made = pickle.dumps(Always(A))
    program = (
        "import pickle, sys; from agentspec.logic.formula import Always, Atom; "
        "f = pickle.loads(sys.stdin.buffer.read()); assert f in {Always(Atom('a'))}"
    )
    for seed in ("1", "2"):
        subprocess.run([sys.executable, "-c", program], input=made, env={"PYTHONHASHSEED": seed}, check=True)


def test_which_formulas_look_back() -> None:
    assert looks_back(Always(Implies(A, Once(B))))
    assert not looks_back(Always(Implies(A, Eventually(B))))


def test_atoms_are_sorted_and_each_once() -> None:
    assert atoms(Until(Atom("z"), And((Atom("call(pay)"), Atom("z"), Eventually(Atom("b")))))) == (
        "b",
        "call(pay)",
        "z",
    )
    assert atoms(Last()) == ()


@patient
@given(formulas())
def test_subformulas_come_after_their_operands(formula: Formula) -> None:
    listed = subformulas(formula)
    assert len(set(listed)) == len(listed)
    assert listed[-1] == formula
    for index, node in enumerate(listed):
        assert all(child in listed[:index] for child in node.children())
