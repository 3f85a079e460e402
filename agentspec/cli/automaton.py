"""``agentspec automaton``: the automaton of a formula or of a spec, in four formats."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from agentspec.automata.dfa import Dfa


class Format(StrEnum):
    """What to print."""

    TEXT = "text"
    JSON = "json"
    HOA = "hoa"
    MERMAID = "mermaid"


def automaton(
    target: Annotated[str, typer.Argument(metavar="FORMULA|SPEC", help="A formula, a file, or a shipped name.")],
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TEXT,
) -> None:
    """Print the automaton of a formula (finite words) or of a spec (behavior and block rules, before pruning).

    An existing file or a shipped name beats a formula.
    """
    dfa, winning = automaton_of(target)
    typer.echo(printed(dfa, winning, form, target), nl=False)


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
        case Format.TEXT:
            return draw.to_text(dfa, winning)
