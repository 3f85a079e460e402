"""What a policy says that its author may not have meant, each finding with a shortest witness.

Redundant: leaving the rule out changes nothing. Vacuous: a proposition of the rule can be as strong as possible, at
each of its places, and the rule still allows the same: it says less than it seems to (Kupferman & Vardi, "Vacuity
Detection in Temporal Model Checking", STTT 2003). A trap is a letter of the model that breaks no rule and after which
tools and users can make the model lose; the guard never offers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from agentspec import limits
from agentspec.automata.dfa import shortest_path
from agentspec.automata.game import live_letters
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED
from agentspec.checking.compile import Compiled
from agentspec.checking.play import Play
from agentspec.checking.witness import Witness, to_json, told
from agentspec.errors import TooLarge
from agentspec.logic.formula import FALSE, TRUE, And, Atom, Formula, Nary, Not, subformulas
from agentspec.logic.simplify import to_nnf
from agentspec.spec.model import Rule

_HOLE = Atom("<here>")
Word = tuple[Letter, ...]


@dataclass(frozen=True)
class Effect:
    """What one enforced rule does.

    ``forbids``: a shortest episode (or session) of the behavior that it excludes, None: there is none. ``redundant``:
    the behavior and the other rules exclude all that it does. ``vacuous``: what might as well be false (or true).
    """

    rule: str
    forbids: Witness | None
    redundant: bool
    vacuous: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry of ``check --json``."""
        return {
            "rule": self.rule,
            "forbids": None if self.forbids is None else self.forbids.to_json(),
            "redundant": self.redundant,
            "vacuous": list(self.vacuous),
        }


@dataclass(frozen=True)
class Trap:
    """A shortest way to a letter that breaks no rule and loses all the same: ``letter`` after ``word``, and how."""

    word: Word
    letter: Letter
    play: Play

    def __str__(self) -> str:
        lost = f": {self.play}" if self.play.letters else f", since {self.play.end}"
        return f"after {told(self.word)} the guard never offers {self.letter}{lost}"

    def to_json(self) -> dict[str, Any]:
        """The entry of ``check --json``."""
        return {"after": to_json(self.word), "letter": to_json([self.letter])[0], "play": self.play.to_json()}


@dataclass(frozen=True)
class Analysis:
    """All findings about a realizable spec. ``shortest`` is a shortest accepted episode.

    ``left_out`` names what was not examined, for want of time or since it grew too large.
    """

    shortest: Witness
    effects: tuple[Effect, ...]
    trap: Trap | None
    dead_tools: tuple[str, ...]
    left_out: tuple[str, ...] = field(default=())

    def warnings(self) -> list[str]:
        """One sentence for each finding that is probably a mistake."""
        found = []
        for effect in self.effects:
            if effect.forbids is None:
                found.append(f"the rule '{effect.rule}' forbids nothing: every episode of the behavior satisfies it")
            elif effect.redundant:
                found.append(f"the rule '{effect.rule}' is redundant: behavior and other rules forbid all that it does")
            for part in effect.vacuous:
                found.append(f"the rule '{effect.rule}' is vacuous: {part}")
        return found + [f"the tool '{tool}' can never be called" for tool in self.dead_tools]

    def to_json(self) -> dict[str, Any]:
        """The key ``analysis`` of ``check --json``."""
        return {
            "shortest": self.shortest.to_json(),
            "rules": [effect.to_json() for effect in self.effects],
            "trap": None if self.trap is None else self.trap.to_json(),
            "dead_tools": list(self.dead_tools),
            "left_out": list(self.left_out),
        }


def analyse(compiled: Compiled, *, seconds: float | None = None) -> Analysis:
    """Examine a realizable spec. Examines rule by rule and stops past ``seconds``.

    By default they are ``limits.ANALYSIS_SECONDS``.
    """
    until = time.monotonic() + (limits.ANALYSIS_SECONDS if seconds is None else seconds)
    effects: list[Effect] = []
    left_out: list[str] = []
    for rule in compiled.blocking:
        if rule.history is not None:
            continue
        if time.monotonic() > until:
            left_out.append(rule.id)
            continue
        try:
            effects.append(_effect(compiled, rule))
        except TooLarge as problem:
            left_out.append(f"{rule.id}: {problem.message}")
    shortest = compiled.shortest(compiled.blocking) or Witness(())
    return Analysis(shortest, tuple(effects), _trap(compiled), _dead_tools(compiled), tuple(left_out))


def _effect(compiled: Compiled, rule: Rule) -> Effect:
    forbids = compiled.outside((), (rule,))
    if forbids is None:
        return Effect(rule.id, None, True)
    without = [one for one in compiled.blocking if one.id != rule.id]
    if compiled.outside(without, compiled.blocking) is None:
        return Effect(rule.id, forbids, True)
    return Effect(rule.id, forbids, False, tuple(_vacuous(compiled, rule)))


def _vacuous(compiled: Compiled, rule: Rule) -> Iterator[str]:
    """The propositions of a rule that, at each of their places, make no difference to what the rule allows."""
    same: dict[str, bool] = {}
    told: dict[str, str] = {}
    for atom, ways in strengthened(rule.formula, conjuncts=False):
        if same.get(atom, True):
            stronger = [replace(rule, formula=way) for _, way in ways]
            same[atom] = all(compiled.outside((rule,), (), (one,)) is None for one in stronger)
            told[atom] = " or ".join("true" if value == TRUE else "false" for value, _ in ways)
    for atom, vacuous in same.items():
        if vacuous:
            yield f"`{atom}` in it might as well be {told[atom]}"


def strengthened(formula: Formula, *, conjuncts: bool = True) -> Iterator[tuple[str, list[tuple[Formula, Formula]]]]:
    """Each place of a proposition with the values that can make the formula stronger there, and the stronger formula.

    False where it occurs positively, true where negatively, both where both (under ``<->`` and ``xor``). Without
    ``conjuncts`` places are left out where true only drops the proposition from a conjunction: an author who says
    ``customer & !problem`` where ``!problem`` would do says no less than he seems to.
    """
    for atom, around, parent in _places(formula):
        literals = set(subformulas(to_nnf(around(_HOLE))))
        values = [value for value, literal in ((FALSE, _HOLE), (TRUE, Not(_HOLE))) if literal in literals]
        if Not(_HOLE) in literals and not any(_HOLE in node.children() for node in literals if node != Not(_HOLE)):
            values.remove(FALSE)  # it occurs only below its own negation
        if conjuncts or not isinstance(parent, And) or values != [TRUE]:
            yield atom.name, [(value, around(value)) for value in values]


def _places(formula: Formula) -> Iterator[tuple[Atom, Callable[[Formula], Formula], Formula]]:
    """Each occurrence of an atom with the formula as a function of what stands there, and what it is an operand of."""
    todo: list[tuple[Formula, Callable[[Formula], Formula], Formula]] = [(formula, lambda inner: inner, formula)]
    while todo:
        node, around, parent = todo.pop()
        if isinstance(node, Atom):
            yield node, around, parent
        children = node.children()
        for i in range(len(children) - 1, -1, -1):
            todo.append((children[i], _hole(node, i, around), node))


def _hole(node: Formula, i: int, around: Callable[[Formula], Formula]) -> Callable[[Formula], Formula]:
    def filled(inner: Formula) -> Formula:
        parts = (*node.children()[:i], inner, *node.children()[i + 1 :])
        return around(type(node)(parts) if isinstance(node, Nary) else type(node)(*parts))

    return filled


def _trap(compiled: Compiled) -> Trap | None:
    """A nearest letter of the model that leads from a winning position to a lost one without breaking a rule."""
    arena, winning = compiled.arena, compiled.solution.rank

    def losing(q: int) -> list[Letter]:
        if arena.owner[q] != Owner.MODEL:
            return []
        lost = [a for a, target in arena.moves[q].items() if target != VIOLATED and target not in winning]
        return [a for a in lost if not (compiled.partial and a.open)]  # its text may be written and taken back

    def moves(q: int) -> Iterator[tuple[Letter, int]]:
        yield from arena.kept(q, winning).items()

    found: list[int] = []

    def goal(q: int) -> bool:
        if losing(q):
            found.append(q)
        return bool(found)

    word = shortest_path(arena.initial, moves, goal)
    if word is None:
        return None
    letter = min(losing(found[0]), key=str)
    return Trap(word, letter, compiled.play(arena.moves[found[0]][letter]))


def _dead_tools(compiled: Compiled) -> tuple[str, ...]:
    alive = {letter.tool for letter in live_letters(compiled.arena, compiled.solution.winning) if letter.completes_call}
    calls = {letter.tool for letter in compiled.alphabet.letters if letter.completes_call}
    return tuple(tool for tool in compiled.alphabet.tools if tool in calls and tool not in alive)
