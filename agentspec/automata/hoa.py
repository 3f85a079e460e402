"""Automata in the Hanoi Omega-Automata format, version 1 (Babiak et al., CAV 2015): written, and read back.

Acceptance stays on the transitions; an automaton of finite words is that of word·end^ω with the proposition ``end``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.bdd import FALSE, TRUE, Bdd
from agentspec.automata.buchi import Buchi, Edge
from agentspec.automata.dfa import Dfa
from agentspec.automata.effort import Effort
from agentspec.automata.hoa_parse import Hoa, HoaEdge, Label, parse_hoa
from agentspec.automata.letter import Letter
from agentspec.automata.omega import Omega
from agentspec.automata.until_end import words_until_end
from agentspec.errors import InvalidInput, TooLarge


def to_hoa(automaton: Buchi | Omega, name: str) -> str:
    """HOA text with transition-based acceptance."""
    index = {proposition: i for i, proposition in enumerate(automaton.propositions)}
    properties = "trans-labels explicit-labels trans-acc"
    if isinstance(automaton, Omega) or automaton.deterministic:
        properties += " deterministic"
    lines = [
        "HOA: v1",
        f"name: {_quoted(name)}",
        'tool: "agentspec"',
        f"States: {len(automaton.edges)}",
        f"Start: {automaton.initial}",
        " ".join([f"AP: {len(index)}", *map(_quoted, automaton.propositions)]),
        *_acceptance(automaton),
        f"properties: {properties}",
        "--BODY--",
    ]
    for state, edges in enumerate(automaton.edges):
        lines.append(f"State: {state}")
        for edge in edges:
            marks = f" {{{' '.join(map(str, sorted(edge.marks)))}}}" if edge.marks else ""
            lines.append(f"[{_label(edge.letter, index)}] {edge.target}{marks}")
    return "\n".join([*lines, "--END--", ""])


def _acceptance(automaton: Buchi | Omega) -> list[str]:
    if isinstance(automaton, Buchi):
        sets = automaton.sets
        kind = "Buchi" if sets == 1 else f"generalized-Buchi {sets}" if sets else "all"
        return [f"acc-name: {kind}", f"Acceptance: {sets} {' & '.join(f'Inf({i})' for i in range(sets)) or 't'}"]
    used = automaton.acceptance.marks().union(*(edge.marks for edges in automaton.edges for edge in edges))
    return [f"Acceptance: {max(used, default=-1) + 1} {_condition(automaton.acceptance)}"]


def _condition(acceptance: Acceptance) -> str:
    match acceptance:
        case Inf(mark):
            return f"Inf({mark})"
        case Fin(mark):
            return f"Fin({mark})"
        case All(parts):
            return " & ".join(_within(part) for part in parts) or "t"
        case Any(parts):
            return " | ".join(_within(part) for part in parts) or "f"
    raise TypeError(f"not an acceptance condition: {acceptance!r}")


def _within(part: Acceptance) -> str:
    shown = _condition(part)
    return f"({shown})" if isinstance(part, All | Any) and len(part.parts) > 1 else shown


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


def from_hoa(text: str, source: str = "<hoa>") -> Buchi | Omega:
    """The automaton of an HOA text: a Buchi where acceptance is a conjunction of ``Inf``, else an Omega.

    States keep their numbers; state-based acceptance moves to the transitions that leave the state; a label that is
    no cube becomes several transitions; where there is no or more than one initial state, a new one comes last.
    ``acc-name`` and ``properties`` are not believed: ``Acceptance`` and the transitions say what is so.

    Raises SyntaxProblem with the place where the text is not of the format, or is an alternating automaton, or a
    nondeterministic one with other than (generalised) Büchi acceptance; TooLarge where a limit is met.
    """
    hoa = parse_hoa(text, source)
    edges = _edges(hoa)
    fair = _fair(hoa.acceptance)
    if fair is not None:
        number = {mark: i for i, mark in enumerate(sorted(fair))}
        renumbered = [
            [Edge(edge.letter, edge.target, frozenset(number[m] for m in edge.marks if m in number)) for edge in out]
            for out in edges
        ]
        initial = _one_start(hoa, renumbered)
        return Buchi(hoa.propositions, initial, len(number), tuple(map(tuple, renumbered)))
    _require_deterministic(hoa, edges)
    initial = _one_start(hoa, edges)
    return Omega(hoa.propositions, initial, tuple(map(tuple, edges)), hoa.acceptance)


def dfa_from_hoa(text: str, source: str = "<hoa>") -> Dfa:
    """The minimal DFA of an HOA text whose language is word·end^ω, as ``to_hoa(from_dfa(dfa), name)`` writes it.

    Raises what ``from_hoa`` raises, and InvalidInput where the automaton is not of that kind or not deterministic.
    """
    automaton = from_hoa(text, source)
    if not isinstance(automaton, Buchi):
        raise InvalidInput(f"{source}: no automaton of finite words: its acceptance is not Büchi")
    if overlapping(automaton.propositions, automaton.edges) is not None:
        raise InvalidInput(f"{source}: no automaton of finite words: a state has two transitions for one valuation")
    return words_until_end(automaton, source=source)


def _fair(acceptance: Acceptance) -> frozenset[int] | None:
    """The marks of a conjunction of ``Inf``; None for any other condition."""
    marks = set()
    todo = [acceptance]
    while todo:
        part = todo.pop()
        if isinstance(part, All):
            todo += part.parts
        elif isinstance(part, Inf):
            marks.add(part.mark)
        else:
            return None
    return frozenset(marks)


def _one_start(hoa: Hoa, edges: list[list[Edge]]) -> int:
    """The one initial state; a new one, added to ``edges``, where there are several or none."""
    if len(hoa.starts) == 1:
        return hoa.starts[0]
    edges.append(list(dict.fromkeys(edge for start in hoa.starts for edge in edges[start])))
    return len(edges) - 1


def _edges(hoa: Hoa) -> list[list[Edge]]:
    """The transitions of every state, with cubes for labels, and marks for the sets that the condition negates."""
    labels = _Labels(hoa)
    negated = [mark - hoa.sets for mark in hoa.acceptance.marks() if mark >= hoa.sets]
    edges: list[list[Edge]] = [[] for _ in range(hoa.states)]
    count = 0
    for state, out in hoa.edges.items():
        for position, edge in enumerate(out):
            marks = edge.marks | {mark + hoa.sets for mark in negated if mark not in edge.marks}
            for letter in labels.letters(edge, position):
                edges[state].append(Edge(letter, edge.target, marks))
                count += 1
                if count > limits.HOA_EDGES:
                    place = hoa.text.location(edge.offset)
                    raise TooLarge(f"labels that come to more than {limits.HOA_EDGES} cubes", location=place)
    return edges


class _Labels:
    """From labels to disjoint cubes, by way of decision diagrams where a label is no cube as it stands."""

    def __init__(self, hoa: Hoa) -> None:
        self._hoa = hoa
        nodes, seconds = limits.HOA_LABEL_NODES, limits.HOA_LABEL_SECONDS
        self._bdd = Bdd(Effort(f"{hoa.text.source}: labels", hoa.states + 1, nodes, seconds))
        self._nodes: dict[Label, int] = {}
        self._aliases: dict[str, int] = {}
        for alias, label in hoa.aliases.items():  # defined before used: no chain of them is deep
            self._aliases[alias] = self._node(label)

    def letters(self, edge: HoaEdge, position: int) -> Iterator[Letter]:
        """The cubes of one transition; implicit labels count the valuations, the first proposition in the low bit."""
        names = self._hoa.propositions
        if edge.label is None:
            true = frozenset(name for i, name in enumerate(names) if position >> i & 1)
            yield Letter(true, frozenset(names) - true)
            return
        literals = _literals(edge.label)
        if literals is not None:
            true = frozenset(names[i] for i, sign in literals.items() if sign)
            yield Letter(true, frozenset(names[i] for i in literals) - true)
            return
        yield from self._paths(self._node(edge.label))

    def _paths(self, node: int) -> Iterator[Letter]:
        names, bdd = self._hoa.propositions, self._bdd
        none: frozenset[str] = frozenset()
        stack = [(node, none, none)]
        while stack:
            top, true, false = stack.pop()
            if top == TRUE:
                yield Letter(true, false)
            elif top != FALSE:
                name = frozenset({names[bdd.rank[top]]})
                stack += [(bdd.high[top], true | name, false), (bdd.low[top], true, false | name)]

    def _node(self, label: Label) -> int:
        match label:
            case bool():
                return TRUE if label else FALSE
            case int():
                return self._bdd.variable(label)
            case str():
                return self._aliases[label]
        found = self._nodes.get(label)
        if found is None:
            found = self._nodes[label] = self._combined(*label)
        return found

    def _combined(self, operator: str, operands: tuple[Label, ...]) -> int:
        nodes = [self._node(operand) for operand in operands]
        if operator == "!":
            return nodes[0] ^ 1
        join = self._bdd.conj if operator == "&" else self._bdd.disj
        result = nodes[0]
        for node in nodes[1:]:
            result = join(result, node)
        return result


def _literals(label: Label) -> dict[int, bool] | None:
    """The literals of a label that is one cube as it stands, None for any other."""
    parts = label[1] if isinstance(label, tuple) and label[0] == "&" else (label,)
    found: dict[int, bool] = {}
    for part in parts:
        sign = not (isinstance(part, tuple) and part[0] == "!")
        inner = part if sign else part[1][0]  # type: ignore[index]  # of ("!", (x,))
        if inner is True and sign:
            continue
        if isinstance(inner, bool) or not isinstance(inner, int) or found.setdefault(inner, sign) != sign:
            return None
    return found


def _require_deterministic(hoa: Hoa, edges: list[list[Edge]]) -> None:
    """Raises SyntaxProblem at the first state that has two transitions for one valuation."""
    if len(hoa.starts) > 1:
        raise hoa.text.problem(0, f"several initial states; {_ONLY_DETERMINISTIC}")
    state = overlapping(hoa.propositions, edges)
    if state is not None:
        place = hoa.edges[state][0].offset
        raise hoa.text.problem(place, f"state {state} has two transitions for one valuation; {_ONLY_DETERMINISTIC}")


_ONLY_DETERMINISTIC = "with this acceptance (not generalised Büchi) only deterministic automata are read"


def overlapping(propositions: Sequence[str], edges: Sequence[Sequence[Edge]]) -> int | None:
    """The first state with two transitions for one valuation, None in a deterministic automaton.

    The letters must be cubes of propositions. Raises TooLarge past ``limits.HOA_PAIRS`` to compare.
    """
    bit = {name: 1 << i for i, name in enumerate(propositions)}
    compared = 0
    for state, out in enumerate(edges):
        compared += len(out) ** 2 // 2
        if compared > limits.HOA_PAIRS:
            raise TooLarge("too many transitions to see whether the automaton is deterministic")
        masks = [(sum(bit[n] for n in edge.letter.true), sum(bit[n] for n in edge.letter.false)) for edge in out]
        for i, (true, false) in enumerate(masks):
            if any(not (true & other_false or false & other_true) for other_true, other_false in masks[:i]):
                return state
    return None
