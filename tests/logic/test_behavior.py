"""Behaviors: parsing, normal values, and derivatives against the definition of regular expressions."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.errors import SyntaxProblem
from agentspec.logic.behavior import (
    EMPTY,
    NOTHING,
    Behavior,
    Choice,
    Concat,
    Empty,
    Interleave,
    Nothing,
    Partials,
    Repeat,
    Step,
    choice,
    concat,
    derivative,
    first_steps,
    interleave,
    nullable,
    partial_derivatives,
    repeat,
    show_behavior,
    steps_of,
)
from agentspec.logic.parse_behavior import parse_behavior
from tests.logic.strategies import behaviors, normalised, patient, raw_behaviors

A, B, C = Step("a"), Step("b"), Step("c")
STEPS = ("a", "b")
WORDS = [word for length in range(5) for word in product(STEPS, repeat=length)]
CLERK = "question (thought action observation){0,5} thought (answer | unknown)"


def ends(behavior: Behavior, word: Sequence[str]) -> dict[int, frozenset[int]]:
    """From each position of the word, the positions at which a part accepted by ``behavior`` may end."""
    places = range(len(word) + 1)
    match behavior:
        case Nothing():
            return dict.fromkeys(places, frozenset())
        case Empty():
            return {at: frozenset({at}) for at in places}
        case Step(name):
            return {at: frozenset({at + 1} if word[at : at + 1] == (name,) else ()) for at in places}
        case Choice(options):
            tables = [ends(option, word) for option in options]
            return {at: frozenset().union(*[table[at] for table in tables]) for at in places}
        case Concat(parts):
            reached = {at: frozenset({at}) for at in places}
            for part in parts:
                reached = follow(reached, ends(part, word))
            return reached
        case Interleave(parts):
            return {
                at: frozenset(end for end in places if end >= at and shuffled(parts, tuple(word[at:end])))
                for at in places
            }
        case Repeat(body, minimum, maximum):
            table = ends(body, word)
            reached = {at: frozenset({at}) for at in places}
            found = {at: frozenset[int]() for at in places}
            # Beyond the minimum, as many turns as the word has letters reach whatever more would reach.
            most = minimum + len(word) if maximum is None else maximum
            for turn in range(most + 1):
                if turn >= minimum:
                    found = {at: found[at] | reached[at] for at in places}
                reached = follow(reached, table)
            return found
    raise TypeError(behavior)


@cache
def shuffled(parts: tuple[Behavior, ...], word: tuple[str, ...]) -> bool:
    """Whether each position can be given to one part so that every part accepts what it was given, in order."""
    if not parts:
        return not word
    for mask in range(2 ** len(word)):
        mine = tuple(step for i, step in enumerate(word) if mask >> i & 1)
        others = tuple(step for i, step in enumerate(word) if not mask >> i & 1)
        if shuffled(parts[1:], others) and len(mine) in ends(parts[0], mine)[0]:
            return True
    return False


def follow(first: dict[int, frozenset[int]], second: dict[int, frozenset[int]]) -> dict[int, frozenset[int]]:
    return {at: frozenset(end for split in first[at] for end in second[split]) for at in first}


def accepts(behavior: Behavior, word: Sequence[str]) -> bool:
    """Whether the word belongs to the language, from the definition of regular expressions."""
    return len(word) in ends(behavior, tuple(word))[0]


def accepted_by_derivatives(behavior: Behavior, word: Iterable[str]) -> bool:
    for step in word:
        behavior = derivative(behavior, step)
    return nullable(behavior)


def all_derivatives(behavior: Behavior, most: int = 5_000) -> set[Behavior]:
    found, todo = {behavior}, [behavior]
    while todo:
        current = todo.pop()
        for step in first_steps(current):
            after = derivative(current, step)
            if after not in found:
                found.add(after)
                todo.append(after)
        assert len(found) <= most
    return found


# ---- the oracle, by hand


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("a b", ["a b"], ["", "a", "b", "a b b"]),
        ("a | b", ["a", "b"], ["", "a b"]),
        ("a*", ["", "a", "a a a"], ["b", "a b"]),
        ("a+", ["a", "a a"], [""]),
        ("a? b", ["b", "a b"], ["a", "a a b"]),
        ("a{2,3}", ["a a", "a a a"], ["a", "a a a a"]),
        ("a{2}", ["a a"], ["a", "a a a"]),
        ("a{2,}", ["a a", "a a a a"], ["a"]),
        ("a{,2}", ["", "a", "a a"], ["a a a"]),
        ("(a b){1,2}", ["a b", "a b a b"], ["a b a", ""]),
        ("(a?){2}", ["", "a", "a a"], ["a a a"]),
        ("(a? b?){2}", ["", "b a", "a b a b"], ["b a b a"]),
        ("()", [""], ["a"]),
        ("∅", [], ["", "a"]),
        ("a b || c", ["a b c", "a c b", "c a b"], ["", "a b", "b a c", "c b a", "a b c c"]),
        ("a b || a c", ["a b a c", "a a b c", "a a c b", "a c a b"], ["a b c a", "a b c", "b a a c"]),
        ("(a b)* || c?", ["", "c", "a c b", "a b a b c", "a b a c b"], ["c c", "a c", "b a"]),
        ("a || b || c", ["a b c", "c b a", "b a c"], ["a b", "a b c a"]),
        ("a || a", ["a a"], ["a", "a a a"]),
        ("x (a || b){2}", ["x a b a b", "x a b b a", "x b a a b"], ["x a a b b", "x a b", "a b a b"]),
        ("(a | b) || c", ["a c", "c b"], ["a b", "a b c"]),
        ("a{2,3} || b", ["a b a", "b a a a", "a a b"], ["a b", "a a a a b"]),
        ("a (b | ()) a*", ["a", "a b a a"], ["b"]),
    ],
)
def test_oracle_and_derivatives_by_hand(text: str, yes: list[str], no: list[str]) -> None:
    behavior = parse_behavior(text)
    for line in yes + no:
        word = tuple(line.split())
        assert accepts(behavior, word) is (line in yes), line
        assert accepted_by_derivatives(behavior, word) is (line in yes), line


# ---- derivatives against the oracle


@patient
@given(raw_behaviors())
def test_normalising_keeps_the_language(raw: Behavior) -> None:
    behavior = normalised(raw)
    for word in WORDS:
        assert accepts(behavior, word) == accepts(raw, word), word


@patient
@given(raw_behaviors())
def test_derivatives_accept_the_same_words(raw: Behavior) -> None:
    behavior = normalised(raw)

    @cache
    def after(word: tuple[str, ...]) -> tuple[Behavior, Behavior]:
        if not word:
            return raw, behavior
        one, two = after(word[:-1])
        return derivative(one, word[-1]), derivative(two, word[-1])

    for word in WORDS:
        expected = accepts(raw, word)
        assert [nullable(left) for left in after(word)] == [expected, expected], word


@patient
@given(behaviors())
def test_partial_derivatives_are_the_options_of_the_derivative(behavior: Behavior) -> None:
    known: dict[str, Partials] = {step: {} for step in STEPS}
    for value in sorted(all_derivatives(behavior), key=show_behavior)[:6]:
        for step in STEPS:
            ways = partial_derivatives(value, step, known[step])
            assert not any(isinstance(way, Choice | Nothing) for way in ways)
            assert bool(ways) == (step in first_steps(value))
            after = derivative(value, step)
            for word in WORDS[:15]:
                assert any(accepts(way, word) for way in ways) == accepts(after, word), (step, word)


@patient
@given(behaviors(("a", "b", "c"), max_leaves=8), st.lists(st.sampled_from("abc"), max_size=6))
def test_longer_words(behavior: Behavior, word: list[str]) -> None:
    assert accepted_by_derivatives(behavior, word) == accepts(behavior, word)


@patient
@given(behaviors())
def test_first_steps_are_those_with_a_derivative(behavior: Behavior) -> None:
    for step in (*STEPS, "other"):
        assert (step in first_steps(behavior)) == (derivative(behavior, step) != NOTHING)
    assert first_steps(behavior) <= steps_of(behavior)


@patient
@given(behaviors())
def test_derivatives_are_finitely_many_and_normal(behavior: Behavior) -> None:
    for value in all_derivatives(behavior):
        assert normalised(value) == value
        assert parse_behavior(show_behavior(value)) == value


def test_nothing_only_stands_alone() -> None:
    assert concat([A, NOTHING]) == NOTHING
    assert choice([A, NOTHING]) == A
    assert repeat(NOTHING, 0, None) == EMPTY
    assert repeat(NOTHING, 2, 3) == NOTHING


def test_repeats_count_down() -> None:
    assert derivative(repeat(A, 2, 5), "a") == repeat(A, 1, 4)
    assert derivative(repeat(A, 0, 5), "a") == repeat(A, 0, 4)
    assert derivative(repeat(A, 3, None), "a") == repeat(A, 2, None)
    assert derivative(repeat(A, 0, None), "a") == repeat(A, 0, None)
    assert derivative(repeat(A, 0, 1), "a") == EMPTY
    assert derivative(parse_behavior("(a b){2,3} c"), "a") == parse_behavior("b (a b){1,2} c")


def test_a_large_repeat_is_never_unrolled() -> None:
    start = time.perf_counter()
    behavior = parse_behavior("((a b){1000} c){1000}")
    assert behavior.size < 10
    assert len(all_derivatives(parse_behavior("(a b){0,1000}"))) == 2001
    assert time.perf_counter() - start < 5


def test_the_clerk() -> None:
    behavior = parse_behavior(CLERK)
    assert len(all_derivatives(behavior)) == 19
    turn = ["thought", "action", "observation"]
    for turns in range(7):
        word = ["question", *turn * turns, "thought", "answer"]
        assert accepted_by_derivatives(behavior, word) == (turns <= 5)
    after = derivative(derivative(behavior, "question"), "thought")
    assert first_steps(after) == {"action", "answer", "unknown"}
    assert steps_of(behavior) == {"question", "thought", "action", "observation", "answer", "unknown"}


# ---- normal values


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("(a b) c", "a (b c)"),
        ("a | b", "b | a"),
        ("a | (b | a)", "a | b"),
        ("a b | a b", "a b"),
        ("a ()", "a"),
        ("a{1}", "a"),
        ("a{1,1}", "a"),
        ("a{0}", "()"),
        ("a{0,0}", "()"),
        ("a{0,1}", "a?"),
        ("a{0,}", "a*"),
        ("a{1,}", "a+"),
        ("(a*)*", "a*"),
        ("(a?)*", "a*"),
        ("(a+)*", "a*"),
        ("(a*)+", "a*"),
        ("(a?)+", "a*"),
        ("(a*)?", "a*"),
        ("(a?)?", "a?"),
        ("(a*){2,3}", "a*"),
        ("(a?){2,3}", "(a?){0,3}"),
        ("(a* b?){2,3}", "(a* b?){,3}"),
        ("() | a", "a?"),
        ("() | a | b", "(a | b)?"),
        ("a? | b", "a | b?"),
        ("() | a*", "a*"),
        ("a || b", "b || a"),
        ("a || (c || b)", "a || b || c"),
        ("a || ()", "a"),
        ("() || ()", "()"),
        ("a || ∅", "∅"),
        ("b a || (a || b a)", "a || (b a) || (b a)"),
        ("a | ∅", "a"),
        ("a ∅ b", "∅"),
        ("∅*", "()"),
        ("()*", "()"),
        ("(){3}", "()"),
        ("a#b\n c", "a c"),
        ("a(b)c", "a b c"),
        ("a\t|\r\nb", "a | b"),
    ],
)
def test_same_value(one: str, two: str) -> None:
    assert parse_behavior(one) == parse_behavior(two)
    assert hash(parse_behavior(one)) == hash(parse_behavior(two))


@pytest.mark.parametrize(
    ("behavior", "text"),
    [
        (parse_behavior(CLERK), CLERK),
        (parse_behavior("(a | b) c | d*"), "(a | b) c | d*"),
        (parse_behavior("(a b)+ (c){3} d{2,} e{1,4} (f | g)?"), "(a b)+ c{3} d{2,} e{1,4} (f | g)?"),
        (parse_behavior("(a{2}){3}"), "(a{2}){3}"),
        (parse_behavior("x (c d || a b) y"), "x (a b || c d) y"),
        (parse_behavior("(b | a) || (c || d)*"), "(c || d)* || (a | b)"),
        (parse_behavior("(b || a) | c d"), "(a || b) | c d"),
        (Interleave(()), "()"),
        (Interleave((A, Interleave((B, C)))), "a || (b || c)"),
        (EMPTY, "()"),
        (NOTHING, "∅"),
        (Concat(()), "()"),
        (Choice(()), "∅"),
    ],
)
def test_shown(behavior: Behavior, text: str) -> None:
    assert show_behavior(behavior) == text


@patient
@given(behaviors(("a", "b", "look-first"), max_leaves=12))
def test_round_trip(behavior: Behavior) -> None:
    assert parse_behavior(show_behavior(behavior)) == behavior
    assert pickle.loads(pickle.dumps(behavior)) == behavior


@patient
@given(st.lists(behaviors(), max_size=4), st.randoms())
def test_choice_is_associative_commutative_and_idempotent(options: list[Behavior], rng: Random) -> None:
    shuffled = list(options)
    rng.shuffle(shuffled)
    assert choice(shuffled) == choice(options)
    assert choice([*options, *options]) == choice(options)
    assert choice([choice(options[:2]), choice(options[2:])]) == choice(options)


@patient
@given(st.lists(behaviors(), max_size=4), st.randoms())
def test_interleaving_is_associative_and_commutative(parts: list[Behavior], rng: Random) -> None:
    shuffled = list(parts)
    rng.shuffle(shuffled)
    assert interleave(shuffled) == interleave(parts)
    assert interleave([interleave(parts[:2]), interleave(parts[2:])]) == interleave(parts)


def test_interleaving_is_not_idempotent() -> None:
    assert interleave([A, A]) == Interleave((A, A))
    assert derivative(interleave([A, A]), "a") == A


@pytest.mark.parametrize(("minimum", "maximum"), [(-1, 2), (3, 2), (0, -1)])
def test_impossible_bounds(minimum: int, maximum: int) -> None:
    with pytest.raises(ValueError, match="bounds"):
        repeat(A, minimum, maximum)


def test_nullable() -> None:
    assert nullable(EMPTY)
    assert not nullable(NOTHING)
    assert not nullable(A)
    assert nullable(Concat((repeat(A, 0, 2), repeat(B, 0, None))))
    assert not nullable(Concat((repeat(A, 0, 2), B)))
    assert nullable(Choice((A, EMPTY)))
    assert nullable(Repeat(EMPTY, 3, 3))
    assert nullable(Interleave((EMPTY, repeat(A, 0, 1))))
    assert not nullable(Interleave((A, repeat(A, 0, 1))))


# ---- errors


@pytest.mark.parametrize(
    ("text", "line", "column", "fragment"),
    [
        ("", 1, 1, "empty behavior; expected a step"),
        ("  # nothing here\n", 1, 1, "empty behavior"),
        ("(a", 1, 1, "'(' is never closed"),
        ("a\n (b (c)", 2, 2, "'(' is never closed"),
        ("a)", 1, 2, "unbalanced ')'"),
        ("(a))", 1, 4, "unbalanced ')'"),
        ("a |", 1, 4, "expected a step or '(', found the end"),
        ("a | # or\n", 1, 4, "found the end"),
        ("| a", 1, 1, "expected a step or '(', found '|'"),
        ("a || b | c", 1, 8, "'|' beside '||'; put parentheses around what belongs together"),
        ("a | (b || c) || d", 1, 14, "'||' beside '|'"),
        ("|| a", 1, 1, "expected a step or '(', found '||'"),
        ("a ||", 1, 5, "expected a step or '(', found the end"),
        ("a ||| b", 1, 5, "expected a step or '(', found '|'"),
        ("a |  | b", 1, 6, "expected a step or '(', found '|'"),
        ("(a |)", 1, 5, "found ')'"),
        ("*", 1, 1, "'*' repeats nothing"),
        ("a | +", 1, 5, "'+' repeats nothing"),
        ("(?)", 1, 2, "'?' repeats nothing"),
        ("a**", 1, 3, "'*' after a repetition; put parentheses"),
        ("a{2}?", 1, 5, "'?' after a repetition"),
        ("a{2}{3}", 1, 5, "'{' after a repetition"),
        ("a{3,2}", 1, 5, "empty bounds {3,2}"),
        ("a{}", 1, 3, "expected a number or ',', found '}'"),
        ("a{,}", 1, 4, "expected a number, found '}'"),
        ("a{x}", 1, 3, "found 'x'"),
        ("a{1;2}", 1, 4, "expected ',' or '}', found ';'"),
        ("a{1,2", 1, 6, "expected '}', found the end"),
        ("a{1,b}", 1, 5, "expected a number or '}', found 'b'"),
        ("a{1001}", 1, 3, "bound '1001' is too large; at most 1000"),
        ("a{1,1001}", 1, 5, "bound '1001' is too large"),
        ("a{" + "9" * 5000 + "}", 1, 3, "too large"),
        ("a -> b", 1, 3, "found '-'"),
        ("a\n  & b", 2, 3, "expected a step, '|', '||', '(', ')' or a repetition, found '&'"),
        ("a 5", 1, 3, "found '5'"),
        ("a }", 1, 3, "found '}'"),
        ("a\u200b", 1, 2, "\\u200b"),
        ("(" * 201 + "a" + ")" * 201, 1, 201, "nested deeper than 200"),
        ("(" * 90_000, 1, 201, "nested deeper than 200"),
    ],
)
def test_syntax_errors(text: str, line: int, column: int, fragment: str) -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_behavior(text)
    problem = caught.value
    assert fragment in problem.message
    assert problem.location is not None
    assert (problem.location.line, problem.location.column) == (line, column)
    assert problem.location.source == "<behavior>"


def test_places_count_from_where_the_text_starts() -> None:
    with pytest.raises(SyntaxProblem) as caught:
        parse_behavior("a &", source="clerk.yaml", line=3, column=12)
    assert str(caught.value) == (
        "clerk.yaml:3:14: expected a step, '|', '||', '(', ')' or a repetition, found '&'\n"
        "    " + " " * 11 + "a &\n"
        "    " + " " * 13 + "^"
    )


@pytest.mark.parametrize("unit", ["a ", "(", "a|", "a{2} ", "#", "\n", "é"])
def test_a_megabyte_is_refused_at_once(unit: str) -> None:
    start = time.perf_counter()
    with pytest.raises(SyntaxProblem, match="characters; at most"):
        parse_behavior(unit * (1_000_000 // len(unit)))
    assert time.perf_counter() - start < 1


def test_deep_behaviors_need_no_stack() -> None:
    behavior: Behavior = A
    for _ in range(3_000):
        behavior = Repeat(Concat((behavior, B)), 0, 2)
    assert nullable(behavior)
    assert first_steps(behavior) == {"a", "b"}
    assert len(show_behavior(behavior)) > 3_000
    nested = parse_behavior("(" * 200 + "a" + " b)+" * 200)
    assert first_steps(derivative(nested, "a")) == {"b"}


@patient
@given(st.text(alphabet="ab|*+?{},()01 \n#&", max_size=20))
def test_any_text_is_a_behavior_or_a_syntax_problem(text: str) -> None:
    read = read_or_problem(text)
    if isinstance(read, SyntaxProblem):
        assert read.location is not None
        assert 1 <= read.location.line <= text.count("\n") + 1
        assert 1 <= read.location.column <= len(text) + 1
    else:
        assert parse_behavior(show_behavior(read)) == read


def read_or_problem(text: str) -> Behavior | SyntaxProblem:
    try:
        return parse_behavior(text)
    except SyntaxProblem as problem:
        return problem
