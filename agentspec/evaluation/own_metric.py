"""A metric of the user's own: a function of an item and a run. Naming it on the command line is trusting it."""

from __future__ import annotations

import importlib
import inspect
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentspec.content.tool_file import read_tool_file
from agentspec.content.tool_ref import path_fault
from agentspec.errors import InvalidInput
from agentspec.evaluation.items import Item, Said
from agentspec.evaluation.metrics import Metric
from agentspec.toolbox.importing import import_tool_file

_MODULE = re.compile(r"python:([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[.:]([A-Za-z_]\w*)", re.ASCII)


class MetricFault(Exception):
    """The function failed, or gave what is no score."""


def own_metric(text: str, folder: Path) -> Metric:
    """The metric that ``python:module.function``, or ``./file.py:function`` beneath ``folder``, names; it is imported.

    The function takes the item (``id``, ``task``, ``expected`` and what else the data says) and the run (``answer``,
    ``calls``), both as dictionaries, and
    gives a number from 0 to 1, or a truth. Raises InvalidInput where it is not there.
    """
    return Metric(text, _scored(_found(text, folder)))


def _found(text: str, folder: Path) -> Callable[..., Any]:
    installed = _MODULE.fullmatch(text)
    if installed is not None:
        module, name = installed.groups()
        try:
            thing: Any = importlib.import_module(module)
        except (Exception, SystemExit) as problem:
            raise InvalidInput(f"the metric '{text}': {module} cannot be imported: {problem}") from None
        if not hasattr(thing, name):
            raise InvalidInput(f"the metric '{text}': {module} has no '{name}'")
        return _checked(getattr(thing, name), text)
    file, colon, name = text.removeprefix("python:").rpartition(":")
    relative = file.removeprefix("./")
    fault = path_fault(relative) if colon and file.endswith(".py") else "is no python:module.function or ./file.py:name"
    if fault:
        raise InvalidInput(f"the metric '{text}' {fault}")
    made = import_tool_file(read_tool_file(folder, relative))
    if name not in vars(made):
        raise InvalidInput(f"the metric '{text}': {file} has no function '{name}'")
    return _checked(vars(made)[name], text)


def _checked(function: Any, text: str) -> Callable[..., Any]:
    if not callable(function) or inspect.iscoroutinefunction(function):
        raise InvalidInput(f"the metric '{text}' is not a plain function")
    try:
        inspect.signature(function).bind({}, {})
    except TypeError:
        raise InvalidInput(f"the metric '{text}' takes two arguments, the item and the run") from None
    except ValueError:  # a builtin that does not tell
        pass
    found: Callable[..., Any] = function
    return found


def _scored(function: Callable[..., Any]) -> Callable[[Item, Said], float]:
    def score(item: Item, said: Said) -> float:
        shown = {**item.meta, "id": item.id, "task": item.task, "expected": item.expected}
        try:
            found = function(shown, {"answer": said.answer, "calls": [call.to_json() for call in said.calls]})
        except (Exception, SystemExit) as problem:
            raise MetricFault(f"the metric failed: {type(problem).__name__}: {problem}") from problem
        if not isinstance(found, bool | int | float) or not math.isfinite(found) or not 0 <= found <= 1:
            raise MetricFault(f"the metric gave {str(found)[:60]!r}: a number from 0 to 1 is asked for")
        return float(found)

    return score
