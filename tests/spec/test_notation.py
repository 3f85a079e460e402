"""The notation of Crouse et al.: its language by the definition, and what is said of what it does not tell."""

from __future__ import annotations

import time
from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.errors import AgentSpecError
from agentspec.logic.behavior import derivative, nullable, show_behavior
from agentspec.spec.load import load_text
from agentspec.spec.notation import imported

REACT = """\
# a comment
(define react-agent
    (:states
        (Ques (:text "[Question]"))
        (Tht (:text "[Thought]"))
        (Act (:text "[Action]") (:output-constrs "Search" "Lookup"))
        (Act-Inp (:text "[Action Input]"))
        (Obs (:text "[Observation]") (:flags :env-input))   # of a tool
        (Final-Tht (:text "[Final Thought]"))
        (Ans (:text "[Answer]") (:output-constrs "yes" "no")))
    (:behavior (next Ques (until_5 (next Tht Act Act-Inp Obs) Final-Tht) Ans)))
"""


def test_react_becomes_a_spec() -> None:
    (found,) = imported(REACT, "react.txt")
    spec = load_text(found.yaml).spec
    assert found.name == spec.name == "react-agent"
    assert show_behavior(spec.behavior) == "Ques (Tht Act Act-Inp Obs){0,5} Final-Tht Ans"
    assert 'Ques: {by: user, cue: "[Question]"}' in found.yaml
    assert 'Obs: {by: tool, cue: "[Observation]"}' in found.yaml
    assert 'Act: {by: model, cue: "[Action]", tool: name}' in found.yaml
    assert 'Act-Inp: {by: model, cue: "[Action Input]", tool: arguments}' in found.yaml
    assert 'Ans: {by: model, cue: "[Answer]", choice: ["yes", "no"]}' in found.yaml
    assert any("Search, Lookup" in note for note in found.notes)
    assert all(f"# {note}\n" in found.yaml for note in found.notes)


# The language ---------------------------------------------------------------------------------------------------------


def words(form: object, most: int) -> set[tuple[str, ...]]:
    """The words of at most so many letters that a formula describes, put together from those of its parts."""
    if isinstance(form, str):
        return {(form,)} if most >= 1 else set()
    assert isinstance(form, tuple)
    head, *given = form
    parts = [words(one, most) for one in given]
    if head == "or":
        return set().union(*parts)
    if head == "next":
        found: set[tuple[str, ...]] = {()}
        for part in parts:
            found = {a + b for a in found for b in part if len(a + b) <= most}
        return found
    numbers = [int(number) for number in head.split("_")[1:]]
    least, top = (numbers if len(numbers) == 2 else [0, *numbers]) if numbers else (0, most)
    rounds: set[tuple[str, ...]] = {()}
    ends: set[tuple[str, ...]] = set()
    for turn in range(top + 1):
        if turn >= least:
            ends |= {a + b for a in rounds for b in parts[1] if len(a + b) <= most}
        rounds = {a + b for a in rounds for b in parts[0] if len(a + b) <= most}
    return ends


def draw(rng: Random, size: int) -> object:
    if size <= 1:
        return rng.choice("abc")
    head = rng.choice(["next", "next", "or", "or", "until", f"until_{rng.randrange(4)}", "until_1_2"])
    count = 2 if head.startswith("until") else rng.randint(1, 3)
    return (head, *(draw(rng, (size - 1) // count) for _ in range(count)))


def shown(form: object) -> str:
    return form if isinstance(form, str) else f"({' '.join(map(shown, form))})"  # type: ignore[attr-defined]


def spec_of(behavior: str, states: str = "qabc") -> str:
    listed = " ".join(f'({name} (:text "[{name}]"))' for name in states)
    return f"(define x (:states {listed}) (:behavior {behavior}))"


def accepts(behavior: object, word: tuple[str, ...]) -> bool:
    for letter in word:
        behavior = derivative(behavior, letter)  # type: ignore[arg-type]
    return nullable(behavior)  # type: ignore[arg-type]


def accepted(behavior: object, most: int) -> set[tuple[str, ...]]:
    """The words up to a length that a behavior accepts, each read on from the word one letter shorter."""
    found, reached = set(), {(): behavior}
    for _ in range(most + 1):
        found |= {word for word, rest in reached.items() if nullable(rest)}  # type: ignore[arg-type]
        reached = {(*word, letter): derivative(rest, letter) for word, rest in reached.items() for letter in "abc"}  # type: ignore[arg-type]
    return found


def test_the_language_is_that_of_the_definition() -> None:
    several = 0
    for seed in range(60):
        form = draw(Random(seed), 9)
        (found,) = imported(spec_of(f"(next q {shown(form)})"), "x")
        behavior = derivative(load_text(found.yaml).spec.behavior, "q")
        wanted = words(form, 6)
        assert accepted(behavior, 6) == wanted, (shown(form), found.yaml)
        several += len(wanted) > 3
    assert several > 20


def ends(form: object, text: str, loop: int, at: frozenset[int]) -> frozenset[int]:
    """Where a word that begins at one of the places may end in a text without an end, which goes on at ``loop``."""
    if isinstance(form, str):
        return frozenset(place + 1 if place + 1 < len(text) else loop for place in at if text[place] == form)
    assert isinstance(form, tuple)
    head, *given = form
    if head == "or":
        return frozenset().union(*(ends(one, text, loop, at) for one in given))
    if head == "next":
        for one in given:
            at = ends(one, text, loop, at)
        return at
    numbers = [int(number) for number in head.split("_")[1:]]
    least, top = (numbers if len(numbers) == 2 else [0, *numbers]) if numbers else (0, 2 * len(text))
    reached: frozenset[int] = frozenset()
    for turn in range(top + 1):
        reached |= at if turn >= least else frozenset()
        at = ends(given[0], text, loop, at)
    return ends(given[1], text, loop, reached)


def goes_on(form: object, text: str, loop: int, at: frozenset[int]) -> bool:
    """Whether some run of the formula that never ends begins at one of the places."""
    assert isinstance(form, tuple)
    head, *given = form
    if head == "or":
        return any(goes_on(one, text, loop, at) for one in given)
    if head == "next":
        return goes_on(given[-1], text, loop, ends(("next", *given[:-1]), text, loop, at))
    if head == "always":  # so many rounds come to a place a second time
        for _ in range(len(text) + 1):
            at = ends(given[0], text, loop, at)
        return bool(at)
    return goes_on(given[1], text, loop, ends((head, given[0], ("next",)), text, loop, at))


def draw_endless(rng: Random, size: int) -> object:
    if size <= 2:
        return ("always", draw(rng, 4))
    head = rng.choice(["next", "or", "until", "until_2", "until_1_2", "always"])
    if head == "always":
        return (head, draw(rng, size - 1))
    first = draw_endless(rng, size // 2) if head == "or" else draw(rng, size // 2)
    return (head, first, draw_endless(rng, size // 2))


def test_the_language_without_an_end_is_that_of_the_definition() -> None:
    lassos = {("".join(u), "".join(v)) for m in range(2) for n in (1, 2, 3)
              for u in product("abc", repeat=m) for v in product("abc", repeat=n)}  # fmt: skip
    accepted = refused = exact = 0
    for seed in range(80):
        form = draw_endless(Random(seed), 7)
        if seed % 2:
            form = once(form, list("abc"))
        (found,) = imported(spec_of(f"(next q {shown(form)})"), "x")
        behavior = derivative(load_text(found.yaml).spec.behavior, "q")
        for before, loop in sorted(lassos):
            wanted = goes_on(form, before + loop, len(before), frozenset({0}))
            here = again_and_again(behavior, before, loop)
            noted = any("for ever in the rounds" in note for note in found.notes)
            assert here == wanted or (here and noted), (shown(form), before, loop, found.yaml)
            accepted, refused, exact = accepted + wanted, refused + (not wanted), exact + (not noted)
    assert min(accepted, refused, exact) > 400


def once(form: object, left: list[str]) -> object:
    """The formula with its states named anew, each once as long as there are some left."""
    if isinstance(form, str):
        return left.pop(0) if left else form
    assert isinstance(form, tuple)
    return (form[0], *(once(one, left) for one in form[1:]))


@pytest.mark.parametrize(
    ("behavior", "before", "loop", "wanted"),
    [
        ("(next q (until a (always b)))", "aa", "b", True),
        ("(next q (until a (always b)))", "aa", "a", False),  # the rounds of an until end
        ("(always (next q (until a b)))", "a", "bqa", True),
        ("(always (next q (until a b)))", "a", "a", False),
        ("(next q (or (always a) (always b)))", "a", "b", False),
    ],
)
def test_sessions_without_doubt(behavior: str, before: str, loop: str, wanted: bool) -> None:
    (found,) = imported(spec_of(behavior), "x")
    assert again_and_again(derivative(load_text(found.yaml).spec.behavior, "q"), before, loop) == wanted
    assert not any("for ever" in note for note in found.notes)


def again_and_again(behavior: object, before: str, loop: str) -> bool:
    """Whether infinitely many beginnings of a text without an end are words."""
    for letter in before:
        behavior = derivative(behavior, letter)  # type: ignore[arg-type]
    seen: dict[object, int] = {}
    word: list[bool] = []
    while behavior not in seen:
        seen[behavior] = len(word)
        here = False
        for letter in loop:
            behavior = derivative(behavior, letter)  # type: ignore[arg-type]
            here |= nullable(behavior)  # type: ignore[arg-type]
        word.append(here)
    return any(word[seen[behavior] :])


@pytest.mark.parametrize(
    ("behavior", "word"),
    [
        ("(next q (or (next a b) (next a c)))", "qac"),  # not decided by the first letter
        ("(next q (until a (next a b)) c)", "qaaabc"),  # an exit that begins like a round
        ("(next q (until_1_2 (or a b) c))", "qabc"),
    ],
)
def test_it_is_not_greedy(behavior: str, word: str) -> None:
    (found,) = imported(spec_of(behavior), "x")
    assert accepts(load_text(found.yaml).spec.behavior, tuple(word))


def test_always_is_a_session_without_an_end() -> None:
    (found,) = imported(spec_of("(always (next q a))", "qa"), "x")
    assert "semantics: infinite" in found.yaml
    assert show_behavior(load_text(found.yaml).spec.behavior) == "(q a)+"


# Who writes what ------------------------------------------------------------------------------------------------------


def roles(behavior: str, **more: str) -> str:
    states = {"q": "", "think": "", "act": "", "inp": "", "obs": "(:flags :env-input)", "say": ""} | more
    listed = " ".join(f'({name} (:text "<{name}>") {text})' for name, text in states.items() if name in behavior)
    (found,) = imported(f"(define x (:states {listed}) (:behavior {behavior}))", "x")
    return found.yaml


def test_a_call_is_told_by_what_stands_before_an_observation() -> None:
    assert 'act: {by: model, cue: "<act>", tool: call}' in roles("(next q (until (next think act obs) say))")
    both = roles("(next q (until (next think act inp obs) say))")
    assert 'act: {by: model, cue: "<act>", tool: name}' in both
    assert 'inp: {by: model, cue: "<inp>", tool: arguments}' in both
    several = roles("(next q (until (next think (until (next act inp) obs)) say))")  # as in PASS
    assert 'think: {by: model, cue: "<think>", text: {max_chars: 400}}' in several
    assert 'inp: {by: model, cue: "<inp>", tool: arguments}' in several


def test_a_constraint_cannot_leave_its_comment() -> None:
    text = roles("(next q act obs say)", act='(:output-constrs "a\nrules: 1")')
    assert load_text(text).spec.steps.keys() == {"q", "act", "obs", "say"}
    assert "\nrules" not in text


# What is wrong --------------------------------------------------------------------------------------------------------

GOOD = '(a (:text "[a]"))'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x:1:1: there is no (define"),
        ("hello", "x:1:1: (define NAME"),
        ("(define", "x:1:1: this ( is never closed"),
        ("(define x)\n)", "x:2:1: this ) closes nothing"),
        ('(define x (:states (a (:text "[a]))', "x:1:30: this string has no end"),
        ("(define 1x)", "x:1:9: '1x' is no name"),
        ("(define x)", "has no (:states"),
        (f"(define x (:states {GOOD}))", "has no (:behavior"),
        (f"(define x (:states {GOOD}) (:states {GOOD}))", "there is a second :states"),
        (f"(define x (:states {GOOD}) (:foo a))", "':foo'"),
        (f"(define x (:states {GOOD} {GOOD}) (:behavior a))", "x:1:38: the state 'a' is there twice"),
        (f"(define x (:states {GOOD}) (:behavior))", "one formula is expected, not 0"),
        (f"(define x (:states {GOOD}) (:behavior a a))", "one formula is expected, not 2"),
        (f"(define x (:states {GOOD}) (:behavior (next a b)))", "x:1:58: unknown state 'b'"),
        (f"(define x (:states {GOOD}) (:behavior (nxt a)))", "x:1:50: unknown operator 'nxt'; the operators are next"),
        (f"(define x (:states {GOOD}) (:behavior (until a)))", "until takes a round and an exit, not 1"),
        (f"(define x (:states {GOOD}) (:behavior (next)))", "next takes formulas, not 0"),
        (f"(define x (:states {GOOD}) (:behavior (until_9_2 a a)))", "9 is more than 2"),
        (f"(define x (:states {GOOD}) (:behavior (until_{'9' * 30} a a)))", "at most 1000 rounds"),
        (f"(define x (:states {GOOD}) (:behavior (next (always a) a)))", "x:1:56: always has no end"),
        ("(define x (:states (a)) (:behavior a))", "x:1:20: the state 'a' has no (:text"),
        ('(define x (:states (a (:txt "[a]"))) (:behavior a))', "':txt' of the state 'a' is not known"),
        ('(define x (:states (a (:text "[a]") (:flags :env))) (:behavior a))', "the flag ':env' is not known"),
        (
            '(define x (:states (a (:text "[a]") (:flags :env-input) (:output-constrs "b"))) (:behavior a))',
            "comes from outside",
        ),
        ('(define x (:states (a (:text "[a]")) (b (:text "[b]"))) (:behavior (or a b)))', "may begin with a, b"),
        (
            '(define x (:states (a (:text "[a]")) (b (:text "a\nb"))) (:behavior (next a b)))',
            "x:1:39: 'b' has no form in a spec of ours: a cue is printable",
        ),
        ("(" * 10_000 + ")" * 10_000, f"x:1:{limits.NOTATION_DEPTH + 1}: lists nest deeper than"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text: str, message: str) -> None:
    with pytest.raises(AgentSpecError) as problem:
        imported(text, "x")
    assert message in str(problem.value)


def test_a_megabyte_is_read_in_time() -> None:
    many = " ".join(f'(s{i} (:text "[s{i}]"))' for i in range(3000))
    (found,) = imported(spec_of("(next q a)") + "#" + "x" * 900_000, "x")
    assert found.name == "x"
    with pytest.raises(AgentSpecError, match="never closed"):
        imported(f"(define x (:states {many}", "x")


OUTSIDE = '(o (:text "[o]") (:flags :env-input))'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (spec_of("(next q o)").replace("(b ", f"{OUTSIDE} (b ", 1), "x:1:57: the state 'o' comes from outside"),
        (spec_of("(next q a o o)").replace("(b ", f"{OUTSIDE} (b ", 1), "o before o"),
        (spec_of("(next q (until (next a o) a))").replace("(b ", f"{OUTSIDE} (b ", 1), "no run has a at the end"),
        (spec_of("(next q (or a (always b)))"), "some runs would end and others never"),
        (spec_of("(next q ())"), "a formula begins with a bare operator"),
        (spec_of('(next q ("or" a b))'), "a formula begins with a bare operator"),
        (spec_of("a").replace('(:text "[b]")', ":text"), "parentheses are expected around :text"),
        (spec_of(f"(next q {'z' * 100_000})"), f"unknown state '{'z' * 59}…'"),
        (spec_of(f"(next q {'a ' * 200_000})"), "more than 20000 words"),
        ("".join(spec_of("q", f"q{'abcdefgh'[: i % 8]}").replace("x", f"x{i}") for i in range(101)), "than 100 ag"),
        (f"(define x (:states {' '.join(f'(s{i} (:text s{i}))' for i in range(501))}) (:behavior s1))", "than 500 st"),
    ],
)  # fmt: skip
def test_what_is_odd_is_told(text: str, message: str) -> None:
    try:
        told = "\n".join(note for one in imported(text, "x") for note in one.notes)
    except AgentSpecError as problem:
        told = str(problem)
    assert message in told
    assert len(told) < 500 or "z" not in message


def test_words_that_yaml_takes_for_something_else() -> None:
    states = " ".join(f'({name} (:text "[{name}]"))' for name in ("q", "null", "True", "no", "on", "next", "or"))
    (found,) = imported(f"(define true (:states {states}) (:behavior (next q null True no on next or)))", "x")
    spec = load_text(found.yaml).spec
    assert (spec.name, show_behavior(spec.behavior)) == ("true", "q null True no on next or")


def test_as_much_as_may_be_is_read_in_time() -> None:
    """As many states as may be, each beside each: what may follow what is a quarter of a million of pairs."""
    names = [f"s{i}" for i in range(500)]
    states = " ".join(f"({name} (:text {name}))" for name in names)
    every = f"(or {' '.join(names[1:])})"
    began = time.process_time()
    imported(f"(define x (:states {states}) (:behavior (next s0 {every} {every} {every})))", "x")
    assert time.process_time() - began < 20


pieces = st.sampled_from(
    ["(", "(", ")", ")", "define", "x", ":states", ":behavior", ":text", ":flags", ":env-input", ":output-constrs",
     '"[A]"', '"', "next", "or", "until", "until_2", "until_2_1", "always", "q", "a", "\\", "#", ";", "\n", "\0", "é"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(pieces, max_size=40), st.integers(0, 200), st.integers(0, 30), st.sampled_from([" ", ""]))
def test_any_text_is_imported_or_refused_with_its_place(new: list[str], at: int, cut: int, between: str) -> None:
    """Rubble, and a sound text with rubble in it."""
    rubble = between.join(new)
    for text in (rubble, REACT[: 3 * at] + rubble + REACT[3 * at + cut :]):
        found, place = [], None
        try:
            found = imported(text, "x")
        except AgentSpecError as problem:
            place = problem.location
        assert found or (place is not None and 1 <= place.line <= text.count("\n") + 1)
        assert [load_text(one.yaml).spec.name for one in found] == [one.name for one in found]
