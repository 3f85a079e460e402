"""``agentspec run --dry-run``: what a run would be. Imports no tool and loads no model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from agentspec.cli.settings import Settings, checked, model_name

if TYPE_CHECKING:
    from agentspec.engines.engine import Message


def show_plan(name: str, task: str, settings: Settings, *, as_json: bool) -> None:
    """Print prompt, tools, budget and model of a run. Raises what would refuse it."""
    from agentspec.checking.cache import compiled_agent
    from agentspec.episode.pool import choose
    from agentspec.episode.render import messages, text

    compiled = compiled_agent(name)
    agent = compiled.agent
    budget = checked(compiled, task, settings)
    chosen = choose(compiled, task, settings.seed, settings.examples)
    model, tools = model_name(settings.model, agent.model), [ref.text for ref in agent.tools]
    prompt: str | list[Message]
    as_text = agent.rendering.style == "text"
    prompt = (text if as_text else messages)(compiled, chosen.examples, task)
    if as_json:
        shape: dict[str, Any] = {"schema_version": 1, "model": model, "tools": tools}
        shape["examples"] = list(chosen.numbers)
        shape["budget"] = {"tokens": budget.tokens, "steps": budget.steps, "calls": budget.calls}
        typer.echo(json.dumps({**shape, "prompt": prompt}, indent=2, ensure_ascii=False))
        return
    typer.echo(prompt if isinstance(prompt, str) else _told(prompt, agent.rendering.prefill))
    typer.echo(f"model: {model}; tools: {', '.join(tools) or 'none'}; budget: {budget}", err=True)
    if settings.examples is not None or agent.pick is not None:
        bound = "; fewer where the context window holds no more" if chosen.numbers else ""
        typer.echo(f"examples: {chosen}{bound}", err=True)


def _told(prompt: list[Message], prefill: str) -> str:
    begun = [f"<assistant>\n{prefill}"] if prefill else []
    return "\n".join([*(f"<{message['role']}>\n{message['content']}" for message in prompt), *begun])
