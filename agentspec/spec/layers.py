"""One file or several: what a file says itself, what it takes over by ``extends``, and the spec it names.

A later layer wins: its steps and propositions replace those of the same name, its rules those of the same id (others
are added), ``limits`` are taken key by key, and every other key as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from agentspec.errors import InvalidInput
from agentspec.spec.fault import fault
from agentspec.spec.model import Document, LimitsModel, PropositionModel, RuleModel, StepModel
from agentspec.spec.resolve import existing_file, resolve
from agentspec.spec.yaml import YamlFile, read_text

_SPEC_KEYS = ("semantics", "steps", "behavior", "parts", "propositions", "rules")


@dataclass(frozen=True)
class Layer:
    """One file: its text with positions, its keys, and where it lies."""

    file: YamlFile
    document: Document
    path: Path | None
    text: str

    def has(self, key: str) -> bool:
        """Whether the file itself says ``key``."""
        return key in self.file.root


@dataclass(frozen=True)
class Layers:
    """The files a declaration is made of, the most general first: those with its spec, and all of the agent's."""

    spec: tuple[Layer, ...]
    agent: tuple[Layer, ...]

    @property
    def own(self) -> Layer:
        """The file that was asked for."""
        return self.agent[-1]

    def last(self, key: str) -> Layer | None:
        """The file whose ``key`` counts; keys of the spec are looked for among the spec's files."""
        found = [layer for layer in (self.spec if key in _SPEC_KEYS else self.agent) if layer.has(key)]
        return found[-1] if found else None

    def steps(self) -> dict[str, tuple[Layer, StepModel]]:
        """Each step with the file that declares it."""
        return {name: (layer, model) for layer in self.spec for name, model in (layer.document.steps or {}).items()}

    def propositions(self) -> dict[str, tuple[Layer, PropositionModel]]:
        """Each predicate with the file that declares it."""
        return {name: (layer, model) for layer in self.spec for name, model in layer.document.propositions.items()}

    def parts(self) -> dict[str, Layer]:
        """Each named piece of behavior with the file that declares it."""
        return {name: layer for layer in self.spec for name in layer.document.parts}

    def rules(self) -> list[tuple[Layer, int, RuleModel]]:
        """Each rule with its file and its place there. Raises SpecError where one file has two rules of an id."""
        found: dict[str, tuple[Layer, int, RuleModel]] = {}
        for layer in self.spec:
            seen: set[str] = set()
            for i, model in enumerate(layer.document.rules):
                if model.id in seen:
                    raise layer.file.fault(f"two rules are called '{model.id}'", ("rules", i, "id"))
                seen.add(model.id)
                found[model.id] = (layer, i, model)
        return list(found.values())

    @property
    def semantics(self) -> Literal["finite", "infinite"]:
        """What the last file that says it says."""
        found = self.last("semantics")
        return found.document.semantics if found else "finite"

    def limits(self) -> LimitsModel:
        """The limits, key by key."""
        said: dict[str, Any] = {}
        for layer in self.agent:
            said |= layer.document.limits.model_dump(include=layer.document.limits.model_fields_set)
        return LimitsModel(**said)


def read_layers(text: str, source: str, path: Path | None) -> Layers:
    """The files that a text is made of, itself the last. Raises SpecError, SyntaxProblem, InvalidInput."""
    return _layers(_layer(text, source, path), ())


def _layer(text: str, source: str, path: Path | None) -> Layer:
    file = YamlFile(text, source)
    try:
        return Layer(file, Document.model_validate(file.root), path, text)
    except ValidationError as problem:
        raise fault(file, problem.errors()) from None


def _layers(layer: Layer, above: tuple[str, ...]) -> Layers:
    document, file = layer.document, layer.file
    here = str(layer.path.resolve()) if layer.path else file.source
    base = Layers((), ())
    if document.extends is not None:
        base = _layers(_named(layer, "extends", document.extends, ("agents", "specs"), (*above, here)), (*above, here))
    if document.spec is None:
        return Layers((*base.spec, layer), (*base.agent, layer))
    for key in _SPEC_KEYS:
        if layer.has(key):
            raise file.fault(
                f"'{key}' belongs to the spec; this file names one with 'spec:' (use 'extends:' to add to it)",
                (key,), key=True,
            )  # fmt: skip
    named = _named(layer, "spec", document.spec, ("specs",), (*above, here))
    if named.document.spec is not None:
        raise named.file.fault("a spec that an agent names may not name another", ("spec",), key=True)
    return Layers(_layers(named, (*above, here)).spec, (*base.agent, layer))


def _named(layer: Layer, key: str, name: str, kinds: tuple[str, ...], above: tuple[str, ...]) -> Layer:
    try:
        target = existing_file(name, layer.path.parent if layer.path else None) or resolve(name, kinds=kinds)
        text = read_text(target)
    except InvalidInput as problem:
        raise layer.file.fault(problem.message, (key,)) from None
    if str(target.resolve()) in above:
        circle = " → ".join([*(Path(one).name for one in above), target.name])
        raise layer.file.fault(f"'{key}: {name}' goes in a circle: {circle}", (key,))
    return _layer(text, str(target), target)
