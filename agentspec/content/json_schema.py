"""JSON Schema (2020-12, and what older drafts wrote otherwise) to constraints: JSON on one line, everything bounded.

The texts of the constraint are valid under the schema, each of them; not every valid value has one. Strings, lists,
numbers, further members of objects and recursion have `Bounds` where the schema sets none. A keyword that cannot be
enforced exactly is refused by its JSON pointer or, for a lenient `JsonSchema`, left out and reported; then the texts
need to be validated (`schema_validation`).

A decoded value has one text, but for numbers, whose final zeros (``1``, ``1.0``) and zero's sign are free. Objects have
their members in the order of the schema, and others only where the schema says so explicitly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentspec import limits
from agentspec.content.constraint import Constraint, Literal, either
from agentspec.content.schema_arrays import Arrays
from agentspec.content.schema_document import KINDS, Document
from agentspec.content.schema_goal import Goal, Leaf, Way
from agentspec.content.schema_logic import Logic
from agentspec.content.schema_objects import Objects
from agentspec.content.schema_scalars import Scalars
from agentspec.content.schema_settings import Bounds, JsonSchema, Unenforced
from agentspec.content.schema_shapes import Plain, Shape, Texts, Union
from agentspec.errors import InvalidInput, TooLarge

Schema = Mapping[str, Any] | bool | JsonSchema
"""A schema as it is (then it is strict, and bounded as usual), or one with its settings."""


@dataclass(frozen=True)
class Lowered:
    """What a schema came to: its values, what gives their texts, and the keywords that they need not keep to."""

    union: Union
    texts: Texts
    unenforced: tuple[Unenforced, ...]

    @property
    def constraint(self) -> Constraint:
        return self.texts.of(self.union)


def from_schema(schema: Schema, *, what: str = "schema") -> Constraint:
    """The constraint of the JSON texts valid under ``schema``, within its bounds. Raises as `lowered`."""
    return lowered(schema, what=what).constraint


def lowered(schema: Schema, *, what: str = "schema") -> Lowered:
    """The values of a schema and their texts.

    Raises InvalidInput naming ``what`` and the JSON pointer of what is malformed, cannot be satisfied or, unless the
    schema is lenient, cannot be enforced; TooLarge where it takes too much.
    """
    given = schema if isinstance(schema, JsonSchema) else JsonSchema(schema)
    try:
        return _Lowering(given, what).lowered()
    except RecursionError:
        raise TooLarge(f"{what}: #: the schema nests too deeply") from None


class _Lowering:
    def __init__(self, given: JsonSchema, what: str) -> None:
        self.given = given
        self.document = Document(given.schema, what)
        bounds = given.bounds
        self.logic = Logic(self.document, bounds.depth, self._impossible)
        self.texts = Texts(bounds)
        self.scalars = Scalars(self.logic, bounds.max_chars, bounds.max_digits, self._note)
        self.arrays = Arrays(self.logic, bounds, self.texts, self._below, self._note)
        self.objects = Objects(self.logic, bounds, self.scalars, self._below, self._note)
        self._unions: dict[tuple[frozenset[tuple[int, int, bool]], int, bool, int], tuple[list[Goal], Union]] = {}
        self._free = 0
        self._notes: list[str] = []

    def lowered(self) -> Lowered:
        union = self._union([Goal(self.given.schema, "#", self.given.bounds.depth)], 0)
        found = tuple(sorted(self.logic.unenforced.values()))
        if found and not self.given.lenient:
            more = f" ({len(found) - 1} more: {', '.join(o.pointer for o in found[1:6])})" if len(found) > 1 else ""
            raise InvalidInput(f"{self.document.what}: {found[0]}{more}")
        if not union:
            self._raise_empty()
        return Lowered(union, self.texts, found)

    def _raise_empty(self) -> None:
        if self._notes:
            raise InvalidInput(f"{self.document.what}: {self._notes[0]}")
        if self.logic.exhausted:
            raise self.document.refuse(
                self.logic.exhausted[0],
                f"the recursion has no way out within {self.given.bounds.depth} levels: no value satisfies the schema",
            )
        raise self.document.refuse("#", "no value satisfies the schema")

    def _note(self, pointer: str, problem: str) -> None:
        if not self.logic.loose:
            self._notes.append(f"{pointer}: {problem}")

    def _below(self, goals: list[Goal], depth: int) -> Union:
        return self._union(goals, depth + 1)

    def _union(self, goals: list[Goal], depth: int) -> Union:
        """The values that satisfy all goals. Without any there are plain values and, to the depth, lists."""
        goals = [goal for goal in goals if not (goal.holds and (goal.schema is True or goal.schema == {}))]
        free = 0 if goals else self._free + 1
        key = frozenset(goal.key for goal in goals), depth, self.logic.loose, free
        if key not in self._unions:
            pointer = goals[0].pointer if goals else "#"
            if depth > limits.SCHEMA_DEPTH:
                if any(goal.left < self.given.bounds.depth for goal in goals):
                    self.logic.exhausted.append(pointer)
                    return ()
                raise TooLarge(f"{self.document.what}: {pointer}: nested deeper than {limits.SCHEMA_DEPTH}")
            self.logic.spend(1, pointer)
            before = self._free, self.logic.open
            self._free, self.logic.open = free, []
            kinds = KINDS if free <= self.given.bounds.depth else KINDS[:4]
            union = tuple(shape for kind in kinds for shape in self._kind(goals, kind, depth))
            self._free, self.logic.open = before
            self._unions[key] = goals, union
        return self._unions[key][1]

    def _kind(self, goals: list[Goal], kind: str, depth: int) -> list[Shape]:
        shapes = (self._shape(kind, way, depth) for way in self.logic.ways(goals, kind))
        return [shape for shape in shapes if shape is not None]

    def _shape(self, kind: str, way: Way, depth: int) -> Shape | None:
        leaves = list(way)
        self.logic.spend(len(leaves), leaves[0].goal.pointer if leaves else "#")
        match kind:
            case "number" | "string":
                return self.scalars.of(kind, leaves)
            case "array":
                return self.arrays.array(leaves, depth)
            case "object":
                return self.objects.object(leaves, depth)
            case "null":
                return Plain("null", Literal("null"), (None,))
        return _boolean(leaves)

    def _impossible(self, goals: list[Goal], kind: str) -> bool:
        """Whether surely no value of a kind satisfies all goals."""
        before, self.logic.loose = self.logic.loose, True
        opened, self.logic.open = self.logic.open, []
        try:
            return not self._kind(goals, kind, 0)
        except (TooLarge, RecursionError):
            return False
        finally:
            self.logic.loose, self.logic.open = before, opened


def _boolean(leaves: list[Leaf]) -> Plain | None:
    values = [value for value in (True, False) if all((value in leaf.value) == leaf.holds for leaf in leaves)]
    if not values:
        return None
    return Plain("boolean", either([Literal("true" if value else "false") for value in values]), tuple(values))


__all__ = ["Bounds", "JsonSchema", "Lowered", "Schema", "Unenforced", "from_schema", "lowered"]
