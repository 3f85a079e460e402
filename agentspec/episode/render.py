"""The prompt of an episode as chat messages: instructions, the form of the steps, the tools, examples, the task."""

from __future__ import annotations

import json

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.engines.engine import Message
from agentspec.episode.transcript import Line, show
from agentspec.spec.model import Spec, Step


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
    parts.append("Write one step a line:\n" + "\n".join(_form(agent.spec)))
    if agent.tools:
        tools = [f"{s.name}: {s.description.strip()} Input: {_input(s.parameters)}" for s in compiled.schemas.values()]
        parts.append("Tools:\n" + "\n".join(tools))
    return "\n\n".join(parts)


def _form(spec: Spec) -> list[str]:
    return [f"{step.cue} {_meaning(step)}" for step in spec.steps.values() if step.owner != Owner.USER]


def _meaning(step: Step) -> str:
    if step.owner == Owner.TOOL:
        return "what the tool answers"
    if step.choice:
        return "one of: " + ", ".join(step.choice)
    if step.tool is not None:
        return "the name of a tool" if step.tool == "name" else "the tool's input as JSON"
    return step.name.replace("_", " ")


def _input(parameters: object) -> str:
    assert isinstance(parameters, dict)
    shape = {
        name: schema.get("description", schema.get("type", "")) for name, schema in parameters["properties"].items()
    }
    return json.dumps(shape, ensure_ascii=False)
