"""The lock file of tools: what each tool takes, readable without running any tool's code.

``agentspec tools lock`` writes the file; reading it here is pure JSON, so that a spec can be loaded and checked
without importing the tools it names. A lock file is no proof of anything: it may have come with a download.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agentspec import limits
from agentspec.content.predicate_ref import FUNCTION
from agentspec.content.tool_file import read_bounded
from agentspec.content.tool_ref import path_fault
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, Location, SyntaxProblem, nearest

LOCK_FILE = "tools.lock.json"
LOCK_VERSION = 1
REWRITE = "agentspec tools lock"
_KEYS = ["lock_version", "tools", "predicates"]


@dataclass(frozen=True)
class InFile:
    """A tool in a Python file: its path from the lock's folder, its function, the sum of its text."""

    module: str
    function: str
    sha256: str

    def __str__(self) -> str:
        return self.module


@dataclass(frozen=True)
class InPackage:
    """A tool of an installed distribution: the entry point's value is ``module:function``."""

    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"the package {self.distribution}"


@dataclass(frozen=True)
class LockedTool:
    """One tool of a lock file and where its code was when it was locked."""

    schema: ToolSchema
    place: InFile | InPackage

    def to_json(self) -> dict[str, Any]:
        """The entry of the lock file that stands under the tool's name."""
        schema = self.schema.to_json()
        described = {"description": schema["description"], "parameters": schema["parameters"]}
        if isinstance(self.place, InPackage):
            place = self.place
            return {
                "distribution": place.distribution,
                "version": place.version,
                "entry_point": place.entry_point,
                **described,
            }
        module, function = self.place.module, self.place.function
        return {"module": module, "function": function, **described, "sha256": self.place.sha256}


def lock_text(locked: Mapping[str, LockedTool], predicates: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text of a lock file that holds these tools, by name, and the sums of the files of these predicates."""
    tools = {name: locked[name].to_json() for name in sorted(locked)}
    content = {"lock_version": LOCK_VERSION, "tools": tools}
    if predicates:
        content["predicates"] = dict(sorted(predicates.items()))
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def read_lock(path: Path) -> dict[str, LockedTool]:
    """The tools of a lock file by name, in the order of the file. Imports no tool.

    Raises InvalidInput (SyntaxProblem with line and column where it is not JSON), naming the file.
    """
    return {name: _locked(name, entry, path) for name, entry in _content(path)["tools"].items()}


def read_predicates(path: Path) -> dict[str, str]:
    """The functions of runtime predicates, such as ``checks.py:is_polite``, with the sums of their files' text.

    Raises as `read_lock`.
    """
    locked = _content(path).get("predicates", {})
    if not isinstance(locked, dict):
        raise InvalidInput(f"{path}: 'predicates' is an object, not {locked!r}")
    for key, sha256 in locked.items():
        file, _, name = key.rpartition(":")
        if path_fault(file) is not None or not FUNCTION.fullmatch(name):
            raise InvalidInput(f"{path}: predicate {key!r}: expected a file and a function, such as checks.py:polite")
        if not isinstance(sha256, str) or not re.fullmatch("[0-9a-f]{64}", sha256):
            raise InvalidInput(f"{path}: predicate {key!r}: expected 64 lower-case hexadecimal digits")
    return locked


def _content(path: Path) -> dict[str, Any]:
    content = _parse(path)
    if not isinstance(content, dict) or not isinstance(content.get("tools"), dict):
        raise InvalidInput(f'{path}: not a lock file: expected {{"lock_version": {LOCK_VERSION}, "tools": {{…}}}}')
    version = content.get("lock_version")
    if type(version) is not int or version != LOCK_VERSION:
        raise InvalidInput(f"{path}: lock_version is {version!r}; this agentspec reads {LOCK_VERSION}")
    for key in content:
        if key not in _KEYS:
            raise InvalidInput(f"{path}: unknown key {key!r}{nearest(key, _KEYS)}")
    return content


def _parse(path: Path) -> object:
    if not path.exists():
        raise InvalidInput(f"{path}: no such lock file; write it with `{REWRITE} {path.parent}`")
    content = read_bounded(path, limits.TOOL_LOCK_BYTES)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as problem:
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


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda text: compiled.fullmatch(text) is not None


# A path within the folder: any other would let a lock file name code that lies elsewhere.
_FILE_FIELDS: Mapping[str, tuple[Callable[[str], bool], str]] = MappingProxyType(
    {
        "module": (
            lambda text: path_fault(text) is None,
            "the path of a Python file in the lock's folder or beneath it, such as calculator.py",
        ),
        "function": (_matches(r"[A-Za-z]\w*"), "the name of a public function"),
        "sha256": (_matches(r"[0-9a-f]{64}"), "64 lower-case hexadecimal digits"),
    }
)
_PACKAGE_FIELDS: Mapping[str, tuple[Callable[[str], bool], str]] = MappingProxyType(
    {
        "distribution": (_matches(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"), "the name of a distribution"),
        "version": (_matches(r"[!-~]{1,100}"), "a version"),
        "entry_point": (_matches(r"[!-~ ]{1,200}"), "an entry point such as acme_tools:search"),
    }
)
_DESCRIBED = ["description", "parameters"]


def _locked(name: str, entry: object, path: Path) -> LockedTool:
    if not isinstance(entry, dict):
        keys = [*_FILE_FIELDS, *_DESCRIBED]
        raise InvalidInput(f"{path}: tool {name!r}: expected an object with {', '.join(keys)}")
    fields = _PACKAGE_FIELDS if "distribution" in entry else _FILE_FIELDS
    for key in entry:
        if key not in fields and key not in _DESCRIBED:
            raise InvalidInput(f"{path}: tool {name!r}: unknown key {key!r}{nearest(key, [*fields, *_DESCRIBED])}")
    for key, (fits, meaning) in fields.items():
        value = entry.get(key)
        if not isinstance(value, str) or not fits(value):
            raise InvalidInput(f"{path}: tool {name!r}: '{key}' must be {meaning}, not {value!r}")
    described = {"name": name, "description": entry.get("description"), "parameters": entry.get("parameters")}
    schema = ToolSchema.from_json(described, source=str(path))
    values = [entry[key] for key in fields]
    return LockedTool(schema, InPackage(*values) if "distribution" in entry else InFile(*values))
