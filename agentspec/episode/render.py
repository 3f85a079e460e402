"""The prompt of an episode as chat messages: the author's instructions, the tools, examples, the task."""

from __future__ import annotations

from agentspec.checking.compile import Compiled
from agentspec.content.tool_schema import ToolSchema
from agentspec.engines.engine import Message
from agentspec.episode.transcript import Line, show


def messages(compiled: Compiled, examples: list[list[Line]], task: str) -> list[Message]:
    """The messages before the assistant's turn; examples are earlier turns."""
    spec = compiled.agent.spec
    found: list[Message] = [{"role": "system", "content": _system(compiled)}]
    for example in examples:
        found.append({"role": "user", "content": example[0].content})
        written = "".join(show(spec, line.step, line.content) for line in example[1:])
        found.append({"role": "assistant", "content": written.rstrip("\n")})
    return [*found, {"role": "user", "content": task}]


def _system(compiled: Compiled) -> str:
    agent = compiled.agent
    parts = [agent.instructions.strip()] if agent.instructions.strip() else []
    if agent.tools:
        told = [f"- {s.name} {_arguments(s)}: {s.description.strip()}" for s in compiled.schemas.values()]
        parts.append("Tools:\n" + "\n".join(told))
    return "\n\n".join(parts)


def _arguments(schema: ToolSchema) -> str:
    """The names and types of the arguments, in the compact form the model is to write."""
    properties = schema.parameters.get("properties", {})
    shown = [f'"{name}": {value.get("type", "value")}' for name, value in properties.items()]
    return "{" + ", ".join(shown) + "}"
