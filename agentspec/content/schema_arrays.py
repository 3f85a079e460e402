"""Lists of a JSON Schema: the leaves of one way together, item by item."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import product

from agentspec import limits
from agentspec.content.constraint import NO_TEXT, Choice, Constraint, Literal, Repeat, Sequence, either
from agentspec.content.json_text import compact
from agentspec.content.numbers import decimal_of
from agentspec.content.schema_goal import Goal, Leaf
from agentspec.content.schema_logic import Logic
from agentspec.content.schema_settings import Bounds
from agentspec.content.schema_shapes import Plain, Texts, Union

_END = Literal("]")


@dataclass(frozen=True, eq=False)
class _Count:
    """From ``first`` on, at least ``low`` and at most ``high`` items satisfy the goal."""

    goal: Goal
    low: int
    high: int | None
    first: int

    @property
    def cap(self) -> int:
        """Counting further makes no difference."""
        return self.low if self.high is None else self.high + 1

    def is_met(self, count: int) -> bool:
        return self.low <= count and (self.high is None or count <= self.high)


class Arrays:
    """Lists; ``union`` lowers the goals of one item."""

    def __init__(
        self, logic: Logic, bounds: Bounds, texts: Texts, union: Callable[[list[Goal], int], Union],
        note: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._logic = logic
        self._bounds = bounds
        self._texts = texts
        self._union = union
        self._note = note

    def array(self, leaves: list[Leaf], depth: int) -> Plain | None:
        """The lists of one way, None where there are none."""
        low, high = 0, None
        for leaf in leaves:
            if leaf.keyword in ("minItems", "maxItems"):
                value = leaf.value + (0 if leaf.holds else 1 if leaf.keyword == "maxItems" else -1)
                if (leaf.keyword == "minItems") == leaf.holds:
                    low = max(low, value)
                else:
                    high = value if high is None else min(high, value)
        if low > limits.SCHEMA_BOUND:
            pointer = self._culprit(leaves, "minItems")
            raise self._logic.document.refuse(pointer, f"lists have at most {limits.SCHEMA_BOUND} items")
        ats = [leaf.value for leaf in leaves if leaf.keyword == "at"]
        rests = [leaf.value for leaf in leaves if leaf.keyword == "rest"]
        counts = [_Count(*leaf.value) for leaf in leaves if leaf.keyword == "contains"]
        fixed = max([0, *(i + 1 for i, _ in ats), *(first for first, _ in rests), *(one.first for one in counts)])
        least = max([low, *(one.low + one.first for one in counts)])
        most = max(self._bounds.max_items, least) if high is None else min(high, limits.SCHEMA_BOUND)

        def goals(i: int) -> list[Goal]:
            return [*(goal for at, goal in ats if at == i), *(goal for first, goal in rests if first <= i)]

        items: list[Union] = []
        for i in range(min(fixed + 1, most)):
            items.append(self._union(goals(i), depth))
            if not items[-1]:
                most = i
                break
        if low > most:
            return self._none(leaves)
        if any(leaf.keyword == "uniqueItems" for leaf in leaves) and most > 1:
            pointer = self._culprit(leaves, "uniqueItems")
            if counts:
                self._logic.report(pointer, "'uniqueItems' cannot be enforced beside 'contains'")
            elif (made := self._unique(items, low, most)) is None:
                self._logic.report(
                    pointer,
                    f"'uniqueItems' can be enforced for items of at most {limits.SCHEMA_UNIQUE} values (enum) only",
                )
            else:
                return Plain("array", made) if made != NO_TEXT else self._none(leaves)
        if counts:
            made = self._counted(counts, goals, fixed, low, most, depth)
            if made is None:
                pointer = self._culprit(leaves, "contains")
                self._logic.report(pointer, "'contains' takes too many cases here; lower maxItems or the counts")
            else:
                return Plain("array", made) if made != NO_TEXT else self._none(leaves)
        return Plain("array", self._plain([self._texts.of(item) for item in items], low, most))

    def _plain(self, items: list[Constraint], low: int, most: int) -> Constraint:
        """``low`` to ``most`` items; the last of ``items`` is for all others, too."""
        if most == 0:
            return Literal("[]")
        comma = Literal(self._bounds.comma)
        rest: Constraint | None = None
        fixed = min(len(items), most)
        if most >= len(items):
            done = len(items) - 1
            rest = Repeat(Sequence((comma, items[-1])), max(low - done, 0), most - done)
            if done == 0:
                more = Repeat(Sequence((comma, items[0])), max(low - 1, 0), most - 1)
                some = Sequence((Literal("["), items[0], more, _END))
                return some if low else Choice((Literal("[]"), some))
            fixed = done
        else:
            rest = Literal("")
        for i in reversed(range(fixed)):
            here = Sequence((items[i], rest)) if i == 0 else Sequence((comma, items[i], rest))
            rest = here if i < low else Choice((Literal(""), here))
        return Sequence((Literal("["), rest, _END))

    def _unique(self, items: list[Union], low: int, most: int) -> Constraint | None:
        """Lists without repeats, None where the items are too many."""
        known: dict[tuple[str, str], str] = {}
        places: list[list[tuple[str, str]]] = []
        for union in items:
            here: list[tuple[str, str]] = []
            for shape in union:
                if not isinstance(shape, Plain) or shape.values is None:
                    return None
                for value in shape.values:
                    exact = decimal_of(value)
                    key = shape.kind, compact(value) if exact is None else str(exact.normalize() if exact else 0)
                    known.setdefault(key, compact(value))
                    here += [key] if key not in here else []
            places.append(here)
        if len(known) > limits.SCHEMA_UNIQUE:
            return None
        comma = self._bounds.comma

        @cache
        def rest(i: int, used: frozenset[tuple[str, str]]) -> Constraint:
            ways: list[Constraint] = [_END] if i >= low else []
            if i < most:
                for key in places[min(i, len(places) - 1)]:
                    if key not in used:
                        behind = rest(i + 1, used | {key})
                        if behind != NO_TEXT:
                            ways.append(Sequence((Literal((comma if i else "") + known[key]), behind)))
            return either(ways)

        behind = rest(0, frozenset())
        return NO_TEXT if behind == NO_TEXT else Sequence((Literal("["), behind))

    def _counted(
        self, counts: list[_Count], goals: Callable[[int], list[Goal]], fixed: int, low: int, most: int, depth: int
    ) -> Constraint | None:
        """Lists in which items are counted, None where that takes too many cases."""
        size = (most + 1) * 3 ** len(counts)
        for one in counts:
            size *= min(one.cap, most) + 1
        if size > limits.SCHEMA_COUNTED or most > limits.SCHEMA_NESTED:
            return None
        comma = Literal(self._bounds.comma)

        @cache
        def item(i: int, said: tuple[bool | None, ...]) -> Constraint:
            asked = [
                one.goal if yes else one.goal.against()
                for one, yes in zip(counts, said, strict=True)
                if yes is not None
            ]
            return self._texts.of(self._union([*goals(i), *asked], depth))

        @cache
        def rest(i: int, seen: tuple[int, ...]) -> Constraint:
            enough = i >= low and all(one.is_met(count) for one, count in zip(counts, seen, strict=True))
            ways: list[Constraint] = [_END] if enough else []
            for said in product(*(self._sayings(one, i) for one in counts)) if i < most else ():
                behind = tuple(
                    min(count + (yes is not False and (one.high is not None or yes is True)), one.cap)
                    if i >= one.first else count
                    for one, count, yes in zip(counts, seen, said, strict=True)
                )  # fmt: skip
                if any(one.high is not None and count > one.high for one, count in zip(counts, behind, strict=True)):
                    continue
                this, then = item(min(i, fixed), said), rest(i + 1, behind)
                if NO_TEXT not in (this, then):
                    ways.append(Sequence((*([comma] if i else []), this, then)))
            return either(ways)

        found = rest(0, tuple(0 for _ in counts))
        return NO_TEXT if found == NO_TEXT else Sequence((Literal("["), found))

    def _sayings(self, one: _Count, i: int) -> tuple[bool | None, ...]:
        """What is to be known of an item: that it counts, that it does not, or nothing.

        Without an upper bound none need be known not to count. Where nothing is known and there is one, it counts.
        """
        if i < one.first:
            return (None,)
        if one.high is None:
            return (True, None)
        return (True, False) if one.low else (False, None)

    def _culprit(self, leaves: list[Leaf], keyword: str) -> str:
        fitting = [leaf for leaf in leaves if leaf.keyword == keyword] or leaves
        return fitting[0].pointer if fitting else "#"

    def _none(self, leaves: list[Leaf]) -> Plain | None:
        pointer = self._culprit(leaves, "minItems")
        self._note(pointer, "no list satisfies this together with the other keywords here")
        return None
