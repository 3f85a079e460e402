"""Which texts llguidance takes for a constraint, found by walking a tree of texts byte by byte along its masks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import Constraint
from agentspec.decoding.lower.llguidance import lower
from agentspec.decoding.matcher import Matcher
from agentspec.guard.segment import Alternative, Node, Segment
from tests.decoding.bytes import factory

LETTER = Letter(frozenset({"a"}), frozenset(), "a", Owner.MODEL)
ONE = Segment((Node((Alternative(LETTER, None, 0),), False, False),))


def texts_of(constraint: Constraint, texts: Iterable[str]) -> set[str]:
    """The texts that are whole texts of the lowered constraint; a byte is taken where the mask allows it."""
    tree: dict[int, Any] = {}
    for text in texts:
        place = tree
        for byte in text.encode():
            place = place.setdefault(byte, {})
        place[-1] = text
    matcher = factory().matcher(lower(ONE, lambda _: constraint))
    found: set[str] = set()
    _walk(matcher, tree, found)
    return found


def _walk(matcher: Matcher, tree: dict[int, Any], found: set[str]) -> None:
    if -1 in tree and matcher.is_accepting:
        found.add(tree[-1])
    if matcher.finished:
        return
    allowed = matcher.mask()
    for byte, below in tree.items():
        if byte >= 0 and allowed[byte]:
            matcher.consume([byte])
            _walk(matcher, below, found)
            matcher.rollback(1)
