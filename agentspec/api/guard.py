"""The guard of an agent on its own: to look at, and to steer a loop that is not ours."""

from __future__ import annotations

import html
from functools import cached_property

from agentspec.api.cursor import Cursor
from agentspec.api.picture import Automaton
from agentspec.checking.compile import Compiled
from agentspec.guard.budget import Budget


class Guard:
    """A compiled agent whose every run can end well; immutable, to be shared between runs and threads.

    Raises SpecError, with the play by which tools and users win, where no guard exists.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        _ = compiled.guard

    def start(self, budget: Budget | None = None) -> Cursor:
        """A cursor before the first step; ``budget`` None is the agent's own limits. Raises BudgetRefused."""
        return Cursor(self.compiled, budget)

    @cached_property
    def least(self) -> Budget:
        """A budget that suffices: least in tokens, then in steps, then in calls."""
        return self.compiled.guard.least()

    @cached_property
    def automaton(self) -> Automaton:
        """The automaton of behavior and ``block`` rules, before pruning."""
        return Automaton(*self.compiled.automaton, self.compiled.agent.name)

    def __repr__(self) -> str:
        rules = [rule.id for rule in self.compiled.agent.spec.rules]
        return (
            f"<Guard of {self.compiled.agent.name}: {len(self.automaton)} states, "
            f"rules: {', '.join(rules) or 'none'}; least budget: {self.least}>"
        )

    def _repr_svg_(self) -> str | None:
        return self.automaton._repr_svg_()

    def _repr_html_(self) -> str:
        spec = self.compiled.agent.spec
        told = "".join(
            f"<li><b>{html.escape(rule.id)}</b> <code>{html.escape(rule.text)}</code> ({rule.enforce})"
            f" {html.escape(rule.description)}</li>"
            for rule in spec.rules
        )
        return (
            f"<p><b>{html.escape(self.compiled.agent.name)}</b>: <code>{html.escape(spec.behavior_text)}</code></p>"
            f"<ul>{told}</ul><p>least budget: {self.least}</p>{self._repr_svg_() or ''}"
        )
