"""From YAML files to ``Spec`` and ``Declaration``. Loading executes nothing and imports no tool."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentspec.content.tool_ref import ToolRef, parse_tool_ref
from agentspec.errors import InvalidInput, Location, SpecError, SyntaxProblem, nearest
from agentspec.logic.behavior import Behavior, steps_of
from agentspec.logic.parse_behavior import parse_behavior, parse_parts
from agentspec.logic.source import SourceText
from agentspec.spec.fault import place_of, relocated
from agentspec.spec.handler import Handler, Misplaced, handler
from agentspec.spec.layers import Layer, Layers, read_layers
from agentspec.spec.model import Declaration, HandlerModel, Pick, Proposition, RenderingModel, Spec, Step
from agentspec.spec.proposition import propositions
from agentspec.spec.resolve import existing_file, resolve
from agentspec.spec.rule import rule
from agentspec.spec.step import check_cues, step
from agentspec.spec.style import styled
from agentspec.spec.yaml import read_text

__all__ = ["existing_file", "load", "load_text", "resolve"]


def load(name: str) -> Declaration:
    """The agent in a file or shipped under a name; a bare spec becomes an agent without model and tools."""
    path = resolve(name)
    return load_text(read_text(path), str(path), path)


def load_text(text: str, source: str = "<spec>", path: Path | None = None) -> Declaration:
    """The agent a text describes. ``source`` names the text in messages, ``path`` is where it lies, if anywhere."""
    layers = read_layers(text, source, path)
    spec, own = _spec(layers), layers.own
    (examples, examples_source), *more_examples = _examples(layers)
    tools, tools_layer = _tools(layers)
    model, rendering = layers.last("model"), (layers.last("rendering") or own).document.rendering
    spec = replace(spec, steps=_in_style(layers, spec.steps, rendering))
    instructions, description = layers.last("instructions"), layers.last("description")
    return Declaration(
        own.document.name,
        spec,
        model.document.model if model else None,
        instructions.document.instructions if instructions else "",
        tools,
        examples,
        examples_source,
        layers.limits(),
        rendering,
        path,
        {} if tools_layer is None else _places(tools_layer, tools),
        limits.file.at(("limits",), key=True)[0] if (limits := layers.last("limits")) else None,
        (description or own).document.description,
        tuple(more_examples),
        _pick(layers),
    )


def _in_style(layers: Layers, steps: dict[str, Step], rendering: RenderingModel) -> dict[str, Step]:
    try:
        return styled(steps, rendering)
    except SpecError as problem:
        layer = layers.last("rendering") or layers.own
        raise layer.file.fault(problem.message, ("rendering",)) from None


def _spec(layers: Layers) -> Spec:
    declared, behaviors = layers.steps(), layers.last("behavior")
    for key, found in (("steps", declared), ("behavior", behaviors)):
        if not found:
            raise layers.own.file.fault(f"the key '{key}' is missing (or name a spec with 'spec:')", (), key=True)
    assert behaviors is not None
    models = {name: model for name, (_, model) in declared.items()}
    steps = {name: step(layer.file, name, model, models) for name, (layer, model) in declared.items()}
    for name, (layer, model) in declared.items():
        if model.handler is not None:
            steps[name] = replace(steps[name], handler=_handler(layers, layer, name, model.handler, list(steps)))
    check_cues(steps)
    behavior = _behavior(layers, behaviors, steps)
    top = layers.spec[-1]
    return Spec(
        top.document.name,
        steps,
        behavior,
        " ".join((behaviors.document.behavior or "").split()),
        tuple(rule(layer, i, model, steps) for layer, i, model in layers.rules()),
        _propositions(layers, steps),
        top.file.source,
        hashlib.sha256("".join(layer.text for layer in layers.spec).encode()).hexdigest(),
        top.document.description,
        behaviors.file.inside(("behavior",)),
        layers.semantics,
    )


def _propositions(layers: Layers, steps: dict[str, Step]) -> tuple[Proposition, ...]:
    declared = layers.propositions()
    found = propositions(declared, steps)
    for one in found:
        layer = declared[one.name][0]
        if one.python is not None and one.python.file and _folder(layer) != _folder(layers.own):
            what = f"'{one.python.text}' lies beside another file: declare '{one.name}' in the agent's own file"
            raise layer.file.fault(what, ("propositions", one.name, "python"))
    return found


def _handler(layers: Layers, layer: Layer, step: str, model: HandlerModel, steps: list[str]) -> Handler:
    path: tuple[Any, ...] = ("steps", step, "handler")
    within = path if isinstance(layer.file.value(path), str) else (*path, "name")
    if layers.semantics == "infinite":
        raise layer.file.fault("a session ('semantics: infinite') has no steps with a handler", path, key=True)
    agents = []
    for i, name in enumerate(model.agents):
        try:
            found = existing_file(name, layer.path.parent if layer.path else None) or resolve(name, kinds=("agents",))
        except InvalidInput as problem:
            place = (*path, "agents")
            several = isinstance(layer.file.value(place), list)
            raise layer.file.fault(problem.message, (*place, i) if several else place) from None
        agents.append((Path(name).stem, found))
    try:
        made = handler(model.name, model.settings, tuple(agents), steps)
    except Misplaced as problem:
        raise layer.file.fault(problem.message, _existing(layer, path, problem.place)) from None
    if made.function is not None and _folder(layer) != _folder(layers.own):
        what = f"'{model.name}' lies beside another file: declare '{step}' in the agent's own file"
        raise layer.file.fault(what, within)
    return made


def _existing(layer: Layer, path: tuple[Any, ...], place: tuple[str | int, ...]) -> tuple[Any, ...]:
    """The place beneath a path, or as much of it as is written in the file."""
    found = path
    for key in place:
        value = layer.file.value(found)
        if not (isinstance(value, dict) and key in value) and not (isinstance(value, list) and isinstance(key, int)):
            break
        found = (*found, key)
    return found


def _behavior(layers: Layers, layer: Layer, steps: dict[str, Step]) -> Behavior:
    parts = _parts(layers, steps)
    file, path = layer.file, ("behavior",)
    start = file.inside(path)
    try:
        behavior = parse_behavior(
            layer.document.behavior or "", parts=parts, source=start.source, line=start.line, column=start.column
        )
    except SyntaxProblem as problem:
        raise relocated(file, path, problem) from None
    _require_steps(layer, path, steps_of(behavior), steps, list(parts))
    return behavior


def _parts(layers: Layers, steps: dict[str, Step]) -> dict[str, Behavior]:
    declared = layers.parts()
    texts = {}
    for name, layer in declared.items():
        if name in steps:
            raise layer.file.fault(f"'{name}' is a step; a part needs a name of its own", ("parts", name), key=True)
        start = layer.file.inside(("parts", name))
        texts[name] = SourceText(layer.document.parts[name], start.source, start.line, start.column)
    made = parse_parts(texts, lambda name, problem: relocated(declared[name].file, ("parts", name), problem))
    for name, behavior in made.items():
        _require_steps(declared[name], ("parts", name), steps_of(behavior), steps, list(made))
    return made


def _require_steps(
    layer: Layer, path: tuple[str, ...], named: frozenset[str], steps: dict[str, Step], parts: list[str]
) -> None:
    for name in sorted(named):
        if name not in steps:
            location, excerpt = place_of(layer.file, path, name)
            hint = nearest(name, [*steps, *parts])
            what = "the behavior" if path == ("behavior",) else f"the part '{path[-1]}'"
            raise SpecError(f"{what} names an unknown step '{name}'{hint}", location=location, excerpt=excerpt)


def _examples(layers: Layers) -> list[tuple[str, str]]:
    layer = layers.last("examples")
    if layer is None or layer.document.examples is None:
        return [("", "")]
    named = layer.document.examples.file
    found: dict[str, str] = {}
    for i, name in enumerate(named):
        place = (layer.path.parent if layer.path else Path()) / name
        try:
            if str(place) in found:
                raise InvalidInput(f"the file '{name}' is there twice")
            found[str(place)] = read_text(place)
        except InvalidInput as problem:
            if problem.location is not None:
                raise
            raise layer.file.fault(problem.message, _within_examples(layer, i)) from None
    return [(text, source) for source, text in found.items()]


def _within_examples(layer: Layer, i: int) -> tuple[Any, ...]:
    """Where the name of a file of examples stands: it may be all there is, or one of a list."""
    written = layer.file.root["examples"]
    files, path = (written["file"], ("examples", "file")) if isinstance(written, dict) else (written, ("examples",))
    return path if isinstance(files, str) else (*path, i)


def _pick(layers: Layers) -> Pick | None:
    layer = layers.last("examples")
    model = layer.document.examples if layer else None
    if layer is None or model is None:
        return None
    if model.pick is None and "by" in model.model_fields_set:
        raise layer.file.fault("'by' says which examples are picked: add 'pick:', how many", ("examples", "by"))
    return None if model.pick is None else Pick(model.pick, model.by)


def _tools(layers: Layers) -> tuple[tuple[ToolRef, ...], Layer | None]:
    layer = layers.last("tools")
    if layer is None:
        return (), None
    found: dict[str, ToolRef] = {}
    for i, text in enumerate(layer.document.tools):
        path: tuple[Any, ...] = ("tools", i)
        try:
            ref = parse_tool_ref(text)
        except InvalidInput as problem:
            raise layer.file.fault(problem.message, path) from None
        if ref.name in found:
            raise layer.file.fault(f"two tools are called '{ref.name}'", path)
        if ref.file is not None and layer is not layers.own and _folder(layer) != _folder(layers.own):
            raise layer.file.fault(f"'{text}' lies beside another file: name it in the agent's own 'tools:'", path)
        found[ref.name] = ref
    return tuple(found.values()), layer


def _places(layer: Layer, tools: tuple[ToolRef, ...]) -> dict[str, Location]:
    return {ref.name: layer.file.at(("tools", i))[0] for i, ref in enumerate(tools)}


def _folder(layer: Layer) -> Path | None:
    return layer.path.parent.resolve() if layer.path else None
