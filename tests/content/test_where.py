"""Conditions on arguments: with every text of the schema, ``where`` says what the definition says of its value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import NO_TEXT, And, Constraint, Not
from agentspec.content.json_schema import from_schema
from agentspec.content.language import Language
from agentspec.content.where import Condition, valuation
from agentspec.errors import InvalidInput
from tests.content.dialect import python
from tests.content.texts import walked
from tests.decoding.grammar import texts_of

Schema = dict[str, Any]
NAMES = ["a", "b", "größe", "due date", "a/b"]
TEXTS = ["", "a", "ab", 'a"b', "\\", "a\nb", "\t", "\x7f", "\u2028", "\r", "é😀", "10"]
NUMBERS = [0, 1, -1, 5, 10, 99, 100, 100.0, 0.5, -0.25, 1.50, 12.345, 1e-3, 100.01, 10**14]
PATTERNS = ["a", "^a", "b$", "^$", "^[a-z]*$", '"', "\\\\", "\\n", "^.$", "[^a]", "(a|b){2}", "\\t|\\s", "\\d", "\\W"]


# ---- the oracle, from the definition


def where(parameters: Mapping[str, Any], condition: Mapping[str, Any], *, what: str) -> Constraint:
    """One condition that holds."""
    return valuation(parameters, [(condition, True)], what=what)


def decoded(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    kinds = {str: "string", Decimal: "number", dict: "object", list: "array", type(None): "null"}
    return kinds[type(value)]


def satisfied(value: Any, condition: Mapping[str, Any]) -> bool:
    """Every keyword holds, and holds only for values of its kind."""
    return all(holds(value, keyword, wanted) for keyword, wanted in condition.items())


def holds(value: Any, keyword: str, wanted: Any) -> bool:
    if keyword == "const":
        return same(value, wanted)
    if keyword == "enum":
        return any(same(value, one) for one in wanted)
    if keyword == "type":
        names = [wanted] if isinstance(wanted, str) else wanted
        whole = kind(value) == "number" and value == value.to_integral_value()
        return kind(value) in names or ("integer" in names and whole)
    if keyword == "properties":
        return kind(value) == "object" and all(n in value and satisfied(value[n], c) for n, c in wanted.items())
    if keyword in ("minLength", "maxLength", "pattern"):
        if kind(value) != "string":
            return False
        if keyword == "pattern":
            return bool(python(wanted).search(value))
        return len(value) >= wanted if keyword == "minLength" else len(value) <= wanted
    if kind(value) != "number":
        return False
    bound = Decimal(str(wanted))
    return {
        "minimum": value >= bound,
        "maximum": value <= bound,
        "exclusiveMinimum": value > bound,
        "exclusiveMaximum": value < bound,
        "multipleOf": keyword != "multipleOf" or value % bound == 0,
    }[keyword]


def same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        return kind(value) != "number" and value == wanted and isinstance(value, bool) == isinstance(wanted, bool)
    return kind(value) == "number" and value == Decimal(str(wanted))


# ---- random schemas and conditions

scalars = st.sampled_from([*TEXTS, *NUMBERS, True, False, None])
bounds = st.sampled_from(NUMBERS)
leaves: st.SearchStrategy[Schema] = st.one_of(
    st.sampled_from(
        [
            {"type": "string", "maxLength": 3},
            {"type": "string", "minLength": 1, "maxLength": 4},
            {"type": "string", "pattern": '^[ab\\n"]*$', "maxLength": 4},
            {"type": "integer"},
            {"type": "number"},
            {"type": "number", "minimum": 0},
            {"type": "integer", "minimum": -5, "maximum": 120},
            {"type": "boolean"},
            {"type": ["string", "number", "null"], "maxLength": 3},
            {"type": "array", "items": {"type": "null"}, "maxItems": 1},
        ]
    ),
    scalars.map(lambda value: {"const": value}),
    st.lists(scalars, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.sampled_from([{"enum": [{"a": 1, "b": "x"}, {"a": 1.0}, 7, [1]]}, {"const": {"b": {"a": "\r"}}}]),
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Schema]) -> Schema:
    properties = draw(st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3))
    return {"type": "object", "properties": properties, "required": [n for n in properties if draw(st.booleans())]}


inner_schemas = st.recursive(
    leaves,
    lambda inner: objects(inner) | st.lists(inner, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
    max_leaves=5,
)


def properties_of(schema: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    parts: list[tuple[str, Any]] = [
        (n, {"const": v}) for value in values if isinstance(value, dict) for n, v in value.items()
    ]
    parts += list(schema.get("properties", {}).items())
    for option in schema.get("anyOf", []):
        parts += [(name, one) for name, several in properties_of(option).items() for one in several]
    for name, one in parts:
        found.setdefault(name, []).append(one)
    return found


@st.composite
def conditions(draw: st.DrawFn, schema: Schema) -> Schema:
    """A condition on a value of the schema; keywords of other kinds now and then."""
    known = properties_of(schema)
    if known and draw(st.integers(0, 3)):
        names = draw(st.lists(st.sampled_from(list(known)), min_size=1, max_size=2, unique=True))
        return {"properties": {n: draw(conditions(draw(st.sampled_from(known[n])))) for n in names}}
    keywords: dict[str, st.SearchStrategy[Any]] = {
        "const": scalars,
        "enum": st.lists(scalars, max_size=3),
        "minimum": bounds,
        "maximum": bounds,
        "exclusiveMinimum": bounds,
        "exclusiveMaximum": bounds,
        "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.01, 25]),
        "pattern": st.sampled_from(PATTERNS),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "type": st.sampled_from(
            ["string", "integer", "number", "null", "boolean", "object", ["integer", "string"], "array"]
        ),
    }
    if "const" in schema or "enum" in schema:
        values = [v for v in schema.get("enum", [schema.get("const")]) if not isinstance(v, dict | list)]
        if values and draw(st.booleans()):
            return {"const": draw(st.sampled_from(values))}
    chosen = draw(st.lists(st.sampled_from(list(keywords)), max_size=2, unique=True))
    return {keyword: draw(keywords[keyword]) for keyword in chosen}


cases = objects(inner_schemas).flatmap(
    lambda schema: st.tuples(
        st.just(schema),
        st.lists(st.sampled_from(list(schema["properties"])), unique=True, max_size=2).flatmap(
            lambda names: st.fixed_dictionaries({name: conditions(schema["properties"][name]) for name in names})
        ),
    )
)


@settings(deadline=None, max_examples=40)
@given(cases, st.randoms(use_true_random=False))
def test_every_text_of_the_schema_falls_on_the_side_its_value_says(case: tuple[Schema, Schema], drawn: Random) -> None:
    schema, condition = case
    base, inside = from_schema(schema), where(schema, condition, what="w")
    language, holding = Language(base), Language(inside)
    sides = [holding, Language(valuation(schema, [(condition, False)], what="w"))]
    complement = Language(And((base, Not(inside))))
    assert holding.is_empty() == (inside == NO_TEXT)
    texts = [walked(language, drawn) for _ in range(4)]
    texts += [walked(side, drawn) for side in sides if not side.is_empty() for _ in range(2)]
    for text in texts:
        assert language.accepts(text)
        expected = satisfied(decoded(text), {"properties": condition})
        assert [side.accepts(text) for side in sides] == [expected, not expected], text
        assert complement.accepts(text) != expected


pairs = objects(inner_schemas).flatmap(
    lambda schema: st.tuples(
        st.just(schema),
        *[
            st.lists(st.sampled_from(list(schema["properties"])), unique=True, max_size=2).flatmap(
                lambda names: st.fixed_dictionaries({name: conditions(schema["properties"][name]) for name in names})
            )
        ]
        * 2,
    )
)
SIGNS = list(product((True, False), repeat=2))


@settings(deadline=None, max_examples=12)
@given(pairs, st.randoms(use_true_random=False))
def test_the_valuations_of_two_conditions_partition_the_schema(
    case: tuple[Schema, Schema, Schema], drawn: Random
) -> None:
    schema, one, other = case
    cells = {signs: valuation(schema, zip((one, other), signs, strict=True), what="w") for signs in SIGNS}
    languages = {signs: Language(cell) for signs, cell in cells.items()}
    assert all(language.is_empty() == (cells[signs] == NO_TEXT) for signs, language in languages.items())
    base = Language(from_schema(schema))
    texts = [walked(base, drawn) for _ in range(3)]
    texts += [walked(language, drawn) for language in languages.values() if not language.is_empty()]
    for text in texts:
        value = decoded(text)
        signs = (satisfied(value, {"properties": one}), satisfied(value, {"properties": other}))
        assert base.accepts(text)
        assert [cell for cell, language in languages.items() if language.accepts(text)] == [signs], text


@settings(deadline=None, max_examples=12)
@given(cases, st.randoms(use_true_random=False))
def test_the_grammar_takes_the_same_texts(case: tuple[Schema, Schema], drawn: Random) -> None:
    schema, condition = case
    inside = where(schema, condition, what="w")
    texts = [walked(Language(from_schema(schema)), drawn) for _ in range(6)]
    for side in (inside, valuation(schema, [(condition, False)], what="w")):
        language = Language(side)
        if not language.is_empty():
            texts += [walked(language, drawn) for _ in range(2)]
            assert texts_of(side, texts) == {text for text in texts if language.accepts(text)}


# ---- the issue's example and its neighbours

PAY: Schema = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "amount": {"type": "number", "minimum": 0},
        "note": {"type": ["string", "null"]},
        "order": {"type": "object", "properties": {"id": {"type": "integer"}, "rush": {"type": "boolean"}}},
    },
    "required": ["to", "amount"],
}


def side(condition: Schema, text: str, schema: Schema = PAY) -> bool:
    return Language(where(schema, condition, what="w")).accepts(text)


@pytest.mark.parametrize(
    ("amount", "large"),
    [
        ("100", False),
        ("100.0", False),
        ("100.00", False),
        ("100.01", True),
        ("101", True),
        ("99.999", False),
        ("1000", True),
        ("0", False),
    ],
)
def test_a_large_payment(amount: str, large: bool) -> None:
    assert side({"amount": {"exclusiveMinimum": 100}}, f'{{"to":"a","amount":{amount}}}') == large


@pytest.mark.parametrize(
    ("condition", "members", "expected"),
    [
        ({"note": {}}, "", False),
        ({"note": {}}, ',"note":null', True),
        ({"note": {"type": "string"}}, ',"note":null', False),
        ({"note": {"type": "string"}}, ',"note":""', True),
        ({"note": {"const": None}}, ',"note":null', True),
        ({"note": {"const": "null"}}, ',"note":null', False),
        ({"note": {"const": 'a"\n'}}, ',"note":"a\\"\\n"', True),
        ({"note": {"maxLength": 1}}, ',"note":"\\n"', True),
        ({"note": {"maxLength": 1}}, ',"note":"ab"', False),
        ({"note": {"maxLength": 1}}, ',"note":null', False),
        ({"note": {"pattern": "^\\\\$"}}, ',"note":"\\\\"', True),
        ({"note": {"pattern": "n"}}, ',"note":"\\n"', False),
        ({"order": {"properties": {"id": {"minimum": 5}}}}, ',"order":{"id":5}', True),
        ({"order": {"properties": {"id": {"minimum": 5}}}}, ',"order":{"id":4}', False),
        ({"order": {"properties": {"id": {"minimum": 5}}}}, ',"order":{}', False),
        ({"order": {"properties": {"rush": {"const": True}}}}, ',"order":{"id":4,"rush":true}', True),
        ({"order": {"properties": {}}}, ',"order":{}', True),
        ({"order": {"type": "object"}}, ',"order":{}', True),
        ({"amount": {"const": 7}, "to": {"enum": ["a", "b"]}}, "", True),
        ({"amount": {"const": 7}, "to": {"enum": ["b"]}}, "", False),
        ({"amount": {"multipleOf": 3.5}}, "", True),
        ({"amount": {"type": "integer"}}, "", True),
        ({"amount": {"enum": []}}, "", False),
        ({}, "", True),
    ],
)
def test_conditions(condition: Schema, members: str, expected: bool) -> None:
    assert side(condition, f'{{"to":"a","amount":7.0{members}}}') == expected


def empty(constraint: Constraint) -> bool:
    return Language(constraint).is_empty()


@pytest.mark.parametrize(
    "condition",
    [
        {"amount": {"maximum": -1}},
        {"amount": {"minimum": 5, "exclusiveMaximum": 5}},
        {"amount": {"pattern": "1"}},
        {"amount": {"type": "string"}},
        {"to": {"minimum": 1}},
        {"to": {"minLength": 201}},
        {"to": {"minLength": 3, "maxLength": 2}},
        {"to": {"const": "\x01"}},
        {"to": {"type": "string", "minimum": 1}},
        {"order": {"properties": {"id": {"const": 1.5}}}},
        {"order": {"const": None}},
        {"order": {"properties": {}, "minLength": 0}},
        {"note": {"const": "x", "maxLength": 0}},
    ],
)
def test_a_condition_that_nothing_satisfies_is_an_empty_constraint(condition: Schema) -> None:
    constraint = where(PAY, condition, what="w")
    assert empty(constraint)
    assert not empty(And((from_schema(PAY), Not(constraint))))


@pytest.mark.parametrize(
    "condition", [{}, {"amount": {}}, {"amount": {"minimum": 0}}, {"to": {"maxLength": 200, "pattern": ""}}]
)
def test_a_condition_that_everything_satisfies_leaves_nothing(condition: Schema) -> None:
    assert empty(And((from_schema(PAY), Not(where(PAY, condition, what="w")))))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"amonut": {}}, "w: #: there is no property 'amonut'; did you mean 'amount'?"),
        (
            {"order": {"properties": {"idd": {}}}},
            "w: #/order/properties: there is no property 'idd'; did you mean 'id'?",
        ),
        ({"to": {"properties": {"x": {}}}}, "w: #/to/properties: there is no property 'x'; it has none"),
        ({"amount": {"minimun": 1}}, "w: #/amount: 'minimun' is no condition; did you mean 'minimum'?"),
        ({"amount": 5}, "w: #/amount: a condition is an object"),
        ({"amount": {"minimum": "5"}}, "w: #/amount/minimum: needs a number"),
        ({"amount": {"minimum": True}}, "w: #/amount/minimum: needs a number"),
        ({"amount": {"maximum": float("nan")}}, "w: #/amount/maximum: needs a number"),
        ({"amount": {"maximum": 1e300}}, "w: #/amount/maximum: 1.0000000000e+300 has more than 40 digits"),
        ({"amount": {"multipleOf": 0}}, "w: #/amount/multipleOf: multiples are told of a positive number"),
        ({"amount": {"multipleOf": 1.2345}}, "w: #/amount/multipleOf: multiples of 1.2345 cannot be told"),
        ({"amount": {"const": [1]}}, "w: #/amount/const: [1] is no string, number, boolean or null"),
        ({"amount": {"enum": 1}}, "w: #/amount/enum: needs a list"),
        ({"amount": {"enum": [{}]}}, "w: #/amount/enum: {} is no string"),
        ({"amount": {"const": float("inf")}}, "w: #/amount/const: inf is no string"),
        ({"to": {"const": "\ud800"}}, "w: #/to/const: "),
        ({"to": {"type": "text"}}, "w: #/to/type: needs one or more of string"),
        ({"to": {"minLength": -1}}, "w: #/to/minLength: needs a whole number"),
        ({"to": {"pattern": 3}}, "w: #/to/pattern: needs a regular expression"),
        ({"to": {"pattern": "(?=a)"}}, "w: #/to/pattern:1:1: look-ahead (?= cannot be used here"),
        ({"to": {"type": "integer", "pattern": "("}}, "w: #/to/pattern:1:1: this '(' is never closed"),
        ({"to": {"properties": 3}}, "w: #/to/properties: gives a condition for each property"),
    ],
)
def test_what_cannot_be_decided_is_refused_by_its_pointer(condition: Schema, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        where(PAY, condition, what="w")
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("parameters", [{"type": "null"}, {"type": "object", "patternProperties": {}}])
def test_a_schema_that_cannot_be_enforced_is_refused(parameters: Schema) -> None:
    with pytest.raises(InvalidInput, match=r"^w: #"):
        where(parameters, {"a": {}}, what="w")


@pytest.mark.parametrize(
    ("condition", "fulfilled", "missed"),
    [
        ({"a": {"exclusiveMinimum": 100}}, [{"a": 100.5}, {"a": 10**30}], [{"a": 100}, {"a": "200"}, {}, []]),
        ({"a": {"const": 1}}, [{"a": 1}, {"a": 1.0}], [{"a": True}, {"a": "1"}]),
        ({"a": {"pattern": "^x"}, "b": {}}, [{"a": "xy", "b": None}], [{"a": "xy"}, {"a": "\ud800", "b": 1}]),
        ({"a": {"properties": {"b": {"type": "integer"}}}}, [{"a": {"b": 2.0}}], [{"a": {"b": 2.5}}, {"a": 3}]),
        ({"a": {"maximum": 5}}, [{"a": -1}], [{"a": float("inf")}, {"a": float("nan")}, 7, None]),
    ],
)  # fmt: skip
def test_a_condition_without_a_schema(condition: dict[str, Any], fulfilled: list[Any], missed: list[Any]) -> None:
    test = Condition(condition, what="x")
    assert all(test.holds(value) for value in [*fulfilled, *fulfilled])
    assert not any(test.holds(value) for value in [*missed, *missed])


def test_a_condition_that_is_none_is_refused_without_a_schema() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'minimum'"):
        Condition({"a": {"properties": {"b": {"minimun": 3}}}}, what="x")
