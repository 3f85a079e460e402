"""``agentspec replay``: verdicts for recorded traces, ours or logs of messages. Starts no model, imports no tool."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from agentspec.errors import AgentSpecError, InvalidInput

if TYPE_CHECKING:
    from agentspec.episode.replay import Replayer, TraceReport
    from agentspec.episode.replay_report import Summary

PROBLEMS = 20
"""Problems and notes that are told one by one."""


class _Progress(Protocol):
    def advance(self, done: int) -> None: ...


def replay(
    traces: Annotated[
        list[str], typer.Argument(metavar="TRACE...", help="Logs (.json, .jsonl), or folders of them at any depth.")
    ],
    spec: Annotated[str, typer.Option("--spec", metavar="SPEC", help="A policy, a spec or an agent: file or name.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
    as_jsonl: Annotated[bool, typer.Option("--jsonl", help="One line a trace on stdout.")] = False,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a report to read, in Markdown.")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; can be given several times.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--open", help="The logs go on: what their end would decide stays undecided.")
    ] = False,
    failed: Annotated[
        str | None,
        typer.Option("--failed-if", metavar="REGEX", help="Results in which this is found are failures."),
    ] = None,
) -> None:
    """Try a policy on recorded traces: which rule, how often, where first.

    Exit code 0: no enforced rule is violated; 1: one is; 2: the spec is unusable, or something could not be read.
    """
    from agentspec.episode.replay_report import Summary
    from agentspec.episode.replay_report import markdown as page

    if as_json and as_jsonl:
        raise InvalidInput("--json and --jsonl are two shapes of the same: choose one")
    try:
        replayer, files = _ready(traces, spec, rule or [], unfinished, failed)
    except AgentSpecError as problem:
        if as_json:
            typer.echo(json.dumps({"schema_version": 1, "status": "invalid", "problems": [str(problem)]}, indent=2))
        raise
    summary = Summary(replayer.policy.spec.name, len(files))
    shown: list[dict[str, Any]] = []
    odd: list[str] = []
    oddities = 0
    with _progress(files) as progress:
        for report in _reports(replayer, files, progress):
            summary.add(replayer, report)
            if as_json:
                shown.append(report.to_json())
            elif as_jsonl:
                typer.echo(json.dumps(report.to_json(), ensure_ascii=False))
            else:
                found = _odd(report)
                oddities += len(found)
                odd += found[: PROBLEMS - len(odd)]
    summary.finish(replayer)
    hints = summary.hints(replayer)
    if markdown is not None:
        try:
            markdown.write_text(page(summary, hints), encoding="utf-8", errors="backslashreplace")
        except OSError as problem:
            raise InvalidInput(f"{markdown} cannot be written: {problem.strerror or problem}") from None
    if as_json:
        typer.echo(json.dumps({**summary.to_json(), "hints": hints, "traces": shown}, indent=2, ensure_ascii=False))
    elif not as_jsonl:
        _tell(odd, oddities - len(odd))
        _table(summary, hints)
    raise typer.Exit(summary.exit_code)


def _ready(
    traces: list[str], spec: str, rules: list[str], unfinished: bool, failed: str | None
) -> tuple[Replayer, list[Path]]:
    from agentspec.episode.replay import Replayer
    from agentspec.episode.replay_messages import failed_if, looks_failed
    from agentspec.episode.replay_policy import load_policy
    from agentspec.episode.replay_read import files_of

    failure = looks_failed if failed is None else failed_if(failed)
    return Replayer(load_policy(spec, only=rules), unfinished=unfinished, failed=failure), files_of(traces)


def _reports(replayer: Replayer, files: list[Path], progress: _Progress) -> Iterator[TraceReport]:
    from agentspec.episode.replay_read import read_traces

    for file in files:
        for recorded in read_traces(file):
            yield replayer.replay(recorded)
        progress.advance(1)


@contextmanager
def _progress(files: list[Path]) -> Iterator[_Progress]:
    """A bar on stderr, where that is a terminal."""

    class Silent:
        def advance(self, done: int) -> None:
            del done

    if not (sys.stderr.isatty() and len(files) > 1):
        yield Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("replay"), BarColumn(), MofNCompleteColumn(), TextColumn("files"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=len(files))

        class Shown:
            def advance(self, done: int) -> None:
                bar.advance(task, done)

        yield Shown()


def _odd(report: TraceReport) -> list[str]:
    """What was odd in a trace, and why it goes no further."""
    recorded = report.recorded
    lines = [f"{recorded.file}:{recorded.places.line(item)}: note: {what}" for item, what in report.notes]
    if report.problem is not None:
        rest = f" ({recorded.skipped} lines after it not read)" if recorded.skipped else ""
        lines.append(f"{report.problem}{rest}" + ("; judged up to there" if report.steps else ""))
    return lines


def _tell(odd: list[str], more: int) -> None:
    from agentspec.episode.transcript import printable

    for line in odd:
        typer.echo(printable(line), err=True)
    if more:
        typer.echo(f"({more} more notes and problems: --json has them all)", err=True)


def _table(summary: Summary, hints: list[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from agentspec.episode.replay_report import HEADINGS, cells
    from agentspec.episode.transcript import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        left = heading in ("rule", "enforced", "first violation")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True, overflow="ignore")
    for one in summary.rules.values():
        colour = "red" if one.violated and one.enforce == "block" else "yellow" if one.violated else ""
        table.add_row(*(Text(printable(cell), style=colour) for cell in cells(one)))
    wide = 200 + max((len(printable(cell)) for one in summary.rules.values() for cell in cells(one)), default=0)
    Console(file=sys.stdout, highlight=False, width=wide).print(table)
    for one in summary.rules.values():
        if one.reason:
            typer.echo(f"{one.rule.id}: not judged on {one.not_judged} of the traces: {one.reason}")
    for hint in hints:
        typer.echo(f"note: {printable(hint)}")
    typer.echo(
        f"{summary.name}: {summary.status}; {summary.traces} traces in {summary.files} files, "
        f"{summary.items} messages, {len(summary.problems)} problems"
    )
