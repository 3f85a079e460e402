"""The guard of an agent on its own: to look at, and to steer a loop that is not ours."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import cached_property

from agentspec.api.cursor import Cursor
from agentspec.api.picture import Automaton
from agentspec.checking.compile import Compiled
from agentspec.guard.budget import Budget


class Guard:
    """A compiled agent whose every run can end well; immutable, to be shared between runs and threads.

    ``with_functions`` adds the functions of runtime predicates, which a cursor needs, and may import them.
    Raises SpecError, with the play by which tools and users win, where no guard exists.
    """

    def __init__(self, compiled: Compiled, with_functions: Callable[[Compiled], Compiled] | None = None) -> None:
        self.compiled = compiled
        self._with_functions = with_functions
        _ = compiled.guard

    def start(self, budget: Budget | None = None) -> Cursor:
        """A cursor before the first step; ``budget`` None is the agent's own limits. Raises BudgetRefused.

        Imports the functions of runtime predicates, as a run would; InvalidInput where they may not be.
        """
        return Cursor(self.compiled if self._with_functions is None else self._with_functions(self.compiled), budget)

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
