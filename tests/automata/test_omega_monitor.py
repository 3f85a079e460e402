"""Rules of sessions over a spec's letters: marks, views, what is lost and settled, against their meaning on lassos."""

from __future__ import annotations

from random import Random

import pytest

from agentspec.automata.letter import Letter, Owner
from agentspec.automata.omega_monitor import OmegaMonitor
from agentspec.checking.compile_session import CompiledSession, session_monitor
from agentspec.logic.formula import Formula
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds, holds_on_lasso, holds_on_nothing
from agentspec.spec.model import Rule
from agentspec.spec.rule import sees
from tests.checking.agents import compiled

LETTERS = [
    Letter(frozenset(true), frozenset("abc") - frozenset(true), true[0], Owner.MODEL) for true in ("a", "ac", "b", "c")
]
FORMULAS = [
    "G(a -> F b)", "G F a", "F G !b", "F a", "a W c", "G !c", "a U b", "G F a & G F b", "F G a | G F c", "G(b -> X a)",
    "F(a & X b)", "G(c -> F(a & X F b))", "G F a -> G F b", "X X a", "G(b -> O a)", "G F (b & Y a)", "true", "false",
    "(G F a) & F G !c", "F b & G(a -> X !a)",
]  # fmt: skip
VIEWS = [None, ("a", "b"), ("b",)]


def monitor(text: str, view: tuple[str, ...] | None) -> OmegaMonitor:
    rule = Rule("r", parse_formula(text), text, "", "block", view=view)
    return session_monitor(rule, LETTERS)


def true_on(formula: Formula, view: tuple[str, ...] | None, prefix: list[Letter], loop: list[Letter]) -> bool:
    """The rule's meaning: on the steps it sees; where these are finitely many, as a finite word."""

    def seen(word: list[Letter]) -> list[frozenset[str]]:
        return [letter.true for letter in word if view is None or sees(view, letter)]

    if seen(loop):
        return holds_on_lasso(formula, seen(prefix), seen(loop))
    return holds(formula, seen(prefix)) if seen(prefix) else holds_on_nothing(formula)


def accepts(judge: OmegaMonitor, prefix: list[Letter], loop: list[Letter]) -> bool:
    state: int | None = judge.initial
    for letter in prefix:
        state = None if state is None else judge.step(state, letter)
    seen: dict[int | None, int] = {}
    rounds: list[frozenset[int]] = []
    while state not in seen:
        seen[state] = len(rounds)
        marks: frozenset[int] = frozenset()
        for letter in loop:
            if state is None or (after := judge.step(state, letter)) is None:
                return False
            marks |= judge.marks(state, letter)
            state = after
        rounds.append(marks)
    return judge.acceptance.accepts(frozenset().union(*rounds[seen[state] :]))


def lasso(rng: Random) -> tuple[list[Letter], list[Letter]]:
    return rng.choices(LETTERS, k=rng.randint(0, 4)), rng.choices(LETTERS, k=rng.randint(1, 4))


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("text", FORMULAS)
def test_the_marks_say_what_the_rule_means(text: str, view: tuple[str, ...] | None) -> None:
    judge, formula, rng = monitor(text, view), parse_formula(text), Random(text)
    for _ in range(150):
        prefix, loop = lasso(rng)
        told = [str(letter) for letter in prefix], [str(letter) for letter in loop]
        assert accepts(judge, prefix, loop) == true_on(formula, view, prefix, loop), told


@pytest.mark.parametrize("view", VIEWS, ids=str)
@pytest.mark.parametrize("text", FORMULAS)
def test_what_is_lost_and_settled_is(text: str, view: tuple[str, ...] | None) -> None:
    judge, formula, rng = monitor(text, view), parse_formula(text), Random(text)
    for _ in range(15):
        prefix = rng.choices(LETTERS, k=rng.randint(0, 3))
        state: int | None = judge.initial
        for letter in prefix:
            state = None if state is None else judge.step(state, letter)
        futures = [lasso(rng) for _ in range(60)]
        fine = [true_on(formula, view, prefix + more, loop) for more, loop in futures]
        if judge.lost(state):
            assert not any(fine)
        elif state is not None and judge.settled(state):
            assert all(fine)
        else:
            undecided(judge, state)


def undecided(judge: OmegaMonitor, state: int | None) -> None:
    """A state that is neither has a good and a bad future; short lassos from it show both."""
    assert state is not None
    found = set()
    rng = Random(0)
    for _ in range(3_000):
        prefix, loop = lasso(rng)
        here: int | None = state
        for letter in prefix:
            here = None if here is None else judge.step(here, letter)
        found.add(here is not None and accepts_from(judge, here, loop))
        if len(found) == 2:
            return
    raise AssertionError(f"no future of state {state} differs: {found}")


def accepts_from(judge: OmegaMonitor, state: int, loop: list[Letter]) -> bool:
    seen: dict[int, int] = {}
    rounds: list[frozenset[int]] = []
    while state not in seen:
        seen[state] = len(rounds)
        marks: frozenset[int] = frozenset()
        for letter in loop:
            after = judge.step(state, letter)
            if after is None:
                return False
            marks |= judge.marks(state, letter)
            state = after
        rounds.append(marks)
    return judge.acceptance.accepts(frozenset().union(*rounds[seen[state] :]))


def test_a_rule_that_only_forbids_owes_nothing() -> None:
    for text in ("G !c", "G(b -> X a)", "a W c", "G(b -> O a)"):
        assert monitor(text, None).acceptance.marks() == frozenset()


# ---- the product

SPECS = [
    ("(q t* a)*", ("G(t -> F a)", "G F t")),
    ("(q (n i o)? a)*", ("G F(n | a)", "G(failed(pay) -> X a)", "G F n | G F a")),
    ("(q a)* | q t*", ("F G t",)),
    ("(q (n i o){0,2} a)*", ("G F q", "G(ok(pay) -> F failed(pay))")),
    ("(q t? a)*", ("G(t -> X a)", "F a", "G F t | F G !a")),
]


@pytest.mark.parametrize(("behavior", "rules"), SPECS, ids=[case[0] for case in SPECS])
def test_the_arena_is_behavior_and_rules(behavior: str, rules: tuple[str, ...]) -> None:
    agent = compiled(behavior, *rules, semantics="infinite")
    assert isinstance(agent, CompiledSession)
    rng, fulfilled = Random(behavior), 0
    behaving = agent.structure[0]
    for _ in range(1_000):
        play = random_play(agent, rng)
        if play is None:
            continue
        prefix, loop, state, marks = play
        words = [letter.true for letter in prefix], [letter.true for letter in loop]
        complete = False
        here: int | None = behaving.initial
        for letter in (*prefix, *loop * 12):
            assert here is not None
            here = behaving.step(here, letter)
        for letter in loop * 4:
            assert here is not None
            here = behaving.step(here, letter)
            complete = complete or (here is not None and behaving.accepts_at(here))
        expected = complete and all(holds_on_lasso(rule.formula, *words) for rule in agent.blocking)
        assert agent.omega.acceptance.accepts(marks) == expected, (words, state)
        fulfilled += expected
    assert fulfilled, "the test saw no good session"


def random_play(agent: CompiledSession, rng: Random) -> tuple[list[Letter], list[Letter], int, frozenset[int]] | None:
    """A play that comes back to a state of the arena, and the marks of its loop; None where a rule is violated."""
    omega = agent.omega
    state, word, seen, marks = omega.arena.initial, [], {}, []
    for _ in range(30):
        if state in seen and rng.random() < 0.5:
            start = seen[state]
            return word[:start], word[start:], state, frozenset().union(*marks[start:])
        seen[state] = len(word)
        moves = omega.arena.moves[state]
        if not moves:
            return None
        letter = rng.choice(list(moves))
        if moves[letter] < 0:
            return None
        word.append(letter)
        marks.append(omega.marks[state][letter])
        state = moves[letter]
    return None
