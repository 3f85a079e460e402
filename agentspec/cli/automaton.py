"""``agentspec automaton``: the automaton of a formula or of a spec, in six formats."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentspec.errors import InvalidInput, nearest

if TYPE_CHECKING:
    from agentspec.automata.buchi import Buchi
    from agentspec.automata.dfa import Dfa


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
) -> None:
    """Print the automaton of a formula or of a spec (behavior and block rules, before pruning).

    An existing file or a shipped name beats a formula.
    """
    chosen = form or _format_of(output)
    if _is_spec(target) and (semantics or backend):
        raise InvalidInput(f"{'--semantics' if semantics else '--backend'} is for formulas; '{target}' is a spec")
    if semantics == Semantics.INFINITE:
        text = printed_infinite(buchi_of(target, backend or Translator.AUTO), chosen, target)
    else:
        dfa, winning = automaton_of(target, backend or Translator.AUTO)
        text = printed(dfa, winning, chosen, target)
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


def automaton_of(target: str, backend: str = "auto") -> tuple[Dfa, frozenset[int] | None]:
    if _is_spec(target):
        from agentspec.checking.cache import compiled_agent

        return compiled_agent(target).automaton
    from agentspec.automata import backend as translators
    from agentspec.logic.parse import parse_formula

    return translators.backend(backend).translate(parse_formula(target), None, "formula"), None


def buchi_of(target: str, backend: str) -> Buchi:
    from agentspec.automata import backend as translators
    from agentspec.logic.parse import parse_formula

    return translators.backend(backend).to_buchi(parse_formula(target), None, "formula")


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


def printed_infinite(buchi: Buchi, form: Format, name: str) -> str:
    """HOA as it is, with marks on the transitions; the other formats with accepting states."""
    from agentspec.automata import draw
    from agentspec.automata.state_based import state_based

    if form == Format.HOA:
        from agentspec.automata.hoa import to_hoa

        return to_hoa(buchi, name)
    if form == Format.JSON:
        shape = draw.to_json(state_based(buchi))
        shape |= {"semantics": "infinite", "acceptance": "buchi", "deterministic": buchi.deterministic}
        return json.dumps(shape, indent=1, ensure_ascii=False) + "\n"
    return printed(state_based(buchi), None, form, name)
