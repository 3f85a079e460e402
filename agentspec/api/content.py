"""The content of a step as a program has it, in the forms in which it may stand in a transcript."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agentspec.automata.letter import Letter
from agentspec.content.schema_settings import plain
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, nearest
from agentspec.spec.model import Step
from agentspec.spec.step import INDENT

Content = str | Mapping[str, Any]


def forms(
    step: Step, content: Content, letters: tuple[Letter, ...], schemas: Mapping[str, ToolSchema]
) -> tuple[str, ...]:
    """The text as it is, else with what the form of the step demands: indented lines, a closing delimiter.

    A mapping becomes compact JSON in the order of the step's schema; ``letters`` say which tools may be called.
    Raises InvalidInput for what is no JSON, and for a mapping where a step holds none.
    """
    if not isinstance(content, str):
        return (_json(step, content, letters, schemas),)
    if step.max_lines > 1:
        return content, content.replace("\n", f"\n{INDENT}")
    if step.until:
        return content, f"{content}{step.until}"
    return (content,)


def _json(
    step: Step, content: Mapping[str, Any], letters: tuple[Letter, ...], schemas: Mapping[str, ToolSchema]
) -> str:
    schema: Mapping[str, Any]
    separators = (",", ":")
    if step.tool == "call":
        tools = [letter.tool for letter in letters if letter.tool]
        name = str(content.get("name"))
        if name not in tools:
            raise InvalidInput(f"a call has a 'name' and 'arguments', not the name {name!r}{nearest(name, tools)}")
        schema = {"properties": {"name": {}, "arguments": schemas[name].parameters}}
    elif step.tool == "arguments":
        schema = schemas[str(letters[0].tool)].parameters
    elif step.schema is not None:
        schema, separators = plain(step.schema), step.schema.bounds.separators
    else:
        raise InvalidInput(f"the step '{step.name}' holds a text, not a JSON object")
    try:
        return json.dumps(_ordered(content, schema), ensure_ascii=False, allow_nan=False, separators=separators)
    except (TypeError, ValueError) as problem:
        raise InvalidInput(f"the content of '{step.name}' is not JSON: {problem}") from None


def _ordered(value: Any, schema: Any) -> Any:
    """The value with the keys of its objects in the order of the schema's properties; unknown ones last."""
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        known = {key: _ordered(value[key], properties[key]) for key in properties if key in value}
        return {**known, **{key: inner for key, inner in value.items() if key not in known}}
    if isinstance(value, list):
        return [_ordered(inner, schema.get("items")) for inner in value]
    return value
