"""DECLARE policies drawn at random: how long the joint decision takes, how many are refused, how it grows.

    python benchmarks/declare.py [--draws 50] [--seed 1] [--plot docs/declare-growth.svg]

Per draw: N rules of DECLARE over M activities, one activity a position. *Decided* is whether some word satisfies all of
them (with a word, or with rules that contradict each other); *guard* is the lazily decided game along an episode: at
every position, which activities leave all rules satisfiable.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from agentspec import __version__
from agentspec.automata.joint import LazyGame, satisfying_word
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.monitor import Monitor
from agentspec.automata.translate import translate
from agentspec.errors import TooLarge
from agentspec.logic.templates_declare import DECLARE

SIZES = ((20, 20), (50, 30))
GROWTH = (5, 10, 15, 20, 25, 30)


def draw(rng: random.Random, rules: int, activities: int, *, planted: bool) -> list[tuple[str, Monitor]]:
    """Rules with different names; a number is 1 to 3."""
    names = [f"a{i}" for i in range(activities)]
    hidden = [{rng.choice(names)} for _ in range(60)]
    found: dict[str, Monitor] = {}
    while len(found) < rules:
        chosen = rng.choice(DECLARE)
        operands = iter(rng.sample(names, len(chosen.parameters)))
        params = {p.name: rng.randint(1, 3) if p.kind == "count" else next(operands) for p in chosen.parameters}
        name = f"{chosen.name}({', '.join(map(str, params.values()))})"
        if name not in found:
            dfa = translate(chosen.build(params), name=name)
            if not planted or dfa.accepts(hidden):
                found[name] = Monitor(dfa)
    return list(found.items())


def letters(activities: int) -> tuple[Letter, ...]:
    return tuple(Letter(frozenset({f"a{i}"}), step=f"a{i}", owner=Owner.MODEL) for i in range(activities))


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--draws", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--plot", type=Path)
    asked = options.parse_args()
    print(f"agentspec {__version__}, Python {platform.python_version()}, seed {asked.seed}, {asked.draws} draws a size")
    print("rules activities drawn   | satisfiable contradictory refused | decided ms p50 p95 max |", end=" ")
    print("guard ms/step p50 p95 refused")
    growth = []
    sizes = [(*size, planted) for size in SIZES for planted in (False, True)]
    for at, (rules, activities, planted) in enumerate([(n, n, True) for n in GROWTH] + sizes):
        draws = min(asked.draws, 20) if at < len(GROWTH) else asked.draws
        row = measured(draws, asked.seed, rules, activities, planted=planted)
        print(row[0], flush=True)
        if at < len(GROWTH):
            growth.append((rules, row[1], row[2]))
            if asked.plot:
                asked.plot.write_text(plotted(growth), encoding="utf-8")


def measured(draws: int, seed: int, rules: int, activities: int, *, planted: bool) -> tuple[str, float, float]:
    """The row of a size, and the median and 95th percentile of the decision in milliseconds."""
    among = letters(activities)
    counts = {"satisfiable": 0, "contradictory": 0, "refused": 0, "guard refused": 0}
    decided: list[float] = []
    steps: list[float] = []
    for i in range(draws):
        rng = random.Random(f"{seed} {rules} {activities} {i}")
        drawn = draw(rng, rules, activities, planted=planted)
        began = time.perf_counter()
        try:
            decision = satisfying_word(among, (), drawn)
        except TooLarge:
            counts["refused"] += 1
            continue
        decided.append(1000 * (time.perf_counter() - began))
        counts["contradictory" if decision.word is None else "satisfiable"] += 1
        if decision.word is None:
            continue
        game = LazyGame(among, (), drawn)
        try:
            state = game.initial
            for letter in decision.word:
                began = time.perf_counter()
                allowed = {a: t for a, t in game.moves(state).items() if t is not None and game.wins(t)}
                steps.append(1000 * (time.perf_counter() - began))
                state = allowed[letter]
        except TooLarge:
            counts["guard refused"] += 1
    kind = "planted" if planted else "random "
    told = (
        f"{rules:5} {activities:10} {kind} | "
        f"{counts['satisfiable']:11} {counts['contradictory']:13} {counts['refused']:7} | "
        f"{percentile(decided, 0.5):14.1f} {percentile(decided, 0.95):.1f} {max(decided, default=0):.1f} | "
        f"{percentile(steps, 0.5):16.2f} {percentile(steps, 0.95):.2f} {counts['guard refused']:7}"
    )
    return told, statistics.median(decided) if decided else 0.0, percentile(decided, 0.95)


def plotted(growth: list[tuple[int, float, float]]) -> str:
    """Median and 95th percentile of the decision by the number of rules, on a logarithmic scale."""
    from math import log10

    top = max(1.0, *(log10(max(p95, 1)) for _, _, p95 in growth))

    def place(rules: int, ms: float) -> tuple[float, float]:
        return 60 + 520 * rules / GROWTH[-1], 260 - 220 * log10(max(ms, 1)) / top

    def line(points: list[tuple[float, float]], colour: str) -> str:
        joined = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{joined}"/>'

    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 620 310" font-family="sans-serif" font-size="12">',
        '<rect width="620" height="310" fill="white"/>',
        line([place(n, p50) for n, p50, _ in growth], "#0b57b0"),
        line([place(n, p95) for n, _, p95 in growth], "#8f4400"),
        '<text x="60" y="20" fill="#0b57b0">median</text><text x="120" y="20" fill="#8f4400">95th percentile</text>',
        '<text x="230" y="20">milliseconds until the joint decision, logarithmic</text>',
        *(f'<text x="{place(n, 1)[0] - 6:.0f}" y="280">{n}</text>' for n, _, _ in growth),
        '<text x="250" y="300">rules, over as many activities</text>',
        *(f'<text x="10" y="{place(0, 10**e)[1] + 4:.0f}">{10**e}</text>' for e in range(int(top) + 1)),
        "</svg>\n",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
