"""What patterns and JSON mean, by definition: Python's re, json and decimal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import jsonschema

Mapped = Mapping[str, Any]


@cache
def pattern(dialect: str) -> re.Pattern[str]:
    """A pattern of the dialect as one of Python's: ``.`` is no line break at all, ``$`` the very end."""
    body = dialect.removeprefix("(?i)")
    found, inside, i = [], False, 0
    while i < len(body):
        two = body[i : i + 2]
        if two[0] == "\\":
            found.append(two)
            i += 2
            continue
        inside = (two[0] == "[" or inside) and two[0] != "]"
        plain = {".": "[^\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029]", "$": "\\Z"}
        found.append(two[0] if inside else plain.get(two[0], two[0]))
        i += 1
    return re.compile("".join(found), re.ASCII | (re.IGNORECASE if dialect.startswith("(?i)") else 0))


# JSON -----------------------------------------------------------------------------------------------------------------


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "law: no key stands twice"
    return dict(pairs)


def read_json(text: str) -> Any:
    """The value, numbers exact."""
    return json.loads(text, parse_float=Decimal, object_pairs_hook=unique)


def closed(schema: Any) -> Any:
    """The schema with every object closed, its numbers exact."""

    def visit(node: Any) -> Any:
        if isinstance(node, list):
            return [visit(item) for item in node]
        if not isinstance(node, dict):
            return node
        made = {key: value if key in ("const", "enum") else visit(value) for key, value in node.items()}
        return {**made, "additionalProperties": False} if made.get("type") == "object" else made

    return visit(json.loads(json.dumps(schema), parse_float=Decimal))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: a number is its value, and no number is a boolean."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | Decimal | float) and isinstance(other, int | Decimal | float):
        return exact(one) == exact(other)
    return type(one) is type(other) and bool(one == other)


def exact(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: is_number(v) and exact(v) == exact(v).to_integral_value(),
    "number": is_number,
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_NUMERIC: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "minimum": lambda v, bound: v >= bound,
    "maximum": lambda v, bound: v <= bound,
    "exclusiveMinimum": lambda v, bound: v > bound,
    "exclusiveMaximum": lambda v, bound: v < bound,
    "multipleOf": lambda v, step: v % step == 0,
}


def fulfils(value: Any, condition: Mapped) -> bool:
    """Whether a value satisfies every keyword of a condition; a keyword implies the type it speaks of."""
    for key, asked in condition.items():
        if key == "const":
            fine = same(value, asked)
        elif key == "enum":
            fine = any(same(value, one) for one in asked)
        elif key == "type":
            fine = any(_TYPES[name](value) for name in ([asked] if isinstance(asked, str) else asked))
        elif key in _NUMERIC:
            fine = is_number(value) and _NUMERIC[key](exact(value), exact(asked))
        elif key == "pattern":
            fine = isinstance(value, str) and pattern(asked).search(value) is not None
        elif key in ("minLength", "maxLength"):
            fine = isinstance(value, str) and (len(value) >= asked if key == "minLength" else len(value) <= asked)
        else:
            assert key == "properties"
            fine = isinstance(value, dict) and all(k in value and fulfils(value[k], c) for k, c in asked.items())
        if not fine:
            return False
    return True


def is_valid(text: str, schema: Any) -> bool:
    """Whether a text is JSON that is valid under a schema, its objects closed."""
    try:
        value = read_json(text)
    except ValueError:
        return False
    return jsonschema.Draft202012Validator(closed(schema)).is_valid(value)  # type: ignore[no-any-return]
