"""Declared propositions: predicates over the text or the JSON values of a step, some of them functions."""

from __future__ import annotations

from typing import Any

from agentspec.automata.letter import Owner
from agentspec.content.constraint import Constraint, Literal, Sequence, encoded
from agentspec.content.predicate_ref import PredicateRef, parse_predicate_ref
from agentspec.content.regex import parse_regex
from agentspec.errors import InvalidInput, SyntaxProblem, nearest
from agentspec.logic.parse import RESERVED
from agentspec.spec.fault import relocated
from agentspec.spec.layers import Layer
from agentspec.spec.model import Proposition, PropositionModel, Step
from agentspec.spec.step import CONTINUED

_KINDS = ("matches", "contains", "where", "python")
_TEXTUAL = ("text", "choice", "regex", "format", "free")


def propositions(
    declared: dict[str, tuple[Layer, PropositionModel]], steps: dict[str, Step]
) -> tuple[Proposition, ...]:
    """The declared predicates. Raises SpecError where one speaks of what it cannot see."""
    return tuple(_proposition(layer, name, model, steps) for name, (layer, model) in declared.items())


def _proposition(layer: Layer, name: str, model: PropositionModel, steps: dict[str, Step]) -> Proposition:
    file, path = layer.file, ("propositions", name)
    if name in RESERVED or name == "error" or name in steps:
        what = "is a step" if name in steps else "has a meaning in rules"
        raise file.fault(f"'{name}' {what} and cannot be the name of a proposition", path, key=True)
    said = [key for key in _KINDS if getattr(model, key) is not None]
    if len(said) != 1:
        raise file.fault(f"the proposition '{name}' needs exactly one of {', '.join(_KINDS)}", path, key=True)
    for i, at in enumerate(model.at):
        where = (*path, "at") if isinstance(file.value((*path, "at")), str) else (*path, "at", i)
        if at not in steps:
            raise file.fault(f"unknown step '{at}'{nearest(at, list(steps))}", where)
        if (problem := _unfit(steps[at], said[0], model)) is not None:
            raise file.fault(problem, where)
    return Proposition(
        name, tuple(model.at), model.tool, _texts(layer, (*path, said[0]), model), model.where,
        file.at(path, key=True)[0], _function(layer, (*path, "python"), model),
    )  # fmt: skip


def _function(layer: Layer, path: tuple[Any, ...], model: PropositionModel) -> PredicateRef | None:
    try:
        return None if model.python is None else parse_predicate_ref(model.python)
    except InvalidInput as problem:
        raise layer.file.fault(problem.message, path) from None


def _unfit(step: Step, key: str, model: PropositionModel) -> str | None:
    """Why a predicate cannot be decided at a step, or None."""
    calls = step.tool in ("arguments", "call")
    if model.tool is not None and not (calls or step.owner == Owner.TOOL):
        return f"'tool:' is for steps that call a tool or answer a call; '{step.name}' does neither"
    if key == "where":
        if calls and model.tool is None:
            return f"the arguments at '{step.name}' depend on the tool: add 'tool:'"
        if not calls and step.kind != "json_schema":
            return f"'where' looks into JSON that the model writes; '{step.name}' holds none (use matches or contains)"
        return None
    if step.owner != Owner.MODEL or step.kind in _TEXTUAL:
        return None
    if key == "python":
        return f"at '{step.name}' stands the name of a tool: use chosen(TOOL)" if step.tool == "name" else None
    if step.kind == "span":
        return f"'{step.name}' is a quotation: put the predicate at the step it quotes"
    instead = "chosen(TOOL)" if step.tool == "name" else "'where'"
    return f"'{key}' reads text, and '{step.name}' holds none: use {instead}"


def _texts(layer: Layer, path: tuple[Any, ...], model: PropositionModel) -> Constraint | None:
    pattern = model.matches if model.matches is not None else model.contains
    if pattern is None:
        return None
    start = layer.file.inside(path)
    try:
        regex = parse_regex(pattern, source=start.source, line=start.line, column=start.column)
    except SyntaxProblem as problem:
        raise relocated(layer.file, path, problem) from None
    return regex.full() if model.matches is not None else regex.search()


def written(texts: Constraint, step: Step) -> Constraint:
    """The texts of a predicate as they stand in the transcript of a model's step."""
    if step.until:
        return Sequence((texts, Literal(step.until)))
    return encoded(texts, CONTINUED) if step.max_lines > 1 else texts
