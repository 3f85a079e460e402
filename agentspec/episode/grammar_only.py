"""The same episode under the grammar of each step alone, as most constrained decoding is used: to compare with.

Every step the model writes has its cue and a content of its kind; which step comes next is the model's choice, and so
is the end. Arguments are those of the tool that was chosen, since without one they have no grammar; nothing else is
asked of the order. Behavior and rules are not enforced but judge the run, as without the guard: its first violation
ends it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import Constraint, either
from agentspec.content.cost import Completions
from agentspec.decoding.ahead import Ahead
from agentspec.decoding.decode import decode
from agentspec.decoding.landing import Landing
from agentspec.decoding.lower.llguidance import lower
from agentspec.episode.chat import is_native
from agentspec.episode.trace import StepRecord
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.guard.segment import Alternative, Node, Segment
from agentspec.spec.alphabet import line

NO_LANDING = 10**9
"""Tokens left as the decoder is told; the episode counts its own."""


@dataclass
class GrammarOnlyEpisode(UnguardedEpisode):
    """Statuses as of an unguarded one."""

    def _write_freely(self, source: Ahead) -> Generator[StepRecord | str, None, bool]:
        lines = self._lines()
        plan = _any_order(tuple(lines))
        matcher = self.engine.matcher(lower(plan, lines.__getitem__, special=self.engine.special))
        landing = Landing(
            plan, NO_LANDING, Completions(list), lines.__getitem__, dict.fromkeys(lines, 0), list, self.engine.decode
        )
        text, tokens, logprob, began, ended = b"", 0, 0.0, time.perf_counter(), False
        drawn = decode(matcher, source, lambda: self.sampler, self.counters, landing, logprobs=self.logprobs)
        with closing(drawn) as written:
            while True:
                if not matcher.finished:
                    self._check_limits()
                emitted = next(written, None)
                ended = emitted is None or emitted.end
                new = [] if emitted is None else emitted.tokens
                logprob += 0.0 if emitted is None else emitted.logprobs[1]
                for behind in range(len(new) - 1, -1, -1) if new else [0]:
                    tokens += bool(new)
                    if not ended:
                        self._tail = self.engine.decode([new[-1 - behind]])
                        text += self._tail
                    while text.strip() and (whole := self._whole(text, final=ended)) is not None:
                        text = whole[1]
                        yield from self._reading(whole[0], tokens, time.perf_counter() - began, logprob)
                        tokens, logprob, began = 0, 0.0, time.perf_counter()
                        if self.compiled.arena.owner[self._state] != Owner.MODEL:
                            self._hand_over(source, behind + len(new) * ended, text)
                            return False
                if ended:
                    return True

    def _hand_over(self, source: Ahead, behind: int, rest: bytes) -> None:
        """Somebody else writes next: what the last token, and those behind it, hold of a next step goes."""
        if behind or rest:
            source.rollback(behind + bool(rest))
        kept = self._tail[: -len(rest)] if rest else b""
        if not rest and not self._tail.endswith(b"\n") and not is_native(self.compiled):
            kept = b"\n"  # the line is complete: give it its border
        if kept:
            source.append(self.engine.spell(kept))

    def _lines(self) -> dict[Letter, Constraint]:
        """The whole text of each step, for tools of each tool: one letter stands for all of a step and tool."""
        quoting = self.compiled.alphabet.quoting
        bound = self.quotes.bound(a for a in self.compiled.contents if a.step in quoting)
        lines = dict(self._fixed)
        for letter in self._quoting:
            texts = [content for a, content in bound.items() if (a.step, a.tool) == (letter.step, letter.tool)]
            if texts:
                lines[letter] = line(self.compiled.agent.spec, letter, either(texts))
        return lines

    @cached_property
    def _fixed(self) -> dict[Letter, Constraint]:
        """The lines that are the same all along."""
        spec, wholes = self.compiled.agent.spec, self.compiled.alphabet.wholes
        return {a: line(spec, a, wholes[str(a.step), a.tool]) for a in self._first(quoting=False)}

    @cached_property
    def _quoting(self) -> list[Letter]:
        return self._first(quoting=True)

    def _first(self, *, quoting: bool) -> list[Letter]:
        quotes = self.compiled.alphabet.quoting
        first: dict[tuple[str | None, str | None], Letter] = {}
        for letter in self.compiled.contents:
            if (letter.step in quotes) == quoting:
                first.setdefault((letter.step, letter.tool), letter.choice)
        return list(first.values())


def _any_order(letters: tuple[Letter, ...]) -> Segment:
    """Node 0: no tool is chosen; then one for each tool. What completes a call ends the segment."""
    tools = list(dict.fromkeys(letter.tool for letter in letters if letter.tool is not None))

    def node(chosen: str | None) -> Node:
        here = 0 if chosen is None else 1 + tools.index(chosen)
        ways = []
        for letter in letters:
            chooses = any(name.startswith("chosen(") for name in letter.true)
            if letter.tool is None:
                ways.append(Alternative(letter, here, 0))
            elif letter.tool == chosen or (chosen is None and chooses):
                if letter.completes_call and chooses == (chosen is None):
                    ways.append(Alternative(letter, None, 0))
                elif not letter.completes_call and chosen is None:
                    ways.append(Alternative(letter, 1 + tools.index(letter.tool), 0))
        return Node(tuple(ways), True, True)

    return Segment((node(None), *(node(tool) for tool in tools)))
