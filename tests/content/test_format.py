"""Templates: their lines, what is read back from them, and what is refused."""

from __future__ import annotations

import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.content.constraint import LINE, Quote, within
from agentspec.content.format import Template, parse_template, repeated, unbound
from agentspec.content.language import Language, matches
from agentspec.content.quotation import bind
from agentspec.errors import InvalidInput, SyntaxProblem
from tests.content.texts import walked
from tests.decoding.grammar import texts_of


@pytest.mark.parametrize(
    ("template", "text", "values"),
    [
        ("{a:text}", "x", {"a": "x"}),
        ("{a:text(3)}", "a b", {"a": "a b"}),
        ("{a:word}: {b:int}", "x-1_: -07"[:6] + "7", {"a": "x-1_", "b": 7}),
        ("{n:int}", "-12", {"n": -12}),
        ("{n:number}", "1.50", {"n": 1.5}),
        ("{n:number}", "100", {"n": 100}),
        ("{ok:bool}!", "yes!", {"ok": True}),
        ("{ok:bool}", "no", {"ok": False}),
        ("on {d:date}", "on 2024-02-29", {"d": "2024-02-29"}),
        ("{c:choice(a|b c|\\|\\)\\\\)}", "b c", {"c": "b c"}),
        ("{c:choice(a|b c|\\|\\)\\\\)}", "|)\\", {"c": "|)\\"}),
        ("{r:regex([A-Z]{2}(\\d|\\))+)}", "AB1)2", {"r": "AB1)2"}),
        ("{r:regex([)(}]x)}", ")x", {"r": ")x"}),
        ("{{{a:word}}}", "{x}", {"a": "x"}),
        ("a {{}} b", "a {} b", {}),
        ('{claim:text(20)} "{quote:span(o)}"', 'It is "so" "it is"', {"claim": 'It is "so"', "quote": "it is"}),
        ("{a:text} {b:text}", "one two three", {"a": "one two", "b": "three"}),
        ("{a:text(3)} {b:text}", "one two three", {"a": "one", "b": "two three"}),
        ("{a:word}{b:word}", "abc", {"a": "ab", "b": "c"}),
        ("{a:text}, {b:text}", "x, y, z", {"a": "x, y", "b": "z"}),
        ("{a:text}é😀{b:text}", "é😀é😀é😀", {"a": "é😀", "b": "é😀"}),
    ],
)
def test_a_line_is_read_field_by_field(template: str, text: str, values: dict[str, Any]) -> None:
    made = parse_template(template)
    assert matches(unbound(made.constraint), text)
    assert made.read(text) == values
    assert {name: type(value) for name, value in (made.read(text) or {}).items()} == {
        n: type(v) for n, v in values.items()
    }


@pytest.mark.parametrize(
    ("template", "wrong"),
    [
        ("{a:text(3)}", ["", " a", "a ", "abcd", "a\nb", "\t", "a\u2028b", "\x00"]),
        ("{a:word}", ["", "a b", "é", "x" * 41]),
        ("{a:int}", ["", "-", "01", "1.0", "+1", "1" * 16, "1e3"]),
        ("{a:number}", ["", ".5", "1.", "1e3", "1,5", "--1"]),
        ("{a:bool}", ["true", "Yes", "y", ""]),
        ("{a:choice(a|b)}", ["", "a|b", "c", "ab"]),
        ("{a:regex(a|b|  |c\\n)}", ["", "  ", "c\n", "ab"]),
        ("{a:span(x, 3)}", ["", "abcd", " ab", "a\n"]),
        ("x{a:int}y", ["x1", "1y", "xy", "X1y"]),
    ],
)
def test_other_texts_are_no_lines(template: str, wrong: list[str]) -> None:
    made = parse_template(template)
    for text in wrong:
        assert made.read(text) is None, text
        assert not matches(unbound(made.constraint), text), text


def test_dates_are_those_of_the_calendar() -> None:
    language = Language(parse_template("{d:date}").constraint)
    for year in [1000, 1100, 1200, 1600, 1899, 1900, 2000, 2023, 2024, 2100, 2400, 9996, 9999]:
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                try:
                    datetime.date(year, month, day)
                    real = True
                except ValueError:
                    real = False
                assert language.accepts(text) == real, text
    for text in ("0999-01-01", "24-01-01", "2024-1-01", "2024/01/01", "10000-01-01"):
        assert not language.accepts(text)


types = st.sampled_from(
    [
        "text(4)",
        "word",
        "int",
        "number",
        "bool",
        "date",
        "choice(a|b b|ab)",
        "regex(a+b?|, )",
        "span(o,4)",
        "text(1)",
        "regex([a-c, ]{1,3})",
    ]
)
literals = st.sampled_from([" ", ", ", "a", ": ", " - ", '"', "é"])


@st.composite
def templates(draw: st.DrawFn) -> str:
    written = "{f0:" + draw(types) + "}"
    for i in range(1, draw(st.integers(1, 4))):
        written += draw(literals) * draw(st.integers(0, 1)) + f"{{f{i}:{draw(types)}}}"
    return written


def pieces(made: Template, values: dict[str, Any]) -> str:
    return "".join(part if isinstance(part, str) else str(values[part.name]) for part in made.parts)


@settings(deadline=None, max_examples=15)
@given(templates(), st.randoms(use_true_random=False))
def test_what_is_read_is_what_was_written(template: str, drawn: Random) -> None:
    made = parse_template(template)
    language = Language(unbound(made.constraint))
    for _ in range(3):
        text = walked(language, drawn, steps=12)
        values = made.read(text)
        assert values is not None
        assert list(values) == [field.name for field in made.fields]
        if not any(field.type in ("int", "number", "bool") for field in made.fields):
            assert pieces(made, values) == text
            assert list(values.values()) == first_longest(made, text)
        assert all(within(ord(character), LINE) for character in text)
        assert not text[0].isspace()


def first_longest(made: Template, text: str) -> list[str] | None:
    """The reading by definition: the first field as long as possible, among readings the next, and so on."""

    def rest(parts: tuple[Any, ...], text: str) -> list[str] | None:
        if not parts:
            return [] if not text else None
        if isinstance(parts[0], str):
            return rest(parts[1:], text[len(parts[0]) :]) if text.startswith(parts[0]) else None
        language = Language(unbound(parts[0].constraint))
        for end in range(len(text), -1, -1):
            if language.accepts(text[:end]) and (behind := rest(parts[1:], text[end:])) is not None:
                return [text[:end], *behind]
        return None

    return rest(made.parts, text)


@settings(deadline=None, max_examples=15)
@given(templates(), st.randoms(use_true_random=False))
def test_the_grammar_takes_the_lines(template: str, drawn: Random) -> None:
    constraint = unbound(parse_template(template).constraint)
    language = Language(constraint)
    texts = [walked(language, drawn, steps=12) for _ in range(4)]
    texts += [text[:-1] for text in texts] + [text + "a" for text in texts]
    assert texts_of(constraint, texts) == {text for text in texts if language.accepts(text)}


def test_spans_are_quotes_until_they_are_bound() -> None:
    made = parse_template('{claim:text(9)} "{quote:span(observation, question, 20)}"')
    assert made.fields[1].constraint == Quote(("observation", "question"), 20)
    assert made.quoted == ("observation", "question")
    bound = bind(made.constraint, {"observation": ["Rome is a city\nin Italy"]})
    assert bound is not None
    language = Language(bound)
    assert language.accepts('Yes "is a city"')
    for text in ('Yes "a town"', 'Yes "city in"', 'Yes ""', 'Yes "Rome is a city\nin Italy"'):
        assert not language.accepts(text), text
    assert bind(made.constraint, {"observation": [""]}) is None


def test_a_long_line_is_read_in_time() -> None:
    made = parse_template("{a:text(2000)}, {b:text(2000)}; {c:text(2000)}")
    values = made.read("x, " * 200 + "z; " * 200 + "y")
    assert values is not None
    assert values["c"] == "y"


# ---- repetition


def test_repeated_lines() -> None:
    made = repeated(parse_template("{name:word} {n:int}"), 1, 3, "; ")
    assert made.read("a 1; b 2") == [{"name": "a", "n": 1}, {"name": "b", "n": 2}]
    assert made.read("a 1") == [{"name": "a", "n": 1}]
    for text in ("", "a 1; ", "a 1; b 2; c 3; d 4", "a 1;b 2"):
        assert made.read(text) is None, text
        assert not matches(made.constraint, text), text
    assert matches(made.constraint, "a 1; b 2; c 3")
    assert not matches(repeated(parse_template("{a:int}"), 1, 1).constraint, "1, 2")
    assert repeated(parse_template("{a:int}"), 2, 2).read("1, 2") == [{"a": 1}, {"a": 2}]
    assert repeated(parse_template("{a:text}"), 1, 2).read("x, y") == [{"a": "x, y"}]


@pytest.mark.parametrize(
    ("low", "high", "separator"), [(0, 1, ", "), (3, 2, ", "), (1, 51, ", "), (1, 2, ""), (1, 2, "\n")]
)
def test_repetitions_that_are_refused(low: int, high: int, separator: str) -> None:
    with pytest.raises(InvalidInput, match=r"^step 'list': "):
        repeated(parse_template("{a:int}"), low, high, separator, what="step 'list'")


# ---- what is refused


@pytest.mark.parametrize(
    ("template", "column", "message"),
    [
        ("", 1, "not empty"),
        (" {a:int}", 1, "neither begins nor ends with a blank"),
        ("{a:int} ", 8, "neither begins nor ends with a blank"),
        ("a\n{b:int}", 2, "one line of printable text"),
        ("{", 2, "a field is written {name:type}"),
        ("{}", 2, "a field is written {name:type}"),
        ("{1:int}", 2, "a field is written {name:type}"),
        ("{a}", 3, "the field 'a' has no type; write {a:text}"),
        ("{a:}", 4, "'' is no type of a field"),
        ("x {a:txt}", 6, "'txt' is no type of a field; did you mean 'text'?"),
        ("{a:integer}", 4, "did you mean 'int'?"),
        ("{a:int", 7, "a '}' is missing here"),
        ("{a:int x}", 7, "a '}' is missing here"),
        ("{a:int}}", 8, "closes no field"),
        ("x}", 2, "closes no field"),
        ("{a:int}{a:int}", 14, "'a' stands twice"),
        ("{a:int(3)}", 7, "'int' takes no argument"),
        ("{a:text()}", 9, "a whole number from 1 to 10000, not ''"),
        ("{a:text(0)}", 9, "a whole number from 1 to 10000"),
        ("{a:text(99999)}", 9, "a whole number from 1 to 10000"),
        ("{a:text(x)}", 9, "a whole number from 1 to 10000"),
        ("{a:text(²)}", 9, "a whole number from 1 to 10000"),
        ("{a:text(3}", 8, "this '(' is never closed"),
        ("{a:choice}", 4, "'choice' needs an argument, such as choice(yes|no)"),
        ("{a:choice(a||b)}", 11, "distinct, printable texts"),
        ("{a:choice(a|a)}", 11, "distinct, printable texts"),
        ("{a:choice( a|b)}", 11, "distinct, printable texts"),
        ("{a:regex}", 4, "'regex' needs an argument"),
        ("{a:regex(a**)}", 12, "repeats a repetition"),
        ("{a:regex(x(?=a))}", 11, "look-ahead"),
        ("{a:regex(\\s+)}", 10, "no line of 1 to 200 characters"),
        ("{a:regex([)}", 9, "this '(' is never closed"),
        ("{a:span}", 4, "'span' needs an argument, such as span(observation)"),
        ("{a:span()}", 9, "a span names steps"),
        ("{a:span(5)}", 9, "a span names steps"),
        ("{a:span(x, 0)}", 9, "a whole number from 1 to 10000"),
        ("{a:span(x y)}", 9, "a span names steps"),
    ],
)
def test_what_is_refused_is_named_with_its_place(template: str, column: int, message: str) -> None:
    with pytest.raises(SyntaxProblem) as raised:
        parse_template(template, what="format")
    assert message in raised.value.message
    assert str(raised.value.location) == f"format:1:{column}"


def test_hostile_templates_are_refused_at_once() -> None:
    for template in ("{" * 99_999, "{a:regex(" + "(" * 3_000 + ")" * 3_001 + "}", "{a:choice(" + "|" * 5_000 + ")}"):
        with pytest.raises(SyntaxProblem, match=r"at most 2000|larger|nested deeper|distinct"):
            parse_template(template)
