"""Comparing languages of finite words: a shortest word in which two automata differ.

Breadth first over the product of the two, so that the first difference met is a shortest one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter

Pairing = Callable[[Letter], Iterable[Letter]]


def shortest_outside(one: Dfa, other: Dfa, pairs: Pairing | None = None) -> tuple[Letter, ...] | None:
    """A shortest word that ``one`` accepts and ``other`` does not, or None: the language of ``one`` is included.

    Both are over the explicit letters of specs. ``pairs`` gives the letters of ``other`` that may stand for one of
    ``one`` (by default itself); where there are several, the word counts as accepted by ``other`` if some choice is.
    """
    following = [dict(edges) for edges in other.edges]
    live = one.live
    start = (one.initial, frozenset({other.initial}))
    came: dict[tuple[int, frozenset[int]], tuple[tuple[int, frozenset[int]], Letter] | None] = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        state, others = here
        if state in one.accepting and not others & other.accepting:
            word: list[Letter] = []
            link = came[here]
            while link is not None:
                word.append(link[1])
                link = came[link[0]]
            return tuple(reversed(word))
        for letter, target in one.edges[state]:
            if target not in live:
                continue
            alike = (letter,) if pairs is None else tuple(pairs(letter))
            after = frozenset(t for q in others for a in alike if (t := following[q].get(a)) is not None)
            if (target, after) not in came:
                came[target, after] = (here, letter)
                queue.append((target, after))
    return None


def equivalent(one: Dfa, other: Dfa) -> bool:
    """Whether both accept the same words of letters."""
    return shortest_outside(one, other) is None and shortest_outside(other, one) is None
