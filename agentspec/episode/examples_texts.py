"""The texts of letters as prompt examples hold them: which texts they are, the nearest one, one to begin with.

Of a step of the model they are its content, as far as what was written before leaves it; of tools and users whatever
has the predicates of the letter.
"""

from __future__ import annotations

import json
import re
from functools import cached_property

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import ANY, And, Characters, Constraint, Not, Substring
from agentspec.content.language import NOTHING, Language
from agentspec.content.nearest import cut, distance, nearest, right_of
from agentspec.content.quotation import is_run
from agentspec.content.text_test import TextTest
from agentspec.episode.examples_json import mended
from agentspec.episode.history import Quotes, has_failed
from agentspec.errors import TooLarge
from agentspec.spec.alphabet import call_frame
from agentspec.spec.model import Proposition

TODO = "TODO"
"""What stands where the author has to write a text of the model's, if the step has it."""
RESULT, FAILURE, WORDS = "result", "Error: failed", "question"
"""What tools say in steps that are put in, when they fail, and what users say."""
_ANYTHING = Characters(ANY, 0, None)
_BLANK = re.compile(r'"\s*"(?!:)')
"""In compact JSON: a value that is a blank string."""


class Texts:
    """The texts of an agent's letters, with what was found out about them."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self._tests: dict[Letter, TextTest] = {}
        self._parts: dict[int, tuple[Constraint, TextTest]] = {}
        self._bound: dict[int, tuple[Constraint, Language]] = {}
        self._nearest: dict[tuple[Letter, str, int], tuple[Language, tuple[str, int] | None]] = {}
        self._fresh: dict[tuple[Letter, int], tuple[Language, list[str]]] = {}
        self._others: dict[Letter, Constraint | None] = {}

    def constraint(self, letter: Letter, quotes: Quotes) -> Constraint | None:
        """What a text of the letter is, None where it has none; of a letter of others its predicates."""
        if letter.owner != Owner.MODEL:
            return self._of_others(letter) or _ANYTHING
        if self.compiled.alphabet.bound(letter) is not None:
            return quotes.bound([letter]).get(letter)
        return self.compiled.contents[letter]

    def _of_others(self, letter: Letter) -> Constraint | None:
        """None where every text is one."""
        if letter in self._others:
            return self._others[letter]
        parts: list[Constraint] = []
        if not has_failed(letter):
            for one in self._read[letter.step or ""]:
                if one.tool in (None, letter.tool) and one.texts is not None:
                    parts.append(one.texts if one.name in letter.true else Not(one.texts))
        made = None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))
        self._others[letter] = made
        return made

    @cached_property
    def _read(self) -> dict[str, list[Proposition]]:
        spec = self.compiled.agent.spec
        return {name: [p for p in spec.propositions if name in p.at] for name in spec.steps}

    def language(self, letter: Letter, quotes: Quotes) -> Language | None:
        """The automaton of `constraint`."""
        if self.compiled.alphabet.bound(letter) is None:
            return self._test(letter, quotes).language
        constraint = self.constraint(letter, quotes)
        if constraint is None:
            return None
        if id(constraint) not in self._bound:
            if len(self._bound) > 1000:
                self._bound.clear()
            self._bound[id(constraint)] = (constraint, Language(constraint))
        return self._bound[id(constraint)][1]

    def _test(self, letter: Letter, quotes: Quotes) -> TextTest:
        test = self._tests.get(letter)
        if test is None:
            constraint = self.constraint(letter, quotes)
            assert constraint is not None
            test = self._tests[letter] = TextTest(constraint)
        return test

    def is_text(self, letter: Letter, quotes: Quotes, text: str) -> bool:
        """Whether a text is one of the letter's."""
        if letter.owner != Owner.MODEL:
            return self._of_others(letter) is None or self._test(letter, quotes)(text)
        if self.compiled.alphabet.bound(letter) is None:
            return self._test(letter, quotes)(text)
        constraint = self.constraint(letter, quotes)
        if isinstance(constraint, And) and isinstance(constraint.parts[0], Substring):  # a quotation, of no automaton
            return is_run(constraint.parts[0].chunks, text) and all(
                self._part(part)(text) for part in constraint.parts[1:]
            )
        language = self.language(letter, quotes)
        return language is not None and language.accepts(text)

    def _part(self, constraint: Constraint) -> TextTest:
        if id(constraint) not in self._parts:
            if len(self._parts) > 1000:
                self._parts.clear()
            self._parts[id(constraint)] = (constraint, TextTest(constraint))
        return self._parts[id(constraint)][1]

    def nearest(self, letter: Letter, quotes: Quotes, text: str) -> tuple[str, int] | None:
        """The text of the letter that keeps most of a text, and how many characters differ; None without any.

        Blanks at the ends are dropped; JSON is written anew; what is too long is cut; else as `content.nearest`.
        """
        language = self.language(letter, quotes)
        if language is None:
            return None
        key = (letter, text, id(language))
        if key not in self._nearest:
            if len(self._nearest) > 10_000:
                self._nearest.clear()
            found = self._found(letter, language, text)
            self._nearest[key] = (language, None if found is None else (found, distance(text, found)))
        return self._nearest[key][1]

    def _found(self, letter: Letter, language: Language, text: str) -> str | None:
        stripped = text.strip()
        if language.accepts(stripped):
            return stripped
        step = step_of(self.compiled.agent.spec.steps, letter)
        if letter.completes_call or step.kind == "json_schema":
            frame = call_frame(self.compiled.agent.spec, letter)
            schema = step.schema if letter.tool is None else self.compiled.schemas[letter.tool].parameters
            separators = step.schema.bounds.separators if step.schema is not None else (",", ":")
            for written in mended(stripped, schema, separators, frame):
                if language.accepts(written):
                    return written
                stripped = written if json_like(written) else stripped
        elif step.until and not text.endswith(step.until):
            for closed in (text.rstrip() + step.until, f"{text.rstrip()}\n{step.until}"):
                if language.accepts(closed):
                    return closed
        elif step.kind in ("text", "free", "span"):
            whole = stripped if step.kind != "free" else text
            if (step.kind == "span" or _too_long(language, whole)) and (shorter := cut(language, whole)):
                return shorter
        return nearest(language, stripped)

    def fresh(self, letter: Letter, quotes: Quotes) -> list[str]:
        """Texts to put in for the letter, the best first; none where it has no text."""
        language = self.language(letter, quotes)
        if language is None or language.start == NOTHING:
            return []
        key = (letter, id(language))
        if key not in self._fresh:
            if len(self._fresh) > 10_000:
                self._fresh.clear()
            word = self._word(letter, quotes)
            self._fresh[key] = (language, [word] if word else self._new(letter, language))
        return self._fresh[key][1]

    def _word(self, letter: Letter, quotes: Quotes) -> str | None:
        """Of what is a quotation and no more: its shortest word, if one is enough."""
        constraint = self.constraint(letter, quotes)
        if not isinstance(constraint, And) or not isinstance(constraint.parts[0], Substring):
            return None
        words = sorted(dict.fromkeys(constraint.parts[0].chunks), key=len)
        return next((word for word in words if self.is_text(letter, quotes, word)), None)

    def _new(self, letter: Letter, language: Language) -> list[str]:
        if letter.owner == Owner.MODEL:
            wished = TODO
        elif letter.owner == Owner.USER:
            wished = WORDS
        else:
            wished = FAILURE if has_failed(letter) else RESULT
        found = [wished] if language.accepts(wished) else []
        try:
            shortest = language.shortest(limit=limits.NEAREST_PLACES)
        except TooLarge:
            shortest = None
        if shortest is not None and letter.owner != Owner.MODEL and shortest == "":
            visible = language.shortest(start=language.step(language.start, "."))
            found += [] if visible is None else [f".{visible}"]
        if shortest is not None and letter.completes_call:
            filled = _BLANK.sub(f'"{TODO}"', shortest)
            found += [filled] if filled != shortest and language.accepts(filled) else []
        return list(dict.fromkeys([*found, *([] if shortest is None else [shortest])]))


def _too_long(language: Language, text: str) -> bool:
    """Whether a text stops being one where none of the language goes on at all, not at a character that is wrong."""
    right, state = right_of(language, text)
    return right < len(text) and not any(True for _ in language.successors(state))


def json_like(text: str) -> bool:
    """Whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
