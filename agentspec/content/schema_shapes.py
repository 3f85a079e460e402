"""The values of a JSON Schema as a union of shapes, and their texts.

A union has shapes of scalars, lists and objects; objects keep their members apart, so that conditions on them (`where`)
can be met with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentspec.content.constraint import NO_TEXT, Choice, Constraint, Literal, Sequence, either
from agentspec.content.schema_settings import Bounds


@dataclass(frozen=True, eq=False)
class Plain:
    """Scalars or lists by their texts. ``kind`` is a JSON type, ``integer`` too; ``values``: all, where known."""

    kind: str
    texts: Constraint
    values: tuple[Any, ...] | None = None


@dataclass(frozen=True, eq=False)
class Member:
    """A member: its name where it is one (else ``key`` holds several), the key in quotes, its values."""

    name: str | None
    key: Constraint
    union: Union
    required: bool = False


@dataclass(frozen=True, eq=False)
class Object:
    """Members in this order, then up to ``most_extra`` of the extra ones; from ``low`` to ``high`` in all."""

    members: tuple[Member, ...]
    extra: tuple[Member, ...] = ()
    low: int = 0
    high: int | None = None
    most_extra: int = 0


Shape = Plain | Object
Union = tuple[Shape, ...]


class Texts:
    """The constraints of unions; one union has one constraint."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._known: dict[int, tuple[Union, Constraint]] = {}

    def of(self, union: Union) -> Constraint:
        """The texts of a union's values; `NO_TEXT` where it is empty."""
        if id(union) not in self._known:
            self._known[id(union)] = union, either(map(self.shape, union))
        return self._known[id(union)][1]

    def shape(self, shape: Shape) -> Constraint:
        """The texts of one shape."""
        return shape.texts if isinstance(shape, Plain) else self.object(shape, lambda member: self.of(member.union))

    def object(self, shape: Object, values: Callable[[Member], Constraint]) -> Constraint:
        """The texts of an object, the values of each member given."""

        def pair(member: Member) -> Constraint:
            body = values(member)
            return NO_TEXT if body == NO_TEXT else Sequence((member.key, Literal(self.bounds.colon), body))

        named = [(pair(member), member.required) for member in shape.members]
        extra = [(pair(member), False) for member in shape.extra]
        some = min(shape.high, len(named)) if shape.high is not None else max(shape.low, 1)
        first = self._joined(named, some, is_open=shape.high is None)
        second = self._joined(extra, min(shape.most_extra, len(extra)), is_open=False)
        ways = [
            Sequence((Literal("{"), *self._both(a, b), Literal("}")))
            for i, a in enumerate(first)
            for j, b in enumerate(second)
            if i + j >= shape.low and (shape.high is None or i + j <= shape.high) and NO_TEXT not in (a, b)
        ]
        return either(ways)

    def _both(self, one: Constraint, other: Constraint) -> tuple[Constraint, ...]:
        if _NONE in (one, other):
            return (one, other)
        return (one, Literal(self.bounds.comma), other)

    def _joined(self, pairs: list[tuple[Constraint, bool]], most: int, *, is_open: bool) -> list[Constraint]:
        """By their number, the ways to write some pairs in order; with ``is_open`` the last is for more, too.

        Built from halves, so that nothing nests deeply.
        """
        if not pairs:
            return [_NONE, *[NO_TEXT] * most] if is_open else [_NONE]
        if len(pairs) == 1:
            pair, required = pairs[0]
            return [NO_TEXT if required else _NONE, *([pair] if most else []), *([NO_TEXT] * (most - 1))]
        half = len(pairs) // 2
        left = self._joined(pairs[:half], most, is_open=is_open)
        right = self._joined(pairs[half:], most, is_open=is_open)
        return [self._sum(left, right, k, is_open=is_open and k == most) for k in range(most + 1)]

    def _sum(self, left: list[Constraint], right: list[Constraint], number: int, *, is_open: bool) -> Constraint:
        """``number`` pairs (or more) of two halves; what begins alike stands once, lest its continuations multiply."""
        ways: list[Constraint] = []
        for i, first in enumerate(left):
            some = [b for j, b in enumerate(right) if i + j == number or (is_open and i + j > number)]
            some = [b for b in some if b != NO_TEXT]
            if first == NO_TEXT or not some:
                continue
            if first == _NONE:
                ways += some
                continue
            behind = [_NONE if b == _NONE else Sequence((Literal(self.bounds.comma), b)) for b in some]
            rest = behind[0] if len(behind) == 1 else Choice(tuple(behind))
            ways.append(first if rest == _NONE else Sequence((first, rest)))
        return ways[0] if len(ways) == 1 else Choice(tuple(ways)) if ways else NO_TEXT


_NONE = Literal("")
