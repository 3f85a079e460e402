"""Bugs to be put in where handlers are at work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agentspec.automata.letter import Owner
from agentspec.episode import episode as episode_module
from agentspec.episode import helped as helped_module
from agentspec.episode.episode import Episode
from agentspec.episode.transcript import show
from agentspec.guard.budget import Costs
from agentspec.guard.guard import Position
from agentspec.spec.register import CallRegister


def _without(patch: pytest.MonkeyPatch, kind: type, name: str, value: Any) -> None:
    """While a proposal is looked at, ``kind.name`` is another."""
    honest, proposed = getattr(kind, name), Episode._proposed

    def looked(self: Episode, position: Position) -> Any:
        setattr(kind, name, value)
        try:
            return proposed(self, position)
        finally:
            setattr(kind, name, honest)

    patch.setattr(Episode, "_proposed", looked)


def a_proposal_needs_no_guard(patch: pytest.MonkeyPatch) -> None:
    """Whatever step exists may be proposed, wanted or not."""
    _without(patch, Position, "allowed", lambda self: self.guard.possible(self.state))


def a_proposal_needs_no_budget(patch: pytest.MonkeyPatch) -> None:
    """How long a proposal is makes no difference."""
    _without(patch, Costs, "fits", lambda _self, _state, _left: True)


def a_proposal_needs_no_content(patch: pytest.MonkeyPatch) -> None:
    """A proposal is a text of the step, whatever it says."""

    def proposed(compiled: Any, possible: Any, text: str, _bound: Any) -> Any:
        step = compiled.agent.spec.steps[possible[0].step]
        return possible[0], text, f"{step.opening}{text}{step.closing}".encode(errors="replace")

    patch.setattr(episode_module, "proposed", proposed)


def faults_of_handlers_are_fine(patch: pytest.MonkeyPatch) -> None:
    """What a handler says as it fails is what it says."""
    honest = helped_module.attempted
    patch.setattr(helped_module, "attempted", lambda *of: replace(honest(*of), ok=True, error=False))


def handlers_write_anywhere(patch: pytest.MonkeyPatch) -> None:
    """A handler's step may come between a tool's name and its arguments."""
    honest = CallRegister.step

    def step(self: CallRegister, state: int, letter: Any) -> int | None:
        return state if letter.owner == Owner.TOOL and letter.tool is None else honest(self, state, letter)

    patch.setattr(CallRegister, "step", step)


def what_is_hidden_is_shown(patch: pytest.MonkeyPatch) -> None:
    """The model reads hidden steps."""
    honest = episode_module.told

    def told(compiled: Any, engine: Any, outcome: Any, possible: Any, quotes: Any) -> Any:
        found = honest(compiled, engine, outcome, possible, quotes)
        step = str(possible[0].step)
        return replace(found, tokens=engine.encode(show(compiled.agent.spec, step, found.shown)))

    patch.setattr(episode_module, "told", told)


def steps_of_code_that_need_not_be_come_anyway(patch: pytest.MonkeyPatch) -> None:
    """Where an episode may end, code goes on whatever it costs."""
    patch.setattr(
        Position, "must_end", property(lambda p: p.is_accepting and not p.allowed() and p.owner != Owner.USER)
    )
