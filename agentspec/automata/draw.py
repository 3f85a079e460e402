"""Automata as JSON, as plain text, as a Mermaid diagram and in the dot language of Graphviz; all formats by name."""

from __future__ import annotations

import json
import re
from typing import Any

from agentspec.automata import acceptance
from agentspec.automata.buchi import Buchi, Edge, from_dfa
from agentspec.automata.dfa import Dfa
from agentspec.automata.label import visible
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.state_based import split
from agentspec.automata.view import Automaton, View, afford, condition_in_words, flattened, view
from agentspec.errors import InvalidInput, nearest

FORMATS = ("text", "json", "hoa", "mermaid", "dot", "svg")
HERE = "#c2255c"


def printed(
    automaton: Automaton,
    form: str,
    winning: frozenset[int] | None = None,
    *,
    position: int | None = None,
    title: str = "",
    summary: bool | None = None,
) -> str:
    """The automaton in one of ``FORMATS``, ending in a newline.

    ``title`` is for hoa, dot and svg. ``summary`` is for text, mermaid, dot and svg: None is the format's own choice,
    that of svg for large automata. HOA of an automaton of finite words is that of word·end^ω. Raises InvalidInput for
    another format, TooLarge where a picture could not be read, ValueError where ``position`` is no state.
    """
    match form:
        case "text":
            return to_text(automaton, winning, position=position, summary=bool(summary))
        case "mermaid":
            return to_mermaid(automaton, winning, position=position, summary=bool(summary))
        case "dot":
            return to_dot(automaton, winning, position=position, title=title, summary=bool(summary))
        case "json":
            afford(automaton, grouped=False)
            shape = to_json(automaton, winning, position=position)
            shown = json.dumps(shape, indent=1, ensure_ascii=False)
            return (shown if shown.replace("\n", "").isprintable() else json.dumps(shape, indent=1)) + "\n"
        case "svg":
            from agentspec.automata.svg import to_svg

            return to_svg(automaton, winning, position=position, title=title, summary=summary)
        case "hoa":
            from agentspec.automata.hoa import to_hoa

            afford(automaton)
            return to_hoa(from_dfa(automaton) if isinstance(automaton, Dfa) else automaton, title)
    raise InvalidInput(f"'{visible(form)}' is no format{nearest(form, list(FORMATS))}")


def to_json(
    automaton: Automaton, winning: frozenset[int] | None = None, *, position: int | None = None
) -> dict[str, Any]:
    """The JSON shape of ``agentspec automaton --format json``; ``winning`` only for specs.

    Of an automaton of infinite words the states are split by the mark under which they are entered, so that
    ``accepting`` holds states. Raises InvalidInput where its acceptance is not (generalised) Büchi, and ValueError for
    the position in one of infinite words.
    """
    shape: dict[str, Any] = {"schema_version": 1}
    if isinstance(automaton, Dfa):
        dfa = automaton
        shape |= {"semantics": "finite", "acceptance": "finite", "deterministic": True}
    else:
        if position is not None:
            raise ValueError("a position in an automaton of infinite words has no place among its split states")
        buchi = automaton if isinstance(automaton, Buchi) else _as_buchi(automaton)
        dfa, origin = split(buchi)
        winning = None if winning is None else frozenset(q for q, of in enumerate(origin) if of in winning)
        shape |= {"semantics": "infinite", "acceptance": "buchi"}
        shape["deterministic"] = isinstance(automaton, Omega) or automaton.deterministic
    shape |= {
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
    if position is not None:
        shape["position"] = position
    return shape


def _as_buchi(omega: Omega) -> Buchi:
    """The automaton with its marks numbered from 0, if they are all to be met infinitely often."""
    condition = flattened(omega.acceptance)
    parts = condition.parts if isinstance(condition, acceptance.All) else (condition,)
    if not all(isinstance(part, acceptance.Inf) for part in parts):
        said = condition_in_words(condition)
        raise InvalidInput(
            f"JSON knows Büchi acceptance only; this automaton accepts with {said}: use hoa, text or dot"
        )
    number = {mark: i for i, mark in enumerate(sorted(condition.marks()))}
    edges = tuple(
        tuple(
            Edge(edge.letter, edge.target, frozenset(number[m] for m in edge.marks if m in number)) for edge in outgoing
        )
        for outgoing in omega.edges
    )
    return Buchi(omega.propositions, omega.initial, len(number), edges)


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


def to_text(
    automaton: Automaton,
    winning: frozenset[int] | None = None,
    *,
    position: int | None = None,
    summary: bool = False,
) -> str:
    """One block a state: what it is, and the letters that leave it."""
    seen = view(automaton, winning, position, summary=summary)
    lines = [f"accepted: {seen.acceptance}"] if seen.acceptance else []
    for i, state in enumerate(seen.states):
        lines.append(f"state {state.name}" + (f" ({', '.join(state.words)})" if state.words else ""))
        for target, leading in _leaving(seen, i):
            lines += [f"  {visible(str(label))} -> {seen.states[target].name}" for label in leading]
    return "\n".join([*lines, *_remarks(seen)]) + "\n"


def _leaving(seen: View, source: int) -> list[tuple[int, tuple[Any, ...]]]:
    return [(target, leading) for (one, target), leading in sorted(seen.arrows.items()) if one == source]


def _remarks(seen: View) -> list[str]:
    remarks = []
    if seen.summary is not None:
        remarks.append(f"({len(seen.states)} of {seen.summary} states: a summary)")
    elif seen.hidden:
        remarks.append(f"(left out, on no way to acceptance: {seen.hidden})")
    return remarks


def to_mermaid(
    automaton: Automaton,
    winning: frozenset[int] | None = None,
    *,
    position: int | None = None,
    summary: bool = False,
) -> str:
    """A Mermaid state diagram; accepting states lead to the final dot, lost ones are dashed."""
    seen = view(automaton, winning, position, summary=summary)
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> s{seen.states[seen.initial].name}"]
    lines += [f'    state "{state.name}" as s{state.name}' for state in seen.states]
    for (source, target), leading in sorted(seen.arrows.items()):
        ends = f"s{seen.states[source].name} --> s{seen.states[target].name}"
        lines.append(f"    {ends} : {_escaped(' or '.join(map(str, leading)))}")
    lines += [f"    s{state.name} --> [*]" for state in seen.states if state.accepting]
    if seen.acceptance:
        first = seen.states[seen.initial].name
        lines.append(f"    note left of s{first} : accepted#58; {_escaped(seen.acceptance)}")
    for kind, style in (("lost", "stroke-dasharray: 4 4"), ("here", f"stroke: {HERE}, stroke-width: 4px")):
        names = [f"s{state.name}" for state in seen.states if getattr(state, kind)]
        if names:
            lines += [f"    classDef {kind} {style.replace(', ', ',')}", f"    class {','.join(names)} {kind}"]
    return "\n".join([*lines, *(f"    %% {remark}" for remark in _remarks(seen))]) + "\n"


def _escaped(label: str) -> str:
    """Text after the colon of a Mermaid line, what could end it or mean something there written as entities."""
    return re.sub(r"[#:;%<>\"{}`\\]|&(?=[#\w])", lambda found: f"#{ord(found[0])};", visible(label))


def to_dot(
    automaton: Automaton,
    winning: frozenset[int] | None = None,
    *,
    position: int | None = None,
    title: str = "",
    summary: bool = False,
) -> str:
    """A Graphviz digraph; accepting states have two rings, lost ones are dashed, the position is thick."""
    seen = view(automaton, winning, position, summary=summary)
    heading = [line for line in (title, seen.acceptance and f"accepted: {seen.acceptance}", *_remarks(seen)) if line]
    lines = [
        "digraph automaton {",
        "    rankdir=LR;",
        *([f"    label={_quoted(heading)}; labelloc=t;"] if heading else []),
        '    node [shape=circle, fontname="monospace"];',
        '    edge [fontname="monospace", fontsize=11];',
        "    start [shape=point];",
        f"    start -> s{seen.states[seen.initial].name};",
    ]
    for state in seen.states:
        shape = ", shape=doublecircle" if state.accepting else ""
        style = ", style=dashed" if state.lost else ""
        here = f', color="{HERE}", penwidth=3' if state.here else ""
        lines.append(f'    s{state.name} [label="{state.name}"{shape}{style}{here}];')
    for (source, target), leading in sorted(seen.arrows.items()):
        ends = f"s{seen.states[source].name} -> s{seen.states[target].name}"
        lines.append(f"    {ends} [label={_quoted(list(map(str, leading)))}];")
    return "\n".join([*lines, "}", ""])


def _quoted(lines: list[str]) -> str:
    """A dot string of lines, each set to the left where there are several; control characters made visible."""
    shown = [visible(line).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;") for line in lines]
    return f'"{shown[0]}"' if len(shown) == 1 else '"' + "".join(f"{line}\\l" for line in shown) + '"'
