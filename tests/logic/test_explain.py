"""Explanations: what they cite forces the verdict, and they cite little more than the least that does."""

from __future__ import annotations

import random
from itertools import chain, combinations, product

import pytest

from agentspec import limits
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.explain import Explanation, Fact, explain
from agentspec.logic.formula import (
    FALSE,
    PAST,
    TRUE,
    Always,
    And,
    Atom,
    Eventually,
    Formula,
    Iff,
    Implies,
    Last,
    Next,
    Not,
    Or,
    Release,
    StrongRelease,
    Until,
    WeakNext,
    WeakUntil,
    Xor,
    subformulas,
)
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds
from agentspec.logic.truth import truth

NAMES = ("a", "b")
UNARY = [Not, Next, WeakNext, Eventually, Always, *PAST[:4]]
BINARY = [Implies, Iff, Xor, Until, WeakUntil, Release, StrongRelease, *PAST[4:]]
LEAVES = [*map(Atom, NAMES), *map(Atom, NAMES), Last(), TRUE, FALSE]
Word = list[set[str]]


def random_formula(rng: random.Random, size: int) -> Formula:
    if size <= 1:
        return rng.choice(LEAVES)
    if rng.random() < 0.45:
        return rng.choice(UNARY)(random_formula(rng, size - 1))
    left = rng.randrange(1, size)
    parts = random_formula(rng, left), random_formula(rng, size - left)
    return rng.choice((And, Or))(parts) if rng.random() < 0.4 else rng.choice(BINARY)(*parts)


def random_word(rng: random.Random, length: int) -> Word:
    return [{name for name in NAMES if rng.random() < 0.5} for _ in range(length)]


def respected(facts: set[Fact], word: Word) -> bool:
    return all((fact.proposition in word[fact.position]) == fact.holds for fact in facts)


def words_with(facts: set[Fact], length: int) -> list[Word]:
    """Every word of the length in which the facts hold."""
    every = product([set(), {"a"}, {"b"}, {"a", "b"}], repeat=length)
    return [list(word) for word in every if respected(facts, list(word))]


def test_the_facts_alone_force_the_verdict() -> None:
    """Everything that is not cited may be anything: on all such words of up to three letters, on samples beyond."""
    rng = random.Random(1)
    for round_number in range(700):
        formula = random_formula(rng, rng.randrange(1, 12))
        word = random_word(rng, rng.randrange(1, 4) if round_number % 2 else rng.randrange(4, 9))
        found = explain(formula, word)
        facts = set(found.facts)
        assert found.holds == holds(formula, word)
        assert respected(facts, word)
        if len(word) < 4:
            others = words_with(facts, len(word))
        else:
            others = [random_word(rng, len(word)) for _ in range(25)]
            for other in others:
                for fact in facts:
                    (other[fact.position].add if fact.holds else other[fact.position].discard)(fact.proposition)
        for other in others:
            assert holds(formula, other) == found.holds, (formula, word, facts, other)


def test_little_more_is_cited_than_the_least_that_forces_it() -> None:
    """Against the smallest forcing set, found by trying all: mostly that small, never smaller."""
    rng = random.Random(2)
    extra = []
    for _ in range(400):
        formula, word = random_formula(rng, rng.randrange(1, 7)), random_word(rng, 3)
        found = explain(formula, word)
        every = [Fact(i, name, name in word[i]) for i in range(3) for name in NAMES]
        by_size = chain.from_iterable(combinations(every, size) for size in range(len(every) + 1))
        least = next(
            len(facts)
            for facts in by_size
            if all(holds(formula, other) == found.holds for other in words_with(set(facts), 3))
        )
        assert len(found.facts) >= least
        extra.append(len(found.facts) - least)
    assert sum(more == 0 for more in extra) >= 0.8 * len(extra)
    assert sum(extra) <= 0.35 * len(extra)


def test_the_truth_of_every_part_is_that_of_the_definitions() -> None:
    rng = random.Random(3)
    for _ in range(300):
        formula, word = random_formula(rng, rng.randrange(1, 12)), random_word(rng, rng.randrange(1, 7))
        table = truth(formula, word)
        for part in subformulas(formula):
            assert [holds(part, word, here) for here in range(len(word))] == list(table[part])


def test_where_no_end_is_cited_any_longer_word_is_the_same() -> None:
    """What does not cite the end is decided for every continuation."""
    rng = random.Random(4)
    tried = 0
    for _ in range(1500):
        formula, word = random_formula(rng, rng.randrange(1, 10)), random_word(rng, rng.randrange(1, 6))
        found = explain(formula, word)
        if not found.ends and not any(isinstance(part, Last) for part in subformulas(formula)):
            tried += 1
            longer = word[: found.position + 1] + random_word(rng, 3)
            assert len(longer) < len(word) or holds(formula, longer) == found.holds, (formula, word, longer)
    assert tried > 300


def facts(found: Explanation) -> list[str]:
    return [f"{'' if fact.holds else '!'}{fact.proposition}@{fact.position}" for fact in found.facts]


@pytest.mark.parametrize(
    ("text", "word", "cited", "culprit", "position", "ends"),
    [
        ("G(a -> F b)", ["", "a", "b", "", "a", ""], ["a@4", "!b@4", "!b@5"], "a -> F b", 5, True),
        ("!a W b", ["", "", "a", "b"], ["!b@0", "!b@1", "a@2", "!b@2"], "!a W b", 2, False),
        ("G(b -> O a)", ["", "b", "a"], ["!a@0", "!a@1", "b@1"], "b -> O a", 1, False),
        ("G(a -> N !b)", ["a", "", "a", "b"], ["a@2", "b@3"], "a -> N !b", 3, False),
        ("G(a -> Y b)", ["b", "a", "a"], ["!b@1", "a@2"], "a -> Y b", 2, False),
        ("G(b -> (!a S c))", ["c", "a", "", "b"], ["a@1", "!c@1", "!c@2", "b@3", "!c@3"], "b -> !a S c", 3, False),
        ("F a", ["", "a", "a"], ["a@1"], "a", 1, False),
        ("F b", ["a"], ["!b@0"], "F b", 0, True),
        ("G a & F b", ["a", ""], ["!a@1"], "a", 1, False),
        ("last", ["", ""], [], "last", 0, False),
    ],
)
def test_what_is_cited(text: str, word: list[str], cited: list[str], culprit: str, position: int, ends: bool) -> None:
    found = explain(parse_formula(text), [set(letter) for letter in word])
    assert facts(found) == sorted(cited, key=lambda fact: (int(fact.split("@")[1]), fact.lstrip("!")))
    assert found.culprit == parse_formula(culprit)
    assert (found.position, found.ends) == (position, ends)


def test_the_sentences_say_it_in_order() -> None:
    found = explain(parse_formula("G(a -> F b)"), [set(), {"a"}, {"b"}, {"a"}, set(), set()])
    assert found.sentences(lambda i: i + 1, noun="step") == [
        "`G(a -> F b)` does not hold at step 1: `a -> F b` does not hold at step 4",
        "`a -> F b` does not hold at step 4: `a` holds at step 4 and `F b` does not hold at step 4",
        "`F b` does not hold at step 4: `b` does not hold from step 4 to the end",
    ]
    alone = explain(parse_formula("G(a -> F b)"), [{"a"}])
    assert (
        alone.sentences()[-1]
        == "`F b` does not hold at position 0: `b` does not hold at position 0 and the trace ends there"
    )


def test_long_words_and_deep_formulas() -> None:
    long = explain(parse_formula("G(a -> F b)"), [{"a", "b"}] * 5_000)
    assert long.holds
    assert len(long.sentences()) <= 13
    deep = parse_formula("a")
    for _ in range(10_000):
        deep = Next(Not(deep))
    assert not explain(deep, [{"a"}]).holds


def test_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="non-empty"):
        explain(Atom("a"), [])
    monkeypatch.setattr(limits, "EXPLAINED_LOOKS", 10)
    with pytest.raises(TooLarge, match="shorter part"):
        explain(parse_formula("G(a -> F b)"), [{"a"}] * 5)
