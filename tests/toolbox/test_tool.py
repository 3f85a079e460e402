"""Calling: every fault inside a tool is an outcome."""

import asyncio
import contextvars
import sys
import threading
import time
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator

from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, ToolError
from agentspec.toolbox.tool import DEFAULT_TIMEOUT, Outcome, Tool, call, tool, tool_from_function

NOTHING = ToolSchema("t", "Do it.", {"additionalProperties": False, "properties": {}, "required": [], "type": "object"})
TIMEOUTS = [None, 20.0]  # in this thread and in one of its own


def outcome_of(function: Callable[[], Any], timeout: float | None = None) -> Outcome:
    outcome = call(Tool(NOTHING, function, timeout), {})
    check_laws(outcome)
    return outcome


def check_laws(outcome: Outcome) -> None:
    assert not (outcome.ok and outcome.error)
    assert outcome.seconds >= 0
    assert outcome.ok or outcome.value is None
    assert type(outcome.text) is str
    outcome.text.encode("utf-8")
    outcome.detail.encode("utf-8")


def raising(problem: BaseException) -> Callable[[], Any]:
    def fail() -> Any:
        raise problem

    return fail


class UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Shy:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class Hostile(dict[str, int]):
    def items(self) -> Any:
        raise SystemExit(3)


class Liar:
    @property
    def __class__(self) -> Any:
        raise ValueError("who asks?")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


class Loud(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no text")


RENDERED = [
    ("plain", "plain", "plain"),
    ("", "", ""),
    ("{\n", "{\n", "{\n"),
    (Loud("quiet"), "quiet", "quiet"),
    (None, "null", None),
    (True, "true", True),
    (7, "7", 7),
    (4.0, "4.0", 4.0),
    (0.1, "0.1", 0.1),
    ((1, "é"), '[1,"é"]', [1, "é"]),
    ({"b": 1, "a": [None]}, '{"b":1,"a":[null]}', {"b": 1, "a": [None]}),
    ("a\ud800b", "a\ufffdb", "a\ufffdb"),
    (["\udfff"], '["\ufffd"]', ["\ufffd"]),
]


@pytest.mark.parametrize("timeout", TIMEOUTS)
@pytest.mark.parametrize(("result", "text", "value"), RENDERED)
def test_results(result: Any, text: str, value: Any, timeout: float | None) -> None:
    outcome = outcome_of(lambda: result, timeout)
    assert (outcome.ok, outcome.text, outcome.value) == (True, text, value)
    assert type(outcome.value) is type(value)


def endless() -> Any:
    loop: list[Any] = []
    loop.append(loop)
    return loop


def deep() -> Any:
    nest: list[Any] = []
    for _ in range(100_000):
        nest = [nest]
    return nest


def recursing() -> Any:
    return recursing()


FAULTS = [
    (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
    (raising(KeyError("k")), "KeyError: 'k'"),
    (raising(ValueError()), "ValueError"),
    (raising(ValueError("a\ud800")), "ValueError: a\ufffd"),
    (raising(UnprintableError()), "UnprintableError"),
    (raising(InvalidInput("mine")), "InvalidInput: mine"),
    (raising(TimeoutError("slow")), "TimeoutError: slow"),
    (lambda: sys.exit(3), "SystemExit: 3"),
    (raising(GeneratorExit()), "GeneratorExit"),
    (recursing, "RecursionError: maximum recursion depth exceeded"),
    (lambda: b"bytes", "TypeError: Object of type bytes is not JSON serializable"),
    (Shy, "TypeError: Object of type Shy is not JSON serializable"),
    (lambda: Hostile(a=1), "SystemExit: 3"),
    (Liar, "ValueError: who asks?"),
    (lambda: float("nan"), "ValueError: Out of range float values are not JSON compliant"),
    (lambda: [float("inf")], "ValueError: Out of range float values are not JSON compliant"),
    (lambda: 10**5000, "ValueError: "),
    (endless, "ValueError: "),
    (deep, "ValueError: the result is nested too deeply"),
    (lambda: {(1, 2): 3}, "TypeError: "),
]


@pytest.mark.parametrize("timeout", TIMEOUTS)
@pytest.mark.parametrize(("function", "text"), FAULTS)
def test_faults(function: Callable[[], Any], text: str, timeout: float | None) -> None:
    outcome = outcome_of(function, timeout)
    assert (outcome.ok, outcome.error) == (False, True)
    assert outcome.text.startswith(text)
    assert "Traceback" not in outcome.text
    assert outcome.detail.startswith("Traceback")


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_declared_error(timeout: float | None) -> None:
    outcome = outcome_of(raising(ToolError("no such account \ud800")), timeout)
    assert (outcome.ok, outcome.error, outcome.text) == (False, False, "no such account \ufffd")
    assert outcome_of(raising(ToolError(""))).text == "the tool reports an error"


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_interrupt_passes(timeout: float | None) -> None:
    with pytest.raises(KeyboardInterrupt):
        outcome_of(raising(KeyboardInterrupt()), timeout)


def test_time_out() -> None:
    gate, ended = threading.Event(), threading.Event()

    def slow() -> str:
        gate.wait(10)
        ended.set()
        return "late"

    start = time.perf_counter()
    outcome = outcome_of(slow, timeout=0.05)
    assert time.perf_counter() - start < 5
    assert (outcome.ok, outcome.error, outcome.text) == (False, True, "timed out after 0.05 seconds")
    assert outcome.seconds >= 0.05
    gate.set()  # as documented, the function goes on
    assert ended.wait(10)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300])
def test_unusable_timeouts(timeout: float) -> None:
    with pytest.raises(InvalidInput, match="tool 't': a timeout"):
        Tool(NOTHING, lambda: "", timeout)


def add(first: int, second: list[int] | None = None) -> int:
    """Add up.

    Args:
        first: a number
        second: more numbers
    """
    return first + sum(second or [])


BAD_ARGUMENTS = [
    ({}, "missing argument 'first'"),
    ({"frist": 1}, "unknown argument 'frist'; did you mean 'first'?"),
    ({"first": "1"}, "invalid argument 'first': Input should be a valid integer"),
    ({"first": True}, "invalid argument 'first': Input should be a valid integer"),
    ({"first": 1, "second": [2, "x"]}, "invalid argument 'second': [1] Input should be a valid integer"),
    ({"first": float("nan")}, "invalid argument 'first': "),
    ({"first": b"1"}, "invalid argument 'first': Object of type bytes is not JSON serializable"),
    ({"first": "\ud800"}, "invalid argument 'first': "),
    ({"first": deep()}, "invalid argument 'first': "),
    ({"first": 10**5000}, "invalid argument 'first': "),
    ({"first": 1, 2: 3}, "unknown argument 2; valid: first, second"),
]


@pytest.mark.parametrize(("arguments", "text"), BAD_ARGUMENTS)
def test_bad_arguments(arguments: dict[str, Any], text: str) -> None:
    outcome = call(tool_from_function(add), arguments)
    check_laws(outcome)
    assert (outcome.ok, outcome.error) == (False, True)
    assert outcome.text.startswith(text)


def test_the_parts_of_a_union_are_named() -> None:
    def show(x: int | list[bool] | None) -> str:
        """Show it.

        Args:
            x: a thing
        """
        return repr(x)

    text = "invalid argument 'x': Input should be a valid integer, or [0] Input should be a valid boolean"
    assert call(tool_from_function(show), {"x": [1]}).text == text
    assert call(tool_from_function(show), {}).text == "missing argument 'x'"


def test_a_validator_of_its_own_may_fail() -> None:
    def leave(value: str) -> str:
        raise SystemExit(value)

    def show(x: Annotated[str, AfterValidator(leave)]) -> str:
        """Show it.

        Args:
            x: a thing
        """
        return x

    assert call(tool_from_function(show), {"x": "gone"}).text == "invalid argument 'x': gone"


def test_good_arguments() -> None:
    assert call(tool_from_function(add), {"first": 1}).value == 1
    assert call(tool_from_function(add), {"first": 1, "second": [2, 3]}).text == "6"


def test_the_value_is_a_copy() -> None:
    shared = {"total": 1}
    outcome = outcome_of(lambda: shared)
    shared["total"] = 2
    assert outcome.value == {"total": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_result_gives_an_outcome(result: Any) -> None:
    outcome = outcome_of(lambda: result)
    again = outcome_of(lambda: result)
    assert (outcome.ok, outcome.text, outcome.value) == (again.ok, again.text, again.value)


@given(st.dictionaries(st.sampled_from(["first", "second", "third"]), json_values))
def test_any_arguments_give_an_outcome(arguments: dict[str, Any]) -> None:
    check_laws(call(Tool(tool_from_function(add).schema, add, None, tool_from_function(add).readers), arguments))


# ------------------------------------------------------------------------------------------------------ async


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_async_functions(timeout: float | None) -> None:
    async def answer() -> list[int]:
        await asyncio.sleep(0)
        return [1]

    async def fail() -> str:
        raise KeyError("k")

    async def refuse() -> str:
        raise ToolError("no")

    async def cancelled() -> str:
        raise asyncio.CancelledError

    async def leave() -> str:
        sys.exit(3)

    assert outcome_of(answer, timeout).text == "[1]"
    assert outcome_of(fail, timeout).text == "KeyError: 'k'"
    refused = outcome_of(refuse, timeout)
    assert (refused.ok, refused.error, refused.text) == (False, False, "no")
    assert outcome_of(cancelled, timeout).text.startswith("CancelledError")
    assert outcome_of(leave, timeout).text == "SystemExit: 3"


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_async_functions_inside_a_running_loop(timeout: float | None) -> None:
    told = contextvars.ContextVar("told", default="")

    async def answer() -> str:
        await asyncio.sleep(0)
        return told.get()

    async def main() -> Outcome:
        told.set("yes")
        return outcome_of(answer, timeout)

    assert asyncio.run(main()).text == "yes"


def test_an_async_function_is_cancelled_after_its_time() -> None:
    ended = threading.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    outcome = outcome_of(slow, timeout=0.05)
    assert (outcome.ok, outcome.error, outcome.text) == (False, True, "timed out after 0.05 seconds")
    assert ended.wait(10)


def test_async_tools_have_schemas() -> None:
    async def fetch(x: int) -> int:
        """Fetch it.

        Args:
            x: a number
        """
        return x

    made = tool_from_function(fetch)
    assert made.schema.description == "Fetch it."
    assert call(made, {"x": 3}).value == 3
    assert call(made, {"x": "3"}).text.startswith("invalid argument 'x'")


# -------------------------------------------------------------------------------------------------- decorator


def documented() -> str:
    """Do it."""
    return "done"


def test_the_decorator_leaves_the_function() -> None:
    def plain() -> str:
        """Do it."""
        return "done"

    assert tool(plain) is plain
    assert plain() == "done"
    assert tool(name="other-name", timeout=2.0)(plain) is plain
    made = tool_from_function(plain)
    assert (made.schema.name, made.timeout) == ("other-name", 2.0)
    assert (tool_from_function(plain, name="x").schema.name, tool_from_function(plain, timeout=None).timeout) == (
        "x",
        None,
    )
    assert tool_from_function(tool(timeout=None)(plain)).timeout is None
    assert tool_from_function(tool(timeout=None)(plain)).schema.name == "plain"
    assert (tool_from_function(documented).timeout, tool_from_function(documented).schema.name) == (
        DEFAULT_TIMEOUT,
        "documented",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "two words"}, r"@tool\(name='two words'\): a letter, then"),
        ({"name": "_private"}, "a letter, then"),
        ({"name": ""}, "a letter, then"),
        ({"timeout": 0}, "tool 'documented': a timeout is more than 0 seconds, not 0"),
        ({"timeout": float("nan")}, "a timeout is more than 0"),
    ],
)
def test_options_that_no_tool_can_have(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        tool(**options)(documented)
    assert tool_from_function(documented).timeout == DEFAULT_TIMEOUT


@pytest.mark.parametrize("thing", [int, 3, len, "f"])
def test_the_decorator_wants_a_function(thing: Any) -> None:
    with pytest.raises(InvalidInput, match="@tool stands above a def"):
        tool(thing)
