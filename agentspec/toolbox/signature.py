"""From a Python function to what the model is told of it: signature and docstring → :class:`ToolSchema`.

The schemas of single parameters come from pydantic; they are reduced to types, choices and bounds (``_KEYWORDS``), so
that the same function gives the same schema whatever notes pydantic adds to it.
"""

from __future__ import annotations

import enum
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter

from agentspec.content.tool_schema import TOOL_NAME, ToolSchema
from agentspec.errors import InvalidInput, nearest

_SCALARS = (str, int, float, bool, types.NoneType)
_VALID = "str, int, float, bool, None, Literal, Enum, list[…], unions of these, or Annotated with bounds"
_RANGE = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_KEYWORDS = {
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "integer": _RANGE,
    "number": _RANGE,
    "array": frozenset({"items", "minItems", "maxItems"}),
}
_NOTES = frozenset({"title", "description", "examples", "default", "deprecated", "$defs"})
_NO_VALUE = {
    inspect.Parameter.VAR_POSITIONAL: "*{} takes any number of arguments; give it a name and the type list[…]",
    inspect.Parameter.VAR_KEYWORD: "**{} takes any name; write each parameter out",
    inspect.Parameter.POSITIONAL_ONLY: "{} can only be given by position; remove the '/' from the signature",
}


def schema_of(function: Callable[..., Any], name: str | None = None) -> tuple[ToolSchema, dict[str, TypeAdapter[Any]]]:
    """The schema of a function, and what reads each argument from JSON. Raises InvalidInput saying what to add.

    The description is the first paragraph of the docstring; its ``Args:`` section (Google style) describes the
    parameters. The schema is a closed object: properties in the order of the signature, the other keys sorted;
    required are the parameters without a default. Defaults, titles and notes beside the types are left out.
    """
    if not inspect.isroutine(function):
        raise InvalidInput(f"tool {name or function!r}: a tool is a function; wrap it in a def")
    name = function.__name__ if name is None else name
    if not TOOL_NAME.fullmatch(name):
        raise InvalidInput(f"tool '{name}': its name must be letters, digits, _ or -, 64 at most; pass name=")
    _check_kind(function, name)
    documentation = inspect.cleandoc(function.__doc__ or "")
    description = _first_paragraph(documentation)
    if not description:
        raise InvalidInput(f"tool '{name}' has no description; add a docstring that says what it does")
    described = _described_parameters(documentation)
    parameters, annotations = _signature(function, name)
    for other in described:
        if other not in parameters:
            hint = nearest(other, list(parameters))
            raise InvalidInput(f"tool '{name}': 'Args:' describes '{other}', which is no parameter{hint}")

    adapters: dict[str, TypeAdapter[Any]] = {}
    properties: dict[str, Any] = {}
    for key, parameter in parameters.items():
        where = f"tool '{name}', parameter '{key}'"
        if parameter.kind in _NO_VALUE:
            raise InvalidInput(f"{where}: {_NO_VALUE[parameter.kind].format(key)}")
        if parameter.annotation is inspect.Parameter.empty:
            raise InvalidInput(f"{where} has no type; add one: {_VALID}")
        if not described.get(key):
            line = f"'{key}: what it is'"
            raise InvalidInput(f"{where} has no description; add the line {line} under 'Args:' in the docstring")
        adapters[key], schema = _parameter_schema(annotations.get(key, parameter.annotation), where)
        properties[key] = dict(sorted({**schema, "description": described[key]}.items()))
    required = [key for key, parameter in parameters.items() if parameter.default is inspect.Parameter.empty]
    closed = {"additionalProperties": False, "properties": properties, "required": required, "type": "object"}
    return ToolSchema(name, description, closed), adapters


def _check_kind(function: Callable[..., Any], name: str) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidInput(f"tool '{name}' yields its results one by one; return a list")


def _signature(function: Callable[..., Any], name: str) -> tuple[Mapping[str, inspect.Parameter], Mapping[str, Any]]:
    """The parameters, and the annotations with names in quotes looked up."""
    try:
        return inspect.signature(function).parameters, typing.get_type_hints(function, include_extras=True)
    except Exception as problem:  # an annotation is an expression: evaluating it may raise anything
        raise InvalidInput(f"tool '{name}': its signature cannot be read: {problem}") from problem


# ------------------------------------------------------------------------------------------------- docstring


def _first_paragraph(documentation: str) -> str:
    first = re.split(r"\n\s*\n", documentation, maxsplit=1)[0]
    before_section = re.split(r"^(?:Args|Arguments|Returns|Raises|Yields):", first, maxsplit=1, flags=re.MULTILINE)[0]
    return " ".join(before_section.split())


def _described_parameters(documentation: str) -> dict[str, str]:
    """The entries of the ``Args:`` section, each on one line."""
    lines = iter(documentation.splitlines())
    for line in lines:
        if re.fullmatch(r"(?:Args|Arguments):\s*", line):
            break
    described: dict[str, str] = {}
    entry, margin = "", None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if indent == 0:
            break
        margin = indent if margin is None else margin
        head = re.match(r"\s*(\w+)\s*(?:\([^)]*\))?:\s*(.*)", line) if indent <= margin else None
        if head:
            entry, text = head.group(1), head.group(2)
        else:
            text = line
        if entry:
            described[entry] = " ".join(f"{described.get(entry, '')} {text}".split())
    return described


# ------------------------------------------------------------------------------------------------- types


def _parameter_schema(annotation: Any, where: str) -> tuple[TypeAdapter[Any], dict[str, Any]]:
    for part in _unsupported(annotation):
        raise InvalidInput(f"{where}: the type {inspect.formatannotation(part)} is not supported; use {_VALID}")
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        schema = adapter.json_schema()
        plain = _plain(schema, schema.get("$defs", {}))
        json.dumps(plain, allow_nan=False)
    except Exception as problem:  # pydantic raises TypeError, PydanticSchemaGenerationError and others for bad bounds
        reason = str(problem).partition("\n")[0]
        raise InvalidInput(f"{where}: {reason}") from problem
    return adapter, plain


def _unsupported(annotation: Any) -> Iterable[Any]:
    """The parts of an annotation that have no place in a tool's arguments, outermost first."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _unsupported(inner[0])
    elif origin is Literal:
        if not all(isinstance(value, _SCALARS) and not isinstance(value, enum.Enum) for value in inner):
            yield annotation
    elif origin in (Union, types.UnionType, list):
        for part in inner:
            yield from _unsupported(part)
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        if not list(annotation) or not all(isinstance(member.value, str | int) for member in annotation):
            yield annotation
    elif annotation is not None and annotation not in _SCALARS:
        yield annotation


def _plain(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A schema of pydantic's with references inlined, a constant as a choice of one, and without notes.

    Raises ValueError for a bound that does not fit the type: pydantic would only complain of it in a call.
    """
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    plain = {key: value for key, value in schema.items() if key not in _NOTES}
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    fitting = _KEYWORDS.get(plain.get("type", ""), frozenset()) if "enum" not in plain else frozenset()
    for key in plain:
        if key not in ("type", "enum", "anyOf") and key not in fitting:
            raise ValueError(f"the bound '{key}' does not fit the type {plain.get('type', 'of a choice or a union')}")
    if "items" in plain:
        plain["items"] = _plain(plain["items"], definitions)
    if "anyOf" in plain:
        plain["anyOf"] = [_plain(part, definitions) for part in plain["anyOf"]]
    return dict(sorted(plain.items()))
