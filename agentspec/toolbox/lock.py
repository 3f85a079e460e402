"""Writing the lock file of a folder of tools.

``python -m agentspec.toolbox.lock`` rewrites the shipped one, ``python -m agentspec.toolbox.lock FOLDER`` another.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

from agentspec.content.tool_lock import LOCK_FILE, LOCK_VERSION, LockedTool
from agentspec.errors import InvalidInput
from agentspec.shipped import folder
from agentspec.toolbox.registry import import_file, sha256_of
from agentspec.toolbox.tool import tool_from_function


def lock_text(tools_folder: Path) -> str:
    """The lock file of a folder: every public function defined in one of its modules is a tool. Imports them all."""
    locked: dict[str, LockedTool] = {}
    for path in sorted(tools_folder.glob("[!_]*.py")):
        module = import_file(path)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("_") or function.__module__ != module.__name__:
                continue
            if name in locked:
                raise InvalidInput(
                    f"{tools_folder}: {locked[name].module} and {path.name} both define the tool '{name}'"
                )
            locked[name] = LockedTool(tool_from_function(function, name=name).schema, path.name, name, sha256_of(path))
    tools = {name: locked[name].to_json() for name in sorted(locked)}
    return json.dumps({"lock_version": LOCK_VERSION, "tools": tools}, ensure_ascii=False, indent=2) + "\n"


def write_lock(tools_folder: Path) -> Path:
    """Write the folder's lock file anew and return its path. Raises InvalidInput, writing nothing."""
    text = lock_text(tools_folder)
    path = tools_folder / LOCK_FILE
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


if __name__ == "__main__":
    for chosen in sys.argv[1:] or [str(folder("tools"))]:
        print(write_lock(Path(chosen)))
