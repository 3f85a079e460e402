"""A tool, and calling one: whatever happens inside it comes back as an :class:`Outcome`, never as an exception."""

from __future__ import annotations

import contextvars
import json
import re
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, ToolError, nearest
from agentspec.toolbox.signature import schema_of

DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True)
class Tool:
    """A function the model may call.

    ``timeout`` is in seconds; None lets the function take as long as it likes. ``readers`` turn the JSON of an
    argument into what the function expects; an argument without one is passed as it is.
    """

    schema: ToolSchema
    function: Callable[..., Any]
    timeout: float | None = DEFAULT_TIMEOUT
    readers: Mapping[str, TypeAdapter[Any]] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.timeout is not None and not 0 < self.timeout <= threading.TIMEOUT_MAX:
            raise InvalidInput(f"tool '{self.schema.name}': a timeout is more than 0 seconds, not {self.timeout}")


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


def tool_from_function(
    function: Callable[..., Any], *, name: str | None = None, timeout: float | None = DEFAULT_TIMEOUT
) -> Tool:
    """A tool from a typed, documented function. Raises InvalidInput naming the parameter and what to add."""
    schema, readers = schema_of(function, name)
    return Tool(schema, function, timeout, readers)


def call(tool: Tool, arguments: Mapping[str, Any]) -> Outcome:
    """Call the tool with decoded JSON arguments. Only KeyboardInterrupt gets out.

    With a timeout the function runs in a thread of its own. A thread cannot be killed: after a time-out it may go on
    in the background and still have effects; what it returns is dropped. ``os._exit`` and crashes of C code are not
    caught.
    """
    start = time.perf_counter()

    def finish(ok: bool, error: bool, text: str, value: Any = None, detail: str = "") -> Outcome:
        return Outcome(ok, error, _encodable(text), value, time.perf_counter() - start, _encodable(detail))

    def attempt() -> Outcome:
        try:
            text, value = render(tool.function(**values))
        except KeyboardInterrupt:
            raise
        except ToolError as problem:
            return finish(False, False, _message(problem) or "the tool reports an error")
        except BaseException as problem:
            return finish(False, True, _described(problem), detail=_traceback(problem))
        return finish(True, False, text, value)

    try:
        values = _read(tool, arguments)
    except InvalidInput as problem:
        return finish(False, True, problem.message)
    if tool.timeout is None:
        return attempt()
    outcome = _within(tool.timeout, attempt)
    return outcome or finish(False, True, f"timed out after {tool.timeout:g} seconds")


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


def _within(seconds: float, attempt: Callable[[], Outcome]) -> Outcome | None:
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


def _described(problem: BaseException) -> str:
    name, message = type(problem).__name__, _message(problem)
    return f"{name}: {message}" if message else name


def _traceback(problem: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(problem))
    except Exception as fault:  # notes and causes are the tool's own objects
        return f"no traceback: {type(fault).__name__}"


def _encodable(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)
