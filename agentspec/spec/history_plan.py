"""The letters whose texts depend on what was written before: what binds each, and what can change whether it has any.

Whether such a letter has a text at all is a proposition of the adversary's, ``empty(STEP, TOOL, VALUATION)``: tools and
users say so where they write, and until they write again it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import ANY, NO_TEXT, And, Characters, Constraint, Literal, Quote, fold
from agentspec.content.constraint import Sequence as Joined
from agentspec.content.history import SCALAR, more_than, values_at
from agentspec.content.json_schema import Bounds, JsonSchema, Schema
from agentspec.content.json_text import compact, parse_object
from agentspec.content.language import Language
from agentspec.content.quotation import bind
from agentspec.content.schema_settings import plain
from agentspec.errors import InvalidInput, SpecError, TooLarge
from agentspec.logic.formula import Constant, Formula, atoms
from agentspec.spec.history import Compared, Earlier, Test, Unique, Verbatim, about
from agentspec.spec.history_bind import refuse_unbounded, texts
from agentspec.spec.memory import Memory
from agentspec.spec.model import Rule, Spec

_ASCII = Characters(((0x20, 0x7E),), 0, None)
_NOTATIONS = 30
"""Texts that one number has at most: its final zeros, and the sign of zero."""

Event = tuple[str, str]
"""What a letter of others may be: ``("answer", TOOL)``, ``("ok", TOOL)`` or ``("said", STEP)``."""


def events(letter: Letter) -> frozenset[Event]:
    """What is new after a letter of a tool or user."""
    said = ("said", str(letter.step))
    if letter.owner != Owner.TOOL or letter.tool is None:
        return frozenset({said} if "error" not in letter.true else ())
    fine = f"ok({letter.tool})" in letter.true
    return frozenset({("answer", str(letter.tool)), *([("ok", str(letter.tool)), said] if fine else [])})


@dataclass(frozen=True)
class Asked:
    """One rule's test of a letter, and what it asks of its texts (`history.about`)."""

    rule: Rule
    test: Test
    formula: Formula


@dataclass(frozen=True, eq=False)
class Bound:
    """A letter (without what is open) and what binds its texts; ``inner`` are its texts if nothing did, unframed.

    ``changes`` are the events that may make or take its last text. Where there are none, or where it ``lasts``, whether
    it has a text is known beforehand. ``sure`` is then a bound in bytes on its shortest text, frame included.
    """

    letter: Letter
    name: str
    inner: Constraint = field(repr=False)
    frame: tuple[str, str]
    asked: tuple[Asked, ...]
    schema: Schema | None = field(repr=False)
    quotes: tuple[Quote, ...] = ()
    lasts: bool = False
    sure: int | None = None

    @cached_property
    def changes(self) -> frozenset[Event]:
        """See above."""
        found = {("said", step) for quote in self.quotes for step in quote.of}
        for one in self.asked:
            match one.test:
                case Unique():
                    found.add(("answer", str(self.letter.tool)))
                case Verbatim(of=of):
                    found |= {("said", step) for step in of}
                case Compared(comparisons=comparisons):
                    asked = [comparisons[int(name[1:])] for name in atoms(one.formula)]
                    earlier = [other for each in asked if isinstance(other := each.other, Earlier)]
                    found |= {("answer" if other.arguments else "ok", other.tool) for other in earlier}
        return frozenset(found)

    @property
    def stays(self) -> bool:
        """Whether it has a text for good once it has one: where it quotes whatever was said, and no more is asked."""
        return not self.asked and not any(quote.latest for quote in self.quotes)

    @cached_property
    def empty_at_first(self) -> bool:
        """Whether it has no text before anything was written."""
        return self.content(Memory()) is None

    def content(self, memory: Memory) -> Constraint | None:
        """Its texts, or None where there are none; none as well where that takes too many states to see."""
        inner = bind(self.inner, memory.said, memory.order) if self.quotes else self.inner
        if inner is None:
            return None
        parts = [inner]
        for one in self.asked:
            what = f"rule '{one.rule.id}'"
            schema: Schema = {} if self.schema is None else self.schema
            found = texts(one.test, one.formula, schema, str(self.letter.tool), memory, what=what)
            if found == NO_TEXT:
                return None
            parts.append(found)
        whole = parts[0] if len(parts) == 1 else And(tuple(parts))
        if self.asked and not self.lasts:
            try:
                if Language(whole).is_empty(what=self.name):
                    return None
            except TooLarge:
                return None
        return framed(whole, self.frame)


def framed(inner: Constraint, frame: tuple[str, str]) -> Constraint:
    """A constraint within what stands before and behind it."""
    return inner if frame == ("", "") else Joined((Literal(frame[0]), inner, Literal(frame[1])))


def asked_of(letter: Letter, rules: Sequence[Rule]) -> tuple[Asked, ...]:
    """What the history rules ask of a letter of the model."""
    found = []
    for rule in rules:
        assert rule.history is not None
        formula = about(rule.history, letter)
        if formula != Constant(True):
            found.append(Asked(rule, rule.history, formula))
    return tuple(found)


def quotes_in(constraint: Constraint) -> tuple[Quote, ...]:
    """The quotations in a constraint."""

    def combine(node: Constraint, below: list[tuple[Quote, ...]]) -> tuple[Quote, ...]:
        own = (node,) if isinstance(node, Quote) else ()
        return tuple(dict.fromkeys((*own, *(quote for some in below for quote in some))))

    return fold(constraint, combine)


def bound_letter(
    spec: Spec,
    letter: Letter,
    inner: Constraint,
    frame: tuple[str, str],
    schema: Schema | None,
    asked: tuple[Asked, ...],
) -> Bound | None:
    """What binds a letter, None where nothing does. Raises SpecError, at the rule, where what it asks is none."""
    quotes = quotes_in(inner)
    if not asked and not quotes:
        return None
    for one in asked:
        if isinstance(one.formula, Constant) and isinstance(one.test, Compared):
            continue
        try:
            _check(spec, letter, one, schema)
        except InvalidInput as problem:
            raise SpecError(problem.message, location=one.rule.location) from None
    made = Bound(letter, _named(spec, letter), inner, frame, asked, schema, quotes)
    if spec.semantics == "infinite" or quotes or not all(isinstance(one.test, Unique) for one in asked):
        return made
    return replace(made, lasts=True, sure=most) if (most := _lasting(made)) is not None else made


def _named(spec: Spec, letter: Letter) -> str:
    held = [
        f"{'' if declared.name in letter.true else '!'}{declared.name}"
        for declared in spec.propositions
        if declared.name in letter.true | letter.false
    ]
    return f"empty({', '.join([str(letter.step), *([letter.tool] if letter.tool else []), *held])})"


def _check(spec: Spec, letter: Letter, one: Asked, schema: Schema | None) -> None:
    what = f"rule '{one.rule.id}'"
    for root in _roots(one.test):
        if root == "args" and not letter.completes_call:
            raise InvalidInput(
                f"{what}: 'args' are the arguments of a call, and '{letter.step}' calls no tool; say which calls are "
                "meant, such as call(TOOL)"
            )
        if root != "args" and (letter.step != root or spec.steps[root].kind != "json_schema"):
            why = (
                "holds no JSON (json_schema)" if letter.step == root else f"is not '{letter.step}', which it applies to"
            )
            raise InvalidInput(f"{what}: '{root}' {why}; a field is STEP.NAME where STEP is what is written")
    assert schema is not None
    if isinstance(schema, JsonSchema) and schema.bounds.whitespace != "none":
        raise InvalidInput(
            f"{what}: what '{letter.step}' holds is compared as compact JSON: leave out whitespace there"
        )
    if isinstance(one.test, Unique):
        refuse_unbounded(one.test, schema, what)
    texts(one.test, one.formula, schema, str(letter.tool), Memory(), what=what)  # names that the schema does not know


def _roots(test: Test) -> Iterable[str]:
    return {one.root for one in test.comparisons} if isinstance(test, Compared) else {test.root}


def _lasting(made: Bound) -> int | None:
    """The most bytes a new text takes, where every call of an episode may have one; None where none may be left."""
    paths = {one.test.path for one in made.asked if isinstance(one.test, Unique)}
    if () not in paths and (length := _without(made.inner, paths)) is not None:
        return length + sum(len(part.encode()) for part in made.frame)
    paths -= {()}
    if len(paths) > 1 or any(path[-1] == "*" for path in paths):
        return None
    for within in (_ASCII, Characters(ANY, 0, None)):
        for family in _families(And((made.inner, within)), paths):
            notations = _NOTATIONS ** _numbers(plain(made.schema), 0)
            length = more_than(family, limits.HISTORY_CALLS * notations)
            if length is not None:
                bytes_each = 1 if within is _ASCII else 4
                return length * bytes_each + sum(len(part.encode()) for part in made.frame)
    return None


def _without(inner: Constraint, paths: set[tuple[str, ...]]) -> int | None:
    """The bytes of a text with nothing in it that would have to be new; None where a shortest one is none."""
    text = Language(inner).shortest() or ""
    try:
        value = parse_object(text)
    except ValueError:
        return None
    held = [found for path in paths for found in values_at(value, path[:-1] if path[-1] == "*" else path)]
    return len(text.encode()) if all(found == [] for found in held) else None


def _families(inner: Constraint, paths: set[tuple[str, ...]]) -> Iterator[Constraint]:
    """Texts that differ in the one value that must be new, or in any."""
    if not paths:
        yield inner
        return
    (path,) = paths
    text = Language(inner).shortest()
    try:
        value = parse_object(text or "")
    except ValueError:
        return
    holder: Any = value
    for name in path[:-1]:
        holder = holder.get(name) if isinstance(holder, dict) else None
    if not isinstance(holder, dict) or not isinstance(holder.get(path[-1]), str | int | float):
        return
    mark = "\x00"
    holder[path[-1]] = mark
    before, _, behind = compact(value).partition(compact(mark))
    yield And((inner, Joined((Literal(before), SCALAR, Literal(behind)))))


def _numbers(schema: Any, depth: int) -> int:
    """How many numbers a value of a schema may hold, counted as 20 where it cannot be said."""
    if not isinstance(schema, Mapping) or depth > limits.SCHEMA_DEPTH:
        return 20
    if "enum" in schema or "const" in schema:
        return 0
    kinds = schema.get("type")
    if kinds in ("string", "boolean", "null"):
        return 0
    if kinds in ("number", "integer"):
        return 1
    if not _PLAINLY.issuperset(schema) or not set(schema.get("required", [])) <= set(schema.get("properties", {})):
        return 20
    if kinds == "object" and schema.get("additionalProperties", False) is False:
        return sum(_numbers(inner, depth + 1) for inner in schema.get("properties", {}).values())
    if kinds == "array":
        most = int(schema.get("maxItems", max(Bounds.max_items, schema.get("minItems", 0))))
        return _numbers(schema.get("items"), depth + 1) * most
    return 20


_PLAINLY = {
    "type", "title", "description", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
}  # fmt: skip
