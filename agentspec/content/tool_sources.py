"""From the tools an agent names to what is known of them without importing any: lock files, files, metadata."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from agentspec.content.installed import InstalledTool, installed_tools
from agentspec.content.tool_file import ToolFile, read_tool_file
from agentspec.content.tool_lock import LOCK_FILE, REWRITE, InFile, InPackage, LockedTool, read_lock
from agentspec.content.tool_ref import ToolRef, refuse_doubles
from agentspec.errors import InvalidInput, nearest
from agentspec.shipped import folder

Origin = Literal["shipped", "installed", "file"]
_Read = Callable[[], dict[str, LockedTool] | None]


@dataclass(frozen=True)
class ToolSource:
    """A named tool, and what lies on this machine.

    ``file`` was read once: its text is what the lock was compared with and what a run imports. ``fault`` says why the
    tool cannot be used, None if it can; ``stale`` holds where the reason is a lock that no longer fits the code.
    """

    ref: ToolRef
    origin: Origin | None
    locked: LockedTool | None = None
    file: ToolFile | None = None
    installed: InstalledTool | None = None
    fault: str | None = None
    stale: bool = False


def tool_sources(refs: Sequence[ToolRef], beside: Path | None, *, agent: Path | None = None) -> Iterator[ToolSource]:
    """What is known of each tool, in order. Raises InvalidInput for a lock file that is broken and for a name twice."""
    refuse_doubles(refs)
    shipped = read_lock(folder("tools") / LOCK_FILE)
    here = cache(lambda: _lock_in(beside))
    offered = cache(lambda: installed_tools(beside))
    for ref in refs:
        if ref.file is not None:
            yield _in_file(ref, ref.file, beside, here, agent)
        elif ref.name in shipped:
            yield _shipped(ref, shipped[ref.name])
        else:
            yield _installed(ref, offered(), here, agent, list(shipped))


def lock_command(beside: Path | None, file: str | None, agent: Path | None) -> str:
    """The command that locks a tool anew: by the agent's file where it is known."""
    if agent is None and beside is not None and file is not None and "/" not in file:
        agent = beside / file
    return f"`{REWRITE} {'AGENT.yaml' if agent is None else shlex.quote(str(agent))}`"


def _lock_in(beside: Path | None) -> dict[str, LockedTool] | None:
    path = None if beside is None else beside / LOCK_FILE
    return read_lock(path) if path is not None and path.exists() else None


def _shipped(ref: ToolRef, locked: LockedTool) -> ToolSource:
    assert isinstance(locked.place, InFile)
    try:
        file = read_tool_file(folder("tools"), locked.place.module)
    except InvalidInput as problem:
        return ToolSource(ref, "shipped", locked, fault=f"tool {ref.name} is shipped and lacks its code: {problem}")
    if file.sha256 == locked.place.sha256:
        return ToolSource(ref, "shipped", locked, file)
    repair = f"reinstall agentspec, or in a checkout run `{REWRITE} {shlex.quote(str(folder('tools')))}`"
    changed = f"tool {ref.name} is shipped, but {file.path} is not what was shipped: {repair}"
    return ToolSource(ref, "shipped", locked, file, fault=changed, stale=True)


def _in_file(ref: ToolRef, relative: str, beside: Path | None, here: _Read, agent: Path | None) -> ToolSource:
    if beside is None:
        fault = f"tool {ref.text}: this text lies in no folder, so there is no {ref.file} beside it; save it as a file"
        return ToolSource(ref, "file", fault=fault)
    try:
        file = read_tool_file(beside, relative)
    except InvalidInput as problem:
        others = sorted(path.name for path in beside.glob("*.py")) if "/" not in relative else []
        hint = nearest(relative, others) if problem.message.endswith("no such file") else ""
        return ToolSource(ref, "file", fault=f"tool {ref.text}: {problem.message}{hint}")
    command = lock_command(beside, relative, agent)
    locks = here()
    where = beside / LOCK_FILE
    if locks is None:
        fault = f"tool {ref.text} is not locked: there is no {where}; run {command}, which imports {relative}"
        return ToolSource(ref, "file", file=file, fault=fault)
    locked = locks.get(ref.name)
    if locked is None:
        fault = f"tool {ref.text} is not in {where}; {_near(ref, locks)}run {command}, which imports {relative}"
        return ToolSource(ref, "file", file=file, fault=fault)
    if not isinstance(locked.place, InFile) or locked.place.module != relative:
        return ToolSource(ref, "file", locked, file, fault=_elsewhere(ref, where, locked, command), stale=True)
    if locked.place.sha256 != file.sha256:
        changed = f"{where} is out of date: {relative} has changed since it was locked"
        fault = f"tool {ref.text}: {changed}; run {command}, which imports it"
        return ToolSource(ref, "file", locked, file, fault=fault, stale=True)
    return ToolSource(ref, "file", locked, file)


def _near(ref: ToolRef, locks: dict[str, LockedTool]) -> str:
    """Which function may be meant: one of the same file, or the one locked under another name."""
    for name, locked in locks.items():
        if isinstance(locked.place, InFile) and locked.place.module == ref.file and locked.place.function == ref.name:
            return f"its function {ref.name} is the tool '{name}' (write ./{ref.file}:{name}); else "
    same = [name for name, at in locks.items() if isinstance(at.place, InFile) and at.place.module == ref.file]
    hint = nearest(ref.name, same)
    return f"{hint.removeprefix('; ')} " if hint.endswith("?") else ""


def _elsewhere(ref: ToolRef, where: Path, locked: LockedTool, command: str) -> str:
    return (
        f"tool {ref.text}: {where} holds the '{ref.name}' of {locked.place}: run {command}. A folder's lock file holds "
        "one tool of a name: if another agent in this folder needs the other one, rename one with @tool(name=...)"
    )


def _installed(
    ref: ToolRef, offered: dict[str, tuple[InstalledTool, ...]], here: _Read, agent: Path | None, shipped: list[str]
) -> ToolSource:
    found = offered.get(ref.name, ())
    if not found:
        hint = nearest(ref.name, sorted({*shipped, *offered}))
        own = "" if hint.endswith("?") else f"; a tool in a file of your own is written ./FILE.py:{ref.name}"
        return ToolSource(ref, None, fault=f"unknown tool '{ref.name}'{hint}{own}")
    if len(found) > 1:
        names = " and ".join(str(tool) for tool in found)
        return ToolSource(ref, "installed", fault=f"tool {ref.name} is offered by {names}: uninstall all but one")
    installed = found[0]
    command = f"{lock_command(None, None, agent)}, which imports {installed.value}"
    locks = here()
    locked = (locks or {}).get(ref.name)
    if locked is None:
        beside = f"not in the {LOCK_FILE}" if locks is not None else f"there is no {LOCK_FILE}"
        fault = f"tool {ref.name}, installed by {installed}, is not locked: {beside} beside the agent; run {command}"
        return ToolSource(ref, "installed", installed=installed, fault=fault)
    now = InPackage(installed.distribution, installed.version, installed.value)
    if locked.place != now:
        was = (
            f"{locked.place.version} ({locked.place.entry_point})" if isinstance(locked.place, InPackage) else "a file"
        )
        fault = f"tool {ref.name}: {LOCK_FILE} is out of date: locked as {was}, installed is {installed}; run {command}"
        return ToolSource(ref, "installed", locked, installed=installed, fault=fault, stale=True)
    return ToolSource(ref, "installed", locked, installed=installed)
