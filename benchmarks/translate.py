"""LTLf to minimal automata: DECLARE templates, Dwyer's patterns, and conjunctions of rules; peers on the same formulas.

    python benchmarks/translate.py [--draws 10] [--seed 1] [--patterns] [--peers-python PATH]

The peers (ltlf2dfa with the program ``mona``, flloat, Spot) are called from the Python of ``--peers-python``, which may
be any environment that has them; one that is not there is left out with a word. They know no past. Times are wall time
of the better of two builds, from a parsed formula to its minimal automaton. *Exclusive*: exactly one activity holds at
each position.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentspec import __version__
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic import formula as logic
from agentspec.logic.formula import Always, And, Atom, Formula, Not, Or, subformulas
from agentspec.logic.parse import parse_formula
from agentspec.logic.pattern import SCOPES
from agentspec.logic.simplify import to_nnf
from agentspec.logic.templates import TEMPLATES
from agentspec.logic.templates_declare import DECLARE

CONJUNCTIONS = ((8, 8), (8, 16), (12, 12), (12, 16))
"""Rules and activities."""
PEERS = {"spot": ("X[!]", "X"), "ltlf2dfa": ("X", "WX"), "flloat": ("X", "WX")}
"""Each with its signs for the strong and the weak next."""
PEER_SECONDS = 5
"""For one formula; ``--peer-seconds`` is for all of one peer's."""


@dataclass
class Group:
    """Formulas measured together."""

    name: str
    formulas: list[Formula]
    exclusive: Sequence[str] = ()
    peers: dict[str, list[float | None]] = field(default_factory=dict)


def patterns() -> list[tuple[str, Formula]]:
    """Every template in every scope in which it means something."""
    found = []
    for template in TEMPLATES.values():
        for scope in SCOPES:
            try:
                formula = template.build(template.placeholders(scope))
            except InvalidInput:
                continue
            found.append((f"{template.name}, {scope}", formula))
    return found


def drawn(rng: random.Random, rules: int, activities: int) -> Formula:
    """A conjunction of DECLARE rules, each a template over different activities; numbers are 1 to 2."""
    names = [f"a{i}" for i in range(activities)]
    parts = []
    for _ in range(rules):
        template = rng.choice(DECLARE)
        operands = iter(rng.sample(names, len(template.parameters)))
        params = {p.name: rng.randint(1, 2) if p.kind == "count" else next(operands) for p in template.parameters}
        parts.append(template.build(params))
    return And(tuple(parts))


def exactly_one(names: Sequence[str]) -> Formula:
    """Exactly one of the activities, at every position."""
    cases = [And(tuple([Atom(a) if a == b else Not(Atom(a)) for a in names])) for b in names]
    return Always(Or(tuple(cases)))


def groups(draws: int, seed: int) -> list[Group]:
    """What is measured."""
    found = [Group("patterns (templates x scopes)", [formula for _, formula in patterns()])]
    for rules, activities in CONJUNCTIONS:
        rng = random.Random(seed)
        formulas = [drawn(rng, rules, activities) for _ in range(draws)]
        names = [f"a{i}" for i in range(activities)]
        found.append(Group(f"{rules} rules, {activities} activities", formulas))
        found.append(Group("  exclusive", formulas, names))
    for count in (8, 10):
        text = " & ".join(f"G(a{i} -> F b{i})" for i in range(count))
        found.append(Group(f"{count} independent responses", [parse_formula(text)]))
    return found


def text_for(formula: Formula, strong: str, weak: str) -> str | None:
    """The formula in negation normal form, fully bracketed, with these signs for the nexts; None if it looks back."""
    texts: dict[Formula, str] = {}
    for node in subformulas(to_nnf(formula)):
        inner = [f"({texts[child]})" for child in node.children()]
        match node:
            case logic.Constant(value):
                texts[node] = "true" if value else "false"
            case logic.Atom(name):
                texts[node] = name
            case logic.Not():
                texts[node] = f"!{inner[0]}"
            case logic.And():
                texts[node] = " & ".join(inner)
            case logic.Or():
                texts[node] = " | ".join(inner)
            case logic.Next():
                texts[node] = f"{strong}{inner[0]}"
            case logic.WeakNext():
                texts[node] = f"{weak}{inner[0]}"
            case logic.Until(left, _):
                texts[node] = f"F{inner[1]}" if left == logic.TRUE else f"{inner[0]} U {inner[1]}"
            case logic.Release(left, _):
                texts[node] = f"G{inner[1]}" if left == logic.FALSE else f"{inner[0]} R {inner[1]}"
            case _:
                return None
    return texts[to_nnf(formula)]


def measured(formula: Formula, exclusive: Sequence[str]) -> tuple[float | None, int]:
    """Milliseconds of the better of two translations and the number of states; None where it is refused."""
    best, states = None, 0
    for _ in range(2):
        began = time.perf_counter()
        try:
            states = len(translate(formula, exclusive=exclusive).edges)
        except TooLarge:
            return None, 0
        took = 1000 * (time.perf_counter() - began)
        best = took if best is None else min(best, took)
    return best, states


def ask_peers(python: str, asked: list[Group], total: int) -> list[str]:
    """Let every peer translate all formulas; returns a line for each: its version, or why it is left out."""
    lines = []
    for tool, (strong, weak) in PEERS.items():
        texts = []
        for group in asked:
            conjunct = [exactly_one(group.exclusive)] if group.exclusive else []
            texts += [text_for(And((formula, *conjunct)), strong, weak) for formula in group.formulas]
        request = json.dumps({"tool": tool, "seconds": PEER_SECONDS, "total": total, "formulas": texts})
        script = str(Path(__file__).with_name("translate_peers.py"))
        answer = subprocess.run([python, script], input=request, capture_output=True, text=True, check=False)
        found = json.loads(answer.stdout) if answer.returncode == 0 else {"absent": answer.stderr.strip()[-200:]}
        if "absent" in found:
            lines.append(f"{tool}: left out, {found['absent']}")
            continue
        lines.append(f"{tool}: {found['version']}")
        times = iter(found["ms"])
        for group in asked:
            group.peers[tool] = [next(times) for _ in group.formulas]
    return lines


def summary(times: Sequence[float | None]) -> str:
    """Median and worst, and how many were not done."""
    done = [one for one in times if one is not None]
    missing = f" ({len(times) - len(done)} not done)" if len(done) < len(times) else ""
    if not done:
        return f"none done of {len(times)}"
    return f"{statistics.median(done):.2f} / {max(done):.2f}{missing}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patterns", action="store_true", help="one line for each pattern")
    parser.add_argument("--peers-python", help="a Python that has ltlf2dfa, flloat or spot")
    parser.add_argument("--peer-seconds", type=int, default=120, help="after which a peer is asked no more")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; agentspec {__version__}")
    asked = groups(options.draws, options.seed)
    if options.peers_python:
        print("\n".join(ask_peers(options.peers_python, asked, options.peer_seconds)))
    else:
        print("peers: left out, no --peers-python")
    if options.patterns:
        for name, formula in patterns():
            took, states = measured(formula, ())
            print(f"{name:42} {took or 0:7.2f} ms {states:4} states")
    tools = list(asked[0].peers)
    print(f"\nms, median / worst\n{'':32}{'states':>14}  {'agentspec':24}" + "".join(f"{tool:28}" for tool in tools))
    for group in asked:
        results = [measured(formula, group.exclusive) for formula in group.formulas]
        sizes = [states for took, states in results if took is not None] or [0]
        size = f"{statistics.median(sizes):.0f} / {max(sizes)}"
        ours = summary([took for took, _ in results])
        print(f"{group.name:32}{size:>14}  {ours:24}" + "".join(f"{summary(group.peers[tool]):28}" for tool in tools))


if __name__ == "__main__":
    main()
