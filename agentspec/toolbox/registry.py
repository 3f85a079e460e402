"""The tools and predicates of a run: found, compared with their lock, trusted, and only then imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from agentspec.content.installed import installed_tools
from agentspec.content.predicate_ref import PredicateRef
from agentspec.content.predicate_sources import predicate_source
from agentspec.content.tool_file import ToolFile
from agentspec.content.tool_lock import InFile
from agentspec.content.tool_ref import ToolRef, parse_tool_ref
from agentspec.content.tool_sources import Origin, ToolSource, lock_command, tool_sources
from agentspec.errors import InvalidInput
from agentspec.spec.runtime import Function
from agentspec.toolbox.importing import function_name, import_installed, import_tool_file
from agentspec.toolbox.predicate import function_in, handler_in
from agentspec.toolbox.tool import Tool, tool_from_function
from agentspec.toolbox.trust import TrustStore, read_trust


@dataclass(frozen=True)
class Imported:
    """A tool (or predicate) whose code was run: from where, and what its user should know of it."""

    name: str
    origin: Origin
    where: str
    note: str = ""
    kind: str = "tool"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.where}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True, eq=False)
class LoadedTools(Mapping[str, Tool]):
    """Tools by name, ready to be called; ``imported`` says what was run to have them.

    ``functions`` are those of runtime predicates, by predicate; ``handlers`` those of step handlers, by step.
    """

    tools: Mapping[str, Tool]
    imported: tuple[Imported, ...]
    functions: Mapping[str, Function] = field(default_factory=dict)
    handlers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Tool:
        return self.tools[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tools)

    def __len__(self) -> int:
        return len(self.tools)


def load_tools(
    refs: Sequence[ToolRef | str],
    beside: Path | None = None,
    *,
    trusted_files: Collection[Path] = (),
    agent: Path | None = None,
    predicates: Mapping[str, PredicateRef] = MappingProxyType({}),
    handlers: Mapping[str, PredicateRef] = MappingProxyType({}),
) -> LoadedTools:
    """Import the tools of an agent whose file lies in ``beside``, in order, and the functions of its ``predicates``
    and of its step ``handlers``.

    Imported are shipped tools, those of installed distributions, and files beneath ``beside`` that the user has
    trusted by ``agentspec tools lock`` or names now in ``trusted_files``. ``agent`` is the agent's file, for messages.
    Raises InvalidInput, before anything is imported, for a tool that is unknown, not locked, changed or not trusted,
    and for a trusted file that no tool lies in; after the import, where the code is not what the lock says.
    """
    parsed = [parse_tool_ref(ref) if isinstance(ref, str) else ref for ref in refs]
    named = _resolved(trusted_files)
    trust = read_trust()
    sources = []
    for source in tool_sources(parsed, beside, agent=agent):
        if source.fault is not None:
            raise InvalidInput(source.fault)
        if source.origin == "file" and source.file is not None and source.file.path not in named:
            objection = trust.objection(source.file, lock_command(beside, source.ref.file, agent))
            if objection is not None:
                raise InvalidInput(f"tool {source.ref.text}: {objection}")
        sources.append(source)
    called = {name: _trusted("predicate", ref, beside, agent, named, trust) for name, ref in predicates.items()}
    writing = {name: _trusted("handler", ref, beside, agent, named, trust) for name, ref in handlers.items()}
    used = {source.file.path for source in sources if source.origin == "file" and source.file is not None}
    used |= {file.path for file in (*called.values(), *writing.values())}
    for path in named:
        if path not in used:
            others = f"its files are {', '.join(map(str, sorted(used)))}" if used else "it names no file at all"
            raise InvalidInput(f"{path} holds none of the agent's tools: {others}")
    modules: dict[Path, ModuleType] = {}
    tools = {
        source.ref.name: _tool(source, modules, lock_command(beside, source.ref.file, agent)) for source in sources
    }
    for file in (*called.values(), *writing.values()):
        if file.path not in modules:
            modules[file.path] = import_tool_file(file)
    functions = {name: function_in(modules[file.path], predicates[name].name) for name, file in called.items()}
    own = {name: handler_in(modules[file.path], handlers[name].name) for name, file in writing.items()}
    told = [Imported(name, "file", str(file.path), kind="predicate") for name, file in called.items()]
    told += [Imported(name, "file", str(file.path), kind="handler") for name, file in writing.items()]
    return LoadedTools(tools, (*_told(sources, named), *told), functions, own)


def tools_from_functions(functions: Iterable[Callable[..., Any] | Tool]) -> dict[str, Tool]:
    """Tools by name from functions at hand. Raises InvalidInput for a function that cannot be one, or a name twice."""
    tools: dict[str, Tool] = {}
    for function in functions:
        tool = function if isinstance(function, Tool) else tool_from_function(function)
        if tool.schema.name in tools:
            raise InvalidInput(f"two tools are called '{tool.schema.name}'; rename one with @tool(name=...)")
        tools[tool.schema.name] = tool
    return tools


def _resolved(paths: Collection[Path]) -> list[Path]:
    for path in paths:
        if not path.is_file():
            raise InvalidInput(f"{path}: no such file")
    return [path.resolve() for path in paths]


def _trusted(
    what: str, ref: PredicateRef, beside: Path | None, agent: Path | None, named: Collection[Path], trust: TrustStore
) -> ToolFile:
    """The file of a function, if it may run. Raises InvalidInput."""
    source = predicate_source(ref, beside, agent=agent, what=what)
    if source.fault is not None or source.file is None:
        raise InvalidInput(str(source.fault))
    if source.file.path not in named:
        objection = trust.objection(source.file, lock_command(beside, ref.file, agent))
        if objection is not None:
            raise InvalidInput(f"{what} {ref.text}: {objection}")
    return source.file


def _tool(source: ToolSource, modules: dict[Path, ModuleType], command: str) -> Tool:
    assert source.locked is not None
    name = source.ref.name
    if source.installed is not None:
        function = import_installed(source.installed)
    else:
        assert source.file is not None
        if source.file.path not in modules:
            modules[source.file.path] = import_tool_file(source.file)
        module, place = modules[source.file.path], source.locked.place
        key = function_name(module, name)
        function = vars(module)[key]
        if not isinstance(place, InFile) or key != place.function:
            raise InvalidInput(f"tool {source.ref.text}: its lock names another function; run {command}")
    tool = tool_from_function(function, name=name)
    if json.dumps(tool.schema.to_json()) != json.dumps(source.locked.schema.to_json()):
        raise InvalidInput(
            f"tool {source.ref.text}: its lock is out of date: what it takes or says of itself is not what was locked; "
            f"run {command}"
        )
    return tool


def _told(sources: Sequence[ToolSource], named: Collection[Path]) -> Iterator[Imported]:
    offered = installed_tools() if any(source.origin == "shipped" for source in sources) else {}
    for source in sources:
        if source.installed is not None:
            yield Imported(source.ref.name, "installed", f"installed by {source.installed}")
        elif source.origin == "shipped":
            others = ", ".join(str(tool) for tool in offered.get(source.ref.name, ()))
            note = f"not the one installed by {others}: shipped names win" if others else ""
            yield Imported(source.ref.name, "shipped", "shipped with agentspec", note)
        elif source.file is not None:
            why = "named on the command line" if source.file.path in named else "trusted since it was locked"
            yield Imported(source.ref.name, "file", str(source.file.path), why)
