"""What `agentspec check` tells of a spec before its first run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentspec.checking.analyse import Analysis, analyse
from agentspec.checking.asked import faults
from agentspec.checking.compile import Compiled
from agentspec.checking.play import Play
from agentspec.errors import SpecError
from agentspec.guard.budget import Budget
from agentspec.guard.guard import TRIES
from agentspec.logic.formula import atoms
from agentspec.logic.show import show_formula


@dataclass(frozen=True)
class Report:
    """The findings. ``problems`` make the spec unusable or surely mistaken, ``warnings`` are worth a look.

    ``notes`` say under which assumptions the guarantee holds. ``witness`` is how tools and users break a spec that is
    not realizable, ``blamed`` are the rules to blame where it is not, none of which could be left out of the blame.
    ``analysis`` is there for realizable specs, ``ltl`` holds each rule as a formula; a policy does not ``guard``.
    ``partial`` are the rules that a run may have to stop for, since what a function says shows only when it is called;
    ``unenforced`` are keywords of lenient JSON Schemas, for which a step may be taken back when it is whole.
    """

    name: str
    realizable: bool
    states: int
    dead_steps: tuple[str, ...]
    least_budget: Budget | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    witness: Play | None = None
    satisfiable: bool = True
    blamed: tuple[str, ...] = ()
    analysis: Analysis | None = None
    assumptions: tuple[str, ...] = ()
    ltl: tuple[tuple[str, str], ...] = ()
    guards: bool = True
    partial: tuple[str, ...] = ()
    unenforced: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether there is nothing to report."""
        return not self.problems and not self.warnings

    @property
    def guarantee(self) -> str:
        """``full``, or ``partial`` where a step may be taken back."""
        return "partial" if self.partial or self.unenforced else "full"

    def to_json(self) -> dict[str, Any]:
        """The shape of one entry of ``check --json``."""
        least = self.least_budget
        return {
            "schema_version": 1,
            "name": self.name,
            "satisfiable": self.satisfiable,
            "realizable": self.realizable,
            "guarantee": self.guarantee if self.realizable and self.guards else None,
            **({"unguaranteed": list(self.partial)} if self.partial else {}),
            **({"unenforced": list(self.unenforced)} if self.unenforced else {}),
            "states": self.states,
            "dead_steps": list(self.dead_steps),
            "least_budget": None
            if least is None
            else {"max_tokens": least.tokens, "max_steps": least.steps, "max_tool_calls": least.calls},
            "problems": list(self.problems),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "assumptions": list(self.assumptions),
            "rules": [{"rule": name, "ltl": formula} for name, formula in self.ltl],
            **({"conflict": list(self.blamed)} if self.blamed else {}),
            **({"witness": self.witness.to_json()} if self.witness else {}),
            **({"analysis": self.analysis.to_json()} if self.analysis else {}),
        }


def check(compiled: Compiled) -> Report:
    """Examine a compiled agent: realizable, what its rules do, dead steps, whether its own limits suffice."""
    agent = compiled.agent
    states = len(compiled.automaton[0].edges)
    assumptions = tuple(rule.id for rule in compiled.assumptions)
    ltl = tuple((rule.id, show_formula(rule.formula)) for rule in agent.spec.rules)
    if not compiled.realizable:
        witness = None if compiled.contradictory else compiled.play()
        blamed = compiled.conflict if compiled.contradictory else compiled.losing_rules
        return Report(
            agent.name, False, states, (), None, (str(compiled.refusal()),), (), (), witness,
            not compiled.contradictory, tuple(rule.id for rule in blamed), None, assumptions, ltl,
        )  # fmt: skip
    limits = agent.limits
    budget = Budget(limits.max_tokens, limits.max_steps, limits.max_tool_calls)
    least = compiled.guard.least()
    problems = []
    if not compiled.guard.suffices(budget):
        below = f"the limits ({budget}) are below the least that surely suffices: {least}"
        problems.append(str(SpecError(below, location=agent.limits_location)))
    problems += faults(compiled)
    analysis = analyse(compiled)
    warnings = [f"the step '{step}' can never occur" for step in compiled.dead_steps]
    warnings += [f"the proposition '{name}' can never hold" for name in compiled.dead_propositions]
    warnings += analysis.warnings()
    unenforced = tuple(f"{step.name}: {one}" for step in agent.spec.steps.values() for one in step.unenforced)
    warnings += [f"not enforced, but validated once the step is whole: {one}" for one in unenforced]
    notes = _notes(compiled)
    if analysis.left_out:
        notes = (*notes, f"not examined further, for want of time or space: {', '.join(analysis.left_out)}")
    return Report(
        agent.name, True, states, compiled.dead_steps, least, tuple(problems), tuple(warnings), notes,
        analysis=analysis, assumptions=assumptions, ltl=ltl, partial=compiled.unguaranteed,
        unenforced=unenforced,
    )  # fmt: skip


def _notes(compiled: Compiled) -> tuple[str, ...]:
    notes = []
    if compiled.assumed_tools:
        notes.append(f"no tools are named; looked at with stand-ins for: {', '.join(compiled.assumed_tools)}")
    for step, handler in compiled.agent.spec.handlers.items():
        if handler.agents:
            named = ", ".join(name for name, _ in handler.agents)
            notes.append(f"'{step}' asks {named}, with limits of its own")
    if compiled.agent.spec.semantics == "infinite":
        notes.append("a session: the limits are those of a turn, from one step of the user to the next")
    elif compiled.waits_for_user:
        notes.append("the user writes more than once; a run whose user stays silent ends 'pending'")
    if compiled.partial:
        rules = [rule for rule in compiled.blocking if rule.id in compiled.unguaranteed]
        asked = {name for rule in rules for name in atoms(rule.formula)} & compiled.alphabet.runtime.declared.keys()
        notes.append(
            f"guaranteed in part: {', '.join(compiled.unguaranteed)} cannot be kept whatever the functions say of "
            f"{', '.join(sorted(asked))}, which shows only when a step is written. A step after which no good end is "
            f"left is taken back and written anew, {TRIES} times in all and within the budget; then the run ends "
            "'stopped_rule'"
        )
    for declared in compiled.agent.spec.propositions:
        schema = compiled.schemas[declared.tool].parameters if declared.tool else {}
        for name in declared.where or {}:
            if declared.tool and name in schema.get("properties", {}) and name not in schema.get("required", []):
                notes.append(
                    f"'{declared.name}' is false where {declared.tool} is called without '{name}', which it may be: "
                    "what the tool then takes for it, no rule sees"
                )
    if compiled.assumptions:
        named = ", ".join(rule.id for rule in compiled.assumptions)
        notes.append(f"guaranteed as long as tools and users keep to: {named} (else 'assumption_violated')")
    monitored = [rule.id for rule in compiled.agent.spec.rules if rule.enforce in ("warn", "log")]
    if monitored:
        notes.append(f"watched but not enforced: {', '.join(monitored)}")
    if compiled.agent.limits.timeout is not None:
        notes.append("the time-out may stop a run before its end ('stopped_limit')")
    return tuple(notes)
