"""The handlers of an agent made ready: each with its function, its settings, and the agents it may ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentspec.checking.cache import compiled_agent
from agentspec.checking.compile import Compiled
from agentspec.episode.handlers import HANDLERS
from agentspec.episode.moment import Moment, Said
from agentspec.errors import InvalidInput, SpecError, ToolError
from agentspec.spec.handler import Handler
from agentspec.toolbox.registry import Imported, load_tools
from agentspec.toolbox.tool import Tool


@dataclass(frozen=True, eq=False)
class Ready:
    """A handler that may be called, and the agents it may ask, by name."""

    function: Callable[..., Any]
    settings: Mapping[str, Any]
    agents: Mapping[str, Member]

    def __call__(self, moment: Moment) -> Said | None:
        """What it writes. Raises ToolError where it says that it failed, TypeError where it gives what is no text."""
        said = self.function(moment, **self.settings)
        if said is None or isinstance(said, Said):
            return said
        if not isinstance(said, str):
            raise TypeError(f"a handler gives a text, Said or None, not {type(said).__name__}")
        return Said(said)


@dataclass(frozen=True, eq=False)
class Member:
    """An agent that a handler asks, ready to run."""

    compiled: Compiled
    tools: Mapping[str, Tool]
    handlers: Mapping[str, Ready]


def crew(
    compiled: Compiled,
    functions: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    *,
    imported: Callable[[Imported], object] | None = None,
) -> dict[str, Ready]:
    """The handlers of an agent, by step; ``functions`` are those that are not shipped, or stand in for one that is.

    Agents that they ask are compiled and their tools loaded; ``imported`` is told what was run; files of theirs are to
    be locked. Raises InvalidInput; SpecError where such an agent cannot be guarded or asks itself.
    """
    source = compiled.agent.source
    return _crew(compiled, functions, imported, () if source is None else (source.resolve(),))


def _crew(
    compiled: Compiled,
    functions: Mapping[str, Callable[..., Any]],
    imported: Callable[[Imported], object] | None,
    above: tuple[Path, ...],
) -> dict[str, Ready]:
    found = {}
    for step, handler in compiled.agent.spec.handlers.items():
        function = functions.get(step) or (HANDLERS.get(handler.name) if handler.function is None else None)
        if function is None:
            raise InvalidInput(f"the handler of '{step}', {handler.name}, is not at hand")
        members = {name: _member(path, step, imported, above) for name, path in handler.agents}
        found[step] = Ready(function, _settings(handler), members)
    return found


def _settings(handler: Handler) -> dict[str, Any]:
    return dict(handler.given) if handler.settings is None else handler.settings.model_dump()


def _member(path: Path, step: str, imported: Callable[[Imported], object] | None, above: tuple[Path, ...]) -> Member:
    here = path.resolve()
    if here in above:
        circle = " → ".join(one.stem for one in (*above[above.index(here) :], here))
        raise SpecError(f"the handler of '{step}' asks in a circle: {circle}")
    compiled = compiled_agent(str(path))
    agent = compiled.agent
    if agent.spec.semantics == "infinite":
        raise SpecError(f"the handler of '{step}' asks '{agent.name}', which is a session without an end")
    _ = compiled.guard
    loaded = load_tools(
        agent.tools, path.parent, agent=path, predicates=agent.spec.functions,
        handlers=functions_of(agent.spec.handlers),
    )  # fmt: skip
    if imported is not None:
        for one in loaded.imported:
            imported(one)
    handlers = _crew(compiled, loaded.handlers, imported, (*above, here))
    return Member(compiled.with_functions(loaded.functions), loaded, handlers)


def functions_of(handlers: Mapping[str, Handler]) -> dict[str, Any]:
    """The functions of an author's own handlers, by step."""
    return {step: one.function for step, one in handlers.items() if one.function is not None}


def failure(problem: Exception) -> tuple[str, bool]:
    """What a handler's fault is as a text, and whether it is one that it did not declare."""
    declared = isinstance(problem, ToolError)
    return str(problem) if declared else f"{type(problem).__name__}: {problem}", not declared
