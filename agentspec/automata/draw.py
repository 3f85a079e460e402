"""Automata as JSON, as plain text, as a Mermaid diagram and in the dot language of Graphviz."""

from __future__ import annotations

from typing import Any

from agentspec.automata.dfa import Dfa
from agentspec.automata.label import labels, visible
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
        for target, leading in labels(dfa, state).items():
            lines += [f"  {label} -> {target}" for label in leading]
    return "\n".join(lines) + "\n"


def to_mermaid(dfa: Dfa, winning: frozenset[int] | None = None) -> str:
    """A Mermaid state diagram; accepting states lead to the final dot, lost ones are dashed."""
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> s{dfa.initial}"]
    lines += [f'    state "{state}" as s{state}' for state in range(len(dfa.edges))]
    for state in range(len(dfa.edges)):
        for target, leading in labels(dfa, state).items():
            lines.append(f"    s{state} --> s{target} : {_escaped(' or '.join(map(str, leading)))}")
    lines += [f"    s{state} --> [*]" for state in sorted(dfa.accepting)]
    lost = [] if winning is None else sorted(set(range(len(dfa.edges))) - winning)
    if lost:
        lines.append("    classDef lost stroke-dasharray: 4 4")
        lines.append(f"    class {','.join(f's{state}' for state in lost)} lost")
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace(":", "#58;")


def to_dot(dfa: Dfa, winning: frozenset[int] | None = None, *, title: str = "") -> str:
    """A Graphviz digraph; accepting states have two rings, lost ones are dashed."""
    lines = [
        "digraph automaton {",
        "    rankdir=LR;",
        *([f"    label={_quoted([title])}; labelloc=t;"] if title else []),
        '    node [shape=circle, fontname="monospace"];',
        '    edge [fontname="monospace", fontsize=11];',
        "    start [shape=point];",
        f"    start -> s{dfa.initial};",
    ]
    for state in range(len(dfa.edges)):
        shape = ", shape=doublecircle" if state in dfa.accepting else ""
        style = ", style=dashed" if winning is not None and state not in winning else ""
        lines.append(f'    s{state} [label="{state}"{shape}{style}];')
    for state in range(len(dfa.edges)):
        for target, leading in labels(dfa, state).items():
            lines.append(f"    s{state} -> s{target} [label={_quoted(list(map(str, leading)))}];")
    return "\n".join([*lines, "}", ""])


def _quoted(lines: list[str]) -> str:
    """A dot string of lines, each set to the left where there are several; control characters made visible."""
    shown = [visible(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines]
    return f'"{shown[0]}"' if len(shown) == 1 else '"' + "".join(f"{line}\\l" for line in shown) + '"'
