"""Conditions on arguments, such as ``{amount: {exclusiveMinimum: 100}}``: the texts that satisfy one.

A condition implies presence and kind: every property it names is there, and a keyword holds only for values of its kind
(``minimum`` for numbers, ``pattern`` for strings, ``properties`` for objects), unlike in JSON Schema. All keywords of a
property must hold; ``{}`` asks for presence alone. Values are compared once decoded: numbers as decimals (``1`` is
``1.0``), strings character by character.

What does not satisfy a condition is built from the schema too: one of the named properties is absent or, if the ones
before it hold, has a value beside the condition. So complements stand at single values, where they stay small; a
complement of whole objects is the same set, and more than a matcher can bear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    ANY,
    NO_TEXT,
    And,
    Characters,
    Constraint,
    Literal,
    Not,
    Sequence,
    either,
    encoded,
)
from agentspec.content.json_schema import ESCAPES, Lowering, closed, compact, kind_of
from agentspec.content.language import Language
from agentspec.content.numbers import compared, decimal_of, whole_valued
from agentspec.errors import InvalidInput, TooLarge, nearest

KINDS = ["string", "integer", "number", "boolean", "null", "array", "object"]
_NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_TEXTUAL = {"minLength", "maxLength", "pattern"}
_KEYWORDS = ["const", "enum", "type", *sorted(_NUMERIC), *sorted(_TEXTUAL), "properties"]
_ALL_ESCAPES = {
    character: compact(character)[1:-1]
    for character in map(chr, [*range(0x20), 0x22, 0x5C, *range(0x7F, 0xA0), 0x2028, 0x2029])
}

TEXTS: Any = object()
"""In a condition made by us: the texts that values may have, by their kind; no value of another kind satisfies it."""

_Asked = tuple[Mapping[str, Any], bool]
"""A condition, and whether it is to hold."""

_Way = tuple[dict[str, list[_Asked]], frozenset[str]]
"""What is asked of each property if it is there, and which ones are."""


def valuation(
    parameters: Mapping[str, Any], conditions: Iterable[tuple[Mapping[str, Any], bool]], *, what: str
) -> Constraint:
    """The texts, among those of ``from_schema(parameters)``, of objects that satisfy each condition that comes with
    True and none that comes with False; ``NO_TEXT`` itself where there are none.

    A condition gives one for each property it names: ``const``, ``enum`` (of scalars), ``type``, ``minimum``,
    ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``, ``pattern``, ``minLength``, ``maxLength``
    and ``properties``, which nests. Raises InvalidInput naming ``what`` and the JSON pointer for a property that the
    schema does not know, and for a keyword or value that cannot be decided; TooLarge where it takes too many states
    to decide, or the conditions that must not hold name too many properties.
    """
    refining = _Refining(what)
    asked: list[_Asked] = []
    for condition, wanted in conditions:
        whole = {"properties": condition}
        refining.check([parameters], whole, "#")
        asked.append((whole, wanted))
    return refining.schema(parameters, asked, "#", 0)


class Condition:
    """A condition alone, decided on decoded values without any schema; ``what`` names it in messages.

    Raises InvalidInput, with the JSON pointer, where it is no condition.
    """

    def __init__(self, condition: Mapping[str, Any], *, what: str) -> None:
        self._refining = _Refining(what)
        self._condition = {"properties": condition}
        self._refining.check(None, self._condition, "#")

    def holds(self, value: Any) -> bool:
        """Whether a JSON value satisfies the condition; one that cannot be written as JSON does not."""
        try:
            return self._refining.holds(value, self._condition)
        except (ValueError, TypeError, RecursionError):
            return False


class _Refining:
    def __init__(self, what: str) -> None:
        self.lowering = Lowering(what)
        self._decided: dict[tuple[int, str], tuple[Mapping[str, Any], list[Language] | None]] = {}

    # The condition alone --------------------------------------------------------------------------------------------

    def check(self, schemas: list[Any] | None, condition: Any, pointer: str) -> None:
        """Raises InvalidInput unless the condition is one, and the schemas (if any) know every property it names."""
        if not isinstance(condition, Mapping):
            raise self.refuse(pointer, "a condition is an object, such as {const: 1} or {minimum: 10}")
        for keyword in condition:
            if keyword not in _KEYWORDS and keyword is not TEXTS:
                raise self.refuse(pointer, f"'{keyword}' is no condition{nearest(str(keyword), _KEYWORDS)}")
        for kind in KINDS[:3]:
            self.leaf(kind, condition, pointer, ESCAPES)
        self.types(condition, pointer)
        wanted = condition.get("properties", {})
        if not isinstance(wanted, Mapping):
            raise self.refuse(f"{pointer}/properties", "gives a condition for each property")
        members: dict[str, list[Any]] = {}
        for schema in schemas or []:
            for name, inner in _members(schema):
                members.setdefault(name, []).append(inner)
        for name, inner in wanted.items():
            if schemas is None:
                self.check(None, inner, self.inner(pointer, name))
                continue
            if name not in members:
                hint = nearest(str(name), list(members)) if members else "; it has none"
                place = pointer if pointer == "#" else f"{pointer}/properties"
                raise self.refuse(place, f"there is no property {name!r}{hint}")
            self.check(members[name], inner, self.inner(pointer, name))

    def types(self, condition: Mapping[str, Any], pointer: str) -> list[str]:
        return self.lowering.types(condition, pointer) if "type" in condition else KINDS

    def values(self, condition: Mapping[str, Any], pointer: str) -> Iterable[tuple[str, list[Any]]]:
        """What ``const`` and ``enum`` list. Raises InvalidInput unless it is scalars."""
        for keyword in ("const", "enum"):
            if keyword in condition:
                values = [condition["const"]] if keyword == "const" else condition["enum"]
                if not isinstance(values, list):
                    raise self.refuse(f"{pointer}/{keyword}", "needs a list")
                for value in values:
                    finite = not isinstance(value, float) or decimal_of(value) is not None
                    if not isinstance(value, str | int | float | None) or not finite:
                        raise self.refuse(f"{pointer}/{keyword}", f"{value!r} is no string, number, boolean or null")
                yield keyword, values

    def refuse(self, pointer: str, problem: str) -> InvalidInput:
        return self.lowering.refuse(pointer, problem)

    def inner(self, pointer: str, name: str) -> str:
        below = self.lowering.inner(pointer, name)
        return below.replace("#/properties", "#", 1) if pointer == "#" else below

    def leaf(
        self, kind: str, condition: Mapping[str, Any], pointer: str, escapes: Mapping[str, str]
    ) -> list[Constraint] | None:
        """What a scalar or array of this kind must satisfy, each by itself; None where none of the kind does."""
        found: list[Constraint] = []
        for keyword, values in self.values(condition, pointer):
            try:
                found.append(either([self.equal(value) for value in values if kind_of(value) == _broad(kind)]))
            except (InvalidInput, ValueError) as problem:
                raise self.refuse(f"{pointer}/{keyword}", str(problem)) from None
        types = self.types(condition, pointer)
        if _broad(kind) == "number":
            found += self.lowering.comparisons(condition, pointer)
            if "number" not in types:
                found.append(whole_valued() if "integer" in types else NO_TEXT)
        if kind == "string":
            most = self.lowering.count(condition, "maxLength", 10_000, pointer) if "maxLength" in condition else None
            least = self.lowering.count(condition, "minLength", 0, pointer)
            if "minLength" in condition or most is not None:
                some = encoded(Characters(ANY, least, most), escapes) if most is None or least <= most else NO_TEXT
                found.append(Sequence((Literal('"'), some, Literal('"'))))
            if "pattern" in condition:
                found.append(self.lowering.pattern(condition, pointer, escapes))
        if TEXTS in condition:
            texts: Constraint | None = condition[TEXTS].get(_broad(kind))
            if texts is None:
                return None
            found.append(texts)
        for keywords, broad in ((_NUMERIC, "number"), (_TEXTUAL, "string"), ({"properties"}, "object")):
            if broad != _broad(kind) and not keywords.isdisjoint(condition):
                return None
        return None if NO_TEXT in found or not {kind, _broad(kind)} & {*types, *map(_broad, types)} else found

    def equal(self, value: Any) -> Constraint:
        exact = decimal_of(value)
        return Literal(compact(value)) if exact is None else compared("=", exact)

    # Conditions within a schema ------------------------------------------------------------------------------------

    def schema(self, schema: Mapping[str, Any], asked: list[_Asked], pointer: str, depth: int) -> Constraint:
        """The texts of the schema that satisfy what is asked."""
        whole = self.lowering.schema(schema, pointer, depth)
        if not asked:
            return whole
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            fitting = [v for v in values if all(self.holds(v, condition) == wanted for condition, wanted in asked)]
            return either([Literal(compact(value)) for value in fitting])
        if "anyOf" in schema:
            return either([self.schema(option, asked, pointer, depth + 1) for option in schema["anyOf"]])
        kinds = self.lowering.types(schema, pointer)
        return either([self.kind(kind, schema, asked, pointer, depth) for kind in kinds])

    def kind(self, kind: str, schema: Mapping[str, Any], asked: list[_Asked], pointer: str, depth: int) -> Constraint:
        parts: list[Constraint] = []
        members: list[_Asked] = []
        for condition, wanted in asked:
            alone = {keyword: value for keyword, value in condition.items() if keyword != "properties"}
            nested = kind == "object" and "properties" in condition
            found = self.leaf(kind, alone if nested else condition, pointer, ESCAPES)
            if found is None:
                parts += [NO_TEXT] if wanted else []
            elif nested:
                members.append((condition["properties"], wanted))
            elif wanted:
                parts += found
            else:
                parts.append(either(map(Not, found)))
        if NO_TEXT in parts:
            return NO_TEXT
        if members:
            return self.object(schema, members, pointer, depth)
        both = And((self.lowering.typed(kind, schema, pointer, depth), *parts))
        if not parts:
            return both.parts[0]
        return NO_TEXT if Language(both).is_empty(what=f"{self.lowering.what}: {pointer}") else both

    def object(self, schema: Mapping[str, Any], asked: list[_Asked], pointer: str, depth: int) -> Constraint:
        ways: list[_Way] = [({}, frozenset())]
        for condition, wanted in asked:
            splits = [_all_hold(condition)] if wanted else _one_fails(condition)
            ways = [_both(way, split) for way in ways for split in splits]
            if len(ways) > (most := limits.WHERE_WAYS):
                raise TooLarge(f"{self.lowering.what}: more than {most} ways in which the conditions may fail together")
        return either([self.members(schema, way, pointer, depth) for way in ways])

    def members(self, schema: Mapping[str, Any], way: _Way, pointer: str, depth: int) -> Constraint:
        """Objects whose members satisfy what is asked of each; those in ``present`` are there."""
        asked, present = way
        properties, required = schema.get("properties", {}), {*schema.get("required", []), *present}
        if not present <= set(properties):
            return NO_TEXT
        members: list[tuple[Constraint, bool]] = []
        for name, inner in properties.items():
            body = self.schema(inner, asked.get(name, []), self.inner(pointer, name), depth + 1)
            if body != NO_TEXT:
                members.append((Sequence((self.lowering.key(name, pointer), body)), name in required))
            elif name in required:
                return NO_TEXT
        return closed(members)

    def holds(self, value: Any, condition: Mapping[str, Any]) -> bool:
        """Whether one value satisfies the condition."""
        kind = kind_of(value)
        nested = kind == "object" and "properties" in condition
        key = (id(condition), kind)
        if key not in self._decided:
            alone = {keyword: wanted for keyword, wanted in condition.items() if keyword != "properties" or not nested}
            asked = self.leaf(kind, alone, "#", _ALL_ESCAPES)
            self._decided[key] = condition, None if asked is None else [Language(part) for part in asked]
        tests = self._decided[key][1]
        if tests is None:
            return False
        text = compact(value) if tests else ""
        if not all(test.accepts(text) for test in tests):
            return False
        inner = condition["properties"].items() if nested else ()
        return all(name in value and self.holds(value[name], one) for name, one in inner)


def _all_hold(condition: Mapping[str, Any]) -> _Way:
    return {name: [(inner, True)] for name, inner in condition.items()}, frozenset(condition)


def _one_fails(condition: Mapping[str, Any]) -> list[_Way]:
    """By the first property that is absent or fails; those before it hold."""
    ways: list[_Way] = []
    names = list(condition)
    for i, name in enumerate(names):
        before, present = _all_hold({other: condition[other] for other in names[:i]})
        ways.append(({**before, name: [(condition[name], False)]}, present))
    return ways


def _both(one: _Way, other: _Way) -> _Way:
    names = dict.fromkeys([*one[0], *other[0]])
    return {name: [*one[0].get(name, []), *other[0].get(name, [])] for name in names}, one[1] | other[1]


def _broad(kind: str) -> str:
    return "number" if kind == "integer" else kind


def _members(schema: Any) -> Iterable[tuple[str, Any]]:
    """The properties that an object of this schema may have, each with a schema."""
    if not isinstance(schema, Mapping):
        return
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    for value in values:
        if isinstance(value, Mapping):
            yield from ((name, {"const": inner}) for name, inner in value.items())
    for option in schema.get("anyOf", []):
        yield from _members(option)
    yield from schema.get("properties", {}).items()
