r"""Lines with typed fields: ``{claim:text(200)} "{quote:span(observation)}"`` as a constraint, and read back.

A template is literal text with fields ``{name:type}``; ``{{`` and ``}}`` stand for braces. The types:

====================  ============================================================================================
``text(n)``           1 to n characters (200) of one line, beginning and ending with a visible one
``word``              1 to 40 letters, digits, ``_`` and ``-`` of ASCII
``int``               a whole number of at most 15 digits, with a minus or without
``number``            a number of at most 15 digits, with a point or without, no exponent
``bool``              ``yes`` or ``no``
``date``              a day of the years 1000 to 9999, such as ``2024-02-29``
``choice(a|b)``       one of these; ``|``, ``)`` and ``\`` take a ``\`` before them
``regex(...)``        what the regular expression matches as a whole: 1 to 200 characters of one line
``span(step, n)``     words that a step held, verbatim, at most n characters (200); several steps may be named
====================  ============================================================================================

The whole is one line that begins with a visible character. Where it can be read in several ways, each field, from the
left, takes as much as it can.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agentspec import limits
from agentspec.content.constraint import Constraint, Literal, Quote, Repeat, Sequence, fold, rebuilt
from agentspec.content.field import Field, field_of
from agentspec.content.language import NOTHING, Language
from agentspec.content.quotation import any_quotation
from agentspec.errors import InvalidInput
from agentspec.logic.source import SourceText


@dataclass(frozen=True)
class Template:
    """A template that was read: its text and fields in order, and the constraint of its lines."""

    parts: tuple[str | Field, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(part for part in self.parts if isinstance(part, Field))

    @property
    def quoted(self) -> tuple[str, ...]:
        """The steps that spans quote."""
        names = [name for one in self.fields if isinstance(one.constraint, Quote) for name in one.constraint.of]
        return tuple(dict.fromkeys(names))

    @cached_property
    def constraint(self) -> Constraint:
        """The lines; quotations are still to be bound."""
        return Sequence(tuple(Literal(part) if isinstance(part, str) else part.constraint for part in self.parts))

    def read(self, text: str) -> dict[str, Any] | None:
        """The value of each field, or None where the text is no line of the template. A span may be any quotation.

        Values are strings, but int for ``int``, int or float for ``number``, bool for ``bool``.
        """
        found = _Reading(self._languages, text).ends()
        if found is None:
            return None
        starts = [0, *found]
        return {
            part.name: part.value(text[starts[i] : starts[i + 1]])
            for i, part in enumerate(self.parts)
            if isinstance(part, Field)
        }

    @cached_property
    def _languages(self) -> tuple[Language, ...]:
        parts = (Literal(part) if isinstance(part, str) else part.constraint for part in self.parts)
        return tuple(Language(unbound(part)) for part in parts)


@dataclass(frozen=True)
class Repeated:
    """``low`` to ``high`` lines of a template in one, with ``separator`` between."""

    template: Template
    low: int
    high: int
    separator: str

    @cached_property
    def constraint(self) -> Constraint:
        one = self.template.constraint
        more = Repeat(Sequence((Literal(self.separator), one)), self.low - 1, self.high - 1)
        return Sequence((one, more)) if self.high > 1 else one

    def read(self, text: str) -> list[dict[str, Any]] | None:
        """The values of each repetition; the earlier take as much as they can."""
        one, separator = Language(unbound(self.template.constraint)), Language(Literal(self.separator))
        for count in range(self.low, self.high + 1):
            found = _Reading((one, *[separator, one] * (count - 1)), text).ends()
            if found is not None:
                starts = [0, *found]
                values = [self.template.read(text[starts[i] : starts[i + 1]]) for i in range(0, len(found), 2)]
                return [value for value in values if value is not None]
        return None


def parse_template(template: str, *, what: str = "format") -> Template:
    """The template. Raises SyntaxProblem, naming ``what`` and the column, where it cannot be read."""
    source = SourceText(template, what, 1, 1)
    if len(template) > limits.FORMAT_LENGTH:
        raise source.problem(0, f"a template of {len(template)} characters; at most {limits.FORMAT_LENGTH} are read")
    parts: list[str | Field] = []
    at = 0
    while at < len(template):
        pair, character = template[at : at + 2], template[at]
        if character == "{" and pair != "{{":
            one, at = field_of(source, at)
            if any(isinstance(part, Field) and part.name == one.name for part in parts):
                raise source.problem(at - 1, f"the field '{one.name}' stands twice")
            parts.append(one)
            continue
        if character == "}" and pair != "}}":
            raise source.problem(at, "this '}' closes no field; a brace is written }}")
        if not character.isprintable():
            raise source.problem(at, f"a template is one line of printable text, without {character!a}")
        if parts and isinstance(parts[-1], str):
            parts[-1] += character
        else:
            parts.append(character)
        at += 2 if character in "{}" else 1
    if not parts:
        raise source.problem(0, "a template is not empty")
    for end, place in ((parts[0], 0), (parts[-1], len(template) - 1)):
        if isinstance(end, str) and end[0 if place == 0 else -1].isspace():
            raise source.problem(place, "a template neither begins nor ends with a blank")
    return Template(tuple(parts))


def repeated(template: Template, low: int, high: int, separator: str = ", ", *, what: str = "format") -> Repeated:
    """Raises InvalidInput unless ``1 <= low <= high <= 50`` and the separator is printable text."""
    if not 1 <= low <= high <= 50:
        raise InvalidInput(f"{what}: repeat goes from at least 1 to at most 50, not from {low} to {high}")
    if not separator or not separator.isprintable():
        raise InvalidInput(f"{what}: the separator is printable text of one line, not {separator!r}")
    return Repeated(template, low, high, separator)


def unbound(constraint: Constraint) -> Constraint:
    """The constraint with any quotation in place of each `Quote`."""
    return fold(
        constraint, lambda node, parts: any_quotation(node) if isinstance(node, Quote) else rebuilt(node, parts)
    )


class _Reading:
    """A text cut so that each language has its piece, the first as long as possible, then the next."""

    def __init__(self, languages: tuple[Language, ...], text: str) -> None:
        self.languages = languages
        self.text = text
        self.known: dict[tuple[int, int], list[int]] = {}

    def ends(self) -> list[int] | None:
        reached = [{0}]
        for i in range(len(self.languages)):
            reached.append({end for start in reached[-1] for end in self.pieces(i, start)})
        good = {len(self.text)} & reached[-1]
        fitting = [good]
        for i in reversed(range(len(self.languages))):
            good = {start for start in reached[i] if not good.isdisjoint(self.pieces(i, start))}
            fitting.insert(0, good)
        if not good:
            return None
        found, place = [], 0
        for i in range(len(self.languages)):
            place = max(end for end in self.pieces(i, place) if end in fitting[i + 1])
            found.append(place)
        return found

    def pieces(self, i: int, start: int) -> list[int]:
        """Where texts of the language that begin at ``start`` end."""
        if (i, start) not in self.known:
            language = self.languages[i]
            state, found = language.start, [start] if language.accepts_at(language.start) else []
            for end in range(start, len(self.text)):
                state = language.step(state, self.text[end])
                if state == NOTHING:
                    break
                if language.accepts_at(state):
                    found.append(end + 1)
            self.known[i, start] = found
        return self.known[i, start]
