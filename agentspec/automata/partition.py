"""The coarsest partition of states that transitions respect, by splitting with the smaller half.

Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971), for partial transition functions.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def equivalent_states(signatures: Sequence[Hashable], edges: Sequence[Sequence[tuple[Hashable, int]]]) -> list[int]:
    """The class of each state: the fewest classes whose states have equal signatures and equal moves.

    ``edges[q]`` holds ``(label, target)``, each label once at most: states of one class have the same labels and, with
    each, a target of one class. Time is O(m log m) for m transitions.
    """
    number: dict[Hashable, int] = {}
    before: list[list[tuple[int, int]]] = [[] for _ in edges]
    for source, outgoing in enumerate(edges):
        for label, target in outgoing:
            before[target].append((number.setdefault(label, len(number)), source))
    first: dict[Hashable, set[int]] = {}
    for state, signature in enumerate(signatures):
        first.setdefault(signature, set()).add(state)
    blocks = list(first.values())
    block = [0] * len(edges)
    for i, states in enumerate(blocks):
        for state in states:
            block[state] = i
    waiting = dict.fromkeys(range(len(blocks)))
    while waiting:
        splitter, _ = waiting.popitem()
        sources: dict[int, list[int]] = {}
        for state in blocks[splitter]:
            for label_number, source in before[state]:
                sources.setdefault(label_number, []).append(source)
        for hit in sources.values():
            touched: dict[int, set[int]] = {}
            for source in hit:
                touched.setdefault(block[source], set()).add(source)
            for i, inside in touched.items():
                if len(inside) == len(blocks[i]):
                    continue
                blocks[i] -= inside
                smaller = inside
                if len(inside) > len(blocks[i]):
                    smaller, blocks[i] = blocks[i], inside
                for state in smaller:
                    block[state] = len(blocks)
                waiting[len(blocks)] = None
                blocks.append(smaller)
    return block


def coarsest_bisimulation(signatures: Sequence[Hashable], edges: Sequence[Sequence[tuple[Hashable, int]]]) -> list[int]:
    """The same where a label may lead to several targets: states of one class can do what each other can.

    By refinement round for round (Kanellakis & Smolka 1990); quadratic at worst, for automata small enough to look at.
    """

    def numbered(keys: Sequence[Hashable]) -> list[int]:
        numbers: dict[Hashable, int] = {}
        return [numbers.setdefault(key, len(numbers)) for key in keys]

    found = numbered(signatures)
    while True:
        moves = [frozenset((label, found[target]) for label, target in out) for out in edges]
        finer = numbered(list(zip(found, moves, strict=True)))
        if max(finer, default=0) == max(found, default=0):
            return found
        found = finer
