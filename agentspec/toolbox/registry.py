"""Tools by name: only those of the lock file are imported, and only when they still are what was locked."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from agentspec.content.tool_lock import LOCK_FILE, REWRITE, LockedTool, read_lock
from agentspec.errors import InvalidInput, nearest
from agentspec.shipped import folder
from agentspec.toolbox.tool import Tool, tool_from_function


def load_tools(names: Sequence[str]) -> dict[str, Tool]:
    """The shipped tools of these names, imported in this order.

    Raises InvalidInput for a name that is not shipped, and when the lock file does not fit the code.
    """
    return load_locked(names, folder("tools"))


def load_locked(names: Sequence[str], tools_folder: Path) -> dict[str, Tool]:
    """As :func:`load_tools`, from any folder with a lock file."""
    locked = read_lock(tools_folder / LOCK_FILE)
    for name in names:
        if name not in locked:
            raise InvalidInput(f"unknown tool '{name}'{nearest(name, sorted(locked))}")
    return {name: _load(locked[name], tools_folder) for name in names}


def _load(locked: LockedTool, tools_folder: Path) -> Tool:
    path = tools_folder / locked.module
    stale = (
        f"{tools_folder / LOCK_FILE} is out of date: tool '{locked.schema.name}': {{}}; run `{REWRITE} {tools_folder}`"
    )
    if not path.is_file():
        raise InvalidInput(stale.format(f"{locked.module} is gone"))
    if sha256_of(path) != locked.sha256:
        raise InvalidInput(stale.format(f"{locked.module} has changed"))
    function = getattr(import_file(path), locked.function, None)
    if not callable(function):
        raise InvalidInput(stale.format(f"{locked.module} has no function {locked.function}"))
    tool = tool_from_function(function, name=locked.schema.name)
    if json.dumps(tool.schema.to_json()) != json.dumps(locked.schema.to_json()):
        raise InvalidInput(stale.format(f"the schema of {locked.function} is another"))
    return tool


def sha256_of(path: Path) -> str:
    """The checksum of a text file, the same whether its lines end in ``\\n`` or ``\\r\\n``."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def import_file(path: Path) -> ModuleType:
    """Run a tool's file as a module. Raises InvalidInput when the file cannot be imported."""
    name = f"agentspec_tools_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InvalidInput(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as problem:
        sys.modules.pop(name, None)
        raise InvalidInput(f"{path}: cannot be imported: {type(problem).__name__}: {problem}") from problem
    return module
