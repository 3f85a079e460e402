"""One rule as it was declared: a formula, a template, or a denial or requirement in words, lowered to a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from math import prod
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.errors import InvalidInput, SyntaxProblem, TooLarge, nearest
from agentspec.logic.formula import Formula
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.show import show_formula
from agentspec.spec import history_rule
from agentspec.spec.fault import relocated, stands_on_one_line
from agentspec.spec.history import Test, kept, with_values
from agentspec.spec.layers import Layer
from agentspec.spec.model import FORMS, Rule, RuleModel, Spec, Step

_OF_VERBATIM = ("of", "which", "min_words", "max_chars")
_BESIDE = {
    "template": ("params",),
    "deny": ("when", "unless"),
    "require": ("when", "before", "after"),
    "unique": ("when",),
    "verbatim": ("when", *_OF_VERBATIM),
}
_Path = tuple[Any, ...]


def rule(layer: Layer, i: int, model: RuleModel, steps: Mapping[str, Step]) -> Rule:
    """The rule at place ``i`` of a file. Raises SpecError and SyntaxProblem at what is wrong with it."""
    file, path = layer.file, ("rules", i)
    forms = [form for form in FORMS if getattr(model, form) is not None]
    if len(forms) != 1:
        but = f", not {' and '.join(forms)}" if forms else ""
        raise file.fault(f"the rule '{model.id}' needs exactly one of {', '.join(FORMS)}{but}", (*path, "id"))
    form = forms[0]
    for key in ("params", "when", "unless", "before", "after", *_OF_VERBATIM):
        if getattr(model, key) not in (None, {}, []) and key not in _BESIDE.get(form, ()):
            *others, last = [f"'{name}'" for name, keys in _BESIDE.items() if key in keys]
            belongs = f"{', '.join(others)} or {last}" if others else last
            raise file.fault(f"'{key}' belongs to {belongs}, not to '{form}'", (*path, key), key=True)
    history = _history(layer, (*path, form), form, model, steps)
    if history is None:
        formula, sentence = _lowered(layer, (*path, form), form, model)
        text = model.ltl if model.ltl is not None else show_formula(formula)
    else:
        formula, sentence, text = (
            kept(model.id),
            history_rule.sentence(history, form, model),
            history_rule.written(form, model),
        )
    each = tuple((name, tuple(among) if isinstance(among, list) else among) for name, among in model.each.items())
    for name, _ in each:
        if name in RESERVED or name in steps:
            raise file.fault(
                f"'{name}' has a meaning of its own: choose another variable", (*path, "for", name), key=True
            )
    if isinstance(model.view, list):
        for j, step in enumerate(model.view):
            if step not in steps:
                listed = not isinstance(file.value((*path, "view")), str)
                at = (*path, "view", j) if listed else (*path, "view")
                if step == "calls":
                    raise file.fault("'calls' stands alone, not in a list: 'view: calls'", at)
                raise file.fault(f"unknown step '{step}'{nearest(step, [*steps, 'calls'])}", at)
    if model.assume and model.enforce != "block":
        raise file.fault("an assumption is about tools and users: it is not enforced", (*path, "enforce"), key=True)
    return Rule(
        model.id, formula, text, model.description, model.enforce, file.inside((*path, form)),
        form == "ltl" and stands_on_one_line(file, (*path, form)),
        tuple(model.view) if isinstance(model.view, list) else model.view, model.assume, each, sentence,
        history,
    )  # fmt: skip


def _history(layer: Layer, path: _Path, form: str, model: RuleModel, steps: Mapping[str, Step]) -> Test | None:
    try:
        return history_rule.history_of(layer, path, form, model, steps)
    except SyntaxProblem as problem:
        key = problem.location.source if problem.location and problem.location.source in _BESIDE[form] else form
        raise _placed(layer, (*path[:-1], key), problem) from None


def _lowered(layer: Layer, path: _Path, form: str, model: RuleModel) -> tuple[Formula, str]:
    above = path[:-1]
    if form == "ltl":
        return _parsed(layer, path, str(model.ltl)), ""
    if form == "template":
        return _built(layer, above, model)
    from agentspec.logic.sugar import lower_deny, lower_require

    try:
        if form == "deny":
            said = lower_deny(str(model.deny), model.when, model.unless)
        else:
            said = lower_require(str(model.require), model.when, model.before, model.after)
    except SyntaxProblem as problem:  # its source names the key
        key = problem.location.source if problem.location and problem.location.source in _BESIDE[form] else form
        raise _placed(layer, (*above, key), problem) from None
    except InvalidInput as problem:
        raise layer.file.fault(problem.message, path) from None
    return said.formula, said.sentence


def _built(layer: Layer, above: _Path, model: RuleModel) -> tuple[Formula, str]:
    from agentspec.logic.templates import template

    try:
        chosen = template(str(model.template))
    except InvalidInput as problem:
        raise layer.file.fault(problem.message, (*above, "template")) from None
    for name, value in model.params.items():
        for text in [value] if isinstance(value, str) else value if isinstance(value, list) else []:
            _parsed(layer, (*above, "params", name), text)
    try:
        return chosen.build(model.params), chosen.sentence(model.params)
    except InvalidInput as problem:
        at = (*above, "params") if model.params else (*above, "template")
        raise layer.file.fault(problem.message, at) from None


def _parsed(layer: Layer, path: _Path, text: str) -> Formula:
    start = layer.file.inside(path)
    try:
        return parse_formula(text, source=start.source, line=start.line, column=start.column)
    except SyntaxProblem as problem:
        raise relocated(layer.file, path, problem) from None


def _placed(layer: Layer, path: _Path, problem: SyntaxProblem) -> SyntaxProblem:
    """An error in a text that was read on its own, put where the text stands."""
    start = layer.file.inside(path)
    if problem.location is not None:
        moved = replace(start, column=start.column + problem.location.column - 1)
        problem = SyntaxProblem(problem.message, location=moved)
    return relocated(layer.file, path, problem)


def instances(spec: Spec, tools: Sequence[str]) -> tuple[Rule, ...]:
    """The rules with every variable of ``for`` replaced: ``no-retry[pay]``, one for each tool, step or name listed.

    Raises TooLarge past ``limits.RULE_INSTANCES`` of one rule.
    """
    return tuple(one for declared in spec.rules for one in _instances(declared, spec, tools))


def _instances(declared: Rule, spec: Spec, tools: Sequence[str]) -> Iterator[Rule]:
    names = {"tools": tuple(tools), "steps": tuple(spec.steps)}
    ranges = [names[among] if isinstance(among, str) else among for _, among in declared.each]
    if (many := prod(map(len, ranges))) > (most := limits.RULE_INSTANCES):
        raise TooLarge(
            f"the rule '{declared.id}' stands for {many} rules by its 'for'; at most {most} are made of one",
            location=declared.location,
        )
    for values in product(*ranges):
        if not values:
            yield declared
            continue
        formula, bound = declared.formula, dict(zip([name for name, _ in declared.each], values, strict=True))
        one = f"{declared.id}[{','.join(values)}]"
        if declared.history is not None:
            test = with_values(declared.history, bound, partial(_substituted, bound=bound))
            yield replace(
                declared, id=one, formula=kept(one), text=_named(declared.text, bound), each=(), one_line=False,
                sentence=_named(declared.sentence, bound), history=test,
            )  # fmt: skip
            continue
        formula = _substituted(formula, bound)
        yield replace(
            declared, id=one, formula=formula, text=show_formula(formula), each=(),
            one_line=False, sentence=_named(declared.sentence, bound),
        )  # fmt: skip


def _substituted(formula: Formula, bound: Mapping[str, str]) -> Formula:
    from agentspec.logic.sugar import substituted

    for name, value in bound.items():
        formula = substituted(formula, name, value)
    return formula


def _named(sentence: str, bound: Mapping[str, str]) -> str:
    if not sentence:
        return ""
    told = ", ".join(f"{name} = {value}" for name, value in bound.items())
    return f"{sentence} ({told})"


def sees(view: tuple[str, ...] | str | None, letter: Letter) -> bool:
    """Whether a rule of this view reads the position of ``letter``: all of them, calls and answers, or some steps."""
    if view is None:
        return True
    if view == "calls":
        return letter.completes_call or (letter.owner == Owner.TOOL and letter.tool is not None)
    return letter.step in view
