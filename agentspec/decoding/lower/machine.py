"""A constraint as a minimal automaton over characters, for grammars that know neither intersection nor complement."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from agentspec import limits
from agentspec.automata.partition import equivalent_states
from agentspec.content.constraint import Constraint, Ranges
from agentspec.content.language import NOTHING, Language
from agentspec.errors import TooLarge

_Rows = list[dict[int, Ranges]]


@dataclass(frozen=True, slots=True)
class Machine:
    """A deterministic automaton each of whose states has a text; state 0 is the start, and there is none without texts.

    ``rows[q]`` holds each target of state q with the characters that lead there; missing characters reject.
    """

    rows: tuple[dict[int, Ranges], ...]
    accepting: tuple[bool, ...]


def machine(constraint: Constraint) -> Machine:
    """The minimal automaton of a constraint; states are numbered as a search from the start meets them.

    Raises TooLarge past ``limits.EXPANDED_STATES`` states.
    """
    rows, accepting = _explored(constraint)
    useful = _useful(rows, accepting)
    rows = [{target: cut for target, cut in row.items() if target in useful} for row in rows]
    kind = equivalent_states(accepting, _labelled(rows))
    number = {kind[0]: 0} if 0 in useful else {}
    first = {kind[q]: q for q in reversed(range(len(rows)))}
    found: list[dict[int, Ranges]] = []
    ends: list[bool] = []
    for name in (queue := list(number)):
        row: dict[int, list[tuple[int, int]]] = {}
        for target, cut in rows[first[name]].items():
            if kind[target] not in number:
                number[kind[target]] = len(number)
                queue.append(kind[target])
            row.setdefault(number[kind[target]], []).extend(cut)
        found.append({target: _joined(cut) for target, cut in row.items()})
        ends.append(accepting[first[name]])
    return Machine(tuple(found), tuple(ends))


def _explored(constraint: Constraint) -> tuple[_Rows, list[bool]]:
    """The states of the constraint's language, each with the characters that lead to each of its targets."""
    language = Language(constraint)
    number = {language.start: 0}
    queue = [language.start]
    rows: _Rows = []
    for state in queue:
        row: dict[int, list[tuple[int, int]]] = {}
        for low, high, target in language.stretches(state) if state != NOTHING else ():
            if target not in number:
                if len(number) >= limits.EXPANDED_STATES:
                    raise TooLarge(
                        "written out without intersections, complements and spans it takes more than "
                        f"{limits.EXPANDED_STATES} states; let its text be shorter, or the predicates on it fewer"
                    )
                number[target] = len(number)
                queue.append(target)
            cut = row.setdefault(number[target], [])
            if low < 0xD800 < high:
                cut.append((low, 0xD7FF))
                low = 0xE000
            if low < high:
                cut.append((low, high - 1))
        rows.append({target: _joined(cut) for target, cut in row.items()})
    return rows, [language.accepts_at(state) for state in queue]


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Disjoint ranges, sorted, neighbours put together."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and joined[-1][1] == low - 1:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _useful(rows: _Rows, accepting: list[bool]) -> set[int]:
    """The states from which a text ends."""
    before: list[list[int]] = [[] for _ in rows]
    for source, row in enumerate(rows):
        for target in row:
            before[target].append(source)
    useful = {state for state, ends in enumerate(accepting) if ends}
    queue = list(useful)
    for state in queue:
        queue += (new := set(before[state]) - useful)
        useful |= new
    return useful


def _labelled(rows: _Rows) -> list[list[tuple[Hashable, int]]]:
    """The transitions with classes of characters that no state tells apart."""
    cuts = list({cut for row in rows for cut in row.values()})
    edges = sorted({edge for cut in cuts for low, high in cut for edge in (low, high + 1)})
    place = {edge: i for i, edge in enumerate(edges)}
    within: list[list[int]] = [[] for _ in edges]
    for i, cut in enumerate(cuts):
        for low, high in cut:
            for j in range(place[low], place[high + 1]):
                within[j].append(i)
    classes: dict[Ranges, list[Hashable]] = {cut: [] for cut in cuts}
    for label, shared in enumerate(sorted({tuple(some) for some in within})):
        for i in shared:
            classes[cuts[i]].append(label)
    return [[(label, target) for target, cut in row.items() for label in classes[cut]] for row in rows]
