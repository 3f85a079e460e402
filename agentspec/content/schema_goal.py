"""What is asked of a JSON value: goals (schemas that are to hold or not) and leaves (single keywords)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from agentspec.content.json_text import kind_of
from agentspec.content.numbers import decimal_of


@dataclass(frozen=True, eq=False)
class Goal:
    """A schema at a place that is to hold, or not to; ``left``: how often it may still refer back to itself."""

    schema: Any
    pointer: str
    left: int
    holds: bool = True

    @property
    def key(self) -> tuple[int, int, bool]:
        return id(self.schema), self.left, self.holds

    def to(self, schema: Any, step: str, *, holds: bool = True) -> Goal:
        """A goal at a place below; it holds where this one does, unless ``holds`` is False."""
        return Goal(schema, f"{self.pointer}/{step}", self.left, self.holds == holds)

    def against(self) -> Goal:
        return replace(self, holds=not self.holds)


_WRITTEN = {"present": "required", "property": "properties", "at": "prefixItems", "rest": "items", "integer": "type"}
"""As which keywords leaves of our own making stand in the schema."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """One keyword that is to hold, or not to; ``goal`` is where it comes from or, for ``property`` ..., what it asks.

    Beside the standard's own: ``integer``; ``values`` (scalars of the kind); ``present`` (a name); ``property`` (a name
    and a goal, if it is present); ``at`` (an index and a goal, if it is there); ``rest`` (items from an index on);
    ``contains`` (a goal, how many at least and at most, from which index on); ``members`` (a `Members`).
    """

    keyword: str
    value: Any
    goal: Goal
    holds: bool = True

    @property
    def pointer(self) -> str:
        return f"{self.goal.pointer}/{_WRITTEN.get(self.keyword, self.keyword)}"


@dataclass(frozen=True, eq=False)
class Members:
    """What one schema says of members by their names: its own, those that patterns match, and all others (or None)."""

    names: frozenset[str]
    patterns: tuple[tuple[str, Goal], ...]
    others: Goal | None


Way = tuple[Leaf, ...]
Ways = list[Way]
"""A disjunction of conjunctions."""
TRUE: Ways = [()]
FALSE: Ways = []


def is_consistent(way: Way) -> bool:
    """Whether the leaves do not contradict each other plainly: what is there, and which values are left."""
    present: dict[str, bool] = {}
    values: set[Any] | None = None
    for leaf in way:
        if leaf.keyword == "present":
            if present.setdefault(leaf.value, leaf.holds) != leaf.holds:
                return False
        elif leaf.keyword in ("const", "enum") and leaf.holds:
            mine = {decimal_of(value) if kind_of(value) == "number" else value for value in leaf.value}
            values = mine if values is None else values & mine
            if not values:
                return False
    return True
