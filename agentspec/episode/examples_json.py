"""JSON as people write it in examples, read and written as a schema's grammar has it.

Commas before closing brackets are dropped, what was cut off is closed, members stand in the schema's order, misspelt
names become the nearest that is missing, blanks between signs go.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from agentspec.content.json_text import compact
from agentspec.content.schema_settings import JsonSchema, plain


def mended(
    text: str, schema: JsonSchema | Mapping[str, Any] | None, separators: tuple[str, str], frame: tuple[str, str]
) -> Iterator[str]:
    """The text as compact JSON, the likeliest reading first; nothing where it is none however it is read.

    ``frame`` is what stands before and behind the value: that of a call with the tool's name.
    """
    inner = text
    if frame[0]:
        framed = _object(text)
        called = framed[0] if isinstance(framed, list) and framed else framed
        if isinstance(called, dict) and (found := called.get("arguments", called.get("parameters"))) is not None:
            inner = found if isinstance(found, str) else _written(found)
    value = _object(inner)
    if value is None:
        return
    shape = plain(schema) if schema is not None else True
    for fitted in (_ordered(value, shape), _fitted(value, shape)):
        try:
            yield f"{frame[0]}{compact(fitted, *separators)}{frame[1]}"
        except (ValueError, TypeError, RecursionError):
            continue


def _written(value: Any) -> str:
    try:
        return compact(value)
    except (ValueError, TypeError, RecursionError):
        return ""


def _object(text: str) -> Any:
    for candidate in (text, without_commas(text), _closed(without_commas(text))):
        try:
            return json.loads(candidate, parse_float=Decimal)
        except (ValueError, RecursionError):
            continue
    return None


def trailing_comma(text: str) -> int | None:
    """Where a comma stands before a closing bracket."""
    return next(iter(_commas(text)), None)


def without_commas(text: str) -> str:
    """The text without commas before closing brackets."""
    found = set(_commas(text))
    return "".join(character for at, character in enumerate(text) if at not in found) if found else text


def _commas(text: str) -> Iterator[int]:
    inside = escaped = False
    last: int | None = None
    for at, character in enumerate(text):
        if inside:
            inside, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            inside, last = True, None
        elif character == ",":
            last = at
        elif character in "]}" and last is not None:
            yield last
            last = None
        elif not character.isspace():
            last = None


def _closed(text: str) -> str:
    """The text with the string and brackets closed that are open at its end."""
    waiting: list[str] = []
    inside = escaped = False
    for character in text:
        if inside:
            inside, escaped = escaped or character != '"', not escaped and character == "\\"
        elif character == '"':
            inside = True
        elif character in "{[":
            waiting.append("}" if character == "{" else "]")
        elif character in "}]" and waiting:
            waiting.pop()
    if inside:
        text = (text[:-1] if escaped else text) + '"'
    text = text.rstrip().removesuffix(",")
    return text + "".join(reversed(waiting))


def _ordered(value: Any, shape: Any) -> Any:
    """The members of objects in the order of the schema's properties."""
    if isinstance(value, list):
        inner = shape.get("items", True) if isinstance(shape, Mapping) else True
        return [_ordered(item, inner) for item in value]
    if not isinstance(value, dict):
        return value
    known = shape.get("properties", {}) if isinstance(shape, Mapping) else {}
    names = [*(name for name in known if name in value), *(name for name in value if name not in known)]
    return {name: _ordered(value[name], known.get(name, True)) for name in names}


def _fitted(value: Any, shape: Any) -> Any:
    """The value with misspelt names put right, unknown ones left out, and scalars of the type that is asked for."""
    if not isinstance(shape, Mapping):
        return value
    if isinstance(value, dict) and isinstance(shape.get("properties"), Mapping):
        known = shape["properties"]
        missing = [name for name in known if name not in value]
        found = {name: inner for name, inner in value.items() if name in known}
        for name, inner in value.items():
            if name not in known and (close := get_close_matches(name, missing, n=1)):
                found[close[0]] = inner
                missing.remove(close[0])
        return _ordered({name: _fitted(inner, known[name]) for name, inner in found.items()}, shape)
    if isinstance(value, list):
        return [_fitted(item, shape.get("items", True)) for item in value]
    kind = shape.get("type")
    if isinstance(value, str) and kind in ("integer", "number", "boolean"):
        try:
            read = json.loads(value, parse_float=Decimal)
        except (ValueError, RecursionError):
            read = value
        return _bounded(read, shape)
    if kind == "string" and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    return _bounded(value, shape)


def _bounded(value: Any, shape: Mapping[str, Any]) -> Any:
    """A number within the bounds, a string cut to its longest length, at the end of a word where there is one."""
    most = shape.get("maxLength")
    if isinstance(value, str) and isinstance(most, int) and len(value) > most:
        words = value[: most + 1].rsplit(" ", 1)
        return words[0] if len(words) > 1 and len(words[0]) * 2 >= most else value[:most]
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        low, high = shape.get("minimum"), shape.get("maximum")
        if isinstance(low, int | float) and value < low:
            return low
        if isinstance(high, int | float) and value > high:
            return high
    return value
