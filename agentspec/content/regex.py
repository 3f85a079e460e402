r"""Regular expressions: the one dialect of specs, tools and predicates. This text is its reference.

==================  ==============================================================================================
``a``               itself: any character but ``\ . ^ $ | ? * + ( ) [ ] { }``, which take a ``\`` before them
``\.``              any punctuation mark of ASCII, and a space, stands for itself after ``\``
``\n \t \r \f \v``  newline, tab, carriage return, form feed, vertical tab
``\x41``            the character of two hexadecimal digits; ``\u00e9`` of four; ``\u{1F600}`` of one to six
``\d``              a digit, ``[0-9]``; ``\D`` any other character
``\w``              a letter of a name, ``[A-Za-z0-9_]``; ``\W`` any other character
``\s``              a blank, ``[ \t\n\r\f\v]``; ``\S`` any other character
``.``               any character but the line breaks ``\n \v \f \r \x1c \x1d \x1e \x85 \u2028 \u2029``
``[a-z_]``          one of these; ``[^a-z_]`` any other character; ``-`` stands first, last or as ``\-``
``ab``, ``a|b``     one after the other; either. ``(a)`` and ``(?:a)`` group and mean the same
``a* a+ a?``        any number, at least one, at most one
``a{3} a{3,} a{3,5}``  so many times; counts go up to 10000
``(?i)``            at the very start: every letter also stands for the same letter in the other case
``^``, ``$``        the very start and end of the text (``$`` never stands before a final newline)
==================  ==============================================================================================

``^`` and ``$`` may stand only at the start and end of the pattern, or of one of its outermost alternatives: ``^a|b$``.
Where a pattern must match a whole text they change nothing; where it is searched for, they anchor it.
``(?i)`` pairs letters whose lower and upper case are one to one (``k K``, ``é É``, ``σ Σ``): ASCII letters have ASCII
partners alone, and ``ß``, ``ı`` or the Kelvin sign have none. Characters are Unicode's; there are no bytes and no
surrogates. Refused, by name and place: look-around, back-references, lazy and possessive quantifiers, quantifiers of
quantifiers, named, atomic and conditional groups, ``\b``, ``\p{..}``, flags elsewhere, classes without a character, and
patterns that are too long (4000 characters), too deep (50 groups) or, with their counts written out, too large (100000
characters and classes).
"""

from __future__ import annotations

from dataclasses import dataclass

from agentspec.content.constraint import (
    ANY,
    LINE,
    VISIBLE,
    And,
    Characters,
    Constraint,
    Sequence,
    either,
)
from agentspec.content.language import Language
from agentspec.content.parse_regex import Branch, branches, joined
from agentspec.errors import InvalidInput
from agentspec.logic.source import SourceText, quoted


@dataclass(frozen=True)
class Regex:
    """A pattern that was read."""

    pattern: str
    branches: tuple[Branch, ...]

    def full(self) -> Constraint:
        """The texts that the pattern matches as a whole."""
        return either([branch.body for branch in self.branches])

    def search(self) -> Constraint:
        """The texts in which the pattern matches somewhere, at the start or end of the text where it is anchored."""
        anything = Characters(ANY, 0, None)
        by_ends: dict[tuple[bool, bool], list[Constraint]] = {}
        for branch in self.branches:
            by_ends.setdefault((branch.at_start, branch.at_end), []).append(branch.body)
        ways: list[Constraint] = []
        for (at_start, at_end), bodies in by_ends.items():
            ways.append(joined([*([] if at_start else [anything]), either(bodies), *([] if at_end else [anything])]))
        return either(ways)


def parse_regex(pattern: str, *, source: str = "<regex>", line: int = 1, column: int = 1) -> Regex:
    """The pattern, whose first character stands in ``source`` at ``line`` and ``column``. Raises SyntaxProblem."""
    return Regex(pattern, branches(SourceText(pattern, source, line, column)))


def regex_line(regex: Regex, max_chars: int, *, what: str = "regex") -> Constraint:
    """The lines of 1 to ``max_chars`` characters, not beginning with a blank, that match the pattern as a whole.

    Raises InvalidInput naming ``what`` where there are none.
    """
    line = Sequence((Characters(VISIBLE, 1, 1), Characters(LINE, 0, max_chars - 1)))
    both = And((regex.full(), line))
    if Language(both).is_empty(what=what):
        raise InvalidInput(
            f"{what}: no line of 1 to {max_chars} characters that begins with a visible one "
            f"matches {quoted(regex.pattern)} as a whole"
        )
    return both
