"""The whole pipeline: from a loaded agent to everything a run needs. One direction, no way back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from agentspec.automata.dfa import Dfa
from agentspec.automata.game import Solution, counterplay, live_letters, solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import Arena, Monitor, build_arena
from agentspec.automata.regular import behavior_dfa
from agentspec.automata.translate import translate
from agentspec.content.constraint import Constraint, max_bytes
from agentspec.content.tool_lock import LOCK_FILE, read_lock
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import SpecError, nearest
from agentspec.guard.budget import Costs
from agentspec.guard.guard import Guard
from agentspec.shipped import folder
from agentspec.spec.alphabet import Alphabet, CallRegister, alphabet, contents, line
from agentspec.spec.model import Declaration, Rule

ANY_TOOL = ToolSchema(
    "tool",
    "Stands for the tools of a spec that is looked at without an agent.",
    {"type": "object", "properties": {}, "additionalProperties": False},
)


@dataclass(frozen=True, eq=False)
class Compiled:
    """An agent with its automaton and game. ``guard`` is there only if the spec is realizable."""

    agent: Declaration
    schemas: Mapping[str, ToolSchema]
    alphabet: Alphabet
    arena: Arena
    solution: Solution
    monitors: dict[str, Monitor]
    contents: dict[Letter, Constraint]

    @property
    def realizable(self) -> bool:
        """Whether the model can end well whatever tools and users do."""
        return self.arena.initial in self.solution.rank

    @property
    def assumed_tools(self) -> tuple[str, ...]:
        """Tools that the agent does not name and that stand in for its own, so that a bare spec can be looked at."""
        return tuple(name for name in self.schemas if name not in self.agent.tools)

    @cached_property
    def waits_for_user(self) -> bool:
        """Whether the guard can come to a position, after the first, where only the user can go on."""
        arena = self.arena
        reached = {arena.moves[q].get(a) for q in self.solution.rank for a in arena.moves[q]} & set(self.solution.rank)
        return any(q is not None and arena.owner[q] == Owner.USER and q not in arena.accepting for q in reached)

    @cached_property
    def automaton(self) -> tuple[Dfa, frozenset[int]]:
        """The minimal DFA of behavior and block rules before pruning, and its winning states."""
        dfa, image = self.arena.language()
        winning = {new for q, new in enumerate(image) if new is not None and q in self.solution.rank}
        return dfa, frozenset(winning)

    @cached_property
    def lines(self) -> dict[Letter, Constraint]:
        """The whole text of each of the model's letters, cue to border."""
        return {letter: line(self.agent.spec, letter, content) for letter, content in self.contents.items()}

    @cached_property
    def guard(self) -> Guard:
        """The guard. Raises SpecError, with the adversary's play, where the spec is not realizable."""
        if not self.realizable:
            raise SpecError(self.refusal(), location=self.agent.spec.behavior_location)
        weights = {letter: max_bytes(text) for letter, text in self.lines.items()}
        return Guard(self.arena, self.solution, Costs(self.arena, weights))

    def refusal(self) -> str:
        """Why no guard exists: nothing is accepted at all, or a play the model cannot avoid losing."""
        if not self.automaton[0].accepting:
            blocking = [rule.id for rule in self.agent.spec.rules if rule.enforce == "block"]
            return f"contradictory: no episode of the behavior satisfies the rules {', '.join(blocking) or '(none)'}"
        play, end = counterplay(self.arena, self.solution)
        told = " → ".join(map(str, play)) or "the start"
        broken = self._broken_by(play)
        named = f" ({', '.join(broken)})" if broken else ""
        return f"not realizable: tools and users can force a violation or a dead end: {told}, {end}{named}"

    def _broken_by(self, play: list[Letter]) -> list[str]:
        """The block rules that a play has broken for good."""
        broken = []
        for rule in self.agent.spec.rules:
            if rule.enforce == "block":
                state: int | None = self.monitors[rule.id].initial
                for letter in play:
                    state = None if state is None else self.monitors[rule.id].step(state, letter)
                broken += [rule.id] if state is None else []
        return broken

    @cached_property
    def dead_steps(self) -> tuple[str, ...]:
        """The declared steps that occur in no play the guard allows."""
        alive = {letter.step for letter in live_letters(self.arena, self.solution.winning)}
        return tuple(name for name in self.agent.spec.steps if name not in alive)


def compile_agent(agent: Declaration, schemas: Mapping[str, ToolSchema] | None = None) -> Compiled:
    """Compile an agent. ``schemas`` are its tools' by name; by default those of the shipped lock file.

    Raises InvalidInput (SpecError, TooLarge) for all that makes a spec unusable except being unrealizable.
    """
    spec = agent.spec
    known = tool_schemas(agent) if schemas is None else schemas
    letters = alphabet(spec, tuple(known))
    behavior = Monitor(behavior_dfa(spec.behavior, tuple(spec.steps)))
    monitors = {rule.id: Monitor(rule_dfa(rule)) for rule in spec.rules if rule.enforce != "off"}
    blocking = [monitors[rule.id] for rule in spec.rules if rule.enforce == "block"]
    try:
        arena = build_arena(letters.letters, letters.propositions, [behavior, CallRegister(letters.tools)], blocking)
    except SpecError as problem:
        raise SpecError(problem.message, location=spec.behavior_location) from None
    return Compiled(agent, known, letters, arena, solve(arena), monitors, contents(spec, letters.letters, known))


def rule_dfa(rule: Rule) -> Dfa:
    """The minimal DFA of one rule. Raises TooLarge naming the rule."""
    return translate(rule.formula, name=f"rule '{rule.id}'")


def tool_schemas(agent: Declaration) -> dict[str, ToolSchema]:
    """The schemas of an agent's tools from the shipped lock file; no tool is imported.

    A spec looked at without an agent gets the tools its rules name, or one that stands for any.
    """
    uses_tools = any(step.tool is not None for step in agent.spec.steps.values())
    if not agent.tools:
        return _placeholders(agent) if uses_tools else {}
    locked = read_lock(folder("tools") / LOCK_FILE)
    for name in agent.tools:
        if name not in locked:
            raise SpecError(f"unknown tool '{name}'{nearest(name, list(locked))}", location=agent.tools_location)
    return {name: locked[name].schema for name in agent.tools}


def _placeholders(agent: Declaration) -> dict[str, ToolSchema]:
    from agentspec.logic.formula import atoms

    named = {atom[atom.index("(") + 1 : -1] for rule in agent.spec.rules for atom in atoms(rule.formula) if "(" in atom}
    return {
        name: ToolSchema(name, ANY_TOOL.description, ANY_TOOL.parameters) for name in sorted(named) or [ANY_TOOL.name]
    }
