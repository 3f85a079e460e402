"""``agentspec automaton``: the automaton of a formula or of a spec, in six formats."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentspec.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from agentspec.automata.buchi import Buchi
    from agentspec.automata.dfa import Dfa
    from agentspec.automata.omega import Omega


class Format(StrEnum):
    """What to print."""

    TEXT = "text"
    JSON = "json"
    HOA = "hoa"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


class Semantics(StrEnum):
    """Which words a formula is about."""

    FINITE = "finite"
    INFINITE = "infinite"


class Translator(StrEnum):
    """Who translates a formula."""

    AUTO = "auto"
    EMBEDDED = "embedded"
    SPOT = "spot"


def automaton(
    target: Annotated[str, typer.Argument(metavar="FORMULA|SPEC", help="A formula, a file, or a shipped name.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="How to print it; by default as the output file's name ends, else as text."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    semantics: Annotated[
        Semantics | None,
        typer.Option(help="Which words a formula is about (default: finite). A spec says its own."),
    ] = None,
    backend: Annotated[
        Translator | None,
        typer.Option(help="Who translates a formula; auto: Spot, if here, where the embedded one fails."),
    ] = None,
    mark: Annotated[int | None, typer.Option(metavar="STATE", help="Mark this state.")] = None,
    summary: Annotated[
        bool | None,
        typer.Option("--summary/--full", help="Whether to merge states that differ only in the tool, and fold chains."),
    ] = None,
) -> None:
    """Print the automaton of a formula or of a spec (behavior and block rules, before pruning).

    An existing file or a shipped name beats a formula.
    """
    from agentspec.automata.draw import printed

    chosen = form or _format_of(output)
    if _is_spec(target) and (semantics or backend):
        raise InvalidInput(f"{'--semantics' if semantics else '--backend'} is for formulas; '{target}' is a spec")
    found, winning = automaton_of(target, backend or Translator.AUTO, semantics or Semantics.FINITE)
    try:
        text = printed(found, chosen, winning, position=mark, title=target, summary=summary)
    except ValueError as problem:
        raise InvalidInput(f"--mark {mark}: {problem}") from None
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise InvalidInput(f"{output} cannot be written: {problem.strerror or problem}") from None


def _format_of(output: Path | None) -> Format:
    ending = output.suffix.removeprefix(".") if output is not None else ""
    if ending in ("", "txt"):
        return Format.TEXT
    if ending not in set(map(str, Format)):
        raise InvalidInput(
            f"{output}: its ending is no format{nearest(ending, list(map(str, Format)))}; or add --format"
        )
    return Format(ending)


def automaton_of(
    target: str, backend: Translator = Translator.AUTO, semantics: Semantics = Semantics.FINITE
) -> tuple[Dfa | Buchi | Omega, frozenset[int] | None]:
    """The automaton of a formula or spec; of a spec with its winning states."""
    if _is_spec(target):
        from agentspec.checking.cache import compiled_agent

        return compiled_agent(target).automaton
    from agentspec.automata import backend as translators
    from agentspec.logic.parse import parse_formula

    chosen = translators.backend(backend)
    translate = chosen.translate if semantics == Semantics.FINITE else chosen.to_buchi
    return translate(parse_formula(target), None, "formula"), None


def _is_spec(target: str) -> bool:
    from agentspec.shipped import folder
    from agentspec.spec.load import existing_file

    if len(target) < 200 and "\n" not in target:
        if target.endswith((".yaml", ".yml")) or existing_file(target) is not None:
            return True
        return target in {file.stem for kind in ("agents", "specs") for file in folder(kind).glob("*.yaml")}
    return False
