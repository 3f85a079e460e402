"""Are the calls of a run those that were expected? The rules are those of the Berkeley Function-Calling Leaderboard.

What is expected is a list of calls, each ``{name: {argument: [accepted value, …]}}``: the run must make just these, in
any order. An argument may be left out where ``""`` is among its accepted values, and must not be there where it is not
named. Numbers are equal by value, whether or not they have a point. Texts are compared without case, blanks and the
signs ``, . / - _ * ^``. Lists are compared item by item, objects member by member, each with a list of accepted values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from agentspec.content.json_text import same
from agentspec.errors import InvalidInput
from agentspec.evaluation.items import Call

Expected = Sequence[Mapping[str, Mapping[str, Sequence[Any]]]]
_IGNORED = re.compile(r"[\s,./\-_*^]")


def check_expected(expected: Any) -> None:
    """Raises InvalidInput where it is no list of calls with the accepted values of their arguments."""
    shape = "what is expected is a list of calls, each {name: {argument: [accepted value, …]}}"
    if not isinstance(expected, list):
        raise InvalidInput(shape)
    for call in expected:
        if not isinstance(call, dict) or len(call) != 1:
            raise InvalidInput(shape)
        arguments = next(iter(call.values()))
        if not isinstance(arguments, dict) or not all(isinstance(some, list) for some in arguments.values()):
            raise InvalidInput(shape)


def calls_match(made: Sequence[Call], expected: Expected) -> bool:
    """Whether the calls made are those expected, each once, in any order."""
    return len(made) == len(expected) and _matching(list(made), list(expected))


def _matching(made: list[Call], expected: list[Mapping[str, Mapping[str, Sequence[Any]]]]) -> bool:
    """A perfect matching by augmenting paths (Kuhn, 1955)."""
    fits = [[i for i, wanted in enumerate(expected) if call_fits(call, wanted)] for call in made]
    taken: dict[int, int] = {}

    def place(call: int, seen: set[int]) -> bool:
        for i in fits[call]:
            if i not in seen:
                seen.add(i)
                if i not in taken or place(taken[i], seen):
                    taken[i] = call
                    return True
        return False

    return all(place(call, set()) for call in range(len(made)))


def call_fits(call: Call, wanted: Mapping[str, Mapping[str, Sequence[Any]]]) -> bool:
    """Whether one call is the one wanted."""
    name, arguments = next(iter(wanted.items()))
    return call.name == name and _members_fit(call.arguments, arguments)


def _members_fit(values: Mapping[str, Any], accepted: Mapping[str, Sequence[Any]]) -> bool:
    if any(name not in accepted for name in values):
        return False
    return all(
        any(value_fits(values[name], one) for one in some) if name in values else "" in some
        for name, some in accepted.items()
    )


def value_fits(value: Any, accepted: Any) -> bool:
    """Whether a value is the same as one that is accepted."""
    if isinstance(accepted, str) or isinstance(value, str):
        return isinstance(accepted, str) and isinstance(value, str) and _plain(value) == _plain(accepted)
    if isinstance(accepted, list):
        return isinstance(value, list) and len(value) == len(accepted) and all(map(value_fits, value, accepted))
    if isinstance(accepted, dict):
        lists = {name: some if isinstance(some, list) else [some] for name, some in accepted.items()}
        return isinstance(value, dict) and _members_fit(value, lists)
    try:
        return same(value, accepted)
    except TypeError:
        return False


def _plain(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')
