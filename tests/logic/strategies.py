"""Hypothesis strategies for formulas, words and behaviors, for every room that speaks of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from hypothesis import settings
from hypothesis import strategies as st

from agentspec.logic.behavior import (
    EMPTY,
    NOTHING,
    Behavior,
    Choice,
    Concat,
    Empty,
    Interleave,
    Nothing,
    Repeat,
    Step,
    choice,
    concat,
    interleave,
    repeat,
)
from agentspec.logic.formula import (
    FALSE,
    TRUE,
    Always,
    And,
    Atom,
    Eventually,
    Formula,
    Historically,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
)

UNARY = (Not, Next, WeakNext, Eventually, Always)
BINARY = (Implies, Iff, Xor, Until, WeakUntil, Release, StrongRelease)
PAST_UNARY = (Yesterday, WeakYesterday, Once, Historically)
PAST_BINARY = (Since, WeakSince)

patient = settings(deadline=None, max_examples=100)
"""For properties whose single example may take long on a slow machine."""

Word = tuple[frozenset[str], ...]


Lasso = tuple[Word, Word]
"""A prefix, perhaps empty, and a loop."""


def formulas(
    atoms: Sequence[str] = ("a", "b"), max_leaves: int = 8, *, past: bool = False
) -> st.SearchStrategy[Formula]:
    """Formulas with every node there is, of the past only if ``past``.

    Conjunctions and disjunctions have two or three operands, nested ones too.
    """
    leaves = st.sampled_from([*[Atom(name) for name in atoms], TRUE, FALSE, Last()])
    unary = UNARY + PAST_UNARY if past else UNARY
    binary = BINARY + PAST_BINARY if past else BINARY

    def extend(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        operands = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(
            st.builds(lambda node, operand: node(operand), st.sampled_from(unary), inner),
            st.builds(lambda node, left, right: node(left, right), st.sampled_from(binary), inner, inner),
            st.builds(lambda node, several: node(several), st.sampled_from((And, Or)), operands),
        )

    return st.recursive(leaves, extend, max_leaves=max_leaves)


def words(atoms: Sequence[str] = ("a", "b"), max_size: int = 6) -> st.SearchStrategy[Word]:
    """Non-empty words; a letter is the set of the propositions true at it."""
    letter = st.frozensets(st.sampled_from(list(atoms)))
    return st.lists(letter, min_size=1, max_size=max_size).map(tuple)


def lassos(atoms: Sequence[str] = ("a", "b"), max_prefix: int = 3, max_loop: int = 3) -> st.SearchStrategy[Lasso]:
    """Infinite words: a prefix of at most ``max_prefix`` letters and a loop of one to ``max_loop``."""
    letters = st.frozensets(st.sampled_from(list(atoms)))
    prefixes = st.lists(letters, max_size=max_prefix).map(tuple)
    return st.tuples(prefixes, st.lists(letters, min_size=1, max_size=max_loop).map(tuple))


def all_lassos(atoms: Sequence[str] = ("a", "b"), max_size: int = 3) -> Iterator[Lasso]:
    """Every prefix and loop of at most ``max_size`` letters together, shortest first."""
    for word in all_words(atoms, max_size):
        for split in range(len(word)):
            yield word[:split], word[split:]


def all_words(atoms: Sequence[str] = ("a", "b"), max_size: int = 3) -> Iterator[Word]:
    """Every non-empty word of at most ``max_size`` letters, shortest first."""
    letters = [
        frozenset(name for name, chosen in zip(atoms, valuation, strict=True) if chosen)
        for valuation in product((False, True), repeat=len(atoms))
    ]
    for length in range(1, max_size + 1):
        yield from product(letters, repeat=length)


def raw_behaviors(steps: Sequence[str] = ("a", "b"), max_leaves: int = 6) -> st.SearchStrategy[Behavior]:
    """Behaviors as the classes allow them, not normalised."""
    leaves = st.sampled_from([*[Step(name) for name in steps] * 3, EMPTY, NOTHING])

    def extend(inner: st.SearchStrategy[Behavior]) -> st.SearchStrategy[Behavior]:
        several = st.lists(inner, min_size=0, max_size=3).map(tuple)
        bounds = st.tuples(st.integers(0, 3), st.one_of(st.none(), st.integers(0, 3)))
        return st.one_of(
            several.map(Concat),
            several.map(Choice),
            several.map(Interleave),
            st.builds(lambda body, low_more: repeated(body, *low_more), inner, bounds),
        )

    return st.recursive(leaves, extend, max_leaves=max_leaves)


def repeated(body: Behavior, low: int, more: int | None) -> Repeat:
    """From ``low`` to ``low + more`` times."""
    return Repeat(body, low, None if more is None else low + more)


def normalised(behavior: Behavior) -> Behavior:
    """The same expression rebuilt by the normalising constructors."""
    match behavior:
        case Concat(parts):
            return concat([normalised(part) for part in parts])
        case Choice(options):
            return choice([normalised(option) for option in options])
        case Interleave(parts):
            return interleave([normalised(part) for part in parts])
        case Repeat(body, minimum, maximum):
            return repeat(normalised(body), minimum, maximum)
        case Step() | Empty() | Nothing():
            return behavior
    raise TypeError(behavior)


def behaviors(steps: Sequence[str] = ("a", "b"), max_leaves: int = 6) -> st.SearchStrategy[Behavior]:
    """Normalised behaviors."""
    return raw_behaviors(steps, max_leaves).map(normalised)
