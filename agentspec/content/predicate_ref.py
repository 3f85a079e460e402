"""How a file names the function of a runtime predicate: ``./checks.py:is_polite``, or ``is_polite`` of a program."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentspec.content.tool_ref import path_fault
from agentspec.errors import InvalidInput

FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SHAPE = (
    "a predicate is a function in a Python file beneath the folder of the file that names it, such as "
    "./checks.py:is_polite, or a bare name such as is_polite where a program gives the function"
)


@dataclass(frozen=True)
class PredicateRef:
    """A predicate's function as a file names it.

    ``file`` is a path with ``/``, relative to the folder of the file that names it and never above it; None where a
    program gives the function. ``text`` is what the author wrote.
    """

    name: str
    file: str | None
    text: str

    @property
    def key(self) -> str:
        """What stands in the lock file, such as ``checks.py:is_polite``."""
        return f"{self.file}:{self.name}"


def parse_predicate_ref(text: str) -> PredicateRef:
    """The function a text names. Reads no file. Raises InvalidInput saying what to write instead."""
    if FUNCTION.fullmatch(text):
        return PredicateRef(text, None, text)
    file, colon, name = text.rpartition(":")
    shown = repr(text if len(text) <= 80 else f"{text[:77]}...")
    if not colon:
        hint = f": write ./{text.removeprefix('./')}:NAME" if text.endswith(".py") else f": {_SHAPE}"
        raise InvalidInput(f"the predicate {shown} names no function{hint}")
    fault = path_fault(file.removeprefix("./"))
    if fault is None and not file.startswith("./"):
        fault = f"is a file, and a file begins with ./: write ./{text}"
    if fault is None and not FUNCTION.fullmatch(name):
        fault = f"names no function: '{name}' is not the name of one"
    if fault is not None:
        raise InvalidInput(f"the predicate {shown} {fault}")
    return PredicateRef(name, file.removeprefix("./"), text)
