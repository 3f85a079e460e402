"""``agentspec validate-prompts``: prompt examples against spec, tools and rules. Starts no model, imports no tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from agentspec.errors import AgentSpecError, InvalidInput, Location


def validate_prompts(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A file, or the name of a shipped agent.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE...]", help="Transcripts; by default the agent's own examples.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """Validate prompt examples: which example, step and place, which rule, what would have been allowed.

    Exit code 0: every example is an episode the guard could have produced; 1: findings; 2: the spec is invalid.
    """
    try:
        shape, told = _validated(agent, files or [])
    except AgentSpecError as problem:
        if as_json:
            empty = {"agent": agent, "valid": False, "examples": 0, "steps": 0, "findings": []}
            typer.echo(json.dumps({"schema_version": 1, **empty, "problems": [str(problem)]}, indent=2))
        raise
    if as_json:
        typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))
    else:
        for line in told:
            typer.echo(line, err=True)
        count, broken = shape["examples"], len(shape["findings"])
        verdict = f"{broken} with findings" if broken else "all valid"
        typer.echo(f"{shape['agent']}: {count} example{'' if count == 1 else 's'}, {shape['steps']} steps: {verdict}")
    raise typer.Exit(0 if shape["valid"] else 1)


def _validated(agent: str, files: list[Path]) -> tuple[dict[str, Any], list[str]]:
    """What ``--json`` prints, and the findings as text."""
    from agentspec.checking.cache import compiled_agent
    from agentspec.episode.prompt_examples import Finding, findings, read_transcripts
    from agentspec.spec.yaml import read_text

    compiled = compiled_agent(agent)
    _ = compiled.guard  # an unrealizable spec allows nothing
    declared = compiled.agent
    texts = [(read_text(file), str(file)) for file in files] or declared.example_files
    if not files and not declared.examples_source:
        raise InvalidInput(f"the agent '{declared.name}' names no examples: add 'examples:', or name a file here")
    found: list[Finding] = []
    count = steps = 0
    for text, source in texts:
        transcripts = read_transcripts(declared.spec, text, source)
        if not transcripts:
            found.append(Finding(0, 0, Location(source, 1, 1), "", "the file holds no example"))
        count, steps = count + len(transcripts), steps + sum(len(one.lines) for one in transcripts)
        found += findings(compiled, transcripts, source)
    shape = {
        "schema_version": 1,
        "agent": declared.name,
        "valid": not found,
        "examples": count,
        "steps": steps,
        "findings": [finding.to_json() for finding in found],
    }
    return shape, list(map(str, found))
