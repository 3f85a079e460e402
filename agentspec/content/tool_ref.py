"""How an agent's file names a tool: ``calculator``, or ``./my_tools.py:pay`` for one in a Python file beneath it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from agentspec.content.tool_schema import TOOL_NAME
from agentspec.errors import InvalidInput

_EXAMPLE = "./my_tools.py:pay"
_BENEATH = f"a tool's file lies beneath the folder of the file that names it, such as {_EXAMPLE}"
_MODULE_PATH = re.compile(r"\w+(\.\w+)*")
_SHAPE = f"a tool is a name such as calculator, or a Python file and a function in it such as {_EXAMPLE}"


@dataclass(frozen=True)
class ToolRef:
    """A tool as an agent's file names it.

    ``file`` is a path with ``/``, relative to the folder of the file that names it and never above it; None for a tool
    that is shipped or installed. ``text`` is what the author wrote.
    """

    name: str
    file: str | None
    text: str


def parse_tool_ref(text: str) -> ToolRef:
    """The tool a text names. Reads no file. Raises InvalidInput saying what to write instead."""
    if TOOL_NAME.fullmatch(text):
        return ToolRef(text, None, text)
    fault = _fault(text)
    if fault:
        raise InvalidInput(f"the tool {_shown(text)} {fault}")
    file, _, name = text.rpartition(":")
    return ToolRef(name, file.removeprefix("./"), text)


def refuse_doubles(refs: Iterable[ToolRef]) -> None:
    """Raises InvalidInput where two references give tools of one name: the model could not tell them apart."""
    seen: dict[str, ToolRef] = {}
    for ref in refs:
        other = seen.setdefault(ref.name, ref)
        if other is not ref:
            texts = f"{other.text} is named twice" if other.text == ref.text else f"{other.text} and {ref.text}"
            raise InvalidInput(f"two tools are called '{ref.name}': {texts}")


def path_fault(path: str) -> str | None:
    """What is wrong with the path of a tool's file, relative to a folder and written with ``/``; None if nothing is."""
    parts = path.split("/")
    if "\\" in path:
        return f"has a backslash: write {path.replace(chr(92), '/')}"
    if path.startswith(("/", "~")) or re.match("[A-Za-z]:/", path) or "://" in path:
        return f"is not a relative path: {_BENEATH}"
    if ".." in parts:
        return f"leads out of the folder: {_BENEATH}"
    if not path.isprintable() or ":" in path:
        return "has a character that is not allowed in the name of a tool's file"
    if any(part in ("", ".") or part != part.strip() for part in parts):
        return "has an empty part, a '.' or a blank at an end: write each folder once, such as ./folder/my_tools.py"
    if not path.endswith(".py") or parts[-1] == ".py":
        return "is not the name of a Python file, which ends in .py"
    return None


def _fault(text: str) -> str | None:
    file, colon, name = text.rpartition(":")
    if not text.strip():
        return f"has no name: {_SHAPE}"
    if text != text.strip() or not text.isprintable():
        return "has blanks at an end, or characters that cannot be printed"
    if "\\" in text:
        return f"has a backslash: write {text.replace(chr(92), '/')}"
    if not colon or "/" in name:
        fault = path_fault(text)
        if fault and ("relative" in fault or "leads out" in fault):
            return fault
        if text.endswith(".py"):
            return f"names no function: write ./{text.removeprefix('./')}:NAME"
        if "." in text and _MODULE_PATH.fullmatch(text):
            folders, _, last = text.rpartition(".")
            return f"is the path of a module: name its file, such as ./{folders.replace('.', '/')}.py:{last}"
        return f"is neither: {_SHAPE}"
    if not file.endswith(".py") and _MODULE_PATH.fullmatch(file):
        return f"is the path of a module: name its file, ./{file.replace('.', '/')}.py:{name}"
    fault = path_fault(file.removeprefix("./"))
    if fault:
        return fault
    if not file.startswith("./"):
        return f"is a file, and a file begins with ./: write ./{text}"
    if not name:
        return f"names no function: write {file}:NAME"
    if name.startswith("_"):
        return f"names a private function: a tool's name does not begin with _; rename {name}"
    if not TOOL_NAME.fullmatch(name):
        return f"names no function: '{name}' is not the name of one (no dots, brackets or blanks)"
    return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
