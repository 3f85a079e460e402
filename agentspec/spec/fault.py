"""What is wrong with a file by its model, as one located message with the valid choices."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from agentspec.errors import Location, SpecError, SyntaxProblem, nearest
from agentspec.spec.model import Document
from agentspec.spec.yaml import YamlFile

LATER = {"mcpServers", "lark", "one_of", "length", "backend"}
"""Keys of the language that this version does not know what to do with."""


def fault(file: YamlFile, errors: list[ErrorDetails]) -> SpecError:
    """The first fault that a strict model found, unknown keys before all else."""
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    path = tuple(part for part in first["loc"] if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    dotted = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        key = str(path[-1])
        if key in LATER:
            return file.fault(f"the key '{key}' is not supported by this version yet{more}", path, key=True)
        return file.fault(f"unknown key '{key}'{nearest(key, keys_at(path[:-1]))}{more}", path, key=True)
    if first["type"] == "missing":
        return file.fault(f"the key '{path[-1]}' is missing{more}", path[:-1], key=True)
    message = first["msg"][0].lower() + first["msg"][1:].replace(" after validation", "")
    if first["type"] == "model_type":
        message = f"input should be a mapping with keys among {', '.join(keys_at(path))}"
    but = "" if ", not " in message else f", not {str(first['input'])[:60]!r}"
    return file.fault(f"{dotted}: {message}{but}{more}", path)


def keys_at(path: tuple[Any, ...]) -> list[str]:
    """The valid keys of the mapping at ``path``, by following the models' annotations."""
    model: type[BaseModel] = Document
    for part in path:
        named = {field.alias or name: field for name, field in model.model_fields.items()}
        field = named.get(part) if isinstance(part, str) else None
        if field is not None:
            inner = _model_in(field.annotation)
            if inner is None:
                return []
            model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def relocated(file: YamlFile, path: tuple[Any, ...], problem: SyntaxProblem) -> SyntaxProblem:
    """A syntax error in the string at ``path``: its own column where the string stands on one line, else its start."""
    location, excerpt = file.at(path)
    if problem.location is not None and stands_on_one_line(file, path):
        location = problem.location
    return SyntaxProblem(problem.message, location=location, excerpt=excerpt)


def stands_on_one_line(file: YamlFile, path: tuple[Any, ...]) -> bool:
    """Whether the string at ``path`` stands in the file as it is, on the line it begins on."""
    location, excerpt = file.at(path)
    return str(file.value(path)) in (excerpt or "")[location.column - 1 :]


def place_of(file: YamlFile, path: tuple[Any, ...], name: str) -> tuple[Location, str | None]:
    """Where a name stands inside the string at ``path``, as nearly as can be told, and that line."""
    location, excerpt = file.at(path)
    if excerpt is not None and stands_on_one_line(file, path):
        column = word_at(excerpt, name, location.column - 1)
        if column is not None:
            return Location(location.source, location.line, column + 1), excerpt
    return location, excerpt


def word_at(text: str, name: str, start: int) -> int | None:
    """The offset of a name in a text, not as a part of a longer one."""
    at = text.find(name, start)
    while at >= 0:
        around = text[at - 1 : at] + text[at + len(name) : at + len(name) + 1]
        if not any(c.isalnum() or c in "_-" for c in around) or name[-1] == ")":
            return at
        at = text.find(name, at + 1)
    return None
