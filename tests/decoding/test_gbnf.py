"""One language three times: our automaton, llguidance's matcher, and the grammar that llama.cpp would be given."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata.letter import Owner
from agentspec.content.constraint import (
    ANY,
    LINE,
    NO_TEXT,
    And,
    Characters,
    Constraint,
    Literal,
    Not,
    Repeat,
    Sequence,
    Substring,
)
from agentspec.content.json_schema import from_schema
from agentspec.content.language import Language
from agentspec.content.regex import parse_regex
from agentspec.decoding.lower.gbnf import lower, lower_text
from agentspec.decoding.lower.llguidance import lower as lower_to_lark
from agentspec.errors import InvalidInput, TooLarge
from agentspec.guard.budget import Budget
from agentspec.guard.guard import Position
from agentspec.guard.segment import Segment, segment
from tests.content.texts import constraints, ranges_of, texts, trees, walked
from tests.decoding import gbnf
from tests.decoding.bytes import accepts, factory
from tests.decoding.grammar import texts_of
from tests.decoding.test_lower import JSON, PAY, SPECIAL, mutated, segments, text_of
from tests.laws.harness import sound_spec

quick = settings(deadline=None, max_examples=40)
WIDE = ["".join(letters) for length in range(5) for letters in product('a"[\n', repeat=length)]


def compare(constraint: Constraint, alphabet: str, most: int, *, over_lark: bool = True) -> int:
    """Every text over the alphabet up to a length: the three agree. Returns how many texts the constraint has."""
    every = ["".join(letters) for length in range(most + 1) for letters in product(alphabet, repeat=length)]
    language = Language(constraint)
    expected = {text for text in every if language.accepts(text)}
    if language.is_empty():
        with pytest.raises(InvalidInput, match="has no text"):
            lower_text(constraint)
        return 0
    grammar = lower_text(constraint)
    assert gbnf.parse(grammar).texts(alphabet, most) == expected, grammar
    if over_lark:
        found = texts_of(Sequence((constraint, Literal("."))), [f"{text}." for text in every])
        assert found == {f"{text}." for text in expected}
    return len(expected)


@quick
@given(constraints("ab[", leaves=6))
def test_constraints_have_the_same_short_texts(constraint: Constraint) -> None:
    assert compare(constraint, "ab[", 4) == len(texts(constraint, 4))


@quick
@given(trees('a"[\n', leaves=6))
def test_intersections_and_complements_have_the_same_short_texts(tree: Constraint) -> None:
    compare(And((Characters(ANY, 0, 4), tree)), 'a"[\n', 4)


@quick
@given(trees("ab", leaves=8))
def test_texts_without_a_longest_have_the_same_short_texts(tree: Constraint) -> None:
    """As they are, unbounded; llguidance alone would also take what is no text for a complement."""
    compare(tree, "ab", 6, over_lark=False)


def check_long(constraint: Constraint, drawn: Random, many: int) -> None:
    """Texts of the language, and texts near them, however long."""
    language, grammar = Language(constraint), gbnf.parse(lower_text(constraint))
    for _ in range(many):
        text = walked(language, drawn)
        assert grammar.accepts(text), text
        other = mutated(text, drawn)
        assert grammar.accepts(other) == language.accepts(other), other


@quick
@given(trees('"\\/[]{}#é😀^-', leaves=7), st.randoms(use_true_random=False))
def test_long_texts_are_taken_and_their_neighbours_judged_alike(tree: Constraint, drawn: Random) -> None:
    constraint = And((Characters(ANY, 0, 30), tree))
    if not Language(constraint).is_empty():
        check_long(constraint, drawn, 4)


LONG = {
    "counter": parse_regex("[a-z]{60,80}").full(),
    "items": from_schema({"type": "array", "items": {"enum": ["red", "blue", 1]}, "minItems": 40, "maxItems": 45}),
    "arguments": PAY,
    "line": Characters(LINE, 0, 10_000),
    "words": And((Characters(LINE, 1, 80), Not(parse_regex("forged|x{3}").search()))),
    "span": Substring(("many ", "words ", "many ", "fine")),
    "uneven": parse_regex("(no|not [a-z]{30,40}, (if|unless [0-9]{20}))!").full(),
    "blocks": Repeat(Sequence((Literal("ab"), Characters(ranges_of("01"), 1, 1))), 2_500, 6_100),
}


@pytest.mark.parametrize("name", LONG)
def test_long_texts(name: str) -> None:
    check_long(LONG[name], Random(name), 5)


@pytest.mark.parametrize("count", [1999, 2000, 2001, 2999, 3000, 3001, 4001])
def test_counts_beyond_what_llama_cpp_counts(count: int) -> None:
    for minimum, maximum in ((count, count), (0, count), (count, None), (count - 1001, count)):
        grammar = gbnf.parse(lower_text(Characters(ranges_of("ab"), minimum, maximum)))
        for length in {0, 1, minimum - 1, minimum, minimum + 1, count - 1, count, count + 1, count + 999} - {-1}:
            assert grammar.accepts("a" * length) == (minimum <= length <= (maximum or 10**9)), (
                minimum,
                maximum,
                length,
            )


def test_what_is_in_json_is_judged_alike() -> None:
    grammar, language = gbnf.parse(lower_text(PAY)), Language(PAY)
    assert [text for text in JSON if grammar.accepts(text)] == [text for text in JSON if language.accepts(text)]


@pytest.mark.parametrize("text", SPECIAL, ids=ascii)
def test_special_characters(text: str) -> None:
    others = [text + text, text[:-1], text + "a", text.upper(), text.replace("\\", "\\\\"), "A", "a", "\\", ""]
    for constraint in (Literal(text), Characters(ranges_of(text), 1, 2), Not(Literal(text))):
        grammar, language = gbnf.parse(lower_text(constraint)), Language(constraint)
        for one in (text, *others):
            assert grammar.accepts(one) == language.accepts(one), (constraint, one)


def test_what_has_no_text_is_refused() -> None:
    for constraint in (NO_TEXT, And((Literal("a"), Literal("b"))), Sequence((Literal("a"), NO_TEXT))):
        with pytest.raises(InvalidInput, match="has no text"):
            lower_text(constraint)
    assert lower_text(Repeat(NO_TEXT, 0, 3)) == 'root ::= ""\n'


def test_what_takes_too_many_states_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EXPANDED_STATES", 50)
    with pytest.raises(TooLarge, match="more than 50 states"):
        lower_text(And((Characters(ANY, 0, 60), Not(Literal("a")))))
    assert lower_text(Characters(ANY, 0, 60))


# Segments -------------------------------------------------------------------------------------------------------------


@quick
@given(segments(), st.randoms(use_true_random=False))
def test_segments_take_the_same_texts(several: Segment, drawn: Random) -> None:
    lark = lower_to_lark(several, text_of)
    try:
        grammar = gbnf.parse(lower(several, text_of))
    except InvalidInput:  # no way through the segment ends
        grammar = None
    for _ in range(6):
        lines = [
            drawn.choice(["[A] x\n", "[A] xy\n", "[B] x\n", "[B] xx\n", '#c \\ "/[é {}\n'])
            for _ in range(drawn.randint(0, 4))
        ]
        text = "".join(lines)
        for one in (text, mutated(text, drawn)):
            taken = accepts(factory().matcher(lark), one)
            assert taken == (grammar is not None and grammar.accepts(one)), (one, str(grammar))


def test_segments_of_agents_take_the_same_texts() -> None:
    """First segments of random agents, the texts drawn from the grammar of llguidance byte by byte."""
    compared = 0
    for seed in range(30):
        _, compiled = sound_spec(seed)
        if compiled is None or any(compiled.alphabet.bound(letter) for letter in compiled.contents):
            continue
        guard = compiled.guard
        least = guard.least()
        position = Position(guard, guard.arena.initial, Budget(10**6, least.steps + 6, least.calls + 1))
        position.advance(position.allowed()[0])
        if position.owner != Owner.MODEL or position.must_end:
            continue
        plan = segment(position)
        lark = lower_to_lark(plan, compiled.lines.__getitem__)
        grammar, drawn = gbnf.parse(lower(plan, compiled.lines.__getitem__)), Random(seed)
        for _ in range(3):
            text = written(plan, compiled.lines, drawn)
            for one in (text, mutated(text, drawn)):
                taken = accepts(factory().matcher(lark), one)
                assert grammar.accepts(one) == taken, one
            compared += 1
    print(compared)
    assert compared >= 30


def written(plan: Segment, lines: dict[object, Constraint], drawn: Random) -> str:
    """A text of a segment: letters and contents at random."""
    node, text = plan.nodes[0], ""
    for _ in range(6):
        if not node.alternatives or (node.may_end and drawn.random() < 0.3):
            return text
        way = drawn.choice(node.alternatives)
        text += walked(Language(lines[way.letter]), drawn)
        if way.behind is None:
            return text
        node = plan.nodes[way.behind]
    return text


# The oracle has teeth -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "root ::= []\n", 'root ::= "a"{2000}\n', 'root ::= ""*\n', 'root ::= x*\nx ::= "a" | ""\n', "root ::= x\n",
        'root ::= root "a" | "b"\n', 'root ::= x "a"\nx ::= y? root\ny ::= "b"\n', 'root ::= "\\q"\n', "x ::= [a]\n",
        'root ::= "a" ("b")\n', "root ::= [b-a]\n", 'ro_ot ::= "a"\n',
    ],
)  # fmt: skip
def test_what_llama_cpp_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"empty|count|defined|recursion|escape|understood|no rule"):
        gbnf.parse(text)


def test_the_oracle_knows_the_guides_notation() -> None:
    grammar = gbnf.parse(
        'root ::= "1. " move " "{2} [^a-c\\]]+ | [+#-]?\nmove ::= [NBKQR]? "\\x41\\u00e9\\U0001F600"{1,2}\n'
    )
    assert grammar.accepts("1. NAé😀  xyz")
    assert grammar.accepts("1. Aé😀Aé😀  -")
    assert not grammar.accepts("1. Aé😀Aé😀Aé😀  -")
    assert not grammar.accepts("1. Aé😀  b")
    assert grammar.texts("+-#a", 2) == {"", "+", "-", "#"}
