"""What can be quoted so far: the shown results of tools and what the user said, for steps that quote them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import Choice, Constraint
from agentspec.content.quotation import bind
from agentspec.episode.retry import Failures
from agentspec.spec.alphabet import line


class Quotes:
    """Texts by the step they were said at; only those that some step quotes from are kept."""

    def __init__(self, compiled: Compiled, texts: dict[str, tuple[str, ...]] | None = None) -> None:
        self._compiled = compiled
        self._texts = texts or {}

    def after(self, letter: Letter, text: str) -> Quotes:
        """With what was said at a letter of a tool or user; a failure says nothing that could be quoted."""
        step = letter.step
        quoted = any(step in sources for sources in self._compiled.alphabet.quoting.values())
        if step is None or not quoted or any(name.startswith("failed(") for name in letter.true):
            return self
        return Quotes(self._compiled, {**self._texts, step: (*self._texts.get(step, ()), text)})

    def fits(self, letter: Letter) -> bool:
        """Whether ``empty(STEP)`` is true at the letter just where nothing can be quoted any more or yet."""
        return all(
            (f"empty({step})" in letter.true) == self._is_empty(step)
            for step, sources in self._compiled.alphabet.quoting.items()
            if letter.step in sources
        )

    def bound(self, letters: Iterable[Letter]) -> dict[Letter, Constraint]:
        """The contents of those of the letters that quote and have something to quote."""
        found = {}
        for letter in letters:
            if letter.step in self._compiled.alphabet.quoting:
                content = bind(self._compiled.contents[letter], self._texts)
                if content is not None:
                    found[letter] = content
        return found

    def _is_empty(self, step: str) -> bool:
        content = self._compiled.agent.spec.steps[step].content
        return content is None or bind(content, self._texts) is None


@dataclass(frozen=True)
class SegmentTexts:
    """The whole texts of the model's letters, cue to border, with ``bound`` what can be quoted now.

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
    compiled: Compiled, quotes: Quotes, possible: Iterable[Letter], built_in: Iterable[str], text: str, shown: str
) -> tuple[Letter, Quotes] | None:
    """The one letter that a text of a tool or user is, among those possible with these built-ins, and the quotes after.

    ``shown`` is the part that is shown, and so can be quoted. None where there is no such letter. Raises EngineFault
    where a function that decides it fails or is not at hand.
    """
    found = hearings(compiled, quotes, possible, built_in, text, shown)
    if len(found) > 1:
        raise compiled.alphabet.runtime.missing(found[0][0].true ^ found[1][0].true)
    return found[0] if found else None


def hearings(
    compiled: Compiled, quotes: Quotes, possible: Iterable[Letter], built_in: Iterable[str], text: str, shown: str
) -> list[tuple[Letter, Quotes]]:
    """As `heard`, but all letters it may be where the functions of runtime predicates are not at hand."""
    letters = compiled.alphabet.of_others(tuple(possible), frozenset(built_in), text)
    found = [(letter, quotes.after(letter, shown)) for letter in letters]
    return [(letter, after) for letter, after in found if after.fits(letter)]
