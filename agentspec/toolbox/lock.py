"""Locking tools: importing an author's own, writing down what they take, and trusting them as they are.

A :class:`Plan` says what will be imported before anything is; :func:`lock` carries it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from agentspec.content.installed import InstalledTool
from agentspec.content.predicate_ref import PredicateRef
from agentspec.content.tool_file import ToolFile, read_tool_file
from agentspec.content.tool_lock import LOCK_FILE, InFile, InPackage, LockedTool, lock_text, read_lock, read_predicates
from agentspec.content.tool_ref import ToolRef, path_fault
from agentspec.content.tool_sources import tool_sources
from agentspec.errors import InvalidInput
from agentspec.toolbox.importing import function_name, import_installed, import_tool_file, tools_in
from agentspec.toolbox.predicate import defined_in, function_in, handler_in
from agentspec.toolbox.tool import tool_from_function
from agentspec.toolbox.trust import record_trust, replace_text


@dataclass(frozen=True)
class Plan:
    """What locking will import, and into the lock file of which folder.

    ``files`` holds the files as read, by their path from the folder; ``wanted`` the tools of a file that are locked,
    None for all its public functions. ``whole`` forgets every other tool of the folder's own files. ``predicates`` are
    the functions of a file that runtime predicates call, and ``handlers`` those that write steps.
    """

    folder: Path
    files: Mapping[str, ToolFile]
    wanted: Mapping[str, tuple[str, ...] | None]
    installed: tuple[InstalledTool, ...] = ()
    whole: bool = False
    predicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    handlers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def lock(self) -> Path:
        """The lock file that will be written."""
        return self.folder / LOCK_FILE


@dataclass(frozen=True)
class Locked:
    """What was locked, what the file held before and lacks now, and what the user should know."""

    path: Path
    tools: Mapping[str, LockedTool]
    dropped: tuple[str, ...]
    notes: tuple[str, ...]
    predicates: tuple[str, ...] = ()


def plan_agent(
    agent: Path,
    refs: Sequence[ToolRef],
    predicates: Sequence[PredicateRef] = (),
    handlers: Sequence[PredicateRef] = (),
) -> Plan:
    """Lock the tools, predicates and handlers an agent's file names.

    Shipped tools need no lock, nor do functions of a program. Raises InvalidInput for one that is nowhere.
    """
    folder = agent.parent
    files: dict[str, ToolFile] = {}
    wanted: dict[str, tuple[str, ...] | None] = {}
    installed = []
    for ref in refs:
        if ref.file is not None:
            files.setdefault(ref.file, read_tool_file(folder, ref.file))
            wanted[ref.file] = (*(wanted.get(ref.file) or ()), ref.name)
            continue
        for source in tool_sources([ref], None):
            if source.installed is not None:
                installed.append(source.installed)
            elif source.origin != "shipped":
                raise InvalidInput(source.fault or f"unknown tool '{ref.name}'")

    def named(functions: Sequence[PredicateRef]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for one in functions:
            if one.file is not None:
                files.setdefault(one.file, read_tool_file(folder, one.file))
                wanted.setdefault(one.file, ())
                found[one.file] = tuple(dict.fromkeys((*found.get(one.file, ()), one.name)))
        return found

    return Plan(folder, files, wanted, tuple(installed), predicates=named(predicates), handlers=named(handlers))


def plan_file(path: Path) -> Plan:
    """Lock all public functions of a Python file, in its own folder."""
    fault = path_fault(path.name)
    if fault:
        raise InvalidInput(f"{path} {fault}")
    return Plan(path.parent, {path.name: read_tool_file(path.parent, path.name)}, {path.name: None})


def plan_folder(folder: Path) -> Plan:
    """Lock all public functions of a folder's Python files, those that begin with ``_`` left out."""
    names = sorted(path.name for path in folder.glob("[!_.]*.py"))
    if not names:
        raise InvalidInput(f"{folder}: no Python file in this folder; name an agent's file, a .py file or a folder")
    files = {name: plan_file(folder / name).files[name] for name in names}
    return Plan(folder, files, dict.fromkeys(names), whole=True)


def describe(
    plan: Plan, before: Mapping[str, LockedTool] | None = None, predicates: Collection[str] = ()
) -> tuple[dict[str, LockedTool], dict[str, str]]:
    """Import what the plan says: its tools by name, its predicates and handlers with the sums of their files.

    With those locked ``before`` in the same files, as tools or as ``predicates``. Raises InvalidInput; writes nothing.
    """
    found: dict[str, LockedTool] = {}
    called: dict[str, str] = {}

    def add(tool: LockedTool) -> None:
        name = tool.schema.name
        if name in found:
            raise InvalidInput(f"{plan.folder}: {found[name].place} and {tool.place} both define the tool '{name}'")
        found[name] = tool

    for relative, file in plan.files.items():
        module = import_tool_file(file)
        wanted = plan.wanted[relative]
        again = [key.rpartition(":")[2] for key in predicates if key.rpartition(":")[0] == relative]
        asked = {
            **{name: defined_in for name in again if name in vars(module)},
            **dict.fromkeys(plan.predicates.get(relative, ()), function_in),
            **dict.fromkeys(plan.handlers.get(relative, ()), handler_in),
        }
        for name, look in asked.items():
            look(module, name)
            called[f"{relative}:{name}"] = file.sha256
        if wanted is not None:
            keys = {name: function_name(module, name) for name in wanted}
        else:
            keys = {name: key for name, key in tools_in(module).items() if f"{relative}:{key}" not in called}
        if not keys and not plan.whole and not called:
            raise InvalidInput(f"{file.path}: defines no public function")
        for name, key in {**_again(module, relative, before or {}), **keys}.items():
            try:
                schema = tool_from_function(vars(module)[key], name=name).schema
            except InvalidInput as problem:
                way_out = "" if name in (wanted or ()) else f"; if {key} is no tool, begin its name with _"
                raise InvalidInput(f"{file.path}: {problem.message}{way_out}") from problem
            add(LockedTool(schema, InFile(relative, key, file.sha256)))
    for tool in plan.installed:
        place = InPackage(tool.distribution, tool.version, tool.value)
        add(LockedTool(tool_from_function(import_installed(tool), name=tool.name).schema, place))
    return found, called


def lock(plan: Plan) -> Locked:
    """Import the plan's tools, trust their files, and write the lock file: as a whole, or not at all.

    Other tools of the file stay as they were, except those of files locked now or gone. Raises InvalidInput.
    """
    before, called_before, notes = _before(plan)
    fresh, called = describe(plan, before, called_before)
    kept: dict[str, LockedTool] = {}
    for name, tool in before.items():
        if name in fresh:
            if str(fresh[name].place) != str(tool.place):
                notes.append(f"'{name}' was the one of {tool.place} and is now the one of {fresh[name].place}")
        elif isinstance(tool.place, InPackage) or not _is_forgotten(tool.place.module, plan):
            kept[name] = tool
    for key, sha256 in called_before.items():
        if key not in called and not _is_forgotten(key.rpartition(":")[0], plan):
            called[key] = sha256
    trust = record_trust(plan.files.values())
    if trust.fault:
        notes.append(f"{trust.fault}; written anew, with these files only")
    try:
        replace_text(plan.lock, lock_text({**kept, **fresh}, called))
    except OSError as problem:
        raise InvalidInput(f"{plan.lock}: cannot be written: {problem.strerror or problem}") from problem
    dropped = (
        *(name for name in before if name not in kept and name not in fresh),
        *(key for key in called_before if key not in called),
    )
    told = tuple(key for key in sorted(called) if key.rpartition(":")[0] in plan.files)
    return Locked(plan.lock, fresh, dropped, tuple(notes), told)


def _before(plan: Plan) -> tuple[dict[str, LockedTool], dict[str, str], list[str]]:
    if not plan.lock.exists():
        return {}, {}, []
    try:
        return read_lock(plan.lock), read_predicates(plan.lock), []
    except InvalidInput as problem:
        return {}, {}, [f"the old lock file could not be read and is written anew: {problem.message}"]


def _again(module: ModuleType, relative: str, before: Mapping[str, LockedTool]) -> dict[str, str]:
    """The tools of a file that were locked before and are still in it, with their names in the file."""
    there = tools_in(module)
    locked = [name for name, tool in before.items() if isinstance(tool.place, InFile) and tool.place.module == relative]
    return {name: there[name] for name in locked if name in there}


def _is_forgotten(module: str, plan: Plan) -> bool:
    """Whether what is not locked now leaves the lock file: its file was locked without it, or is gone."""
    return module in plan.files or (plan.whole and "/" not in module) or not (plan.folder / module).is_file()
