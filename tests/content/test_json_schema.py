"""JSON Schema lowered: what the constraint allows is valid and compact, and what is valid and compact it allows."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentspec.content.constraint import And, Choice, Constraint, Repeat, Sequence, max_bytes
from agentspec.content.json_schema import Bounds, from_schema
from agentspec.content.json_text import parse_object
from agentspec.content.language import Language, matches
from agentspec.content.numbers import DIGITS, compared, multiple_of, number
from agentspec.errors import InvalidInput
from tests.content.texts import sample, walked

Schema = dict[str, Any]
quick = settings(deadline=None, max_examples=60)

KEYS = st.one_of(
    st.sampled_from(["a", "b", "c", "amount", "due date", "größe", "a/b", "~", "😀", "{", "a,b", ":"]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1, max_size=4),
)
STRINGS = st.text(
    st.sampled_from('ab "\\\n\t/é€😀{}[]:,\u00a0') | st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-99, 10**12), STRINGS.map(lambda text: text[:6]))
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2), max_leaves=4
)


def annotated(schema: Schema) -> Schema:
    """The same schema with all that only describes."""
    return {"title": "T", "description": "d", "default": 1, "examples": [], **schema}


@st.composite
def bounded(draw: st.DrawFn, noun: str, most: int) -> Schema:
    low = draw(st.one_of(st.none(), st.integers(0, most)))
    high = draw(st.one_of(st.none(), st.integers(low or 0, most)))
    return {f"{end}{noun}": n for end, n in (("min", low), ("max", high)) if n is not None}


def strings() -> st.SearchStrategy[Schema]:
    return bounded("Length", 4).map(lambda bounds: {"type": "string", **bounds})


def numbers() -> st.SearchStrategy[Schema]:
    minimum = st.sampled_from([{}, {"minimum": 0}, {"minimum": 0.0}])
    return st.builds(lambda name, low: {"type": name, **low}, st.sampled_from(["integer", "number"]), minimum)


def arrays(items: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.builds(lambda inner, bounds: {"type": "array", "items": inner, **bounds}, items, bounded("Items", 3))


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(KEYS, inner, max_size=3))
    required = [name for name in properties if draw(st.booleans())]
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    # Draft 2020-12 objects are open unless they say otherwise; ours are closed either way.
    return schema | {"additionalProperties": False}


def schemas() -> st.SearchStrategy[Schema]:
    """Every keyword that is enforced, nested."""
    leaves = st.one_of(
        strings(),
        numbers(),
        st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["null", "integer"]}]),
        st.builds(lambda low, rest: {"type": ["string", "integer"], **low, **rest}, bounded("Length", 3), st.just({})),
        VALUES.map(lambda value: {"const": value}),
        st.lists(VALUES, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    )

    def extend(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
        return st.one_of(
            arrays(inner),
            objects(inner),
            st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
            inner.map(annotated),
        )

    return st.recursive(leaves, extend, max_leaves=5)


def compact(text: str) -> bool:
    """No blank outside strings, and nothing anywhere that ends a line."""
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    controls = any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F or c in "\u2028\u2029" for c in text)
    return not re.search(r"\s", outside) and not controls


@quick
@given(schemas(), st.randoms(use_true_random=False))
def test_every_text_of_the_constraint_is_valid_and_compact(schema: Schema, drawn: Random) -> None:
    constraint = from_schema(schema)
    validator = Draft202012Validator(schema)
    for _ in range(5):
        text = sample(constraint, drawn)
        assert matches(constraint, text)
        assert validator.is_valid(json.loads(text)), text
        assert compact(text), text
        assert len(text.encode()) <= max_bytes(constraint)


@st.composite
def instances(draw: st.DrawFn, schema: Schema) -> str:
    """A compact text that is valid under the schema, within the default bounds, from the schema's meaning."""
    if "const" in schema:
        return written(schema["const"])
    if "enum" in schema:
        return written(draw(st.sampled_from(schema["enum"])))
    if "anyOf" in schema:
        return draw(instances(draw(st.sampled_from(schema["anyOf"]))))
    kind = schema["type"] if isinstance(schema["type"], str) else draw(st.sampled_from(schema["type"]))
    if kind == "null":
        return "null"
    if kind == "boolean":
        return draw(st.sampled_from(["true", "false"]))
    sign = "" if schema.get("minimum") is not None else draw(st.sampled_from(["", "-"]))
    if kind == "integer":
        return sign + str(draw(st.integers(0, 10**DIGITS - 1)))
    if kind == "number":
        whole = str(draw(st.one_of(st.integers(0, 999), st.integers(0, 10 ** (DIGITS - 1) - 1))))
        fraction = draw(st.text("0123456789", max_size=DIGITS - len(whole)))
        return sign + whole + ("." + fraction if fraction else "")
    if kind == "string":
        low, high = schema.get("minLength", 0), schema.get("maxLength", Bounds.max_chars)
        value = draw(STRINGS.filter(lambda text: len(text) >= low) if low < 2 else st.text("a😀é", min_size=low))
        return written(value[:high])
    if kind == "array":
        low, high = schema.get("minItems", 0), schema.get("maxItems", Bounds.max_items)
        count = draw(st.integers(low, min(high, low + 3)))
        return "[" + ",".join(draw(instances(schema["items"])) for _ in range(count)) + "]"
    members = [
        f"{written(name)}:{draw(instances(inner))}"
        for name, inner in schema["properties"].items()
        if name in schema["required"] or draw(st.booleans())
    ]
    return "{" + ",".join(members) + "}"


def written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@quick
@given(schemas().flatmap(lambda schema: st.tuples(st.just(schema), instances(schema))))
def test_every_valid_compact_text_matches(case: tuple[Schema, str]) -> None:
    schema, text = case
    assert Draft202012Validator(schema).is_valid(json.loads(text)), "the test's own generator is wrong"
    assert matches(from_schema(schema), text)


LIMITS = st.sampled_from([-100, -10, -2.5, -1, -0.5, 0, 0.25, 1, 1.5, 2, 9.99, 10, 99, 100, 12345.678])
RANGES = st.fixed_dictionaries(
    {},
    optional={
        "minimum": LIMITS,
        "maximum": LIMITS,
        "exclusiveMinimum": LIMITS,
        "exclusiveMaximum": LIMITS,
        "multipleOf": st.sampled_from([1, 2, 3, 5, 0.5, 0.01, 0.25, 7]),
    },
)
NUMERALS = st.builds(
    lambda sign, whole, fraction: f"{sign}{whole}{fraction}",
    st.sampled_from(["", "-"]),
    st.integers(0, 120).map(str),
    st.sampled_from(["", "", ".0", ".5", ".25", ".01", ".990", ".678"]),
)


def _ranges(limits: Schema) -> list[Constraint]:
    comparisons = {"minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
    bounds = {keyword: Decimal(str(limit)) for keyword, limit in limits.items()}
    return [
        multiple_of(bound) if keyword == "multipleOf" else compared(comparisons[keyword], bound)
        for keyword, bound in bounds.items()
    ]


def in_range(value: Decimal, limits: Schema) -> bool:
    bound = {keyword: Decimal(str(limit)) for keyword, limit in limits.items()}
    return (
        bound.get("minimum", value) <= value <= bound.get("maximum", value)
        and ("exclusiveMinimum" not in bound or value > bound["exclusiveMinimum"])
        and ("exclusiveMaximum" not in bound or value < bound["exclusiveMaximum"])
        and ("multipleOf" not in bound or value % bound["multipleOf"] == 0)
    )


@quick
@given(
    st.sampled_from(["integer", "number"]), RANGES, st.lists(NUMERALS, max_size=12), st.randoms(use_true_random=False)
)
def test_numbers_keep_to_their_range(name: str, limits: Schema, texts: list[str], drawn: Random) -> None:
    schema = {"type": name, **limits}
    some = [Decimal(n) / 100 for n in range(-12000, 12000, 100 if name == "integer" else 1)]
    if Language(And((number(integer=name == "integer"), *_ranges(limits)))).is_empty():
        assert not any(in_range(value, limits) for value in some)
        with pytest.raises(InvalidInput, match="no value satisfies this"):
            from_schema(schema)
        return
    language = Language(from_schema(schema))
    may_be_negative = all(limits.get(keyword, -1) < 0 for keyword in ("minimum", "exclusiveMinimum"))
    for text in texts:
        written = (may_be_negative or text[0] != "-") and not (name == "integer" and "." in text)
        assert language.accepts(text) == (written and in_range(Decimal(text), limits)), text
    for _ in range(3):
        assert in_range(Decimal(walked(language, drawn)), limits)


@pytest.mark.parametrize(
    "pattern",
    ["^a", "b$", '"', "^[^\\\\]*$", "\\n|\\t", "^(a|\\\\|é){2,3}$", "^.?$", "\\d{3}", "^\\W+$", "(?i)^ab", ""],
)
def test_patterns_are_searched_for_in_the_decoded_string(pattern: str) -> None:
    language = Language(from_schema({"type": "string", "pattern": pattern, "maxLength": 6}))
    found = re.compile(pattern.replace("$", "\\Z"), re.ASCII)
    for letters in range(5):
        for value in map("".join, product('aB"\\\né1', repeat=letters) if letters < 4 else product('a"\\', repeat=4)):
            apart = "W" in pattern and not value.isascii()  # where dialects differ nothing is written
            assert language.accepts(written(value)) == (not apart and bool(found.search(value))), value
    assert not language.accepts(written("a" * 7))


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"type": "integer", "minimum": 0.2, "maximum": 0.9}, "#/minimum"),
        ({"type": "number", "minimum": 3, "maximum": 2}, "#/minimum"),
        ({"type": "number", "exclusiveMinimum": 3, "maximum": 3}, "#/exclusiveMinimum"),
        ({"type": "integer", "multipleOf": 1000, "minimum": 1, "maximum": 999}, "#/multipleOf"),
        ({"type": "string", "pattern": "^a{5}$", "maxLength": 4}, "#/pattern"),
        ({"type": "string", "pattern": "\\x00"}, "#/pattern"),
        ({"type": "integer", "minimum": 10**15}, "#/minimum"),
        ({"type": "integer", "minimum": "1"}, "#/minimum"),
        ({"type": "integer", "maximum": True}, "#/maximum"),
        ({"type": "integer", "multipleOf": 0}, "#/multipleOf"),
        ({"type": "number", "multipleOf": 0.12345}, "#/multipleOf"),
        ({"type": "string", "pattern": 1}, "#/pattern"),
        ({"type": "string", "pattern": "("}, "#/pattern"),
        ({"type": "string", "pattern": "a(?=b)"}, "#/pattern"),
    ],
)
def test_what_no_value_satisfies_or_cannot_be_read_is_refused(schema: Schema, pointer: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        from_schema(schema, what="w")
    assert str(raised.value).startswith(f"w: {pointer}:")


def test_constants_have_no_exponent() -> None:
    for value, text in (
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (-2.5e3, "-2500.0"),
        ([1e16], "[10000000000000000]"),
    ):
        assert matches(from_schema({"const": value}), text)
        assert json.loads(text) == value
    with pytest.raises(InvalidInput, match="is no string"):
        from_schema({"const": {1: 2}})


@quick
@given(schemas(), VALUES)
def test_a_value_that_is_not_valid_does_not_match(schema: Schema, value: Any) -> None:
    if not Draft202012Validator(schema).is_valid(value):
        assert not matches(from_schema(schema), written(value))


PAY: Schema = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 1, "maxLength": 3},
        "amount": {"type": "number", "minimum": 0},
        "note": {"anyOf": [{"type": "null"}, {"enum": ["rent", "gift"]}]},
        "lines": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
    },
    "required": ["to", "amount"],
}


@pytest.mark.parametrize(
    "text",
    [
        '{"to":"ann","amount":0}',
        '{"to":"a","amount":12.50}',
        '{"to":"😀é\\"","amount":1,"note":null}',
        '{"to":"\\n\\t\\\\","amount":1,"note":"gift","lines":[]}',
        '{"to":"a","amount":999999999999999,"lines":[1,-2]}',
    ],
)
def test_arguments_that_match(text: str) -> None:
    assert matches(from_schema(PAY), text)
    assert Draft202012Validator(PAY).is_valid(parse_object(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"to":"ann"}',
        '{"amount":1,"to":"a"}',
        '{"to":"anna","amount":1}',
        '{"to":"","amount":1}',
        '{"to":"😀😀😀😀","amount":1}',
        '{"to":"a","amount":-1}',
        '{"to":"a","amount":01}',
        '{"to":"a","amount":1.}',
        '{"to":"a","amount":.5}',
        '{"to":"a","amount":1e3}',
        '{"to":"a","amount":1000000000000000}',
        '{"to":"a","amount":"1"}',
        '{"to":"a","amount":1,"note":"cash"}',
        '{"to":"a","amount":1,"lines":[1,2,3]}',
        '{"to":"a","amount":1,"lines":[1.5]}',
        '{"to":"a","amount":1,"lines":[,1]}',
        '{"to":"a","amount":1,"more":1}',
        '{"to":"a","amount":1,}',
        '{"to": "a","amount":1}',
        '{"to":"a","amount":1,"amount":2}',
        '{"to":"a","to":"b","amount":1}',
        '{"to":"a","amo\\u0075nt":1}',
        '{"to":"\\u0061","amount":1}',
        '{"to":"a\nb","amount":1}',
        '{"to":"a\x7fb","amount":1}',
        '{"to":"a\u2028","amount":1}',
        '{"to":"a","amount":1}\n',
    ],
)
def test_arguments_that_do_not_match(text: str) -> None:
    assert not matches(from_schema(PAY), text)


def test_optional_members_in_every_combination() -> None:
    names = ["a", "b", "c", "d"]
    for required in ([], ["a"], ["b"], ["d"], ["b", "c"], names):
        properties = {name: {"type": "null"} for name in names}
        constraint = from_schema({"type": "object", "properties": properties, "required": required})
        for bits in range(16):
            present = [name for i, name in enumerate(names) if bits >> i & 1]
            text = "{" + ",".join(f'"{name}":null' for name in present) + "}"
            assert matches(constraint, text) == (set(required) <= set(present)), (required, text)


def test_default_bounds() -> None:
    text = from_schema({"type": "string"})
    assert matches(text, '"' + "é" * Bounds.max_chars + '"')
    assert not matches(text, '"' + "é" * (Bounds.max_chars + 1) + '"')
    several = from_schema({"type": "array", "items": {"type": "null"}})
    assert matches(several, "[" + ",".join(["null"] * Bounds.max_items) + "]")
    assert not matches(several, "[" + ",".join(["null"] * (Bounds.max_items + 1)) + "]")
    assert matches(from_schema({"type": "string", "minLength": 300}), '"' + "a" * 300 + '"')
    assert matches(from_schema({"type": "array", "items": {"const": 1}, "minItems": 9}), "[" + ",".join("1" * 9) + "]")
    whole = from_schema({"type": "integer"})
    assert matches(whole, "-" + "9" * DIGITS)
    assert not matches(whole, "1" + "0" * DIGITS)


def nested(depth: int, keyword: str) -> Schema:
    schema: Schema = {"type": "null"}
    for _ in range(depth):
        schema = {"anyOf": [schema]} if keyword == "anyOf" else {"type": "array", "items": schema, "maxItems": 2}
    return schema


def test_depth() -> None:
    assert matches(from_schema(nested(20, "anyOf")), "null")
    assert matches(from_schema(nested(6, "items")), "[[[[[[null,null],[]]]]]]")
    with pytest.raises(InvalidInput, match=r"nested too deeply"):
        from_schema(nested(500, "anyOf"))
    with pytest.raises(InvalidInput, match=r"#(/items){21}: nested deeper than 20"):
        from_schema(nested(30, "items"))


def test_the_constraint_of_nested_arrays_grows_with_the_schema() -> None:
    """An array holds its item twice; what is written out doubles with each level, what is in memory must not."""
    sizes = [len(parts(from_schema(nested(depth, "items")))) for depth in (4, 8, 12)]
    assert sizes[2] - sizes[1] == sizes[1] - sizes[0]
    assert max_bytes(from_schema(nested(20, "items"))) > 2**20


def parts(constraint: Constraint) -> dict[int, Constraint]:
    """The different objects of a tree, by identity."""
    found: dict[int, Constraint] = {}
    todo = [constraint]
    while todo:
        node = todo.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        match node:
            case Sequence(parts=inner) | Choice(options=inner):
                todo += inner
            case Repeat(body=body):
                todo.append(body)
    return found


STRINGS_ALL: Schema = {"type": "array", "items": {"type": "string"}}
UNSUPPORTED: list[tuple[Schema, str]] = [
    ({"type": "string", "format": "iri"}, "format"),
    ({"not": {"type": "string", "format": "date"}}, "not/format"),
    ({"type": "string", "pattern": "a(?=b)"}, "pattern"),
    ({**STRINGS_ALL, "uniqueItems": True}, "uniqueItems"),
    ({**STRINGS_ALL, "unevaluatedItems": False}, "unevaluatedItems"),
    ({"type": "object", "unevaluatedProperties": False}, "unevaluatedProperties"),
    ({"type": "object", "not": {"propertyNames": {"maxLength": 3}}}, "not/propertyNames"),
    ({"type": "object", "not": {"additionalProperties": False}}, "not/additionalProperties"),
    ({"type": "string", "invented": 1}, "invented"),
    ({"type": "string", "minLenght": 1}, "minLenght"),
    ({"type": "object", "dependencies": {}}, "dependencies"),
    ({"type": "object", "$dynamicRef": "#a"}, "$dynamicRef"),
]


@pytest.mark.parametrize(("schema", "keyword"), UNSUPPORTED)
def test_what_cannot_be_enforced_is_refused_by_its_pointer(schema: Schema, keyword: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        from_schema(schema, what="tool 'pay'")
    assert str(raised.value).startswith(f"tool 'pay': #/{keyword}: ")
    deep = {"type": "object", "properties": {"a": {"type": "array", "items": {"anyOf": [{"type": "null"}, schema]}}}}
    with pytest.raises(InvalidInput) as raised:
        from_schema(deep, what="w")
    assert str(raised.value).startswith(f"w: #/properties/a/items/anyOf/1/{keyword}: ")


MALFORMED: list[tuple[Any, str]] = [
    ({"type": "text"}, "#/type"),
    ({"type": []}, "#/type"),
    ({"type": 3}, "#/type"),
    ({"type": ["string", None]}, "#/type"),
    ({"enum": []}, "#/enum"),
    ({"enum": "ab"}, "#/enum"),
    ({"type": "integer", "const": True}, "#"),
    ({"anyOf": []}, "#/anyOf"),
    ({"anyOf": [3]}, "#/anyOf/0"),
    ({"type": "array", "items": 3}, "#/items"),
    ({"type": "array", "items": [{}]}, "#/items"),
    ({"type": "string", "minLength": -1}, "#/minLength"),
    ({"type": "string", "minLength": 1.5}, "#/minLength"),
    ({"type": "string", "maxLength": True}, "#/maxLength"),
    ({"type": "string", "minLength": 10_001}, "#/minLength"),
    ({"type": "string", "minLength": 3, "maxLength": 2}, "#/minLength"),
    ({"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 1}, "#/minItems"),
    ({"type": "object", "properties": {}, "required": "a"}, "#/required"),
    ({"type": "object", "properties": []}, "#/properties"),
    ({"type": "object", "properties": {"a": 1}}, "#/properties/a"),
    ({"type": "object", "patternProperties": {"(": True}}, "#/patternProperties/("),
    ({"type": "object", "dependentRequired": {"a": "b"}}, "#/dependentRequired"),
    ({"$ref": "#/$defs/a"}, "#/$ref"),
    ({"$ref": "https://example.com/schema"}, "#/$ref"),
    ({"$ref": "#"}, "#"),
    ({"anyOf": [{"$ref": "#"}]}, "#"),
    ([], "#"),
    ("string", "#"),
    (3, "#"),
    (False, "#"),
    ({"not": {}}, "#"),
    ({"allOf": [{"type": "string"}, {"type": "null"}]}, "#"),
]


@pytest.mark.parametrize(("schema", "pointer"), MALFORMED)
def test_malformed_schemas_are_refused(schema: Any, pointer: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        from_schema(schema, what="w")
    assert str(raised.value).startswith(f"w: {pointer}: ")


@pytest.mark.parametrize(
    "schema",
    [
        {"const": float("nan")},
        {"enum": [float("inf")]},
        {"type": "object", "properties": {}, "required": [["a"]]},
        {"type": "object", "properties": {}, "required": [{}]},
        {"const": "\ud800"},
        {"type": "object", "properties": {"\ud800": {"type": "null"}}},
        {"type": "integer", "minimum": False},
    ],
    ids=["nan", "infinity", "required list", "required object", "surrogate", "surrogate key", "minimum false"],
)
def test_values_that_cannot_be_written_are_refused(schema: Schema) -> None:
    with pytest.raises(InvalidInput):
        max_bytes(from_schema(schema))


@pytest.mark.parametrize("character", ["\x00", "\n", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\u2028", "\u2029"])
def test_a_constant_with_a_control_character_is_escaped(character: str) -> None:
    for schema in ({"const": f"a{character}b"}, {"enum": [{f"k{character}": [character]}]}):
        text = sample(from_schema(schema), Random(0))
        assert compact(text), ascii(text)
        assert Draft202012Validator(schema).is_valid(json.loads(text))


def test_pointers_escape_slash_and_tilde() -> None:
    with pytest.raises(InvalidInput, match=r"^w: #/properties/a~1b~0c/type: "):
        from_schema({"type": "object", "properties": {"a/b~c": {"type": "nothing"}}}, what="w")


def test_annotations_change_nothing() -> None:
    assert from_schema(annotated(PAY)) == from_schema(PAY)


# ---- reading arguments back


@quick
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_parse_object_reads_what_json_writes(value: dict[str, Any]) -> None:
    assert parse_object(json.dumps(value)) == value
    assert parse_object(written(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"amo\\u0075nt":1,"amount":2}',
        '{"a":1,"a":1}',
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1,"\\u0062":2}]}',
        '{"":1,"":2}',
    ],
)
def test_duplicate_keys_are_refused_after_decoding(text: str) -> None:
    with pytest.raises(ValueError, match="stands twice"):
        parse_object(text)


@pytest.mark.parametrize("text", ["", "[]", "1", '"a"', "null", "{", '{"a":1} x', "{a:1}", "{'a':1}", '{"a":1,}'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_object(text)


@pytest.mark.parametrize(
    "text", ['{"a":NaN}', '{"a":Infinity}', '{"a":[-Infinity]}', '{"a":' + "[" * 100_000], ids=lambda text: text[:12]
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_object(text)
