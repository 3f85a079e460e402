"""Tools that stand in for those of a spec that is looked at without an agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agentspec.content.tool_schema import ToolSchema
from agentspec.spec.alphabet import named
from agentspec.spec.history import Unique, tools_of
from agentspec.spec.model import Rule, Spec

_NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}


def stand_ins(spec: Spec) -> dict[str, ToolSchema]:
    """A tool for each that rules and propositions name, or one for any; none where no step is a tool's."""
    if all(step.tool is None for step in spec.steps.values()):
        return {}
    named = {name for rule in spec.rules for name in _tools_of(rule)}
    named -= set(spec.steps)  # empty(STEP) names a step
    named |= {declared.tool for declared in spec.propositions if declared.tool is not None}
    return {name: _stand_in(spec, name) for name in sorted(named) or ["tool"]}


def _tools_of(rule: Rule) -> Iterator[str]:
    """The tools a rule names: what stands in parentheses in its atoms, a variable replaced by what it ranges over."""
    variables = dict(rule.each)
    earlier = [f"call({tool})" for tool in tools_of(rule.history)] if rule.history is not None else []
    for atom in (*named(rule), *earlier):
        if "(" in atom:
            name = atom[atom.index("(") + 1 : -1]
            among = variables.get(name, (name,))
            yield from () if isinstance(among, str) else among


def _stand_in(spec: Spec, name: str) -> ToolSchema:
    properties: dict[str, Any] = {}
    for declared in spec.propositions:
        if declared.tool == name:
            for key, condition in (declared.where or {}).items():
                properties.setdefault(key, _shape(condition))
    if not properties and any(isinstance(rule.history, Unique) for rule in spec.rules):
        properties["input"] = {"type": "string"}  # or no second call could differ from the first
    shape = {"type": "object", "properties": properties, "required": [], "additionalProperties": False}
    return ToolSchema(name, "Stands for a tool of a spec that is looked at without an agent.", shape)


def _shape(condition: Any) -> dict[str, Any]:
    """A schema that a condition of ``where`` can speak of."""
    said = condition if isinstance(condition, dict) else {}
    if "type" in said:
        return {"type": said["type"]}
    values = [said["const"]] if "const" in said else said.get("enum", [])
    numeric = any(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if any(isinstance(value, bool) for value in values):
        return {"type": "boolean"}
    return {"type": "number" if numeric or _NUMERIC & set(said) else "string"}
