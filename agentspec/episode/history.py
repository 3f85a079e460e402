"""What was written so far in one episode, and what it leaves to be written: history rules as the loop sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled
from agentspec.content.constraint import Constraint
from agentspec.content.json_text import parse_object
from agentspec.content.language import matches
from agentspec.content.quotation import bind
from agentspec.spec.alphabet import call_frame
from agentspec.spec.history import broken
from agentspec.spec.history_judge import broken_rules
from agentspec.spec.history_plan import Bound, events
from agentspec.spec.memory import Memory


class Unsaid:
    """No structured value is known: the text is read instead."""


UNSAID = Unsaid()


def has_failed(letter: Letter) -> bool:
    """Whether a letter of a tool says that nothing came of it."""
    return any(name == "error" or name.startswith("failed(") for name in letter.true)


@dataclass(frozen=True)
class Quotes:
    """The history of an episode. ``broken`` are the ``breaks(RULE)`` of the model's last step.

    What the letters may hold now is worked out once and kept as long as nothing happens that could change it.
    """

    compiled: Compiled
    memory: Memory = field(default_factory=Memory)
    broken: frozenset[str] = frozenset()
    _known: dict[Letter, Constraint | None] = field(default_factory=dict, compare=False, repr=False)

    def after(self, letter: Letter, text: str, value: Any = UNSAID) -> Quotes:
        """With what was said at a letter of a tool or user; a failure says nothing that is referred to.

        ``value`` is a tool's whole result as JSON; without it the text is read as JSON, or is itself the value.
        """
        bounds = self.compiled.alphabet.bounds
        if not self._remembers:
            return self
        fine = not has_failed(letter)
        memory = self.memory
        if letter.owner == Owner.TOOL and letter.tool is not None and fine:
            memory = memory.answered(letter.tool, read_value(text) if value is UNSAID else value)
        if letter.step is not None and fine:
            memory = memory.heard(letter.step, text)
        changed = events(letter)
        known = {a: found for a, found in self._known.items() if a in bounds and not bounds[a].changes & changed}
        return Quotes(self.compiled, memory, frozenset(), known)

    def wrote(self, letter: Letter, content: str) -> Quotes:
        """With a step of the model's, judged by what was written before it."""
        if not self._remembers:
            return self
        spec, value = self.compiled.agent.spec, decoded(self.compiled, letter, content)
        found = broken_rules(spec.rules, letter, value, self.memory)
        memory = self.memory
        if letter.completes_call and letter.tool is not None and value is not None:
            memory = memory.called(letter.tool, value)
        if memory is self.memory and found == self.broken:
            return self
        return Quotes(self.compiled, memory, found, self._known)

    @property
    def _remembers(self) -> bool:
        return bool(self.compiled.alphabet.bounds) or any(rule.history for rule in self.compiled.agent.spec.rules)

    @property
    def enforced(self) -> tuple[str, ...]:
        """The enforced rules among those that the model's last step breaks."""
        rules = self.compiled.agent.spec.rules if self.broken else ()
        return tuple(rule.id for rule in rules if rule.enforce == "block" and broken(rule.id) in self.broken)

    def judged(self, letter: Letter) -> Letter:
        """The letter of the model's last step with the history rules that it breaks."""
        mine = letter.owner == Owner.MODEL and self.broken
        return replace(letter, true=letter.true | self.broken) if mine else letter

    def broken_by(self, text: str) -> tuple[str, ...]:
        """The enforced rules that a step breaks, cue and all, which would be one of the model's without them."""
        spec = self.compiled.agent.spec
        rules = [rule for rule in spec.rules if rule.history is not None and rule.enforce == "block"]
        for letter, content in self.compiled.contents.items() if rules else ():
            lead = f"{spec.steps[str(letter.step)].cue} "
            if not text.startswith(lead):
                continue
            quoted = bind(content, self.memory.said, self.memory.order)
            if quoted is not None and matches(quoted, text[len(lead) :]):
                value = decoded(self.compiled, letter, text[len(lead) :])
                if found := broken_rules(rules, letter, value, self.memory):
                    return tuple(rule.id for rule in rules if broken(rule.id) in found)
        return ()

    def fits(self, letter: Letter) -> bool:
        """Whether each ``empty(…)`` that a letter of others speaks of is true just where no text is left."""
        said = letter.true | letter.false
        return all(
            (bound.name in letter.true) == (self._content(bound) is None)
            for bound in self.compiled.alphabet.bounds.values()
            if bound.name in said
        )

    @property
    def empty(self) -> frozenset[str]:
        """The ``empty(…)`` that are true now."""
        bounds = self.compiled.alphabet.bounds.values()
        return frozenset(bound.name for bound in bounds if self._content(bound) is None)

    def bound(self, letters: Iterable[Letter]) -> dict[Letter, Constraint]:
        """What those of the letters may hold now whose texts depend on it; those without any are left out."""
        found = {}
        for letter in letters:
            bound = self.compiled.alphabet.bound(letter)
            if bound is not None and (content := self._content(bound)) is not None:
                found[letter] = content
        return found

    def _content(self, bound: Bound) -> Constraint | None:
        if bound.letter not in self._known:
            self._known[bound.letter] = bound.content(self.memory)
        return self._known[bound.letter]


def decoded(compiled: Compiled, letter: Letter, content: str) -> Any:
    """The arguments of a call, or the value of a step that holds JSON; None for what is neither."""
    if letter.completes_call:
        prefix, suffix = call_frame(compiled.agent.spec, letter)
        inner = content[len(prefix) : len(content) - len(suffix)]
        if not (content.startswith(prefix) and content.endswith(suffix)):
            return None
        try:
            return parse_object(inner)
        except ValueError:
            return None
    step = compiled.agent.spec.steps.get(str(letter.step))
    return read_value(content) if step is not None and step.kind == "json_schema" else None


def read_value(text: str) -> Any:
    """The JSON value that a text is, or the text itself where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
