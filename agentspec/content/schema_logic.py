"""What a JSON Schema asks of values of one kind, as alternatives of plain keywords: the logic is taken out.

A `Goal` is a schema that is to hold or not. `Logic.ways` takes goals apart as tableaux do (Smullyan 1968): references,
``allOf``, ``anyOf``, ``oneOf``, ``not``, ``if``, ``dependentSchemas`` and so on become a disjunction of ways, each a
conjunction of `Leaf` s. Keywords for other kinds hold by themselves, as the standard has it, so taking one kind at a
time keeps the ways few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from agentspec import limits
from agentspec.content.json_text import kind_of
from agentspec.content.numbers import decimal_of
from agentspec.content.schema_document import Document, escaped
from agentspec.content.schema_settings import Unenforced
from agentspec.errors import TooLarge


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
        return f"{self.goal.pointer}/{escaped(self.keyword)}"


@dataclass(frozen=True, eq=False)
class Members:
    """What one schema says of members by their names: its own, those that patterns match, and all others (or None)."""

    names: frozenset[str]
    patterns: tuple[tuple[str, Goal], ...]
    others: Goal | None


Way = tuple[Leaf, ...]
Ways = list[Way]
TRUE: Ways = [()]
FALSE: Ways = []
_LEAVES = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("minItems", "maxItems", "uniqueItems"),
    "object": ("minProperties", "maxProperties", "propertyNames"),
}


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
        self.open: list[tuple[int, int, bool]] = []
        self._work = 0

    def report(self, pointer: str, problem: str) -> None:
        """Note a keyword that is not enforced."""
        if not self.loose:
            self.unenforced.setdefault(pointer, Unenforced(pointer, problem))

    def ways(self, goals: Iterable[Goal], kind: str) -> Ways:
        """The ways in which values of a kind satisfy all goals."""
        found, pointer = TRUE, "#"
        for goal in goals:
            pointer = goal.pointer
            found = self._both(found, self._goal(goal, kind), pointer)
        return found

    def made(self, key: tuple[Any, ...], schema: Any) -> Any:
        """A schema of our own making, the same one each time."""
        return self._made.setdefault(key, schema)

    # Connectives ----------------------------------------------------------------------------------------------------

    def _both(self, one: Ways, other: Ways, pointer: str) -> Ways:
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
        return [way for way in found if _is_consistent(way)]

    def spend(self, work: int, pointer: str) -> None:
        """Raises TooLarge where the whole has become too much."""
        self._work += work
        if self._work > limits.SCHEMA_WORK:
            raise TooLarge(f"{self.document.what}: {pointer}: the schema takes too much work here; make it smaller")

    def _all(self, parts: Iterable[Ways], pointer: str) -> Ways:
        found = TRUE
        for part in parts:
            found = self._both(found, part, pointer)
            if found == FALSE:
                break
        return found

    def _any(self, parts: Iterable[Ways], pointer: str) -> Ways:
        found: Ways = []
        for part in parts:
            if part == TRUE:
                return TRUE
            found += part
            self.spend(len(part), pointer)
        return found

    # Schemas --------------------------------------------------------------------------------------------------------

    def _goal(self, goal: Goal, kind: str) -> Ways:
        schema = goal.schema
        if id(schema) not in self._checked:
            self._checked[id(schema)] = schema
            for keyword in self.document.check(schema, goal.pointer):
                self._unknown.add((id(schema), keyword))
                self.report(f"{goal.pointer}/{escaped(keyword)}", f"the keyword '{keyword}' cannot be enforced here")
        if isinstance(schema, bool):
            return TRUE if schema == goal.holds else FALSE
        if goal.key in self.open:
            raise self.document.refuse(goal.pointer, "the schema refers to itself and asks nothing else")
        self.open.append(goal.key)
        try:
            parts = (self._keyword(keyword, goal, kind) for keyword in self._keywords(schema))
            return (self._all if goal.holds else self._any)(parts, goal.pointer)
        finally:
            self.open.pop()

    def _keywords(self, schema: Mapping[str, Any]) -> list[str]:
        if self.document.draft < 8 and "$ref" in schema:
            return ["$ref"]
        cheap = sorted(schema, key=lambda keyword: keyword in ("anyOf", "oneOf", "not", "if", "dependentSchemas"))
        return [keyword for keyword in cheap if isinstance(keyword, str)]

    def _keyword(self, keyword: str, goal: Goal, kind: str) -> Ways:
        schema, value = goal.schema, goal.schema[keyword]
        self.spend(1, goal.pointer)
        made: Callable[[Goal, Any, str], Ways] | None = getattr(self, f"_on_{keyword.removeprefix('$')}", None)
        if made is not None:
            return made(goal, value, kind)
        if keyword in _LEAVES.get(kind, ()):
            if keyword == "uniqueItems" and value is False:
                return self._truth(goal, True)
            if keyword.startswith("exclusive") and isinstance(value, bool):  # draft 4: an adjective of the other bound
                return self._truth(goal, True)
            exclusive = f"exclusive{keyword.capitalize()}"
            name = exclusive if schema.get(exclusive) is True else keyword
            if keyword in ("propertyNames", "uniqueItems", "format") and not goal.holds:
                return self._left_out(goal, keyword, "cannot be enforced where it must not hold")
            return [
                (Leaf(name, int(value) if isinstance(value, float) and kind != "number" else value, goal, goal.holds),)
            ]
        if keyword in ("unevaluatedItems", "unevaluatedProperties"):
            if kind == ("array" if keyword == "unevaluatedItems" else "object"):
                return self._left_out(goal, keyword, "cannot be enforced")
            return self._truth(goal, True)
        return TRUE if (id(schema), keyword) in self._unknown else self._truth(goal, True)

    def _truth(self, goal: Goal, holds: bool) -> Ways:
        return TRUE if holds == goal.holds else FALSE

    def _left_out(self, goal: Goal, keyword: str, problem: str) -> Ways:
        self.report(f"{goal.pointer}/{escaped(keyword)}", f"'{keyword}' {problem}")
        return TRUE

    # Any kind -------------------------------------------------------------------------------------------------------

    def _on_type(self, goal: Goal, value: Any, kind: str) -> Ways:
        names = [value] if isinstance(value, str) else value
        if kind == "number" and "integer" in names and "number" not in names:
            return [(Leaf("integer", True, goal, goal.holds),)]
        return self._truth(goal, kind in names)

    def _on_const(self, goal: Goal, value: Any, kind: str) -> Ways:
        return self._values(goal, "const", [value], kind)

    def _on_enum(self, goal: Goal, value: Any, kind: str) -> Ways:
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
            connect = self._any if goal.holds else self._all
            return connect((self._goal(one, kind) for one in whole), f"{goal.pointer}/{keyword}")
        if not here or kind == "null":
            return self._truth(goal, bool(here))
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

    def _on_ref(self, goal: Goal, value: str, kind: str) -> Ways:
        return self._refer(goal, "$ref", value, kind)

    def _on_dynamicRef(self, goal: Goal, value: str, kind: str) -> Ways:  # noqa: N802 (the keyword's name)
        return self._left_out(goal, "$dynamicRef", "cannot be enforced: write $ref")

    def _on_recursiveRef(self, goal: Goal, value: str, kind: str) -> Ways:  # noqa: N802
        return self._left_out(goal, "$recursiveRef", "cannot be enforced: write $ref")

    def _refer(self, goal: Goal, keyword: str, value: str, kind: str) -> Ways:
        pointer = f"{goal.pointer}/{keyword}"
        target, place = self.document.resolve(goal.schema, value, pointer)
        left = goal.left - self.document.is_recursive(goal.schema, target)
        if left < 0:
            self.exhausted.append(pointer)
            return TRUE if self.loose else FALSE
        return self._goal(Goal(target, place, left, goal.holds), kind)

    def _on_allOf(self, goal: Goal, value: list[Any], kind: str) -> Ways:  # noqa: N802
        parts = (self._goal(goal.to(one, f"allOf/{i}"), kind) for i, one in enumerate(value))
        return (self._all if goal.holds else self._any)(parts, f"{goal.pointer}/allOf")

    def _on_anyOf(self, goal: Goal, value: list[Any], kind: str) -> Ways:  # noqa: N802
        parts = (self._goal(goal.to(one, f"anyOf/{i}"), kind) for i, one in enumerate(value))
        return (self._any if goal.holds else self._all)(parts, f"{goal.pointer}/anyOf")

    def _on_not(self, goal: Goal, value: Any, kind: str) -> Ways:
        return self._goal(goal.to(value, "not", holds=False), kind)

    def _on_if(self, goal: Goal, value: Any, kind: str) -> Ways:
        schema, pointer = goal.schema, f"{goal.pointer}/if"
        condition = replace(goal.to(value, "if"), holds=True)
        yes = self._goal(goal.to(schema["then"], "then"), kind) if "then" in schema else self._truth(goal, True)
        no = self._goal(goal.to(schema["else"], "else"), kind) if "else" in schema else self._truth(goal, True)
        if yes == no and yes in (TRUE, FALSE):
            return yes
        first = self._both(self._goal(condition, kind), yes, pointer)
        return self._any([first, self._both(self._goal(condition.against(), kind), no, pointer)], pointer)

    def _on_oneOf(self, goal: Goal, value: list[Any], kind: str) -> Ways:  # noqa: N802
        pointer = f"{goal.pointer}/oneOf"
        options = [replace(goal.to(one, f"oneOf/{i}"), holds=True) for i, one in enumerate(value)]
        found = [(one, self._goal(one, kind)) for one in options]
        alive = [(one, ways) for one, ways in found if ways != FALSE]
        if not goal.holds:
            pairs = [self._both(a, b, pointer) for i, (_, a) in enumerate(alive) for _, b in alive[:i]]
            none = self._all((self._goal(one.against(), kind) for one, _ in alive), pointer)
            return self._any([none, *pairs], pointer)
        beside = self._beside(goal)
        apart = {
            (i, j): self._impossible([beside, alive[i][0], alive[j][0]], kind)
            for i in range(len(alive)) for j in range(i)
        }  # fmt: skip
        ways: Ways = []
        try:
            for i, (_, here) in enumerate(alive):
                others = [alive[j][0] for j in range(len(alive)) if j != i and not apart[max(i, j), min(i, j)]]
                ways += self._all([here, *(self._goal(one.against(), kind) for one in others)], pointer)
        except TooLarge:
            self.report(pointer, "that only one of them holds takes too many cases; make them exclude each other")
            return self._any((ways for _, ways in alive), pointer)
        return ways

    def _beside(self, goal: Goal) -> Goal:
        """What stands beside a ``oneOf``."""
        rest = {keyword: value for keyword, value in goal.schema.items() if keyword != "oneOf"}
        return replace(goal, schema=self.made(("beside", id(goal.schema)), rest), holds=True)

    # Arrays ---------------------------------------------------------------------------------------------------------

    def _on_prefixItems(self, goal: Goal, value: list[Any], kind: str) -> Ways:  # noqa: N802
        if kind != "array":
            return self._truth(goal, True)
        ats = [goal.to(one, f"prefixItems/{i}") for i, one in enumerate(value)]
        return self._at(goal, ats)

    def _at(self, goal: Goal, ats: list[Goal]) -> Ways:
        if goal.holds:
            return [tuple(Leaf("at", (i, one), goal) for i, one in enumerate(ats))]
        return [(Leaf("at", (i, one), goal), Leaf("minItems", i + 1, goal)) for i, one in enumerate(ats)]

    def _on_items(self, goal: Goal, value: Any, kind: str) -> Ways:
        if kind != "array":
            return self._truth(goal, True)
        if isinstance(value, list):
            ats = self._at(goal, [goal.to(one, f"items/{i}") for i, one in enumerate(value)])
            if "additionalItems" not in goal.schema:
                return ats
            rest = self._rest(goal, goal.to(goal.schema["additionalItems"], "additionalItems"), len(value))
            return (self._all if goal.holds else self._any)([ats, rest], goal.pointer)
        first = len(goal.schema.get("prefixItems", ()))
        return self._rest(goal, goal.to(value, "items"), first)

    def _rest(self, goal: Goal, items: Goal, first: int) -> Ways:
        if goal.holds:
            return [(Leaf("rest", (first, items), goal),)]
        return [(Leaf("contains", (items, 1, None, first), goal),)]

    def _on_contains(self, goal: Goal, value: Any, kind: str) -> Ways:
        if kind != "array":
            return self._truth(goal, True)
        low, high = int(goal.schema.get("minContains", 1)), goal.schema.get("maxContains")
        inner = replace(goal.to(value, "contains"), holds=True)
        if goal.holds:
            return [(Leaf("contains", (inner, low, high if high is None else int(high), 0), goal),)]
        few: Ways = [(Leaf("contains", (inner, 0, low - 1, 0), goal),)] if low else []
        return [*few, *([] if high is None else [(Leaf("contains", (inner, int(high) + 1, None, 0), goal),)])]

    # Objects --------------------------------------------------------------------------------------------------------

    def _on_properties(self, goal: Goal, value: Mapping[str, Any], kind: str) -> Ways:
        if kind != "object":
            return self._truth(goal, True)
        inner = [(name, goal.to(one, f"properties/{escaped(name)}")) for name, one in value.items()]
        if goal.holds:
            return [tuple(Leaf("property", pair, goal) for pair in inner)]
        return [(Leaf("property", pair, goal), Leaf("present", pair[0], goal)) for pair in inner]

    def _on_required(self, goal: Goal, value: Any, kind: str) -> Ways:
        if kind != "object" or isinstance(value, bool):
            return self._truth(goal, True)
        if goal.holds:
            return [tuple(Leaf("present", name, goal) for name in value)]
        return [(Leaf("present", name, goal, False),) for name in value]

    def _on_dependentRequired(self, goal: Goal, value: Mapping[str, list[str]], kind: str) -> Ways:  # noqa: N802
        return self._dependent(goal, "dependentRequired", value, kind)

    def _on_dependentSchemas(self, goal: Goal, value: Mapping[str, Any], kind: str) -> Ways:  # noqa: N802
        return self._dependent(goal, "dependentSchemas", value, kind)

    def _on_dependencies(self, goal: Goal, value: Mapping[str, Any], kind: str) -> Ways:
        return self._dependent(goal, "dependencies", value, kind) if self.document.draft < 2020 else TRUE

    def _dependent(self, goal: Goal, keyword: str, value: Mapping[str, Any], kind: str) -> Ways:
        if kind != "object":
            return self._truth(goal, True)
        parts: list[Ways] = []
        for name, asked in value.items():
            if isinstance(asked, list):
                asked = self.made(("required", id(asked)), {"required": asked})
            then = self._goal(goal.to(asked, f"{keyword}/{escaped(name)}"), kind)
            here = (Leaf("present", name, goal, goal.holds is False),)
            parts.append(
                self._any([[here], then], goal.pointer) if goal.holds else self._both([here], then, goal.pointer)
            )
        return (self._all if goal.holds else self._any)(parts, f"{goal.pointer}/{keyword}")

    def _on_additionalProperties(self, goal: Goal, value: Any, kind: str) -> Ways:  # noqa: N802
        return self._members(goal, "additionalProperties", kind)

    def _on_patternProperties(self, goal: Goal, value: Any, kind: str) -> Ways:  # noqa: N802
        return (
            TRUE
            if "additionalProperties" in goal.schema and goal.holds
            else self._members(goal, "patternProperties", kind)
        )

    def _members(self, goal: Goal, keyword: str, kind: str) -> Ways:
        schema = goal.schema
        if kind != "object" or (schema[keyword] in (True, {}) and not goal.holds):
            return self._truth(goal, True)
        if not goal.holds:
            return self._left_out(goal, keyword, "cannot be enforced where it must not hold")
        patterns = schema.get("patternProperties", {})
        made = Members(
            frozenset(schema.get("properties", {})),
            tuple((p, goal.to(one, f"patternProperties/{escaped(p)}")) for p, one in patterns.items()),
            goal.to(schema["additionalProperties"], "additionalProperties")
            if keyword == "additionalProperties"
            else None,
        )
        return [(Leaf("members", made, goal),)]


def _is_consistent(way: Way) -> bool:
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
