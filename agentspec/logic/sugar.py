"""Rules in words, and the formulas they stand for.

| words | formula |
| --- | --- |
| ``deny: P`` | ``G !P`` |
| ``deny: P, when: C`` | ``G !(P & C)`` |
| ``deny: P, unless: Q`` | ``G(P -> Y O Q)``: Q happened before |
| ``deny: P, unless: Q since R`` | ``G(P -> Y(!R S Q))``: Q happened before, and no R after it |
| ``require: P`` | ``F P`` |
| ``require: P, when: C`` | ``G(C -> P)`` |
| ``require: P, before: Q`` | ``!Q W P`` |
| ``require: P, after: Q`` | ``G(Q -> F P)`` |

``when`` with ``unless``, ``before`` or ``after`` restricts the positions of P, Q and Q. ``Q since R`` may stand in
``when`` as well; it always looks at what happened before the position, never at the position itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agentspec.errors import InvalidInput, Location, SyntaxProblem
from agentspec.logic.formula import (
    Always,
    Atom,
    Eventually,
    Formula,
    Implies,
    Nary,
    Once,
    Since,
    WeakUntil,
    Yesterday,
    subformulas,
)
from agentspec.logic.parse import RESERVED, parse_formula
from agentspec.logic.scope import both, negated
from agentspec.logic.source import SourceText

_VALUES: Final = re.compile(r"\bargs\s*\.|\blast\s*\(")
_PIECE: Final = re.compile(r"[()]|[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*")
_NAME: Final = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*")


@dataclass(frozen=True)
class Said:
    """What a rule in words comes to: its formula, and one plain sentence that says the same."""

    formula: Formula
    sentence: str


@dataclass(frozen=True)
class _Condition:
    """One text: its formula, that behind ``since`` if any, and the text with which a sentence tells of it."""

    formula: Formula
    since: Formula | None
    told: str

    def here(self) -> Formula:
        """It holds here; or, with ``since``, it held before."""
        return self.formula if self.since is None else self.before()

    def before(self) -> Formula:
        """It held before this position, and what stands behind ``since`` did not hold after that."""
        if self.since is None:
            return Yesterday(Once(self.formula))
        return Yesterday(Since(negated(self.since), self.formula))


def lower_deny(
    deny: str, when: str | None = None, unless: str | None = None, *, places: Mapping[str, Location] | None = None
) -> Said:
    """``deny`` never happens: not where ``when`` holds, or not unless ``unless`` happened before.

    ``places`` says where the texts stand, by the names of these parameters; without it a text's source is its name.
    Raises SyntaxProblem, located, for a text that cannot be read.
    """
    denied, asked = _plain("deny", deny, places), _optional("when", when, places)
    what, told = denied.formula, f"{denied.told} is denied"
    if asked is not None:
        what, told = both(what, asked.here()), f"{told} when {_holds(asked)}"
    if unless is None:
        return Said(Always(negated(what)), f"{told}.")
    excuse = _condition("unless", unless, places)
    happened = _holds(excuse) if excuse.since else f"{excuse.told} happened before"
    return Said(Always(Implies(what, excuse.before())), f"{told} unless {happened}.")


def lower_require(
    require: str,
    when: str | None = None,
    before: str | None = None,
    after: str | None = None,
    *,
    places: Mapping[str, Location] | None = None,
) -> Said:
    """``require`` holds at some time, wherever ``when`` does, before the first ``before``, or after each ``after``.

    ``when`` beside ``before`` or ``after`` restricts which of those count. Errors as `lower_deny`; InvalidInput for
    ``before`` beside ``after``.
    """
    if before is not None and after is not None:
        raise InvalidInput(
            "'require' takes 'before' or 'after', not both; between two events: template: existence, between: [q, r]"
        )
    wanted, asked = _plain("require", require, places), _optional("when", when, places)
    told = f"{wanted.told} is required"
    if before is None and after is None:
        if asked is None:
            return Said(Eventually(wanted.formula), f"{told} at some time.")
        return Said(Always(Implies(asked.here(), wanted.formula)), f"{told} whenever {_holds(asked)}.")
    other = _plain("before", before, places) if before is not None else _plain("after", str(after), places)
    event = other.formula if asked is None else both(other.formula, asked.here())
    which = other.told if asked is None else f"{other.told} when {_holds(asked)}"
    if before is not None:
        return Said(WeakUntil(negated(event), wanted.formula), f"{told} before {which}.")
    return Said(Always(Implies(event, Eventually(wanted.formula))), f"{told} after each {which}.")


def substituted(formula: Formula, name: str, value: str) -> Formula:
    """The formula with the proposition ``name`` and the argument ``name``, as in ``failed(name)``, become ``value``.

    Raises InvalidInput if ``value`` is no name.
    """
    if not _NAME.fullmatch(value) or value in RESERVED:
        raise InvalidInput(f"'{name}' cannot become {value!r}, which names no proposition")
    done: dict[Formula, Formula] = {}
    for node in subformulas(formula):
        if isinstance(node, Atom):
            done[node] = Atom(_renamed(node.name, name, value))
        else:
            done[node] = _with_children(node, tuple([done[child] for child in node.children()]))
    return done[formula]


def _renamed(atom: str, name: str, value: str) -> str:
    if atom == name:
        return value
    return f"{atom.removesuffix(f'({name})')}({value})" if atom.endswith(f"({name})") else atom


def _with_children(node: Formula, children: tuple[Formula, ...]) -> Formula:
    if children == node.children():
        return node
    return type(node)(children) if isinstance(node, Nary) else type(node)(*children)


# ---- texts


def _plain(key: str, text: str, places: Mapping[str, Location] | None) -> _Condition:
    """A text that is one formula."""
    read = _condition(key, text, places)
    if read.since is not None:
        at = _since(text)[0]
        raise _place(key, text, places).problem(at, f"'since' belongs to 'when' and 'unless', not to '{key}'")
    return read


def _optional(key: str, text: str | None, places: Mapping[str, Location] | None) -> _Condition | None:
    return None if text is None else _condition(key, text, places)


def _condition(key: str, text: str, places: Mapping[str, Location] | None) -> _Condition:
    """A text that is a formula, or two with ``since`` between them."""
    place = _place(key, text, places)
    place.require_length()
    compared = _VALUES.search(text)
    if compared is not None:
        message = "this compares values, which the rules of a file do in 'deny', 'require' and their 'when'"
        raise place.problem(compared.start(), message)
    found = _since(text)
    if len(found) > 1:
        raise place.problem(found[1], "a second 'since'; expected one, as in 'approved since call(pay)'")
    if not found:
        return _Condition(_parsed(place, 0, len(text)), None, _quoted(text))
    start, rest = found[0], found[0] + len("since")
    if not text[:start].strip() or not text[rest:].strip():
        raise place.problem(start, "'since' stands between two formulas, as in 'approved since call(pay)'")
    told = f"{_quoted(text[:start])} happened since the last {_quoted(text[rest:])}"
    return _Condition(_parsed(place, 0, start), _parsed(place, rest, len(text)), told)


def _holds(condition: _Condition) -> str:
    return condition.told if condition.since is not None else f"{condition.told} holds"


def _since(text: str) -> list[int]:
    """Where the word ``since`` stands outside of parentheses."""
    depth, found = 0, []
    for piece in _PIECE.finditer(text):
        depth += {"(": 1, ")": -1}.get(piece[0], 0)
        if piece[0] == "since" and depth == 0:
            found.append(piece.start())
    return found


def _parsed(place: SourceText, start: int, end: int) -> Formula:
    """The formula between two offsets; errors point into the whole text."""
    at = place.location(start)
    try:
        return parse_formula(place.text[start:end], source=at.source, line=at.line, column=at.column)
    except SyntaxProblem as problem:
        where = problem.location or at
        lines = place.text.split("\n")[: where.line - place.line]
        excerpt = place.excerpt(sum([len(line) + 1 for line in lines]))
        raise SyntaxProblem(problem.message, location=where, excerpt=excerpt) from None


def _place(key: str, text: str, places: Mapping[str, Location] | None) -> SourceText:
    at = (places or {}).get(key, Location(key, 1, 1))
    return SourceText(text, at.source, at.line, at.column)


def _quoted(text: str) -> str:
    """A proposition as it is, a formula in quotes."""
    shown = " ".join(text.split())
    return shown if re.fullmatch(r"[\w-]+(\([\w-]+\))?", shown) else f"'{shown}'"
