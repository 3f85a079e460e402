"""Constraints that speak of earlier values: every text of a value, lists without repeats.

They are JSON as a model writes it (compact, see `json_schema`), and are meant to be met with the texts of a schema; so
they need not know it. `more_than` counts texts, to see that a step can never run out of new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    ANY,
    NO_TEXT,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Repeat,
    either,
    encoded,
)
from agentspec.content.constraint import Sequence as Joined
from agentspec.content.json_text import ESCAPES, compact, kind_of
from agentspec.content.language import NOTHING, Language
from agentspec.content.numbers import compared, decimal_of
from agentspec.errors import InvalidInput

_DIGITS = Characters(((0x30, 0x39),), 1, None)
_NUMBER = Joined((Choice((Literal(""), Literal("-"))), _DIGITS, Choice((Literal(""), Joined((Literal("."), _DIGITS))))))
_STRING_CHARACTER = Choice(
    (
        Characters(((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, 0x10FFFF)), 1, 1),
        Joined((Literal("\\"), Characters(ANY, 1, 1))),
    )
)
_STRING = Joined((Literal('"'), Repeat(_STRING_CHARACTER, 0, None), Literal('"')))
SCALAR = Choice((_STRING, _NUMBER, Literal("true"), Literal("false"), Literal("null")))
"""Every JSON string, number, boolean, and null."""


def texts_of(value: Any) -> Constraint:
    """Every text of a JSON value: numbers in all their notations, the members of objects in the order given."""
    exact = decimal_of(value)
    if exact is not None:
        try:
            return compared("=", exact)
        except InvalidInput:
            return Literal(compact(value))
    if isinstance(value, Mapping):
        members = [Joined((Literal(f"{compact(name)}:"), texts_of(inner))) for name, inner in value.items()]
        return Joined((Literal("{"), *_separated(members), Literal("}")))
    if isinstance(value, list):
        return Joined((Literal("["), *_separated([texts_of(inner) for inner in value]), Literal("]")))
    return Literal(compact(value))


def _separated(parts: Sequence[Constraint]) -> Iterable[Constraint]:
    for i, part in enumerate(parts):
        yield from ([Literal(",")] if i else [])
        yield part


def key_of(value: Any) -> Any:
    """Equal just for equal values: numbers by value, ``true`` apart from 1; for lists and objects too."""
    exact = decimal_of(value)
    if exact is not None:
        return "number", exact.normalize() if exact else Decimal(0)
    if isinstance(value, Mapping):
        return "object", frozenset((name, key_of(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return "array", tuple(map(key_of, value))
    return kind_of(value), value


def string_of(text: Constraint) -> Constraint:
    """The JSON strings that hold such a text."""
    return Joined((Literal('"'), encoded(text, ESCAPES), Literal('"')))


def list_of(item: Constraint) -> Constraint:
    """The lists, the empty one too, of such items."""
    more = Repeat(Joined((Literal(","), item)), 0, None)
    return Joined((Literal("["), Choice((Literal(""), Joined((item, more)))), Literal("]")))


def list_without(values: Iterable[Any]) -> Constraint:
    """The lists of scalars none of which is one of the values."""
    seen = either([texts_of(value) for value in values])
    return list_of(SCALAR if seen == NO_TEXT else And((SCALAR, Not(seen))))


def list_without_repeats(among: Sequence[Any]) -> Constraint:
    """The lists of different values, each of ``among``: by the set of those that are left."""
    texts = [texts_of(value) for value in among]
    known: dict[frozenset[int], Constraint] = {}

    def more(left: frozenset[int]) -> Constraint:
        if left not in known:
            ways = [Joined((Literal(","), texts[i], more(left - {i}))) for i in sorted(left)]
            known[left] = Choice((Literal(""), *ways))
        return known[left]

    everything = frozenset(range(len(texts)))
    first = [Joined((texts[i], more(everything - {i}))) for i in sorted(everything)]
    return Joined((Literal("["), Choice((Literal(""), *first)), Literal("]")))


def at_path(path: Sequence[str], condition: Mapping[Any, Any]) -> dict[str, Any]:
    """The condition of `where` that a value below the properties of ``path`` satisfies ``condition``."""
    inner: dict[Any, Any] = dict(condition)
    for name in reversed(path[1:]):
        inner = {"properties": {name: inner}}
    return {path[0]: inner}


def values_at(value: Any, path: Sequence[str]) -> list[Any]:
    """The values that a path leads to: one, or several by ``*``; none where it leads nowhere."""
    found = [value]
    for name in path:
        below: list[Any] = []
        for one in found:
            if isinstance(one, Mapping) and name in one:
                below.append(one[name])
            elif isinstance(one, list) and name == "*":
                below += one
            elif isinstance(one, list) and name.isdigit() and int(name) < len(one):
                below.append(one[int(name)])
        found = below
    return found


def more_than(constraint: Constraint, count: int) -> int | None:
    """A length within which the constraint has more than ``count`` texts; None where it has not, or none was found."""
    language = Language(constraint)
    layer, found = {language.start: 1}, 0
    for length in range(limits.HISTORY_LENGTH):
        found += sum(ways for state, ways in layer.items() if language.accepts_at(state))
        if found > count:
            return length
        behind: dict[int, int] = {}
        for state, ways in layer.items():
            for low, high, target in language.stretches(state):
                if target != NOTHING:
                    behind[target] = min(behind.get(target, 0) + ways * (high - low), 10**12)
        if not behind or len(behind) > limits.HISTORY_STATES:
            return None
        layer = behind
    return None


def finite_items(schema: Any, path: Sequence[str]) -> list[Any] | None:
    """The values that items of the list at a path may have, where the schema lists them; None where it does not.

    A list of at most one item needs no such list: it is empty then.
    """
    schema = _below(schema, path)
    if not isinstance(schema, Mapping):
        return None
    if "const" in schema or "enum" in schema:
        lists = [schema["const"]] if "const" in schema else schema["enum"]
        return _distinct(item for one in lists if isinstance(one, list) for item in one)
    if schema.get("maxItems") in (0, 1):
        return []
    items = schema.get("items")
    if not isinstance(items, Mapping):
        return None
    if "const" in items or "enum" in items:
        return _distinct([items["const"]] if "const" in items else items["enum"])
    return [True, False] if items.get("type") == "boolean" else None


def scalar_items(schema: Any, path: Sequence[str]) -> bool:
    """Whether the items of the list at a path are surely strings, numbers, booleans or null; true where no list is."""
    schema = _below(schema, path)
    if not isinstance(schema, Mapping):
        return False
    kinds = schema.get("type")
    if "array" not in (kinds if isinstance(kinds, list) else [kinds]):
        return kinds is not None
    items = schema.get("items")
    if not isinstance(items, Mapping) or "prefixItems" in schema:
        return False
    if "const" in items or "enum" in items:
        values = [items["const"]] if "const" in items else items["enum"]
        return not any(isinstance(value, list | dict) for value in values)
    kinds = items.get("type")
    return kinds is not None and not {"object", "array"} & {*(kinds if isinstance(kinds, list) else [kinds])}


def _below(schema: Any, path: Sequence[str]) -> Any:
    for name in path:
        properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
        schema = properties.get(name) if isinstance(properties, Mapping) else None
    return schema


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: dict[Any, Any] = {}
    for value in values:
        found.setdefault(key_of(value), value)
    return list(found.values())


def shown_json(read: Callable[[], Any], otherwise: Any) -> Any:
    """What ``read`` gives, or something else where it is no JSON."""
    try:
        return read()
    except (ValueError, RecursionError):
        return otherwise
