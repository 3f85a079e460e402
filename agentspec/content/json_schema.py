"""JSON Schema (2020-12) to constraints: compact JSON, closed objects, everything bounded.

Enforced: ``type``, ``enum``, ``const``, ``anyOf``, ``properties``, ``required``, ``additionalProperties: false``,
``minLength``, ``maxLength``, ``items``, ``minItems``, ``maxItems``, and for numbers a ``minimum`` of 0. Every other
keyword that restricts values is refused by its JSON pointer: nothing is enforced by half. Strings hold at most 200
characters and arrays 8 items where the schema sets no bound; numbers hold at most 15 digits and no exponent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from agentspec.content.constraint import Characters, Choice, Constraint, Literal, Repeat, Sequence, ranges_without
from agentspec.errors import InvalidInput

STRING_LENGTH = 200
DIGITS = 15
ARRAY_ITEMS = 8
DEPTH = 20

_ANNOTATIONS = {"title", "description", "default", "examples", "$comment", "deprecated", "$schema", "$id"}
_DIGIT = ((0x30, 0x39),)
_NONZERO = ((0x31, 0x39),)
PLAIN = ranges_without((0, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), '"', "\\")
"""What stands in a string without an escape."""
_ESCAPE = Sequence((Literal("\\"), Characters(((0x22, 0x22), (0x5C, 0x5C), (0x6E, 0x6E), (0x74, 0x74)), 1, 1)))


def from_schema(schema: Mapping[str, Any], *, what: str = "schema") -> Constraint:
    """The constraint of the compact JSON texts valid under ``schema``, within the default bounds.

    Raises InvalidInput naming ``what`` and the JSON pointer of a keyword or value that cannot be enforced.
    """
    return _Lowering(what).schema(schema, "#", 0)


class _Lowering:
    def __init__(self, what: str) -> None:
        self.what = what

    def refuse(self, pointer: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self.what}: {pointer}: {problem}")

    def schema(self, schema: Any, pointer: str, depth: int) -> Constraint:
        if not isinstance(schema, Mapping):
            raise self.refuse(pointer, f"a schema is an object here, not {json.dumps(schema)[:60]}")
        if depth > DEPTH:
            raise self.refuse(pointer, f"nested deeper than {DEPTH}")
        for keyword in ("const", "enum"):
            if keyword in schema:
                self.known(schema, {keyword, "type"}, pointer)
                values = [schema["const"]] if keyword == "const" else schema["enum"]
                if not isinstance(values, list) or not values:
                    raise self.refuse(f"{pointer}/{keyword}", "needs at least one value")
                allowed = self.types(schema, pointer) if "type" in schema else None
                for value in values:
                    if allowed is not None and not any(_is(value, name) for name in allowed):
                        raise self.refuse(f"{pointer}/{keyword}", f"{json.dumps(value)} is not of the schema's type")
                try:
                    return self.choice([Literal(_compact(value)) for value in values])
                except (ValueError, TypeError, RecursionError) as problem:
                    raise self.refuse(f"{pointer}/{keyword}", f"cannot be written as JSON: {problem}") from None
        if "anyOf" in schema:
            self.known(schema, {"anyOf"}, pointer)
            options = schema["anyOf"]
            if not isinstance(options, list) or not options:
                raise self.refuse(f"{pointer}/anyOf", "needs at least one schema")
            return self.choice(
                [self.schema(option, f"{pointer}/anyOf/{i}", depth + 1) for i, option in enumerate(options)]
            )
        return self.choice([self.typed(name, schema, pointer, depth) for name in self.types(schema, pointer)])

    def types(self, schema: Mapping[str, Any], pointer: str) -> list[str]:
        named = schema.get("type")
        names = [named] if isinstance(named, str) else named
        valid = ["string", "integer", "number", "boolean", "null", "array", "object"]
        if not isinstance(names, list) or not names or any(name not in valid for name in names):
            raise self.refuse(f"{pointer}/type", f"needs one or more of {', '.join(valid)}")
        return names

    def known(self, schema: Mapping[str, Any], enforced: set[str], pointer: str) -> None:
        every = {"minLength", "maxLength", "minimum", "properties", "required", "additionalProperties"}
        every |= {"items", "minItems", "maxItems", "type"}
        several = isinstance(schema.get("type"), list)
        for keyword in schema:
            if keyword in enforced or keyword in _ANNOTATIONS or (several and keyword in every):
                continue
            raise self.refuse(f"{pointer}/{keyword}", f"the keyword '{keyword}' cannot be enforced here")

    def count(self, schema: Mapping[str, Any], keyword: str, default: int, pointer: str) -> int:
        value = schema.get(keyword, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10_000:
            raise self.refuse(f"{pointer}/{keyword}", "needs a whole number from 0 to 10000")
        return value

    def bounds(self, schema: Mapping[str, Any], noun: str, most: int, pointer: str) -> tuple[int, int]:
        low = self.count(schema, f"min{noun}", 0, pointer)
        high = self.count(schema, f"max{noun}", max(most, low), pointer)
        if low > high:
            raise self.refuse(f"{pointer}/min{noun}", f"{low} is more than max{noun}, which is {high}")
        return low, high

    def choice(self, options: list[Constraint]) -> Constraint:
        literals = dict.fromkeys(option for option in options if isinstance(option, Literal))
        distinct = (*literals, *(option for option in options if not isinstance(option, Literal)))
        return distinct[0] if len(distinct) == 1 else Choice(distinct)

    def typed(self, name: str, schema: Mapping[str, Any], pointer: str, depth: int) -> Constraint:
        lowerings: dict[str, Callable[[Mapping[str, Any], str, int], Constraint]] = {
            "string": self.string,
            "integer": self.integer,
            "number": self.number,
            "array": self.array,
            "object": self.object,
        }
        if name in lowerings:
            return lowerings[name](schema, pointer, depth)
        self.known(schema, {"type"}, pointer)
        return Literal("null") if name == "null" else Choice((Literal("true"), Literal("false")))

    def string(self, schema: Mapping[str, Any], pointer: str, _depth: int) -> Constraint:
        self.known(schema, {"type", "minLength", "maxLength"}, pointer)
        low, high = self.bounds(schema, "Length", STRING_LENGTH, pointer)
        return Sequence((Literal('"'), Repeat(Choice((Characters(PLAIN, 1, 1), _ESCAPE)), low, high), Literal('"')))

    def sign(self, schema: Mapping[str, Any], pointer: str) -> Constraint:
        self.known(schema, {"type", "minimum"}, pointer)
        if "minimum" in schema and (schema["minimum"] != 0 or isinstance(schema["minimum"], bool)):
            raise self.refuse(f"{pointer}/minimum", "only a minimum of 0 can be enforced here")
        return Literal("") if "minimum" in schema else Choice((Literal(""), Literal("-")))

    def integer(self, schema: Mapping[str, Any], pointer: str, _depth: int) -> Constraint:
        return Sequence((self.sign(schema, pointer), _whole(DIGITS)))

    def number(self, schema: Mapping[str, Any], pointer: str, _depth: int) -> Constraint:
        decimals = [Sequence((_whole_of(n), Literal("."), Characters(_DIGIT, 1, DIGITS - n))) for n in range(1, DIGITS)]
        return Sequence((self.sign(schema, pointer), Choice((_whole(DIGITS), *decimals))))

    def array(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Constraint:
        self.known(schema, {"type", "items", "minItems", "maxItems"}, pointer)
        if "items" not in schema:
            raise self.refuse(pointer, "an array needs 'items'")
        low, high = self.bounds(schema, "Items", ARRAY_ITEMS, pointer)
        item = self.schema(schema["items"], f"{pointer}/items", depth + 1)
        if high == 0:
            return Literal("[]")
        more = Repeat(Sequence((Literal(","), item)), max(low - 1, 0), high - 1)
        some = Sequence((Literal("["), item, more, Literal("]")))
        return some if low else Choice((Literal("[]"), some))

    def object(self, schema: Mapping[str, Any], pointer: str, depth: int) -> Constraint:
        self.known(schema, {"type", "properties", "required", "additionalProperties"}, pointer)
        if schema.get("additionalProperties", False) is not False:
            raise self.refuse(f"{pointer}/additionalProperties", "only closed objects (false) can be enforced here")
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise self.refuse(pointer, "'properties' is an object and 'required' a list")
        for name in required:
            if not isinstance(name, str) or name not in properties:
                raise self.refuse(f"{pointer}/required", f"{json.dumps(name)} is not among the properties")
        members: list[tuple[Constraint, bool]] = []
        for name, value in properties.items():
            key = _compact(name) if isinstance(name, str) and _encodable(name) else "\\"
            if "\\" in key:
                raise self.refuse(f"{pointer}/properties", f"the name {name!r} cannot be written without an escape")
            step = name.replace("~", "~0").replace("/", "~1")
            body = self.schema(value, f"{pointer}/properties/{step}", depth + 1)
            members.append((Sequence((Literal(f"{key}:"), body)), name in required))
        return self.choice([Sequence((Literal("{"), inside, Literal("}"))) for inside in _members(members)])


def _members(members: list[tuple[Constraint, bool]]) -> list[Constraint]:
    """The ways to write members in order with commas between, by which member comes first."""
    ways: list[Constraint] = []
    for first, (member, required) in enumerate(members):
        rest: list[Constraint] = []
        for other, needed in members[first + 1 :]:
            joined = Sequence((Literal(","), other))
            rest.append(joined if needed else Choice((Literal(""), joined)))
        ways.append(Sequence((member, *rest)))
        if required:
            return ways
    return [Literal(""), *ways]


def _whole_of(digits: int) -> Constraint:
    """A whole number of exactly so many digits, or 0 for one digit."""
    if digits == 1:
        return Characters(_DIGIT, 1, 1)
    return Sequence((Characters(_NONZERO, 1, 1), Characters(_DIGIT, digits - 1, digits - 1)))


def _whole(digits: int) -> Constraint:
    return Choice((Literal("0"), Sequence((Characters(_NONZERO, 1, 1), Characters(_DIGIT, 0, digits - 1)))))


def _compact(value: Any) -> str:
    """Compact JSON in which control characters and line separators are escaped. Raises ValueError, TypeError."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    text.encode()
    return "".join(f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or ord(c) in (0x2028, 0x2029) else c for c in text)


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def _is(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        return not isinstance(value, bool) and (whole or (name == "number" and isinstance(value, float)))
    kinds: dict[str, type] = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}
    return isinstance(value, kinds[name])


def parse_object(text: str) -> dict[str, Any]:
    """The JSON object a text holds. Raises ValueError for anything else and for duplicate keys."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise ValueError(f"the key {json.dumps(key)} stands twice")
            found[key] = value
        return found

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {text[:40]}")
    return value
