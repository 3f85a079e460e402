"""Slow, obvious twins and laws for automata: written from the definitions, they know nothing of the code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, combinations, product

from agentspec.automata.dfa import Dfa

Valuation = frozenset[str]
Word = tuple[Valuation, ...]


def valuations(propositions: Sequence[str]) -> list[Valuation]:
    """Every set of propositions."""
    subsets = (combinations(propositions, size) for size in range(len(propositions) + 1))
    return [frozenset(subset) for subset in chain.from_iterable(subsets)]


def words_up_to(letters: Sequence[Valuation], length: int) -> Iterator[Word]:
    """Every word of at most ``length`` letters, the empty one first."""
    for size in range(length + 1):
        yield from product(letters, repeat=size)


def residuals(accepts: Callable[[Word], bool], letters: Sequence[Valuation], depth: int) -> int:
    """How many different non-empty residuals a language has, told apart by all words of at most ``depth`` letters.

    Myhill and Nerode: the states of the minimal automaton without its dead state (at least one: the initial one).
    """
    suffixes = list(words_up_to(letters, depth))

    def row(prefix: Word) -> tuple[bool, ...]:
        return tuple(accepts(prefix + suffix) for suffix in suffixes)

    rows = {row(()): ()}
    queue: list[Word] = [()]
    for prefix in queue:
        for letter in letters:
            longer = (*prefix, letter)
            here = row(longer)
            if any(here) and here not in rows:
                rows[here] = longer
                queue.append(longer)
    return len(rows)


def successors(dfa: Dfa, state: int, valuation: Collection[str]) -> list[int]:
    """The targets of all edges whose cube holds the valuation."""
    return [
        target
        for letter, target in dfa.edges[state]
        if letter.true <= frozenset(valuation) and not letter.false & frozenset(valuation)
    ]


def assert_well_formed(dfa: Dfa, letters: Sequence[Valuation]) -> None:
    """Numbers are those of states, labels are cubes over the propositions, edges of one state are disjoint."""
    states = range(len(dfa.edges))
    assert dfa.initial in states
    assert dfa.accepting <= set(states)
    for state in states:
        for letter, target in dfa.edges[state]:
            assert target in states
            assert not letter.true & letter.false
            assert letter.true | letter.false <= set(dfa.propositions)
        for valuation in letters:
            assert len(successors(dfa, state, valuation)) <= 1, (state, valuation)


def assert_minimal(dfa: Dfa, letters: Sequence[Valuation]) -> None:
    """All states are reachable, all but an initial one live, and every two told apart by some word.

    States are distinguished by all words of 0, 1, 2, ... letters, as many as there are states; -1 is the dead state.
    """
    states = range(len(dfa.edges))
    follow = {(state, letter): next(iter(successors(dfa, state, letter)), -1) for state in states for letter in letters}
    reached = {dfa.initial}
    stack = [dfa.initial]
    while stack:
        state = stack.pop()
        for letter in letters:
            target = follow[state, letter]
            if target not in reached and target != -1:
                reached.add(target)
                stack.append(target)
    assert reached == set(states)
    told: dict[int, object] = {state: state in dfa.accepting for state in (-1, *states)}
    for _ in range(len(dfa.edges) + 1):
        finer = {
            state: (told[state], *(told[-1 if state == -1 else follow[state, letter]] for letter in letters))
            for state in told
        }
        numbers: dict[object, int] = {}
        told = {state: numbers.setdefault(signature, len(numbers)) for state, signature in finer.items()}
    dead = [state for state in states if told[state] == told[-1]]
    assert dead in ([], [dfa.initial])
    assert len(set(told.values())) == len(dfa.edges) + (0 if dead else 1)


def run(dfa: Dfa, word: Word) -> bool:
    """Acceptance by hand, edge by edge."""
    state = dfa.initial
    for valuation in word:
        targets = successors(dfa, state, valuation)
        if not targets:
            return False
        state = targets[0]
    return state in dfa.accepting
