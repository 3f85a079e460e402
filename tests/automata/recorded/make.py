"""Records what Spot makes of formulas, so that those without Spot can compare.

    python -m tests.automata.recorded.make

Writes four HOA streams beside this file, a formula in each header (``agentspec-formula:``) and Spot's version in
``tool:``: ``finite`` (word·end^ω), ``buchi`` (generalised Büchi, infinite words), ``negation`` (the same of the negated
formula) and ``parity`` (deterministic). Where Spot does not import it raises what ``automata.spot.load`` raises. The
streams that are committed were made by Spot's branch ``adl/ltlf`` at commit fbb6670.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from agentspec.automata import spot
from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Eventually,
    Formula,
    Next,
    Not,
    Or,
    Release,
    Until,
    WeakNext,
    Xor,
    looks_back,
)
from agentspec.logic.parse import parse_formula
from agentspec.logic.pattern import SCOPES
from agentspec.logic.show import show_formula
from agentspec.logic.templates_declare import DECLARE
from agentspec.logic.templates_dwyer import DWYER
from tests.automata.laws import DIFFERENT, NEXTS

HERE = Path(__file__).parent
SEED, RANDOM = 4, 24
TRAPS = """
true; false; last; F last; G F a; F G a; G F a & G F b; G F a | F G b; G F a -> G F b; G(a -> F b) & G F c; X X X a;
N N N a; (a U b) U c; a U (b U c); (a R b) R c; a M b; a W b; F(a & X(b U c)); G(a -> X[2] b); F[1:3] a; G[0:2] (a | b);
a xor X b; G(a <-> N b); F call(pay)
"""


def texts() -> Iterator[str]:
    """DECLARE's templates, Dwyer's in every scope, the traps of notation, and random formulas."""
    yield from (template.text() for template in DECLARE)
    yield from (template.text(scope) for template in DWYER for scope in SCOPES)
    yield from (text.strip() for text in TRAPS.split(";"))
    yield from NEXTS
    yield from (text for pair in DIFFERENT for text in pair)
    rng = random.Random(SEED)
    yield from (show_formula(drawn(rng, 4)) for _ in range(RANDOM))


def drawn(rng: random.Random, depth: int) -> Formula:
    """A random formula over three propositions."""
    if depth == 0 or rng.random() < 0.15:
        return Atom(rng.choice("abc"))
    unary = rng.choice((Not, Next, WeakNext, Eventually, Always, None, None, None, None))
    if unary is not None:
        return unary(drawn(rng, depth - 1))
    one, two = drawn(rng, depth - 1), drawn(rng, depth - 1)
    binary = rng.choice((Until, Release, Xor, And, Or))
    return binary((one, two)) if binary in (And, Or) else binary(one, two)


def main() -> None:
    """Writes the four streams."""
    lib = spot.load()
    streams: dict[str, list[str]] = {kind: [] for kind in ("finite", "buchi", "negation", "parity")}
    for text in dict.fromkeys(texts()):
        formula = parse_formula(text)
        if looks_back(formula):
            continue
        ending = lib.from_ltlf(spot.rewritten(formula, finite=True), "!end")
        infinite = spot.rewritten(formula, finite=False)
        made = {
            "finite": lib.translate(ending, "deterministic", "buchi"),
            "buchi": lib.translate(infinite, "tgba"),
            "negation": lib.translate(lib.formula.Not(infinite), "tgba"),
            "parity": lib.translate(infinite, "parity", "deterministic"),
        }
        for kind, automaton in made.items():
            streams[kind].append(headed(automaton.to_str("hoa"), text, lib.version()))
    for kind, recorded in streams.items():
        (HERE / f"{kind}.hoa").write_text("\n".join(recorded), encoding="utf-8", newline="\n")
        print(f"{kind}.hoa: {len(recorded)} automata, Spot {lib.version()}")


def headed(hoa: str, text: str, version: str) -> str:
    """The same automaton with the formula and Spot's version in its header."""
    first, rest = hoa.split("\n", 1)
    lines = [line for line in rest.splitlines() if not line.startswith(("name:", "tool:"))]
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join([first, f'tool: "spot" "{version}"', f'agentspec-formula: "{quoted}"', *lines, ""])


if __name__ == "__main__":
    main()
