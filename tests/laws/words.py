"""What a spec means, on words and by definition alone: no automaton, no product, no game solver.

``WordGame`` knows which letters exist after a word, which words are good, and whether the model can force a good one
within so many steps, by trying everything. Slow, obvious, and the oracle of ``solve`` and of ``Guard``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.logic.behavior import Behavior, Choice, Concat, Empty, Repeat, Step
from agentspec.logic.semantics import holds
from tests.laws.alphabets import built_ins, valuations
from tests.laws.played import says_nothing
from tests.laws.specs import RandomSpec
from tests.laws.written import sources


@dataclass(frozen=True)
class Sign:
    """A letter by definition: the step, its owner, its tool, and what is true.

    ``kind`` is ``plain``, ``name``, ``arguments``, ``call``, ``tool``, ``handler`` or ``user``.
    """

    step: str
    owner: Owner
    tool: str | None
    kind: str
    true: frozenset[str]

    @property
    def completes(self) -> bool:
        return self.kind in ("arguments", "call")


Word = tuple[Sign, ...]


class TooMany(Exception):
    """The oracle would take too long."""


def pattern(behavior: Behavior, sign: dict[str, str]) -> str:
    """The behavior as an expression of Python's ``re``, one character a step."""
    match behavior:
        case Step(name=name):
            return sign[name]
        case Empty():
            return ""
        case Concat(parts=parts):
            return "".join(f"(?:{pattern(part, sign)})" for part in parts)
        case Choice(options=options):
            return "|".join(f"(?:{pattern(option, sign)})" for option in options)
        case Repeat(body=body, minimum=low, maximum=high):
            return f"(?:{pattern(body, sign)}){{{low},{'' if high is None else high}}}"
    raise TypeError(behavior)


def beginnings(behavior: Behavior, sign: dict[str, str]) -> str:
    """An expression for the prefixes of the behavior's words, by induction: p(AB) = p(A) | A p(B), and so on."""
    match behavior:
        case Step(name=name):
            return f"{sign[name]}?"
        case Empty():
            return ""
        case Concat(parts=(first, *rest)):
            if not rest:
                return beginnings(first, sign)
            behind = beginnings(Concat(tuple(rest)), sign)
            return f"(?:{beginnings(first, sign)})|(?:{pattern(first, sign)})(?:{behind})"
        case Choice(options=options):
            return "|".join(f"(?:{beginnings(option, sign)})" for option in options)
        case Repeat(body=body, maximum=high):
            before = f"(?:{pattern(body, sign)}){{0,{'' if high is None else high - 1}}}"
            return f"{before}(?:{beginnings(body, sign)})"
    raise TypeError(behavior)


def signs(random_spec: RandomSpec, compiled: Compiled) -> list[Sign]:
    """The letters of the spec, as section 6 of the design defines them."""
    document, found = random_spec.document, []
    quoting = {name: of for name, step in document["steps"].items() if (of := sources(step))}
    for name, step in document["steps"].items():
        kind = step["by"] if step["by"] != "model" else step.get("tool", "plain")
        kind = "handler" if kind == "tool" and "handler" in step else kind
        empties = [f"empty({one})" for one, of in quoting.items() if name in of]
        for tool in [None] if kind in ("plain", "user", "handler") else list(random_spec.schemas):
            for facts in built_ins(kind, tool):
                for held in valuations(random_spec, compiled, name, tool, facts):
                    for size in range(len(empties) + 1):
                        for empty in combinations(empties, size):
                            true = frozenset({name, *facts, *held, *empty})
                            found.append(Sign(name, Owner(step["by"]), tool, kind, true))
    return found


class WordGame:
    """The game of a compiled spec, played on words. ``limit`` bounds the words looked at in one question."""

    def __init__(self, random_spec: RandomSpec, compiled: Compiled, limit: int = 4000) -> None:
        spec = compiled.agent.spec
        self._sign = {name: chr(0x4E00 + i) for i, name in enumerate(spec.steps)}
        self._whole = re.compile(pattern(spec.behavior, self._sign))
        self._begun = re.compile(beginnings(spec.behavior, self._sign))
        self._rules = [rule.formula for rule in spec.rules if rule.enforce == "block"]
        self.signs = signs(random_spec, compiled)
        steps = random_spec.document["steps"]
        self._sources = {name: sources(step) for name, step in steps.items() if sources(step)}
        self.limit = limit
        self._left = 0
        self.cut = False
        self._good: dict[Word, bool] = {}
        self._next: dict[Word, list[Sign]] = {}

    def _text(self, word: Word) -> str:
        return "".join(self._sign[letter.step] for letter in word)

    def good(self, word: Word) -> bool:
        """Whether an episode that is this word is one the author wants."""
        if word not in self._good:
            self._good[word] = (
                bool(word)
                and not word[-1].completes
                and self._whole.fullmatch(self._text(word)) is not None
                and all(holds(rule, [letter.true for letter in word]) for rule in self._rules)
            )
        return self._good[word]

    def possible(self, word: Word) -> list[Sign]:
        """The letters that exist after the word, wanted or not."""
        if word not in self._next:
            self._next[word] = [
                letter
                for letter in self.signs
                if consistent(word, letter)
                and self._quotes(word, letter)
                and self._begun.fullmatch(self._text((*word, letter)))
            ]
        return self._next[word]

    def wins(self, steps: int, word: Word = ()) -> bool:
        """Whether the model can force a good word within so many more steps. Raises TooMany.

        Afterwards ``cut`` says whether more steps could make a difference.
        """
        self._left = self.limit
        self.cut = False
        return self._wins(word, steps)

    def _wins(self, word: Word, steps: int) -> bool:
        self._left -= 1
        if self._left < 0:
            raise TooMany
        if self.good(word):
            return True
        letters = self.possible(word)
        if not steps:
            self.cut |= bool(letters)
            return False
        after = (self._wins((*word, letter), steps - 1) for letter in letters)
        if letters and letters[0].owner == Owner.MODEL:
            return any(after)
        return bool(letters) and all(after)

    def _quotes(self, word: Word, letter: Sign) -> bool:
        """Whether the letter can come after the word as far as quotations are concerned.

        A result or the user's text may give something to quote, a failure changes nothing, and what can be quoted once
        can be quoted ever after.
        """
        for step, of in self._sources.items():
            empty = f"empty({step})"
            before = any(one.step in of and _says(one) and empty not in one.true for one in word)
            if letter.step == step and not before:
                return False
            if letter.step in of and (before or not _says(letter)) and (empty in letter.true) == before:
                return False
        return True


def _says(letter: Sign) -> bool:
    """Whether a letter of a tool or user is something that can be quoted from."""
    return not says_nothing(letter.true)


def consistent(word: Word, letter: Sign) -> bool:
    """Whether the letter can come after the word as far as calls are concerned."""
    if word and word[-1].completes:
        return letter.kind == "tool" and letter.tool == word[-1].tool
    if letter.kind == "tool":
        return False
    chosen = None
    for earlier in word:
        chosen = earlier.tool if earlier.kind == "name" else None if earlier.kind == "tool" else chosen
    if letter.kind == "arguments":
        return letter.tool == chosen
    if letter.kind == "handler":
        return chosen is None
    return letter.kind not in ("name", "call") or chosen is None


def sign_of(game: WordGame, true: Iterable[str]) -> Sign:
    """The sign with these true propositions."""
    wanted = frozenset(true)
    return next(letter for letter in game.signs if letter.true == wanted)
