"""The handlers of an agent made ready: each with its function, its settings, and the agents it may ask."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentspec import limits
from agentspec.checking.asked import Above, above, asked, reached, too_deep
from agentspec.checking.compile import Compiled
from agentspec.episode.handlers import HANDLERS
from agentspec.episode.moment import Moment, Said
from agentspec.errors import InvalidInput
from agentspec.spec.handler import Handler, functions_of
from agentspec.toolbox.registry import Imported, load_tools
from agentspec.toolbox.tool import Tool


@dataclass(frozen=True, eq=False)
class Ready:
    """A handler that may be called, and the agents it may ask, by name."""

    name: str
    function: Callable[..., Any]
    settings: Mapping[str, Any]
    agents: Mapping[str, Member]

    def __call__(self, moment: Moment) -> Said | None:
        """What it writes. Raises ToolError where it says that it failed, TypeError where it gives what is no text."""
        said = self.function(moment, **self.settings)
        if said is None or (isinstance(said, Said) and isinstance(said.text, str)):
            return said
        if not isinstance(said, str):
            what = f"Said with {type(said.text).__name__}" if isinstance(said, Said) else type(said).__name__
            raise TypeError(f"a handler gives a text, Said of a text, or None, not {what}")
        return Said(said)


@dataclass(frozen=True, eq=False)
class Member:
    """An agent that a handler asks, ready to run."""

    compiled: Compiled
    tools: Mapping[str, Tool]
    handlers: Mapping[str, Ready]

    @cached_property
    def height(self) -> int:
        """How deep agents ask agents, itself counted."""
        below = [member.height for ready in self.handlers.values() for member in ready.agents.values()]
        return 1 + max(below, default=0)


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
    return _Making(imported).crew(compiled, functions, above(compiled))


@dataclass
class _Making:
    """The agents asked by agents asked: each is made once, by its file."""

    imported: Callable[[Imported], object] | None
    members: dict[Path, Member] = field(default_factory=dict)

    def crew(self, compiled: Compiled, functions: Mapping[str, Callable[..., Any]], by: Above) -> dict[str, Ready]:
        found = {}
        for step, handler in compiled.agent.spec.handlers.items():
            shipped = HANDLERS.get(handler.name) if handler.function is None else None
            function = functions.get(step, shipped)
            if function is None:
                raise InvalidInput(f"the handler of '{step}', {handler.name}, is not at hand")
            members = {name: self._member(path, step, by) for name, path in handler.agents}
            found[step] = Ready(handler.name, function, _settings(step, handler, function), members)
        return found

    def _member(self, path: Path, step: str, by: Above) -> Member:
        here = reached(step, path, by)
        if here not in self.members:
            self.members[here] = self._made(path, step, (*by, here))
        if len(by) + self.members[here].height > limits.ASKED_DEPTH:
            raise too_deep(step)
        return self.members[here]

    def _made(self, path: Path, step: str, by: Above) -> Member:
        compiled = asked(step, path)
        agent = compiled.agent
        loaded = load_tools(
            agent.tools, path.parent, agent=path, predicates=agent.spec.functions,
            handlers=functions_of(agent.spec.handlers),
        )  # fmt: skip
        if self.imported is not None:
            for one in loaded.imported:
                self.imported(one)
        return Member(compiled.with_functions(loaded.functions), loaded, self.crew(compiled, loaded.handlers, by))


def _settings(step: str, handler: Handler, function: Callable[..., Any]) -> dict[str, Any]:
    settings = dict(handler.given) if handler.settings is None else handler.settings.model_dump()
    with contextlib.suppress(ValueError):  # what has no signature is called to see
        try:
            inspect.signature(function).bind(None, **settings)
        except TypeError as problem:
            what = f"the handler of '{step}', {handler.name}, does not take its settings: {problem}"
            raise InvalidInput(what) from None
    return settings
