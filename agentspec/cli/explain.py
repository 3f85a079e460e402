"""``agentspec explain``: why a rule came out as it did on a recorded trace. Starts no model, imports no tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentspec.errors import AgentSpecError, InvalidInput

if TYPE_CHECKING:
    from agentspec.episode.replay import Replayer
    from agentspec.episode.replay_read import Recorded


def explain(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="A journal of ours, or a log of messages.")],
    spec: Annotated[
        str | None,
        typer.Option("--spec", metavar="SPEC", help="A policy, a spec or an agent; by default the journal's own."),
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="This rule, whatever became of it.")
    ] = None,
    line: Annotated[
        int | None, typer.Option("--line", metavar="N", help="Only the trace that begins on this line of the file.")
    ] = None,
    unfinished: Annotated[bool, typer.Option("--open", help="The log goes on after its last line.")] = False,
    failed: Annotated[
        str | None,
        typer.Option("--failed-if", metavar="REGEX", help="Results in which this is found are failures."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """Explain the violated rules of a trace: the deciding place and subformula, and the steps involved.

    Exit code 0: no enforced rule is violated; 1: one is; 2: the spec or the trace cannot be used.
    """
    from agentspec.episode.explain import explain_trace, lines
    from agentspec.episode.replay_report import Summary
    from agentspec.episode.transcript import printable

    try:
        traces = _chosen(trace, line)
        replayer = _replayer(spec or _own_spec(trace, traces), rule or [], unfinished, failed)
        summary = Summary(replayer.policy.spec.name, 1)
        found: list[dict[str, Any]] = []
        told: list[str] = []
        for recorded in traces:
            report = replayer.replay(recorded)
            summary.add(replayer, report)
            explained = explain_trace(replayer, report, rule or [])
            found.append({**report.to_json(), "rules": [one.to_json(report) for one in explained]})
            if report.problem is not None:
                told.append(printable(str(report.problem)))
            if len(traces) > 1 and explained:
                told.append(printable(f"{recorded.file}:{recorded.line}"))
            told += [text for one in explained for text in lines(one, report)]
    except AgentSpecError as problem:
        if as_json:
            typer.echo(json.dumps({"schema_version": 1, "status": "invalid", "problems": [str(problem)]}, indent=2))
        raise
    if as_json:
        shape = {"schema_version": 1, "status": summary.status, "spec": summary.name, "traces": found}
        typer.echo(json.dumps(shape, indent=2, ensure_ascii=False))
    else:
        for text in told:
            typer.echo(text)
        if not any(one["rules"] for one in found):
            judged = len(summary.rules)
            told_of = (
                f"no rule is violated ({judged} judged); --rule ID explains any" if judged else "no rule was judged"
            )
            typer.echo(f"{trace}: {told_of}")
    raise typer.Exit(summary.exit_code)


def _chosen(trace: str, line: int | None) -> list[Recorded]:
    from agentspec.episode.replay_read import files_of, read_traces

    if Path(trace).is_dir():
        raise InvalidInput(f"{trace} is a folder: name one trace (agentspec replay takes folders)")
    found = list(read_traces(files_of([trace])[0]))
    if line is None:
        return found
    chosen = [recorded for recorded in found if recorded.line == line]
    if not chosen:
        begin = ", ".join(str(recorded.line) for recorded in found[:20])
        raise InvalidInput(f"{trace}: no trace begins on line {line}; they begin on {begin}")
    return chosen


def _own_spec(trace: str, traces: list[Recorded]) -> str:
    """The spec that a journal names."""
    from agentspec.spec.load import existing_file

    for recorded in traces:
        head = recorded.items[0] if recorded.kind == "journal" and recorded.items else {}
        named = head.get("spec")
        if isinstance(named, str):
            if existing_file(named) is None:
                raise InvalidInput(f"{trace} was recorded with the spec {named}, which is not there: add --spec")
            return named
    raise InvalidInput(f"{trace} does not say by which spec to judge it: add --spec")


def _replayer(spec: str, rules: list[str], unfinished: bool, failed: str | None) -> Replayer:
    from agentspec.episode.replay import Replayer
    from agentspec.episode.replay_messages import failed_if, looks_failed
    from agentspec.episode.replay_policy import load_policy

    failure = looks_failed if failed is None else failed_if(failed)
    return Replayer(load_policy(spec, only=rules), unfinished=unfinished, failed=failure)
