"""The lowered grammar and ``matches`` are one language: every text is fed to llguidance byte by byte."""

from __future__ import annotations

from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.automata.letter import Letter, Owner
from agentspec.content.constraint import (
    ANY,
    LINE,
    And,
    Characters,
    Choice,
    Constraint,
    Literal,
    Repeat,
    Sequence,
    line_of_text,
)
from agentspec.content.json_schema import from_schema
from agentspec.content.language import Language, matches
from agentspec.content.where import valuation
from agentspec.decoding.lower.llguidance import lower
from agentspec.guard.segment import Alternative, Node, Segment
from tests.content.texts import constraints, ranges_of, sample, trees
from tests.decoding.bytes import accepts, factory
from tests.decoding.grammar import texts_of

quick = settings(deadline=None, max_examples=40)


def letter(name: str) -> Letter:
    return Letter(frozenset({name}), frozenset(), name, Owner.MODEL)


def node(*ways: tuple[Letter, int | None], ends: bool = False) -> Node:
    return Node(tuple(Alternative(one, behind, 0) for one, behind in ways), ends, ends)


def ways_of(node: Node) -> list[tuple[Letter, int | None]]:
    return [(way.letter, way.behind) for way in node.alternatives]


ONE = Segment((node((letter("a"), None)),))


def line(content: Constraint, cue: str = "[A]") -> Constraint:
    return Sequence((Literal(f"{cue} "), content, Literal("\n")))


def taken(grammar: str, text: str) -> bool:
    return accepts(factory().matcher(grammar), text)


def assert_agrees(content: Constraint, texts: list[str]) -> None:
    """The grammar of one letter with this content takes exactly the lines whose content matches."""
    grammar = lower(ONE, lambda _: line(content))
    for text in texts:
        assert taken(grammar, f"[A] {text}\n") == matches(content, text), (text, grammar)


WIDE = ["".join(letters) for length in range(5) for letters in product('a"[\n', repeat=length)]
SHORT = ["".join(letters) for length in range(4) for letters in product("ab[", repeat=length)]


@quick
@given(constraints("ab["))
def test_random_constraints_on_all_short_texts(content: Constraint) -> None:
    assert_agrees(content, SHORT)


@quick
@given(trees('a"[\n', leaves=6))
def test_random_trees_with_intersections_and_complements(tree: Constraint) -> None:
    """Within all short texts, since a complement alone also holds what is no text at all."""
    content = And((Characters(ANY, 0, 4), tree))
    language = Language(content)
    if not language.is_empty():
        expected = {text for text in WIDE if language.accepts(text)}
        assert texts_of(Sequence((content, Literal("."))), [f"{text}." for text in WIDE]) == {f"{t}." for t in expected}


@quick
@given(constraints('"\\/[]{}#é😀', leaves=6), st.randoms(use_true_random=False))
def test_random_constraints_on_their_own_texts(content: Constraint, drawn: Random) -> None:
    texts = [sample(content, drawn) for _ in range(4)]
    assert all(matches(content, text) for text in texts)
    assert_agrees(content, [*texts, *(mutated(text, drawn) for text in texts)])


def mutated(text: str, drawn: Random) -> str:
    """One character more, less or other."""
    place = drawn.randint(0, len(text))
    other = drawn.choice(["", *'"\\/[]{}#é😀ab '])
    return text[:place] + other + text[place + drawn.randint(0, 1) :]


SPECIAL = [
    *"\"\\/[](){}#|*+?.^$&%@!~<>=-,:;'`_ \t",
    '"" ""',
    "\\n",
    "\\u0041",
    "\\x41",
    "\\\\",
    "a\\",
    '\\"',
    "//",
    "/i",
    "# no comment",
    "// no comment",
    "%json {}",
    "<|end|>",
    "<end>",
    "[A] ",
    "{1,2}",
    "a|b",
    "(?i)a",
    "start: n0",
    "é",
    "😀",
    "日本語",
    "\u00a0",
    "a\u0301",
    "\ufeff",
    "\U0010fffd",
]


@pytest.mark.parametrize("text", SPECIAL, ids=ascii)
def test_special_characters_in_literals(text: str) -> None:
    others = [text + text, text[:-1], text + "a", "a" + text, text.upper(), text.replace("\\", "\\\\"), "A", "a", "a\\"]
    for content in (Literal(text), Choice((Literal(text), Literal("zz"))), Repeat(Literal(text), 1, 1)):
        assert taken(lower(ONE, lambda _: line(content)), f"[A] {text}\n"), text  # noqa: B023
        assert_agrees(content, others)


@pytest.mark.parametrize("character", [text for text in SPECIAL if len(text) == 1], ids=ascii)
def test_special_characters_in_classes(character: str) -> None:
    content = Characters(ranges_of(character), 1, 2)
    others = [*'ab\\"/]-^\t ', chr(ord(character) + 1), chr(ord(character) - 1)]
    assert_agrees(content, [character, character * 2, character * 3, *others, ""])


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0x20, 0x7E),
        (0x2F, 0x3A),
        (0x40, 0x5B),
        (0x5B, 0x5E),
        (0x60, 0x7B),
        (0x7E, 0x80),
        (0x7FF, 0x800),
        (0xD7FF, 0xD7FF),
        (0xE000, 0xE000),
        (0xFFFF, 0x10000),
        (0xFFFD, 0x1F600),
        (0x10FFFE, 0x10FFFF),
        (0x30, 0x30),
        (0x2D, 0x2D),
    ],
)
def test_ranges_at_their_edges(low: int, high: int) -> None:
    content = Characters(((low, high),), 1, 1)
    codes = {code for edge in (low, high) for code in (edge - 1, edge, edge + 1)}
    texts = [chr(code) for code in codes if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and code != 0x0A]
    assert_agrees(content, texts)


def test_several_ranges_in_one_class() -> None:
    content = Characters(((0x22, 0x22), (0x2D, 0x2D), (0x5C, 0x5E), (0x61, 0x63), (0x1F600, 0x1F602)), 1, 2)
    assert_agrees(content, [*'"-\\]^abcd', "[", "_", "`", "😀", "😂", "😃", "\\]", "^-", "a😀"])


@pytest.mark.parametrize(("minimum", "maximum"), [(0, 0), (0, 1), (0, 3), (1, 1), (2, 3), (3, 3)])
def test_bounds(minimum: int, maximum: int) -> None:
    texts = ["a" * count for count in range(6)] + ["ab", "b"]
    characters = Characters(ranges_of("a"), minimum, maximum)
    for content in (
        characters,
        Repeat(Literal("a"), minimum, maximum),
        Repeat(Choice((Literal("a"), Literal("ab"))), minimum, maximum),
        Sequence((characters, Literal(""))),
        Sequence((Literal(""), Repeat(Literal("a"), minimum, maximum), Literal("b"))),
        Choice((characters, Literal("b"))),
        Repeat(Sequence(()), minimum, maximum),
        Repeat(characters, 1, 2),
    ):
        assert_agrees(content, texts)


def test_alternatives_that_begin_alike() -> None:
    content = Choice((Literal("a"), Literal("ab"), Sequence((Literal("a"), Literal("bc"))), Literal("b")))
    assert_agrees(content, ["a", "ab", "abc", "b", "bc", "abb", ""])
    content = Sequence((Choice((Literal("a"), Literal("ab"))), Choice((Literal("bc"), Literal("c")))))
    assert_agrees(content, ["abc", "ac", "abbc", "abcc", "ab"])


def test_lines_of_text() -> None:
    content = line_of_text(2, 4)
    texts = ["a", "ab", "a b", " ab", "abcd", "abcde", "😀" * 4, "😀" * 5, "é\u00a0", "a\tb", "a\x7f", "a\x85"]
    texts += ["[A] ", "a\u2028b", "\u3000a", "\u00a0a", "\ufeffa", "\ud7ff\ue000", "\U0010ffff" * 4]
    assert_agrees(content, texts)


def test_a_long_line_of_text() -> None:
    content = Characters(LINE, 0, 10_000)
    grammar = lower(ONE, lambda _: line(content))
    assert taken(grammar, "[A] " + "é" * 10_000 + "\n")
    assert not taken(grammar, "[A] " + "é" * 10_001 + "\n")


def test_a_complement_beside_a_long_string_is_taken() -> None:
    """Counters within complements take many steps of llguidance's lexer at once; the matcher's limits allow them."""
    schema = {
        "type": "object",
        "properties": {"to": {"type": "string"}, "note": {"type": ["string", "null"]}},
        "required": ["to"],
    }
    conditions = [{"to": {"pattern": "(?i)acme|globex"}}, {"to": {"minLength": 3}, "note": {"type": "string"}}]
    content = valuation(schema, [(condition, False) for condition in conditions], what="w")
    fine = ['{"to":"xx acm globe","note":null}', '{"to":"","note":"acme"}', '{"to":"' + "é" * 200 + '"}']
    wrong = ['{"to":"Acme"}', '{"to":"aglobEx\\n","note":null}', '{"to":"abc","note":""}']
    assert texts_of(content, [*fine, *wrong]) == set(fine)


PAY = from_schema(
    {
        "type": "object",
        "properties": {
            "to": {"type": "string", "maxLength": 3},
            "amount": {"type": "number"},
            "tags": {"type": "array", "items": {"enum": ["x", "y/\\", None]}, "maxItems": 2},
        },
        "required": ["amount"],
    }
)
JSON = [
    '{"to":"a\\"b","amount":1}',
    '{"amount":-0.50,"tags":["x",null]}',
    '{"amount":0,"tags":["y/\\\\"]}',
    '{"to":"😀\\n","amount":12}',
    '{"to":"abcd","amount":1}',
    '{"to":"a"}',
    '{"amount":1,"to":"a"}',
    '{"amount":01}',
    '{"amount":1, "to":"a"}',
    '{"to":"\\u0061","amount":1}',
    '{"amount":1,"amount":1}',
    "{}",
]


def test_arguments() -> None:
    assert_agrees(PAY, JSON)
    drawn = Random(3)
    texts = [sample(PAY, drawn) for _ in range(60)]
    assert all(matches(PAY, text) for text in texts)
    assert_agrees(PAY, [*texts, *(mutated(text, drawn) for text in texts)])


def nested(depth: int) -> Constraint:
    schema: dict[str, Any] = {"enum": [1, 2]}
    for _ in range(depth):
        schema = {"type": "array", "items": schema, "maxItems": 2}
    return from_schema(schema)


def test_nested_arrays_make_a_grammar_that_grows_with_their_depth() -> None:
    lengths = [len(lower(ONE, lambda _, depth=depth: line(nested(depth)))) for depth in (4, 8, 12)]
    assert lengths[2] - lengths[1] < 1.2 * (lengths[1] - lengths[0])
    assert_agrees(
        nested(4), ["[[[[1,2],[]]]]", "[[[[1,2],[]]]", "[]", "[[[[]]]]", "[1]", "[[[[1,2,1]]]]", "[[],[[[2]]]]"]
    )


def fresh(one: Letter) -> Constraint:
    """The text of a letter made anew at each call, with compound parts nobody else holds."""
    word = {"a": "x", "b": "y", "c": "z"}[str(one.step)]
    pair = Sequence((Literal(word), Choice((Literal("1"), Literal(word)))))
    return line(Choice((Sequence((pair, pair)), Sequence((pair, Literal("-"), pair)))), CUES[str(one.step)])


def test_texts_that_live_only_for_the_call() -> None:
    first = node(*((LETTERS[name], None) for name in "abc"))
    for _ in range(20):
        grammar = lower(Segment((first,)), fresh)
        for name, word in zip("abc", "xyz", strict=True):
            for content in (f"{word}1{word}{word}", f"{word}{word}-{word}1"):
                for other in "abc":
                    assert taken(grammar, f"{CUES[other]} {content}\n") == (other == name), grammar


# ---- several nodes

CUES = {"a": "[A]", "b": "[B]", "c": '#c \\ "/[é'}
CONTENT = {"a": Characters(ranges_of("xy"), 1, 2), "b": Choice((Literal("x"), Literal("xx"))), "c": Literal("{}")}
LETTERS = {name: letter(name) for name in CUES}


def text_of(one: Letter) -> Constraint:
    return line(CONTENT[str(one.step)], CUES[str(one.step)])


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """Up to four nodes, every one with alternatives or an end; loops occur."""
    size = draw(st.integers(1, 4))
    nodes = []
    for _ in range(size):
        names = draw(st.lists(st.sampled_from("abc"), unique=True, max_size=3))
        behind = st.one_of(st.none(), st.integers(0, size - 1))
        ways = tuple((LETTERS[name], draw(behind)) for name in names)
        nodes.append(node(*ways, ends=draw(st.booleans()) or not ways))
    return Segment(tuple(nodes))


def in_segment(segment: Segment, text: str) -> bool:
    """The meaning of a segment: a walk over nodes, one line a letter, to an end."""
    if text and not text.endswith("\n"):
        return False
    places: set[int | None] = {0}
    for written in text.splitlines(keepends=True):
        places = {
            behind
            for place in places
            if place is not None
            for one, behind in ways_of(segment.nodes[place])
            if matches(text_of(one), written)
        }
    return any(place is None or segment.nodes[place].may_end for place in places)


def can_end(segment: Segment) -> bool:
    """Whether every node reached can come to an end, as segments of a guard do."""
    ending = {i for i, node in enumerate(segment.nodes) if node.may_end or any(b is None for _, b in ways_of(node))}
    for _ in segment.nodes:
        ending |= {i for i, node in enumerate(segment.nodes) if any(b in ending for _, b in ways_of(node))}
    return len(ending) == len(segment.nodes)


LINES = [f"{CUES[name]} {content}\n" for name, content in product("abc", ["x", "xx", "{}"])]
WALKS = ["".join(lines) for length in range(4) for lines in product(LINES[:2] + LINES[3:5] + LINES[8:], repeat=length)]


@settings(deadline=None, max_examples=20)
@given(segments().filter(can_end))
def test_segments_with_several_nodes(segment: Segment) -> None:
    grammar = lower(segment, text_of)
    for text in WALKS:
        assert taken(grammar, text) == in_segment(segment, text), (text, grammar)


@quick
@given(segments().filter(can_end), st.lists(st.sampled_from(LINES), max_size=5).map("".join), st.integers(0, 30))
def test_cut_and_wrong_lines_are_not_taken(segment: Segment, text: str, cut: int) -> None:
    grammar = lower(segment, text_of)
    for candidate in (text, text[:-1], text[:cut], text[:cut] + "\n", text.replace("[B]", "[A]")):
        assert taken(grammar, candidate) == in_segment(segment, candidate), (candidate, grammar)


def test_the_same_letter_in_two_nodes_is_one_terminal() -> None:
    twice = Segment((node((LETTERS["a"], 1)), node((LETTERS["a"], None), (LETTERS["b"], 0))))
    grammar = lower(twice, text_of)
    assert grammar.count("[A]") == 1
    assert taken(grammar, "[A] x\n[B] xx\n[A] y\n[A] yx\n")
    assert not taken(grammar, "[A] x\n[B] xx\n[A] y\n")


def test_a_long_loop() -> None:
    loop = Segment((node((LETTERS["a"], 0), ends=True),))
    assert taken(lower(loop, text_of), "[A] xy\n" * 1_000)
