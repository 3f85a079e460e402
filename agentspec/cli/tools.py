"""``agentspec tools``: which tools there are and in what state, and locking one's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentspec.errors import InvalidInput

if TYPE_CHECKING:
    from agentspec.content.tool_schema import ToolSchema
    from agentspec.content.tool_sources import ToolSource
    from agentspec.toolbox.lock import Locked, Plan
    from agentspec.toolbox.trust import TrustStore

app = typer.Typer(help="Tools: list them, lock your own.", no_args_is_help=True)


@dataclass(frozen=True)
class Row:
    """One tool as it is listed. ``problem`` says why a run would refuse it, '' if it would not."""

    name: str
    text: str
    origin: str
    where: str
    state: str
    schema: ToolSchema | None
    locked: bool
    trusted: bool
    stale: bool
    problem: str

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ref": self.text,
            "from": self.origin,
            "where": self.where,
            "state": self.state,
            "locked": self.locked,
            "trusted": self.trusted,
            "stale": self.stale,
            "description": self.schema.description if self.schema else None,
            "parameters": dict(self.schema.parameters) if self.schema else None,
            "problem": self.problem or None,
        }


@app.command("list")
def list_tools(
    agent: Annotated[
        str | None,
        typer.Argument(metavar="[AGENT]", help="A file, or a shipped name; without it what is shipped and installed."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """List tools: what they take, where they come from, whether they are locked, trusted or stale. Imports none.

    Exit code 0: fine; 1: a tool that a run would refuse; 2: a file that cannot be read.
    """
    rows = list(_available() if agent is None else _of_agent(agent))
    called = [] if agent is None else list(_functions_of(agent, "predicate"))
    writing = [] if agent is None else list(_functions_of(agent, "handler"))
    if as_json:
        more = {
            kind: [{"name": row.name, "ref": row.text, "problem": row.problem or None} for row in some]
            for kind, some in (("predicates", called), ("handlers", writing))
            if some
        }
        typer.echo(json.dumps({"schema_version": 1, "tools": [row.to_json() for row in rows], **more}, indent=2))
    elif rows or called or writing:
        _table([*rows, *called, *writing])
    else:
        typer.echo("no tools", err=True)
    rows += called + writing
    for row in rows:
        if row.problem and not as_json:
            typer.echo(f"problem: {_printable(row.problem)}", err=True)
    raise typer.Exit(1 if agent is not None and any(row.problem for row in rows) else 0)


@app.command("lock")
def lock_tools(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="An agent's YAML (all that it names), a .py file, or a folder (all its .py files).",
        ),
    ],
) -> None:
    """Import your own tools, write tools.lock.json, and trust their files as they are now.

    Locking runs the files: read those of others first. Later, `check` reads the lock and never the code; `run` refuses
    a file that has changed. What a file imports is not covered, and it cannot import the files beside it.
    """
    from agentspec.toolbox.lock import lock

    for path in paths:
        plan = _plan(path)
        if not plan.files and not plan.installed:
            typer.echo(f"{path}: names no tool of its own, nothing to lock")
            continue
        for file in plan.files.values():
            typer.echo(f"importing {file.path}")
        for tool in plan.installed:
            typer.echo(f"importing {tool.value}, installed by {tool.distribution} {tool.version}")
        sys.stdout.flush()
        _tell(plan, lock(plan))


def _plan(path: Path) -> Plan:
    from agentspec.spec.handler import functions_of
    from agentspec.spec.load import load
    from agentspec.toolbox.lock import plan_agent, plan_file, plan_folder

    if path.is_dir():
        return plan_folder(path)
    if path.suffix == ".py":
        return plan_file(path)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        agent = load(str(path))
        return plan_agent(
            path, agent.tools, list(agent.spec.functions.values()), list(functions_of(agent.spec.handlers).values())
        )
    what = "is not an agent's .yaml file, a .py file or a folder" if path.exists() else "no such file or folder"
    raise InvalidInput(f"{path}: {what}")


def _tell(plan: Plan, locked: Locked) -> None:
    for name, tool in sorted(locked.tools.items()):
        typer.echo(f"locked {name}({', '.join(_arguments(tool.schema))}) of {tool.place}")
    for key in locked.predicates:
        file, _, name = key.rpartition(":")
        kinds = {"handler": plan.handlers, "predicate": plan.predicates}
        what = next((kind for kind, names in kinds.items() if name in names.get(file, ())), "function")
        typer.echo(f"locked the {what} {name} of {file}")
    for name in locked.dropped:
        typer.echo(f"no longer locked: {name}")
    for note in locked.notes:
        typer.echo(f"note: {_printable(note)}")
    typer.echo(f"wrote {locked.path}")
    if plan.files:
        typer.echo(f"trusted as read: {', '.join(str(file.path) for file in plan.files.values())}")


def _available() -> Iterator[Row]:
    from agentspec.content.installed import installed_tools
    from agentspec.content.tool_lock import LOCK_FILE, read_lock
    from agentspec.shipped import folder

    shipped = read_lock(folder("tools") / LOCK_FILE)
    for name, locked in shipped.items():
        yield Row(name, name, "shipped", "agentspec", "ready", locked.schema, True, True, False, "")
    for name, found in installed_tools(Path()).items():
        for tool in found:
            problem = ""
            if name in shipped:
                problem = f"{name} of {tool.distribution} is hidden by the shipped tool of that name"
            elif len(found) > 1:
                problem = f"{name} of {tool.distribution}: another distribution offers a tool of that name"
            state = "name clash" if problem else "installed"
            yield Row(name, name, "installed", str(tool), state, None, False, True, False, problem)


def _of_agent(name: str) -> Iterator[Row]:
    from agentspec.content.tool_sources import lock_command, tool_sources
    from agentspec.spec.load import load
    from agentspec.toolbox.trust import read_trust

    declared = load(name)
    trust = read_trust()
    if trust.fault:
        typer.echo(f"warning: {_printable(trust.fault)}: nothing in it counts", err=True)
    beside = declared.source.parent if declared.source is not None else None
    for source in tool_sources(declared.tools, beside, agent=declared.source):
        yield _row(source, trust, lock_command(beside, source.ref.file, declared.source))


def _functions_of(name: str, what: str) -> Iterator[Row]:
    """The functions of an agent's runtime predicates, or of its step handlers, that lie in files."""
    from agentspec.content.predicate_sources import predicate_source
    from agentspec.content.tool_sources import lock_command
    from agentspec.spec.handler import functions_of
    from agentspec.spec.load import load
    from agentspec.toolbox.trust import read_trust

    declared, trust = load(name), read_trust()
    named = declared.spec.functions if what == "predicate" else functions_of(declared.spec.handlers)
    beside = declared.source.parent if declared.source is not None else None
    for called, ref in named.items():
        if ref.file is None:
            continue
        source = predicate_source(ref, beside, agent=declared.source, what=what)
        problem = source.fault or ""
        if source.file is not None and not problem:
            objection = trust.objection(source.file, lock_command(beside, ref.file, declared.source))
            problem = f"{what} {ref.text}: {objection}" if objection else ""
        where = str(source.file.path) if source.file else ref.file
        state = f"{what}, not ready" if problem else f"{what}, ready"
        yield Row(called, ref.text, "file", where, state, None, not source.fault, not problem, False, problem)


def _row(source: ToolSource, trust: TrustStore, command: str) -> Row:
    trusted = source.origin in ("shipped", "installed")
    where = {"shipped": "agentspec", "installed": str(source.installed or "")}.get(source.origin or "", "")
    problem = source.fault or ""
    if source.origin == "file":
        where = str(source.file.path) if source.file else source.ref.file or ""
        objection = trust.objection(source.file, command) if source.file else None
        trusted = source.file is not None and objection is None
        if objection is not None and not problem:
            problem = f"tool {source.ref.text}: {objection}"
    if source.origin is None:
        state = "unknown"
    elif source.stale:
        state = "stale"
    elif source.locked is None:
        state = "not locked" if source.file or source.installed else "missing"
    else:
        state = "ready" if trusted and not problem else "locked, not trusted"
    schema = source.locked.schema if source.locked else None
    locked = source.locked is not None and not source.stale
    origin = source.origin or "nowhere"
    return Row(
        source.ref.name, source.ref.text, origin, where, state, schema, locked, trusted, source.stale, problem
    )  # fmt: skip


def _table(rows: list[Row]) -> None:
    """A table that folds on a terminal and never elsewhere, where a line is a tool."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("name", "arguments", "state", "from", "description"):
        table.add_column(title, overflow="fold")
    for row in rows:
        arguments = ", ".join(_arguments(row.schema)) if row.schema else ""
        where = row.where if row.origin == "file" else f"{row.origin}: {row.where}".removesuffix(": ")
        described = row.schema.description if row.schema else ""
        table.add_row(*(Text(_printable(cell)) for cell in (row.name, arguments, row.state, where, described)))
    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    console = Console(width=100_000, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _arguments(schema: ToolSchema) -> list[str]:
    """The arguments of a tool, those that may be left out with a question mark."""
    required = schema.parameters.get("required", [])
    return [key if key in required else f"{key}?" for key in schema.parameters.get("properties", {})]


def _printable(text: str) -> str:
    """The text on one line, with control characters made visible: a description may be anybody's."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
