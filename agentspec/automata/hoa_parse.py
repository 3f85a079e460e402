"""The grammar of the Hanoi Omega-Automata format, version 1 (Babiak et al., "The Hanoi Omega-Automata Format", CAV
2015): text to a tree that says what is written. What it means as an automaton is said in ``hoa``.

Recursive descent with one token of look-ahead; every loop takes a token and every nesting is counted, so that no text
takes more than linear time. Refused by name: universal branching (alternating automata), ``--ABORT--``, a second
automaton in the same text, and unknown headers with a capital letter, which a reader must not overlook.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from agentspec import limits
from agentspec.automata.acceptance import Acceptance, All, Any, Fin, Inf
from agentspec.automata.hoa_tokens import Token, Tokens
from agentspec.errors import SyntaxProblem, TooLarge, nearest
from agentspec.logic.source import SourceText, quoted

Label = bool | int | str | tuple[str, tuple["Label", ...]]
"""A constant, the index of a proposition, an alias (``@a``), or an operator ``!``, ``&``, ``|`` with its operands."""


class HoaEdge(NamedTuple):
    """One transition as written; ``label`` is None where labels are implicit."""

    label: Label | None
    target: int
    marks: frozenset[int]
    offset: int


@dataclass(frozen=True, slots=True)
class Hoa:
    """One automaton as written, state labels and state marks already moved to the transitions.

    A negated set ``!i`` of the acceptance condition stands in ``acceptance`` as the mark ``sets + i``.
    """

    text: SourceText
    states: int
    starts: tuple[int, ...]
    propositions: tuple[str, ...]
    aliases: dict[str, Label]
    sets: int
    acceptance: Acceptance
    edges: dict[int, tuple[HoaEdge, ...]]
    name: str = ""


def parse_hoa(text: str, source: str = "<hoa>") -> Hoa:
    """The automaton as written. Raises SyntaxProblem with the place, or TooLarge where a limit of this file is met."""
    if len(text) > limits.HOA_TEXT:
        raise TooLarge(f"{source}: text of {len(text)} characters; at most {limits.HOA_TEXT} are read")
    return _Reader(SourceText(text, source, 1, 1)).automaton()


_HEADERS: Final = (
    "HOA", "States", "Start", "AP", "Alias", "Acceptance", "acc-name", "tool", "name", "properties"
)  # fmt: skip
_ONCE: Final = frozenset({"States", "AP", "Acceptance", "acc-name", "tool", "name"})


@dataclass
class _Reader(Tokens):
    states: int | None = None
    seen_states: int = 0
    starts: dict[int, int] = field(default_factory=dict)
    propositions: tuple[str, ...] = ()
    aliases: dict[str, Label] = field(default_factory=dict)
    sets: int = 0
    acceptance: Acceptance | None = None
    name: str = ""
    largest: Token | None = None
    edge_count: int = 0

    # ---- header

    def automaton(self) -> Hoa:
        self.advance()
        if self.token.text != "HOA:":
            raise self.wanted("'HOA: v1'")
        self.advance()
        version = self.take("word", "the version 'v1'")
        if version.text != "v1":
            raise self.problem(f"version {quoted(version.text)} of the format; valid: v1", version)
        given: set[str] = set()
        while self.token.kind == "header":
            name = self.token.text[:-1]
            if name in _ONCE and name in given:
                raise self.problem(f"'{name}:' stands here a second time")
            given.add(name)
            self._header_item(name)
        if self.token.text != "--BODY--":
            raise self.wanted("a header such as 'States:', or --BODY--")
        acceptance = self.acceptance
        if acceptance is None:
            raise self.problem("no 'Acceptance:' in the header")
        self._check_header()
        self.advance()
        edges = self._body()
        if self.token.text != "--END--":
            raise self.wanted("'State:' or --END--")
        self.advance()
        if self.token.kind != "end":
            raise self.problem("one automaton a text; after --END-- there is more")
        states = self.seen_states if self.states is None else self.states
        return Hoa(
            self.source, states, tuple(self.starts), self.propositions, self.aliases, self.sets, acceptance, edges,
            self.name,
        )  # fmt: skip

    def _header_item(self, name: str) -> None:
        start = self.advance()
        match name:
            case "States":
                self.states = self.limited("states", limits.HOA_STATES)
            case "Start":
                offset = self.token.offset
                self.starts.setdefault(self._state("the number of the initial state"), offset)
            case "AP":
                count = self.limited("propositions", limits.HOA_PROPOSITIONS)
                names: list[str] = []
                while self.token.kind == "string":
                    place = self.token
                    names.append(self.string())
                    if names[-1] in names[:-1]:
                        raise self.problem(f"proposition {quoted(names[-1])} stands here a second time", place)
                if len(names) != count:
                    raise self.problem(f"'AP:' announces {count} propositions and names {len(names)}", start)
                self.propositions = tuple(names)
            case "Alias":
                alias = self.take("alias", "the name of the alias, such as '@a'")
                if alias.text in self.aliases:
                    raise self.problem(f"alias {alias.text} is defined twice", alias)
                self.aliases[alias.text] = self._label()
            case "Acceptance":
                self.sets = self.limited("acceptance sets", limits.HOA_SETS)
                self.acceptance = self._condition()
            case "name":
                self.name = self.string()
            case _ if name == "HOA" or (name[0].isupper() and name not in _HEADERS):
                raise self.problem(f"header '{name}:' is not known{nearest(name, list(_HEADERS))}", start)
            case _:
                while self.token.kind in ("word", "number", "string"):
                    self.advance()

    def _check_header(self) -> None:
        if self.largest is not None and int(self.largest.text) >= len(self.propositions):
            raise self._no_proposition(self.largest)
        for state, offset in self.starts.items():
            if self.states is not None and state >= self.states:
                raise self.source.problem(offset, f"initial state {state} is not there; there are {self.states} states")

    def _no_proposition(self, token: Token) -> SyntaxProblem:
        count = len(self.propositions)
        return self.problem(f"proposition {token.text} is not there; 'AP:' names {count}, numbered from 0", token)

    def _state(self, what: str) -> int:
        """The number of one state; a conjunction of states is refused."""
        token = self.token
        state = self.number(what)
        if state >= limits.HOA_STATES:
            raise self.too_large(f"state {quoted(token.text)}; at most {limits.HOA_STATES} states are read", token)
        if self.sees("&"):
            raise self.problem("universal branching (an alternating automaton) is not read")
        self.seen_states = max(self.seen_states, state + 1)
        return state

    # ---- labels and conditions

    def _label(self, depth: int = 0, *, in_header: bool = True) -> Label:
        """``a | b``; ``|`` binds more loosely than ``&``, and ``&`` than ``!``."""
        options = [self._label_conjunction(depth, in_header)]
        while self.takes("|"):
            options.append(self._label_conjunction(depth, in_header))
        return options[0] if len(options) == 1 else ("|", tuple(options))

    def _label_conjunction(self, depth: int, in_header: bool) -> Label:
        parts = [self._label_part(depth, in_header)]
        while self.takes("&"):
            parts.append(self._label_part(depth, in_header))
        return parts[0] if len(parts) == 1 else ("&", tuple(parts))

    def _label_part(self, depth: int, in_header: bool) -> Label:
        self._require_depth(depth)
        token = self.token
        if self.takes("!"):
            return ("!", (self._label_part(depth + 1, in_header),))
        if self.takes("("):
            inner = self._label(depth + 1, in_header=in_header)
            self.take_sign(")")
            return inner
        if token.kind == "number":
            index = self.number("a proposition")
            if not in_header and index >= len(self.propositions):
                raise self._no_proposition(token)
            if in_header and (self.largest is None or index > int(self.largest.text)):
                self.largest = token
            return index
        if token.kind == "alias":
            if token.text not in self.aliases:
                raise self.problem(f"alias {token.text} is not defined here{nearest(token.text, [*self.aliases])}")
            self.advance()
            return token.text
        if token.kind == "word" and token.text in ("t", "f"):
            self.advance()
            return token.text == "t"
        raise self.wanted("a label: a proposition's number, an alias, t, f, '!' or '('")

    def _condition(self, depth: int = 0) -> Acceptance:
        options = [self._condition_conjunction(depth)]
        while self.takes("|"):
            options.append(self._condition_conjunction(depth))
        return options[0] if len(options) == 1 else Any(tuple(options))

    def _condition_conjunction(self, depth: int) -> Acceptance:
        parts = [self._condition_part(depth)]
        while self.takes("&"):
            parts.append(self._condition_part(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _condition_part(self, depth: int) -> Acceptance:
        self._require_depth(depth)
        if self.takes("("):
            inner = self._condition(depth + 1)
            self.take_sign(")")
            return inner
        if self.token.kind == "word" and self.token.text in ("t", "f"):
            return All(()) if self.advance().text == "t" else Any(())
        if self.token.kind == "word" and self.token.text in ("Inf", "Fin"):
            kind = Inf if self.advance().text == "Inf" else Fin
            self.take_sign("(")
            negated = self.takes("!")
            mark = self.number("acceptance set", self.sets)
            self.take_sign(")")
            return kind(mark + self.sets if negated else mark)
        raise self.wanted("an acceptance condition: Inf(…), Fin(…), t, f or '('")

    def _require_depth(self, depth: int) -> None:
        if depth > limits.HOA_DEPTH:
            raise self.problem(f"nested more than {limits.HOA_DEPTH} deep")

    # ---- body

    def _body(self) -> dict[int, tuple[HoaEdge, ...]]:
        edges: dict[int, tuple[HoaEdge, ...]] = {}
        while self.token.text == "State:":
            self.advance()
            label = self._bracketed()
            place = self.token
            state = self._known_state("the number of the state")
            if state in edges:
                raise self.problem(f"state {state} stands here a second time", place)
            if self.token.kind == "string":
                self.advance()
            marks = self._marks()
            edges[state] = self._edges(label, marks)
        return edges

    def _edges(self, label: Label | None, marks: frozenset[int]) -> tuple[HoaEdge, ...]:
        edges: list[HoaEdge] = []
        while self.token.kind == "number" or self.sees("["):
            place = self.token
            own = self._bracketed()
            if own is not None and label is not None:
                raise self.problem("a label on a transition of a state that has one", place)
            target = self._known_state("the number of the target")
            edges.append(HoaEdge(own if label is None else label, target, marks | self._marks(), place.offset))
            self.edge_count += 1
            if self.edge_count > limits.HOA_EDGES:
                raise self.too_large(f"more than {limits.HOA_EDGES} transitions")
            if (edges[0].label is None) != (edges[-1].label is None):
                raise self.problem("some transitions of this state have a label and some have none", place)
        if edges and edges[0].label is None and len(edges) != 2 ** len(self.propositions):
            count = len(self.propositions)
            raise self.source.problem(
                edges[-1].offset,
                f"{len(edges)} transitions without labels; {count} propositions need {2**count}, one a valuation",
            )
        return tuple(edges)

    def _bracketed(self) -> Label | None:
        if not self.takes("["):
            return None
        label = self._label(in_header=False)
        self.take_sign("]")
        return label

    def _known_state(self, what: str) -> int:
        token = self.token
        state = self._state(what)
        if self.states is not None and state >= self.states:
            raise self.problem(f"state {state} is not there; 'States:' says {self.states}, numbered from 0", token)
        return state

    def _marks(self) -> frozenset[int]:
        if not self.takes("{"):
            return frozenset()
        marks = set()
        while not self.takes("}"):
            if self.token.kind != "number":
                raise self.wanted("the number of an acceptance set, or '}'")
            marks.add(self.number("acceptance set", self.sets))
        return frozenset(marks)
