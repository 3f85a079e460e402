"""Numbers and strings of a JSON Schema: the leaves of one way together, as a constraint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentspec import limits
from agentspec.content.constraint import (
    NO_TEXT,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Not,
    Repeat,
    Sequence,
    either,
    encoded,
)
from agentspec.content.json_text import ESCAPES, PLAIN, compact
from agentspec.content.language import Language
from agentspec.content.numbers import Comparison, compared, decimal_of, multiple_of, number, whole_valued
from agentspec.content.regex import parse_regex
from agentspec.content.schema_formats import format_texts
from agentspec.content.schema_goal import Leaf
from agentspec.content.schema_logic import Logic
from agentspec.content.schema_shapes import Plain
from agentspec.errors import InvalidInput

COMPARISONS: dict[str, Comparison] = {
    "minimum": ">=", "maximum": "<=", "exclusiveMinimum": ">", "exclusiveMaximum": "<",
}  # fmt: skip
_QUOTE = Literal('"')
_ESCAPE = Sequence((Literal("\\"), Characters(((0x22, 0x22), (0x5C, 0x5C), (0x6E, 0x6E), (0x74, 0x74)), 1, 1)))
_CHARACTER = Choice((Characters(PLAIN, 1, 1), _ESCAPE))
_ASCII = Characters(((0, 0x7F),), 0, None)
_CLASS = re.compile(r"\\[dwsDWS]")


_Asked = tuple[Constraint, bool]
"""What a string is to match, or not to."""


def quoted(content: Constraint, escapes: Mapping[str, str] = ESCAPES) -> Constraint:
    """The content as a JSON string."""
    return Sequence((_QUOTE, encoded(content, escapes), _QUOTE))


def has_classes(pattern: str) -> bool:
    r"""Whether a pattern has classes that dialects take differently beyond ASCII, such as ``\w``."""
    return _CLASS.search(pattern) is not None


class Scalars:
    """Numbers and strings; what is found to be empty is told to ``note``."""

    def __init__(self, logic: Logic, max_chars: int, max_digits: int, note: Any) -> None:
        self._logic = logic
        self._what = logic.document.what
        self._max_chars = max_chars
        self._max_digits = max_digits
        self._note = note
        self._parsed: dict[str, Constraint] = {}
        self._known: dict[tuple[Any, ...], Plain | None] = {}

    def of(self, kind: str, leaves: list[Leaf]) -> Plain | None:
        """The numbers or strings of one way, None where there are none."""
        asked = frozenset((leaf.keyword, leaf.value, leaf.holds) for leaf in leaves)
        key = (kind, asked, self._logic.loose)
        if key not in self._known:
            self._known[key] = self._number(leaves) if kind == "number" else self._string(leaves)
        return self._known[key]

    # Numbers --------------------------------------------------------------------------------------------------------

    def _number(self, leaves: list[Leaf]) -> Plain | None:
        whole = any(leaf.keyword == "integer" and leaf.holds for leaf in leaves)
        conditions, lower = self._numeric(leaves)
        listed = [leaf for leaf in leaves if leaf.keyword in ("const", "enum")]
        given = [leaf for leaf in listed if leaf.holds]
        others = [leaf for leaf in listed if not leaf.holds]
        if given:
            kept: dict[Decimal, Any] = {}
            for value in given[0].value:
                exact = decimal_of(value)
                if exact is not None and (not whole or exact == exact.to_integral_value()):
                    kept.setdefault(exact, value)
            for leaf in listed:
                values = {decimal_of(value) for value in leaf.value}
                kept = {exact: value for exact, value in kept.items() if (exact in values) == leaf.holds}
            tests = [Language(condition) for condition, _ in conditions]
            fine = [v for exact, v in kept.items() if all(test.accepts(f"{exact:f}") for test in tests)]
            if not fine:
                return self._none(leaves)
            return Plain("number", either([Literal(compact(value)) for value in fine]), tuple(fine))
        signed = all(bound < 0 for bound in lower)
        plain = number(integer=whole, signed=signed, digits=self._max_digits)
        kept_conditions = [
            c for c, leaf in conditions if signed or leaf.keyword != "minimum" or leaf.value != 0 or not leaf.holds
        ]
        for leaf in others:
            kept_conditions += [Not(self._equal(value)) for value in leaf.value]
        if not kept_conditions:
            return Plain("integer" if whole else "number", plain)
        both = And((plain, *kept_conditions))
        if self._empty(both, leaves):
            return self._none(leaves)
        return Plain("integer" if whole else "number", both)

    def _equal(self, value: Any) -> Constraint:
        exact = decimal_of(value)
        assert exact is not None
        try:
            return compared("=", exact)
        except InvalidInput:  # more digits than numbers here have
            return NO_TEXT

    def _numeric(self, leaves: list[Leaf]) -> tuple[list[tuple[Constraint, Leaf]], list[Decimal]]:
        found: list[tuple[Constraint, Leaf]] = []
        lower: list[Decimal] = []
        for leaf in leaves:
            exact = decimal_of(leaf.value)
            if leaf.keyword == "integer" and not leaf.holds:
                found.append((Not(whole_valued()), leaf))
            elif leaf.keyword in COMPARISONS and exact is not None:
                asked: Comparison = COMPARISONS[leaf.keyword] if leaf.holds else _OPPOSITE[COMPARISONS[leaf.keyword]]
                lower += [exact] if asked in (">", ">=") else []
                found += self._told(lambda c=asked, e=exact: compared(c, e), leaf)
            elif leaf.keyword == "multipleOf" and exact is not None:
                some = self._told(lambda e=exact: multiple_of(e, self._max_digits), leaf)
                found += [(condition if leaf.holds else Not(condition), leaf) for condition, _ in some]
        return found, lower

    def _told(self, make: Any, leaf: Leaf) -> list[tuple[Constraint, Leaf]]:
        try:
            return [(make(), leaf)]
        except InvalidInput as problem:
            self._logic.report(leaf.pointer, problem.message)
            return []

    # Strings --------------------------------------------------------------------------------------------------------

    def _string(self, leaves: list[Leaf]) -> Plain | None:
        low, high, asked = 0, None, list[_Asked]()
        for leaf in leaves:
            if leaf.keyword == "minLength" and leaf.holds:
                low = max(low, leaf.value)
            elif leaf.keyword == "maxLength" and not leaf.holds:
                low = max(low, leaf.value + 1)
            elif leaf.keyword in ("minLength", "maxLength"):
                most = leaf.value - (leaf.keyword == "minLength")
                high = most if high is None else min(high, most)
            elif leaf.keyword == "pattern":
                asked += self._pattern(leaf)
            elif leaf.keyword == "format":
                asked += self._format(leaf)
        listed = [leaf for leaf in leaves if leaf.keyword in ("const", "enum")]
        if any(leaf.holds for leaf in listed):
            return self._listed(leaves, listed, low, high, asked)
        if low > limits.SCHEMA_BOUND:
            raise self._logic.document.refuse(
                self._culprit(leaves, ("minLength", "maxLength")),
                f"strings have at most {limits.SCHEMA_BOUND} characters",
            )
        most = max(self._max_chars, low) if high is None else min(high, limits.SCHEMA_BOUND)
        if low > most:
            return self._none(leaves)
        plain = Sequence((_QUOTE, Repeat(_CHARACTER, low, most), _QUOTE))
        without = [Not(either([Literal(compact(value)) for value in leaf.value])) for leaf in listed]
        if not asked and not without:
            return Plain("string", plain)
        if not asked and most > 0 and low == 0:
            return Plain("string", And((plain, *without)))
        matched = [quoted(content) if holds else Not(quoted(content)) for content, holds in asked]
        both = And((plain, *matched, *without))
        if self._empty(both, leaves):
            return self._none(leaves)
        return Plain("string", both)

    def _listed(
        self, leaves: list[Leaf], listed: list[Leaf], low: int, high: int | None, asked: list[_Asked]
    ) -> Plain | None:
        first = next(leaf for leaf in listed if leaf.holds)
        tests = [(Language(content), holds) for content, holds in asked]
        fine = [
            value
            for value in dict.fromkeys(first.value)
            if low <= len(value) and (high is None or len(value) <= high)
            if all((value in leaf.value) == leaf.holds for leaf in listed)
            if all(test.accepts(value) == holds for test, holds in tests)
        ]
        if not fine:
            return self._none(leaves)
        try:
            return Plain("string", either([Literal(compact(value)) for value in fine]), tuple(fine))
        except UnicodeEncodeError as problem:
            raise self._logic.document.refuse(first.pointer, f"cannot be written as JSON: {problem}") from None

    def _pattern(self, leaf: Leaf) -> list[_Asked]:
        """Searched for; where the dialects differ on letters that are not of ASCII, only ASCII is written."""
        try:
            found = self.searched(leaf.value, leaf.pointer)
        except InvalidInput as problem:
            self._logic.report(
                leaf.pointer, f"{problem.location}: {problem.message}" if problem.location else str(problem)
            )
            return []
        wide = not leaf.holds or "[^" in leaf.value or any(one in leaf.value for one in ("\\D", "\\W", "\\S"))
        narrowed = wide and has_classes(leaf.value) and not self._logic.loose
        return [(found, leaf.holds), *([(_ASCII, True)] if narrowed else [])]

    def searched(self, pattern: str, pointer: str) -> Constraint:
        """The strings in which a pattern is found. Raises SyntaxProblem."""
        if pattern not in self._parsed:
            self._parsed[pattern] = parse_regex(pattern, source=f"{self._what}: {pointer}").search()
        return self._parsed[pattern]

    def _format(self, leaf: Leaf) -> list[_Asked]:
        texts = format_texts(leaf.value)
        if texts is None:
            self._logic.report(leaf.pointer, f"the format '{leaf.value}' cannot be enforced")
            return []
        return [(texts, True)]

    # Both -----------------------------------------------------------------------------------------------------------

    def _empty(self, constraint: Constraint, leaves: list[Leaf]) -> bool:
        pointer = self._culprit(leaves, ())
        return Language(constraint).is_empty(what=f"{self._what}: {pointer}")

    def _none(self, leaves: list[Leaf]) -> Plain | None:
        self._note(self._culprit(leaves, ()), "no value satisfies this together with the other keywords here")
        return None

    def _culprit(self, leaves: list[Leaf], keywords: tuple[str, ...]) -> str:
        fitting = [leaf for leaf in leaves if leaf.keyword in keywords] or leaves
        fitting = [leaf for leaf in fitting if leaf.keyword != "integer"] or fitting
        fitting = [leaf for leaf in fitting if leaf.keyword in ("pattern", "format")] or fitting
        return fitting[0].pointer if fitting else "#"


_OPPOSITE: dict[Comparison, Comparison] = {">=": "<", "<=": ">", ">": "<=", "<": ">="}
