"""The pipeline for ``semantics: infinite``: rules as omega automata, a game on what happens for ever, a guard of turns.

In a session without an end the behavior means: infinitely many beginnings of the session are words of it, so that
``(user reply)*`` makes every round complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from agentspec.automata.acceptance import Acceptance, All, Inf, shifted
from agentspec.automata.buchi import Edge
from agentspec.automata.emptiness import Lasso, accepted_lasso, lasso_outside
from agentspec.automata.game import Solution
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.omega_game import (
    OmegaArena,
    Positions,
    anybody_wins,
    lasso_marks,
    losing_lasso,
    positions,
    winning_states,
)
from agentspec.automata.omega_monitor import OmegaMonitor
from agentspec.automata.product import VIOLATED, Component, Judge, explore
from agentspec.automata.translate import translate
from agentspec.automata.translate_omega import deterministic
from agentspec.checking.ambiguity import refuse_ambiguity
from agentspec.checking.compile import Compiled, blocking_rules, refuse_promise
from agentspec.checking.conflict import minimal_conflict
from agentspec.checking.play import Play, broken_by
from agentspec.checking.witness import Witness
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import TooLarge
from agentspec.guard.session import SessionGuard
from agentspec.logic.semantics import holds_on_nothing
from agentspec.spec.alphabet import Alphabet, line
from agentspec.spec.model import Declaration, Rule
from agentspec.spec.rule import sees


@dataclass(frozen=True, eq=False)
class CompiledSession(Compiled):
    """An agent without an end. ``arena`` and ``solution`` are those of ``omega``; ``solution.rank`` is 0 throughout."""

    omega: OmegaArena
    positions: Positions

    def _weighed(self, weights: dict[Letter, int]) -> SessionGuard:  # type: ignore[override]  # fulfils what is asked
        return SessionGuard(self.positions, weights, self.agent.limits.patience, self.fallible)

    @property
    def waits_for_user(self) -> bool:
        """A session always waits for its user."""
        return True

    @cached_property
    def automaton(self) -> tuple[Omega, frozenset[int]]:
        """The automaton of behavior and block rules before pruning, and its winning states."""
        return self.omega.automaton(), frozenset(self.solution.rank)

    @cached_property
    def contradictory(self) -> bool:
        """Whether no session at all satisfies behavior and rules."""
        return not anybody_wins(self.omega)

    def play(self, start: int | None = None) -> Play:
        """How tools and users break a rule, or keep the model from what it owes, from a lost state of the arena."""
        state = self.arena.initial if start is None else start
        lasso = losing_lasso(self.positions, self.positions.state_of.index(state))
        broken: list[str] = []
        if state == self.arena.initial:
            broken = broken_by([(rule.id, self.monitors[rule.id]) for rule in self.blocking], lasso.letters)
        if lasso.loop:
            seen = lasso_marks(self.omega, lasso, state)
            broken = [name for name, part in self._owed if not part.accepts(seen)]
        return Play(lasso.letters, lasso.end, tuple(broken), len(lasso.loop))

    @property
    def _owed(self) -> list[tuple[str, Acceptance]]:
        """The parts of the objective with the rules they are from; the behavior is not named."""
        assert isinstance(self.omega.acceptance, All)
        return list(zip([rule.id for rule in self.blocking], self.omega.acceptance.parts[1:], strict=True))

    @cached_property
    def conflict(self) -> tuple[Rule, ...]:
        """The rules to blame where nothing satisfies behavior and rules: none of them can be left out."""
        return minimal_conflict(self.blocking, lambda rules: anybody_wins(self._with(rules)))

    @cached_property
    def losing_rules(self) -> tuple[Rule, ...]:
        """The rules to blame where tools and users win: against any fewer of them the model would. Empty: none is."""

        def winnable(rules: Sequence[Rule]) -> bool:
            found = positions(self._with(rules))
            return found.arena.initial in found.winning

        return minimal_conflict(self.blocking, winnable)

    def sessions(self, rules: Sequence[Rule], remade: Sequence[Rule] = ()) -> Omega:
        """The sessions of the behavior that ``rules`` allow, and ``remade``, changed rules.

        Letters are told as cubes of all propositions, so that automata of infinite words can be compared.
        """
        key = tuple(rule.id for rule in rules)
        if remade or key not in self._sessions:
            made = [session_monitor(rule, self.alphabet.letters) for rule in remade]
            known = self._cubes(self._with(rules, made).automaton())
            if remade:
                return known
            self._sessions[key] = known
        return self._sessions[key]

    @cached_property
    def _sessions(self) -> dict[tuple[str, ...], Omega]:
        return {}

    def _cubes(self, automaton: Omega) -> Omega:
        every = frozenset(self.alphabet.propositions)
        edges = tuple(
            tuple(Edge(Letter(e.letter.true, every - e.letter.true), e.target, e.marks) for e in edges)
            for edges in automaton.edges
        )
        return Omega(automaton.propositions, automaton.initial, edges, automaton.acceptance)

    def _told(self, lasso: Lasso | None) -> Witness | None:
        if lasso is None:
            return None
        by_true = {letter.true: letter for letter in self.alphabet.letters}
        return Witness(tuple(by_true[v] for v in (*lasso.prefix, *lasso.loop)), len(lasso.loop))

    def shortest(self, rules: Sequence[Rule]) -> Witness | None:
        """A short session of the behavior that the rules allow, or None."""
        return self._told(accepted_lasso(self.sessions(rules)))

    def outside(self, rules: Sequence[Rule], others: Sequence[Rule], remade: Sequence[Rule] = ()) -> Witness | None:
        """A short session that ``rules`` allow, and ``others`` with ``remade`` do not; None where there is none."""
        return self._told(lasso_outside(self.sessions(rules), self.sessions(others, remade)))

    def _with(self, rules: Sequence[Rule], more: Sequence[OmegaMonitor] = ()) -> OmegaArena:
        assumed = [(rule.id, self.monitors[rule.id]) for rule in self.assumptions]
        chosen = [*(cast(OmegaMonitor, self.monitors[rule.id]) for rule in rules), *more]
        return omega_arena(self.alphabet, self.structure, chosen, assumed)


def compile_session(
    agent: Declaration, schemas: Mapping[str, ToolSchema], letters: Alphabet, structure: tuple[Component, ...]
) -> CompiledSession:
    """Compile an agent without an end. ``structure`` begins with the behavior. Raises as `compile_agent`."""
    spec = agent.spec
    monitors = {rule.id: session_monitor(rule, letters.letters) for rule in spec.rules if rule.enforce != "off"}
    blocking = [monitors[rule.id] for rule in blocking_rules(spec)]
    assumed = [(rule.id, monitors[rule.id]) for rule in spec.rules if rule.assume]
    omega = omega_arena(letters, structure, blocking, assumed)
    refuse_ambiguity(omega.arena, lambda letter: line(spec, letter, letters.contents[letter]))
    found = positions(omega)
    solution = Solution(dict.fromkeys(sorted(winning_states(found)), 0))
    return CompiledSession(agent, schemas, letters, omega.arena, solution, monitors, structure, omega, found)


def omega_arena(
    letters: Alphabet,
    structure: Sequence[Component],
    rules: Sequence[OmegaMonitor],
    assumed: Sequence[tuple[str, Judge]] = (),
) -> OmegaArena:
    """The product, equal states merged; its acceptance has a part for the behavior, then one for each rule.

    Raises as `automata.product.explore`.
    """
    behavior = structure[0]
    arena, parts = explore(letters.letters, letters.propositions, structure, rules, assumed)
    at, first = 1, 1 + len(structure) + len(assumed)  # before the structure stands whether the word is empty
    complete = {part[at] for part in parts if behavior.accepts_at(part[at])}
    ever = all(behavior.accepts_at(part[at]) for part in parts[1:])
    conditions: list[Acceptance] = [All(()) if ever else Inf(0)]
    shifts: list[int] = []
    shift = 1
    for rule in rules:
        shifts.append(shift)
        conditions.append(shifted(rule.acceptance, shift))
        shift += 1 + max(rule.acceptance.marks(), default=-1)

    def marks(q: int, letter: Letter, target: int) -> frozenset[int]:
        own = [
            mark + by
            for rule, by, state in zip(rules, shifts, parts[q][first:], strict=True)
            for mark in rule.marks(state, letter)
        ]
        return frozenset([*own, *([0] if not ever and parts[target][at] in complete else [])])

    seen = tuple(
        {a: marks(q, a, t) for a, t in moves.items() if t != VIOLATED} for q, moves in enumerate(arena.moves)
    )  # fmt: skip
    return OmegaArena(arena, seen, All(tuple(conditions))).merged()


def session_monitor(rule: Rule, letters: Sequence[Letter]) -> OmegaMonitor:
    """The automaton of one rule over sessions. Raises SpecError and TooLarge naming the rule and its place."""
    refuse_promise(rule)
    name = f"rule '{rule.id}'"
    try:
        omega = deterministic(rule.formula, name=name)
        if rule.view is None:
            return OmegaMonitor(omega, letters)
        view, finite = rule.view, translate(rule.formula, name=name)
    except TooLarge as problem:
        raise TooLarge(problem.message, location=rule.location) from None
    nothing = holds_on_nothing(rule.formula)
    return OmegaMonitor(omega, letters, sees=lambda letter: sees(view, letter), finite=finite, nothing=nothing)
