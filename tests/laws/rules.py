"""Random rules over the steps, tools and predicates of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any


def rule(rng: Random, i: int, steps: list[str], tools: list[str], document: Mapping[str, Any]) -> dict[str, Any]:
    mine = [name for name in steps if name != "question"] or ["question"]
    declared = _declared(document)
    if declared and rng.random() < 0.6:
        text = _about(rng, declared, steps)
    elif rng.random() < 0.6:
        text = _template(rng, mine, tools)
    else:
        text = _formula(rng, [*steps, *declared], tools, rng.randint(1, 3))
    return {"id": f"r{i}", "ltl": text, "enforce": rng.choice(["block"] * 7 + ["warn", "warn", "log", "off"])}


def _declared(document: Mapping[str, Any]) -> list[str]:
    """The declared propositions, and ``empty(STEP)`` for steps that quote."""
    quoting = "quote" in document["steps"]
    return [*document.get("propositions", {}), *(["empty(quote)"] if quoting else [])]


def _about(rng: Random, declared: list[str], steps: list[str]) -> str:
    """A rule that speaks of what a step holds."""
    p, q, a = rng.choice(declared), rng.choice(declared), rng.choice(steps)
    ways = [
        f"G !{p}", f"F {p}", f"G({p} -> N !{p})", f"!{a} W {p}", f"!{p} W {q}", f"G({p} -> F {a})",
        f"G({p} -> N G !{q})", f"F({p} | {a})", f"G({p} -> X !{q})", f"G !{p} | F {q}", f"G({p} -> last | X {a})",
        f"G({p} <-> {q})", f"G({a} -> {p} | N {q})", f"!{q} U ({p} | {a})", f"G(!{p} & !last -> N !{q})",
    ]  # fmt: skip
    return rng.choice(ways)


def reaction(rng: Random, i: int, plain: list[str], tools: list[str], document: Mapping[str, Any]) -> dict[str, Any]:
    a, b, t, u = rng.choice(plain), rng.choice(plain), rng.choice(tools), rng.choice(tools)
    ways = [
        f"G(failed({t}) -> F {a})", f"G(error -> X {a})", f"G(failed({t}) & !error -> X ({a} & F {b}))",
        f"G(ok({t}) -> N !{b})", f"G(ok({t}) -> X ({a} & X {b}))", f"F failed({t}) -> F {a}",
        f"G(error -> N G !call({t}))", f"G(failed({t}) -> F call({u}) | F {a})", f"!{a} W failed({t})",
        f"G(call({t}) -> X (ok({t}) | X {b}))", f"G !failed({t})", f"G(call({t}) -> X ok({t}))", "G !error",
    ]  # fmt: skip
    declared = _declared(document)
    if declared:
        p = rng.choice(declared)
        ways += [
            f"G({p} -> X {a})", f"G({p} -> N !{b})", f"G(ok({t}) & !{p} -> F {a})", f"!call({t}) W {p}",
            f"G({p} -> N G !call({t}))", f"G(ok({t}) -> {p} | F {b})", f"G({p} & !last -> N !call({u}))",
        ]  # fmt: skip
    return {"id": f"r{i}", "ltl": rng.choice(ways), "enforce": rng.choice(["block"] * 9 + ["warn"])}


def _template(rng: Random, steps: list[str], tools: list[str]) -> str:
    a, b = rng.choice(steps), rng.choice(steps)
    ways = [
        f"!{a} W {b}", f"G({a} -> N !{a})", f"G({a} -> F {b})", f"G({a} -> N G !{a})", f"G({a} -> X {b})",
        f"F({a} | {b})", f"G({a} -> N ({b} | last))", f"F {a}", f"G({a} -> F[0:3] {b})", f"!{b} U {a}", f"{a} R !{b}",
        "X X X true", "F[0:9] last",
    ]  # fmt: skip
    if tools and "observation" in steps:
        t, u = rng.choice(tools), rng.choice(tools)
        ways += [
            f"G(failed({t}) -> N !call({t}))", f"G(failed({t}) -> N G !chosen({t}))",
            f"G(call({t}) -> N G !call({t}))", f"!chosen({t}) W ok({u})", f"G(error -> N G !{a})",
            f"G(ok({t}) -> F {a})", f"F(call({t}) | {a})", f"F ok({t})", f"G(call({t}) -> X (ok({t}) | F {a}))",
            f"G(failed({t}) -> F ({a} | ok({u})))", "G !error", f"G(error -> last | X {a})",
            f"G(failed({t}) & !error -> N chosen({u}))", f"!{a} W (ok({t}) | failed({t}))",
        ]  # fmt: skip
    return rng.choice(ways)


def _formula(rng: Random, steps: list[str], tools: list[str], depth: int) -> str:
    if depth == 0 or rng.random() < 0.1:
        built_in = (
            [f"{p}({t})" for t in tools for p in ("chosen", "call", "ok", "failed")] if "observation" in steps else []
        )
        built_in = [*built_in, "error"] if built_in else []
        pool = [
            *steps,
            *steps,
            *rng.sample(built_in, min(3, len(built_in))),
            rng.choice(["last", "true", "false", "last"]),
        ]
        return rng.choice(pool)
    one = _formula(rng, steps, tools, depth - 1)
    if rng.random() < 0.5:
        return rng.choice(["!({})", "X({})", "N({})", "F({})", "G({})", "F[0:3]({})", "G[1:2]({})", "X[2]({})"]).format(
            one
        )
    two = _formula(rng, steps, tools, depth - 1)
    return f"({one}) {rng.choice(['&', '|', '|', '->', '->', '<->', 'xor', 'U', 'W', 'R', 'M'])} ({two})"
