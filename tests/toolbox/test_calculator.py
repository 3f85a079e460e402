"""The calculator against Fractions evaluated beside it, and against input that means harm."""

import contextlib
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from agentspec.content.tool_file import read_tool_file
from agentspec.errors import ToolError
from agentspec.shipped import folder
from agentspec.toolbox.importing import import_tool_file

calculator = import_tool_file(read_tool_file(folder("tools"), "calculator.py")).calculator

VALUES = [
    ("2+2", "4"),
    (" ( 1 + 2 ) * 3 ", "9"),
    ("1 - 2 - 3", "-4"),
    ("8 / 4 / 2", "1"),
    ("2 + 3 * 4", "14"),
    ("-2**2", "-4"),
    ("(-2)**2", "4"),
    ("2**-1", "0.5"),
    ("2**3**2", "512"),
    ("2^10", "1024"),
    ("--3", "3"),
    ("2 - -3", "5"),
    ("+3", "3"),
    ("3x4", "12"),
    ("3 × 4 · 2 X 1", "24"),
    ("9 ÷ 2", "4.5"),
    ("5 − 7", "-2"),
    ("1,250 + 1,000,000.5", "1001250.5"),
    ("15%", "0.15"),
    ("200 * 15%", "30"),
    ("200 + 15%", "200.15"),
    ("(15)% - 1", "-0.85"),
    ("17 % 5", "2"),
    ("17 % (5)", "2"),
    ("-7 % 3", "2"),
    ("-7 // 2", "-4"),
    ("7.5 // 2", "3"),
    ("7.5 % 2", "1.5"),
    ("50%^2", "0.25"),
    ("50%%", "0.005"),
    ("0.1 + 0.2", "0.3"),
    (".5", "0.5"),
    ("5.", "5"),
    ("007", "7"),
    ("1.50", "1.5"),
    ("0 * -1", "0"),
    ("0**0", "1"),
    ("1/3", "0.333333333333"),
    ("-2/3", "-0.666666666667"),
    ("2/3 * 3", "2"),
    ("1/8192", "0.0001220703125"),
    ("1/10**12", "0.000000000001"),
    ("1/10**13", "0.0000000000001"),
    ("1/2**40", "0.000000000000909494701773"),
    ("10**15 + 1/3", "1000000000000000"),
    ("999999999999.9 + 1/30000", "1000000000000"),
    ("2**100", "1267650600228229401496703205376"),
    ("1**99999999999999999999", "1"),
]


@pytest.mark.parametrize(("expression", "result"), VALUES)
def test_values(expression: str, result: str) -> None:
    assert calculator(expression) == result


ERRORS = [
    ("", "the expression is empty"),
    ("  ", "the expression is empty"),
    ("1 +", "position 4: expected a number, found the end"),
    ("1 + * 2", "position 5: expected a number, found '*'"),
    ("3 x x 4", "position 5: expected a number, found 'x'"),
    ("(1 + 2", "position 7: expected ')', found the end"),
    ("1 + 2)", "position 6: expected the end, found ')'"),
    ("1 2", "position 3: expected an operator, found '2'"),
    ("3(4)", "position 2: expected an operator, found '('"),
    ("1.2.3", "position 4: expected an operator, found '.'"),
    ("1,25", "position 2: unexpected ','"),
    ("1,2345", "position 2: unexpected ','"),
    ("1e5", "position 2: unexpected 'e'"),
    ("1_000", "position 2: unexpected '_'"),
    ("١+١", "position 1: unexpected '١'"),
    ("sqrt(4)", "position 1: unexpected 's'"),
    ("2 = 2", "position 3: unexpected '='"),
    ("__import__('os')", "position 1: unexpected '_'"),
    ("\ud800", "position 1: unexpected '\\ud800'"),
    ("2\x00", "position 2: unexpected '\\x00'"),
    ("1/0", "division by zero"),
    ("1//0", "division by zero"),
    ("1 % 0", "division by zero"),
    ("1 / (2 - 2)", "division by zero"),
    ("0**-1", "division by zero"),
    ("2**0.5", "position 2: the exponent must be a whole number"),
    ("9**9**9", "the number would have more than 300 digits"),
    ("9**9**9**9**9", "the number would have more than 300 digits"),
    ("(1/9)**9999999", "the number would have more than 300 digits"),
    ("9**-999999999", "the number would have more than 300 digits"),
    ("10**299 * 10", "the number would have more than 300 digits"),
    ("(" * 10_000, "position 51: nested more than 50 deep"),
    ("(" * 10_000 + "1" + ")" * 10_000, "position 51: nested more than 50 deep"),
    ("-" * 10_000 + "1", "position 51: nested more than 50 deep"),
    ("2" + "**1" * 10_000, "position 151: nested more than 50 deep"),
    ("9" * 1_000_000, "position 1: the number would have more than 300 digits"),
    ("1 " + "9" * 1_000_000, "position 3: expected an operator, found '9'"),
    ("2" + "*2" * 100_000, "the number would have more than 300 digits"),
]


@pytest.mark.parametrize(("expression", "message"), ERRORS, ids=lambda value: ascii(value)[:30])
def test_errors_come_quickly(expression: str, message: str) -> None:
    start = time.perf_counter()
    with pytest.raises(ToolError) as caught:
        calculator(expression)
    assert time.perf_counter() - start < 2
    assert caught.value.message == message


@given(st.text(alphabet=st.sampled_from("0123456789.,+-*/%()x^÷ "), max_size=60) | st.text(max_size=60))
def test_any_text_gives_a_number_or_a_tool_error(expression: str) -> None:
    with contextlib.suppress(ToolError):
        Decimal(calculator(expression))


# --------------------------------------------------------------------------------- an oracle that never parses

Tree = tuple[str, Fraction | None]
"""An expression in full parentheses, and its value (None: division by zero)."""


def spaced(draw: st.DrawFn) -> str:
    return draw(st.sampled_from(["", " "]))


@st.composite
def numbers(draw: st.DrawFn) -> Tree:
    whole, decimals = draw(st.integers(0, 10**7)), draw(st.text(alphabet="0123456789", max_size=5))
    written = f"{whole:,}" if draw(st.booleans()) else str(whole)
    value = Fraction(whole * 10 ** len(decimals) + int(decimals or "0"), 10 ** len(decimals))
    return (f"{written}.{decimals}" if decimals else written), value


@st.composite
def combined(draw: st.DrawFn, inner: st.SearchStrategy[Tree]) -> Tree:
    (left, a), (right, b) = draw(inner), draw(inner)
    sign = draw(st.sampled_from(["+", "-", "*", "x", "/", "÷", "//", "%", "**", "neg", "percent"]))
    if sign == "neg":
        return f"-({left})", None if a is None else -a
    if sign == "percent":
        return f"({left})%", None if a is None else a / 100
    if sign == "**":
        exponent = draw(st.integers(-3, 3))
        text = f"({left}){spaced(draw)}{draw(st.sampled_from(['**', '^']))}{exponent}"
        return text, None if a is None or (a == 0 and exponent < 0) else a**exponent
    text = f"({left}){spaced(draw)}{sign}{spaced(draw)}({right})"
    if a is None or b is None or (sign in ("/", "÷", "//", "%") and b == 0):
        return text, None
    values = {"+": a + b, "-": a - b, "*": a * b, "x": a * b}
    return text, values[sign] if sign in values else quotient(a, b, sign)


def quotient(a: Fraction, b: Fraction, sign: str) -> Fraction:
    whole = (a.numerator * b.denominator) // (a.denominator * b.numerator)
    return {"/": a / b, "÷": a / b, "//": Fraction(whole), "%": a - b * whole}[sign]


def check_shown(text: str, value: Fraction) -> None:
    """The documented form of a result, without saying how to get there."""
    shown = Fraction(text)
    assert "e" not in text.lower()
    if value.denominator == 1 or (value * 10**12).denominator == 1:
        assert shown == value
    else:
        magnitude = len(str(abs(value.numerator) // value.denominator)) if abs(value) >= 1 else None
        if magnitude is None:
            magnitude = 0
            while abs(value) * Fraction(10) ** (-magnitude) < Fraction(1, 10):
                magnitude -= 1
        unit = Fraction(10) ** min(magnitude - 12, 0)
        assert abs(shown - value) <= unit / 2
        assert (shown / unit).denominator == 1
    assert "." not in text or text[-1] != "0"


def check_result(expression: str, value: Fraction | None) -> None:
    try:
        text = calculator(expression)
    except ToolError as problem:
        text = problem.message
    assume("digits" not in text)
    if value is None:
        assert text == "division by zero"
    else:
        check_shown(text, value)


@given(st.recursive(numbers(), combined, max_leaves=8))
@example(("(1/3)", Fraction(1, 3)))
def test_random_expressions(tree: Tree) -> None:
    expression, value = tree
    check_result(expression, value)


@st.composite
def flat(draw: st.DrawFn) -> str:
    """An expression without parentheses, with spaces and Python's own notation."""
    parts = [str(draw(st.integers(0, 99)))]
    for _ in range(draw(st.integers(1, 6))):
        sign = draw(st.sampled_from(["+", "-", "*", "/", "//", "%", "- -", "**"]))
        parts += [sign, str(draw(st.integers(0, 3) if sign == "**" else st.integers(0, 99)))]
    return " ".join(parts)


@given(flat())
def test_precedence_is_that_of_python(expression: str) -> None:
    assume(expression.count("**") < 3)
    words = [f"Fraction({word})" if word.isdigit() else word for word in expression.split()]
    try:
        value = Fraction(eval(" ".join(words), {"Fraction": Fraction}))
    except ZeroDivisionError:
        value = None
    check_result(expression, value)
