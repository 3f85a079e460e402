"""``agentspec check``: what can be said of a spec before its first run. Starts no model and imports no tool."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentspec.errors import AgentSpecError, SpecError

if TYPE_CHECKING:
    from agentspec.checking.check import Report


def check(
    specs: Annotated[list[str], typer.Argument(metavar="SPEC...", help="Files, or names of shipped agents or specs.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
    show_ltl: Annotated[bool, typer.Option("--show-ltl", help="Show every rule as the formula it stands for.")] = False,
) -> None:
    """Check specs: do they parse, can every run end well whatever tools answer, does every rule do something?

    Exit code 0: fine; 1: warnings; 2: a spec is invalid or not realizable.
    """
    shown: list[dict[str, Any]] = []
    code = 0
    for name in specs:
        try:
            report = _report(name)
        except AgentSpecError as problem:
            code = 2
            shown.append({"spec": name, "valid": False, "problems": [str(problem)]})
            if not as_json:
                typer.echo(f"error: {problem}", err=True)
            continue
        code = max(code, 2 if report.problems else 1 if report.warnings else 0)
        shown.append({"spec": name, "valid": not report.problems, **report.to_json()})
        if not as_json:
            _tell(name, report)
            for rule, formula in report.ltl if show_ltl else ():
                typer.echo(f"{name}: {rule}: {formula}")
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "reports": shown}, indent=2, ensure_ascii=False))
    raise typer.Exit(code)


def _report(name: str) -> Report:
    from agentspec.checking import check as checking
    from agentspec.checking.cache import compiled_agent
    from agentspec.episode.prompt_examples import read_examples
    from agentspec.episode.replay_policy import policy_of

    try:
        compiled = compiled_agent(name)
    except SpecError:
        policy = policy_of(name)
        if policy is None:
            raise
        from agentspec.episode.policy_check import check_policy

        return check_policy(policy)
    if compiled.realizable:
        read_examples(compiled)
    return checking.check(compiled)


def _tell(name: str, report: Report) -> None:
    for problem in report.problems:
        told = problem.replace(f": {report.witness}", "") if report.witness else problem  # it follows below
        typer.echo(f"{name}: error: {told}", err=True)
    if len(report.blamed) > 0:
        typer.echo(f"  rules to blame, none of which can be left out: {', '.join(report.blamed)}", err=True)
    for warning in report.warnings:
        typer.echo(f"{name}: warning: {warning}", err=True)
    if report.witness is not None:
        typer.echo("  how it happens, step by step:", err=True)
        for line in report.witness.lines():
            typer.echo(f"    {line}", err=True)
    if report.realizable and not report.guards:
        typer.echo(f"{name}: its rules can be satisfied together")
    elif report.realizable:
        whole = "guaranteed in part" if report.partial or report.unenforced else "guaranteed by construction"
        verdict = whole if not report.problems else "realizable"
        typer.echo(f"{name}: {verdict}; {report.states} states; least budget: {report.least_budget}")
    if report.analysis is not None and report.analysis.trap is not None:
        typer.echo(f"{name}: trap avoided: {report.analysis.trap}")
    for note in report.notes:
        typer.echo(f"{name}: note: {note}")
