"""Conditions on arguments, such as ``{amount: {exclusiveMinimum: 100}}``: the texts that satisfy one.

A condition implies presence and kind: every property it names is there, and a keyword holds only for values of its kind
(``minimum`` for numbers, ``pattern`` for strings, ``properties`` for objects), unlike in JSON Schema. All keywords of a
property must hold; ``{}`` asks for presence alone. Values are compared once decoded: numbers as decimals (``1`` is
``1.0``), strings character by character.

What does not satisfy a condition is built from the schema too: one of the named properties is absent or, if the ones
before it hold, has a value beside the condition. So complements stand at single values, where they stay small; a
complement of whole objects is the same set, and more than a matcher can bear.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    ANY,
    NO_TEXT,
    And,
    Characters,
    Constraint,
    Literal,
    Not,
    Sequence,
    either,
    encoded,
)
from agentspec.content.json_schema import Schema, lowered
from agentspec.content.json_text import ESCAPES, compact, kind_of
from agentspec.content.language import Language
from agentspec.content.numbers import compared, decimal_of, multiple_of, whole_valued
from agentspec.content.regex import parse_regex
from agentspec.content.schema_document import escaped
from agentspec.content.schema_scalars import COMPARISONS, quoted
from agentspec.content.schema_shapes import Member, Object, Plain, Shape, Texts, Union
from agentspec.errors import InvalidInput, TooLarge, nearest

KINDS = ["string", "integer", "number", "boolean", "null", "array", "object"]
_NUMERIC = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_TEXTUAL = {"minLength", "maxLength", "pattern"}
_KEYWORDS = ["const", "enum", "type", *sorted(_NUMERIC), *sorted(_TEXTUAL), "properties"]
_ALL_ESCAPES = {
    character: compact(character)[1:-1]
    for character in map(chr, [*range(0x20), 0x22, 0x5C, *range(0x7F, 0xA0), 0x2028, 0x2029])
}

TEXTS: Any = object()
"""In a condition made by us: the texts that values may have, by their kind; no value of another kind satisfies it."""

_Asked = tuple[Mapping[str, Any], bool]
"""A condition, and whether it is to hold."""

_Way = tuple[dict[str, list[_Asked]], frozenset[str]]
"""What is asked of each property if it is there, and which ones are."""


def valuation(parameters: Schema, conditions: Iterable[tuple[Mapping[str, Any], bool]], *, what: str) -> Constraint:
    """The texts, among those of ``from_schema(parameters)``, of objects that satisfy each condition that comes with
    True and none that comes with False; ``NO_TEXT`` itself where there are none.

    A condition gives one for each property it names: ``const``, ``enum`` (of scalars), ``type``, ``minimum``,
    ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``multipleOf``, ``pattern``, ``minLength``, ``maxLength``
    and ``properties``, which nests. Raises InvalidInput naming ``what`` and the JSON pointer for a property that the
    schema does not know, and for a keyword or value that cannot be decided; TooLarge where it takes too many states
    to decide, or the conditions that must not hold name too many properties.
    """
    refining = _Refining(what)
    known = lowered(parameters, what=what)
    asked: list[_Asked] = []
    for condition, wanted in conditions:
        whole = {"properties": condition}
        refining.check([known.union], whole, "#")
        asked.append((whole, wanted))
    return refining.union(known.texts, known.union, asked)


class Condition:
    """A condition alone, decided on decoded values without any schema; ``what`` names it in messages.

    Raises InvalidInput, with the JSON pointer, where it is no condition.
    """

    def __init__(self, condition: Mapping[str, Any], *, what: str) -> None:
        self._refining = _Refining(what)
        self._condition = {"properties": condition}
        self._refining.check(None, self._condition, "#")

    def holds(self, value: Any) -> bool:
        """Whether a JSON value satisfies the condition; one that cannot be written as JSON does not."""
        try:
            return self._refining.holds(value, self._condition)
        except (ValueError, TypeError, RecursionError):
            return False


class _Refining:
    def __init__(self, what: str) -> None:
        self.what = what
        self._decided: dict[tuple[int, str], tuple[Mapping[str, Any], list[Language] | None]] = {}

    # The condition alone --------------------------------------------------------------------------------------------

    def check(self, unions: list[Union] | None, condition: Any, pointer: str) -> None:
        """Raises InvalidInput unless the condition is one, and the unions (if any) know every property it names."""
        if not isinstance(condition, Mapping):
            raise self.refuse(pointer, "a condition is an object, such as {const: 1} or {minimum: 10}")
        for keyword in condition:
            if keyword not in _KEYWORDS and keyword is not TEXTS:
                raise self.refuse(pointer, f"'{keyword}' is no condition{nearest(str(keyword), _KEYWORDS)}")
        for kind in KINDS[:3]:
            self.leaf(kind, condition, pointer, ESCAPES)
        self.types(condition, pointer)
        wanted = condition.get("properties", {})
        if not isinstance(wanted, Mapping):
            raise self.refuse(f"{pointer}/properties", "gives a condition for each property")
        members: dict[str, list[Union]] = {}
        for union in unions or []:
            for name, values in _members(union):
                members.setdefault(name, []).append(values)
        for name, inner in wanted.items():
            if unions is None:
                self.check(None, inner, self.inner(pointer, name))
                continue
            if name not in members:
                hint = nearest(str(name), list(members)) if members else "; it has none"
                place = pointer if pointer == "#" else f"{pointer}/properties"
                raise self.refuse(place, f"there is no property {name!r}{hint}")
            self.check(members[name], inner, self.inner(pointer, name))

    def types(self, condition: Mapping[str, Any], pointer: str) -> list[str]:
        if "type" not in condition:
            return KINDS
        named = condition["type"]
        names = named if isinstance(named, list) else [named]
        if not names or any(name not in KINDS for name in names):
            raise self.refuse(f"{pointer}/type", f"needs one or more of {', '.join(KINDS)}")
        return names

    def values(self, condition: Mapping[str, Any], pointer: str) -> Iterable[tuple[str, list[Any]]]:
        """What ``const`` and ``enum`` list. Raises InvalidInput unless it is scalars."""
        for keyword in ("const", "enum"):
            if keyword in condition:
                values = [condition["const"]] if keyword == "const" else condition["enum"]
                if not isinstance(values, list):
                    raise self.refuse(f"{pointer}/{keyword}", "needs a list")
                for value in values:
                    finite = not isinstance(value, float) or decimal_of(value) is not None
                    if not isinstance(value, str | int | float | None) or not finite:
                        raise self.refuse(f"{pointer}/{keyword}", f"{value!r} is no string, number, boolean or null")
                yield keyword, values

    def refuse(self, pointer: str, problem: str) -> InvalidInput:
        return InvalidInput(f"{self.what}: {pointer}: {problem}")

    def inner(self, pointer: str, name: str) -> str:
        return f"{pointer}/{escaped(name)}" if pointer == "#" else f"{pointer}/properties/{escaped(name)}"

    def leaf(
        self, kind: str, condition: Mapping[str, Any], pointer: str, escapes: Mapping[str, str]
    ) -> list[Constraint] | None:
        """What a scalar or array of this kind must satisfy, each by itself; None where none of the kind does."""
        found: list[Constraint] = []
        for keyword, values in self.values(condition, pointer):
            try:
                found.append(either([self.equal(value) for value in values if kind_of(value) == _broad(kind)]))
            except (InvalidInput, ValueError) as problem:
                raise self.refuse(f"{pointer}/{keyword}", str(problem)) from None
        types = self.types(condition, pointer)
        if _broad(kind) == "number":
            found += self.comparisons(condition, pointer)
            if "number" not in types:
                found.append(whole_valued() if "integer" in types else NO_TEXT)
        if kind == "string":
            most = self.count(condition, "maxLength", pointer) if "maxLength" in condition else None
            least = self.count(condition, "minLength", pointer) if "minLength" in condition else 0
            if "minLength" in condition or most is not None:
                some = encoded(Characters(ANY, least, most), escapes) if most is None or least <= most else NO_TEXT
                found.append(Sequence((Literal('"'), some, Literal('"'))))
            if "pattern" in condition:
                found.append(self.pattern(condition["pattern"], pointer, escapes))
        if TEXTS in condition:
            texts: Constraint | None = condition[TEXTS].get(_broad(kind))
            if texts is None:
                return None
            found.append(texts)
        for keywords, broad in ((_NUMERIC, "number"), (_TEXTUAL, "string"), ({"properties"}, "object")):
            if broad != _broad(kind) and not keywords.isdisjoint(condition):
                return None
        return None if NO_TEXT in found or not {kind, _broad(kind)} & {*types, *map(_broad, types)} else found

    def comparisons(self, condition: Mapping[str, Any], pointer: str) -> list[Constraint]:
        """What the keywords for numbers ask, each over numbers of any length."""
        found: list[Constraint] = []
        for keyword in (*COMPARISONS, "multipleOf"):
            if keyword in condition:
                bound = decimal_of(condition[keyword])
                if bound is None:
                    raise self.refuse(f"{pointer}/{keyword}", "needs a number")
                try:
                    found.append(
                        multiple_of(bound) if keyword == "multipleOf" else compared(COMPARISONS[keyword], bound)
                    )
                except InvalidInput as problem:
                    raise self.refuse(f"{pointer}/{keyword}", problem.message) from None
        return found

    def count(self, condition: Mapping[str, Any], keyword: str, pointer: str) -> int:
        value = condition[keyword]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= limits.SCHEMA_BOUND:
            raise self.refuse(f"{pointer}/{keyword}", f"needs a whole number from 0 to {limits.SCHEMA_BOUND}")
        return value

    def pattern(self, pattern: Any, pointer: str, escapes: Mapping[str, str]) -> Constraint:
        """The texts, in quotes, of strings in which the pattern is found."""
        if not isinstance(pattern, str):
            raise self.refuse(f"{pointer}/pattern", "needs a regular expression as a string")
        return quoted(parse_regex(pattern, source=f"{self.what}: {pointer}/pattern").search(), escapes)

    def equal(self, value: Any) -> Constraint:
        exact = decimal_of(value)
        return Literal(compact(value)) if exact is None else compared("=", exact)

    # Conditions within a schema ------------------------------------------------------------------------------------

    def union(self, texts: Texts, union: Union, asked: list[_Asked]) -> Constraint:
        """The texts of the values that satisfy what is asked."""
        if not asked:
            return texts.of(union)
        return either([self.shape(texts, shape, asked) for shape in union])

    def shape(self, texts: Texts, shape: Shape, asked: list[_Asked]) -> Constraint:
        if isinstance(shape, Plain) and shape.values is not None:
            fitting = [
                v for v in shape.values if all(self.holds(v, condition) == wanted for condition, wanted in asked)
            ]
            return either([Literal(compact(value)) for value in fitting])
        parts: list[Constraint] = []
        members: list[_Asked] = []
        for condition, wanted in asked:
            alone = {keyword: value for keyword, value in condition.items() if keyword != "properties"}
            nested = isinstance(shape, Object) and "properties" in condition
            kind = "object" if isinstance(shape, Object) else shape.kind
            found = self.leaf(kind, alone if nested else condition, "#", ESCAPES)
            if found is None:
                parts += [NO_TEXT] if wanted else []
            elif nested:
                members.append((condition["properties"], wanted))
            elif wanted:
                parts += found
            else:
                parts.append(either(map(Not, found)))
        if NO_TEXT in parts:
            return NO_TEXT
        if isinstance(shape, Object) and members:
            return self.object(texts, shape, members)
        both = And((texts.shape(shape), *parts))
        if not parts:
            return both.parts[0]
        return NO_TEXT if Language(both).is_empty(what=self.what) else both

    def object(self, texts: Texts, shape: Object, asked: list[_Asked]) -> Constraint:
        ways: list[_Way] = [({}, frozenset())]
        for condition, wanted in asked:
            splits = [_all_hold(condition)] if wanted else _one_fails(condition)
            ways = [_both(way, split) for way in ways for split in splits]
            if len(ways) > (most := limits.WHERE_WAYS):
                raise TooLarge(f"{self.what}: more than {most} ways in which the conditions may fail together")
        return either([self.members(texts, shape, way) for way in ways])

    def members(self, texts: Texts, shape: Object, way: _Way) -> Constraint:
        """Objects whose members satisfy what is asked of each; those in ``present`` are there."""
        asked, present = way
        if not present <= {member.name for member in shape.members}:
            return NO_TEXT
        bodies = {id(one): self.union(texts, one.union, asked.get(str(one.name), [])) for one in shape.members}
        members: list[Member] = []
        for one in shape.members:
            required = one.required or one.name in present
            if bodies[id(one)] != NO_TEXT:
                members.append(replace(one, required=required))
                bodies[id(members[-1])] = bodies[id(one)]
            elif required:
                return NO_TEXT
        return texts.object(
            replace(shape, members=tuple(members)), lambda one: bodies.get(id(one)) or texts.of(one.union)
        )

    def holds(self, value: Any, condition: Mapping[str, Any]) -> bool:
        """Whether one value satisfies the condition."""
        kind = kind_of(value)
        nested = kind == "object" and "properties" in condition
        key = (id(condition), kind)
        if key not in self._decided:
            alone = {keyword: wanted for keyword, wanted in condition.items() if keyword != "properties" or not nested}
            asked = self.leaf(kind, alone, "#", _ALL_ESCAPES)
            self._decided[key] = condition, None if asked is None else [Language(part) for part in asked]
        tests = self._decided[key][1]
        if tests is None:
            return False
        text = compact(value) if tests else ""
        if not all(test.accepts(text) for test in tests):
            return False
        inner = condition["properties"].items() if nested else ()
        return all(name in value and self.holds(value[name], one) for name, one in inner)


def _all_hold(condition: Mapping[str, Any]) -> _Way:
    return {name: [(inner, True)] for name, inner in condition.items()}, frozenset(condition)


def _one_fails(condition: Mapping[str, Any]) -> list[_Way]:
    """By the first property that is absent or fails; those before it hold."""
    ways: list[_Way] = []
    names = list(condition)
    for i, name in enumerate(names):
        before, present = _all_hold({other: condition[other] for other in names[:i]})
        ways.append(({**before, name: [(condition[name], False)]}, present))
    return ways


def _both(one: _Way, other: _Way) -> _Way:
    names = dict.fromkeys([*one[0], *other[0]])
    return {name: [*one[0].get(name, []), *other[0].get(name, [])] for name in names}, one[1] | other[1]


def _broad(kind: str) -> str:
    return "number" if kind == "integer" else kind


def _members(union: Union) -> Iterable[tuple[str, Union]]:
    """The properties that objects of a union may have, each with its values."""
    for shape in union:
        if isinstance(shape, Object):
            yield from ((member.name, member.union) for member in shape.members if member.name is not None)
