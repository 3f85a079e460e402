"""A tool, and calling one: whatever happens inside it comes back as an :class:`Outcome`, never as an exception."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import json
import re
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import EllipsisType
from typing import Any, TypeVar, overload

from pydantic import TypeAdapter, ValidationError

from agentspec.content.tool_schema import TOOL_NAME, ToolSchema
from agentspec.errors import InvalidInput, ToolError, nearest
from agentspec.toolbox.signature import schema_of

DEFAULT_TIMEOUT = 30.0
Function = TypeVar("Function", bound=Callable[..., Any])
_MARK = "__agentspec_tool__"


@dataclass(frozen=True)
class Tool:
    """A function the model may call, ``async`` or not.

    ``timeout`` is in seconds; None lets the function take as long as it likes. ``readers`` turn the JSON of an
    argument into what the function expects; an argument without one is passed as it is.
    """

    schema: ToolSchema
    function: Callable[..., Any]
    timeout: float | None = DEFAULT_TIMEOUT
    readers: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        _check_timeout(self.timeout, self.schema.name)


@dataclass(frozen=True)
class Outcome:
    """What a call came to.

    ``ok``: the function returned; ``text`` is its result for the model, ``value`` the same as plain JSON.
    Neither ``ok`` nor ``error``: the tool declared an error result (ToolError); ``text`` is its message.
    ``error``: an exception, a time-out, arguments that do not fit, or a result that cannot be written.
    ``text`` can always be encoded as UTF-8. ``seconds`` is wall time. ``detail`` is for the trace, not for the model.
    """

    ok: bool
    error: bool
    text: str
    value: Any
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class ToolOptions:
    """What ``@tool(...)`` says of a function; None as ``name`` is the function's own."""

    name: str | None = None
    timeout: float | None = DEFAULT_TIMEOUT


@overload
def tool(function: Function, /) -> Function: ...


@overload
def tool(*, name: str | None = None, timeout: float | None = DEFAULT_TIMEOUT) -> Callable[[Function], Function]: ...


def tool(
    function: Function | None = None, /, *, name: str | None = None, timeout: float | None = DEFAULT_TIMEOUT
) -> Function | Callable[[Function], Function]:
    """Mark a function with options for its use as a tool; it stays the function it is.

    ``name`` is what the model and the rules call it, ``timeout`` its seconds a call (None: no limit). Raises
    InvalidInput for a name or a timeout that no tool can have, and for what is not a function.
    """
    options = ToolOptions(name, timeout)

    def mark(marked: Function) -> Function:
        if not inspect.isfunction(marked):
            raise InvalidInput(f"@tool stands above a def, not above {marked!r}; inside a class, above none")
        shown = marked.__name__ if name is None else name
        if name is not None and (not TOOL_NAME.fullmatch(name) or name.startswith("_")):
            raise InvalidInput(f"@tool(name={name!r}): a letter, then letters, digits, _ or -, 64 at most")
        _check_timeout(timeout, shown)
        setattr(marked, _MARK, options)
        return marked

    return mark if function is None else mark(function)


def options_of(function: Callable[..., Any]) -> ToolOptions:
    """The options a function was marked with, or the default ones."""
    options = getattr(function, _MARK, None)
    return options if isinstance(options, ToolOptions) else ToolOptions()


def tool_from_function(
    function: Callable[..., Any], *, name: str | None = None, timeout: float | EllipsisType | None = ...
) -> Tool:
    """A tool from a typed, documented function. Raises InvalidInput naming the parameter and what to add.

    A ``name`` or ``timeout`` given here beats that of ``@tool``.
    """
    options = options_of(function)
    schema, readers = schema_of(function, name or options.name)
    return Tool(schema, function, options.timeout if isinstance(timeout, EllipsisType) else timeout, readers)


def call(tool: Tool, arguments: Mapping[str, Any]) -> Outcome:
    """Call the tool with decoded JSON arguments. Only KeyboardInterrupt gets out.

    With a timeout the function runs in a thread of its own. A thread cannot be killed: after a time-out it may go on
    in the background and still have effects; what it returns is dropped. An ``async`` function always runs in a thread
    of its own, in an event loop of its own, and is cancelled after a time-out. ``os._exit`` and crashes of C code are
    not caught.
    """
    start = time.perf_counter()
    cancels: list[Callable[[], object]] = []

    def finish(text: str) -> Outcome:
        return Outcome(False, True, _encodable(text), None, time.perf_counter() - start)

    def work() -> tuple[str, Any]:
        result = tool.function(**values)
        return render(asyncio.run(_awaited(result, cancels)) if inspect.iscoroutine(result) else result)

    attempt = partial(attempted, work, start)
    try:
        values = _read(tool, arguments)
    except InvalidInput as problem:
        return finish(problem.message)
    if tool.timeout is None and not inspect.iscoroutinefunction(tool.function):
        return attempt()
    outcome = _within(tool.timeout, attempt)
    if outcome is not None:
        return outcome
    for cancel in cancels:
        with contextlib.suppress(RuntimeError):  # the loop has closed by now
            cancel()
    return finish(f"timed out after {tool.timeout:g} seconds")


def attempted(work: Callable[[], tuple[str, Any]], start: float) -> Outcome:
    """What foreign code comes to, its text and value; ``start`` is when it began. Only KeyboardInterrupt gets out."""

    def finish(ok: bool, error: bool, text: str, value: Any = None, detail: str = "") -> Outcome:
        return Outcome(ok, error, _encodable(text), value, time.perf_counter() - start, _encodable(detail))

    try:
        text, value = work()
    except KeyboardInterrupt:
        raise
    except ToolError as problem:
        return finish(False, False, _message(problem) or "the tool reports an error")
    except BaseException as problem:
        return finish(False, True, described(problem), detail=_traceback(problem))
    return finish(True, False, text, value)


def render(result: object) -> tuple[str, Any]:
    """The text of a result for the model, and its value as plain JSON (a string for a string).

    A string is shown as it is; everything else as compact JSON: ``None`` is ``null``, ``True`` is ``true``, ``4.0`` is
    ``4.0``, a tuple is a list, and keys keep their order. Lone surrogates become U+FFFD.
    Raises TypeError or ValueError for what JSON cannot hold (bytes, NaN, objects, endless or very deep nesting).
    """
    if isinstance(result, str):
        text = _encodable(str.__str__(result))
        return text, text
    try:
        compact = json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text = _encodable(compact)
        return text, json.loads(text)
    except RecursionError:
        raise ValueError("the result is nested too deeply") from None


def _read(tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the function expects them; InvalidInput names the first that does not fit."""
    parameters = tool.schema.parameters
    properties: list[str] = list(parameters.get("properties", {}))
    values: dict[str, Any] = {}
    for name in arguments:
        if name not in properties and parameters.get("additionalProperties") is False:
            raise InvalidInput(f"unknown argument {name!r}{nearest(str(name), properties)}")
    for name in parameters.get("required", []):
        if name not in arguments:
            raise InvalidInput(f"missing argument '{name}'")
    for name, value in arguments.items():
        try:
            written = json.dumps(value, allow_nan=False)
            values[name] = tool.readers[name].validate_json(written, strict=True) if name in tool.readers else value
        except ValidationError as problem:
            raise InvalidInput(f"invalid argument '{name}': {_first_fault(problem)}") from None
        except (Exception, SystemExit) as problem:  # not JSON, or a fault in a validator of the tool's own
            raise InvalidInput(f"invalid argument '{name}': {_message(problem)}") from None
    return values


def _first_fault(problem: ValidationError) -> str:
    """The fault, with the place in a list; for a union, what each part would have needed."""
    faults = problem.errors(include_url=False, include_context=False, include_input=False)
    shown = []
    for fault in faults[:3]:
        place = "".join(f"[{part}]" for part in fault["loc"] if isinstance(part, int))
        shown.append(f"{place} {fault['msg']}".strip())
    return ", or ".join(dict.fromkeys(shown))


async def _awaited(coroutine: Coroutine[Any, Any, Any], cancels: list[Callable[[], object]]) -> Any:
    """What the coroutine returns; ``cancels`` gets what stops it from another thread."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    if task is not None:
        cancels.append(partial(loop.call_soon_threadsafe, task.cancel))
    return await coroutine


def _check_timeout(timeout: float | None, name: str) -> None:
    if timeout is not None and not 0 < timeout <= threading.TIMEOUT_MAX:
        raise InvalidInput(f"tool '{name}': a timeout is more than 0 seconds, not {timeout}")


def _within(seconds: float | None, attempt: Callable[[], Outcome]) -> Outcome | None:
    """What the attempt gives in a thread of its own, or None when the time is over."""
    outcomes: list[Outcome] = []
    interrupts: list[KeyboardInterrupt] = []

    def body() -> None:
        try:
            outcomes.append(attempt())
        except KeyboardInterrupt as interrupt:
            interrupts.append(interrupt)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(body,), name="agentspec-tool", daemon=True)
    thread.start()
    thread.join(seconds)
    if interrupts:
        raise interrupts[0]
    return outcomes[0] if outcomes else None


def _message(problem: BaseException) -> str:
    """The exception's message; empty when its own ``__str__`` fails."""
    try:
        return str.__str__(str(problem.message if isinstance(problem, ToolError) else problem))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def described(problem: BaseException) -> str:
    """An exception in words: its kind and message, of a ToolError the message alone."""
    if isinstance(problem, ToolError):
        return _message(problem)
    name, message = type(problem).__name__, _message(problem)
    return f"{name}: {message}" if message else name


def _traceback(problem: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(problem))
    except Exception as fault:  # notes and causes are the tool's own objects
        return f"no traceback: {type(fault).__name__}"


def _encodable(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
