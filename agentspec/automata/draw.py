"""Automata as JSON, as a Mermaid diagram and as plain text."""

from __future__ import annotations

from typing import Any

from agentspec.automata.dfa import Dfa
from agentspec.automata.letter import Letter


def to_json(dfa: Dfa, winning: frozenset[int] | None = None) -> dict[str, Any]:
    """The JSON shape of ``agentspec automaton --format json``; ``winning`` only for specs."""
    shape: dict[str, Any] = {
        "schema_version": 1,
        "semantics": "finite",
        "acceptance": "finite",
        "deterministic": True,
        "propositions": list(dfa.propositions),
        "states": len(dfa.edges),
        "initial": dfa.initial,
        "accepting": sorted(dfa.accepting),
        "transitions": [
            {"source": source, "target": target, **_letter_json(letter)}
            for source, edges in enumerate(dfa.edges)
            for letter, target in edges
        ],
    }
    if winning is not None:
        shape["winning"] = sorted(winning)
    return shape


def _letter_json(letter: Letter) -> dict[str, Any]:
    shape: dict[str, Any] = {}
    if letter.step is not None:
        shape["step"] = letter.step
    if letter.tool is not None:
        shape["tool"] = letter.tool
    if letter.owner is not None:
        shape["owner"] = str(letter.owner)
    shape["label"] = {name: name in letter.true for name in sorted(letter.true | letter.false)}
    return shape


def _grouped(dfa: Dfa, state: int) -> dict[int, list[str]]:
    """Targets of a state with the readable labels that lead there, letters of one step put together."""
    by_target: dict[int, list[Letter]] = {}
    for letter, target in dfa.edges[state]:
        by_target.setdefault(target, []).append(letter)
    everywhere = [letter for letter, _ in dfa.edges[state]]
    return {target: _labels(letters, everywhere) for target, letters in sorted(by_target.items())}


def _labels(letters: list[Letter], everywhere: list[Letter]) -> list[str]:
    if any(letter.step is None for letter in letters):
        return [str(letter) for letter in letters]
    beside: dict[str, list[str]] = {}
    for letter in letters:
        assert letter.step is not None
        beside.setdefault(letter.step, []).append(_beside(letter, letters, everywhere))
    return [step if not any(names) else f"{step}: {', '.join(dict.fromkeys(names))}" for step, names in beside.items()]


def _beside(letter: Letter, together: list[Letter], everywhere: list[Letter]) -> str:
    """What holds beside the step; ``error`` only where a failure without it leads elsewhere."""
    names = sorted(letter.true - {str(letter.step), "error"})
    shown = " & ".join(names)
    alike = [other for other in everywhere if other.true - {"error"} == letter.true - {"error"}]
    if all(other in together for other in alike):
        return shown
    return f"{shown} & error" if "error" in letter.true else f"{shown} & !error"


def to_text(dfa: Dfa, winning: frozenset[int] | None = None) -> str:
    """One block a state: what it is, and the letters that leave it."""
    lines = []
    for state in range(len(dfa.edges)):
        marks = [
            word
            for word, holds in (
                ("initial", state == dfa.initial),
                ("accepting", state in dfa.accepting),
                ("lost", winning is not None and state not in winning),
            )
            if holds
        ]
        lines.append(f"state {state}" + (f" ({', '.join(marks)})" if marks else ""))
        for target, labels in _grouped(dfa, state).items():
            lines += [f"  {label} -> {target}" for label in labels]
    return "\n".join(lines) + "\n"


def to_mermaid(dfa: Dfa, winning: frozenset[int] | None = None) -> str:
    """A Mermaid state diagram; accepting states lead to the final dot, lost ones are dashed."""
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> s{dfa.initial}"]
    lines += [f'    state "{state}" as s{state}' for state in range(len(dfa.edges))]
    for state in range(len(dfa.edges)):
        for target, labels in _grouped(dfa, state).items():
            lines.append(f"    s{state} --> s{target} : {_escaped(' or '.join(labels))}")
    lines += [f"    s{state} --> [*]" for state in sorted(dfa.accepting)]
    lost = [] if winning is None else sorted(set(range(len(dfa.edges))) - winning)
    if lost:
        lines.append("    classDef lost stroke-dasharray: 4 4")
        lines.append(f"    class {','.join(f's{state}' for state in lost)} lost")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace(":", "#58;")
