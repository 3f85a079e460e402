"""``agentspec validate-prompts``: prompt examples against spec, tools and rules. Imports no tool; starts no model
unless one is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentspec import __version__
from agentspec.errors import AgentSpecError, InvalidInput

if TYPE_CHECKING:
    from agentspec.engines.engine import Engine
    from agentspec.episode.examples_finding import Finding
    from agentspec.episode.examples_read import Transcript
    from agentspec.episode.examples_report import Report

SHOWN = 200
"""Findings that are told one by one as text."""


def validate_prompts(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="A file, or the name of a shipped agent.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]",
            help="Transcripts, or logs of messages (.json, .jsonl); by default the agent's own examples.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
    form: Annotated[
        Literal["text", "json", "sarif", "github"],
        typer.Option("--format", help="text; json; sarif (2.1.0); github: annotations of a workflow."),
    ] = "text",
    mapping: Annotated[
        Path | None, typer.Option("--mapping", metavar="FILE", help="How transcripts in a foreign style are read.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a repaired copy, NAME.fixed.EXT, beside each file with findings.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are findings.")] = False,
    coverage: Annotated[bool, typer.Option("--coverage", help="What of the guard the examples show.")] = False,
    model: Annotated[
        str | None, typer.Option("--model", help="Count with this model's tokenizer, and look at its context window.")
    ] = None,
) -> None:
    """Validate prompt examples: which example, step and place, which rule, what would have been allowed, the repair.

    Exit code 0: every example is an episode the guard could have produced; 1: findings; 2: the spec is invalid, or a
    file cannot be read; 4: the model cannot be had.
    """
    form = "json" if as_json else form
    try:
        report, unchecked = _validated(agent, files or [], mapping, model)
        written = report.fix() if fix else []
    except AgentSpecError as problem:
        if form == "json":
            empty = {"agent": agent, "valid": False, "examples": 0, "steps": 0, "findings": [], "warnings": []}
            typer.echo(json.dumps({"schema_version": 1, **empty, "problems": [str(problem)]}, indent=2))
        raise
    findings = report.findings(strict=strict)
    warnings = [] if strict else report.warnings()
    if form == "json":
        shape = report.to_json(strict=strict, covered=coverage, unchecked=unchecked)
        typer.echo(json.dumps({**shape, "written": [str(path) for path in written]}, indent=2, ensure_ascii=False))
    elif form == "sarif":
        from agentspec.episode.examples_sarif import sarif

        log = sarif([*findings, *warnings], report.compiled.agent.spec.rules, __version__)
        typer.echo(json.dumps(log, indent=2, ensure_ascii=False))
    elif form == "github":
        from agentspec.episode.examples_sarif import annotation

        for finding in (*findings, *warnings):
            typer.echo(annotation(finding))
    else:
        _tell(report, findings, warnings, unchecked if findings or coverage or model else [])
        if coverage:
            from agentspec.episode.examples_cover import table

            for line in table(report.coverage.to_json()):
                typer.echo(line)
        count = report.examples
        broken = len({(one.location.source, one.example) for one in findings})
        verdict = f"{broken} with findings" if findings else "all valid"
        plural = "" if count == 1 else "s"
        typer.echo(f"{report.compiled.agent.name}: {count} example{plural}, {report.steps} steps: {verdict}")
    if form != "json":
        for path in written:
            typer.echo(f"wrote {path}", err=True)
        if fix and not written:
            typer.echo("nothing to repair", err=True)
    raise typer.Exit(1 if findings else 0)


def _tell(report: Report, findings: list[Finding], warnings: list[Finding], unchecked: list[str]) -> None:
    """The findings and warnings on standard error; what no example shows on one line a kind."""
    from agentspec.episode.transcript import printable

    one_by_one = [one for one in (*findings, *warnings) if one.kind != "coverage"]
    for finding in one_by_one[:SHOWN]:
        typer.echo(printable(str(finding)), err=True)
    if len(one_by_one) > SHOWN:
        typer.echo(f"… and {len(one_by_one) - SHOWN} more; --json has all of them", err=True)
    if any(one.kind == "coverage" for one in (*findings, *warnings)):
        lead = "warning: " if warnings else ""
        missing = [f"{kind}{'s' if len(names) > 1 else ''} {', '.join(names)}"
                   for kind, names in report.coverage.missing().items() if names]  # fmt: skip
        typer.echo(f"{lead}no example shows: {'; '.join(missing)}", err=True)
    for one in unchecked:
        typer.echo(f"not checked: {one}", err=True)


def _validated(agent: str, files: list[Path], mapping: Path | None, model: str | None) -> tuple[Report, list[str]]:
    """The report, and what was not looked at."""
    from agentspec.checking.cache import compiled_agent
    from agentspec.episode.examples_foreign import read_mapping
    from agentspec.episode.examples_report import Report
    from agentspec.episode.examples_tokens import counting, estimating

    compiled = compiled_agent(agent)
    _ = compiled.guard  # an unrealizable spec allows nothing
    declared = compiled.agent
    if not files and not declared.examples_source:
        raise InvalidInput(f"the agent '{declared.name}' names no examples: add 'examples:', or name a file here")
    if mapping is not None and not files:
        raise InvalidInput("--mapping is for files named here; an agent's own examples have its own cues")
    read = None if mapping is None else read_mapping(compiled, mapping)
    engine = None if model is None else _engine(model)
    counter = estimating(compiled) if engine is None else counting(compiled, engine)
    report = Report(compiled, read, counter)
    for file in files:
        report.add(file)
    for text, source in () if files else declared.example_files:
        report.add_text(text, source)
    if engine is not None:
        if files or declared.pick is None:  # of a pool as many are shown as the window holds
            _look_at_window(report, engine, together=not files)
        return report, []
    return report, [
        "max_tokens by the model's own tokenizer, and its context window (name one with --model)",
    ]


def _engine(model: str) -> Engine:
    from agentspec.cli.run import open_engine
    from agentspec.cli.settings import Settings

    return open_engine(Settings(model=model), None)


def _look_at_window(report: Report, engine: Engine, *, together: bool) -> None:
    """Whether the context window holds the examples of each file, or those of all files together."""
    from agentspec.episode.examples_tokens import window_finding

    prompts: dict[str, list[Transcript]] = {}
    for source in report.sources:
        fine = [one for one, found in zip(source.transcripts, source.examined, strict=False) if not found.findings]
        if fine and source.form == "cues":
            prompts.setdefault(report.sources[0].name if together else source.name, []).extend(fine)
    for name, examples in prompts.items():
        found = window_finding(report.compiled, engine, examples, name)
        if found is not None:
            report.more.append(found)
