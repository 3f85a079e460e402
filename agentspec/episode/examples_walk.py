"""A prompt example read along the guard: where it may stand after each of its steps, whatever the outcomes were.

A tool's outcome does not stand in a transcript: an observation is taken to be whatever its text allows, and an example
is fine if some choice of outcomes makes it an episode the guard could have produced. Of several the likeliest is told:
the one whose failures read like failures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from agentspec import limits
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled
from agentspec.episode.examples_read import Line
from agentspec.episode.examples_texts import Texts
from agentspec.episode.history import Quotes, has_failed
from agentspec.episode.replay_messages import looks_failed
from agentspec.episode.transcript import decided
from agentspec.errors import InvalidInput
from agentspec.guard.budget import Budget


class Taken(NamedTuple):
    """One step of a word: the letter, what the letter is with the history rules that it breaks, and from where."""

    before: Taken | None
    state: int
    letter: Letter
    judged: Letter

    def word(self) -> list[Taken]:
        """All steps up to this one."""
        found: list[Taken] = []
        link: Taken | None = self
        while link is not None:
            found.append(link)
            link = link.before
        return found[::-1]


class Node(NamedTuple):
    """A place of the guard, with the steps and calls so far (of the turn, in a session) and what was written.

    ``odd`` counts the outcomes that do not read like what they are; ``last`` is the way here.
    """

    state: int
    quotes: Quotes
    steps: int = 0
    calls: int = 0
    memory: str = ""
    odd: int = 0
    last: Taken | None = None


class Ground:
    """An agent as examples are read along it."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.arena, self.winning = compiled.arena, compiled.solution.rank
        self.steps = compiled.agent.spec.steps
        self.texts = Texts(compiled)
        spec = compiled.agent.spec
        self.endless = spec.semantics == "infinite"
        self.remembers = bool(compiled.alphabet.bounds) or any(rule.history for rule in spec.rules)
        self._kept: dict[int, dict[Letter, int]] = {}
        self._possible: dict[tuple[int, str], tuple[Letter, ...]] = {}
        self._fits: dict[tuple[int, int, int], bool] = {}
        self._failures: dict[Letter, bool] = {}

    def start(self) -> Node:
        """Before the first step."""
        return Node(self.arena.initial, Quotes(self.compiled))

    def kept(self, state: int) -> dict[Letter, int]:
        """The letters after which a good end is sure, whoever writes them."""
        if state not in self._kept:
            self._kept[state] = self.arena.kept(state, self.winning)
        return self._kept[state]

    @cached_property
    def edges(self) -> dict[int, dict[Letter, int]]:
        """The kept letters of each state that the guard can come to, breadth first, with the states behind them."""
        found: dict[int, dict[Letter, int]] = {}
        queue = [self.arena.initial]
        for state in queue:
            if state not in found:
                found[state] = self.kept(state)
                queue += found[state].values()
        return found

    def may_end(self, node: Node) -> bool:
        """Whether an example may end here."""
        return node.state in self.arena.accepting

    def candidates(self, node: Node, line: Line) -> Iterator[tuple[Letter, str]]:
        """The letters that exist here and that a line may be by its cue, with its content."""
        moves = self.arena.moves[node.state]
        for name in dict.fromkeys(str(letter.step) for letter in moves):
            content = line.content_at(self.steps[name])
            if content is None:
                continue
            key = (node.state, name)
            if key not in self._possible:
                self._possible[key] = tuple(letter for letter in moves if letter.step == name)
            for letter in self._possible[key]:
                yield letter, content

    def read(self, node: Node, line: Line, *, plainly: bool = False) -> Iterator[tuple[Letter, Node]]:
        """The letters that a line is here, kept or not, and where they lead: `VIOLATED` where they break a rule.

        ``plainly``: of tools' letters only those whose outcome reads like what it is.
        """
        heard: dict[tuple[str | None, str | None, bool], Quotes] = {}
        for letter, content in self.candidates(node, line):
            if plainly and letter.owner == Owner.TOOL and self._is_odd(letter, content):
                continue
            if not self.texts.is_text(letter, node.quotes, content):
                continue
            if letter.owner != Owner.MODEL:
                yield from self.taken(node, letter, content, heard)
                continue
            try:
                letters: Iterable[Letter] = decided(self.compiled, letter, [*self.arena.moves[node.state]], content)
            except InvalidInput:
                continue
            for one in letters if letter.open else (letter,):
                if one == letter:
                    yield from self.taken(node, one, content)

    def taken(
        self,
        node: Node,
        letter: Letter,
        content: str,
        heard: dict[tuple[str | None, str | None, bool], Quotes] | None = None,
    ) -> Iterator[tuple[Letter, Node]]:
        """Where a letter with a text leads, if it may be that letter in view of what it leaves to be written.

        ``heard`` is filled with what is known after the text, which letters of one outcome share.
        """
        quotes, judged = node.quotes, letter
        if self.remembers:
            if letter.owner == Owner.MODEL:
                quotes = quotes.wrote(letter, content)
                judged = quotes.judged(letter)
            else:
                key = (letter.step, letter.tool, self._fails(letter))
                if heard is None or key not in heard:
                    quotes = quotes.after(letter, content)
                    if heard is not None:
                        heard[key] = quotes
                else:
                    quotes = heard[key]
                if not quotes.fits(letter):
                    return
        target = self.arena.moves[node.state][letter]
        begins = self.endless and letter.owner == Owner.USER
        memory = node.memory if quotes.memory is node.quotes.memory else repr(quotes.memory)
        odd = letter.owner == Owner.TOOL and self._is_odd(letter, content)
        yield (
            letter,
            Node(
                target,
                quotes,
                1 if begins else node.steps + 1,
                (0 if begins else node.calls) + letter.completes_call,
                memory,
                node.odd + odd,
                Taken(node.last, node.state, letter, judged),
            ),
        )

    def _is_odd(self, letter: Letter, content: str) -> bool:
        """Whether a tool's text does not read like the outcome that the letter is."""
        return self._fails(letter) != looks_failed(content)

    def _fails(self, letter: Letter) -> bool:
        if letter not in self._failures:
            self._failures[letter] = has_failed(letter)
        return self._failures[letter]

    @cached_property
    def _quoted(self) -> frozenset[str] | None:
        """The steps that are quoted where nothing else is asked of what was written; None where more is asked."""
        bounds = self.compiled.alphabet.bounds.values()
        if any(rule.history for rule in self.compiled.agent.spec.rules) or not all(bound.stays for bound in bounds):
            return None
        return frozenset(step for bound in bounds for quote in bound.quotes for step in quote.of)

    def covers(self, node: Node, other: Node) -> bool:
        """Whether whatever may follow a place may follow another one of the same state, steps and calls.

        So it is where just as much was heard, or, of texts that may be quoted whenever they were said, more.
        """
        if node.memory == other.memory:
            return True
        if self._quoted is None:
            return False
        mine, theirs = node.quotes.memory.said, other.quotes.memory.said
        more = all({*theirs.get(step, ())} <= {*mine.get(step, ())} for step in self._quoted)
        return more and node.quotes.empty == other.quotes.empty

    def merged(self, nodes: Iterable[Node]) -> list[Node]:
        """The places that are worth going on from: none that another covers with as few odd outcomes.

        Of one state, steps and calls at most ``limits.OUTCOMES``, those with the fewest odd outcomes.
        """
        found: dict[tuple[int, int, int], list[Node]] = {}
        for node in sorted(nodes, key=lambda node: (node.odd, -len(node.quotes.memory.order))):
            alike = found.setdefault((node.state, node.steps, node.calls), [])
            if len(alike) < limits.OUTCOMES and not any(self.covers(other, node) for other in alike):
                alike.append(node)
        return [node for alike in found.values() for node in alike]

    def is_kept(self, node: Node, letter: Letter) -> bool:
        """Whether a good end is sure after the letter, however long it takes."""
        return letter in self.kept(node.state)

    # Limits -------------------------------------------------------------------------------------------------------

    @cached_property
    def most(self) -> Budget:
        """The limits of an episode, or of each turn."""
        most = self.compiled.agent.limits
        return Budget(most.max_tokens, most.max_steps, most.max_tool_calls)

    @cached_property
    def limited(self) -> bool:
        """Whether an episode can end within the limits on steps and calls at all."""
        return self.endless or self._within(self.arena.initial, 0, 0)

    def fits(self, node: Node) -> bool:
        """Whether a good end is sure from here within the limits on steps and calls."""
        return not self.limited or self._within(node.state, node.steps, node.calls)

    def _within(self, state: int, steps: int, calls: int) -> bool:
        left = self.most.steps - steps, self.most.calls - calls
        if self.endless or min(left) < 0 or state == VIOLATED:
            return min(left) >= 0
        key = (state, *left)
        if key not in self._fits:
            self._fits[key] = self.compiled.guard.costs.tokens(state, *left) < math.inf
        return self._fits[key]


def step_name(ground: Ground, line: Line) -> str:
    """The step that a line announces, for messages."""
    if line.step:
        return line.step
    return next((name for name in ground.steps if name in line.steps), "?")
