"""Bugs put into translation, games and guards on purpose, a line each: the laws of the temporal core have teeth.

A bug replaces the code of one function by that of its source with one passage rewritten. Its law must pass without the
bug and fail with it.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import random
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import product
from types import CodeType, FunctionType
from typing import Any

import pytest

from agentspec.automata import game
from agentspec.automata.acceptance import All, Fin, Inf
from agentspec.automata.acceptance import Any as AnyOf
from agentspec.automata.compare import shortest_outside
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.parity_game import ParityGame
from agentspec.automata.product import VIOLATED, Arena
from agentspec.automata.translate import translate
from agentspec.automata.translate_omega import deterministic, to_buchi
from agentspec.automata.zielonka import zielonka_tree
from agentspec.logic.formula import (
    Always,
    And,
    Atom,
    Binary,
    Eventually,
    Formula,
    Historically,
    Implies,
    Last,
    Next,
    Not,
    Once,
    Or,
    Release,
    Since,
    StrongRelease,
    Unary,
    Until,
    WeakNext,
    WeakSince,
    WeakUntil,
    WeakYesterday,
    Xor,
    Yesterday,
)
from agentspec.logic.semantics import holds, holds_on_lasso
from agentspec.logic.simplify import simplify
from tests.automata.test_parity_game import by_definition
from tests.checking.agents import compiled
from tests.guard.test_session import all_moves, all_plays, guards, no_less
from tests.logic.strategies import all_words

WORDS = tuple(all_words(max_size=4))
UNARIES: tuple[type[Unary], ...] = (
    Not, Next, WeakNext, Eventually, Always, Yesterday, WeakYesterday, Once, Historically,
)  # fmt: skip
BINARIES: tuple[type[Binary], ...] = (
    Implies, Xor, Until, WeakUntil, Release, StrongRelease, Since, WeakSince,
)  # fmt: skip


def drawn(rng: random.Random, depth: int) -> Formula:
    """A formula over a and b."""
    if depth == 0 or rng.random() < 0.15:
        return rng.choice([Atom("a"), Atom("b"), Atom("a"), Atom("b"), Last()])
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(UNARIES)(drawn(rng, depth - 1))
    parts = drawn(rng, depth - 1), drawn(rng, depth - 1)
    return rng.choice((And, Or))(parts) if kind < 0.55 else rng.choice(BINARIES)(*parts)


def rooted(rng: random.Random, depth: int) -> Formula:
    """A formula whose past has something to look back on: read at the end, at the next position, at all, at some."""
    formula = drawn(rng, depth)
    ways = (formula, Eventually(And((Last(), formula))), Always(formula), Eventually(formula), Next(formula))
    return rng.choice(ways)


# Laws ---------------------------------------------------------------------------------------------------------------


def finite_words() -> None:
    rng = random.Random(1)
    for _ in range(120):
        formula = rooted(rng, rng.randint(1, 3))
        dfa = translate(formula, ("a", "b"))
        for word in rng.sample(WORDS, 60):
            assert dfa.accepts(word) == holds(formula, word), formula


def wide_formulas() -> None:
    """Conjunctions and disjunctions of parts over different propositions."""
    rng = random.Random(2)
    for _ in range(30):
        parts = tuple(drawn(rng, 2) for _ in range(3))
        formula = rng.choice((And, Or))((*parts, Eventually(Atom("c")), Always(Or((Atom("d"), Atom("a"))))))
        dfa = translate(formula, ("a", "b", "c", "d"))
        for _ in range(60):
            word = [frozenset(p for p in "abcd" if rng.random() < 0.5) for _ in range(rng.randint(1, 5))]
            assert dfa.accepts(word) == holds(formula, word), formula


def infinite_words() -> None:
    rng = random.Random(3)
    for _ in range(80):
        formula = rooted(rng, rng.randint(1, 3))
        one, two = to_buchi(formula, ("a", "b")), deterministic(formula, ("a", "b"))
        for _ in range(25):
            prefix = [frozenset(p for p in "ab" if rng.random() < 0.5) for _ in range(rng.randint(0, 3))]
            loop = [frozenset(p for p in "ab" if rng.random() < 0.5) for _ in range(rng.randint(1, 3))]
            meant = holds_on_lasso(formula, prefix, loop)
            assert one.accepts(prefix, loop) == meant, formula
            assert two.accepts(prefix, loop) == meant, formula


def simplified() -> None:
    rng = random.Random(4)
    for _ in range(300):
        formula = rooted(rng, rng.randint(1, 4))
        for word in rng.sample(WORDS, 40):
            assert holds(simplify(formula), word) == holds(formula, word), formula


def reachability_games() -> None:
    letters = {
        owner: [Letter(frozenset({f"{owner}{i}"}), step=f"{owner}{i}", owner=owner) for i in range(3)]
        for owner in Owner
    }
    for seed in range(300):
        rng = random.Random(seed)
        states = rng.randint(2, 6)
        owners = [rng.choice([Owner.MODEL, Owner.TOOL]) for _ in range(states)]
        moves = [
            {a: rng.choice([VIOLATED, *range(states)]) for a in letters[o][: rng.choice([0, 1, 2, 3])]} for o in owners
        ]
        accepting = frozenset(q for q in range(states) if rng.random() < 0.2)
        arena = Arena(
            (), 0, tuple(o if m else None for o, m in zip(owners, moves, strict=True)), tuple(moves), accepting
        )
        won: set[int] = set()
        for _ in range(states + 1):  # the least fixed point, round by round
            won = {
                q for q in range(states)
                if q in accepting
                or (moves[q] and (any if owners[q] == Owner.MODEL else all)(t in won for t in moves[q].values()))
            }  # fmt: skip
        solution = game.solve(arena)
        assert solution.winning == won
        if 0 not in won:
            play, _ = game.counterplay(arena, solution)
            q = 0
            for letter in play:
                assert q not in won
                q = moves[q][letter]


def parity_games() -> None:
    for seed in range(400):
        rng = random.Random(seed)
        size = rng.randint(1, 6)
        parity = ParityGame(
            tuple(rng.randint(0, 1) for _ in range(size)),
            tuple(rng.randint(0, 4) for _ in range(size)),
            tuple(tuple(rng.sample(range(size), rng.randint(0, min(3, size)))) for _ in range(size)),
        )
        assert parity.winning[0] == by_definition(parity, 0)
        assert parity.winning[1] == by_definition(parity, 1)


def memories() -> None:
    """The tree of a condition as a memory: the least priority seen for ever is even just where it is fulfilled."""
    rng = random.Random(6)
    conditions = [
        All((Inf(0), Inf(1))), AnyOf((Inf(0), All((Inf(1), Fin(2))))), All((AnyOf((Inf(0), Fin(1))), Inf(2))),
        Fin(0), All(()), AnyOf(()), AnyOf((Fin(0), All((Fin(1), Inf(2))))),
    ]  # fmt: skip
    for _ in range(400):
        condition = rng.choice(conditions)
        rounds = [frozenset(m for m in range(3) if rng.random() < 0.4) for _ in range(rng.randint(1, 3))]
        tree = zielonka_tree(condition)
        leaf, seen, met = 0, [], {}
        while leaf not in met:
            met[leaf] = len(seen)
            for marks in rounds:
                leaf, priority = tree.step(leaf, marks)
                seen.append(priority)
        least = min(seen[met[leaf] :])
        assert (least % 2 == 0) == condition.accepts(frozenset().union(*rounds)), (condition, rounds)


def sessions() -> None:
    for _, omega, guard in guards(120):
        all_plays(omega, guard)


def free_turns() -> None:
    for _, _, guard in guards(120):
        all_moves(guard)


def turn_budgets() -> None:
    for _, _, guard in guards(120):
        no_less(guard)


def differences() -> None:
    pairs = [
        ("q (t | a)* t?", "G !t", "true"), ("q (t | a)* t?", "F t", "true"), ("q (t | a)* t?", "true", "F t"),
        ("q (t | a)* t?", "!a W t", "true"), ("q (t t t | a) t?", "true", "G !t"), ("q (a a a | t) a?", "true", "G !a"),
    ]  # fmt: skip
    for behavior, left, right in pairs:
        one, two = (compiled(behavior, rule).automaton[0] for rule in (left, right))
        letters = sorted({a for edges in one.edges for a, _ in edges}, key=str)
        words = (word for length in range(1, 5) for word in product(letters, repeat=length))
        told = ([a.true for a in word] for word in words)
        shortest = next((len(word) for word in told if one.accepts(word) and not two.accepts(word)), None)
        found = shortest_outside(one, two)
        assert (None if found is None else len(found)) == shortest, (left, right)


def views() -> None:
    agent = compiled("q (t | n i o | a)*", rules=[{"id": "r", "ltl": "G(t -> N a)", "view": ["t", "a"]}])
    word = [{"q"}, {"t"}, {"n", "chosen(pay)"}, {"i", "call(pay)"}, {"o", "ok(pay)"}]
    assert agent.automaton[0].accepts([*word, {"a"}])
    assert not agent.automaton[0].accepts([*word, {"t"}])
    assert agent.automaton[0].accepts([{"q"}])
    assert not compiled("q (t | a)*", rules=[{"id": "r", "ltl": "F t", "view": ["t"]}]).automaton[0].accepts([{"q"}])


# Bugs ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bug:
    """In the function ``where`` (module:qualified name) the passage ``old`` becomes ``new``; ``law`` must see it."""

    where: str
    old: str
    new: str
    law: Callable[[], None]

    def __str__(self) -> str:
        return f"{self.where.rpartition(':')[2]} {self.old[:30]}"


BUGS = [
    # translation, finite
    Bug("automata.kernel:Kernel._number", "return self.next(a ^ 1) ^ 1", "return self.next(a)", finite_words),
    Bug(
        "automata.kernel:Kernel._number", "return self._yesterday(a ^ 1) ^ 1", "return self._yesterday(a)", finite_words
    ),
    Bug(
        "automata.kernel:Kernel._number",
        "return self.until(b, self.conj((a, b)))",
        "return self.until(a, b)",
        finite_words,
    ),
    Bug(
        "automata.kernel:Kernel._number",
        "return self.until(a ^ 1, b ^ 1) ^ 1",
        "return self.until(a, b ^ 1) ^ 1",
        finite_words,
    ),
    Bug("automata.kernel:Kernel._lasting", "if inner in (a, TRUE):", "if True:", finite_words),
    Bug("automata.progress:Progression._now", "bdd.conj(said(parts[0]), before)", "before", finite_words),
    Bug("automata.progress:Progression._now", "if kind == Kind.YESTERDAY:", "if kind == Kind.SINCE:", finite_words),
    Bug(
        "automata.progress:Progression.explore", "accepting.append(end == TRUE)", "accepting.append(True)", finite_words
    ),
    Bug("automata.progress:Progression._past_inside", "found[place] |= found[part >> 1]", "pass", finite_words),
    Bug(
        "automata.forest:minimised",
        "classes = _numbered(forest.accepting)",
        "classes = [0] * len(forest.accepting)",
        finite_words,
    ),
    Bug("automata.forest:minimised", "if len(finer) == count:", "if len(finer) <= count + 1:", finite_words),
    # translation, infinite
    Bug("automata.expansion:_Expansion._expand", "frozenset({promise})", "frozenset[int]()", infinite_words),
    Bug("automata.expansion:_Expansion._evaluate", "b or (a and was)", "b or was", infinite_words),
    Bug("automata.expansion:_Expansion._best_moves", "asked <= other_asked", "True", infinite_words),
    # games
    Bug("automata.game:solve", "waiting[choice_of_q] == 0", "waiting[choice_of_q] <= 1", reachability_games),
    Bug(
        "automata.game:solve",
        "waiting.append(len(choice))",
        "waiting.append(sum(moves[a] != VIOLATED for a in choice))",
        reachability_games,
    ),
    Bug("automata.game:counterplay", "for a in c if moves[a] not in solution.rank", "for a in c", reachability_games),
    Bug("automata.parity_game:ParityGame._solve", "player = least % 2", "player = 1 - least % 2", parity_games),
    Bug(
        "automata.parity_game:ParityGame._solve",
        "lost = self.attractor(1 - player, others, vertices)",
        "lost = set(others)",
        parity_games,
    ),
    Bug("automata.parity_game:ParityGame.attractor", "if left > 1:", "if left > 2:", parity_games),
    Bug("automata.parity_game:ParityGame.winning", "self.owner[v] == loser and not", "not", parity_games),
    Bug(
        "automata.zielonka:ZielonkaTree.step", "node.children.index(below) + 1", "node.children.index(below)", memories
    ),
    Bug("automata.zielonka:_largest", "always <= label - never", "True", memories),
    # guards
    Bug("guard.session:SessionPosition._begin_turn", "self.owes and self.patience == 0", "False", sessions),
    Bug("guard.session:SessionPosition._settle", "elif priority < self.debt:", "else:", sessions),
    Bug("guard.session:SessionPosition._begin_turn", "self.patience -= 1", "pass", sessions),
    Bug("automata.omega_game:Positions.ranked", "<= most", "<= (9, 9, 9)", sessions),
    Bug("guard.session:SessionGuard.suffices", "all(", "any(", turn_budgets),
    Bug("automata.compare:shortest_outside", "queue.popleft()", "queue.pop()", differences),
    Bug("automata.compare:shortest_outside", "not others & other.accepting", "not others", differences),
    Bug("automata.monitor:Monitor._step", "if not self.reads(letter):", "if False:", views),
    Bug(
        "automata.monitor:Monitor.accepts_at",
        "self._nothing if state == UNSEEN else",
        "True if state == UNSEEN else",
        views,
    ),
]


def function_at(where: str) -> FunctionType:
    module, _, name = where.partition(":")
    found: Any = importlib.import_module(f"agentspec.{module}")
    for part in name.split("."):
        found = inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
    found = getattr(found, "func", found)  # of a cached property
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    assert isinstance(found, FunctionType), where
    return found


@contextmanager
def planted(bug: Bug) -> Iterator[None]:
    function = function_at(bug.where)
    source = textwrap.dedent(inspect.getsource(function))
    assert bug.old in source, f"the passage is no longer in {bug.where}: say the bug anew"
    tree = ast.parse(source.replace(bug.old, bug.new))
    definition = tree.body[0]
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    free = function.__code__.co_freevars
    if free:  # such as __class__ under super()
        shell = ast.parse(f"def shell({', '.join(free)}):\n    pass").body[0]
        assert isinstance(shell, ast.FunctionDef)
        shell.body = [definition]
        tree.body = [shell]
    code = compile(ast.fix_missing_locations(tree), bug.where, "exec")
    made = next(found for found in codes(code) if found.co_name == function.__name__)
    honest = function.__code__
    function.__code__ = made
    try:
        yield
    finally:
        function.__code__ = honest


def codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes(constant)


@cache
def passes(law: Callable[[], None]) -> bool:
    law()
    return True


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_the_bug_is_caught(bug: Bug) -> None:
    assert passes(bug.law)
    with planted(bug):
        try:
            bug.law()
        except Exception as problem:  # an assertion, or it breaks down
            if isinstance(problem, SyntaxError | NameError | TypeError):
                pytest.fail(f"the bug is not well made: {problem}")
            return
    pytest.fail("the law does not see it")
