"""History rules judged on decoded values, by definition: for steps that nobody constrained, and for recorded ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from agentspec import limits
from agentspec.automata.letter import Letter
from agentspec.content.history import key_of, values_at
from agentspec.content.language import matches
from agentspec.content.numbers import decimal_of
from agentspec.content.quotation import quotable
from agentspec.logic.formula import And, Atom, Constant, Formula, Not, Or
from agentspec.spec.history import Compared, Comparison, Earlier, Test, Unique, Verbatim, about, broken
from agentspec.spec.history_bind import quote_of
from agentspec.spec.memory import Memory
from agentspec.spec.model import Rule


def broken_rules(rules: Iterable[Rule], letter: Letter, value: Any, memory: Memory) -> frozenset[str]:
    """The ``breaks(RULE)`` of what a step of the model breaks; ``value`` is None where it has none."""
    return frozenset(
        broken(rule.id)
        for rule in rules
        if rule.history is not None and rule.enforce != "off" and breaks(rule.history, letter, value, memory)
    )


def breaks(test: Test, letter: Letter, value: Any, memory: Memory) -> bool:
    """Whether a step of the model, of this letter and holding this value, breaks a test."""
    asked = about(test, letter)
    if asked == Constant(True):
        return False
    match test:
        case Compared():
            return _truth(test, asked, value, memory) is not True
        case Verbatim():
            return not _is_verbatim(test, value, memory)
        case Unique():
            return value is not None and _repeats(test, value, memory.calls.get(str(letter.tool), ()))


def _repeats(test: Unique, value: Any, earlier: Sequence[Any]) -> bool:
    if not test.path:
        return key_of(value) in {key_of(one) for one in earlier}
    path = test.path[:-1] if test.path[-1] == "*" else test.path
    before = [found for one in earlier for found in values_at(one, path)]
    for found in values_at(value, path):
        if not isinstance(found, list):
            if key_of(found) in {key_of(one) for one in before if not isinstance(one, list)}:
                return True
            continue
        items = [key_of(item) for item in found]
        if not {key_of(item) for one in before if isinstance(one, list) for item in one}.isdisjoint(items):
            return True
        if path == test.path and len(set(items)) < len(items):
            return True
    return False


def _is_verbatim(test: Verbatim, value: Any, memory: Memory) -> bool:
    found = values_at(value, test.path)
    texts = found[0] if found and isinstance(found[0], list) else found
    if not found or not all(isinstance(text, str) for text in texts):
        return False
    some = quotable(quote_of(test), memory.said, memory.order) if texts else None
    return all(some is not None and matches(some, text) for text in texts)


def _truth(test: Compared, asked: Formula, value: Any, memory: Memory) -> bool | None:
    """Kleene's truth of a formula in negation normal form over comparisons."""
    match asked:
        case Constant(value=known):
            return known
        case Atom(name=name):
            return compares(test.comparisons[int(name[1:])], value, memory)
        case Not(operand=inner):
            truth = _truth(test, inner, value, memory)
            return None if truth is None else not truth
        case And(operands=parts):
            truths = [_truth(test, part, value, memory) for part in parts]
            return False if False in truths else None if None in truths else True
        case Or(operands=parts):
            truths = [_truth(test, part, value, memory) for part in parts]
            return True if True in truths else None if None in truths else False
    raise TypeError(f"{asked!r} is not in negation normal form")


def compares(one: Comparison, value: Any, memory: Memory) -> bool | None:
    """Whether the value written compares so with the earlier one, or with any; None where that is undefined."""
    mine = values_at(value, one.path)
    others = memory.values(one.other) if isinstance(one.other, Earlier) else [one.other]
    truths = [_compare(mine[0], one.operator, other) for other in others] if mine else []
    return True if True in truths else False if False in truths else None


def _compare(mine: Any, operator: str, other: Any) -> bool | None:
    left, right = decimal_of(mine), decimal_of(other)
    if left is not None and right is not None:
        if not (_is_small(left) and _is_small(right)):
            return None
        return {
            "==": left == right, "!=": left != right, "<": left < right, "<=": left <= right, ">": left > right,
            ">=": left >= right,
        }[operator]  # fmt: skip
    alike = type(mine) is type(other) and isinstance(mine, str | bool | None)
    if not alike or operator not in ("==", "!="):
        return None
    return bool(mine == other) == (operator == "==")


def _is_small(number: Decimal) -> bool:
    digits = limits.NUMBER_DIGITS
    return number.adjusted() < digits and -int(number.as_tuple().exponent) <= digits
