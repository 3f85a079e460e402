"""JSON numbers as bounded decimals without exponent, compared by value: ``1``, ``1.0`` and ``1.00`` are one number.

A comparison is a constraint over all such texts, however long: the sign, then the whole part by length and by its first
other digit, then the fraction digit by digit. `number` is what a model may write: at most ``DIGITS`` digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final
from typing import Literal as Word

from agentspec import limits
from agentspec.content.constraint import NO_TEXT, Characters, Choice, Constraint, Literal, Sequence, either
from agentspec.content.ranges import merged
from agentspec.errors import InvalidInput

DIGITS = 15

Comparison = Word["<", "<=", ">", ">=", "="]
_FLIPPED: dict[Comparison, Comparison] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_DIGIT = ((0x30, 0x39),)
_NONZERO = ((0x31, 0x39),)
_ZERO = ((0x30, 0x30),)
_EMPTY: Final = Literal("")
_ZEROS: Final = Characters(_ZERO, 1, None)
_ANY_DIGITS: Final = Characters(_DIGIT, 0, None)
_OPTIONAL_SIGN: Final = Choice((_EMPTY, Literal("-")))


def number(*, integer: bool, signed: bool = True, digits: int = DIGITS) -> Constraint:
    """The numbers of at most ``digits`` digits; an integer has no point; without ``signed`` there is no minus."""
    sign: Constraint = _OPTIONAL_SIGN if signed else _EMPTY
    if integer:
        return Sequence((sign, _whole(digits)))
    behind: Constraint = _EMPTY
    for left in range(1, digits):
        fraction = Sequence((Literal("."), Characters(_DIGIT, 1, left)))
        behind = Choice((_EMPTY, fraction, Sequence((Characters(_DIGIT, 1, 1), behind))))
    zero = Sequence((Literal("0"), either([_EMPTY, fraction])))
    return Sequence((sign, Choice((zero, Sequence((Characters(_NONZERO, 1, 1), behind))))))


def decimal_of(value: object) -> Decimal | None:
    """The number as it was written, or None for what is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return exact if exact.is_finite() else None


def compared(comparison: Comparison, bound: Decimal) -> Constraint:
    """The numbers, of any length, that compare so with ``bound``. Raises InvalidInput past ``limits.NUMBER_DIGITS``."""
    positive = _magnitude(comparison, bound)
    negative = _magnitude(_FLIPPED[comparison], bound.copy_negate())
    return either([positive, Sequence((Literal("-"), negative))])


def whole_valued() -> Constraint:
    """The numbers, of any length, whose value is an integer: ``2`` and ``2.00``."""
    return Sequence((_OPTIONAL_SIGN, _whole(None), _fraction_equal("")))


def multiple_of(step: Decimal, digits: int = DIGITS) -> Constraint:
    """The numbers with at most ``digits`` digits before the point whose value is a multiple of ``step``.

    Raises InvalidInput where ``step`` is not positive or has too many digits.
    """
    if step <= 0:
        raise InvalidInput(f"multiples are told of a positive number, not {step}")
    _require_size(step)
    whole, _, fraction = f"{step:f}".partition(".")
    fraction = fraction.rstrip("0")
    unit, places = int(whole + fraction), len(fraction)
    if unit > limits.MULTIPLES_STEP:
        raise InvalidInput(
            f"multiples of {step} cannot be told: its digits make a number larger than {limits.MULTIPLES_STEP}"
        )
    return Sequence((_OPTIONAL_SIGN, _Multiples(unit, places, str(step)).numbers(digits)))


class _Multiples:
    """Digits read from the left with the remainder so far; equal continuations are one constraint."""

    def __init__(self, unit: int, places: int, what: str) -> None:
        self.unit = unit
        self.places = places
        self.what = what
        self.made: dict[tuple[object, ...], Constraint] = {}
        self.known: dict[tuple[str, int, int], Constraint] = {}

    def numbers(self, digits: int) -> Constraint:
        zero = Sequence((Literal("0"), self.behind_whole(0)))
        return self.state([zero], range(1, 10), lambda digit: self.whole(digits - 1, digit % self.unit))

    def whole(self, left: int, remainder: int) -> Constraint:
        """What may follow in the whole part, of which at most ``left`` digits are to come, and behind it."""
        key = ("whole", left, remainder)
        if key not in self.known:
            digits = range(10 if left else 0)
            self.known[key] = self.state(
                [self.behind_whole(remainder)], digits, lambda digit: self.whole(left - 1, self.next(remainder, digit))
            )
        return self.known[key]

    def behind_whole(self, remainder: int) -> Constraint:
        key = ("behind", 0, remainder)
        if key not in self.known:
            first: Constraint
            if self.places:
                first = self.state([], range(10), lambda digit: self.fraction(1, self.next(remainder, digit)))
            else:
                first = NO_TEXT if remainder else _ZEROS
            ways: list[Constraint] = [_EMPTY] if remainder * 10**self.places % self.unit == 0 else []
            ways += [] if first is NO_TEXT else [Sequence((Literal("."), first))]
            self.known[key] = either(ways)
        return self.known[key]

    def fraction(self, read: int, remainder: int) -> Constraint:
        """What may follow ``read`` digits behind the point."""
        key = ("fraction", read, remainder)
        if key not in self.known:
            ends: list[Constraint] = [_EMPTY] if remainder * 10 ** (self.places - read) % self.unit == 0 else []
            if read == self.places:
                self.known[key] = either([*ends, *([_ZEROS] if ends else [])])
            else:
                self.known[key] = self.state(
                    ends, range(10), lambda digit: self.fraction(read + 1, self.next(remainder, digit))
                )
        return self.known[key]

    def next(self, remainder: int, digit: int) -> int:
        return (remainder * 10 + digit) % self.unit

    def state(self, ways: list[Constraint], digits: Iterable[int], behind: Callable[[int], Constraint]) -> Constraint:
        """Any of the ``ways``, or a digit and what lies behind it."""
        groups: dict[int, tuple[Constraint, list[int]]] = {}
        for digit in digits:
            target = behind(digit)
            if target is not NO_TEXT:
                groups.setdefault(id(target), (target, []))[1].append(digit)
        ways = [way for way in ways if way is not NO_TEXT]
        key = (*map(id, ways), *((number, *found) for number, (_, found) in groups.items()))
        if key not in self.made:
            moves = (Sequence((_digits(found), target)) for target, found in groups.values())
            self.made[key] = either([*ways, *moves])
            if len(self.made) > limits.MULTIPLES_SIZE:
                raise InvalidInput(f"multiples of {self.what} cannot be told: they need too many states")
        return self.made[key]


def _magnitude(comparison: Comparison, bound: Decimal) -> Constraint:
    """The texts without a sign whose value compares so with ``bound``."""
    if bound < 0:
        return _ANY_MAGNITUDE if comparison in (">", ">=") else NO_TEXT
    _require_size(bound)
    whole, _, fraction = f"{bound.copy_abs():f}".partition(".")
    fraction = fraction.rstrip("0")
    whole = whole.lstrip("0") or "0"
    ways: list[Constraint] = []
    if comparison in (">", ">="):
        ways += [Sequence((part, _fraction())) for part in _larger_whole(whole)]
        ways += [Sequence((Literal(f"{whole}."), part)) for part in _larger_fraction(fraction)]
    if comparison in ("<", "<="):
        ways += [Sequence((part, _fraction())) for part in _smaller_whole(whole)]
        if fraction:
            ways.append(Literal(whole))
            ways += [Sequence((Literal(f"{whole}."), part)) for part in _smaller_fraction(fraction)]
    if comparison in ("<=", ">=", "="):
        ways.append(Sequence((Literal(whole), _fraction_equal(fraction))))
    return either(ways)


def _require_size(bound: Decimal) -> None:
    if bound.adjusted() >= limits.NUMBER_DIGITS or -int(bound.as_tuple().exponent) > limits.NUMBER_DIGITS:
        raise InvalidInput(f"{bound:.10e} has more than {limits.NUMBER_DIGITS} digits before or behind the point")


def _larger_whole(whole: str) -> list[Constraint]:
    longer = Sequence((Characters(_NONZERO, 1, 1), Characters(_DIGIT, len(whole), None)))
    return [longer, *_other_digit(whole, larger=True)]


def _smaller_whole(whole: str) -> list[Constraint]:
    shorter: list[Constraint] = [_whole(len(whole) - 1)] if len(whole) > 1 else []
    return [*shorter, *_other_digit(whole, larger=False)]


def _other_digit(whole: str, *, larger: bool) -> list[Constraint]:
    """Whole parts of the same length, by the place of the first digit that is larger or smaller."""
    ways: list[Constraint] = []
    for i, digit in enumerate(whole):
        low, high = (int(digit) + 1, 9) if larger else (1 if i == 0 and len(whole) > 1 else 0, int(digit) - 1)
        if low <= high:
            rest = len(whole) - i - 1
            ways.append(Sequence((Literal(whole[:i]), _digits(range(low, high + 1)), Characters(_DIGIT, rest, rest))))
    return ways


def _larger_fraction(fraction: str) -> list[Constraint]:
    ways: list[Constraint] = [
        Sequence((Literal(fraction[:i]), _digits(range(int(digit) + 1, 10)), _ANY_DIGITS))
        for i, digit in enumerate(fraction)
        if digit != "9"
    ]
    return [*ways, Sequence((Literal(fraction), _ANY_DIGITS, Characters(_NONZERO, 1, 1), _ANY_DIGITS))]


def _smaller_fraction(fraction: str) -> list[Constraint]:
    ways: list[Constraint] = [Literal(fraction[:i]) for i in range(1, len(fraction))]
    for i, digit in enumerate(fraction):
        if digit != "0":
            ways.append(Sequence((Literal(fraction[:i]), _digits(range(int(digit))), _ANY_DIGITS)))
    return ways


def _fraction_equal(fraction: str) -> Constraint:
    """A point and digits of this value, without final zeros in ``fraction``; nothing at all where it is empty."""
    if fraction:
        return Sequence((Literal(f".{fraction}"), Characters(_ZERO, 0, None)))
    return Choice((_EMPTY, Sequence((Literal("."), _ZEROS))))


def _fraction() -> Constraint:
    """A point and any digits, or nothing."""
    return Choice((_EMPTY, Sequence((Literal("."), Characters(_DIGIT, 1, None)))))


def _whole(digits: int | None) -> Constraint:
    rest = None if digits is None else digits - 1
    return Choice((Literal("0"), Sequence((Characters(_NONZERO, 1, 1), Characters(_DIGIT, 0, rest)))))


def _digits(found: Iterable[int]) -> Constraint:
    return Characters(merged((0x30 + digit, 0x30 + digit) for digit in found), 1, 1)


_ANY_MAGNITUDE = Sequence((_whole(None), _fraction()))
