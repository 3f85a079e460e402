"""Rules about what was written before, from their model: `history` tests with a sentence that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentspec.automata.letter import Owner
from agentspec.errors import nearest
from agentspec.logic.source import SourceText
from agentspec.spec.history import Test, Verbatim
from agentspec.spec.history_parse import compares, denial, own_path, premise, requirement, unique
from agentspec.spec.layers import Layer
from agentspec.spec.model import RuleModel, Step

_FORMS = "args.NAME, an argument of a call, or STEP.NAME, a field of a step that holds JSON"


def history_of(
    layer: Layer, path: tuple[Any, ...], form: str, model: RuleModel, steps: Mapping[str, Step]
) -> Test | None:
    """The test of a rule of this form, None where it is a formula alone.

    Raises SpecError, and SyntaxProblem whose source is the key of the text that is wrong.
    """
    texts = (model.deny, model.require, model.when, model.unless, model.before, model.after)
    if form not in ("unique", "verbatim") and not (form in ("deny", "require") and compares(*texts)):
        return None
    file, above = layer.file, path[:-1]
    for key in ("unless", "before", "after"):
        if getattr(model, key) is not None:
            raise file.fault(
                f"'{key}' looks at other steps, and this rule compares values, which is about the step itself: "
                "make two rules of it",
                (*above, key), key=True,
            )  # fmt: skip
    if model.view is not None:
        raise file.fault(
            "'view' does not go with what was written before: all of it counts", (*above, "view"), key=True
        )
    if model.assume:
        what = "an assumption is about tools and users, and this is about what the model writes"
        raise file.fault(what, (*above, "assume"), key=True)
    names = list(steps)
    if form == "deny":
        return denial(str(model.deny), model.when, names)
    if form == "require":
        return requirement(str(model.require), model.when, names)
    if form == "unique":
        return unique(str(model.unique), model.when, names)
    return _verbatim(layer, path, model, steps)


def _verbatim(layer: Layer, path: tuple[Any, ...], model: RuleModel, steps: Mapping[str, Step]) -> Verbatim:
    place, above = SourceText(str(model.verbatim), "verbatim", 1, 1), path[:-1]
    root, inner = own_path(place, list(steps), _FORMS)
    inner = inner[:-1] if inner[-1] == "*" else inner
    if not inner or "*" in inner:
        raise place.problem(0, f"'*' stands at the end only, each item of a list; write {_FORMS}")
    others = [name for name, step in steps.items() if step.owner != Owner.MODEL]
    if not model.of:
        what = f"'verbatim' needs 'of': the steps whose texts count, such as {', '.join(others)}"
        raise layer.file.fault(what, path, key=True)
    for name in model.of:
        if name not in others:
            what = "is the model's own" if name in steps else "is unknown"
            raise layer.file.fault(
                f"text can be taken from steps of tools and users; '{name}' {what}{nearest(name, others)}",
                (*above, "of"),
            )
    asked = premise(model.when, "verbatim", place)
    latest = model.which == "last"
    return Verbatim(
        asked, root, inner, tuple(dict.fromkeys(model.of)), latest, model.min_words or 1, model.max_chars or 200
    )  # fmt: skip


def written(form: str, model: RuleModel) -> str:
    """The rule as its author wrote it, on one line."""
    keys = (form, "of", "which", "min_words", "max_chars", "when")
    said = {key: getattr(model, key) for key in keys}
    shown = {
        key: ", ".join(value) if isinstance(value, list) else " ".join(str(value).split())
        for key, value in said.items()
        if value not in (None, [])
    }
    return ", ".join(f"{key}: {value}" for key, value in shown.items())


def sentence(test: Test, form: str, model: RuleModel) -> str:
    """What the rule says, in words."""
    when = f" when '{' '.join(model.when.split())}' holds" if model.when else ""
    match form:
        case "deny":
            return f"'{model.deny}' is denied{when}, and where that cannot be told."
        case "require":
            return f"'{model.require}' is required{when}; where it cannot be told it is not met."
        case "unique":
            return f"{model.unique} never comes twice with the same value{when}."
        case _:
            assert isinstance(test, Verbatim)
            words = f", {test.min_words} words or more" if test.min_words > 1 else ""
            which = "what was last said" if test.latest else "something said"
            return f"{model.verbatim} is taken word for word from {which} at {', '.join(test.of)}{words}{when}."
