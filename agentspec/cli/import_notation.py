"""``agentspec import``: an agent in the notation of Crouse et al. (arXiv 2310.08535) as a spec. Starts no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def import_notation(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="(define NAME (:states …) (:behavior …)); - for stdin.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write here; a file there is kept.")] = None,
    name: Annotated[str | None, typer.Option(help="Which agent, where the file has several.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object on stdout: name, yaml, notes.")] = False,
) -> None:
    """Read an agent in the paper's notation and write it as a spec: the same language of steps, exactly.

    What the notation does not tell (which states are calls of tools, how long a text may be) is chosen, and said.
    """
    from agentspec.errors import InvalidInput, nearest
    from agentspec.spec.notation import imported

    found = {one.name: one for one in imported(_text(file), "<stdin>" if str(file) == "-" else str(file))}
    if name is None and len(found) > 1:
        raise InvalidInput(f"{file} has several agents; choose one with --name: {', '.join(found)}")
    wanted = name if name is not None else next(iter(found))
    if wanted not in found:
        raise InvalidInput(f"{file} has no agent '{wanted}'{nearest(wanted, [*found])}")
    one = found[wanted]
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as stream:
                stream.write(one.yaml)
        except FileExistsError:
            raise InvalidInput(f"{output} exists already; choose another --output") from None
        except OSError as problem:
            raise InvalidInput(f"{output} cannot be written: {problem.strerror or problem}") from None
    if as_json:
        typer.echo(
            json.dumps(
                {"schema_version": 1, "name": one.name, "yaml": one.yaml, "notes": [*one.notes]},
                ensure_ascii=False,
                indent=2,
            )
        )
        return
    for note in one.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(one.yaml if output is None else f"wrote {output}", nl=output is not None)


def _text(file: Path) -> str:
    """The text of a file. Raises InvalidInput where there is none that can be read."""
    from agentspec import limits
    from agentspec.errors import InvalidInput, Location, SyntaxProblem

    try:
        with typer.get_binary_stream("stdin") if str(file) == "-" else file.open("rb") as stream:
            data = stream.read(limits.NOTATION_BYTES + 1)
    except OSError as problem:
        raise InvalidInput(f"{file} cannot be read: {problem.strerror or problem}") from None
    if len(data) > limits.NOTATION_BYTES:
        raise InvalidInput(f"{file} is too long; at most {limits.NOTATION_BYTES} bytes are read")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as problem:
        before = data[: problem.start].decode("utf-8-sig").split("\n")
        place = Location("<stdin>" if str(file) == "-" else str(file), len(before), len(before[-1]) + 1)
        raise SyntaxProblem(f"not UTF-8: this byte is {data[problem.start]:#x}", location=place) from None
