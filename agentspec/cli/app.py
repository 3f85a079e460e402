"""The command line: one small file per command family, errors printed once, exit codes of the design."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

from agentspec import __version__
from agentspec.cli import (
    automaton,
    chat,
    check,
    demo,
    diff,
    doctor,
    eval,
    explain,
    import_notation,
    init,
    models,
    replay,
    run,
    schema,
    templates,
    tools,
    validate_prompts,
)
from agentspec.errors import AgentSpecError

app = typer.Typer(
    name="agentspec",
    help="Declarative agents whose every run obeys its temporal rules, by construction.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("chat")(chat.chat)
app.command("check")(check.check)
app.command("validate-prompts")(validate_prompts.validate_prompts)
app.command("automaton")(automaton.automaton)
app.command("replay")(replay.replay)
app.command("explain")(explain.explain)
app.command("diff")(diff.diff)
app.command("eval")(eval.eval)
app.command("import")(import_notation.import_notation)
app.command("init")(init.init)
app.command("schema")(schema.schema)
app.command("templates")(templates.templates)
app.add_typer(tools.app, name="tools")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"agentspec {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; exits with the design's codes, 130 when interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to stop
    try:
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except AgentSpecError as problem:
        typer.echo(f"error: {problem}", err=True)
        sys.exit(problem.exit_code)
    except BrokenPipeError:  # nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        typer.echo(f"error: {problem.filename or 'the output'}: {problem.strerror or problem}", err=True)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left of it is lost
        sys.exit(4)
    except SystemExit as ending:
        sys.exit(130 if _interrupted(ending) else ending.code)


def _interrupted(problem: BaseException) -> bool:
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
