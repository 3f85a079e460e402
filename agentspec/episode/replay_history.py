"""History rules on recorded traces: judged on decoded values, step by step, as far as the trace tells them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.content.json_text import parse_object
from agentspec.episode.history import read_value
from agentspec.episode.replay_journal import Noted
from agentspec.episode.replay_messages import Move
from agentspec.episode.replay_policy import Policy
from agentspec.spec.history_judge import broken_rules
from agentspec.spec.memory import Memory
from agentspec.spec.model import Rule


@dataclass
class Past:
    """What a trace held so far, and the history rules it is judged by."""

    rules: tuple[Rule, ...]
    json: frozenset[str]
    memory: Memory = field(default_factory=Memory)

    @classmethod
    def of(cls, policy: Policy, tools: Iterable[str | None]) -> Past | None:
        """Before the first step of a trace in which these tools occur; None where no rule asks for it."""
        if all(rule.history is None for rule in policy.spec.rules):
            return None
        rules = policy.rules({tool for tool in tools if tool is not None} if policy.varies else ())
        holding = frozenset(name for name, step in policy.spec.steps.items() if step.kind == "json_schema")
        return cls(tuple(rule for rule in rules if rule.history is not None), holding)

    def of_move(self, letter: Letter, move: Move) -> frozenset[str]:
        """The ``breaks(RULE)`` of one part of a message log."""
        if move.kind == "call":
            return self._called(letter, _arguments(move.arguments))
        if move.kind == "assistant":
            return self._wrote(letter, move.text)
        if not move.failed:
            self._heard(letter, move.text, read_value(move.text))
        return frozenset()

    def of_noted(self, letter: Letter, noted: Noted, arguments: Any) -> frozenset[str]:
        """The ``breaks(RULE)`` of one step of a journal."""
        if letter.completes_call:
            return self._called(letter, _arguments(arguments))
        if letter.owner == Owner.MODEL:
            return self._wrote(letter, noted.content)
        if not any(name.startswith("failed(") for name in noted.built_in):
            self._heard(letter, noted.shown, noted.value)
        return frozenset()

    def _called(self, letter: Letter, value: Any) -> frozenset[str]:
        found = broken_rules(self.rules, letter, value, self.memory)
        if letter.tool is not None and value is not None:
            self.memory = self.memory.called(letter.tool, value)
        return found

    def _wrote(self, letter: Letter, text: str) -> frozenset[str]:
        value = read_value(text) if letter.step in self.json else None
        return broken_rules(self.rules, letter, value, self.memory)

    def _heard(self, letter: Letter, text: str, value: Any) -> None:
        if letter.owner == Owner.TOOL and letter.tool is not None:
            self.memory = self.memory.answered(letter.tool, value)
        if letter.step is not None:
            self.memory = self.memory.heard(letter.step, text)


def _arguments(logged: Any) -> Any:
    """The arguments of a call as logged, None where they are no object."""
    if not isinstance(logged, str):
        return {} if logged is None else logged if isinstance(logged, dict) else None
    try:
        return parse_object(logged) if logged.strip() else {}
    except ValueError:
        return None
