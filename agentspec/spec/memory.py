"""What was written so far, as far as history rules ask for it: calls, results, and what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentspec.content.history import values_at
from agentspec.spec.history import Earlier


@dataclass(frozen=True)
class Memory:
    """``calls`` are the arguments of all calls by tool, ``results`` the whole results of ``ok`` calls, oldest first.

    ``said`` are the shown texts of users and ``ok`` observations by step, ``order`` their steps, the last one last.
    """

    calls: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    results: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    said: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    def called(self, tool: str, arguments: Any) -> Memory:
        """With one more call."""
        return replace(self, calls={**self.calls, tool: (*self.calls.get(tool, ()), arguments)})

    def answered(self, tool: str, value: Any) -> Memory:
        """With one more result of an ``ok`` call."""
        return replace(self, results={**self.results, tool: (*self.results.get(tool, ()), value)})

    def heard(self, step: str, text: str) -> Memory:
        """With one more text of a tool or user."""
        return replace(self, said={**self.said, step: (*self.said.get(step, ()), text)}, order=(*self.order, step))

    def values(self, of: Earlier) -> Sequence[Any]:
        """The values that a reference means, none where it is undefined."""
        some = (self.calls if of.arguments else self.results).get(of.tool, ())
        return [value for one in (some if of.every else some[-1:]) for value in values_at(one, of.path)]
