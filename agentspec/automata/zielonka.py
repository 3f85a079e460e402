"""Zielonka trees: the least memory with which an Emerson-Lei condition becomes a parity condition.

The root is labelled with all marks; the children of a node are the largest subsets of its label whose truth is the
opposite (Zielonka 1998; Dziembowski, Jurdzinski & Walukiewicz 1997; that the automaton of the leaves is the smallest
deterministic parity automaton of the condition: Casares, Colcombet & Fijalkow 2021). For a conjunction of Inf marks
the leaves are the states of the round-robin counter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.errors import TooLarge

Marks = frozenset[int]
_Clause = tuple[Marks, Marks]


@dataclass(frozen=True)
class Node:
    """A node of the tree; ``leaf`` is the number of the leaf it is, or of the leftmost leaf below."""

    label: Marks
    priority: int
    parent: int | None
    leaf: int
    children: tuple[int, ...] = ()


@dataclass(frozen=True)
class ZielonkaTree:
    """Nodes are numbered depth first, 0 is the root; ``leaves[i]`` is the node of leaf ``i``. Start at leaf 0.

    A play takes a mark set a step; it fulfils the condition just if the least priority seen for ever is even.
    """

    nodes: tuple[Node, ...]
    leaves: tuple[int, ...]

    def step(self, leaf: int, marks: Marks) -> tuple[int, int]:
        """The next leaf, and the priority, of a step with ``marks``; those the condition does not name are none."""
        marks &= self.nodes[0].label
        here = self.leaves[leaf]
        below = here
        while not marks <= self.nodes[here].label:
            parent = self.nodes[here].parent
            assert parent is not None
            below, here = here, parent
        node = self.nodes[here]
        if not node.children:
            return leaf, node.priority
        after = node.children[(node.children.index(below) + 1) % len(node.children)]
        return self.nodes[after].leaf, node.priority


def zielonka_tree(acceptance: Acceptance) -> ZielonkaTree:
    """The tree over the marks that the condition names. Raises TooLarge past ``limits.ZIELONKA_LEAVES`` leaves."""
    root = frozenset(acceptance.marks())
    clauses = {True: _clauses(acceptance, True), False: _clauses(acceptance, False)}
    nodes: list[Node] = []
    leaves: list[int] = []

    def grow(label: Marks, priority: int, parent: int | None) -> int:
        number, leaf = len(nodes), len(leaves)
        nodes.append(Node(label, priority, parent, leaf))
        below = _largest(label, clauses[priority % 2 == 1])
        if not below:
            if len(leaves) >= limits.ZIELONKA_LEAVES:
                raise TooLarge(
                    f"the conditions of all rules together ({len(root)} marks) need a memory of more than "
                    f"{limits.ZIELONKA_LEAVES} states; use fewer rules about what happens again and again"
                )
            leaves.append(number)
        children = tuple(grow(child, priority + 1, number) for child in below)
        nodes[number] = Node(label, priority, parent, leaf, children)
        return number

    grow(root, 0 if acceptance.accepts(root) else 1, None)
    return ZielonkaTree(tuple(nodes), tuple(leaves))


def _largest(label: Marks, clauses: list[_Clause]) -> list[Marks]:
    """The largest subsets of ``label`` that fulfil some clause."""
    found = {label - never for always, never in clauses if always <= label - never}
    return sorted((s for s in found if not any(s < other for other in found)), key=sorted)


def _clauses(acceptance: Acceptance, wanted: bool) -> list[_Clause]:
    """The condition, or its negation, as a disjunction: marks seen for ever and marks seen finitely often."""
    match acceptance:
        case Inf(mark) | Fin(mark):
            often = isinstance(acceptance, Inf) == wanted
            return [(frozenset({mark}), frozenset()) if often else (frozenset(), frozenset({mark}))]
        case All(parts) | Any(parts):
            below = [_clauses(part, wanted) for part in parts]
            if isinstance(acceptance, Any) == wanted:
                return _absorbed(clause for part in below for clause in part)
            found: list[_Clause] = [(frozenset(), frozenset())]
            for part in below:
                found = _absorbed((a | c, b | d) for (a, b), (c, d) in product(found, part))
                if len(found) > (most := limits.ZIELONKA_CLAUSES):
                    raise TooLarge(f"the conditions of all rules together have more than {most} clauses")
            return found
    raise TypeError(f"no acceptance condition: {acceptance!r}")


def _absorbed(clauses: Iterator[_Clause]) -> list[_Clause]:
    """Without clauses that cannot be fulfilled, and without those that others imply."""
    found = {(always, never) for always, never in clauses if not always & never}
    return [
        (a, n) for a, n in found if not any(x <= a and y <= n for x, y in found if (x, y) != (a, n))
    ]  # fmt: skip
