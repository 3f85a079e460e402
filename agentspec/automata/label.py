"""What stands at the arrows of a picture: the letters that lead from one state to another, put together.

A label names a step and the ways in which it may hold there, compared with all ways in which the automaton knows it to
hold: a step without ways holds in any of them. Tools that make no difference are counted, and where the valuations of
a formula are all spoken for, the longest label is ``else``.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter, Owner

K = TypeVar("K", bound=Hashable)
Valuation = frozenset[str]

NAMED = 4
"""So many tools are named side by side; more are counted."""

_ABOUT_TOOL = re.compile(r"(chosen|call|ok|failed)\((.+)\)", re.DOTALL)


@dataclass(frozen=True)
class Label:
    """One step with the ways it may hold (none: any), or, without a step, a cube of a formula.

    ``marks`` are the acceptance marks of the transition; ``then`` are steps that follow with nothing between to choose.
    ``plain`` says that the step alone, without its ways, would say the same.
    """

    step: str | None
    ways: tuple[str, ...] = ()
    owner: Owner | None = None
    marks: tuple[int, ...] = ()
    then: tuple[Label, ...] = ()
    plain: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        own = ": ".join(part for part in (self.step or "", ", ".join(self.ways)) if part)
        marked = f"{own} {{{' '.join(map(str, self.marks))}}}" if self.marks else own
        return ", then ".join([marked, *map(str, self.then)])

    def followed(self, after: Label) -> Label:
        """This label, then ``after``, of which no more is said than is needed."""
        short = replace(after, ways=() if after.plain else after.ways, marks=(), then=())
        marks = tuple(sorted({*self.marks, *after.marks}))
        return replace(self, marks=marks, then=(*self.then, short, *after.then))


def visible(text: str) -> str:
    """One line of text with control characters, line breaks among them, written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def labels(dfa: Dfa, state: int) -> dict[int, tuple[Label, ...]]:
    """The targets of a state, in order, each with the labels that lead there; together they say exactly its letters."""
    return Labelling(letter for edges in dfa.edges for letter, _ in edges).grouped(dfa.edges[state])


class Labelling:
    """Labels for the moves of one automaton, of which ``letters`` are all there are."""

    def __init__(self, letters: Iterable[Letter]) -> None:
        self._known: dict[tuple[str | None, Owner | None], dict[tuple[Valuation, str | None], None]] = {}
        for letter in letters:
            if letter.step is not None:
                found = self._known.setdefault((letter.step, letter.owner), {})
                found[letter.true - {letter.step}, letter.tool] = None

    def grouped(self, moves: Sequence[tuple[Letter, K]]) -> dict[K, tuple[Label, ...]]:
        """The different keys of the moves of a state, in order, each with labels for its letters."""
        by_key: dict[K, list[Letter]] = {}
        for letter, key in moves:
            by_key.setdefault(key, []).append(letter)
        ordered = sorted(by_key.items(), key=lambda item: item[0])  # type: ignore[arg-type,return-value]  # keys have an order
        found = {key: self._labels(letters) for key, letters in ordered}
        longest = max(found, key=lambda key: len(", ".join(map(str, found[key]))), default=None)
        if longest is not None and len(found) > 1 and len(found[longest]) > 1 and _total([a for a, _ in moves]):
            found[longest] = (Label(None, ("else",)),)
        return found

    def _labels(self, letters: list[Letter]) -> tuple[Label, ...]:
        if any(letter.step is None for letter in letters):
            return tuple(Label(None, (str(cube),)) for cube in _joined(letters))
        by_step: dict[tuple[str, Owner | None], list[Letter]] = {}
        for letter in letters:
            by_step.setdefault((str(letter.step), letter.owner), []).append(letter)
        return tuple(self._label(step, owner, together) for (step, owner), together in by_step.items())

    def _label(self, step: str, owner: Owner | None, together: list[Letter]) -> Label:
        tools = {letter.tool for letter in together}
        here = dict.fromkeys((letter.true - {step}, letter.tool) for letter in together)
        rest = [
            true
            for true, tool in self._known[step, owner]
            if (true, tool) not in here and (tool in tools or f"chosen({tool})" in true)
        ]
        valuations = list(dict.fromkeys(true for true, _ in here))
        rest = [true for true in dict.fromkeys(rest) if true not in valuations]
        ways = _ways(valuations, rest)
        if len(tools) > 1:
            by_tool = {tool: list(dict.fromkeys(true for true, its in here if its == tool)) for tool in tools}
            grouped = _by_tools({str(tool): _ways(its, rest) for tool, its in by_tool.items()})
            if sum(map(len, grouped)) < sum(map(len, ways)):
                ways = grouped
        return Label(step, ways, owner, plain=not rest)


def _total(letters: list[Letter]) -> bool:
    """Whether cubes that exclude each other hold every valuation between them."""
    if any(letter.step is not None for letter in letters):
        return False
    exclusive = all(
        one.true & other.false or one.false & other.true for i, one in enumerate(letters) for other in letters[:i]
    )
    width = len(frozenset[str]().union(*[letter.true | letter.false for letter in letters]))
    return exclusive and sum(1 << (width - len(a.true | a.false)) for a in letters) == 1 << width


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


def _ways(together: list[Valuation], rest: list[Valuation]) -> tuple[str, ...]:
    """Conjunctions that hold at all of ``together`` and at none of ``rest``.

    Each begins as one valuation and takes in others while what they have in common still excludes all the rest;
    what is false is named only where it is needed to exclude.
    """
    names = frozenset[str]().union(*together, *rest)
    ways = []
    covered: set[Valuation] = set()
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


def _excluding(common: Valuation, absent: Valuation, rest: list[Valuation]) -> bool:
    return not any(common <= true and not absent & true for true in rest)


def _said(common: Valuation, absent: Valuation, rest: list[Valuation]) -> str:
    for name in sorted(absent, reverse=True):
        if _excluding(common, absent - {name}, rest):
            absent -= {name}
    return " & ".join([*sorted(common), *(f"!{name}" for name in sorted(absent))])


def _by_tools(ways: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The ways of several tools, those that differ in nothing but the tool said once."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for tool, own in sorted(ways.items()):
        alike.setdefault(tuple(_filled(way, tool, "\0") for way in own), []).append(tool)
    said = []
    for patterns, tools in alike.items():
        said += [pattern.replace("\0", _tools(tools)) for pattern in patterns]
    return tuple(said)


def joined_by_tool(leading: Sequence[Label]) -> tuple[Label, ...]:
    """The labels of one arrow, those that differ only in the tool chosen, called or answering put together."""
    alike: dict[Hashable, list[Label]] = {}
    for label in leading:
        found = _ABOUT_TOOL.fullmatch(label.ways[0]) if len(label.ways) == 1 else None
        kind = found[1] if found and not found[2].startswith("any of ") else label.ways
        alike.setdefault((label.step, label.owner, label.marks, label.then, kind), []).append(label)
    joined = []
    for own in alike.values():
        if len(own) > 1 and (found := _ABOUT_TOOL.fullmatch(own[0].ways[0])):
            tools = [tool for label in own for tool in label.ways[0][len(found[1]) + 1 : -1].split(" | ")]
            joined.append(replace(own[0], ways=(f"{found[1]}({_tools(sorted(tools))})",)))
        else:
            joined += dict.fromkeys(own)
    return tuple(joined)


def _tools(names: list[str]) -> str:
    return " | ".join(names) if len(names) <= NAMED else f"any of {len(names)}"


def _filled(way: str, tool: str, shown: str) -> str:
    parts = []
    for part in way.split(" & "):
        found = _ABOUT_TOOL.fullmatch(part)
        parts.append(f"{found[1]}({shown})" if found and found[2] == tool else part)
    return " & ".join(parts)
