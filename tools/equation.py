"""An evaluator to try Reflexion on: whether an equation holds, exactly."""

from __future__ import annotations

import operator
import re
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from agentspec.errors import ToolError

_NUMBER = r"-?[0-9]{1,9}(\.[0-9]{1,6})?"
_EQUATION = rf"{_NUMBER} [-+*/] {_NUMBER} = {_NUMBER}"
_SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def check_equation(equation: Annotated[str, Field(pattern=rf"^{_EQUATION}$", max_length=60)]) -> str:
    """Say whether an equation of two numbers holds; it is an error result where it does not.

    Args:
        equation: two numbers with + - * / between them and what they come to, such as 7 * 8 = 56
    """
    if re.fullmatch(_EQUATION, equation) is None:
        raise ToolError("an equation has two numbers, a sign between them and what they come to, such as 7 * 8 = 56")
    left, sign, right, _, result = equation.split(" ")
    if sign == "/" and Fraction(right) == 0:
        raise ToolError("nothing can be divided by 0")
    value: Fraction = _SIGNS[sign](Fraction(left), Fraction(right))
    if value != Fraction(result):
        shown = str(value) if value.denominator == 1 else f"{float(value):g}"
        raise ToolError(f"no: {left} {sign} {right} is {shown}, not {result}")
    return "yes, it holds"
