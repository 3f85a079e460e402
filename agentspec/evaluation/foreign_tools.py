"""Tools as data sets write them: names with dots, and types called as in Python, Java or JavaScript.

The Berkeley Function-Calling Leaderboard writes schemas whose types are ``dict``, ``float``, ``tuple`` and ``any``.
They become JSON Schemas; keywords that say nothing of a value are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentspec.content.tool_schema import TOOL_NAME, ToolSchema
from agentspec.errors import InvalidInput, nearest

TYPES: Mapping[str, str | None] = {
    "string": "string", "str": "string", "char": "string", "integer": "integer", "int": "integer", "long": "integer",
    "number": "number", "float": "number", "double": "number", "boolean": "boolean", "bool": "boolean",
    "array": "array", "list": "array", "tuple": "array", "arraylist": "array", "object": "object", "dict": "object",
    "hashmap": "object", "any": None, "null": "null",
}  # fmt: skip
"""The type of JSON for each; None is any value."""

_KEPT = (
    "description", "enum", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "uniqueItems",
)  # fmt: skip
_DEEPEST = 16


def foreign_tools(values: Sequence[Any]) -> tuple[tuple[ToolSchema, ...], dict[str, str]]:
    """The tools, and what the data calls them by their names here. Raises InvalidInput naming tool and key."""
    tools: list[ToolSchema] = []
    names: dict[str, str] = {}
    for value in values:
        if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not value["name"]:
            raise InvalidInput("a function is an object with 'name', 'description' and 'parameters'")
        theirs = value["name"]
        if theirs in names.values():
            raise InvalidInput(f"two functions are called '{theirs}'")
        ours = _free(_sanitised(theirs), names)
        names[ours] = theirs
        described = value.get("description")
        described = described if isinstance(described, str) and described.strip() else theirs
        parameters = value.get("parameters", {"type": "dict", "properties": {}})
        schema = _schema(parameters, f"function '{theirs}'", 0)
        if schema.get("type") != "object":
            raise InvalidInput(f"function '{theirs}': 'parameters' is of type dict, not {parameters.get('type')!r}")
        shape = {"name": ours, "description": described, "parameters": {"properties": {}, **schema}}
        tools.append(ToolSchema.from_json(shape))
    return tuple(tools), names


def _sanitised(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:60]
    return plain if TOOL_NAME.fullmatch(plain) else f"f_{plain}"[:60]


def _free(name: str, taken: Mapping[str, str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _schema(value: Any, where: str, depth: int) -> dict[str, Any]:
    """A JSON Schema of what the data describes."""
    if not isinstance(value, dict):
        raise InvalidInput(f"{where}: a schema is an object, not {type(value).__name__}")
    if depth > _DEEPEST:
        raise InvalidInput(f"{where}: the schema nests deeper than {_DEEPEST}")
    given = value.get("type", "dict" if "properties" in value else "any")
    if not isinstance(given, str) or given.lower() not in TYPES:
        raise InvalidInput(f"{where}: unknown type {given!r}{nearest(str(given).lower(), list(TYPES))}")
    kind = TYPES[given.lower()]
    found: dict[str, Any] = {"type": kind} if kind else {}
    found.update({key: value[key] for key in _KEPT if key in value and (kind or key in ("description", "enum"))})
    if kind == "array" and "items" in value:
        found["items"] = _schema(value["items"], f"{where}, items", depth + 1)
    if kind == "object":
        inner = value.get("properties", {})
        if not isinstance(inner, dict):
            raise InvalidInput(f"{where}: 'properties' is an object")
        found["properties"] = {name: _schema(one, f"{where}, {name}", depth + 1) for name, one in inner.items()}
        required = value.get("required", [])
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise InvalidInput(f"{where}: 'required' is a list of names")
        found["required"] = [name for name in dict.fromkeys(required) if name in inner]
        found["additionalProperties"] = False
    return found
