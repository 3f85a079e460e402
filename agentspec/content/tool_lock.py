"""The lock file of tools: what each tool takes, readable without running any tool's code.

``agentspec.toolbox.lock`` writes the file; reading it here is pure JSON, so that a spec can be loaded and checked
without importing the tools it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, Location, SyntaxProblem, nearest

LOCK_FILE = "tools.lock.json"
LOCK_VERSION = 1
REWRITE = "python -m agentspec.toolbox.lock"

# A file beside the lock: a path would let a lock file name code that lies elsewhere.
_FIELDS: Mapping[str, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "module": (re.compile(r"[A-Za-z_]\w*\.py", re.ASCII), "a file name such as calculator.py"),
        "function": (re.compile(r"[A-Za-z]\w*", re.ASCII), "the name of a public function"),
        "sha256": (re.compile(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits"),
    }
)
_KEYS = ["module", "function", "description", "parameters", "sha256"]


@dataclass(frozen=True)
class LockedTool:
    """One tool of a lock file; ``sha256`` is that of the module's file with its line ends as ``\\n``."""

    schema: ToolSchema
    module: str
    function: str
    sha256: str

    def to_json(self) -> dict[str, Any]:
        """The entry of the lock file that stands under the tool's name."""
        schema = self.schema.to_json()
        return {
            "module": self.module,
            "function": self.function,
            "description": schema["description"],
            "parameters": schema["parameters"],
            "sha256": self.sha256,
        }


def read_lock(path: Path) -> dict[str, LockedTool]:
    """The tools of a lock file by name, in the order of the file. Imports no tool.

    Raises InvalidInput (SyntaxProblem with line and column where it is not JSON), naming the file.
    """
    content = _parse(path)
    if not isinstance(content, dict) or not isinstance(content.get("tools"), dict):
        raise InvalidInput(f'{path}: not a lock file: expected {{"lock_version": {LOCK_VERSION}, "tools": {{…}}}}')
    version = content.get("lock_version")
    if type(version) is not int or version != LOCK_VERSION:
        raise InvalidInput(f"{path}: lock_version is {version!r}; this agentspec reads {LOCK_VERSION}")
    for key in content:
        if key not in ("lock_version", "tools"):
            raise InvalidInput(f"{path}: unknown key {key!r}{nearest(key, ['lock_version', 'tools'])}")
    return {name: _locked(name, entry, path) for name, entry in content["tools"].items()}


def _parse(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such lock file; write it with `{REWRITE} {path.parent}`") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise InvalidInput(f"{path}: cannot be read: {problem}") from problem
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        lines = text.split("\n")
        where = Location(str(path), problem.lineno, problem.colno)
        raise SyntaxProblem(f"not JSON: {problem.msg}", location=where, excerpt=lines[problem.lineno - 1]) from problem
    except (ValueError, RecursionError) as problem:
        raise InvalidInput(f"{path}: {problem}") from problem


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _locked(name: str, entry: object, path: Path) -> LockedTool:
    if not isinstance(entry, dict):
        raise InvalidInput(f"{path}: tool {name!r}: expected an object with {', '.join(_KEYS)}")
    for key in entry:
        if key not in _KEYS:
            raise InvalidInput(f"{path}: tool {name!r}: unknown key {key!r}{nearest(key, _KEYS)}")
    for key, (pattern, meaning) in _FIELDS.items():
        value = entry.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InvalidInput(f"{path}: tool {name!r}: '{key}' must be {meaning}, not {value!r}")
    described = {"name": name, "description": entry.get("description"), "parameters": entry.get("parameters")}
    schema = ToolSchema.from_json(described, source=str(path))
    return LockedTool(schema, entry["module"], entry["function"], entry["sha256"])
