"""What a step may hold in view of what was written before: the tests of history rules as constraints.

Each is a condition of `content.where` on the JSON value, so it is built from the schema; where two kinds of value would
do, there is one way for each, and the constraint is their union.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from agentspec import limits
from agentspec.content.constraint import ANY, NO_TEXT, And, Characters, Constraint, Not, Quote, either
from agentspec.content.constraint import Literal as Exactly
from agentspec.content.constraint import Sequence as Joined
from agentspec.content.history import (
    at_path,
    finite_items,
    key_of,
    list_of,
    list_without,
    list_without_repeats,
    scalar_items,
    string_of,
    texts_of,
    values_at,
)
from agentspec.content.json_schema import Schema
from agentspec.content.json_text import kind_of
from agentspec.content.numbers import compared, decimal_of
from agentspec.content.quotation import quotable
from agentspec.content.schema_settings import plain
from agentspec.content.where import TEXTS, valuation
from agentspec.errors import InvalidInput
from agentspec.logic.formula import And as Conjunction
from agentspec.logic.formula import Atom, Constant, Formula, Or
from agentspec.logic.formula import Not as Negation
from agentspec.spec.history import Compared, Comparison, Earlier, Operator, Test, Unique, Verbatim
from agentspec.spec.memory import Memory

_Conditions = list[tuple[Mapping[str, Any], bool]]
_OPPOSITE: dict[Operator, Operator] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", "<=": ">", ">": "<="}
_KEYWORDS = {"<": "exclusiveMaximum", "<=": "maximum", ">": "exclusiveMinimum", ">=": "minimum"}
_SCALARS = ("string", "number", "boolean", "null")


def texts(test: Test, asked: Formula, schema: Schema, tool: str, memory: Memory, *, what: str) -> Constraint:
    """The texts of the schema's objects that pass a test; ``NO_TEXT`` itself where there are none.

    ``asked`` is `history.about` the letter. Raises InvalidInput for a property that the schema does not know.
    """
    if isinstance(test, Compared):
        return either([valuation(schema, way, what=what) for way in _ways(test, asked, memory)])
    if isinstance(test, Verbatim):
        return _verbatim(test, schema, memory, what)
    return _unique(test, schema, memory.calls.get(tool, ()), what)


# Values that did not occur before -------------------------------------------------------------------------------------


def _unique(test: Unique, schema: Schema, earlier: Sequence[Any], what: str) -> Constraint:
    if not test.path:
        whole = valuation(schema, [], what=what)
        return And((whole, Not(either(map(texts_of, earlier))))) if earlier else whole
    path = test.path[:-1] if test.path[-1] == "*" else test.path
    values = [value for one in earlier for value in values_at(one, path)]
    items = {key_of(item): item for value in values if isinstance(value, list) for item in value}
    alone = either([texts_of(value) for value in values if not isinstance(value, list)])
    among = None if path != test.path else finite_items(plain(schema), path)
    if among:
        fresh = list_without_repeats([value for value in among if key_of(value) not in items])
    else:
        fresh = list_without(items.values())
    repeated = dict.fromkeys((*_SCALARS, "object"), alone) | {"array": Not(fresh)}
    return valuation(schema, [(at_path(path, {TEXTS: repeated}), False)], what=what)


def refuse_unbounded(test: Unique, schema: Schema, what: str) -> None:
    """Raises InvalidInput for a list whose items cannot be kept apart."""
    path = test.path[:-1] if test.path and test.path[-1] == "*" else test.path
    if not path or _is_no_list(schema, path):
        return
    shown = ".".join((test.root, *path))
    among = finite_items(plain(schema), path)
    if path == test.path and (among is None or len(among) > limits.HISTORY_ITEMS):
        raise InvalidInput(
            f"{what}: the items of {shown} can be kept apart within the list where the schema lists at most "
            f"{limits.HISTORY_ITEMS} (enum), or has maxItems 1; write {shown}.* to hold each against earlier calls only"
        )
    if not among and not scalar_items(plain(schema), path):
        raise InvalidInput(f"{what}: the items of {shown} must be strings, numbers, booleans or null to be held apart")


def _is_no_list(schema: Schema, path: Sequence[str]) -> bool:
    only_lists = {"array": Joined((Exactly("["), Characters(ANY, 0, None)))}
    return valuation(schema, [(at_path(path, {TEXTS: only_lists}), True)], what="history") == NO_TEXT


# Words that were said -------------------------------------------------------------------------------------------------


def quote_of(test: Verbatim) -> Quote:
    """What is taken, as a quotation."""
    return Quote(test.of, test.max_chars, test.latest, test.min_words)


def _verbatim(test: Verbatim, schema: Schema, memory: Memory, what: str) -> Constraint:
    found = quotable(quote_of(test), memory.said, memory.order)
    quoted = NO_TEXT if found is None else string_of(found)
    some = {"string": quoted, "array": list_of(quoted)}
    return valuation(schema, [(at_path(test.path, {TEXTS: some}), True)], what=what)


# Values compared ------------------------------------------------------------------------------------------------------


def _ways(test: Compared, asked: Formula, memory: Memory) -> list[_Conditions]:
    """The ways in which what is asked can surely hold, each as conditions that must hold together."""
    match asked:
        case Constant(value=value):
            return [[]] if value else []
        case Atom(name=name):
            return _met(test.comparisons[int(name[1:])], False, memory)
        case Negation(operand=Atom(name=name)):
            return _met(test.comparisons[int(name[1:])], True, memory)
        case Or(operands=parts):
            return _few([way for part in parts for way in _ways(test, part, memory)])
        case Conjunction(operands=parts):
            ways: list[_Conditions] = [[]]
            for part in parts:
                more = _ways(test, part, memory)
                ways = _few([[*one, *other] for one in ways for other in more])
            return ways
    raise TypeError(f"{asked!r} is not in negation normal form")


def _few(ways: list[_Conditions]) -> list[_Conditions]:
    if len(ways) > limits.HISTORY_WAYS:
        raise InvalidInput(
            f"a rule's comparisons can come out well in more than {limits.HISTORY_WAYS} ways: make several rules of it"
        )
    return ways


def _met(one: Comparison, negated: bool, memory: Memory) -> list[_Conditions]:
    """The ways in which one comparison, or its opposite, is true of the value written."""
    operator: Operator = _OPPOSITE[one.operator] if negated else one.operator
    values = memory.values(one.other) if isinstance(one.other, Earlier) else [one.other]
    kinds: dict[str, list[Any]] = {}
    for value in values:
        kind = kind_of(float(value) if isinstance(value, Decimal) else value)
        exact = decimal_of(value)
        if kind in _SCALARS and (kind != "number" or (exact is not None and _comparable(exact))):
            kinds.setdefault(kind, []).append(value if exact is None else exact)
    ways: list[_Conditions] = []
    for kind, some in kinds.items():
        ways += _of_kind(one.path, operator, kind, some)
    return ways


def _comparable(number: Decimal) -> bool:
    try:
        compared("=", number)
    except InvalidInput:
        return False
    return True


def _of_kind(path: Sequence[str], operator: Operator, kind: str, values: list[Any]) -> list[_Conditions]:
    """As `_met`, for values of one kind: it is enough that one of them compares so."""
    if operator == "==":
        return [[(at_path(path, {TEXTS: {kind: either(map(texts_of, values))}}), True)]]
    if operator == "!=":
        same_kind = (at_path(path, {"type": kind}), True)
        if len({key_of(value) for value in values}) > 1:
            return [[same_kind]]
        return [[same_kind, (at_path(path, {TEXTS: {kind: texts_of(values[0])}}), False)]]
    if kind != "number":
        return []
    bound = max(values) if operator in ("<", "<=") else min(values)
    return [[(at_path(path, {_KEYWORDS[operator]: bound}), True)]]
