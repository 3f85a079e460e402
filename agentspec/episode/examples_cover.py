"""What prompt examples show: the transitions of the guard they take, its steps and tools, the rules they exercise.

A transition is a letter at a state from which a good end is sure, reached by such letters. A rule is *exercised* at a
step where its automaton moves to another state (a condition begins, is met, or is settled), where the step decides a
proposition that the rule names (of a tool, a predicate), or, of a rule about what was written before, where it asks
something of the step and something was written before. Rules that nothing in the guard exercises are not missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled
from agentspec.episode.examples_finding import Finding
from agentspec.episode.examples_walk import Ground, Taken
from agentspec.errors import Location
from agentspec.spec.alphabet import named
from agentspec.spec.history_plan import asked_of
from agentspec.spec.model import Rule


@dataclass
class Coverage:
    """What the examples of an agent show; they are added one by one. Transitions are those of the fine ones."""

    ground: Ground
    examples: int = 0
    taken: Counter[tuple[int, Letter]] = field(default_factory=Counter)
    exercised: set[str] = field(default_factory=set)
    partly: set[Letter] = field(default_factory=set)
    _moved: dict[tuple[str, int, int], bool] = field(default_factory=dict)

    @property
    def compiled(self) -> Compiled:
        """The agent."""
        return self.ground.compiled

    def add(self, word: Sequence[Taken]) -> None:
        """One example more."""
        self.examples += 1
        self.taken.update((one.state, one.letter) for one in word)
        self._exercise(word)

    def add_repaired(self, word: Sequence[Taken], own: Iterable[Taken]) -> None:
        """One that has to be repaired: ``own`` are the steps that were not put in. They are no longer missed."""
        self.partly |= {one.letter for one in own}
        self._exercise(word)

    def _exercise(self, word: Sequence[Taken]) -> None:
        for rule in self.rules:
            if rule.id not in self.exercised and self._exercises(rule, word):
                self.exercised.add(rule.id)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that are judged."""
        return tuple(r for r in self.compiled.agent.spec.rules if r.enforce != "off" and not r.assume)

    def _exercises(self, rule: Rule, word: Iterable[Taken]) -> bool:
        if rule.history is not None:
            word = list(word)
            asked = [at for at, one in enumerate(word) if asked_of(one.letter, [rule])]
            return any(_spoke(word[:at]) for at in asked)
        monitor, atoms = self.compiled.monitors[rule.id], self._atoms(rule)
        state: int | None = monitor.initial
        for one in word:
            after = None if state is None else monitor.step(state, one.judged)
            if self._moves(rule, state, after) or not atoms.isdisjoint(one.letter.true | one.letter.false):
                return True
            state = after
        return False

    def _moves(self, rule: Rule, state: int | None, after: int | None) -> bool:
        """Whether a rule's automaton moved to a state that goes on otherwise.

        Its first state may differ from the next in nothing but what the empty word is worth, which is no word.
        """
        if state == after:
            return False
        if state is None or after is None:
            return True
        key = (rule.id, state, after)
        if key not in self._moved:
            monitor = self.compiled.monitors[rule.id]
            letters = self.compiled.alphabet.letters
            self._moved[key] = any(monitor.step(state, a) != monitor.step(after, a) for a in letters)
        return self._moved[key]

    def _atoms(self, rule: Rule) -> frozenset[str]:
        return frozenset(name for name in named(rule) if name not in self.compiled.agent.spec.steps)

    @cached_property
    def transitions(self) -> tuple[tuple[int, Letter], ...]:
        """The transitions of the guard, breadth first."""
        return tuple((state, letter) for state, moves in self.ground.edges.items() for letter in moves)

    def _can_be_exercised(self, rule: Rule) -> bool:
        """Whether some play of the guard exercises the rule; taken to be so where it is too much to look."""
        letters = {letter for _, letter in self.transitions}
        if rule.history is not None:
            return any(asked_of(letter, [rule]) for letter in letters)
        atoms = self._atoms(rule)
        if any(not atoms.isdisjoint(letter.true | letter.false) for letter in letters):
            return True
        monitor = self.compiled.monitors[rule.id]
        start = (self.ground.arena.initial, monitor.initial)
        seen, queue = {start}, [start]
        for state, inner in queue:
            for letter, target in self.ground.kept(state).items():
                after = monitor.step(inner, letter)
                if self._moves(rule, inner, after) or len(seen) > limits.REPAIR_PLACES:
                    return True
                if after is not None and (target, after) not in seen:
                    seen.add((target, after))
                    queue.append((target, after))
        return False

    def missing(self) -> dict[str, list[str]]:
        """The steps, tools and rules that no example shows, of those that one could."""
        letters = {letter for _, letter in self.transitions}
        shown = {letter for _, letter in self.taken} | self.partly
        steps, tools = {str(letter.step) for letter in shown}, {letter.tool for letter in shown}
        spec = self.compiled.agent.spec
        return {
            "step": [n for n in spec.steps if n not in steps and any(letter.step == n for letter in letters)],
            "tool": [
                n for n in self.compiled.schemas if n not in tools and any(letter.tool == n for letter in letters)
            ],
            "rule": [r.id for r in self.rules if r.id not in self.exercised and self._can_be_exercised(r)],
        }

    def warnings(self) -> list[Finding]:
        """A warning for each step, tool and rule that no example shows."""
        agent = self.compiled.agent
        rules = {rule.id: rule.location for rule in agent.spec.rules}
        found = []
        for kind, names in self.missing().items():
            for name in names:
                place: Location | None = agent.spec.steps[name].location if kind == "step" else rules.get(name)
                if kind == "tool":
                    place = agent.tool_locations.get(name)
                verb = "exercises" if kind == "rule" else "shows"
                problem = f"no example {verb} the {kind} '{name}'"
                where = place or Location(agent.spec.source, 1, 1)
                about = (name,) if kind == "rule" else ()
                found.append(Finding(0, 0, where, "", problem, about, kind="coverage", warning=True))
        return found

    def to_json(self) -> dict[str, Any]:
        """The part ``coverage`` of ``validate-prompts --json``."""
        total, taken = set(self.transitions), set(self.taken) & set(self.transitions)
        steps = []
        for name in self.compiled.agent.spec.steps:
            mine = [one for one in total if one[1].step == name]
            letters = {str(letter) for _, letter in mine}
            seen = {str(letter) for _, letter in taken if letter.step == name}
            times = sum(count for (_, letter), count in self.taken.items() if letter.step == name)
            steps.append(
                {
                    "step": name,
                    "times": times,
                    "transitions": len(mine),
                    "taken": sum(letter.step == name for _, letter in taken),
                    "letters": len(letters),
                    "letters_missing": sorted(letters - seen),
                }
            )
        states = {state for state, _ in total}
        return {
            "examples": self.examples,
            "states": {"total": len(states), "seen": len({state for state, _ in taken})},
            "transitions": {"total": len(total), "taken": len(taken)},
            "steps": steps,
            "tools": {n: sum(c for (_, a), c in self.taken.items() if a.tool == n and a.completes_call)
                      for n in self.compiled.schemas},
            "rules": {rule.id: rule.id in self.exercised for rule in self.rules},
            "missing": self.missing(),
        }  # fmt: skip


def table(shape: dict[str, Any]) -> list[str]:
    """The coverage as lines of text."""
    rows = [("step", "times", "transitions", "letters not shown")]
    for one in shape["steps"]:
        missing = one["letters_missing"]
        told = ", ".join(missing[:4]) + (f", … ({len(missing)})" if len(missing) > 4 else "")
        rows.append((one["step"], str(one["times"]), f"{one['taken']} of {one['transitions']}", told))
    width = [max(len(row[i]) for row in rows) for i in range(3)]
    told_rows = [
        f"  {name:<{width[0]}}  {times:>{width[1]}}  {taken:>{width[2]}}  {missing}".rstrip()
        for name, times, taken, missing in rows
    ]
    whole, states = shape["transitions"], shape["states"]
    rules = [f"{name}{'' if seen else ' (not exercised)'}" for name, seen in shape["rules"].items()]
    tools = [f"{name} {times}" for name, times in shape["tools"].items()]
    return [
        f"coverage of the guard by {shape['examples']} examples: {whole['taken']} of {whole['total']} transitions, "
        f"{states['seen']} of {states['total']} states",
        *told_rows,
        *([f"  calls: {', '.join(tools)}"] if tools else []),
        *([f"  rules: {', '.join(rules)}"] if rules else []),
    ]


def _spoke(word: Sequence[Taken]) -> bool:
    """Whether something was called or said before."""
    return any(one.letter.completes_call or one.letter.owner != "model" for one in word)
