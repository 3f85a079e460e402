"""Signature and docstring → schema: a table of functions, and what is refused."""

import enum
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional

import jsonschema
import pytest
from pydantic import Field

from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput
from agentspec.toolbox.tool import call, tool_from_function


class Colour(enum.Enum):
    """What a thing looks like."""

    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


def one(annotation: Any, default: Any = ...) -> Callable[..., str]:
    """A documented function with one parameter ``x`` of this annotation."""

    def show(x: Any) -> str:
        """Show it.

        Args:
            x: a thing
        """
        return repr(x)

    show.__annotations__["x"] = annotation
    if default is not ...:
        show.__defaults__ = (default,)
    return show


def property_of(annotation: Any) -> dict[str, Any]:
    schema = tool_from_function(one(annotation)).schema.parameters["properties"]["x"]
    assert schema.pop("description") == "a thing"
    return schema


TYPES = [
    (str, {"type": "string"}, ["", "a"], [1, None]),
    (int, {"type": "integer"}, [0, -5, 2**70], ["1", 1.5, True]),
    (float, {"type": "number"}, [1, 2.5], ["1", False]),
    (bool, {"type": "boolean"}, [True], [1, "true"]),
    (None, {"type": "null"}, [None], [0]),
    (Literal["a"], {"enum": ["a"], "type": "string"}, ["a"], ["b"]),
    (Literal["b", "a", 1], {"enum": ["b", "a", 1]}, ["a", 1], ["c", 2]),
    (Colour, {"enum": ["red", "blue"], "type": "string"}, ["red"], ["RED", 1]),
    (Size, {"enum": [1, 2], "type": "integer"}, [2], [3, "1"]),
    (list[int], {"items": {"type": "integer"}, "type": "array"}, [[], [1]], [["1"], 1]),
    (list[Colour], {"items": {"enum": ["red", "blue"], "type": "string"}, "type": "array"}, [["red"]], [["x"]]),
    (list[list[bool]], {"items": {"items": {"type": "boolean"}, "type": "array"}, "type": "array"}, [[[True]]], [[1]]),
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, [1, None], ["1"]),
    (
        Optional[Colour],  # noqa: UP045 (the old spelling must work too)
        {"anyOf": [{"enum": ["red", "blue"], "type": "string"}, {"type": "null"}]},
        ["blue", None],
        ["green"],
    ),
    (
        Annotated[str, Field(max_length=3, min_length=1)],
        {"maxLength": 3, "minLength": 1, "type": "string"},
        ["abc"],
        ["", "abcd"],
    ),
    (
        Annotated[str | None, Field(max_length=1)],
        {"anyOf": [{"maxLength": 1, "type": "string"}, {"type": "null"}]},
        ["a", None],
        ["ab"],
    ),
    (Annotated[str, Field(pattern="^a+$")], {"pattern": "^a+$", "type": "string"}, ["aa"], ["b"]),
    (Annotated[int, Field(ge=1, lt=9)], {"exclusiveMaximum": 9, "minimum": 1, "type": "integer"}, [1, 8], [0, 9]),
    (Annotated[float, Field(gt=0.5)], {"exclusiveMinimum": 0.5, "type": "number"}, [1], [0.5]),
    (
        Annotated[list[Annotated[int, Field(le=5)]], Field(max_length=2)],
        {"items": {"maximum": 5, "type": "integer"}, "maxItems": 2, "type": "array"},
        [[1, 5]],
        [[6], [1, 2, 3]],
    ),
    (
        Annotated[Colour, Field(title="T", description="D", examples=["red"])],
        {"enum": ["red", "blue"], "type": "string"},
        ["red"],
        [],
    ),
]


@pytest.mark.parametrize(("annotation", "schema", "good", "bad"), TYPES, ids=lambda value: str(value)[:40])
def test_types(annotation: Any, schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    assert json.dumps(property_of(annotation)) == json.dumps(schema)
    tool = tool_from_function(one(annotation))
    for value, fits in [*((value, True) for value in good), *((value, False) for value in bad)]:
        assert jsonschema.Draft202012Validator(tool.schema.parameters).is_valid({"x": value}) == fits, value
        assert call(tool, {"x": value}).ok == fits, value


def test_the_whole_schema() -> None:
    def pay(to: str, amount: Annotated[float, Field(gt=0)], note: str = "", *, urgent: bool = False) -> str:
        """Pay an invoice
        at once.

        Nobody is asked. This paragraph is for people.

        Args:
            to: who gets
                the money
            amount (float): how much: in euros
            note: what for
            urgent: whether it hurries

        Returns:
            amount: not a parameter's line
        """
        return f"{to} {amount} {note} {urgent}"

    tool = tool_from_function(pay, name="pay-now")
    assert tool.schema.to_json() == {
        "name": "pay-now",
        "description": "Pay an invoice at once.",
        "parameters": {
            "additionalProperties": False,
            "properties": {
                "to": {"description": "who gets the money", "type": "string"},
                "amount": {"description": "how much: in euros", "exclusiveMinimum": 0, "type": "number"},
                "note": {"description": "what for", "type": "string"},
                "urgent": {"description": "whether it hurries", "type": "boolean"},
            },
            "required": ["to", "amount"],
            "type": "object",
        },
    }
    assert list(tool.schema.parameters["properties"]) == ["to", "amount", "note", "urgent"]
    assert ToolSchema.from_json(tool.schema.to_json()) == tool.schema
    jsonschema.Draft202012Validator.check_schema(tool.schema.parameters)
    assert call(tool, {"to": "Ann", "amount": 4, "urgent": True}).text == "Ann 4.0  True"


def test_no_parameters() -> None:
    def now() -> str:
        """Tell the time."""
        return "noon"

    closed = {"additionalProperties": False, "properties": {}, "required": [], "type": "object"}
    assert tool_from_function(now).schema == ToolSchema("now", "Tell the time.", closed)
    assert call(tool_from_function(now), {}).text == "noon"


def test_enum_members_reach_the_function() -> None:
    assert call(tool_from_function(one(list[Colour])), {"x": ["red"]}).text == "[<Colour.RED: 'red'>]"


def test_parameters_may_have_any_name() -> None:
    def odd(schema: str, title: str, _x: str) -> str:
        """Join.

        Args:
            schema: one
            title: two
            _x: three
        """
        return schema + title + _x

    assert call(tool_from_function(odd), {"schema": "a", "title": "b", "_x": "c"}).text == "abc"


def bare(x: str) -> str:
    return x


def undescribed(x: str) -> str:
    """Show it."""
    return x


def only_args(x: str) -> str:
    """
    Args:
        x: a thing
    """
    return x


def untyped(x) -> str:  # type: ignore[no-untyped-def]
    """Show it.

    Args:
        x: a thing
    """
    return str(x)


def misspelt(amount: str) -> str:
    """Show it.

    Args:
        amount: a thing
        amuont: another
    """
    return amount


def many(*x: str) -> str:
    """Show it.

    Args:
        x: a thing
    """
    return "".join(x)


def named(**x: str) -> str:
    """Show it.

    Args:
        x: a thing
    """
    return "".join(x)


def positional(x: str, /) -> str:
    """Show it.

    Args:
        x: a thing
    """
    return x


async def waiting(x: str):  # type: ignore[no-untyped-def]
    """Show it.

    Args:
        x: a thing
    """
    yield x


def yielding(x: str):  # type: ignore[no-untyped-def]
    """Show it.

    Args:
        x: a thing
    """
    yield x


def unknown_name(x: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821
    """Show it.

    Args:
        x: a thing
    """
    return str(x)


REFUSED = [
    (bare, "tool 'bare' has no description; add a docstring that says what it does"),
    (only_args, "tool 'only_args' has no description; add a docstring that says what it does"),
    (
        undescribed,
        "tool 'undescribed', parameter 'x' has no description; "
        "add the line 'x: what it is' under 'Args:' in the docstring",
    ),
    (untyped, "tool 'untyped', parameter 'x' has no type; add one: str, int"),
    (misspelt, "tool 'misspelt': 'Args:' describes 'amuont', which is no parameter; did you mean 'amount'?"),
    (many, "tool 'many', parameter 'x': *x takes any number of arguments; give it a name and the type list[…]"),
    (named, "tool 'named', parameter 'x': **x takes any name; write each parameter out"),
    (positional, "tool 'positional', parameter 'x': x can only be given by position; remove the '/'"),
    (waiting, "tool 'waiting' yields its results one by one; return a list"),
    (yielding, "tool 'yielding' yields its results one by one; return a list"),
    (unknown_name, "tool 'unknown_name': its signature cannot be read: name 'Nowhere' is not defined"),
    (lambda x: x, "tool '<lambda>': its name must be letters, digits, _ or -, 64 at most; pass name="),
    (Colour, "a tool is a function; wrap it in a def"),
    (one(dict[str, int]), "tool 'show', parameter 'x': the type dict[str, int] is not supported; use str, int, float"),
    (one(list), "the type list is not supported"),
    (one(list[dict[str, int]]), "the type dict[str, int] is not supported"),
    (one(int | tuple[int, int]), "the type tuple[int, int] is not supported"),
    (one(Any), "the type Any is not supported"),
    (one(bytes), "the type bytes is not supported"),
    (one(Literal[b"a"]), "the type Literal[b'a'] is not supported"),
    (one(Annotated[int, Field(max_length=3)]), "parameter 'x': the bound 'maxLength' does not fit the type integer"),
    (
        one(Annotated[int | str, Field(ge=1)]),
        "parameter 'x': the bound 'ge' does not fit the type of a choice or a union",
    ),
    (one(Annotated[Colour, Field(max_length=1)]), "parameter 'x': the bound 'maxLength' does not fit the type string"),
    (one(list[Annotated[bool, Field(ge=1)]]), "parameter 'x': the bound 'ge' does not fit the type boolean"),
    (one(Annotated[float, Field(ge=float("nan"))]), "parameter 'x': Out of range float values"),
    (one(Annotated[str, Field(pattern="(")]), "tool 'show', parameter 'x': "),
]


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=lambda value: getattr(value, "__name__", "")[:30])
def test_refused(function: Any, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        tool_from_function(function)
    assert message in str(caught.value)
