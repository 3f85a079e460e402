"""From YAML files to ``Spec`` and ``Agent``. Loading executes nothing and imports no tool."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agentspec.automata.letter import Owner
from agentspec.errors import InvalidInput, SpecError, SyntaxProblem, nearest
from agentspec.logic.behavior import steps_of
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.parse_behavior import parse_behavior
from agentspec.shipped import folder
from agentspec.spec.model import Declaration, Document, Rule, RuleModel, Spec, Step, StepModel
from agentspec.spec.yaml import YamlFile, read_text

_SHIPPED = re.compile(r"[A-Za-z0-9_-]{1,60}")
_LATER = {
    "propositions", "extends", "mcpServers", "rendering", "regex", "json_schema", "lark", "span", "format", "free",
    "view", "template", "params", "deny", "require", "when", "unless", "for", "assume", "matches", "contains",
}  # fmt: skip


def resolve(name: str, *, kinds: tuple[str, ...] = ("agents", "specs")) -> Path:
    """The file a name stands for: an existing file, else a shipped agent or spec.

    Raises InvalidInput with the nearest shipped name.
    """
    path = existing_file(name)
    if path is not None:
        return path
    for kind in kinds:
        shipped = folder(kind) / f"{name}.yaml"
        if _SHIPPED.fullmatch(name) and shipped.is_file():
            return shipped
    choices = sorted({file.stem for kind in kinds for file in folder(kind).glob("*.yaml")})
    what = " or ".join(kind.removesuffix("s") for kind in kinds)
    raise InvalidInput(f"no file and no shipped {what} is called '{name}'{nearest(name, choices)}")


def existing_file(name: str, beside: Path | None = None) -> Path | None:
    """The existing file of that name, ``~`` expanded, or None; a name that can be no path is none."""
    try:
        path = Path(name).expanduser()
        path = path if beside is None else beside / path
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):
        return None


def load(name: str) -> Declaration:
    """The agent in a file or shipped under a name; a bare spec becomes an agent without model and tools."""
    path = resolve(name)
    return load_text(read_text(path), str(path), path)


def load_text(text: str, source: str = "<spec>", path: Path | None = None) -> Declaration:
    """The agent a text describes. ``source`` names the text in messages, ``path`` is where it lies, if anywhere."""
    file = YamlFile(text, source)
    document = _document(file)
    if document.spec is None:
        spec = _spec(file, document, text)
    else:
        for key in ("steps", "behavior", "rules"):
            if key in file.root:
                raise file.fault(f"'{key}' belongs to the spec; this file names one with 'spec:'", (key,), key=True)
        spec = _spec_named(file, document.spec, path)
    examples, examples_source = _examples(file, document, path)
    tools_at, _ = file.at(("tools",))
    return Declaration(
        document.name, spec, document.model, document.instructions, tuple(document.tools), examples, examples_source,
        document.limits, path, tools_at if "tools" in file.root else None,
    )  # fmt: skip


def _spec_named(file: YamlFile, name: str, path: Path | None) -> Spec:
    try:
        target = existing_file(name, path.parent if path else None) or resolve(name, kinds=("specs",))
    except InvalidInput as problem:
        raise file.fault(problem.message, ("spec",)) from None
    text = read_text(target)
    inner = YamlFile(text, str(target))
    document = _document(inner)
    if document.spec is not None:
        raise inner.fault("a spec that an agent names may not name another", ("spec",), key=True)
    return _spec(inner, document, text)


def _examples(file: YamlFile, document: Document, path: Path | None) -> tuple[str, str]:
    if document.examples is None:
        return "", ""
    place = (path.parent if path else Path()) / document.examples
    try:
        return read_text(place), str(place)
    except InvalidInput as problem:
        raise file.fault(problem.message, ("examples",)) from None


def _document(file: YamlFile) -> Document:
    try:
        return Document.model_validate(file.root)
    except ValidationError as problem:
        raise _fault(file, problem.errors()) from None


def _fault(file: YamlFile, errors: list[ErrorDetails]) -> SpecError:
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    path = tuple(part for part in first["loc"] if part != "[key]")
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    dotted = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        key = str(path[-1])
        if key in _LATER:
            return file.fault(f"the key '{key}' is not supported by this version yet{more}", path, key=True)
        return file.fault(f"unknown key '{key}'{nearest(key, _keys(path))}{more}", path, key=True)
    if first["type"] == "missing":
        return file.fault(f"the key '{path[-1]}' is missing{more}", path[:-1], key=True)
    message = first["msg"][0].lower() + first["msg"][1:]
    return file.fault(f"{dotted}: {message}, not {str(first['input'])[:60]!r}{more}", path)


def _keys(path: tuple[Any, ...]) -> list[str]:
    """The valid keys beside the one at ``path``."""
    match path:
        case ("steps", _, _):
            return list(StepModel.model_fields)
        case ("steps", _, "text", _):
            return ["min_chars", "max_chars"]
        case ("rules", _, _):
            return list(RuleModel.model_fields)
        case ("limits", _):
            return ["max_tokens", "max_steps", "max_tool_calls", "timeout"]
    return list(Document.model_fields)


def _spec(file: YamlFile, document: Document, text: str) -> Spec:
    if document.steps is None or document.behavior is None:
        missing = "steps" if document.steps is None else "behavior"
        raise file.fault(f"the key '{missing}' is missing (or name a spec with 'spec:')", (), key=True)
    steps = {name: _step(file, name, model) for name, model in document.steps.items()}
    _check_cues(file, steps)
    start = file.inside(("behavior",))
    behavior = _located(
        file, ("behavior",), lambda: parse_behavior(
            document.behavior or "", source=start.source, line=start.line, column=start.column
        )
    )  # fmt: skip
    for name in sorted(steps_of(behavior)):
        if name not in steps:
            raise file.fault(f"the behavior names an unknown step '{name}'{nearest(name, list(steps))}", ("behavior",))
    rules = tuple(_rule(file, i, model) for i, model in enumerate(document.rules))
    ids = [rule.id for rule in rules]
    for i, name in enumerate(ids):
        if name in ids[:i]:
            raise file.fault(f"two rules are called '{name}'", ("rules", i, "id"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Spec(
        document.name, steps, behavior, " ".join(document.behavior.split()), rules, file.source, digest,
        document.description, start,
    )  # fmt: skip


def _located(file: YamlFile, path: tuple[Any, ...], parse: Any) -> Any:
    """Give a syntax error inside a one-line string the line of the file; in a folded one, the string's start."""
    try:
        return parse()
    except SyntaxProblem as problem:
        location, excerpt = file.at(path)
        value: Any = file.root
        for part in path:
            value = value[part]
        if problem.location is not None and str(value) in (excerpt or ""):
            location = problem.location
        raise SyntaxProblem(problem.message, location=location, excerpt=excerpt) from None


def _step(file: YamlFile, name: str, model: StepModel) -> Step:
    path = ("steps", name)
    if name in RESERVED or name == "error":
        raise file.fault(f"'{name}' has a meaning in rules and cannot be the name of a step", path, key=True)
    kinds = [kind for kind in ("text", "choice", "tool") if getattr(model, kind) is not None]
    if model.by == "model" and len(kinds) != 1:
        raise file.fault(f"the model's step '{name}' needs exactly one of text, choice, tool", path, key=True)
    if model.by != "model" and kinds:
        raise file.fault(f"the {model.by} writes '{name}': '{kinds[0]}' is for the model's steps", (*path, kinds[0]))
    if model.by == "model" and model.max_tokens is not None:
        raise file.fault("'max_tokens' is for steps of tools and users", (*path, "max_tokens"), key=True)
    if model.text is not None and model.text.min_chars > model.text.max_chars:
        raise file.fault("min_chars is more than max_chars", (*path, "text"))
    for i, option in enumerate(model.choice or []):
        if not option or option[0].isspace() or not option.isprintable() or option in (model.choice or [])[:i]:
            raise file.fault("a choice is a distinct, printable line that begins with no blank", (*path, "choice", i))
    return Step(
        name, Owner(model.by), model.cue, model.text, tuple(model.choice or ()), model.tool, model.max_tokens or 200
    )


def _check_cues(file: YamlFile, steps: dict[str, Step]) -> None:
    for name, step in steps.items():
        path = ("steps", name, "cue")
        if not step.cue.isprintable() or step.cue != step.cue.strip():
            raise file.fault("a cue is printable and neither begins nor ends with a blank", path)
        for other, earlier in steps.items():
            if other == name:
                break
            if step.cue == earlier.cue:
                raise file.fault(f"the steps '{other}' and '{name}' share the cue {step.cue!r}", path)
            if step.cue.startswith(earlier.cue) or earlier.cue.startswith(step.cue):
                raise file.fault(
                    f"the cues {earlier.cue!r} of '{other}' and {step.cue!r} of '{name}' begin alike: "
                    "no cue may be a prefix of another",
                    path,
                )


def _rule(file: YamlFile, i: int, model: RuleModel) -> Rule:
    path = ("rules", i, "ltl")
    start = file.inside(path)
    formula = _located(
        file, path, lambda: parse_formula(model.ltl, source=start.source, line=start.line, column=start.column)
    )
    return Rule(model.id, formula, model.ltl, model.description, model.enforce, start)
