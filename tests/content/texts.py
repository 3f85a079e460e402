"""Constraints drawn at random, and the sets of their texts, listed by definition."""

from __future__ import annotations

from collections.abc import Sequence as Several
from random import Random

from hypothesis import strategies as st

from agentspec.content.constraint import (
    ANY,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Repeat,
    Sequence,
    Substring,
)
from agentspec.content.language import Language


def ranges_of(alphabet: str) -> tuple[tuple[int, int], ...]:
    """The characters as sorted, disjoint ranges, neighbours joined."""
    ranges: list[tuple[int, int]] = []
    for code in sorted({ord(c) for c in alphabet}):
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return tuple(ranges)


def constraints(alphabet: str, leaves: int = 5) -> st.SearchStrategy[Constraint]:
    """Constraint trees over a small alphabet; every node there is, bounds from 0."""
    several = st.text(st.sampled_from(alphabet), min_size=1, max_size=len(alphabet))
    bounds = st.tuples(st.integers(0, 2), st.integers(0, 2))
    leaf = st.one_of(
        st.text(st.sampled_from(alphabet), max_size=3).map(Literal),
        st.builds(lambda chars, b: Characters(ranges_of(chars), b[0], b[0] + b[1]), several, bounds),
    )

    def extend(inner: st.SearchStrategy[Constraint]) -> st.SearchStrategy[Constraint]:
        return st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: Sequence(tuple(parts))),
            st.lists(inner, min_size=1, max_size=3).map(lambda options: Choice(tuple(options))),
            st.builds(lambda body, b: Repeat(body, b[0], b[0] + b[1]), inner, bounds),
        )

    return st.recursive(leaf, extend, max_leaves=leaves)


def joined(sets: Several[frozenset[str]], most: int) -> frozenset[str]:
    """One text of each set, joined, as long as the whole has at most ``most`` characters."""
    found = frozenset({""})
    for one in sets:
        found = frozenset(a + b for a in found for b in one if len(a) + len(b) <= most)
    return found


def texts(constraint: Constraint, most: int) -> frozenset[str]:
    """All texts of the constraint with at most ``most`` characters: the definition, spelled out."""
    match constraint:
        case Literal(text=text):
            return frozenset({text} if len(text) <= most else ())
        case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
            one = frozenset(chr(code) for low, high in ranges for code in range(low, high + 1))
            lengths = range(minimum, min(maximum, most) + 1)
            return frozenset().union(*(joined([one] * length, most) for length in lengths))
        case Sequence(parts=parts):
            return joined([texts(part, most) for part in parts], most)
        case Choice(options=options):
            return frozenset().union(*(texts(option, most) for option in options))
        case Repeat(body=body, minimum=minimum, maximum=maximum):
            one = texts(body, most)
            return frozenset().union(*(joined([one] * count, most) for count in range(minimum, maximum + 1)))
    raise TypeError(constraint)


def sample(constraint: Constraint, drawn: Random) -> str:
    """A text of the constraint; edges of ranges and bounds are drawn often."""
    match constraint:
        case Literal(text=text):
            return text
        case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
            return "".join(_character(ranges, drawn) for _ in range(_count(minimum, maximum, drawn)))
        case Sequence(parts=parts):
            return "".join([sample(part, drawn) for part in parts])
        case Choice(options=options):
            return sample(drawn.choice(options), drawn)
        case Repeat(body=body, minimum=minimum, maximum=maximum):
            return "".join([sample(body, drawn) for _ in range(_count(minimum, maximum, drawn))])
    raise TypeError(constraint)


def _count(minimum: int, maximum: int, drawn: Random) -> int:
    few = min(maximum, minimum + 4)
    return drawn.choice([minimum, maximum, drawn.randint(minimum, few), drawn.randint(minimum, few)])


def _character(ranges: tuple[tuple[int, int], ...], drawn: Random) -> str:
    low, high = drawn.choice(ranges)
    return chr(drawn.choice([low, high, drawn.randint(low, high)]))


def trees(alphabet: str, leaves: int = 6) -> st.SearchStrategy[Constraint]:
    """Constraint trees with every node but quotes: intersections, complements, substrings, repeats without end."""
    several = st.text(st.sampled_from(alphabet), max_size=len(alphabet)).map(ranges_of)
    any_count = st.integers(0, 2)
    bounds = st.tuples(any_count, st.none() | any_count).map(lambda b: (b[0], None if b[1] is None else b[0] + b[1]))
    word = st.text(st.sampled_from(alphabet), max_size=3)
    leaf = st.one_of(
        word.map(Literal),
        st.builds(lambda ranges, b: Characters(ranges, *b), several | st.just(ANY), bounds),
        st.lists(word, max_size=3).map(lambda chunks: Substring(tuple(chunks))),
    )

    def extend(inner: st.SearchStrategy[Constraint]) -> st.SearchStrategy[Constraint]:
        parts = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(
            parts.map(Sequence),
            parts.map(Choice),
            parts.filter(len).map(And),
            inner.map(Not),
            st.builds(lambda body, b: Repeat(body, *b), inner, bounds),
        )

    return st.recursive(leaf, extend, max_leaves=leaves)


def walked(language: Language, drawn: Random, steps: int = 40) -> str:
    """A text of the language: some steps at random, then the shortest way to an end, back from dead ends."""
    states, text = [language.start], ""
    for _ in range(steps):
        ways = list(language.successors(states[-1]))
        if not ways or (language.accepts_at(states[-1]) and drawn.random() < 0.2):
            break
        character, behind = drawn.choice(ways)
        states.append(behind)
        text += character
    while (rest := ending(language, states[-1])) is None:
        states.pop()
        text = text[:-1]
    return text + rest


def ending(language: Language, state: int) -> str | None:
    """A shortest text from a state on, by trying all of them in order of length."""
    reached = {state: ""}
    level = [state]
    while level:
        for one in level:
            if language.accepts_at(one):
                return reached[one]
        behind = [(one, character, target) for one in level for character, target in language.successors(one)]
        level = []
        for one, character, target in behind:
            if target not in reached:
                reached[target] = reached[one] + character
                level.append(target)
    return None
