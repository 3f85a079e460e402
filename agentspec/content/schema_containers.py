"""Keywords for lists and objects as leaves, whether they are to hold or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentspec.content.schema_document import escaped
from agentspec.content.schema_goal import TRUE, Goal, Leaf, Members, Ways

if TYPE_CHECKING:
    from agentspec.content.schema_logic import Logic


class Lists:
    """Keywords for lists; the goals are met with lists only."""

    def __init__(self, logic: Logic) -> None:
        self._logic = logic

    def prefix_items(self, goal: Goal, value: list[Any]) -> Ways:
        """``prefixItems``: each by its index; not so: one of them is there, and fails."""
        return self._at(goal, [goal.to(one, f"prefixItems/{i}") for i, one in enumerate(value)])

    def _at(self, goal: Goal, ats: list[Goal]) -> Ways:
        if goal.holds:
            return [tuple(Leaf("at", (i, one), goal) for i, one in enumerate(ats))]
        return [(Leaf("at", (i, one), goal), Leaf("minItems", i + 1, goal)) for i, one in enumerate(ats)]

    def items(self, goal: Goal, value: Any) -> Ways:
        """``items``, and ``additionalItems`` where older drafts have it."""
        if not isinstance(value, list):
            return self._rest(goal, goal.to(value, "items"), len(goal.schema.get("prefixItems", ())))
        ats = self._at(goal, [goal.to(one, f"items/{i}") for i, one in enumerate(value)])
        if "additionalItems" not in goal.schema:
            return ats
        rest = self._rest(goal, goal.to(goal.schema["additionalItems"], "additionalItems"), len(value))
        return (self._logic.all if goal.holds else self._logic.any)([ats, rest], goal.pointer)

    def _rest(self, goal: Goal, items: Goal, first: int) -> Ways:
        if goal.holds:
            return [(Leaf("rest", (first, items), goal),)]
        return [(Leaf("contains", (items, 1, None, first), goal),)]

    def contains(self, goal: Goal, value: Any) -> Ways:
        """``contains`` with its counts; not so: too few, or too many."""
        low, high = int(goal.schema.get("minContains", 1)), goal.schema.get("maxContains")
        inner = replace(goal.to(value, "contains"), holds=True)
        if goal.holds:
            return [(Leaf("contains", (inner, low, high if high is None else int(high), 0), goal),)]
        few: Ways = [(Leaf("contains", (inner, 0, low - 1, 0), goal),)] if low else []
        return [*few, *([] if high is None else [(Leaf("contains", (inner, int(high) + 1, None, 0), goal),)])]


class Records:
    """Keywords for objects; the goals are met with objects only."""

    def __init__(self, logic: Logic) -> None:
        self._logic = logic

    def properties(self, goal: Goal, value: Mapping[str, Any]) -> Ways:
        """``properties``: each if it is there; not so: one of them is there, and fails."""
        inner = [(name, goal.to(one, f"properties/{escaped(name)}")) for name, one in value.items()]
        if goal.holds:
            return [tuple(Leaf("property", pair, goal) for pair in inner)]
        return [(Leaf("property", pair, goal), Leaf("present", pair[0], goal)) for pair in inner]

    def required(self, goal: Goal, value: Any) -> Ways:
        """``required``: all are there; not so: one is not."""
        if goal.holds:
            return [tuple(Leaf("present", name, goal) for name in value)]
        return [(Leaf("present", name, goal, False),) for name in value]

    def dependent(self, goal: Goal, keyword: str, value: Mapping[str, Any]) -> Ways:
        """``dependentRequired``, ``dependentSchemas`` and the older ``dependencies``."""
        logic, parts = self._logic, list[Ways]()
        for name, asked in value.items():
            if isinstance(asked, list):
                asked = logic.made(("required", id(asked)), {"required": asked})
            then = logic.goal(goal.to(asked, f"{keyword}/{escaped(name)}"), "object")
            if goal.holds:
                parts.append(logic.any([[(Leaf("present", name, goal, False),)], then], goal.pointer))
            else:
                parts.append(logic.both([(Leaf("present", name, goal),)], then, goal.pointer))
        return (logic.all if goal.holds else logic.any)(parts, f"{goal.pointer}/{keyword}")

    def others(self, goal: Goal, keyword: str) -> Ways:
        """``additionalProperties``, and ``patternProperties`` with it or alone."""
        schema, others = goal.schema, goal.schema.get("additionalProperties")
        if not goal.holds:
            if schema[keyword] in (True, {}):
                return self._logic.truth(goal, True)
            return self._logic.left_out(goal, keyword, "cannot be enforced where it must not hold")
        if keyword == "patternProperties" and others is not None:
            return TRUE
        patterns = schema.get("patternProperties", {})
        made = Members(
            frozenset(schema.get("properties", {})),
            tuple((p, goal.to(one, f"patternProperties/{escaped(p)}")) for p, one in patterns.items()),
            None if others is None else goal.to(others, "additionalProperties"),
        )
        return [(Leaf("members", made, goal),)]
