"""Every keyword of JSON Schema: each text of ours is valid by `jsonschema`, and what is valid and small has a text.

The long test: ``python -m pytest tests/content/test_schema_keywords.py -m long``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import permutations, product
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError, validators

from agentspec import limits
from agentspec.content import schema_arrays
from agentspec.content.json_schema import Bounds, JsonSchema, from_schema, lowered
from agentspec.content.json_text import compact
from agentspec.content.language import Language
from agentspec.content.schema_formats import FORMATS
from agentspec.content.schema_validation import violation
from agentspec.errors import InvalidInput, TooLarge
from tests.content.texts import walked

Schema = dict[str, Any]


def _pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    """Patterns as ECMA 262 has them, which is what the standard asks for: ``$`` is the very end."""
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", pattern), instance, re.ASCII):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Oracle = validators.extend(Draft202012Validator, {"pattern": _pattern})


def valid(schema: Any, text: str) -> bool:
    """The oracle; numbers are decimals on both sides."""
    exact = json.loads(json.dumps(schema), parse_float=Decimal)
    checker = Oracle(exact, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return checker.is_valid(json.loads(text, parse_float=Decimal))


# ---- schemas at random

NAMES = ["a", "b", "cd"]
SCALARS: list[Any] = [None, True, False, 0, 1, 2, 1.5, "", "a", "ab", "b"]
PATTERNS = ["^a", "b$", "^[ab]{1,2}$", "a|b", "^$", "\\d", "^\\W", "c"]


class Draw:
    """Random schemas over all keywords."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def schema(self, depth: int) -> Any:
        if self.random.random() < 0.04:
            return self.random.choice([True, True, False])
        made: Schema = {}
        if self.random.random() < 0.6:
            kinds = ["string", "integer", "number", "boolean", "null", "array", "object"]
            made["type"] = self.random.choice([self.random.choice(kinds), self.random.sample(kinds, 2)])
        for _ in range(self.random.choice([1, 1, 2, 2, 3])):
            made.update(self.keywords(depth))
        if self.random.random() < 0.1:
            made["$ref"] = "#/$defs/" + self.random.choice(["x", "y"])
        return made

    def schemas(self, depth: int) -> list[Any]:
        return [self.schema(depth - 1) for _ in range(self.random.choice([1, 2, 2, 3]))]

    def value(self) -> Any:
        some = self.random.choice
        return some([some(SCALARS), some(SCALARS), [some(SCALARS)], {some(NAMES): some(SCALARS)}, [], {}])

    def keywords(self, depth: int) -> Schema:
        some, number = self.random.choice, self.random.choice([-1, 0, 0.5, 1, 2, 2.5])
        count = self.random.choice([0, 1, 1, 2, 3])
        flat: list[Schema] = [
            {"enum": [self.value() for _ in range(some([1, 2, 3]))]}, {"const": self.value()},
            {"minimum": number}, {"maximum": number}, {"exclusiveMinimum": number}, {"exclusiveMaximum": number},
            {"multipleOf": some([1, 2, 0.5])}, {"minLength": count}, {"maxLength": count}, {"pattern": some(PATTERNS)},
            {"minItems": count}, {"maxItems": count}, {"minProperties": count}, {"maxProperties": count},
            {"required": self.random.sample(NAMES, some([0, 1, 2]))}, {"uniqueItems": some([True, False])},
            {"dependentRequired": {some(NAMES): [some(NAMES)]}},
        ]  # fmt: skip
        if depth == 0 or self.random.random() < 0.4:
            return some(flat)
        below = self.schema(depth - 1)
        nested: list[Schema] = [
            {"properties": {name: self.schema(depth - 1) for name in self.random.sample(NAMES, some([1, 2, 3]))}},
            {"properties": {name: self.schema(depth - 1) for name in self.random.sample(NAMES, some([1, 2, 3]))}},
            {"patternProperties": {some(PATTERNS): below}}, {"additionalProperties": below},
            {"propertyNames": {"enum": ["a", "x"]}}, {"propertyNames": below},
            {"items": below}, {"prefixItems": self.schemas(depth)}, {"contains": below},
            {"contains": below, "minContains": some([0, 1, 2]), "maxContains": some([1, 2])},
            {"allOf": self.schemas(depth)}, {"anyOf": self.schemas(depth)}, {"oneOf": self.schemas(depth)},
            {"not": below}, {"if": below, "then": self.schema(depth - 1), "else": self.schema(depth - 1)},
            {"if": below, "then": self.schema(depth - 1)}, {"dependentSchemas": {some(NAMES): below}},
        ]  # fmt: skip
        return some(nested)

    def document(self, depth: int) -> Any:
        made = self.schema(depth)
        if isinstance(made, dict):
            made["$defs"] = {"x": self.schema(1), "y": {"anyOf": [{"type": "null"}, self.schema(1)]}}
        return made


def universe(rounds: int = 1) -> list[Any]:
    """Small values, objects in every order of their members."""
    scalars: list[Any] = [None, True, False, 0, 1, 2, -1, "", "a", "ab", "b"]
    found: list[Any] = [*scalars, 1.5, 0.5, 2.5, "ba", "bb", "c", "1", " "]
    few = [None, True, 0, 1, "a", "ab"]
    for _ in range(rounds):
        found += [list(items) for size in (0, 1, 2) for items in product(few, repeat=size)]
        found += [[0, 1, 2], ["a", "a", "a"], [0, 0, 1], [[0]], [{"a": 1}], [None, True, 0]]
        for names in (order for size in (0, 1, 2) for order in permutations(NAMES, size)):
            found += [dict(zip(names, values, strict=True)) for values in product(few, repeat=len(names))]
        found += [{"a": 1, "b": 1, "cd": 1}, {"a": []}, {"a": {}}, {"a": {"b": 1}}, {"a": [1]}, {"x": 1}]
    return found


UNIVERSE = [(value, compact(value)) for value in universe()]
SCALAR = sum(not isinstance(value, list | dict) for value, _ in UNIVERSE)
"""Scalars come first."""


TIGHT = Bounds(max_items=3, max_chars=3, max_digits=3, max_extra=2)


def judged(seed: int, depth: int = 2, texts: int = 4) -> str:
    """What came of one random schema. Fails where a text of ours is not valid, or a valid scalar has no text."""
    drawn = Draw(seed)
    schema = drawn.document(depth)
    language, found = Language(), "empty"
    try:
        made = lowered(JsonSchema(schema, TIGHT, lenient=True))
        language, found = Language(made.constraint), "reported" if made.unenforced else "enforced"
    except TooLarge:
        return "too large"
    except InvalidInput as problem:
        if "refers to itself" in problem.message:  # no validator comes to an end with it
            return "circular"
    some = [*UNIVERSE[:SCALAR], *drawn.random.sample(UNIVERSE[SCALAR:], 40)]
    try:
        fine = {text: valid(schema, text) for _, text in some}
    except BaseException as problem:  # in the midst of endless recursion a library of the oracle panics
        if type(problem).__name__ not in ("RecursionError", "PanicException"):
            raise
        return "circular"
    for _ in range(texts if found == "enforced" else 0):
        text = walked(language, drawn.random, steps=25)
        assert valid(schema, text), (seed, schema, text)
    for value, text in some if found != "reported" else ():
        if language.accepts(text):
            assert fine[text], (seed, schema, text)
        elif fine[text] and not isinstance(value, list | dict):
            assert "\\\\" in json.dumps(schema), (seed, "narrower", schema, text)
    return found


def test_random_schemas() -> None:
    counts = Counter(judged(seed) for seed in range(40))
    assert counts["enforced"] >= 20, counts


@pytest.mark.long
def test_many_random_schemas() -> None:
    """``python -m pytest tests/content/test_schema_keywords.py -m long``"""
    counts = Counter(judged(seed, depth=2 + seed % 2) for seed in range(1000, 4000))
    print(counts)
    assert counts["enforced"] >= 1500, counts


def test_the_property_fails_for_a_wrong_lowering(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant that counts one item too few for ``contains`` is found out."""
    schema = {"type": "array", "items": {"enum": [0, 1]}, "contains": {"const": 1}, "maxContains": 1}
    monkeypatch.setattr(schema_arrays._Count, "is_met", lambda *_: True)
    language = Language(from_schema(schema))
    texts = [walked(language, Random(seed)) for seed in range(30)]
    assert not all(valid(schema, text) for text in texts)


# ---- single keywords, completely

BITS: Schema = {"type": "array", "items": {"enum": [0, 1]}}
PAIR: Schema = {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 1}}}
EXACT: list[tuple[Schema, list[Any]]] = [
    ({**BITS, "uniqueItems": True}, [[], [0], [1], [0, 1], [1, 0]]),
    (
        {"items": {"type": "boolean"}, "type": "array", "minItems": 2, "uniqueItems": True},
        [[True, False], [False, True]],
    ),
    ({"type": "array", "prefixItems": [{"const": 0}], "items": {"const": 1}, "maxItems": 2}, [[], [0], [0, 1]]),
    ({**BITS, "contains": {"const": 1}, "maxItems": 2}, [[1], [0, 1], [1, 0], [1, 1]]),
    ({**BITS, "not": {"contains": {"const": 1}}, "maxItems": 2}, [[], [0], [0, 0]]),
    ({**BITS, "contains": {"const": 1}, "minContains": 0, "maxContains": 0, "maxItems": 1}, [[], [0]]),
    ({"oneOf": [{"enum": [0, 1]}, {"enum": [1, 2]}]}, [0, 2]),
    ({"oneOf": [{"type": "integer", "enum": [1, 2, 3]}, {"minimum": 2, "enum": [1, 2, 3]}]}, [1]),
    ({"type": "integer", "exclusiveMinimum": 0, "maximum": 2, "not": {"minimum": 0, "multipleOf": 2}}, [1]),
    ({"allOf": [{"enum": [0, 1, 2]}, {"not": {"const": 1}}]}, [0, 2]),
    ({"enum": [1, 2, "a"], "if": {"type": "integer"}, "then": {"const": 2}}, [2, "a"]),
    ({"enum": [1, 2, "a"], "if": {"type": "integer"}, "else": {"const": "b"}}, [1, 2]),
    ({**PAIR, "dependentRequired": {"a": ["b"]}}, [{}, {"b": 1}, {"a": 1, "b": 1}]),
    ({**PAIR, "minProperties": 1, "maxProperties": 1}, [{"a": 1}, {"b": 1}]),
    ({**PAIR, "not": {"required": ["a"]}}, [{}, {"b": 1}]),
    ({**PAIR, "propertyNames": False}, [{}]),
    (
        {
            "type": "object", "properties": {"a": {"const": 1}}, "dependentSchemas": {"a": {"required": ["b"]}},
            "additionalProperties": {"const": 2}, "propertyNames": {"enum": ["a", "b"]},
        },
        [{}, {"a": 1, "b": 2}, {"b": 2}],
    ),
    ({"type": "object", "patternProperties": {"^[x]$": {"const": 1}}, "maxProperties": 1}, [{}, {"x": 1}]),
    (
        {"type": "object", "required": ["a"], "properties": {"a": {"enum": [[1], {"b": 2}]}}},
        [{"a": [1]}, {"a": {"b": 2}}],
    ),
    (
        {"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}}, "type": "object"}}, "$ref": "#/$defs/n"},
        [{}, {"n": {}}, {"n": {"n": {}}}, {"n": {"n": {"n": {}}}}],
    ),
    ({"type": "string", "maxLength": 1, "pattern": "^[ab]?$", "not": {"const": "a"}}, ["", "b"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "values"), EXACT, ids=[str(i) for i in range(len(EXACT))])
def test_exactly_these_values(schema: Schema, values: list[Any]) -> None:
    language = Language(from_schema(schema))
    wanted = {compact(value) for value in values}
    assert all(language.accepts(text) for text in wanted)
    assert all(valid(schema, text) for text in wanted)
    drawn = Random(1)
    assert {walked(language, drawn) for _ in range(150)} <= wanted


def test_members_that_are_not_named() -> None:
    schema = {"type": "object", "properties": {"a": {"const": 1}}, "additionalProperties": {"type": "boolean"}}
    language = Language(from_schema(schema))
    for text in ('{"a":1}', '{"a":1,"b":true}', '{"bc":false,"d":true}', '{"Zoe":true}', '{"ab":true}', "{}"):
        assert language.accepts(text), text
    for text in ('{"a":true}', '{"b":1}', '{"b":true,"b":true}', '{"d":true,"b":true}', '{"b\\u0061":true}'):
        assert not language.accepts(text), text
    five = "{" + ",".join(f'"{name}":true' for name in "bcdef") + "}"
    assert not language.accepts(five)
    assert Language(from_schema(JsonSchema(schema, Bounds(max_extra=5)))).accepts(five)


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name: str) -> None:
    good = {
        "date": "2024-02-29", "time": "23:59:59.5Z", "date-time": "2024-02-29T00:00:00+01:00", "ipv4": "255.0.10.1",
        "uuid": "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "email": "joe.b@example.com", "hostname": "www.example.com",
        "ipv6": "::ffff:12", "uri": "https://example.com:80/a%20b?q=1#f",
    }  # fmt: skip
    bad = {
        "date": ["2023-02-29", "2024-2-1"], "time": ["24:00:00Z", "12:00:00"], "date-time": ["2024-02-29 00:00:00Z"],
        "ipv4": ["256.0.0.1", "01.1.1.1", "1.1.1"], "uuid": ["2eb8aa08aa9811eab4aa73b441d16380"],
        "email": ["a", "@b.c"],
        "hostname": ["-a.b", "a..b", "xn--X", "a" * 64], "ipv6": [":::", "1::2::3", "1:2"], "uri": ["//a", "a b"],
    }  # fmt: skip
    schema = {"type": "string", "format": name}
    language = Language(from_schema(schema))
    assert language.accepts(compact(good[name]))
    assert not any(language.accepts(compact(text)) for text in bad[name])
    drawn = Random(0)
    assert all(valid(schema, walked(language, drawn)) for _ in range(10))


# ---- bounds, blanks, modes, bad input


def test_one_space_behind_commas_and_colons() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"enum": [0, {"b": [1, 2]}]}}}}
    spaced = Language(from_schema(JsonSchema(schema, Bounds(whitespace="one-space"))))
    assert spaced.accepts('{"a": [0, {"b": [1, 2]}]}')
    assert not spaced.accepts('{"a":[0,{"b":[1,2]}]}')
    drawn = Random(0)
    for text in (walked(spaced, drawn) for _ in range(20)):
        assert text == json.dumps(json.loads(text))


def test_recursion_goes_to_the_depth_and_no_further() -> None:
    schema = {"properties": {"n": {"$ref": "#"}}, "type": "object"}
    for depth in (0, 1, 4):
        language = Language(from_schema(JsonSchema(schema, Bounds(depth=depth))))
        assert language.accepts('{"n":' * depth + "{}" + "}" * depth)
        assert not language.accepts('{"n":' * (depth + 1) + "{}" + "}" * (depth + 1))


def test_lenient_leaves_out_and_reports_what_strict_refuses() -> None:
    schema = {
        "type": "object",
        "properties": {"a/b": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}},
    }
    with pytest.raises(InvalidInput, match=r"^s: #/properties/a~1b/uniqueItems: "):
        lowered(schema, what="s")
    made = lowered(JsonSchema(schema, lenient=True))
    assert [one.pointer for one in made.unenforced] == ["#/properties/a~1b/uniqueItems"]
    assert Language(made.constraint).accepts('{"a/b":[1,1]}')
    assert violation(schema, '{"a/b":[1,2]}') is None
    assert "non-unique" in str(violation(schema, '{"a/b":[1,1]}'))
    assert violation({"multipleOf": 0.01}, "0.07") is None
    assert "cannot be validated" in str(violation({}, "{"))


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/a", "$defs": {"a": {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}},
          "type": "object"}}}, r"#/\$defs/a/properties/a/\$ref|#/\$defs/a/required"),
        ({"type": "array", "minItems": 1, "items": {"$ref": "#"}}, "no way out within 3 levels|#/minItems"),
        ({"type": "string", "enum": [1]}, "#: no value"),
        ({"oneOf": [{"type": "null"}, {"const": None}]}, "#: no value"),
        ({"allOf": [{"minimum": 3}, {"maximum": 2}], "type": "number"}, "#/allOf/0/minimum: no value satisfies this"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, '#/required: the property "a" is required'),
        ({"type": "object", "maxProperties": 0, "required": ["a"]}, "#/maxProperties: no object satisfies this"),
    ],
)  # fmt: skip
def test_what_nothing_satisfies_is_refused(schema: Schema, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_schema(schema)


def test_a_schema_of_a_megabyte_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    many = {f"property number {i}": {"type": "string", "description": "x" * 80} for i in range(8_000)}
    schema = {"type": "object", "properties": many, "required": ["property number 7999"]}
    assert len(json.dumps(schema)) > 10**6
    assert len(lowered(schema).union) == 1
    several = [{"enum": list(range(i, 5))} for i in range(5)] * 4
    monkeypatch.setattr(limits, "SCHEMA_WAYS", 50)
    with pytest.raises(TooLarge, match=r"^s: #.*ways to satisfy"):
        from_schema({"type": "array", "allOf": [{"not": {"prefixItems": several}}] * 3}, what="s")
