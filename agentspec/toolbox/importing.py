"""Running a tool's code: exactly the text that was read and hashed, with nothing kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from agentspec.content.installed import InstalledTool
from agentspec.content.tool_file import ToolFile
from agentspec.errors import InvalidInput, nearest
from agentspec.toolbox.tool import options_of


def import_tool_file(file: ToolFile) -> ModuleType:
    """Run a tool's file as a module of its own. Raises InvalidInput when it fails, whatever way.

    The bytes that were read are compiled: the disk is not read again, and no bytecode is read or written. Prints of the
    file go to stderr. What the file itself imports is found as Python finds it, unchecked; the file's own folder is not
    searched, so it cannot import the files beside it. ``os._exit`` and crashes of C code cannot be caught.
    """
    stem = re.sub(r"\W", "_", file.path.stem)
    name = f"agentspec_tools_{stem}_{hashlib.sha256(str(file.path).encode(errors='surrogatepass')).hexdigest()[:8]}"
    module = ModuleType(name)
    module.__file__ = str(file.path)
    before = sys.modules.get(name)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        with _imported(str(file.path), file):
            exec(compile(file.source, str(file.path), "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise
    return module


def tools_in(module: ModuleType) -> dict[str, str]:
    """The public functions that a tool's file defines: the name of the tool → the name in the file.

    Raises InvalidInput where two have one name.
    """
    found: dict[str, str] = {}
    for key, function in vars(module).items():
        if type(function) is not FunctionType or key.startswith("_") or function.__module__ != module.__name__:
            continue
        name = options_of(function).name or key
        if name in found:
            raise InvalidInput(f"{module.__file__}: {found[name]} and {key} are both the tool '{name}'")
        found[name] = key
    return found


def function_name(module: ModuleType, tool: str) -> str:
    """The name of a tool's function in its file. Raises InvalidInput saying what stands there instead."""
    found = tools_in(module)
    if tool in found:
        return found[tool]
    where = f"{module.__file__}: '{tool}'"
    renamed = next((name for name, key in found.items() if key == tool), None)
    if renamed is not None:
        raise InvalidInput(f"{where} is the tool '{renamed}' (@tool(name=...)): write :{renamed}")
    if tool not in vars(module):
        hint = nearest(tool, list(found))
        raise InvalidInput(f"{module.__file__} has no function '{tool}'{hint or '; it defines none that is public'}")
    thing = vars(module)[tool]
    if isinstance(thing, type):
        raise InvalidInput(f"{where} is a class; a tool is a function: wrap it in a def")
    if callable(thing):
        raise InvalidInput(f"{where} is not a function defined in that file: wrap it in a def")
    raise InvalidInput(f"{where} is {type(thing).__name__}, not a function")


def import_installed(tool: InstalledTool) -> Callable[..., Any]:
    """Import what an entry point names. Raises InvalidInput when that fails, whatever way."""
    where = f"the tool '{tool.name}' of {tool}"
    match = re.fullmatch(r"\s*([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?\s*", tool.value)
    if match is None:
        raise InvalidInput(f"{where}: the entry point is not module:function")
    with _imported(where, None):
        thing: Any = importlib.import_module(match.group(1))
    for part in match.group(2).split("."):
        if not hasattr(thing, part):
            raise InvalidInput(f"{where}: {match.group(1)} has no {match.group(2)}")
        thing = getattr(thing, part)
    if not inspect.isfunction(thing):
        raise InvalidInput(f"{where}: {match.group(2)} is {type(thing).__name__}, not a function")
    return thing


@contextlib.contextmanager
def _imported(where: str, file: ToolFile | None) -> Iterator[None]:
    """Whatever goes wrong inside is InvalidInput; only KeyboardInterrupt gets out. Prints go to stderr."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as problem:
        raise InvalidInput(f"{where}: cannot be imported: {_told(problem)}{_hint(problem, file)}") from problem


def _told(problem: BaseException) -> str:
    try:
        return f"{type(problem).__name__}: {problem}".removesuffix(": ")
    except Exception:  # its own __str__
        return type(problem).__name__


def _hint(problem: BaseException, file: ToolFile | None) -> str:
    """A tool's file that wants one of its neighbours is told why it cannot have it."""
    if file is None or not isinstance(problem, ModuleNotFoundError) or not problem.name:
        return ""
    first = problem.name.partition(".")[0]
    if any((file.path.parent / neighbour).exists() for neighbour in (f"{first}.py", first)):
        return f" (a tool's file cannot import what lies beside it: put {first} into the file, or install it)"
    return ""
