"""What the model is told of a tool: its name, what it does, and the JSON Schema of its arguments."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentspec.errors import InvalidInput, nearest

TOOL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_KEYS = ["name", "description", "parameters"]


@dataclass(frozen=True)
class ToolSchema:
    """A tool as the model sees it; ``parameters`` is the JSON Schema (2020-12) of the object of arguments.

    The order of ``parameters["properties"]`` is the order in which the arguments are written.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(hash=False)

    def to_json(self) -> dict[str, Any]:
        """The three fields as fresh JSON values."""
        return {
            "name": self.name,
            "description": self.description,
            "parameters": copy.deepcopy(dict(self.parameters)),
        }

    @classmethod
    def from_json(cls, value: object, *, source: str = "") -> ToolSchema:
        """The inverse of :meth:`to_json`.

        ``source``, such as a file name, begins every message. What stands inside one property is not judged here.
        Raises InvalidInput naming the tool and the key that has the wrong shape.
        """
        lead = f"{source}: " if source else ""
        if not isinstance(value, dict):
            raise InvalidInput(f"{lead}a tool is a JSON object with {', '.join(_KEYS)}, not {_shown(value)}")
        name = value.get("name")
        if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
            shape = "a letter or _, then letters, digits, _ or -, 64 at most"
            raise InvalidInput(f"{lead}tool {_shown(name)}: 'name' must be {shape}")
        lead = f"{lead}tool '{name}': "
        for key in value:
            if key not in _KEYS:
                raise InvalidInput(f"{lead}unknown key {_shown(key)}{nearest(str(key), _KEYS)}")
        description = value.get("description")
        if not isinstance(description, str) or not description.strip():
            raise InvalidInput(f"{lead}'description' must be a text that says what the tool does")
        parameters = value.get("parameters")
        if not isinstance(parameters, dict):
            raise InvalidInput(f"{lead}'parameters' must be a JSON Schema object, not {_shown(parameters)}")
        _check_parameters(parameters, lead)
        return cls(name, description, copy.deepcopy(parameters))


def _check_parameters(parameters: dict[str, Any], lead: str) -> None:
    if parameters.get("type") != "object":
        raise InvalidInput(f"{lead}'parameters.type' must be \"object\", not {_shown(parameters.get('type'))}")
    properties = parameters.get("properties", {})
    if not isinstance(properties, dict):
        raise InvalidInput(f"{lead}'parameters.properties' must be an object, not {_shown(properties)}")
    for name, schema in properties.items():
        if not isinstance(name, str) or not isinstance(schema, dict):
            raise InvalidInput(f"{lead}'parameters.properties.{name}' must be a JSON Schema object")
    required = parameters.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise InvalidInput(f"{lead}'parameters.required' must be a list of names, not {_shown(required)}")
    for position, name in enumerate(required):
        if name not in properties:
            raise InvalidInput(f"{lead}'parameters.required' names {name!r}{nearest(name, list(properties))}")
        if name in required[:position]:
            raise InvalidInput(f"{lead}'parameters.required' names {name!r} twice")
    if not isinstance(parameters.get("additionalProperties", True), bool | dict):
        raise InvalidInput(f"{lead}'parameters.additionalProperties' must be true, false or a JSON Schema")


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
