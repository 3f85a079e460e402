"""``agentspec diff``: what one spec allows and the other does not. Starts no model and imports no tool."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agentspec.checking.diff import Extra


def diff(
    left: Annotated[str, typer.Argument(metavar="SPEC", help="A file, or the name of a shipped agent or spec.")],
    right: Annotated[str, typer.Argument(metavar="SPEC", help="Another one.")],
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
) -> None:
    """Compare two specs: a shortest episode that only one of them allows, both ways, and what excludes it.

    Exit code 0: they allow the same; 1: they differ; 2: a spec is invalid.
    """
    from agentspec.checking.cache import compiled_agent
    from agentspec.checking.diff import diff as compare

    found = compare(compiled_agent(left), compiled_agent(right))
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
        raise typer.Exit(not found.equivalent)
    for note in found.not_compared:
        typer.echo(f"note: {note}")
    if found.equivalent:
        typer.echo(f"{left} and {right} allow the same episodes")
        raise typer.Exit(0)
    for name, extra, other in ((left, found.only_left, right), (right, found.only_right, left)):
        if extra is None:
            typer.echo(f"all that {name} allows, {other} allows too")
            continue
        typer.echo(f"{name} allows, and {other} does not:")
        for i, letter in enumerate(extra.word):
            mark = ">" if i == extra.at else " "
            typer.echo(f"  {mark} {letter.owner!s:<5}  {letter}")
        by = (
            f"the rule{'s' if len(extra.rules) > 1 else ''} {', '.join(extra.rules)}" if extra.rules else "its behavior"
        )
        typer.echo(f"    in {other}, {by} excludes {_what(extra)}")
    raise typer.Exit(1)


def _what(extra: Extra) -> str:
    if extra.at is not None:
        return "that step"
    return "going on like that" if extra.loop else "an end there"
