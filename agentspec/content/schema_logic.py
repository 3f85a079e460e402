"""What a JSON Schema asks of values of one kind, as alternatives of plain keywords: the logic is taken out.

A `Goal` is a schema that is to hold or not. `Logic.ways` takes goals apart as tableaux do (Smullyan 1968): references,
``allOf``, ``anyOf``, ``oneOf``, ``not``, ``if``, ``dependentSchemas`` and so on become a disjunction of ways, each a
conjunction of `Leaf` s. Keywords for other kinds hold by themselves, as the standard has it, so taking one kind at a
time keeps the ways few.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentspec import limits
from agentspec.content.json_text import kind_of
from agentspec.content.numbers import decimal_of
from agentspec.content.schema_containers import Lists, Records
from agentspec.content.schema_document import Document, escaped
from agentspec.content.schema_goal import FALSE, TRUE, Goal, Leaf, Ways, is_consistent
from agentspec.content.schema_settings import Unenforced
from agentspec.errors import TooLarge

_OF = {
    keyword: kind
    for kind, keywords in {
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        "string": ("minLength", "maxLength", "pattern", "format"),
        "array": ("minItems", "maxItems", "uniqueItems", "prefixItems", "items", "contains", "unevaluatedItems"),
        "object": (
            "minProperties", "maxProperties", "propertyNames", "properties", "required", "dependentRequired",
            "dependentSchemas", "dependencies", "additionalProperties", "patternProperties", "unevaluatedProperties",
        ),
    }.items()
    for keyword in keywords
}  # fmt: skip
"""The kind that a keyword is for; for others it holds."""


class Logic:
    """Goals to ways. ``loose``: where something is left out, the ways are too many, never too few."""

    def __init__(self, document: Document, depth: int, impossible: Callable[[list[Goal], str], bool]) -> None:
        self.document = document
        self.depth = depth
        self.loose = False
        self.unenforced: dict[str, Unenforced] = {}
        self.exhausted: list[str] = []
        self._impossible = impossible
        self._checked: dict[int, Any] = {}
        self._made: dict[tuple[Any, ...], Any] = {}
        self._unknown: set[tuple[int, str]] = set()
        self.open: list[tuple[int, bool]] = []
        self._work = 0
        self._began = time.perf_counter()
        lists, records = Lists(self), Records(self)
        self._connectives: dict[str, Callable[[Goal, Any, str], Ways]] = {
            "type": self._type,
            "const": self._const,
            "enum": self._enum,
            "$ref": self._ref,
            "allOf": self._all_of,
            "anyOf": self._any_of,
            "oneOf": self._one_of,
            "not": self._not,
            "if": self._if,
        }
        self._containers: dict[str, Callable[[Goal, Any], Ways]] = {
            "prefixItems": lists.prefix_items,
            "items": lists.items,
            "contains": lists.contains,
            "properties": records.properties,
            "required": lambda goal, value: self.truth(goal, True) if value is True else records.required(goal, value),
            "dependentRequired": lambda goal, value: records.dependent(goal, "dependentRequired", value),
            "dependentSchemas": lambda goal, value: records.dependent(goal, "dependentSchemas", value),
            "dependencies": lambda goal, value: records.dependent(goal, "dependencies", value),
            "additionalProperties": lambda goal, _: records.others(goal, "additionalProperties"),
            "patternProperties": lambda goal, _: records.others(goal, "patternProperties"),
        }  # fmt: skip

    def report(self, pointer: str, problem: str) -> None:
        """Note a keyword that is not enforced."""
        if not self.loose:
            self.unenforced.setdefault(pointer, Unenforced(pointer, problem))

    def ways(self, goals: Iterable[Goal], kind: str) -> Ways:
        """The ways in which values of a kind satisfy all goals."""
        found, pointer = TRUE, "#"
        for goal in goals:
            pointer = goal.pointer
            found = self.both(found, self.goal(goal, kind), pointer)
        return found

    def made(self, key: tuple[Any, ...], schema: Any) -> Any:
        """A schema of our own making, the same one each time."""
        return self._made.setdefault(key, schema)

    # Connectives ----------------------------------------------------------------------------------------------------

    def both(self, one: Ways, other: Ways, pointer: str) -> Ways:
        """The ways in which both are. Raises TooLarge."""
        if one == TRUE or other == FALSE:
            return other
        if other == TRUE or one == FALSE:
            return one
        if len(one) * len(other) > limits.SCHEMA_WAYS:
            raise TooLarge(
                f"{self.document.what}: {pointer}: more than {limits.SCHEMA_WAYS} ways to satisfy this together with "
                "what else is asked; write fewer alternatives"
            )
        found = [(*a, *b) for a in one for b in other]
        self.spend(sum(map(len, found)), pointer)
        return [way for way in found if is_consistent(way)]

    def spend(self, work: int, pointer: str) -> None:
        """Raises TooLarge where the whole has become too much."""
        self._work += work
        if self._work > limits.SCHEMA_WORK or time.perf_counter() - self._began > limits.SCHEMA_SECONDS:
            raise TooLarge(f"{self.document.what}: {pointer}: the schema takes too much work here; make it smaller")

    def all(self, parts: Iterable[Ways], pointer: str) -> Ways:
        """The ways in which all parts are satisfied."""
        found = TRUE
        for part in parts:
            found = self.both(found, part, pointer)
            if found == FALSE:
                break
        return found

    def any(self, parts: Iterable[Ways], pointer: str) -> Ways:
        """The ways in which any part is."""
        found: Ways = []
        for part in parts:
            if part == TRUE:
                return TRUE
            found += part
            self.spend(len(part), pointer)
        return found

    # Schemas --------------------------------------------------------------------------------------------------------

    def goal(self, goal: Goal, kind: str) -> Ways:
        """The ways in which values of a kind satisfy one goal."""
        schema = goal.schema
        if id(schema) not in self._checked:
            self._checked[id(schema)] = schema
            for keyword in self.document.check(schema, goal.pointer):
                self._unknown.add((id(schema), keyword))
                self.report(f"{goal.pointer}/{escaped(keyword)}", f"the keyword '{keyword}' cannot be enforced here")
        if isinstance(schema, bool):
            return TRUE if schema == goal.holds else FALSE
        if (id(schema), goal.holds) in self.open:
            raise self.document.refuse(goal.pointer, "the schema refers to itself for one and the same value")
        self.open.append((id(schema), goal.holds))
        try:
            parts = (self._keyword(keyword, goal, kind) for keyword in self._keywords(schema))
            return (self.all if goal.holds else self.any)(parts, goal.pointer)
        finally:
            self.open.pop()

    def _keywords(self, schema: Mapping[str, Any]) -> list[str]:
        if self.document.draft < 8 and "$ref" in schema:
            return ["$ref"]
        cheap = sorted(schema, key=lambda keyword: keyword in ("anyOf", "oneOf", "not", "if", "dependentSchemas"))
        return [keyword for keyword in cheap if isinstance(keyword, str)]

    def _keyword(self, keyword: str, goal: Goal, kind: str) -> Ways:
        value = goal.schema[keyword]
        self.spend(1, goal.pointer)
        if keyword in self._connectives:
            return self._connectives[keyword](goal, value, kind)
        if keyword in _OF and _OF[keyword] != kind:
            return self.truth(goal, True)
        if keyword in self._containers:
            return self._containers[keyword](goal, value)
        if keyword in _OF:
            return self._leaf(goal, keyword, value, kind)
        if keyword in ("$dynamicRef", "$recursiveRef"):
            return self.left_out(goal, keyword, "cannot be enforced: write $ref")
        return TRUE if (id(goal.schema), keyword) in self._unknown else self.truth(goal, True)

    def _leaf(self, goal: Goal, keyword: str, value: Any, kind: str) -> Ways:
        if keyword.startswith("unevaluated"):
            return self.left_out(goal, keyword, "cannot be enforced")
        if isinstance(value, bool) and (keyword.startswith("exclusive") or (keyword == "uniqueItems" and not value)):
            return self.truth(goal, True)  # draft 4: an adjective of the other bound; or uniqueItems: false
        if keyword in ("propertyNames", "uniqueItems", "format") and not goal.holds:
            return self.left_out(goal, keyword, "cannot be enforced where it must not hold")
        exclusive = f"exclusive{keyword.capitalize()}"
        if goal.schema.get(exclusive) is True:
            keyword = exclusive
        whole = isinstance(value, float) and kind != "number"
        return [(Leaf(keyword, int(value) if whole else value, goal, goal.holds),)]

    def truth(self, goal: Goal, holds: bool) -> Ways:
        """What a keyword comes to that holds, or does not, whatever the value."""
        return TRUE if holds == goal.holds else FALSE

    def left_out(self, goal: Goal, keyword: str, problem: str) -> Ways:
        """What a keyword comes to that is not enforced."""
        self.report(f"{goal.pointer}/{escaped(keyword)}", f"'{keyword}' {problem}")
        return TRUE

    # Any kind -------------------------------------------------------------------------------------------------------

    def _type(self, goal: Goal, value: Any, kind: str) -> Ways:
        names = [value] if isinstance(value, str) else value
        if kind == "number" and "integer" in names and "number" not in names:
            return [(Leaf("integer", True, goal, goal.holds),)]
        return self.truth(goal, kind in names)

    def _const(self, goal: Goal, value: Any, kind: str) -> Ways:
        return self._values(goal, "const", [value], kind)

    def _enum(self, goal: Goal, value: Any, kind: str) -> Ways:
        return self._values(goal, "enum", value, kind)

    def _values(self, goal: Goal, keyword: str, values: list[Any], kind: str) -> Ways:
        here: list[tuple[int, Any]] = []
        for i, value in enumerate(values):
            if isinstance(value, float) and decimal_of(value) is None:
                raise self.document.refuse(f"{goal.pointer}/{keyword}", f"{value} cannot be written as JSON")
            try:
                here += [(i, value)] if kind_of(value) == kind else []
            except TypeError as problem:
                raise self.document.refuse(
                    f"{goal.pointer}/{keyword}", f"cannot be written as JSON: {problem}"
                ) from None
        if kind in ("array", "object"):
            whole = [goal.to(self._constant(goal, keyword, value), keyword) for _, value in here]
            connect = self.any if goal.holds else self.all
            return connect((self.goal(one, kind) for one in whole), f"{goal.pointer}/{keyword}")
        if not here or kind == "null":
            return self.truth(goal, bool(here))
        return [(Leaf(keyword, tuple(value for _, value in here), goal, goal.holds),)]

    def _constant(self, goal: Goal, keyword: str, value: Any) -> Any:
        """The schema of one list or object."""
        key = ("constant", id(value))
        if key in self._made:
            return self._made[key]
        if isinstance(value, list):
            size = len(value)
            return self.made(
                key,
                {"type": "array", "prefixItems": [{"const": one} for one in value], "minItems": size, "maxItems": size},
            )
        for name in value:
            if not isinstance(name, str):
                raise self.document.refuse(f"{goal.pointer}/{keyword}", f"the name {name!r} is no string")
        properties = {name: {"const": inner} for name, inner in value.items()}
        return self.made(
            key, {"type": "object", "properties": properties, "required": [*value], "additionalProperties": False}
        )

    def _ref(self, goal: Goal, value: str, kind: str) -> Ways:
        pointer = f"{goal.pointer}/$ref"
        target, place = self.document.resolve(goal.schema, value, pointer)
        left = goal.left - self.document.is_recursive(goal.schema, target)
        if left < 0:
            self.exhausted.append(pointer)
            return TRUE if self.loose else FALSE
        return self.goal(Goal(target, place, left, goal.holds), kind)

    def _all_of(self, goal: Goal, value: list[Any], kind: str) -> Ways:
        parts = (self.goal(goal.to(one, f"allOf/{i}"), kind) for i, one in enumerate(value))
        return (self.all if goal.holds else self.any)(parts, f"{goal.pointer}/allOf")

    def _any_of(self, goal: Goal, value: list[Any], kind: str) -> Ways:
        parts = (self.goal(goal.to(one, f"anyOf/{i}"), kind) for i, one in enumerate(value))
        return (self.any if goal.holds else self.all)(parts, f"{goal.pointer}/anyOf")

    def _not(self, goal: Goal, value: Any, kind: str) -> Ways:
        return self.goal(goal.to(value, "not", holds=False), kind)

    def _if(self, goal: Goal, value: Any, kind: str) -> Ways:
        schema, pointer = goal.schema, f"{goal.pointer}/if"
        condition = replace(goal.to(value, "if"), holds=True)
        yes = self.goal(goal.to(schema["then"], "then"), kind) if "then" in schema else self.truth(goal, True)
        no = self.goal(goal.to(schema["else"], "else"), kind) if "else" in schema else self.truth(goal, True)
        if yes == no and yes in (TRUE, FALSE):
            return yes
        first = self.both(self.goal(condition, kind), yes, pointer)
        return self.any([first, self.both(self.goal(condition.against(), kind), no, pointer)], pointer)

    def _one_of(self, goal: Goal, value: list[Any], kind: str) -> Ways:
        pointer = f"{goal.pointer}/oneOf"
        options = [replace(goal.to(one, f"oneOf/{i}"), holds=True) for i, one in enumerate(value)]
        found = [(one, self.goal(one, kind)) for one in options]
        alive = [(one, ways) for one, ways in found if ways != FALSE]
        if not goal.holds:
            pairs = [self.both(a, b, pointer) for i, (_, a) in enumerate(alive) for _, b in alive[:i]]
            none = self.all((self.goal(one.against(), kind) for one, _ in alive), pointer)
            return self.any([none, *pairs], pointer)
        beside = self._beside(goal)
        apart = {
            (i, j): self._impossible([beside, alive[i][0], alive[j][0]], kind)
            for i in range(len(alive)) for j in range(i)
        }  # fmt: skip
        ways: Ways = []
        try:
            for i, (_, here) in enumerate(alive):
                others = [alive[j][0] for j in range(len(alive)) if j != i and not apart[max(i, j), min(i, j)]]
                ways += self.all([here, *(self.goal(one.against(), kind) for one in others)], pointer)
        except TooLarge:
            self.report(pointer, "that only one of them holds takes too many cases; make them exclude each other")
            return self.any((ways for _, ways in alive), pointer)
        return ways

    def _beside(self, goal: Goal) -> Goal:
        """What stands beside a ``oneOf``."""
        rest = {keyword: value for keyword, value in goal.schema.items() if keyword != "oneOf"}
        return replace(goal, schema=self.made(("beside", id(goal.schema)), rest), holds=True)
