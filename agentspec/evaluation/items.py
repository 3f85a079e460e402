"""Items: tasks with what is expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from agentspec.content.tool_schema import ToolSchema


@dataclass(frozen=True)
class Item:
    """A task. ``expected`` is a text, a number, a list of texts any of which will do, or calls (`calls.Expected`).

    ``tools`` are those that the item brings; ``names`` has what the data calls them, by their names here. ``meta`` is
    what else the data says.
    """

    id: str
    task: str
    expected: Any
    tools: tuple[ToolSchema, ...] = ()
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    meta: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True)
class Call:
    """A call as it was made; ``name`` is what the data calls the tool."""

    name: str
    arguments: Mapping[str, Any] = field(hash=False)

    def to_json(self) -> dict[str, Any]:
        """Name and arguments."""
        return {"name": self.name, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class Said:
    """What is scored of a run: its answer, if it gave one, and the calls it completed, in order."""

    answer: str | None
    calls: tuple[Call, ...] = ()
