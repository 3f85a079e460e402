"""Objects of a JSON Schema: the leaves of one way together, name by name.

An object has the members that the schema names. Others it has only where ``patternProperties`` or an explicit
``additionalProperties`` allows them: at most ``max_extra``, and their names begin with different letters in the order
of the alphabet, so that no name comes twice.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from agentspec import limits
from agentspec.content.constraint import NO_TEXT, And, Characters, Constraint, Literal, Not, Sequence, either, within
from agentspec.content.json_text import PLAIN, compact
from agentspec.content.language import Language
from agentspec.content.ranges import inverse, merged
from agentspec.content.schema_goal import Goal, Leaf, Members
from agentspec.content.schema_logic import Logic
from agentspec.content.schema_scalars import Scalars, has_classes, quoted
from agentspec.content.schema_settings import Bounds
from agentspec.content.schema_shapes import Member, Object, Plain, Union
from agentspec.errors import InvalidInput

_LETTERS = [*"0123456789", *(f"{letter}{letter.upper()}" for letter in "abcdefghijklmnopqrstuvwxyz"), "_"]
_NAMED = merged((ord(c), ord(c)) for c in "".join(_LETTERS))
_PLAIN = tuple((max(low, 0x21), high) for low, high in PLAIN if high > 0x20)
_STARTS = [merged((ord(c), ord(c)) for c in letters) for letters in _LETTERS]
_OTHERS = merged(
    (max(low, a), min(high, b)) for low, high in _PLAIN for a, b in inverse(_NAMED) if max(low, a) <= min(high, b)
)
_ASCII = tuple((low, min(high, 0x7E)) for low, high in _PLAIN if low < 0x7F)
_ASCII_OTHERS = tuple((low, min(high, 0x7E)) for low, high in _OTHERS if low < 0x7F)
_NAME_LENGTH = 40


class Objects:
    """Objects; ``union`` lowers the goals of one member."""

    def __init__(
        self, logic: Logic, bounds: Bounds, scalars: Scalars, union: Callable[[list[Goal], int], Union],
        note: Callable[[str, str], None],
    ) -> None:  # fmt: skip
        self._logic = logic
        self._bounds = bounds
        self._scalars = scalars
        self._union = union
        self._note = note
        self._searched: dict[str, Language] = {}
        self._keys: dict[tuple[Any, ...], tuple[Constraint | None, object]] = {}
        self._signatures: dict[tuple[tuple[str, bool], ...], list[Constraint]] = {}

    def object(self, leaves: list[Leaf], depth: int) -> Object | None:
        """The objects of one way, None where there are none."""
        present = {leaf.value: leaf for leaf in leaves if leaf.keyword == "present" and leaf.holds}
        absent = {leaf.value for leaf in leaves if leaf.keyword == "present" and not leaf.holds}
        asked: dict[str, list[Goal]] = {}
        for leaf in leaves:
            if leaf.keyword == "property":
                asked.setdefault(leaf.value[0], []).append(leaf.value[1])
        for leaf in leaves:
            if leaf.keyword == "present" and leaf.holds:
                asked.setdefault(leaf.value, [])
        names = [leaf for leaf in leaves if leaf.keyword == "propertyNames"]
        said: list[Members] = [leaf.value for leaf in leaves if leaf.keyword == "members"]
        listed = self._listed_names(names)
        if listed is not None:
            for name in listed:
                if name not in asked and self._permit(said, name):
                    asked[name] = []
        members: list[Member] = []
        for name, goals in asked.items():
            if name in absent:
                continue
            union = self._union([*goals, *self._by_name(said, name)], depth) if self._fits(names, name) else ()
            if union:
                members.append(Member(name, Literal(self._key(name, leaves)), union, name in present))
            elif name in present:
                self._note(present[name].pointer, f"the property {compact(name)} is required, and can have no value")
                return None
        extra = [] if listed is not None else self._extra(said, {*asked, *absent}, names, depth)
        return self._bounded(leaves, members, extra)

    def _bounded(self, leaves: list[Leaf], members: list[Member], extra: list[Member]) -> Object | None:
        low, high = 0, None
        for leaf in leaves:
            if leaf.keyword in ("minProperties", "maxProperties"):
                value = leaf.value + (0 if leaf.holds else 1 if leaf.keyword == "maxProperties" else -1)
                if (leaf.keyword == "minProperties") == leaf.holds:
                    low = max(low, value)
                else:
                    high = value if high is None else min(high, value)
        required = sum(member.required for member in members)
        most_extra = min(max(self._bounds.max_extra, low - len(members)), len(extra))
        if high is not None and high >= len(members) + most_extra:
            high = None
        if low <= required:
            low = 0
        if low > len(members) + most_extra or (high is not None and (high < required or low > high)):
            keyword = "minProperties" if low else "maxProperties"
            pointer = next((leaf.pointer for leaf in leaves if leaf.keyword == keyword), "#")
            self._note(pointer, "no object satisfies this together with the other keywords here")
            return None
        size = (len(members) + len(extra)) * max(low, high or 0) ** 2
        if size > limits.SCHEMA_COUNTED:
            pointer = next(leaf.pointer for leaf in leaves if leaf.keyword in ("minProperties", "maxProperties"))
            self._logic.report(pointer, "members cannot be counted here: there may be too many")
            low, high = 0, None
        return Object(tuple(members), tuple(extra), low, high, most_extra)

    # Names ----------------------------------------------------------------------------------------------------------

    def _key(self, name: str, leaves: list[Leaf]) -> str:
        try:
            return compact(name)
        except UnicodeEncodeError:
            pointer = next(leaf.goal.pointer for leaf in leaves if name in (leaf.value, leaf.value[0]))
            raise self._logic.document.refuse(
                f"{pointer}/properties", f"the name {name!r} cannot be written as JSON"
            ) from None

    def _found(self, pattern: str, goal: Goal, name: str) -> bool:
        if pattern not in self._searched:
            self._searched[pattern] = Language(self._names_with(pattern, goal) or NO_TEXT)
        return self._searched[pattern].accepts(name)

    def _names_with(self, pattern: str, goal: Goal) -> Constraint | None:
        """The names in which a pattern is found; None where it cannot be read, which is reported."""
        try:
            return self._scalars.searched(pattern, goal.pointer)
        except InvalidInput as problem:
            self._logic.report(goal.pointer, problem.message)
            return None

    def _by_name(self, said: list[Members], name: str) -> list[Goal]:
        """What patterns and rests ask of a member's value."""
        goals: list[Goal] = []
        for one in said:
            matched = [goal for pattern, goal in one.patterns if self._found(pattern, goal, name)]
            goals += matched
            if not matched and name not in one.names and one.others is not None:
                goals.append(one.others)
        return goals

    def _permit(self, said: list[Members], name: str) -> bool:
        return any(
            one.others is not None or any(self._found(pattern, goal, name) for pattern, goal in one.patterns)
            for one in said
        )

    def _fits(self, names: list[Leaf], name: str) -> bool:
        for leaf in names:
            wanted = self._logic.made(("name", name), {"const": name})
            goals = [Goal(wanted, leaf.pointer, leaf.goal.left), leaf.goal.to(leaf.value, "propertyNames")]
            if not any(shape.kind == "string" for shape in self._union(goals, 0) if isinstance(shape, Plain)):
                return False
        return True

    def _listed_names(self, names: list[Leaf]) -> list[str] | None:
        """All names there may be, if ``propertyNames`` lists them."""
        if not names:
            return None
        union = self._names(names)
        if any(shape.values is None for shape in union):
            return None
        return [str(value) for shape in union for value in shape.values or ()]

    def _names(self, names: list[Leaf]) -> list[Plain]:
        goals = [leaf.goal.to(leaf.value, "propertyNames") for leaf in names]
        goals.append(Goal(self._logic.made(("strings",), {"type": "string"}), names[0].pointer, 0))
        return [shape for shape in self._union(goals, 0) if isinstance(shape, Plain)]

    # Members that are not named -------------------------------------------------------------------------------------

    def _extra(self, said: list[Members], known: set[str], names: list[Leaf], depth: int) -> list[Member]:
        open_ones = [one for one in said if one.patterns or one.others is not None]
        if not open_ones:
            return []
        places = {pattern: goal for one in open_ones for pattern, goal in one.patterns}
        texts = {p: told for p, goal in places.items() if (told := self._names_with(p, goal)) is not None}
        patterns = list(texts)
        if len(texts) < len(places):
            return []
        if len(patterns) > limits.SCHEMA_PATTERNS:
            return []
        also = [either([shape.texts for shape in self._names(names)])] if names else []
        ascii_only = any(map(has_classes, patterns))
        found: list[Member] = []
        for bits in product((True, False), repeat=len(patterns)):
            held = {pattern for pattern, bit in zip(patterns, bits, strict=True) if bit}
            goals: list[Goal] = []
            allowed = False
            for one in said:
                matched = [goal for pattern, goal in one.patterns if pattern in held]
                goals += matched
                allowed |= bool(matched) or one.others is not None
                if not matched and one.others is not None:
                    goals.append(one.others)
            if not allowed or not (union := self._union(goals, depth)):
                continue
            signed = tuple((p, p in held) for p in patterns)
            if signed not in self._signatures:
                self._signatures[signed] = [texts[p] if p in held else Not(texts[p]) for p in patterns]
            signature = self._signatures[signed]
            found += self._slots(signature, also, known, union, ascii_only=ascii_only)
        return found

    def _slots(
        self, signature: list[Constraint], also: list[Constraint], known: set[str], union: Union, *, ascii_only: bool
    ) -> list[Member]:
        """Members whose names have a signature, one for each first letter; none has a name that is known."""
        rest = Characters(_ASCII if ascii_only else _PLAIN, 0, _NAME_LENGTH - 1)
        found: list[Member] = []
        for start in (*_STARTS, _ASCII_OTHERS if ascii_only else _OTHERS):
            taken = tuple(name for name in sorted(known) if name and within(ord(name[0]), start))
            content = And((Sequence((Characters(start, 1, 1), rest)), *signature))
            key = self._key_of(content, also, taken)
            if key is not None:
                found.append(Member(None, key, union))
        return found

    def _key_of(self, content: And, also: list[Constraint], taken: tuple[str, ...]) -> Constraint | None:
        """The keys in quotes with this content but for those taken; None where there are none."""
        memo = (content.parts[0], *map(id, (*content.parts[1:], *also)), taken)
        if memo not in self._keys:
            parts = [quoted(content, {}), *also, *(Not(Literal(compact(name))) for name in taken)]
            key = And(tuple(parts)) if len(parts) > 1 else parts[0]
            self._logic.spend(1, "#")
            narrowed = len(content.parts) > 1 or also
            gone = narrowed and Language(key).is_empty(what=self._logic.document.what)
            self._keys[memo] = None if gone else key, (content, also)
        return self._keys[memo][0]
