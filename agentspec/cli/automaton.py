"""``agentspec automaton``: the automaton of a formula or of a spec, in six formats."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentspec.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from agentspec.automata.dfa import Dfa


class Format(StrEnum):
    """What to print."""

    TEXT = "text"
    JSON = "json"
    HOA = "hoa"
    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


def automaton(
    target: Annotated[str, typer.Argument(metavar="FORMULA|SPEC", help="A formula, a file, or a shipped name.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="How to print it; by default as the output file's name ends, else as text."),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Print the automaton of a formula (finite words) or of a spec (behavior and block rules, before pruning).

    An existing file or a shipped name beats a formula.
    """
    dfa, winning = automaton_of(target)
    text = printed(dfa, winning, form or _format_of(output), target)
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


def automaton_of(target: str) -> tuple[Dfa, frozenset[int] | None]:
    if _is_spec(target):
        from agentspec.checking.compile import compile_agent
        from agentspec.spec.load import load

        return compile_agent(load(target)).automaton
    from agentspec.automata.translate import translate
    from agentspec.logic.parse import parse_formula

    return translate(parse_formula(target)), None


def _is_spec(target: str) -> bool:
    from agentspec.shipped import folder
    from agentspec.spec.load import existing_file

    if len(target) < 200 and "\n" not in target:
        if target.endswith((".yaml", ".yml")) or existing_file(target) is not None:
            return True
        return target in {file.stem for kind in ("agents", "specs") for file in folder(kind).glob("*.yaml")}
    return False


def printed(dfa: Dfa, winning: frozenset[int] | None, form: Format, name: str) -> str:
    from agentspec.automata import draw

    match form:
        case Format.JSON:
            return json.dumps(draw.to_json(dfa, winning), indent=1, ensure_ascii=False) + "\n"
        case Format.HOA:
            from agentspec.automata.buchi import from_dfa
            from agentspec.automata.hoa import to_hoa

            return to_hoa(from_dfa(dfa), name)
        case Format.MERMAID:
            return draw.to_mermaid(dfa, winning)
        case Format.DOT:
            return draw.to_dot(dfa, winning, title=name)
        case Format.SVG:
            from agentspec.automata.svg import to_svg

            return to_svg(dfa, winning, title=name)
        case Format.TEXT:
            return draw.to_text(dfa, winning)
