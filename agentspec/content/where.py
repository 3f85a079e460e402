"""Conditions on arguments, such as ``{amount: {exclusiveMinimum: 100}}``: the texts that satisfy one.

A condition implies presence and kind: every property it names is there, and a keyword holds only for values of its kind
(``minimum`` for numbers, ``pattern`` for strings, ``properties`` for objects), unlike in JSON Schema. All keywords of a
property must hold; ``{}`` asks for presence alone. Values are compared once decoded: numbers as decimals (``1`` is
``1.0``), strings character by character. What does not satisfy the condition is ``And((base, Not(where(...))))``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agentspec.content.constraint import (
    ANY,
    NO_TEXT,
    And,
    Characters,
    Constraint,
    Literal,
    Sequence,
    either,
    encoded,
)
from agentspec.content.json_schema import ESCAPES, Lowering, closed, compact, kind_of
from agentspec.content.language import Language
from agentspec.content.numbers import compared, decimal_of, whole_valued
from agentspec.errors import InvalidInput, nearest

KINDS = ["string", "integer", "number", "boolean", "null", "array", "object"]
_NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_TEXTUAL = {"minLength", "maxLength", "pattern"}
_KEYWORDS = ["const", "enum", "type", *sorted(_NUMERIC), *sorted(_TEXTUAL), "properties"]
_ALL_ESCAPES = {
    character: compact(character)[1:-1]
    for character in map(chr, [*range(0x20), 0x22, 0x5C, *range(0x7F, 0xA0), 0x2028, 0x2029])
}


def where(parameters: Mapping[str, Any], condition: Mapping[str, Any], *, what: str) -> Constraint:
    """The texts, among those of ``from_schema(parameters)``, of objects whose properties satisfy the condition.

    ``condition`` gives a condition for each property it names: ``const``, ``enum`` (of scalars), ``type``, ``minimum``,
    ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``, ``pattern``, ``minLength``, ``maxLength``
    and ``properties``, which nests. There may be no such text, or they may be all: the caller decides.

    Raises InvalidInput naming ``what`` and the JSON pointer for a property that the schema does not know, and for a
    keyword or value that cannot be decided.
    """
    refining = _Refining(what)
    whole = {"properties": condition}
    refining.check([parameters], whole, "#")
    return refining.schema(parameters, whole, "#", 0)


class _Refining:
    def __init__(self, what: str) -> None:
        self.lowering = Lowering(what)

    # The condition alone --------------------------------------------------------------------------------------------

    def check(self, schemas: list[Any], condition: Any, pointer: str) -> None:
        """Raises InvalidInput unless the condition is one, and the schemas know every property that it names."""
        if not isinstance(condition, Mapping):
            raise self.refuse(pointer, "a condition is an object, such as {const: 1} or {minimum: 10}")
        for keyword in condition:
            if keyword not in _KEYWORDS:
                raise self.refuse(pointer, f"'{keyword}' is no condition{nearest(str(keyword), _KEYWORDS)}")
        for kind in KINDS[:3]:
            self.leaf(kind, condition, pointer, ESCAPES)
        self.types(condition, pointer)
        wanted = condition.get("properties", {})
        if not isinstance(wanted, Mapping):
            raise self.refuse(f"{pointer}/properties", "gives a condition for each property")
        members: dict[str, list[Any]] = {}
        for schema in schemas:
            for name, inner in _members(schema):
                members.setdefault(name, []).append(inner)
        for name, inner in wanted.items():
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
        for keywords, broad in ((_NUMERIC, "number"), (_TEXTUAL, "string"), ({"properties"}, "object")):
            if broad != _broad(kind) and not keywords.isdisjoint(condition):
                return None
        return None if NO_TEXT in found or not {kind, _broad(kind)} & {*types, *map(_broad, types)} else found

    def equal(self, value: Any) -> Constraint:
        exact = decimal_of(value)
        return Literal(compact(value)) if exact is None else compared("=", exact)

    # The condition within a schema ----------------------------------------------------------------------------------

    def schema(self, schema: Mapping[str, Any], condition: Mapping[str, Any], pointer: str, depth: int) -> Constraint:
        """The texts of the schema that satisfy the condition; ``pointer`` is the condition's."""
        whole = self.lowering.schema(schema, pointer, depth)
        if not condition:
            return whole
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            return either([Literal(compact(value)) for value in values if self.holds(value, condition, pointer)])
        if "anyOf" in schema:
            return either([self.schema(option, condition, pointer, depth + 1) for option in schema["anyOf"]])
        kinds = self.lowering.types(schema, pointer)
        return either([self.kind(kind, schema, condition, pointer, depth) for kind in kinds])

    def kind(
        self, kind: str, schema: Mapping[str, Any], condition: Mapping[str, Any], pointer: str, depth: int
    ) -> Constraint:
        if kind == "object" and "properties" in condition:
            alone = {keyword: value for keyword, value in condition.items() if keyword != "properties"}
            if self.leaf(kind, alone, pointer, ESCAPES) is None:
                return NO_TEXT
            return self.object(schema, condition["properties"], pointer, depth)
        asked = self.leaf(kind, condition, pointer, ESCAPES)
        if asked is None:
            return NO_TEXT
        base = self.lowering.typed(kind, schema, pointer, depth)
        return And((base, *asked)) if asked else base

    def object(self, schema: Mapping[str, Any], wanted: Mapping[str, Any], pointer: str, depth: int) -> Constraint:
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if any(name not in properties for name in wanted):
            return NO_TEXT
        members: list[tuple[Constraint, bool]] = []
        for name, inner in properties.items():
            body = self.schema(inner, wanted.get(name, {}), self.inner(pointer, name), depth + 1)
            if body == NO_TEXT:
                return NO_TEXT
            members.append((Sequence((self.lowering.key(name, pointer), body)), name in required or name in wanted))
        return closed(members)

    def holds(self, value: Any, condition: Mapping[str, Any], pointer: str) -> bool:
        """Whether one value satisfies the condition."""
        kind = kind_of(value)
        if kind == "object" and "properties" in condition:
            alone = {keyword: value for keyword, value in condition.items() if keyword != "properties"}
            if self.leaf(kind, alone, pointer, _ALL_ESCAPES) is None:
                return False
            wanted = condition["properties"].items()
            return all(
                name in value and self.holds(value[name], inner, self.inner(pointer, name))
                for name, inner in wanted
            )
        asked = self.leaf(kind, condition, pointer, _ALL_ESCAPES)
        return asked is not None and all(Language(part).accepts(compact(value)) for part in asked)


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
