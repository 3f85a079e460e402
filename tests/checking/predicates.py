"""Random small specs with runtime predicates, and what they mean by definition: words, and who chooses what of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import product
from random import Random
from typing import Any

from agentspec.checking.compile import Compiled, compile_agent
from agentspec.content.tool_schema import ToolSchema
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.spec.load import load_text
from agentspec.spec.runtime import Function

STEPS: dict[str, dict[str, Any]] = {
    "q": {"by": "user", "cue": "[Q]"},
    "t": {"by": "model", "cue": "[T]", "text": {"max_chars": 3}},
    "k": {"by": "model", "cue": "[K]", "tool": "call"},
    "o": {"by": "tool", "cue": "[O]"},
    "a": {"by": "model", "cue": "[A]", "text": {"max_chars": 4, "max_lines": 2}},
    "n": {"by": "model", "cue": "[N]", "choice": ["no", "never"]},
}
PREDICATES: dict[str, dict[str, Any]] = {
    "p": {"at": "t", "python": "f"},
    "r": {"at": ["t", "a"], "python": "f"},
    "s": {"at": "o", "python": "f"},
    "v": {"at": ["q", "k"], "python": "f"},
    "c": {"at": ["t", "a"], "contains": "x"},
}
WORDS = {
    "q t (a | n)": ["qta", "qtn"],
    "q t? (a | n)": ["qa", "qn", "qta", "qtn"],
    "q (t | k o) (t | a | n)": ["qtt", "qta", "qtn", "qkot", "qkoa", "qkon"],
    "q t{1,2} a?": ["qt", "qtt", "qta", "qtta"],
    "q k o (a | n)": ["qkoa", "qkon"],
}
SHAPES = [
    "G(a -> O {x})", "G({x} -> X n)", "G(a -> {x})", "F {x}", "G !{x}", "G({x} -> N !{y})", "!{x} U ({y} | n)",
    "G(({x} & !{y}) -> WX n)", "G(n -> Y {x})", "G(t -> ({x} | {y}))", "{x} -> F {y}", "G(o -> ({x} <-> X {y}))",
]  # fmt: skip
DEMANDS = ["F {x}", "G(a -> {x})", "G(t -> {x})", "G(n -> O {x})", "G({x} -> N {y})", "{x} | F {y}", "G(t -> !{x})"]
SCHEMA = ToolSchema(
    "go",
    "Goes.",
    {"type": "object", "properties": {"n": {"enum": [1, 2]}}, "required": ["n"], "additionalProperties": False},
)
Word = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class PredicateSpec:
    """A behavior of `WORDS`, predicates of `PREDICATES`, formulas as rules."""

    behavior: str
    predicates: tuple[str, ...]
    rules: tuple[str, ...]

    @cached_property
    def compiled(self) -> Compiled:
        document = {
            "version": 1,
            "name": "small",
            "steps": {name: step for name, step in STEPS.items() if name in self.behavior},
            "behavior": self.behavior,
            "propositions": {name: self._declared(name) for name in self.predicates},
            "rules": [{"id": f"r{i}", "ltl": rule} for i, rule in enumerate(self.rules)],
        }
        text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in document.items())
        return compile_agent(load_text(text), {"go": SCHEMA} if "k" in self.behavior else {})

    def _at(self, name: str) -> list[str]:
        at = PREDICATES[name]["at"]
        return [step for step in ([at] if isinstance(at, str) else at) if step in self.behavior]

    def _declared(self, name: str) -> dict[str, Any]:
        return {**PREDICATES[name], "at": self._at(name)}

    # By definition ------------------------------------------------------------------------------------------------

    def truths(self, step: str, python: bool) -> list[tuple[str, ...]]:
        """What can hold at a step beside its name and built-ins: of functions, or of patterns."""
        names = [n for n in self.predicates if step in self._at(n) and ("python" in PREDICATES[n]) == python]
        signs = product((True, False), repeat=len(names))
        return [tuple(n for n, sign in zip(names, some, strict=True) if sign) for some in signs]

    def answers(self, steps: str) -> list[list[frozenset[str]]]:
        """For each thing the writer's side can choose, what it may become: for others, one thing and all of it."""
        if steps[-1] in "qo":
            built_ins: list[tuple[str, ...]] = [()]
            if steps[-1] == "o":
                built_ins = [("ok(go)",), ("failed(go)",), ("failed(go)", "error")]
            return [
                [
                    frozenset((steps[-1], *built_in, *said))
                    for built_in in built_ins
                    for said in (self.truths(steps[-1], True) if "failed(go)" not in built_in else [()])
                ]
            ]
        built_in = ("chosen(go)", "call(go)") if steps[-1] == "k" else ()
        return [
            [frozenset((steps[-1], *built_in, *held, *said)) for said in self.truths(steps[-1], True)]
            for held in self.truths(steps[-1], False)
        ]

    def wins(self, word: Word = (), steps: str = "", *, knowing: bool = False) -> bool:
        """Whether the model can end well from here. ``knowing``: it chooses the truth of its own steps as well."""
        if steps in WORDS[self.behavior] and all(holds(parse_formula(rule), word, 0) for rule in self.rules):
            return True
        following = {w[: len(steps) + 1] for w in WORDS[self.behavior] if w.startswith(steps)} - {steps}
        for longer in sorted(following):
            for some in self.answers(longer):
                kind = any if knowing and longer[-1] not in "qo" else all
                if kind(self.wins((*word, letter), longer, knowing=knowing) for letter in some):
                    return True
        return False


def predicate_spec(seed: int, *, more: bool = False) -> PredicateSpec:
    """A random spec whose every predicate is at some step of it; ``more``: rules of `DEMANDS`, which ask for luck."""
    rng = Random(f"predicates {seed} {more}")
    behavior = rng.choice(sorted(WORDS))
    fitting = [
        name for name, one in PREDICATES.items()
        if any(step in behavior for step in ([one["at"]] if isinstance(one["at"], str) else one["at"]))
    ]  # fmt: skip
    chosen = tuple(sorted(rng.sample(fitting, rng.randint(1, min(3, len(fitting))))))
    names = [*chosen, *chosen, *(step for step in STEPS if step in behavior)]
    rules = []
    for _ in range(rng.randint(1, 2)):
        rule = rng.choice(DEMANDS if more else SHAPES).format(x=rng.choice(names), y=rng.choice(names))
        known = set(parse_names(rule))
        if known <= set(names):
            rules.append(rule.replace("WX", "N"))
    return PredicateSpec(behavior, chosen, tuple(rules))


def parse_names(rule: str) -> list[str]:
    """The propositions a rule names."""
    from agentspec.logic.formula import atoms

    return list(atoms(parse_formula(rule.replace("WX", "N"))))


def functions(names: tuple[str, ...], seed: int, calls: list[tuple[str, object, bool]]) -> dict[str, Function]:
    """A function for each predicate: a bit of the hash of what it reads. ``calls`` notes what was asked."""

    def made(name: str) -> Function:
        def function(value: object) -> bool:
            said = sha256(f"{seed} {name} {value!r}".encode()).digest()[0] % 2 == 1
            calls.append((name, value, said))
            return said

        return function

    return {name: made(name) for name in names if "python" in PREDICATES[name]}
