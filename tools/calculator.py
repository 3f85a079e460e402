"""Exact arithmetic for agents: a recursive-descent parser over fractions; nothing is ever evaluated as Python.

sum      = product (("+" | "-") product)*
product  = signed (("*" | "/" | "//" | "%") signed)*
signed   = ("+" | "-") signed | power
power    = percent ["**" signed]
percent  = atom "%"*
atom     = number | "(" sum ")"
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from agentspec.errors import ToolError

_MAX_DIGITS = 300
_MAX_DEPTH = 50
_PLACES = 12
_OPERAND = tuple("(.0123456789")  # how an operand begins
_TOO_LARGE = f"the number would have more than {_MAX_DIGITS} digits"
_SYNONYMS = {"x": "*", "X": "*", "×": "*", "·": "*", "÷": "/", "^": "**", "−": "-", "–": "-"}
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)"
    r"|(?P<sign>\*\*|//|[-+*/%()xX×·÷^−–])"
)


def calculator(expression: Annotated[str, Field(min_length=1, max_length=60)]) -> str:
    """Work out an arithmetic expression exactly.

    Operators: + - * / // (whole part, rounded down) % (remainder) ** and parentheses; x × · ÷ ^ are accepted for
    * * * / **. Numbers may have decimals and thousands separators (1,250.5). A % with no number or parenthesis behind
    it means hundredths: 15% is 0.15, and 200 + 15% is 200.15. -2**2 is -4; 2**3**2 is 2**9; an exponent is whole.

    The result is a whole number if it is whole; else the exact decimal if 12 decimal places are enough for it; else
    it is rounded (half to even) to 12 significant digits, or to the whole number when that alone has more digits.

    Args:
        expression: numbers with + - * / // % ** and parentheses, such as (2 + 3) * 4
    """
    return _shown(_Parser(expression).value())


class _Parser:
    """One pass over the tokens; every method reads its part of the grammar and returns its value."""

    def __init__(self, expression: str) -> None:
        self._expression = expression
        self._tokens = _tokens(expression)
        self._next = 0
        self._depth = 0

    def value(self) -> Fraction:
        value = self._sum()
        if self._peek():
            raise self._unexpected("the end" if self._peek() == ")" else "an operator")
        return value

    def _sum(self) -> Fraction:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = _bounded(value + other if sign == "+" else value - other)
        return value

    def _product(self) -> Fraction:
        value = self._signed()
        while sign := self._take("*", "/", "//", "%"):
            value = _bounded(_combine(value, sign, self._signed()))
        return value

    def _signed(self) -> Fraction:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ToolError(f"position {self._position()}: nested more than {_MAX_DEPTH} deep")
        sign = self._take("+", "-")
        value = self._signed() if sign else self._power()
        self._depth -= 1
        return -value if sign == "-" else value

    def _power(self) -> Fraction:
        base = self._percent()
        position = self._position()
        if self._take("**"):
            return _bounded(_power(base, self._signed(), position))
        return base

    def _percent(self) -> Fraction:
        value = self._atom()
        while self._peek() == "%" and not self._operand_follows():
            self._next += 1
            value = _bounded(value / 100)
        return value

    def _operand_follows(self) -> bool:
        return self._tokens[self._next + 1][0][:1] in _OPERAND

    def _atom(self) -> Fraction:
        if self._take("("):
            value = self._sum()
            if not self._take(")"):
                raise self._unexpected("')'")
            return value
        token = self._peek()
        if token[:1] not in _OPERAND:
            raise self._unexpected("a number")
        if len(token) > _MAX_DIGITS:
            raise ToolError(f"position {self._position()}: {_TOO_LARGE}")
        self._next += 1
        return Fraction(token.replace(",", ""))

    def _peek(self) -> str:
        return self._tokens[self._next][0]

    def _position(self) -> int:
        return self._tokens[self._next][1]

    def _take(self, *signs: str) -> str:
        token = self._peek()
        if token not in signs:
            return ""
        self._next += 1
        return token

    def _unexpected(self, expected: str) -> ToolError:
        found = f"'{self._expression[self._position() - 1]}'" if self._peek() else "the end"
        return ToolError(f"position {self._position()}: expected {expected}, found {found}")


def _tokens(expression: str) -> list[tuple[str, int]]:
    """The tokens with their positions from 1; the last one is empty and stands behind the end."""
    tokens: list[tuple[str, int]] = []
    at = 0
    while at < len(expression):
        if expression[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(expression, at)
        if not found:
            raise ToolError(f"position {at + 1}: unexpected {expression[at]!r}")
        tokens.append((_SYNONYMS.get(found.group(), found.group()), at + 1))
        at = found.end()
    if not tokens:
        raise ToolError("the expression is empty")
    return [*tokens, ("", len(expression) + 1)]


def _combine(left: Fraction, sign: str, right: Fraction) -> Fraction:
    if sign == "*":
        return left * right
    if right == 0:
        raise ToolError("division by zero")
    if sign == "/":
        return left / right
    return Fraction(left // right) if sign == "//" else left % right


def _power(base: Fraction, exponent: Fraction, position: int) -> Fraction:
    if exponent.denominator != 1:
        raise ToolError(f"position {position}: the exponent must be a whole number")
    if base == 0 and exponent < 0:
        raise ToolError("division by zero")
    # 2 ** (bits - 1) <= the larger of numerator and denominator: a lower bound on the size of the power
    bits = max(base.numerator.bit_length(), base.denominator.bit_length()) - 1
    if bits * abs(exponent.numerator) > _MAX_DIGITS * 4:
        raise ToolError(_TOO_LARGE)
    return Fraction(base**exponent.numerator)


def _bounded(value: Fraction) -> Fraction:
    if max(abs(value.numerator), value.denominator) >= 10**_MAX_DIGITS:
        raise ToolError(_TOO_LARGE)
    return value


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    scaled = value * 10**_PLACES
    if scaled.denominator == 1:
        digits = str(abs(scaled.numerator)).rjust(_PLACES + 1, "0")
        text = f"{digits[:-_PLACES]}.{digits[-_PLACES:]}"
    else:
        whole_digits = len(str(math.floor(abs(value))))
        context = Context(prec=max(_PLACES, whole_digits), rounding=ROUND_HALF_EVEN)
        text = f"{context.divide(Decimal(abs(value.numerator)), Decimal(value.denominator)):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"-{text}" if value < 0 else text
