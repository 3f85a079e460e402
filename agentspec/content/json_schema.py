"""JSON Schema (2020-12) to constraints: compact JSON, closed objects, everything bounded.

Enforced: ``type``, ``enum``, ``const``, ``anyOf``, ``properties``, ``required``, ``additionalProperties: false``,
``minLength``, ``maxLength``, ``pattern`` (searched for in the decoded string, in the dialect of `regex`), ``items``,
``minItems``, ``maxItems``, ``minimum``, ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``. Every
other keyword that restricts values is refused by its JSON pointer: nothing is enforced by half; so are strings and
numbers of which there are none. Strings hold at most 200 characters and arrays 8 items where the schema sets no bound;
numbers hold at most 15 digits and no exponent, and no minus where they may not be negative.

A decoded value has one text, but for numbers, whose final zeros (``1``, ``1.0``) and zero's sign are free.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Repeat,
    Sequence,
    either,
    encoded,
    ranges_without,
)
from agentspec.content.language import Language
from agentspec.content.numbers import Comparison, compared, decimal_of, multiple_of, number
from agentspec.content.regex import parse_regex
from agentspec.errors import InvalidInput

STRING_LENGTH = 200
ARRAY_ITEMS = 8

_ANNOTATIONS = {"title", "description", "default", "examples", "$comment", "deprecated", "$schema", "$id"}
_COMPARISONS: dict[str, Comparison] = {
    "minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<",
}  # fmt: skip
_OF_TYPES = {
    "string": {"minLength", "maxLength", "pattern"},
    "number": {*_COMPARISONS, "multipleOf"},
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
}
PLAIN = ranges_without((0, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), '"', "\\")
"""What stands in a string without an escape."""
_ESCAPE = Sequence((Literal("\\"), Characters(((0x22, 0x22), (0x5C, 0x5C), (0x6E, 0x6E), (0x74, 0x74)), 1, 1)))
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
"""How a string that a model writes holds the characters that need an escape; others of that kind it does not hold."""


def from_schema(schema: Mapping[str, Any], *, what: str = "schema") -> Constraint:
    """The constraint of the compact JSON texts valid under ``schema``, within the default bounds.

    Raises InvalidInput naming ``what`` and the JSON pointer of a keyword or value that cannot be enforced.
    """
    return Lowering(what).schema(schema, "#", 0)


class Lowering:
    """Schemas to constraints; ``pointer`` says where in the whole schema one stands."""

    def __init__(self, what: str) -> None:
        self.what = what

    def refuse(self, pointer: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self.what}: {pointer}: {problem}")

    def schema(self, schema: Any, pointer: str, depth: int) -> Constraint:
        if not isinstance(schema, Mapping):
            raise self.refuse(pointer, f"a schema is an object here, not {json.dumps(schema)[:60]}")
        if depth > limits.SCHEMA_DEPTH:
            raise self.refuse(pointer, f"nested deeper than {limits.SCHEMA_DEPTH}")
        for keyword in ("const", "enum"):
            if keyword in schema:
                self.known(schema, {keyword, "type"}, pointer)
                values = [schema["const"]] if keyword == "const" else schema["enum"]
                if not isinstance(values, list) or not values:
                    raise self.refuse(f"{pointer}/{keyword}", "needs at least one value")
                allowed = self.types(schema, pointer) if "type" in schema else None
                try:
                    for value in values:
                        if allowed is not None and not any(_is(value, name) for name in allowed):
                            raise self.refuse(
                                f"{pointer}/{keyword}", f"{json.dumps(value)} is not of the schema's type"
                            )
                    return either([Literal(compact(value)) for value in values])
                except (ValueError, TypeError, RecursionError) as problem:
                    raise self.refuse(f"{pointer}/{keyword}", f"cannot be written as JSON: {problem}") from None
        if "anyOf" in schema:
            self.known(schema, {"anyOf"}, pointer)
            options = schema["anyOf"]
            if not isinstance(options, list) or not options:
                raise self.refuse(f"{pointer}/anyOf", "needs at least one schema")
            return either([self.schema(option, f"{pointer}/anyOf/{i}", depth + 1) for i, option in enumerate(options)])
        return either([self.typed(name, schema, pointer, depth) for name in self.types(schema, pointer)])

    def types(self, schema: Mapping[str, Any], pointer: str) -> list[str]:
        named = schema.get("type")
        names = [named] if isinstance(named, str) else named
        valid = ["string", "integer", "number", "boolean", "null", "array", "object"]
        if not isinstance(names, list) or not names or any(name not in valid for name in names):
            raise self.refuse(f"{pointer}/type", f"needs one or more of {', '.join(valid)}")
        return names

    def known(self, schema: Mapping[str, Any], enforced: set[str], pointer: str) -> None:
        every = {"type"}.union(*_OF_TYPES.values())
        several = isinstance(schema.get("type"), list)
        for keyword in schema:
            if keyword in enforced or keyword in _ANNOTATIONS or (several and keyword in every):
                continue
            raise self.refuse(f"{pointer}/{keyword}", f"the keyword '{keyword}' cannot be enforced here")

    def count(self, schema: Mapping[str, Any], keyword: str, default: int, pointer: str) -> int:
        value = schema.get(keyword, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limits.SCHEMA_BOUND:
            raise self.refuse(f"{pointer}/{keyword}", f"needs a whole number from 0 to {limits.SCHEMA_BOUND}")
        return value

    def bounds(self, schema: Mapping[str, Any], noun: str, most: int, pointer: str) -> tuple[int, int]:
        low = self.count(schema, f"min{noun}", 0, pointer)
        high = self.count(schema, f"max{noun}", max(most, low), pointer)
        if low > high:
            raise self.refuse(f"{pointer}/min{noun}", f"{low} is more than max{noun}, which is {high}")
        return low, high

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
        self.known(schema, {"type", *_OF_TYPES["string"]}, pointer)
        low, high = self.bounds(schema, "Length", STRING_LENGTH, pointer)
        plain = Sequence((Literal('"'), Repeat(Choice((Characters(PLAIN, 1, 1), _ESCAPE)), low, high), Literal('"')))
        if "pattern" not in schema:
            return plain
        return self.some(And((plain, self.pattern(schema, pointer, ESCAPES))), f"{pointer}/pattern")

    def pattern(self, schema: Mapping[str, Any], pointer: str, escapes: Mapping[str, str]) -> Constraint:
        """The texts, in quotes, of strings in which the pattern is found."""
        if not isinstance(schema["pattern"], str):
            raise self.refuse(f"{pointer}/pattern", "needs a regular expression as a string")
        regex = parse_regex(schema["pattern"], source=f"{self.what}: {pointer}/pattern")
        return Sequence((Literal('"'), encoded(regex.search(), escapes), Literal('"')))

    def integer(self, schema: Mapping[str, Any], pointer: str, _depth: int) -> Constraint:
        return self.numeric(schema, pointer, integer=True)

    def number(self, schema: Mapping[str, Any], pointer: str, _depth: int) -> Constraint:
        return self.numeric(schema, pointer, integer=False)

    def numeric(self, schema: Mapping[str, Any], pointer: str, *, integer: bool) -> Constraint:
        self.known(schema, {"type", *_OF_TYPES["number"]}, pointer)
        lower = [
            self.decimal(schema, keyword, pointer) for keyword in ("minimum", "exclusiveMinimum") if keyword in schema
        ]
        signed = all(bound < 0 for bound in lower)
        plain = number(integer=integer, signed=signed)
        kept = {keyword: value for keyword, value in schema.items() if keyword != "minimum" or signed or value != 0}
        conditions = self.comparisons(kept, pointer)
        if not conditions:
            return plain
        culprit = next(keyword for keyword in kept if keyword in _OF_TYPES["number"])
        return self.some(And((plain, *conditions)), f"{pointer}/{culprit}")

    def comparisons(self, schema: Mapping[str, Any], pointer: str) -> list[Constraint]:
        """What the keywords for numbers ask, each over numbers of any length."""
        found: list[Constraint] = []
        for keyword in (*_COMPARISONS, "multipleOf"):
            if keyword in schema:
                bound = self.decimal(schema, keyword, pointer)
                try:
                    found.append(
                        multiple_of(bound) if keyword == "multipleOf" else compared(_COMPARISONS[keyword], bound)
                    )
                except InvalidInput as problem:
                    raise self.refuse(f"{pointer}/{keyword}", problem.message) from None
        return found

    def decimal(self, schema: Mapping[str, Any], keyword: str, pointer: str) -> Decimal:
        value = decimal_of(schema[keyword])
        if value is None:
            raise self.refuse(f"{pointer}/{keyword}", "needs a number")
        return value

    def some(self, constraint: Constraint, pointer: str) -> Constraint:
        """The constraint, refused where it has no text."""
        if Language(constraint).is_empty(what=f"{self.what}: {pointer}"):
            raise self.refuse(pointer, "no value satisfies this together with the other keywords here")
        return constraint

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
            body = self.schema(value, self.inner(pointer, name), depth + 1)
            members.append((Sequence((self.key(name, pointer), body)), name in required))
        return closed(members)

    def inner(self, pointer: str, name: str) -> str:
        step = str(name).replace("~", "~0").replace("/", "~1")
        return f"{pointer}/properties/{step}"

    def key(self, name: Any, pointer: str) -> Literal:
        written = compact(name) if isinstance(name, str) and _encodable(name) else "\\"
        if "\\" in written:
            raise self.refuse(f"{pointer}/properties", f"the name {name!r} cannot be written without an escape")
        return Literal(f"{written}:")


def closed(members: list[tuple[Constraint, bool]]) -> Constraint:
    """Objects of members in this order, each with whether it must be there."""
    return either([Sequence((Literal("{"), inside, Literal("}"))) for inside in _members(members)])


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


def compact(value: Any) -> str:
    """Compact JSON; control characters and line separators are escaped, numbers have no exponent.

    Raises ValueError, TypeError, RecursionError.
    """
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the name {key!r} is no string")
        return "{" + ",".join(f"{compact(key)}:{compact(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    exact = decimal_of(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False) if exact is None else f"{exact:f}"
    text.encode()
    return "".join(f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or ord(c) in (0x2028, 0x2029) else c for c in text)


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def kind_of(value: Any) -> str:
    """The JSON type of a value: ``number`` for integers too. Raises TypeError for what is none."""
    if isinstance(value, bool):
        return "boolean"
    kinds: list[tuple[type, str]] = [(str, "string"), (int, "number"), (float, "number"), (list, "array")]
    for kind, name in (*kinds, (Mapping, "object"), (type(None), "null")):
        if isinstance(value, kind):
            return name
    raise TypeError(f"{value!r} is no JSON value")


def _is(value: Any, name: str) -> bool:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return kind_of(value) == ("number" if name == "integer" else name) and (name != "integer" or whole)


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
