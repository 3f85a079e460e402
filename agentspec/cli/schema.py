"""``agentspec schema``: the JSON Schema of spec and agent files, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentspec.errors import InvalidInput


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it to this file.", show_default=False)
    ] = None,
) -> None:
    """Print the JSON Schema (2020-12) of spec and agent files.

    An editor that knows YAML schemas completes and checks keys when a file begins with
    '# yaml-language-server: $schema=./agentspec.schema.json'.
    """
    from agentspec.spec.schema import schema_text

    if output is None:
        typer.echo(schema_text(), nl=False)
    else:
        try:
            output.write_text(schema_text(), encoding="utf-8")
        except OSError as problem:
            raise InvalidInput(f"{output} cannot be written: {problem.strerror or problem}") from None
        typer.echo(f"wrote {output}")
