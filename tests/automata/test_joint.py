"""Joint decisions against the explicit product."""

from __future__ import annotations

import random
from itertools import product

import pytest

from agentspec import limits
from agentspec.automata.game import solve
from agentspec.automata.joint import LazyGame, satisfying_word
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.monitor import Monitor
from agentspec.automata.product import VIOLATED, build_arena
from agentspec.automata.translate import translate
from agentspec.errors import InvalidInput, TooLarge
from agentspec.logic.formula import Formula
from agentspec.logic.semantics import holds
from agentspec.logic.templates_declare import DECLARE
from tests.checking.agents import compiled
from tests.checking.test_analyse import BEHAVIORS, RULES

EXISTENCE = next(one for one in DECLARE if one.name == "existence")
LETTERS = tuple(Letter(frozenset({name}), step=name, owner=Owner.MODEL) for name in "abcd")


def drawn(rng: random.Random, count: int) -> dict[str, Formula]:
    found: dict[str, Formula] = {}
    while len(found) < count:
        chosen = rng.choice(DECLARE)
        names = iter(rng.sample("abcd", 3))
        params = {p.name: rng.randint(1, 2) if p.kind == "count" else next(names) for p in chosen.parameters}
        found[f"{chosen.name} {params}"] = chosen.build(params)
    return found


def test_a_word_or_a_core_as_by_trying_all_words() -> None:
    rng = random.Random(3)
    words = [word for length in range(1, 6) for word in product(LETTERS, repeat=length)]
    seen = {"word": 0, "core": 0}
    for _ in range(30):
        formulas = drawn(rng, rng.randint(1, 7))
        rules = [(name, Monitor(translate(f))) for name, f in formulas.items()]
        found = satisfying_word(LETTERS, (), rules)
        if found.word is not None:
            seen["word"] += 1
            assert all(holds(f, [a.true for a in found.word]) for f in formulas.values())
            continue
        seen["core"] += 1
        core = {name: formulas[name] for name in found.core}
        for word in rng.sample(words, 300):
            assert not all(holds(f, [a.true for a in word]) for f in core.values()), (core, word)
        for left_out in core:
            fewer = [(name, monitor) for name, monitor in rules if name in core and name != left_out]
            assert satisfying_word(LETTERS, (), fewer).word is not None
    assert min(seen.values()) > 5, seen


def test_the_game_is_won_and_lost_where_the_explicit_one_is() -> None:
    rng = random.Random(5)
    seen = {True: 0, False: 0}
    for _ in range(80):
        try:
            agent = compiled(rng.choice(BEHAVIORS), *rng.sample(RULES, rng.randint(1, 4)))
        except InvalidInput:
            continue
        rules = [(rule.id, agent.monitors[rule.id]) for rule in agent.blocking]
        letters = agent.alphabet
        arena = build_arena(letters.letters, letters.propositions, agent.structure, [m for _, m in rules])
        won = solve(arena).rank
        game = LazyGame(letters.letters, agent.structure, rules)
        pairs = [(arena.initial, game.initial)]
        met = set(pairs)
        for q, state in pairs:
            assert game.wins(state) == (q in won)
            seen[q in won] += 1
            assert game.accepts_at(state) == (q in arena.accepting)
            assert game.owner(state) == arena.owner[q]
            moves = game.moves(state)
            assert set(moves) == set(arena.moves[q])
            for letter, target in arena.moves[q].items():
                behind = moves[letter]
                if behind is None or target == VIOLATED:
                    assert target == VIOLATED or target not in won
                elif (target, behind) not in met and len(met) < 300:
                    met.add((target, behind))
                    pairs.append((target, behind))
    assert min(seen.values()) > 100, seen


def test_what_grows_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOINT_STATES", 5)
    rules = [(f"twice {a}", Monitor(translate(EXISTENCE.build({"n": 2, "a": a})))) for a in "abcd"]
    named = "whether the rules twice a, twice b, .* can be satisfied together takes more than 5 states"
    with pytest.raises(TooLarge, match=named):
        satisfying_word(LETTERS, (), rules)
    game = LazyGame(LETTERS, (), rules)
    with pytest.raises(TooLarge, match=named):
        game.wins(game.initial)


def test_fifty_rules_over_thirty_activities_take_no_explicit_product() -> None:
    letters = tuple(Letter(frozenset({f"a{i}"}), step=f"a{i}", owner=Owner.MODEL) for i in range(30))
    by_name = {one.name: one for one in DECLARE}
    rules = []
    for i in range(29):
        made = by_name["response" if i % 2 else "precedence"].build({"a": f"a{i}", "b": f"a{i + 1}"})
        rules.append((f"r{i}", Monitor(translate(made))))
    for i in range(21):
        rules.append((f"e{i}", Monitor(translate(by_name["existence"].build({"n": 2, "a": f"a{i}"})))))
    found = satisfying_word(letters, (), rules)
    assert found.word is not None
    assert all(Monitor(monitor.dfa).dfa.accepts([a.true for a in found.word]) for _, monitor in rules)
    assert found.explored < 20_000
