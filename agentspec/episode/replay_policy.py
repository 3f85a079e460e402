"""What recorded traces are judged by: the rules of a spec, or of a policy, which is a file with rules and no steps.

A policy speaks of messages: ``user``, ``assistant``, ``call`` (``call(T)`` and ``chosen(T)`` hold there) and ``result``
(``ok(T)``, or ``failed(T)`` and ``error``), which are its steps. A whole spec has steps of its own; a message log shows
only some of them, so each of its rules is judged only where the log tells everything the rule asks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.letter import Owner
from agentspec.automata.monitor import Monitor
from agentspec.checking.compile import rule_monitor
from agentspec.content.constraint import ANY, Characters
from agentspec.episode.replay_sessions import SessionMonitor
from agentspec.errors import InvalidInput, SpecError, TooLarge, nearest
from agentspec.logic.parse_behavior import parse_behavior
from agentspec.spec.alphabet import named
from agentspec.spec.history import steps_read, tools_of
from agentspec.spec.layers import Layers, read_layers
from agentspec.spec.load import load_text
from agentspec.spec.model import Rule, Spec, Step
from agentspec.spec.proposition import propositions
from agentspec.spec.resolve import resolve
from agentspec.spec.rule import instances, rule, sees
from agentspec.spec.yaml import read_text

MESSAGE_STEPS = {
    "user": Step("user", Owner.USER, "user"),
    "assistant": Step("assistant", Owner.MODEL, "assistant", "text", Characters(ANY, 0, None)),
    "call": Step("call", Owner.MODEL, "call", "tool", None, "call"),
    "result": Step("result", Owner.TOOL, "result"),
}
"""The steps of a policy."""

AnyMonitor = Monitor | SessionMonitor
_ORDER = "(user | assistant | call | result)*"
_BUILT_IN = re.compile(r"(?:call|chosen|ok|failed)\((?P<tool>.*)\)|error")


@dataclass(frozen=True)
class Policy:
    """Rules with the steps they speak of. ``of_messages``: the steps are `MESSAGE_STEPS`."""

    spec: Spec
    of_messages: bool
    tools: tuple[str, ...] = ()
    chosen: tuple[str, ...] = ()

    def rules(self, seen: Collection[str] = ()) -> tuple[Rule, ...]:
        """The rules to judge, ``for: tools`` being those declared, named in rules, and ``seen`` in the trace."""
        known = tuple(dict.fromkeys((*self.tools, *sorted(seen))))
        return tuple(
            one
            for one in instances(self.spec, known)
            if (not self.chosen and one.enforce != "off") or self.is_chosen(one)
        )

    def is_chosen(self, one: Rule) -> bool:
        """Whether the rule, or the one it is an instance of, was asked for."""
        return one.id in self.chosen or one.id.partition("[")[0] in self.chosen

    @property
    def varies(self) -> bool:
        """Whether the rules depend on the tools of a trace."""
        return any(among == "tools" for declared in self.spec.rules for _, among in declared.each)

    @cached_property
    def steps_of_messages(self) -> dict[str, str | None]:
        """The step that each kind of message part is, ``choice`` being the first of two that make a call.

        None where several steps could be meant, or none.
        """
        if self.of_messages:
            return {"user": "user", "assistant": "assistant", "choice": None, "call": "call", "result": "result"}
        steps = self.spec.steps.values()
        return {
            "user": _only(step for step in steps if step.owner == Owner.USER),
            "assistant": _only(step for step in steps if step.owner == Owner.MODEL and step.tool is None),
            "choice": _only(step for step in steps if step.tool == "name"),
            "call": _only(step for step in steps if step.tool in ("arguments", "call")),
            "result": _only(step for step in steps if step.owner == Owner.TOOL),
        }

    def chooses_apart(self) -> bool:
        """Whether a call is two steps: the tool's name, then its arguments."""
        return not self.of_messages and not any(step.tool == "call" for step in self.spec.steps.values())

    def hidden(self, one: Rule, monitor: AnyMonitor | None) -> str | None:
        """Why a message log cannot tell what becomes of a rule, or None: it can."""
        shown = {declared.name: declared for declared in self.spec.propositions}
        called = [name for name in named(one) if name in shown and shown[name].python is not None]
        if called:
            return f"needs {', '.join(dict.fromkeys(called))}, which a function said at run time"
        if self.of_messages:
            return None
        told = {step for step in self.steps_of_messages.values() if step is not None}
        needs = []
        if one.history is not None:
            needs += [step for step in steps_read(one.history) if step in self.spec.steps and step not in told]
        for name in named(one):
            if name in self.spec.steps:
                needs += [] if name in told else [name]
            elif name in shown:
                needs += [f"{name} (at {step})" for step in shown[name].at if step not in told]
            elif _BUILT_IN.fullmatch(name) is None:
                needs.append(name)
        if isinstance(one.view, tuple):
            needs += [step for step in one.view if step not in told and step not in needs]
        if needs:
            return f"needs {', '.join(dict.fromkeys(needs))}, which a message log does not show"
        if one.view is None and set(self.spec.steps) - told and (monitor is None or not _deaf(monitor)):
            return "counts steps, and a message log does not show all of them"
        return None


def _only(steps: Iterator[Step]) -> str | None:
    found = [step.name for step in steps]
    return found[0] if len(found) == 1 else None


def _deaf(monitor: AnyMonitor) -> bool:
    """Whether a position at which nothing holds changes nothing, wherever it stands behind the first."""
    if isinstance(monitor, SessionMonitor):
        return monitor.deaf
    dfa = monitor.dfa
    entered = {target for q in range(len(dfa.edges)) for target in dfa.successors(q)}
    return all(dfa.step(q, ()) == q for q in entered)


def load_policy(name: str, *, only: Collection[str] = ()) -> Policy:
    """The policy or spec in a file or shipped under a name; ``only`` chooses among its rules.

    Raises InvalidInput (SpecError, SyntaxProblem) for what is wrong with it.
    """
    path = resolve(name)
    text = read_text(path)
    layers = read_layers(text, str(path), path)
    if layers.steps() or layers.last("behavior"):
        agent = load_text(text, str(path), path)
        policy = Policy(agent.spec, False, tuple(ref.name for ref in agent.tools))
    else:
        policy = Policy(_of_messages(layers), True, _declared(layers))
    _check(policy)
    ids = [one.id for one in policy.spec.rules]
    for one in only:
        if one not in ids and one.partition("[")[0] not in ids:
            raise InvalidInput(f"no rule is called '{one}'{nearest(one, ids)}")
    if not ids:
        raise SpecError("there are no rules to judge by", location=layers.own.file.at(())[0])
    named = {tool for one in policy.spec.rules for tool in _tools_named(one)}
    return Policy(policy.spec, policy.of_messages, tuple(dict.fromkeys((*policy.tools, *sorted(named)))), tuple(only))


def policy_of(name: str) -> Policy | None:
    """The policy in a file, or None where it is none: it has steps or a behavior, or no rules. Raises InvalidInput."""
    path = resolve(name)
    layers = read_layers(read_text(path), str(path), path)
    if layers.steps() or layers.last("behavior") or not layers.rules():
        return None
    return load_policy(name)


def _of_messages(layers: Layers) -> Spec:
    top = layers.spec[-1]
    semantics = layers.last("semantics")
    return Spec(
        top.document.name,
        MESSAGE_STEPS,
        parse_behavior(_ORDER),
        _ORDER,
        tuple(rule(layer, i, model, MESSAGE_STEPS) for layer, i, model in layers.rules()),
        propositions(layers.propositions(), MESSAGE_STEPS),
        top.file.source,
        description=top.document.description,
        semantics=semantics.document.semantics if semantics else "finite",
    )


def _declared(layers: Layers) -> tuple[str, ...]:
    """The names of the tools listed, which are not looked for."""
    from agentspec.content.tool_ref import parse_tool_ref

    layer = layers.last("tools")
    return tuple(parse_tool_ref(text).name for text in layer.document.tools) if layer else ()


def _check(policy: Policy) -> None:
    """Raises SpecError where a rule names what is neither step nor proposition."""
    declared = [*policy.spec.steps, *(one.name for one in policy.spec.propositions)]
    for one in policy.spec.rules:
        variables = {name for name, _ in one.each}
        for name in named(one):
            known = (
                name in declared
                or name in variables
                or _BUILT_IN.fullmatch(name)
                or name.startswith(("empty(", "breaks("))
            )
            if not known:
                choices = [*declared, "call(TOOL)", "ok(TOOL)", "failed(TOOL)", "error"]
                raise SpecError(
                    f"rule '{one.id}' names '{name}', which is no step and no proposition here{nearest(name, choices)}",
                    location=one.location,
                )


def _tools_named(one: Rule) -> Iterator[str]:
    variables = {name for name, _ in one.each}
    for name in (*named(one), *(f"call({tool})" for tool in (tools_of(one.history) if one.history else ()))):
        found = _BUILT_IN.fullmatch(name)
        if found and found["tool"] and found["tool"] not in variables:
            yield found["tool"]


def monitor_of(one: Rule, semantics: str = "finite") -> AnyMonitor | None:
    """The automaton of a rule; None where it would be too large, so that only whole words can be judged."""
    try:
        monitor = rule_monitor(one)
        if semantics == "finite":
            return monitor
        view = one.view
        if view is None:
            return SessionMonitor(one.formula, name=f"rule '{one.id}'")
        return SessionMonitor(
            one.formula, name=f"rule '{one.id}'", sees=lambda letter: sees(view, letter), word=monitor
        )  # fmt: skip
    except TooLarge:
        return None
