"""The whole pipeline: from a loaded agent to everything a run needs. One direction, no way back."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Self

from agentspec import limits
from agentspec.automata.compare import shortest_outside
from agentspec.automata.dfa import Dfa
from agentspec.automata.game import Solution, live_letters, solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.monitor import Monitor
from agentspec.automata.omega import Omega
from agentspec.automata.product import Arena, Component, Judge, build_arena, restricted
from agentspec.automata.regular import behavior_dfa
from agentspec.automata.translate import translate
from agentspec.checking.ambiguity import refuse_ambiguity
from agentspec.checking.beyond import refusal_beyond
from agentspec.checking.conflict import minimal_conflict
from agentspec.checking.play import Play, losing_play
from agentspec.checking.stand_ins import stand_ins
from agentspec.checking.witness import Witness
from agentspec.content.constraint import Constraint, max_bytes
from agentspec.content.cost import Completions, farthest
from agentspec.content.tool_schema import ToolSchema
from agentspec.content.tool_sources import tool_sources
from agentspec.errors import Location, SpecError, TooLarge
from agentspec.guard.budget import Costs
from agentspec.guard.guard import Guard
from agentspec.logic.formula import Next, Until, subformulas
from agentspec.logic.simplify import to_nnf
from agentspec.spec.alphabet import Alphabet, alphabet, line
from agentspec.spec.model import Declaration, Rule, Spec, Step
from agentspec.spec.register import CallRegister, HistoryRegister
from agentspec.spec.rule import instances, sees
from agentspec.spec.runtime import Function

Spelling = Callable[[bytes], Sequence[int]]


@dataclass(frozen=True, eq=False)
class Compiled:
    """An agent with its automaton and game. ``guard`` is there only if the spec is realizable.

    Where it is so only for a model that knows what functions will say, the arena is that of such a model and ``sure``
    the game of one that does not: the guarantee is ``partial``.
    """

    agent: Declaration
    schemas: Mapping[str, ToolSchema]
    alphabet: Alphabet
    arena: Arena
    solution: Solution
    monitors: Mapping[str, Judge]
    structure: tuple[Component, ...]
    sure: Solution | None = field(default=None, kw_only=True)

    @property
    def partial(self) -> bool:
        """Whether some rule needs more than what is sure before a function says what a step of the model is."""
        return self.sure is not None

    @cached_property
    def unguaranteed(self) -> tuple[str, ...]:
        """The rules that make the guarantee partial: with any fewer of them it would be full."""
        return tuple(rule.id for rule in self.losing_rules) if self.partial else ()

    @cached_property
    def fallible(self) -> frozenset[str]:
        """The steps whose texts are validated once they are whole: a lenient schema has what cannot be enforced."""
        return frozenset(step.name for step in self.agent.spec.steps.values() if step.unenforced)

    @cached_property
    def proposed(self) -> frozenset[str]:
        """The model's steps that code may write."""
        steps = self.agent.spec.steps
        return frozenset(name for name in self.agent.spec.handlers if steps[name].owner == Owner.MODEL)

    @property
    def realizable(self) -> bool:
        """Whether the model can end well whatever tools and users do."""
        return self.arena.initial in self.solution.rank

    def with_functions(self, functions: Mapping[str, Function]) -> Self:
        """The same with the functions of its runtime predicates, by predicate; what was computed already stays."""
        if not functions:
            return self
        runtime = replace(self.alphabet.runtime, functions=functions)
        made = replace(self, alphabet=replace(self.alphabet, runtime=runtime))
        vars(made).update({name: value for name, value in vars(self).items() if name not in vars(made)})
        return made

    @property
    def contents(self) -> dict[Letter, Constraint]:
        """What the model may write as the content of each of its letters."""
        return self.alphabet.contents

    @property
    def assumed_tools(self) -> tuple[str, ...]:
        """Tools that the agent does not name and that stand in for its own, so that a bare spec can be looked at."""
        named = {ref.name for ref in self.agent.tools}
        return tuple(name for name in self.schemas if name not in named)

    @property
    def waits_for_user(self) -> bool:
        """Whether the guard can come to a position, after the first, where only the user can go on."""
        arena = self.arena
        reached = {target for q in self.solution.rank for target in arena.kept(q, self.solution.rank).values()}
        return any(arena.owner[q] == Owner.USER and q not in arena.accepting for q in reached)

    @cached_property
    def automaton(self) -> tuple[Dfa | Omega, frozenset[int]]:
        """The automaton of behavior and block rules before pruning, and its winning states: here the minimal DFA."""
        dfa, image = self._minimal
        winning = {new for q, new in enumerate(image) if new is not None and q in self.solution.rank}
        return dfa, frozenset(winning)

    @cached_property
    def _minimal(self) -> tuple[Dfa, tuple[int | None, ...]]:
        return self.arena.language()

    @cached_property
    def lines(self) -> dict[Letter, Constraint]:
        """The whole text of each of the model's letters, cue to border; quotations are still to be bound."""
        return {letter: line(self.agent.spec, letter, content) for letter, content in self.contents.items()}

    @cached_property
    def longest(self) -> dict[Letter, int]:
        """The most bytes each of the model's lines takes."""
        spec = self.agent.spec
        found = {}
        for letter in self.contents:
            step = step_of(spec.steps, letter)
            most = max_bytes(line(spec, letter, self.alphabet.wholes[step.name, letter.tool]))
            if most == float("inf"):
                raise SpecError(f"the text of '{step.name}' has no longest form", location=step.location)
            found[letter] = int(most)
        return found

    @cached_property
    def farthest(self) -> dict[Letter, int]:
        """The most bytes that the shortest end of each of the model's lines may take from within it."""
        bound = self.alphabet.bound
        return {
            letter: most if bound(letter) is not None else int(min(most, farthest(self.lines[letter])))
            for letter, most in self.longest.items()
        }

    @cached_property
    def shortest_lines(self) -> dict[Letter, bytes | int]:
        """A shortest line of each of the model's letters; where that depends on what will be said, the most bytes."""
        completions, found = Completions(list), dict[Letter, bytes | int]()
        for letter, whole in self.lines.items():
            bound = self.alphabet.bound(letter)
            if bound is None:
                try:
                    found[letter] = completions.shortest(completions.start(whole))
                except ValueError:  # a bare step must not be taken for another
                    style, location = self.agent.rendering.style, step_of(self.agent.spec.steps, letter).location
                    raise SpecError(f"in the style {style} no text can be '{letter}'", location=location) from None
                continue
            most = self.longest[letter]
            step = step_of(self.agent.spec.steps, letter)
            around = len(f"{step.opening}{step.closing}".encode())
            found[letter] = most if bound.sure is None else min(most, around + bound.sure)
        return found

    def weights(self, spell: Spelling) -> dict[Letter, int]:
        """The tokens with which each of the model's letters can surely be written."""
        return {a: text if isinstance(text, int) else len(spell(text)) for a, text in self.shortest_lines.items()}

    @cached_property
    def guard(self) -> Guard:
        """The guard for any tokenizer, with a token for each byte.

        Raises SpecError, with the adversary's play, where the spec is not realizable.
        """
        return self.guard_with(list)

    def guard_with(self, spell: Spelling) -> Guard:
        """The guard for a tokenizer; ``spell`` gives tokens that are just some bytes. Raises as `guard`."""
        if not self.realizable:
            raise self.refusal()
        weights = self.weights(spell)
        key = tuple(weights.values())
        if key not in self._guards:
            self._guards[key] = self._weighed(weights)
        return self._guards[key]

    @cached_property
    def _guards(self) -> dict[tuple[int, ...], Guard]:
        return {}

    def _weighed(self, weights: dict[Letter, int]) -> Guard:
        sure = None
        if self.sure is not None:
            arena = replace(self.arena, knowing=False)
            sure = Guard(arena, self.sure, Costs(arena, weights), fallible=self.fallible, proposed=self.proposed)
        return Guard(self.arena, self.solution, Costs(self.arena, weights), sure, self.fallible, self.proposed)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others worked out of it for good, by name; it stays as the functions of predicates come."""
        return {}

    @property
    def blocking(self) -> tuple[Rule, ...]:
        """The rules that are enforced."""
        return blocking_rules(self.agent.spec)

    @property
    def assumptions(self) -> tuple[Rule, ...]:
        """What is assumed of tools and users."""
        return tuple(rule for rule in self.agent.spec.rules if rule.assume)

    @cached_property
    def contradictory(self) -> bool:
        """Whether no word at all satisfies behavior and rules."""
        return not self._minimal[0].accepting

    def play(self, start: int | None = None) -> Play:
        """How tools and users break a rule, or leave the model without a way to end, from a lost position."""
        return losing_play(
            self.arena, self.solution, [(rule.id, self.monitors[rule.id]) for rule in self.blocking], start
        )

    @cached_property
    def conflict(self) -> tuple[Rule, ...]:
        """The rules to blame where nothing satisfies behavior and rules: none of them can be left out."""
        return minimal_conflict(self.blocking, lambda rules: bool(self.language(rules).accepting))

    @cached_property
    def losing_rules(self) -> tuple[Rule, ...]:
        """The rules to blame where tools and users win: against any fewer of them the model would. Empty: none is."""

        def winnable(rules: Sequence[Rule]) -> bool:
            blocking = [self.monitors[rule.id] for rule in rules]
            assumed = [(rule.id, self.monitors[rule.id]) for rule in self.assumptions]
            letters = self.alphabet
            arena = build_arena(letters.letters, letters.propositions, self.structure, blocking, assumed)
            return arena.initial in solve(arena).rank

        return minimal_conflict(self.blocking, winnable)

    def language(self, rules: Sequence[Rule], remade: Sequence[Rule] = ()) -> Dfa:
        """The minimal DFA of the episodes of the behavior that ``rules`` allow, and ``remade``, changed rules."""
        return restricted(self._free, [*(self.monitors[rule.id] for rule in rules), *map(rule_monitor, remade)])

    def shortest(self, rules: Sequence[Rule]) -> Witness | None:
        """A shortest episode of the behavior that the rules allow, or None."""
        word = self.language(rules).shortest_word()
        return None if word is None else Witness(word)

    def outside(self, rules: Sequence[Rule], others: Sequence[Rule], remade: Sequence[Rule] = ()) -> Witness | None:
        """A shortest episode that ``rules`` allow, and ``others`` with ``remade`` do not; None where there is none."""
        word = shortest_outside(self.language(rules), self.language(others, remade))
        return None if word is None else Witness(word)

    @cached_property
    def _free(self) -> Arena:
        """The arena of the behavior and what is assumed, without any rule."""
        assumed = [(rule.id, self.monitors[rule.id]) for rule in self.assumptions]
        return build_arena(self.alphabet.letters, self.alphabet.propositions, self.structure, (), assumed)

    def refusal(self) -> SpecError:
        """Why no guard exists: nothing is accepted at all, or a play the model cannot avoid losing."""
        if self.contradictory:
            named = ", ".join(rule.id for rule in self.conflict) or "(none)"
            what = "session" if self.agent.spec.semantics == "infinite" else "episode"
            message = f"contradictory: no {what} of the behavior satisfies the rules {named}"
            return SpecError(message, location=self._blamed([rule.id for rule in self.conflict]))
        play = self.play()
        message = f"not realizable: tools and users can force a violation or a dead end: {play}"
        return SpecError(message, location=self._blamed(play.broken or [rule.id for rule in self.losing_rules]))

    def _blamed(self, rules: Sequence[str]) -> Location | None:
        """Where the last of the rules stands, or else the behavior."""
        found = [rule.location for rule in self.blocking if rule.id in rules]
        return found[-1] if found else self.agent.spec.behavior_location

    @cached_property
    def dead_steps(self) -> tuple[str, ...]:
        """The declared steps that occur in no play the guard allows."""
        alive = {letter.step for letter in live_letters(self.arena, self.solution.winning)}
        return tuple(name for name in self.agent.spec.steps if name not in alive)

    @cached_property
    def dead_propositions(self) -> tuple[str, ...]:
        """The declared propositions that hold at no letter at all."""
        held = {name for letter in self.alphabet.letters for name in letter.true}
        return tuple(declared.name for declared in self.agent.spec.propositions if declared.name not in held)


def compile_agent(agent: Declaration, schemas: Mapping[str, ToolSchema] | None = None) -> Compiled:
    """Compile an agent. ``schemas`` are its tools' by name; by default those of the lock files.

    Raises InvalidInput (SpecError, TooLarge) for all that makes a spec unusable except being unrealizable.
    """
    known = tool_schemas(agent) if schemas is None else schemas
    spec = replace(agent.spec, rules=instances(agent.spec, tuple(known)))
    agent = replace(agent, spec=spec)
    letters = alphabet(spec, known)
    behavior = Monitor(behavior_dfa(spec.behavior, tuple(spec.steps)))
    registers = [HistoryRegister(bound) for bound in letters.bounds.values() if not bound.lasts]
    structure: tuple[Component, ...] = (behavior, CallRegister(letters.tools), *registers)
    try:
        if spec.semantics == "infinite":
            refuse_open(letters)
            from agentspec.checking.compile_session import compile_session

            return compile_session(agent, known, letters, structure)
        monitors = _monitors([rule for rule in spec.rules if rule.enforce != "off"])
        blocking = [monitors[rule.id] for rule in blocking_rules(spec)]
        assumed = [(rule.id, monitors[rule.id]) for rule in spec.rules if rule.assume]
        try:
            arena = build_arena(letters.letters, letters.propositions, structure, blocking, assumed)
        except TooLarge as problem:
            raise refusal_beyond(problem, spec, letters, structure, monitors) from None
        refuse_ambiguity(arena, lambda letter: line(spec, letter, letters.contents[letter]))
    except SpecError as problem:
        raise SpecError(problem.message, location=problem.location or spec.behavior_location) from None
    solution, sure = solve(arena), None
    if arena.initial not in solution.rank and any(letter.open for letter in letters.letters):
        knowing = replace(arena, knowing=True)
        if arena.initial in (hoped := solve(knowing)).rank:
            arena, solution, sure = knowing, hoped, solution
    return Compiled(agent, known, letters, arena, solution, monitors, structure, sure=sure)


def _monitors(rules: Sequence[Rule]) -> dict[str, Monitor]:
    """The automata of rules. Raises TooLarge for one that is too large, or where all take too long."""
    began = time.monotonic()
    found: dict[str, Monitor] = {}
    for rule in rules:
        if time.monotonic() - began > limits.RULES_SECONDS:
            raise TooLarge(
                f"the automata of {len(found)} of {len(rules)} rules take more than {limits.RULES_SECONDS:g} s to "
                "build; use fewer rules, or smaller numbers in them",
                location=rule.location,
            )
        found[rule.id] = rule_monitor(rule)
    return found


def blocking_rules(spec: Spec) -> tuple[Rule, ...]:
    """The rules of a spec that are enforced."""
    return tuple(rule for rule in spec.rules if rule.enforce == "block" and not rule.assume)


def refuse_open(letters: Alphabet) -> None:
    """Raises SpecError for a runtime predicate at a step of the model in a session without an end."""
    for letter in letters.letters:
        for name in sorted(letter.open):
            raise SpecError(
                f"in 'semantics: infinite' the predicate '{name}' cannot be a function at '{letter.step}', which the "
                "model writes: put it at a step of tools or users, or use matches, contains or where",
                location=letters.runtime.declared[name].location,
            )


def refuse_promise(rule: Rule) -> None:
    """Raises SpecError for an assumption that promises that something will happen."""
    if rule.assume and any(isinstance(node, Next | Until) for node in subformulas(to_nnf(rule.formula))):
        raise SpecError(
            f"the assumption '{rule.id}' promises that something will happen (X, F, U or M): assume only that things "
            "do not happen, such as G !failed(TOOL)",
            location=rule.location,
        )


def rule_monitor(rule: Rule) -> Monitor:
    """The automaton of one rule on the positions it sees. Raises SpecError and TooLarge naming the rule and its place.

    An assumption is a safety condition: one that a finite word can break and nothing else can.
    """
    refuse_promise(rule)
    try:
        dfa = translate(rule.formula, name=f"rule '{rule.id}'")
    except TooLarge as problem:
        raise TooLarge(problem.message, location=rule.location) from None
    if rule.view is None:
        return Monitor(dfa)
    from agentspec.logic.semantics import holds_on_nothing

    view = rule.view
    return Monitor(dfa, sees=partial(sees, view), nothing=holds_on_nothing(rule.formula))


def step_of(steps: Mapping[str, Step], letter: Letter) -> Step:
    """The declared step of a letter."""
    assert letter.step is not None
    return steps[letter.step]


def tool_schemas(agent: Declaration) -> dict[str, ToolSchema]:
    """The schemas of an agent's tools from the lock files; no tool is imported.

    A spec looked at without an agent gets the tools its rules name, or one that stands for any.
    """
    if not agent.tools:
        return stand_ins(agent.spec)
    found: dict[str, ToolSchema] = {}
    folder = agent.source.parent if agent.source else None
    for source in tool_sources(agent.tools, folder, agent=agent.source):
        if source.fault is not None or source.locked is None:
            fault = source.fault or f"tool {source.ref.text} is not locked"
            raise SpecError(fault, location=agent.tool_locations.get(source.ref.name))
        found[source.ref.name] = source.locked.schema
    return found
