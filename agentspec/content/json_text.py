"""JSON as text: how a model writes values, and how they are read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentspec.content.constraint import ranges_without
from agentspec.content.numbers import decimal_of

PLAIN = ranges_without((0, 0x1F), (0x7F, 0x9F), (0x2028, 0x2029), '"', "\\")
"""What stands in a string without an escape."""
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t"}
"""How a string that a model writes holds the characters that need an escape; others of that kind it does not hold."""


def compact(value: Any, comma: str = ",", colon: str = ":") -> str:
    """Compact JSON; control characters and line separators are escaped, numbers have no exponent.

    Raises ValueError, TypeError, RecursionError.
    """
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"the name {key!r} is no string")
        members = (f"{compact(key)}{colon}{compact(inner, comma, colon)}" for key, inner in value.items())
        return "{" + comma.join(members) + "}"
    if isinstance(value, list):
        return "[" + comma.join(compact(inner, comma, colon) for inner in value) + "]"
    exact = decimal_of(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False) if exact is None else f"{exact:f}"
    text.encode()
    return "".join(f"\\u{ord(c):04x}" if 0x7F <= ord(c) <= 0x9F or ord(c) in (0x2028, 0x2029) else c for c in text)


def kind_of(value: Any) -> str:
    """The JSON type of a value: ``number`` for integers too. Raises TypeError for what is none."""
    if isinstance(value, bool):
        return "boolean"
    kinds: list[tuple[Any, str]] = [(str, "string"), ((int, float, Decimal), "number"), (list, "array")]
    for kind, name in (*kinds, (Mapping, "object"), (type(None), "null")):
        if isinstance(value, kind):
            return name
    raise TypeError(f"{value!r} is no JSON value")


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: numbers by value, booleans are none."""
    kind = kind_of(one)
    if kind != kind_of(other):
        return False
    if kind == "number":
        return decimal_of(one) == decimal_of(other)
    if kind == "array":
        return len(one) == len(other) and all(map(same, one, other))
    if kind == "object":
        return set(one) == set(other) and all(same(one[name], other[name]) for name in one)
    return bool(one == other)


def shown(value: Any) -> str:
    """A value for a message."""
    text = ascii(value) if not isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


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
