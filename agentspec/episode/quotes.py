"""The texts of a segment in view of what was written before it, and the letters of what tools and users say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import Choice, Constraint
from agentspec.episode.history import UNSAID, Quotes, has_failed
from agentspec.episode.retry import Failures
from agentspec.spec.alphabet import line

__all__ = ["Quotes", "SegmentTexts", "heard", "hearings"]


@dataclass(frozen=True)
class SegmentTexts:
    """The whole texts of the model's letters, cue to border, with ``bound`` those that depend on what was written.

    Those in ``failures`` are left out.
    """

    compiled: Compiled
    bound: Mapping[Letter, Constraint]
    failures: Failures

    def of_letter(self, letter: Letter) -> Constraint:
        """The texts of one letter."""
        if letter in self.bound:
            return self.failures.without(letter, line(self.compiled.agent.spec, letter, self.bound[letter]))
        return self.failures.without(letter, self.compiled.lines[letter])

    def of_letters(self, letters: tuple[Letter, ...]) -> Constraint:
        """The texts of several letters of one step and tool: all of the step's where they are all."""
        step, tool = letters[0].step, letters[0].tool
        alike = {a.choice for a in self.compiled.contents if (a.step, a.tool) == (step, tool)}
        if len(letters) == len(alike) and not any(letter in self.bound for letter in letters):
            whole = line(self.compiled.agent.spec, letters[0], self.compiled.alphabet.wholes[str(step), tool])
            return self.failures.without(letters[0], whole)
        return Choice(tuple(map(self.of_letter, letters)))


def heard(
    compiled: Compiled,
    quotes: Quotes,
    possible: Iterable[Letter],
    built_in: Iterable[str],
    text: str,
    shown: str,
    value: Any = UNSAID,
) -> tuple[Letter, Quotes] | None:
    """The one letter that a text of a tool or user is, among those possible with these built-ins, and the quotes after.

    ``shown`` is the part that is shown, and so can be quoted; ``value`` a tool's whole result as JSON, where it is
    known. None where there is no such letter. Raises EngineFault where a function that decides it fails or is not at
    hand.
    """
    found = hearings(compiled, quotes, possible, built_in, text, shown, value)
    if len(found) > 1:
        raise compiled.alphabet.runtime.missing(found[0][0].true ^ found[1][0].true)
    return found[0] if found else None


def hearings(
    compiled: Compiled,
    quotes: Quotes,
    possible: Iterable[Letter],
    built_in: Iterable[str],
    text: str,
    shown: str,
    value: Any = UNSAID,
) -> list[tuple[Letter, Quotes]]:
    """As `heard`, but all letters it may be where the functions of runtime predicates are not at hand."""
    letters = compiled.alphabet.of_others(tuple(possible), frozenset(built_in), text)
    after: dict[tuple[str | None, str | None, bool], Quotes] = {}
    found = []
    for letter in letters:
        key = (letter.step, letter.tool, has_failed(letter))
        if key not in after:
            after[key] = quotes.after(letter, shown, value)
        if after[key].fits(letter):
            found.append((letter, after[key]))
    return found
