"""What a template is: a formula with parameters, a sentence that says it, and two words that show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agentspec import limits
from agentspec.errors import InvalidInput, nearest
from agentspec.logic.formula import TRUE, Atom, Constant, Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.scope import Scope
from agentspec.logic.show import show_formula

EXAMPLE_COUNT = 2
"""The number that stands for a count without a default where a template is shown without parameters."""

SCOPES: Mapping[str, Mapping[str, str | list[str]]] = {
    "globally": {},
    "before": {"before": "r"},
    "after": {"after": "q"},
    "between": {"between": ["q", "r"]},
    "after-until": {"after": "q", "until": "r"},
}
"""The scopes by name, each with the parameters that choose it, ``q`` and ``r`` standing for what opens and closes."""

_SCOPE_KEYS = ("before", "after", "until", "between")

Given = Mapping[str, str | int | Formula | Sequence[str]]
Word = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Parameter:
    """A parameter of a template: a formula, or a whole number from ``minimum`` on; without ``default`` it is needed."""

    name: str
    kind: Literal["formula", "count"] = "formula"
    minimum: int = 1
    default: int | None = None


def formulas(names: str) -> tuple[Parameter, ...]:
    """Parameters that are formulas, by their names: ``"a b"``."""
    return tuple([Parameter(name) for name in names.split()])


def word(text: str) -> Word:
    """A word of placeholders: ``"a - bc"`` has ``a`` at its first position, nothing at the second, ``b`` and ``c``."""
    return tuple([frozenset(letter.replace("-", "")) for letter in text.split()])


@dataclass(frozen=True)
class Template:
    """A named formula with parameters.

    ``body`` makes the formula from a `Segment` and the parameters by name, ``says`` the sentence from their texts and
    numbers. ``satisfied`` and ``violated`` are examples over the parameters' names, with its default or 2 for a count.
    ``everywhere``: see `Scope.applied`. ``infinite``: it means something over infinite words as well.
    """

    name: str
    family: Literal["DECLARE", "Dwyer"]
    parameters: tuple[Parameter, ...]
    body: Callable[..., Formula]
    says: Callable[..., str]
    satisfied: Word
    violated: Word
    source: str
    everywhere: bool = False
    infinite: bool = True

    def build(self, params: Given) -> Formula:
        """The formula for these parameters: texts of formulas, formulas, whole numbers; for the scope ``before: r``,
        ``after: q``, ``after: q`` with ``until: r``, or ``between: [q, r]``.

        Raises InvalidInput for a parameter that is missing, unknown or of the wrong kind, and SyntaxProblem for a text
        that is no formula.
        """
        values, scope = self._read(params)
        return scope.applied(self.body(scope.segment(), **values), everywhere=self.everywhere)

    def sentence(self, params: Given) -> str:
        """The rule in one plain sentence with the parameters filled in. Raises as ``build``."""
        values, scope = self._read(params)
        shown = {name: _shown(value) if isinstance(value, Formula) else value for name, value in values.items()}
        said = scope.sentence(self.says(**shown), _shown(scope.opens or TRUE), _shown(scope.closes or TRUE))
        starts_with_a_name = any(said.startswith(f"{value} ") for value in shown.values())
        return said if starts_with_a_name else said[0].upper() + said[1:]

    def placeholders(self, scope: str = "globally") -> Given:
        """Parameters that stand for themselves, in one of the `SCOPES`."""
        own = {one.name: one.name if one.kind == "formula" else one.default or EXAMPLE_COUNT for one in self.parameters}
        return {**own, **SCOPES[scope]}

    def text(self, scope: str = "globally") -> str:
        """The formula with its placeholders, in one of the `SCOPES`."""
        return show_formula(self.build(self.placeholders(scope)))

    # ---- parameters

    def _read(self, params: Given) -> tuple[dict[str, Any], Scope]:
        known = [one.name for one in self.parameters]
        for name in params:
            if name not in known and name not in _SCOPE_KEYS:
                raise self._wrong(f"has no parameter '{name}'{nearest(name, [*known, *_SCOPE_KEYS])}")
        values: dict[str, Any] = {}
        for one in self.parameters:
            if one.name in params:
                given = params[one.name]
                values[one.name] = self._count(one, given) if one.kind == "count" else self._formula(one.name, given)
            elif one.default is None:
                raise self._wrong(f"needs the parameter '{one.name}'")
            else:
                values[one.name] = one.default
        return values, self._scope(params)

    def _count(self, one: Parameter, given: object) -> int:
        if not isinstance(given, int) or isinstance(given, bool):
            raise self._wrong(f"takes a whole number as '{one.name}', not {given!r}")
        if not one.minimum <= given <= limits.TEMPLATE_COUNT:
            raise self._wrong(f"takes '{one.name}' from {one.minimum} to {limits.TEMPLATE_COUNT}, not {given}")
        return given

    def _formula(self, name: str, given: object) -> Formula:
        if isinstance(given, Formula):
            return given
        if not isinstance(given, str):
            raise self._wrong(f"takes a proposition or a formula as '{name}', not {given!r}")
        return parse_formula(given, source=f"{self.name}.{name}")

    def _scope(self, params: Given) -> Scope:
        given = [key for key in _SCOPE_KEYS if key in params]
        if given not in ([], ["before"], ["after"], ["between"], ["after", "until"]):
            choices = "'before', 'after', 'after' with 'until', or 'between'"
            raise self._wrong(f"takes one scope ({choices}), not {' with '.join(map(repr, given))}")
        if "between" in given:
            ends = params["between"]
            if isinstance(ends, str) or not isinstance(ends, Sequence) or len(ends) != 2:
                raise self._wrong(f"takes a list of two as 'between', such as [q, r], not {ends!r}")
            return Scope(self._formula("between", ends[0]), self._formula("between", ends[1]))
        opens = self._formula("after", params["after"]) if "after" in given else None
        closing = "until" if "until" in given else "before"
        closes = self._formula(closing, params[closing]) if closing in given else None
        return Scope(opens, closes, lasts="until" in given)

    def _wrong(self, what: str) -> InvalidInput:
        own = ", ".join([one.name if one.default is None else f"{one.name} = {one.default}" for one in self.parameters])
        return InvalidInput(
            f"the template '{self.name}' {what}; its parameters: {own}; "
            "for a scope: before, after, after with until, or between"
        )


def _shown(formula: Formula) -> str:
    """A name as it is, a formula in quotes."""
    text = show_formula(formula)
    return text if isinstance(formula, Atom | Constant) else f"'{text}'"


def times(count: int) -> str:
    """``once``, ``twice``, ``3 times``."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
