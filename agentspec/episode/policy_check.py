"""What can be said of a policy before it is tried on logs: contradictions, and rules that forbid nothing more.

A policy has no behavior: any order of messages is possible, so the joint decision is one about words of all letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agentspec.automata.joint import Rules, satisfying_word
from agentspec.automata.letter import Letter
from agentspec.automata.monitor import Monitor
from agentspec.checking.analyse import Analysis, Effect
from agentspec.checking.check import Report
from agentspec.checking.compile import rule_monitor
from agentspec.checking.stand_ins import stand_ins
from agentspec.checking.witness import Witness
from agentspec.episode.replay_policy import Policy
from agentspec.errors import SpecError, TooLarge
from agentspec.logic.formula import Not
from agentspec.logic.show import show_formula
from agentspec.spec.alphabet import alphabet
from agentspec.spec.model import Rule


def check_policy(policy: Policy) -> Report:
    """The findings about a policy; tools that no rule names are one that stands for any.

    Raises InvalidInput as compiling does.
    """
    rules = tuple(rule for rule in policy.rules() if rule.enforce != "off")
    spec = replace(policy.spec, rules=rules)
    ltl = tuple((rule.id, show_formula(rule.formula)) for rule in rules)
    notes = ["a policy has no behavior and guards nothing: `agentspec replay` judges recorded traces by it"]
    if spec.semantics == "infinite":
        notes.append("rules about sessions without an end are not examined together")
        return Report(spec.name, True, 0, (), None, (), (), tuple(notes), ltl=ltl, guards=False)
    letters = alphabet(spec, stand_ins(spec)).letters
    monitors = {rule.id: rule_monitor(rule) for rule in rules}
    found = satisfying_word(letters, (), list(monitors.items()))
    if found.word is None:
        message = f"contradictory: no trace satisfies the rules {', '.join(found.core)}"
        location = [rule.location for rule in rules if rule.id in found.core][-1]
        problem = str(SpecError(message, location=location))
        return Report(
            spec.name, False, 0, (), None, (problem,), (), tuple(notes), satisfiable=False, blamed=found.core, ltl=ltl,
            guards=False,
        )  # fmt: skip
    effects = tuple(_effect(letters, rule, monitors) for rule in rules)
    analysis = Analysis(Witness(found.word), effects, None, ())
    return Report(
        spec.name, True, 0, (), None, (), tuple(analysis.warnings()), tuple(notes), analysis=analysis, ltl=ltl,
        guards=False,
    )  # fmt: skip


def _effect(letters: Sequence[Letter], rule: Rule, monitors: dict[str, Monitor]) -> Effect:
    against = (rule.id, rule_monitor(replace(rule, formula=Not(rule.formula))))
    forbids = _word(letters, [against])
    others = [(name, monitor) for name, monitor in monitors.items() if name != rule.id]
    try:
        redundant = forbids is None or _word(letters, [*others, against]) is None
    except TooLarge:
        redundant = False
    return Effect(rule.id, forbids, redundant)


def _word(letters: Sequence[Letter], rules: Rules) -> Witness | None:
    word = satisfying_word(letters, (), rules).word
    return None if word is None else Witness(word)
