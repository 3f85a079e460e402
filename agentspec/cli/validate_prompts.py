"""``agentspec validate-prompts``: prompt examples against spec, tools and rules. Starts no model, imports no tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


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
    from agentspec.checking.compile import compile_agent
    from agentspec.episode.prompt_examples import Finding, findings, read_lines
    from agentspec.errors import InvalidInput, Location, SyntaxProblem
    from agentspec.spec.load import load
    from agentspec.spec.yaml import read_text

    compiled = compile_agent(load(agent))
    _ = compiled.guard  # an unrealizable spec allows nothing
    declared = compiled.agent
    texts = [(read_text(file), str(file)) for file in files or []] or [(declared.examples, declared.examples_source)]
    if not files and not declared.examples_source:
        raise InvalidInput(f"the agent '{declared.name}' names no examples: add 'examples:', or name a file here")
    found: list[Finding] = []
    count = steps = 0
    for text, source in texts:
        try:
            episodes = read_lines(declared.spec, text, source)
        except SyntaxProblem as problem:
            where = problem.location or Location(source, 1, 1)
            found.append(Finding(0, 0, where, problem.excerpt or "", problem.message, (), ()))
            continue
        count, steps = count + len(episodes), steps + sum(map(len, episodes))
        found += findings(compiled, episodes, source)
    if as_json:
        shape = {
            "schema_version": 1,
            "agent": declared.name,
            "valid": not found,
            "examples": count,
            "steps": steps,
            "findings": [finding.to_json() for finding in found],
        }
        typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))
    else:
        for finding in found:
            typer.echo(str(finding), err=True)
        verdict = f"{len(found)} with findings" if found else "all valid"
        typer.echo(f"{declared.name}: {count} example{'' if count == 1 else 's'}, {steps} steps: {verdict}")
    raise typer.Exit(1 if found else 0)
