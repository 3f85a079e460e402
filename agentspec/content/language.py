"""The texts of a constraint as a deterministic automaton over characters, built as far as it is looked at.

States are residual constraints under Brzozowski's derivatives (J. ACM 11(4), 1964), interned and kept in a normal form,
so that equal residuals are mostly one state. A union is distributed over what follows it, as in Antimirov's partial
derivatives (TCS 155, 1996): a residual without intersection and complement has no more members than the constraint has
places. Intersection and complement are ordinary operators here. Characters that no part tells apart are one class; a
state knows its successor per class. Counters stay counters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    ANY,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Ranges,
    Repeat,
    Sequence,
    Substring,
    within,
)
from agentspec.errors import TooLarge

NOTHING, EMPTY, ALL = 0, 1, 2
"""The residuals without a text, with the empty text alone, with every text."""

_KEPT = 100_000
_END = 0x110000
_READABLE = [*map(ord, "axAX019 -._"), *range(0x21, 0x7F)]
_Node = tuple[Any, ...]
_Count = tuple[int, int | None]
_Link = tuple[int, tuple[int, int]]


class Language:
    """States are small integers; ``start`` is the constraint itself, ``NOTHING`` the state without a way out."""

    def __init__(self, constraint: Constraint = Choice(())) -> None:
        self._nodes: list[_Node] = [("or", frozenset()), ("empty",), ("not", NOTHING)]
        self._number: dict[_Node, int] = {node: i for i, node in enumerate(self._nodes)}
        self._nullable: dict[int, bool] = {NOTHING: False, EMPTY: True, ALL: True}
        self._cuts: dict[int, frozenset[int]] = {}
        self._moves: dict[int, tuple[list[int], list[int | None]]] = {}
        self._bounds: dict[int, int] = {}
        self.start = self._built(constraint, {})

    def state_of(self, constraint: Constraint) -> int:
        """The state that is another constraint; what is worked out for one of a language's states serves all."""
        return self._built(constraint, {})

    def step(self, state: int, character: str) -> int:
        """The state after one more character."""
        return self._after(state, ord(character))

    def run(self, text: str, state: int | None = None) -> int:
        """The state after a text, from the start or another state."""
        now = self.start if state is None else state
        for character in text:
            if now in (NOTHING, ALL):
                break
            now = self._after(now, ord(character))
        return now

    def accepts_at(self, state: int) -> bool:
        """Whether the text read so far is one of the constraint's."""
        known = self._nullable.get(state)
        if known is None:
            known = self._nullable[state] = self._is_nullable(state)
        return known

    def accepts(self, text: str) -> bool:
        """Whether the whole text is one of the constraint's; linear in its length, in bounded memory."""
        language, state = self, self.start
        for i in range(0, len(text), 4096):
            state = language.run(text[i : i + 4096], state)
            if len(language._nodes) > _KEPT:
                language, state = language._alone(state)
        return language.accepts_at(state)

    def successors(self, state: int) -> Iterator[tuple[str, int]]:
        """A readable character of each class, with the state behind it; ways into ``NOTHING`` are left out."""
        for low, high, target in self.stretches(state):
            yield readable(low, high), target

    def common(self, state: int, other: Language, their: int) -> Iterator[tuple[str, int, int]]:
        """As `successors`, of two languages at once: only characters that lead both somewhere."""
        for stretch in _stretches(sorted({*self._row(state)[0], *other._row(their)[0]})):
            character = readable(*stretch)
            mine, theirs = self.step(state, character), other.step(their, character)
            if mine != NOTHING and theirs != NOTHING:
                yield character, mine, theirs

    def shortest(self, *, start: int | None = None, limit: int | None = None, what: str = "a constraint") -> str | None:
        """A shortest text (from another state), None where there is none.

        Raises TooLarge, naming ``what``, past ``limit`` states, by default ``limits.LANGUAGE_STATES``.
        """
        most = limits.LANGUAGE_STATES if limit is None else limit
        first = self.start if start is None else start
        if first == NOTHING or self.accepts_at(first):
            return None if first == NOTHING else ""
        came: dict[int, _Link | None] = {first: None}
        queue = deque([first])
        while queue:
            state = queue.popleft()
            for low, high, target in self.stretches(state):
                if target not in came:
                    if len(came) >= most:
                        raise TooLarge(f"{what}: whether it has any text takes more than {most} states to decide")
                    came[target] = (state, (low, high))
                    if self.accepts_at(target):
                        return _spelled(came, target)
                    queue.append(target)
        return None

    def is_empty(self, *, start: int | None = None, limit: int | None = None, what: str = "a constraint") -> bool:
        """Whether there is no text. Raises TooLarge as `shortest`."""
        return self.shortest(start=start, limit=limit, what=what) is None

    # Normal forms ---------------------------------------------------------------------------------------------------

    def _make(self, *node: Any) -> int:
        number = self._number.get(node)
        if number is None:
            number = self._number[node] = len(self._nodes)
            self._nodes.append(node)
        return number

    def _built(self, constraint: Constraint, known: dict[int, int]) -> int:
        if id(constraint) in known:
            return known[id(constraint)]
        match constraint:
            case Literal(text=text):
                made = EMPTY
                for character in reversed(text):
                    made = self._sequence(self._characters(((ord(character), ord(character)),), 1, 1), made)
            case Characters(ranges=ranges, minimum=minimum, maximum=maximum):
                made = self._characters(ranges, minimum, maximum)
            case Sequence(parts=parts):
                made = EMPTY
                for part in reversed(parts):
                    made = self._sequence(self._built(part, known), made)
            case Choice(options=options):
                made = self._union(self._built(option, known) for option in options)
            case And(parts=parts):
                made = self._both(self._built(part, known) for part in parts)
            case Not(body=body):
                made = self._complement(self._built(body, known))
            case Repeat(body=body, minimum=minimum, maximum=maximum):
                made = self._repeat(self._built(body, known), minimum, maximum)
            case Substring(chunks=chunks):
                ends = [0]
                for chunk in chunks:
                    ends.append(ends[-1] + len(chunk))
                made = self._make("sub", "".join(chunks), frozenset(ends), frozenset(ends))
            case _:
                raise TypeError(f"{constraint} has no texts before it is bound")
        known[id(constraint)] = made
        return made

    def _characters(self, ranges: Ranges, minimum: int, maximum: int | None) -> int:
        if maximum == 0 or (not ranges and minimum == 0):
            return EMPTY
        if ranges == ANY and minimum == 0 and maximum is None:
            return ALL
        return self._make("chars", ranges, minimum, maximum) if ranges else NOTHING

    def _sequence(self, first: int, rest: int) -> int:
        if first == NOTHING or rest == NOTHING:
            return NOTHING
        if first == EMPTY or (first == ALL and self._parted(rest)[0] == ALL):
            return rest
        if rest == EMPTY:
            return first
        node = self._nodes[first]
        if node[0] == "or":
            return self._union(self._sequence(option, rest) for option in node[1])
        if node[0] == "chars":
            second, behind = self._parted(rest)
            other = self._nodes[second]
            if other[0] == "chars" and other[1] == node[1]:
                most = None if node[3] is None or other[3] is None else node[3] + other[3]
                return self._sequence(self._characters(node[1], node[2] + other[2], most), behind)
        return self._make("seq", first, rest)

    def _parted(self, number: int) -> tuple[int, int]:
        node = self._nodes[number]
        return (node[1], node[2]) if node[0] == "seq" else (number, EMPTY)

    def _union(self, options: Iterable[int]) -> int:
        flat: set[int] = set()
        for option in options:
            node = self._nodes[option]
            flat |= node[1] if node[0] == "or" else {option}
        if len(flat) > 1:
            flat = self._merged(flat)
        if ALL in flat or any(node[0] == "not" and node[1] in flat for node in map(self._nodes.__getitem__, flat)):
            return ALL
        if EMPTY in flat and any(option != EMPTY and self.accepts_at(option) for option in flat):
            flat.remove(EMPTY)
        return flat.pop() if len(flat) == 1 else self._make("or", frozenset(flat))

    def _merged(self, options: set[int]) -> set[int]:
        """One repetition in place of several that differ in their counts alone and overlap."""
        alike: dict[tuple[Any, ...], list[tuple[_Count, int]]] = {}
        kept: set[int] = set()
        for option in options:
            node, behind = self._nodes[option], []
            while node[0] == "seq":
                behind.append(node[2])
                node = self._nodes[node[1]]
            if node[0] in ("chars", "rep"):
                alike.setdefault((node[0], node[1], *behind), []).append(((node[2], node[3]), option))
            else:
                kept.add(option)
        for (kind, inner, *behind), found in alike.items():
            if len(found) == 1:
                kept.add(found[0][1])
                continue
            repeated = self._characters if kind == "chars" else self._repeat
            for low, high in _joined([count for count, _ in found]):
                made = repeated(inner, low, high)
                for rest in reversed(behind):
                    made = self._sequence(made, rest)
                kept |= self._nodes[made][1] if self._nodes[made][0] == "or" else {made}
        return kept

    def _both(self, parts: Iterable[int]) -> int:
        flat: set[int] = set()
        for part in parts:
            node = self._nodes[part]
            flat |= node[1] if node[0] == "and" else {part}
        flat.discard(ALL)
        if NOTHING in flat or any(node[0] == "not" and node[1] in flat for node in map(self._nodes.__getitem__, flat)):
            return NOTHING
        if EMPTY in flat:
            return EMPTY if all(self.accepts_at(part) for part in flat) else NOTHING
        if not flat:
            return ALL
        return flat.pop() if len(flat) == 1 else self._make("and", frozenset(flat))

    def _complement(self, body: int) -> int:
        node = self._nodes[body]
        return int(node[1]) if node[0] == "not" else self._make("not", body)

    def _repeat(self, body: int, minimum: int, maximum: int | None) -> int:
        if maximum == 0 or body == EMPTY or (body == NOTHING and minimum == 0):
            return EMPTY
        if body in (NOTHING, ALL):
            return body
        node = self._nodes[body]
        if self.accepts_at(body):
            minimum = 0
            if node[0] == "or" and EMPTY in node[1]:
                body = self._union(node[1] - {EMPTY})
                node = self._nodes[body]
        if minimum == maximum == 1:
            return body
        if node[0] in ("chars", "rep"):
            few, many = node[2], node[3]
            touching = few <= 1 if many is None and minimum == 0 else many is None or minimum * (many - few) + 1 >= few
            if touching or minimum == maximum:
                most = None if many is None or maximum is None else many * maximum
                repeated = self._characters if node[0] == "chars" else self._repeat
                return repeated(node[1], few * minimum, most)
        return self._make("rep", body, minimum, maximum)

    def at_least(self, state: int) -> int:
        """No text from a state on takes fewer bytes; without intersections and complements one takes as many."""
        tails = []
        while (bound := self._bounds.get(state)) is None and self._nodes[state][0] == "seq":
            tails.append(state)
            state = self._nodes[state][2]
        if bound is None:
            bound = self._bounds[state] = self._bound(state)
        for tail in reversed(tails):
            bound = self._bounds[tail] = bound + self.at_least(self._nodes[tail][1])
        return bound

    def _bound(self, state: int) -> int:
        if self.accepts_at(state):
            return 0
        match self._nodes[state]:
            case ("chars", ranges, minimum, _):
                return int(minimum) * len(chr(ranges[0][0]).encode())
            case ("rep", body, minimum, _):
                return int(minimum) * self.at_least(body)
            case ("or", options):
                return min(map(self.at_least, options), default=1)
            case ("and", parts):
                return max(map(self.at_least, parts))
        return 1

    # Derivatives ----------------------------------------------------------------------------------------------------

    def _is_nullable(self, state: int) -> bool:
        node = self._nodes[state]
        while node[0] == "seq":
            if not self.accepts_at(node[1]):
                return False
            node = self._nodes[node[2]]
        match node:
            case ("chars" | "rep", _, minimum, _):
                return bool(minimum == 0)
            case ("or", options):
                return any(self.accepts_at(option) for option in options)
            case ("and", parts):
                return all(self.accepts_at(part) for part in parts)
            case ("not", body):
                return not self.accepts_at(body)
            case ("sub", _, ends, places):
                return not ends.isdisjoint(places)
        return node == ("empty",)

    def _after(self, state: int, code: int) -> int:
        cuts, targets = self._moves.get(state) or self._row(state)
        i = bisect_right(cuts, code) - 1
        target = targets[i]
        if target is None:
            target = targets[i] = self._derivative(self._nodes[state], code)
        return target

    def stretches(self, state: int) -> Iterator[tuple[int, int, int]]:
        """Each stretch of code points that leads somewhere: from ``low`` to below ``high``, and the state behind it."""
        for low, high in _stretches(self._row(state)[0]):
            if (target := self._after(state, low)) != NOTHING:
                yield low, high, target

    def _row(self, state: int) -> tuple[list[int], list[int | None]]:
        row = self._moves.get(state)
        if row is None:
            cuts = sorted(self._breaks(state) | {0})
            row = self._moves[state] = (cuts, [None] * len(cuts))
        return row

    def _derivative(self, node: _Node, code: int) -> int:
        ways: list[int] = []
        while node[0] == "seq":
            ways.append(self._sequence(self._after(node[1], code), node[2]))
            if not self.accepts_at(node[1]):
                return self._union(ways)
            node = self._nodes[node[2]]
        match node:
            case ("chars", ranges, minimum, most):
                if within(code, ranges):
                    ways.append(self._characters(ranges, max(minimum - 1, 0), None if most is None else most - 1))
            case ("or", options):
                ways += [self._after(option, code) for option in options]
            case ("and", parts):
                ways.append(self._both(self._after(part, code) for part in parts))
            case ("not", body):
                ways.append(self._complement(self._after(body, code)))
            case ("rep", body, minimum, most):
                rest = self._repeat(body, max(minimum - 1, 0), None if most is None else most - 1)
                ways.append(self._sequence(self._after(body, code), rest))
            case ("sub", text, ends, places):
                behind = frozenset(p + 1 for p in places if p < len(text) and ord(text[p]) == code)
                ways += [self._make("sub", text, ends, behind)] if behind else []
        return self._union(ways)

    def _breaks(self, state: int) -> frozenset[int]:
        """The code points from which on the state's successor may be another."""
        known = self._cuts.get(state)
        if known is None:
            known = self._cuts[state] = frozenset(self._breaks_of(self._nodes[state]))
        return known

    def _breaks_of(self, node: _Node) -> set[int]:
        found: set[int] = set()
        while node[0] == "seq":
            found |= self._breaks(node[1])
            if not self.accepts_at(node[1]):
                return found
            node = self._nodes[node[2]]
        match node:
            case ("chars", ranges, _, _):
                found.update(edge for low, high in ranges for edge in (low, high + 1))
            case ("or" | "and", parts):
                found = found.union(*map(self._breaks, parts))
            case ("not", body) | ("rep", body, _, _):
                found |= self._breaks(body)
            case ("sub", text, _, places):
                codes = {ord(text[p]) for p in places if p < len(text)}
                found.update(edge for code in codes for edge in (code, code + 1))
        return found

    def _alone(self, state: int) -> tuple[Language, int]:
        """A language that knows nothing but this state, and the state there."""
        other = Language()
        number = {NOTHING: NOTHING, EMPTY: EMPTY, ALL: ALL}
        todo = [state]
        while todo:
            node = self._nodes[todo[-1]]
            missing = [part for part in _below(node) if part not in number]
            if missing:
                todo += missing
                continue
            number.setdefault(todo.pop(), other._make(*_renumbered(node, number)))
        return other, number[state]


def matches(constraint: Constraint, text: str) -> bool:
    """Whether the whole text is one of the constraint's."""
    return Language(constraint).accepts(text)


def _below(node: _Node) -> Iterable[int]:
    match node:
        case ("seq", first, rest):
            return (first, rest)
        case ("or" | "and", parts):
            return tuple(parts)
        case ("not", body) | ("rep", body, _, _):
            return (body,)
    return ()


def _renumbered(node: _Node, number: dict[int, int]) -> _Node:
    match node:
        case ("seq", first, rest):
            return ("seq", number[first], number[rest])
        case ("or" | "and" as kind, parts):
            return (kind, frozenset(number[part] for part in parts))
        case ("not", body):
            return ("not", number[body])
        case ("rep", body, minimum, maximum):
            return ("rep", number[body], minimum, maximum)
    return node


def _joined(counts: list[_Count]) -> list[_Count]:
    """Intervals of counts with those that overlap or touch put together."""
    joined: list[_Count] = []
    for low, high in sorted(counts, key=lambda count: count[0]):
        if joined:
            last = joined[-1]
            if last[1] is None or low <= last[1] + 1:
                joined[-1] = (last[0], None if last[1] is None or high is None else max(last[1], high))
                continue
        joined.append((low, high))
    return joined


def _stretches(cuts: list[int]) -> Iterator[tuple[int, int]]:
    """From each cut to the next, surrogates left out at the beginning."""
    for low, high in zip(cuts, [*cuts[1:], _END], strict=True):
        low = 0xE000 if 0xD800 <= low < 0xE000 else low
        if low < high:
            yield low, high


def readable(low: int, high: int) -> str:
    """A readable character of a stretch, where there is one."""
    return chr(next((code for code in _READABLE if low <= code < high), low))


def _spelled(came: dict[int, _Link | None], state: int) -> str:
    found: list[str] = []
    link = came[state]
    while link is not None:
        state, stretch = link
        found.append(readable(*stretch))
        link = came[state]
    return "".join(reversed(found))
