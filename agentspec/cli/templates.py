"""``agentspec templates``: the named rules, what they take, say and mean."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentspec.errors import InvalidInput
from agentspec.logic.pattern import EXAMPLE_COUNT

if TYPE_CHECKING:
    from rich.table import Table

    from agentspec.logic.pattern import Parameter, Template, Word


def templates(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One template, in all its scopes.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, for a document.")] = False,
) -> None:
    """List the templates for rules: parameters, sentence, formula; with NAME its scopes and two words that show it.

    A rule uses one by `template: NAME` and `params: {...}`. Exit code 2: there is no such template.
    """
    from agentspec.logic.templates import TEMPLATES, template

    if as_json and markdown:
        raise InvalidInput("--json and --markdown: one of them")
    chosen = list(TEMPLATES.values()) if name is None else [template(name)]
    if as_json:
        typer.echo(json.dumps({"schema_version": 1, "templates": [_to_json(one) for one in chosen]}, indent=2))
    elif markdown:
        lines = _markdown_table(chosen) if name is None else _markdown(chosen[0])
        typer.echo("\n".join(lines))
    elif name is None:
        _print(_table(chosen))
    else:
        _tell(chosen[0])


def _takes(one: Parameter) -> str:
    """``n = 1`` where 1 is the default, ``n (2 here)`` where what is shown is only an example."""
    if one.kind == "formula":
        return one.name
    return f"{one.name} ({EXAMPLE_COUNT} here)" if one.default is None else f"{one.name} = {one.default}"


def _parameters(one: Template) -> str:
    return ", ".join([_takes(parameter) for parameter in one.parameters])


def _kinds(one: Template) -> Iterator[str]:
    for parameter in one.parameters:
        kind = "a proposition or formula"
        if parameter.kind == "count":
            kind = f"a whole number from {parameter.minimum} on"
            kind += f", {parameter.default} if left out" if parameter.default is not None else ""
        yield f"{parameter.name}: {kind}"


def _word(word: Word) -> str:
    """Letters with blanks between, ``-`` where nothing holds."""
    return " ".join(["+".join(sorted(letter)) or "-" for letter in word])


def _flow(value: Any) -> str:
    return f"[{', '.join(value)}]" if isinstance(value, list | tuple) else str(value)


def _as_rule(one: Template, scope: str = "globally") -> str:
    params = ", ".join([f"{key}: {_flow(value)}" for key, value in one.placeholders(scope).items()])
    return f"- {{id: my-rule, template: {one.name}, params: {{{params}}}}}"


def _to_json(one: Template) -> dict[str, Any]:
    from agentspec.logic.pattern import SCOPES

    return {
        "name": one.name,
        "family": one.family,
        "source": one.source,
        "parameters": [
            {"name": p.name, "kind": p.kind, "required": p.default is None}
            | ({"minimum": p.minimum, "default": p.default} if p.kind == "count" else {})
            for p in one.parameters
        ],
        "sentence": one.sentence(one.placeholders()),
        "formula": one.text(),
        "satisfied_by": [sorted(letter) for letter in one.satisfied],
        "violated_by": [sorted(letter) for letter in one.violated],
        "infinite": one.infinite,
        "scopes": {
            scope: {
                "params": dict(chosen),
                "sentence": one.sentence(one.placeholders(scope)),
                "formula": one.text(scope),
            }
            for scope, chosen in SCOPES.items()
        },
    }


def _table(chosen: list[Template]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("name", "parameters", "says", "formula"):
        table.add_column(title, overflow="fold", no_wrap=title == "name")
    for one in chosen:
        row = (one.name, _parameters(one), one.sentence(one.placeholders()), one.text())
        table.add_row(*[Text(cell) for cell in row])
    return table


def _print(table: Table) -> None:
    """The table, which folds on a terminal and never elsewhere, where a line is a template."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(table)
        return
    console = Console(width=100_000, highlight=False, color_system=None)
    with console.capture() as captured:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _tell(one: Template) -> None:
    from agentspec.logic.pattern import SCOPES

    typer.echo(f"{one.name}: {one.sentence(one.placeholders())}")
    typer.echo(f"  formula       {one.text()}")
    for i, kind in enumerate(_kinds(one)):
        typer.echo(f"  {'' if i else 'parameters':<13} {kind}")
    typer.echo(f"  satisfied by  {_word(one.satisfied)}")
    typer.echo(f"  violated by   {_word(one.violated)}")
    typer.echo(f"  source        {one.source}{'' if one.infinite else '; of use for episodes that end only'}")
    typer.echo(f"  as a rule     {_as_rule(one)}")
    typer.echo("\nOn a part of the episode, with these params as well:")
    for scope, params in SCOPES.items():
        if params:
            typer.echo(f"\n  {', '.join([f'{key}: {_flow(value)}' for key, value in params.items()])}")
            typer.echo(f"    {one.sentence(one.placeholders(scope))}")
            typer.echo(f"    {one.text(scope)}")


def _markdown_table(chosen: list[Template]) -> Iterator[str]:
    yield "| template | parameters | says | formula |"
    yield "| --- | --- | --- | --- |"
    for one in chosen:
        cells = (f"`{one.name}`", _parameters(one), one.sentence(one.placeholders()), f"`{one.text()}`")
        yield f"| {' | '.join([cell.replace('|', chr(92) + '|') for cell in cells])} |"


def _markdown(one: Template) -> Iterator[str]:
    from agentspec.logic.pattern import SCOPES

    yield f"## {one.name}"
    yield f"{one.sentence(one.placeholders())} ({one.source})"
    yield ""
    yield f"    {_as_rule(one)}"
    yield ""
    yield from [f"- {kind}" for kind in _kinds(one)]
    yield f"- satisfied by `{_word(one.satisfied)}`, violated by `{_word(one.violated)}`"
    yield ""
    yield "| params | says | formula |"
    yield "| --- | --- | --- |"
    for scope, params in SCOPES.items():
        shown = ", ".join([f"{key}: {_flow(value)}" for key, value in params.items()])
        cells = (f"`{shown}`" if shown else "", one.sentence(one.placeholders(scope)), f"`{one.text(scope)}`")
        yield f"| {' | '.join([cell.replace('|', chr(92) + '|') for cell in cells])} |"
