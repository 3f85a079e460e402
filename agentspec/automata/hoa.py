"""Automata in the Hanoi Omega-Automata format, version 1 (Babiak et al., CAV 2015)."""

from __future__ import annotations

from agentspec.automata.buchi import Buchi
from agentspec.automata.letter import Letter


def to_hoa(automaton: Buchi, name: str) -> str:
    """HOA text with transition-based acceptance."""
    index = {proposition: i for i, proposition in enumerate(automaton.propositions)}
    sets = automaton.sets
    acceptance = " & ".join(f"Inf({i})" for i in range(sets)) or "t"
    kind = "Buchi" if sets == 1 else f"generalized-Buchi {sets}" if sets else "all"
    properties = "trans-labels explicit-labels trans-acc" + (" deterministic" if automaton.deterministic else "")
    lines = [
        "HOA: v1",
        f"name: {_quoted(name)}",
        'tool: "agentspec"',
        f"States: {len(automaton.edges)}",
        f"Start: {automaton.initial}",
        " ".join([f"AP: {len(index)}", *map(_quoted, automaton.propositions)]),
        f"acc-name: {kind}",
        f"Acceptance: {sets} {acceptance}",
        f"properties: {properties}",
        "--BODY--",
    ]
    for state, edges in enumerate(automaton.edges):
        lines.append(f"State: {state}")
        for edge in edges:
            marks = f" {{{' '.join(map(str, sorted(edge.marks)))}}}" if edge.marks else ""
            lines.append(f"[{_label(edge.letter, index)}] {edge.target}{marks}")
    return "\n".join([*lines, "--END--", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _label(letter: Letter, index: dict[str, int]) -> str:
    closed = letter.step is not None  # a spec's letter: what it does not name is false
    literals = []
    for name, i in index.items():
        if name in letter.true:
            literals.append(str(i))
        elif closed or name in letter.false:
            literals.append(f"!{i}")
    return "&".join(literals) or "t"
