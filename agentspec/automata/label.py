"""What stands at the arrows of a picture: the letters that lead from one state to another, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter, Owner


@dataclass(frozen=True)
class Label:
    """One step with the ways it may hold (none: whatever holds beside it), or, without a step, a cube of a formula."""

    step: str | None
    ways: tuple[str, ...] = ()
    owner: Owner | None = None

    def __str__(self) -> str:
        return ": ".join(part for part in (self.step or "", ", ".join(self.ways)) if part)


def visible(text: str) -> str:
    """One line of text with control characters, line breaks among them, written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def labels(dfa: Dfa, state: int) -> dict[int, tuple[Label, ...]]:
    """The targets of a state, in order, each with the labels that lead there; together they say exactly its letters."""
    by_target: dict[int, list[Letter]] = {}
    for letter, target in dfa.edges[state]:
        by_target.setdefault(target, []).append(letter)
    everywhere = [letter for letter, _ in dfa.edges[state]]
    return {target: _labels(letters, everywhere) for target, letters in sorted(by_target.items())}


def _labels(letters: list[Letter], everywhere: list[Letter]) -> tuple[Label, ...]:
    if any(letter.step is None for letter in letters):
        return tuple(Label(None, (str(cube),)) for cube in _joined(letters))
    by_step: dict[tuple[str, Owner | None], list[Letter]] = {}
    for letter in letters:
        by_step.setdefault((str(letter.step), letter.owner), []).append(letter)
    found = []
    for (step, owner), together in by_step.items():
        there = [letter.true - {step} for letter in everywhere if (letter.step, letter.owner) == (step, owner)]
        ways = _ways([letter.true - {step} for letter in together], there)
        found.append(Label(step, ways, owner))
    return tuple(found)


def _joined(cubes: Sequence[Letter]) -> list[Letter]:
    """The same valuations in fewer cubes: two that differ in one sign are one (Quine's merging, greedily)."""
    found = list(cubes)
    at = 0
    while at < len(found):
        one = found[at]
        for other in found[at + 1 :]:
            named = one.true | one.false
            differ = one.true ^ other.true
            if named == other.true | other.false and len(differ) == 1:
                found[at] = Letter(one.true - differ, one.false - differ)
                found.remove(other)
                at = -1
                break
        at += 1
    return found


def _ways(together: list[frozenset[str]], there: list[frozenset[str]]) -> tuple[str, ...]:
    """Conjunctions that hold at exactly ``together`` among the valuations that exist ``there``.

    Each begins as one valuation and takes in others while what they have in common still excludes all the rest;
    what is false is named only where it is needed to exclude.
    """
    rest = [true for true in there if true not in together]
    names = frozenset().union(*there)
    ways = []
    covered: set[frozenset[str]] = set()
    for true in together:
        if true in covered:
            continue
        common, absent = true, names - true
        for other in together:
            if not _excluding(common & other, absent - other, rest):
                continue
            common, absent = common & other, absent - other
        covered |= {other for other in together if common <= other and not absent & other}
        ways.append(_said(common, absent, rest))
    return tuple(way for way in ways if way)


def _excluding(common: frozenset[str], absent: frozenset[str], rest: list[frozenset[str]]) -> bool:
    return not any(common <= true and not absent & true for true in rest)


def _said(common: frozenset[str], absent: frozenset[str], rest: list[frozenset[str]]) -> str:
    for name in sorted(absent, reverse=True):
        if _excluding(common, absent - {name}, rest):
            absent -= {name}
    return " & ".join([*sorted(common), *(f"!{name}" for name in sorted(absent))])
