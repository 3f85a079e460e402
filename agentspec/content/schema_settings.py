"""How a JSON Schema is to be taken: its bounds, the blanks between values, what happens to what cannot be enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentspec.content.numbers import DIGITS


@dataclass(frozen=True)
class Bounds:
    """What a schema that sets no bound of its own allows at most.

    ``max_extra``: members of an object whose names are not the schema's. ``depth``: how often a schema that contains
    itself is entered again. ``whitespace``: ``none``, or ``one-space`` behind every comma and colon.
    """

    max_chars: int = 200
    max_items: int = 8
    max_digits: int = DIGITS
    max_extra: int = 4
    depth: int = 3
    whitespace: Literal["none", "one-space"] = "none"

    @property
    def comma(self) -> str:
        return "," if self.whitespace == "none" else ", "

    @property
    def colon(self) -> str:
        return ":" if self.whitespace == "none" else ": "

    @property
    def separators(self) -> tuple[str, str]:
        """Comma and colon, as `json.dumps` takes them."""
        return self.comma, self.colon


@dataclass(frozen=True)
class JsonSchema:
    """A JSON Schema with its settings; ``lenient``: what cannot be enforced is left out and reported, else refused."""

    schema: Mapping[str, Any] | bool = field(hash=False)
    bounds: Bounds = Bounds()
    lenient: bool = False


def plain(schema: Mapping[str, Any] | bool | JsonSchema | None) -> Any:
    """The schema as it was written."""
    return schema.schema if isinstance(schema, JsonSchema) else schema


@dataclass(frozen=True, order=True)
class Unenforced:
    """A keyword that the texts do not keep to, by its JSON pointer, and why not."""

    pointer: str
    problem: str

    def __str__(self) -> str:
        return f"{self.pointer}: {self.problem}"
