"""The prompt of an episode: the author's instructions, the tools, worked examples, the task."""

from __future__ import annotations

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.content.tool_schema import ToolSchema
from agentspec.engines.engine import Engine, Message
from agentspec.episode.chat import Chat, is_native, written
from agentspec.episode.prompt_examples import Line
from agentspec.episode.transcript import show


def render(compiled: Compiled, engine: Engine, examples: list[list[Line]], task: str) -> list[int]:
    """The prompt's tokens: through the model's chat template, or as plain text (``rendering``)."""
    rendering = compiled.agent.rendering
    if is_native(compiled):
        return chat(compiled, engine).prompt(examples, task, rendering.prefill)
    if rendering.style == "text":
        return engine.render_text(text(compiled, examples, task))
    return engine.render(messages(compiled, examples, task), rendering.prefill)


def chat(compiled: Compiled, engine: Engine) -> Chat:
    """The parts of a chat in the style of a family of models."""
    return Chat(compiled, engine, compiled.agent.instructions.strip(), tools_told(compiled))


def messages(compiled: Compiled, examples: list[list[Line]], task: str) -> list[Message]:
    """The messages before the assistant's turn; examples are earlier turns."""
    told = system(compiled)
    found: list[Message] = [{"role": "system", "content": told}] if told else []
    for example in examples:
        found.append({"role": "user", "content": example[0].content})
        found += _native(compiled, example[1:]) if is_native(compiled) else [_turn(compiled, example[1:])]
    return [*found, {"role": "user", "content": task}]


def _turn(compiled: Compiled, example: list[Line]) -> Message:
    return {"role": "assistant", "content": _transcript(compiled, example).rstrip("\n")}


def _native(compiled: Compiled, example: list[Line]) -> list[Message]:
    """A worked episode as turns of the model, its tools and its user."""
    roles = {Owner.MODEL: "assistant", Owner.TOOL: "tool", Owner.USER: "user"}
    found: list[Message] = []
    for line in example:
        step = compiled.agent.spec.steps[line.step]
        text = written(step, line.content) if step.owner == Owner.MODEL else line.content
        if step.owner == Owner.MODEL and found and found[-1]["role"] == "assistant":
            found[-1]["content"] += text
        else:
            found.append({"role": roles[step.owner], "content": text})
    return [{"role": one["role"], "content": one["content"].rstrip("\n")} for one in found]


def text(compiled: Compiled, examples: list[list[Line]], task: str) -> str:
    """The prompt as one transcript: instructions, examples, then the task behind its cue; blank lines between."""
    first = next(iter(compiled.arena.moves[compiled.arena.initial])).step
    parts = [system(compiled), *(_transcript(compiled, example) for example in examples)]
    asked = show(compiled.agent.spec, str(first), task)
    return "\n\n".join([*(part.rstrip("\n") for part in parts if part), asked]) + compiled.agent.rendering.prefill


def _transcript(compiled: Compiled, example: list[Line]) -> str:
    spec = compiled.agent.spec
    return "".join(show(spec, line.step, line.content) for line in example if not spec.steps[line.step].hidden)


def system(compiled: Compiled) -> str:
    """The author's instructions, then the tools, one a line."""
    agent = compiled.agent
    return "\n\n".join(filter(None, (agent.instructions.strip(), tools_told(compiled))))


def tools_told(compiled: Compiled) -> str:
    """The tools, one a line; nothing where there are none."""
    if not compiled.agent.tools:
        return ""
    told = [f"- {s.name} {_arguments(s)}: {s.description.strip()}" for s in compiled.schemas.values()]
    return "Tools:\n" + "\n".join(told)


def _arguments(schema: ToolSchema) -> str:
    """The names and types of the arguments, in the compact form the model is to write."""
    properties = schema.parameters.get("properties", {})
    shown = [f'"{name}": {value.get("type", "value")}' for name, value in properties.items()]
    return "{" + ", ".join(shown) + "}"
