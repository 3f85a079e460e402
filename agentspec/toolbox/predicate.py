"""The functions of runtime predicates: found in a module that was imported, or given by a program."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from agentspec.errors import InvalidInput, nearest
from agentspec.spec.model import Proposition
from agentspec.spec.runtime import Function


def function_in(module: ModuleType, name: str) -> Function:
    """The predicate a file defines under a name. Raises InvalidInput saying what stands there instead."""
    return checked(defined_in(module, name), f"{module.__file__}: '{name}'")


def handler_in(module: ModuleType, name: str) -> Callable[..., Any]:
    """The step handler a file defines under a name. Raises InvalidInput saying what stands there instead."""
    function = defined_in(module, name)
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidInput(f"{module.__file__}: '{name}' must give its text at once: a plain def")
    if not inspect.signature(function).parameters:
        raise InvalidInput(f"{module.__file__}: '{name}' must take the moment, and its settings by name")
    return function


def defined_in(module: ModuleType, name: str) -> Callable[..., Any]:
    """The function a file defines under a name. Raises InvalidInput saying what stands there instead."""
    own = [key for key, it in vars(module).items() if type(it) is FunctionType and it.__module__ == module.__name__]
    if name not in vars(module):
        raise InvalidInput(f"{module.__file__} has no function '{name}'{nearest(name, own)}")
    if name not in own:
        raise InvalidInput(f"{module.__file__}: '{name}' is not a function defined in that file: wrap it in a def")
    found: Callable[..., Any] = vars(module)[name]
    return found


def checked(function: Callable[..., Any], what: str) -> Function:
    """The function, if it can be called with the one value it reads. Raises InvalidInput, ``what`` being its name."""
    if not callable(function):
        raise InvalidInput(f"{what} is {type(function).__name__}, not a function")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise InvalidInput(f"{what} must say True or False at once: a plain def, no coroutine and no generator")
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise InvalidInput(f"{what} must take one argument, the text or the decoded value") from None
    except ValueError:  # a builtin that does not tell
        pass
    return function


def given_functions(
    functions: Mapping[str, Callable[..., Any]], declared: tuple[Proposition, ...]
) -> dict[str, Function]:
    """The functions a program gives, by predicate. Raises InvalidInput for one that no ``python:`` asks for."""
    asked = [one.name for one in declared if one.python is not None]
    for name in functions:
        if name not in asked:
            where = nearest(name, asked) if asked else ": the spec declares no 'python:'"
            raise InvalidInput(f"no runtime predicate is called '{name}'{where}")
    return {name: checked(function, f"the predicate '{name}'") for name, function in functions.items()}
