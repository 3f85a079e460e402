"""What can still become of a word, told along diagrams: against its definition, and for very many successors."""

import time
from dataclasses import replace

from agentspec.automata.translate import translate
from agentspec.logic.parse import parse_formula

TEXTS = [
    "a", "true", "false", "F a", "G a", "a U b", "G(a -> X b)", "G(a -> F b) & G(c -> F a)", "F(a & X X b) | G !c",
    "X a & F b", "G(a -> O b)", "count(a) >= 2 & G !c", "last | a", "a -> X(b & X true)",
]  # fmt: skip


def test_live_and_firm_states() -> None:
    for text in TEXTS:
        dfa = translate(parse_formula(text), ("a", "b", "c"))
        spelled = replace(dfa, edges=tuple(dfa.edges))
        assert dfa.live == spelled.live, text
        assert dfa.firm == spelled.firm, text


def test_states_that_lead_to_each_other() -> None:
    dfa = translate(parse_formula(" & ".join(f"G(a{i} -> F b{i})" for i in range(11))))
    began = time.monotonic()
    assert dfa.live == frozenset(range(2**11 + 1))
    assert dfa.firm == frozenset()
    assert time.monotonic() - began < 2
