"""The texts of history rules, read: ``unique:``, ``verbatim:``, and comparisons of values in ``deny`` and ``require``.

A comparison stands where a proposition may: ``args.amount != last(lookup_order).total``. For the parser of formulas it
is replaced by a name of its own, of the same length, so that messages point to the right place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from agentspec.errors import Location, SyntaxProblem, nearest
from agentspec.logic.formula import And, Atom, Constant, Formula, Iff, Implies, Not, Or, Xor, subformulas
from agentspec.logic.parse import parse_formula
from agentspec.logic.source import SourceText, quoted
from agentspec.spec.history import Compared, Comparison, Earlier, Operator, Path, Scalar, Unique, rebuilt

ARGS: Final = "args"
FORMS: Final = "args.amount == last(TOOL).total, with ==, !=, <, <=, > or >="
_NAME = r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*"
_INNER = rf"(?:\.(?:{_NAME}|[0-9]+|\*))"
_EARLIER = rf"(?:last|any)\s*\(\s*(?:call\s*\(\s*{_NAME}\s*\)|{_NAME})\s*\){_INNER}*"
_OWN = rf"{_NAME}{_INNER}+"
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'"
_OPERAND = rf"{_EARLIER}|{_OWN}|{_STRING}|-?[0-9]+(?:\.[0-9]+)?|true\b|false\b|null\b"
_COMPARISON = re.compile(rf"(?P<left>{_OPERAND})\s*(?P<operator>==|!=|<=|>=|<(?!-)|>)\s*(?P<right>{_OPERAND})")
_REFERENCE = re.compile(rf"\b(?:args\s*\.|(?:last|any)\s*\(|{_NAME}\.{_NAME})")
_WHOLE_EARLIER = re.compile(
    rf"(?P<which>last|any)\s*\(\s*(?:call\s*\(\s*(?P<called>{_NAME})\s*\)|(?P<tool>{_NAME}))\s*\)(?P<path>{_INNER}*)"
)
_FLIPPED: dict[str, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BOOLEAN = (Constant, Atom, Not, And, Or, Implies, Iff, Xor)


def compares(*texts: str | None) -> bool:
    """Whether one of the texts speaks of values."""
    return any(text is not None and _REFERENCE.search(text) for text in texts)


def denial(deny: str, when: str | None, steps: Sequence[str]) -> Compared:
    """``deny … when …`` over values: what is written is such that it surely does not apply. Raises SyntaxProblem."""
    reader = _Reader(steps)
    applies = reader.formula("deny", deny)
    if when is not None:
        applies = And((applies, reader.formula("when", when)))
    return reader.compared(Not(applies), "deny" if when is None else "when", deny if when is None else when)


def requirement(require: str, when: str | None, steps: Sequence[str]) -> Compared:
    """``require … when …`` over values: it surely holds wherever ``when`` does. Raises SyntaxProblem."""
    reader = _Reader(steps)
    wanted = reader.formula("require", require)
    if when is not None:
        wanted = Implies(reader.formula("when", when), wanted)
    return reader.compared(wanted, "require", require)


def unique(text: str, when: str | None, steps: Sequence[str]) -> Unique:
    """``unique: call(pay)``, ``unique: calls`` or ``unique: args.items`` with ``when``. Raises SyntaxProblem."""
    place = SourceText(text, "unique", 1, 1)
    named = text.strip()
    if re.fullmatch(rf"{_NAME}(?:\({_NAME}\))?", named):
        if when is not None:
            raise SourceText(when, "when", 1, 1).problem(0, "'when' belongs to 'unique: args.NAME'")
        if named == "calls":
            return Unique(None, ARGS, ())
        if not named.startswith("call("):
            raise place.problem(0, f"{quoted(named)} does not call: write call(TOOL), calls, or args.NAME")
        return Unique(Atom(named), ARGS, ())
    root, path = own_path(place, steps, "unique: call(TOOL), unique: calls, or unique: args.NAME")
    if root != ARGS:
        raise place.problem(0, f"only arguments are kept from coming twice: args.NAME, not {quoted(named)}")
    if "*" in path[:-1]:
        raise place.problem(text.index("*"), "'*' stands at the end only: each item of the list")
    return Unique(premise(when, "unique", place), root, path)


def own_path(place: SourceText, steps: Sequence[str], forms: str) -> tuple[str, Path]:
    """The place of a value in what is written: ``args.NAME``, or STEP.NAME for a step that holds JSON."""
    text = place.text.strip()
    if not re.fullmatch(_OWN, text):
        raise place.problem(0, f"{quoted(text)} is no place of a value; write {forms}")
    root, *path = text.split(".")
    if root != ARGS and root not in steps:
        raise place.problem(0, f"{quoted(root)} is neither 'args' nor a step{nearest(root, [ARGS, *steps])}")
    return root, tuple(path)


def premise(when: str | None, key: str, place: SourceText) -> Formula:
    """The formula that says at which steps a rule about a value applies."""
    if when is None:
        raise place.problem(0, f"'{key}' of a value needs 'when', which says of which calls: when: call(TOOL)")
    if compares(when):
        raise SourceText(when, "when", 1, 1).problem(0, "values are compared in 'deny' and 'require'")
    formula = parse_formula(when, source="when")
    refuse_temporal(formula, SourceText(when, "when", 1, 1))
    return formula


def refuse_temporal(formula: Formula, place: SourceText) -> None:
    """Raises SyntaxProblem where a formula looks at other steps."""
    for node in subformulas(formula):
        if not isinstance(node, _BOOLEAN):
            raise place.problem(
                0,
                "this looks at other steps: beside values only propositions of the step itself with !, &, |, ->, <-> "
                "and xor may stand; what happened before belongs in a rule of its own",
            )


class _Reader:
    """Formulas with comparisons in them; ``found`` are those of all texts read."""

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = steps
        self.found: list[Comparison] = []

    def formula(self, key: str, text: str) -> Formula:
        place = SourceText(text, key, 1, 1)
        place.require_length()
        names: dict[str, str] = {}
        pieces, at = [], 0
        for match in _COMPARISON.finditer(text):
            if not _REFERENCE.search(match[0]):
                continue
            name = f"_{len(self.found)}"
            names[name] = f"#{len(self.found)}"
            self.found.append(self.comparison(place, match))
            pieces += [text[at : match.start()], name, re.sub(r"[^\n]", " ", match[0][len(name) :])]
            at = match.end()
        left = "".join([*pieces, text[at:]])
        if (stray := _REFERENCE.search(left)) is not None:
            raise place.problem(stray.start(), f"values are compared, as in {FORMS}")
        try:
            formula = parse_formula(left, source=key)
        except SyntaxProblem as problem:
            where = problem.location or Location(key, 1, 1)
            raise SyntaxProblem(problem.message, location=where) from None
        refuse_temporal(formula, place)
        return rebuilt(formula, lambda atom: Atom(names.get(atom.name, atom.name)))

    def compared(self, wanted: Formula, key: str, text: str) -> Compared:
        wanted = rebuilt(wanted, lambda atom: atom)
        for node in subformulas(wanted):
            match node:
                case Not(operand=Atom(name=name)) if name.startswith("#"):
                    other = self.found[int(name[1:])].other
                    if isinstance(other, Earlier) and other.every:
                        hint = f"write require: {ARGS}.NAME == {other}, or unique: for what must not come twice"
                        raise SourceText(text, key, 1, 1).problem(
                            0, f"{other} is for what must hold of some earlier value, and this denies it; {hint}"
                        )
        return Compared(wanted, tuple(self.found))

    def comparison(self, place: SourceText, match: re.Match[str]) -> Comparison:
        operator: Operator = match["operator"]  # type: ignore[assignment]  # the pattern has only these
        left, right = (self.operand(place, match, side) for side in ("left", "right"))
        own = [isinstance(one, _Own) for one in (left, right)]
        if own == [True, True]:
            raise place.problem(
                match.start(), f"{match[0]!r} compares a step with itself; {FORMS}: one side is written earlier"
            )
        if own == [False, False]:
            raise place.problem(match.start(), f"one side of {match[0]!r} is what is written: {FORMS}")
        if isinstance(right, _Own):
            left, right, operator = right, left, _FLIPPED[operator]
        assert isinstance(left, _Own)
        assert not isinstance(right, _Own)
        if isinstance(right, str | bool | None) and operator not in ("==", "!="):
            raise place.problem(match.start("operator"), f"'{operator}' compares numbers, and {match[0]!r} has none")
        return Comparison(left.root, left.path, operator, right)

    def operand(self, place: SourceText, match: re.Match[str], side: str) -> _Own | Earlier | Scalar:
        text = match[side]
        if (earlier := _WHOLE_EARLIER.fullmatch(text)) is not None:
            path = tuple(earlier["path"].split(".")[1:])
            every = earlier["which"] == "any"
            if "*" in path and not every:
                raise place.problem(match.start(side) + text.index("*"), "'*' is for any(TOOL): which item is meant?")
            return Earlier(earlier["called"] or earlier["tool"], earlier["called"] is not None, every, path)
        if text[0] in "\"'":
            return str(json.loads(text)) if text[0] == '"' else text[1:-1]
        if text in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[text]
        if text[0] in "-0123456789":
            return Decimal(text)
        root, path = own_path(SourceText(text, place.source, 1, match.start(side) + 1), self.steps, FORMS)
        if "*" in path or any(name.isdigit() for name in path):
            raise place.problem(match.start(side), f"{text!r}: in what is written, names alone lead to a value")
        return _Own(root, path)


class _Own:
    def __init__(self, root: str, path: Path) -> None:
        self.root, self.path = root, path
