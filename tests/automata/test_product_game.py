"""Arenas against an oracle over words of letters, and the game against a slow minimax."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.automata.game import counterplay, live_letters, solve
from agentspec.automata.letter import Letter, Owner
from agentspec.automata.product import VIOLATED, Arena, merged
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import SpecError, TooLarge
from agentspec.logic.semantics import holds
from agentspec.spec.load import load_text
from tests.automata.languages import assert_minimal, assert_well_formed

HEAD = """
version: 1
name: small
steps:
  q: {by: user, cue: "[Q]"}
  t: {by: model, cue: "[T]", text: {max_chars: 5}}
  n: {by: model, cue: "[N]", tool: name}
  i: {by: model, cue: "[I]", tool: arguments}
  o: {by: tool, cue: "[O]"}
  a: {by: model, cue: "[A]", choice: [yes, no]}
"""
ANYTHING = {"type": "object", "properties": {}, "additionalProperties": False}


def compiled(behavior: str, *rules: str, tools: tuple[str, ...] = ("pay",), head: str = HEAD) -> Compiled:
    """A small agent, its rules called r0, r1, ...; a rule may end in ``enforce: warn``."""
    lines = [f"  - {{id: r{i}, ltl: {rule}}}" for i, rule in enumerate(rules)]
    text = "\n".join([head, f"behavior: {behavior}", "rules:" if lines else "rules: []", *lines])
    return compile_agent(load_text(text), {tool: ToolSchema(tool, "A tool.", ANYTHING) for tool in tools})


# ---- the language, from its definition


def register_allows(word: tuple[Letter, ...]) -> bool:
    """A name is chosen, its arguments follow before another is chosen, and the answer follows at once."""
    pending: tuple[str, str] | None = None
    for letter in word:
        facts = letter.true - {letter.step}
        if pending and pending[0] == "called" and letter.owner != Owner.TOOL:
            return False
        if letter.owner == Owner.TOOL:
            tool = next(fact for fact in facts if "(" in fact).partition("(")[2][:-1]
            if pending != ("called", tool):
                return False
            pending = None
        for fact in facts:
            name, _, tool = fact.partition("(")
            if name == "chosen":
                if pending:
                    return False
                pending = ("chosen", tool[:-1])
            elif name == "call":
                if pending != ("chosen", tool[:-1]):
                    return False
                pending = ("called", tool[:-1])
    return True


def answered(word: tuple[Letter, ...]) -> bool:
    """No call waits for its answer at the end."""
    return not any(fact.startswith("call(") for letter in word[-1:] for fact in letter.true)


def oracle(agent: Compiled, behavior: str, word: tuple[Letter, ...]) -> bool:
    """Behavior (a Python regex over one-character steps), register, and every rule that blocks."""
    written = "".join(str(letter.step) for letter in word)
    rules = [rule.formula for rule in agent.agent.spec.rules if rule.enforce == "block"]
    return (
        bool(word)
        and re.fullmatch(behavior.replace(" ", ""), written) is not None
        and register_allows(word)
        and answered(word)
        and all(holds(rule, [letter.true for letter in word]) for rule in rules)
    )


def plausible_words(agent: Compiled, length: int) -> Iterator[tuple[Letter, ...]]:
    """All words the register allows, and every one letter longer that it does not."""
    queue: list[tuple[Letter, ...]] = [()]
    for word in queue:
        for letter in agent.alphabet.letters:
            longer = (*word, letter)
            yield longer
            if len(longer) < length and register_allows(longer):
                queue.append(longer)


SPECS = [
    ("q t a", (), ("pay",), 5),
    ("q (t | a)*", ("G(t -> N !t)",), (), 7),
    ("q (t n i o)* a", ("'!a W o'",), ("pay",), 6),
    ("q (n i o)* a", ("'!a W ok(pay)'", "'G !(failed(pay) & X n)'"), ("pay",), 7),
    ("q (n i o){0,2} t? a", ("'G(call(pay) -> N G !call(pay))'",), ("pay", "look"), 6),
    ("q (n t* i o | a)*", ("'G(chosen(pay) -> F a)', enforce: block", "'G !error', enforce: warn"), ("pay",), 6),
    ("q (n i o)* a", ("'G(failed(pay) -> X n)'", "'F error', enforce: 'off'"), ("pay",), 7),
    ("q (t q)* a", ("'F[2:4] a'", "'G(q -> X !q)'"), (), 7),
]


@pytest.mark.parametrize(("behavior", "rules", "tools", "length"), SPECS, ids=[case[0] for case in SPECS])
def test_the_language_is_behavior_register_and_rules(
    behavior: str, rules: tuple[str, ...], tools: tuple[str, ...], length: int
) -> None:
    agent = compiled(behavior, *rules, tools=tools)
    dfa, image = agent.arena.language()
    assert len(image) == len(agent.arena)
    letters = [letter.true for letter in agent.alphabet.letters]
    assert_well_formed(dfa, letters)
    assert_minimal(dfa, letters)
    accepted = 0
    for word in plausible_words(agent, length):
        expected = oracle(agent, behavior, word)
        assert dfa.accepts([letter.true for letter in word]) == expected, [str(letter) for letter in word]
        accepted += expected
    assert accepted, "the test saw no accepted word"


def test_the_empty_word_is_not_in_the_language() -> None:
    for behavior in ("q?", "(q a)*"):
        assert not compiled(behavior, "F q").arena.language()[0].accepts([])
        assert not compiled(behavior).arena.language()[0].accepts([]), behavior


def test_a_tools_letter_that_breaks_a_rule_exists_and_is_violated() -> None:
    arena = compiled("q n i o a", "G !failed(pay)").arena
    at_tool = [q for q, owner in enumerate(arena.owner) if owner == Owner.TOOL]
    assert len(at_tool) == 1
    targets = {tuple(sorted(letter.true)): target for letter, target in arena.moves[at_tool[0]].items()}
    assert set(targets) == {("o", "ok(pay)"), ("failed(pay)", "o"), ("error", "failed(pay)", "o")}
    assert [target == VIOLATED for _, target in sorted(targets.items())] == [True, True, False]


def test_letters_that_structure_excludes_do_not_exist() -> None:
    arena = compiled("q n i o a", tools=("pay", "look")).arena
    for q, owner in enumerate(arena.owner):
        if owner == Owner.TOOL:
            assert len({letter.tool for letter in arena.moves[q]}) == 1, "an answer to another call"
        assert len({letter.step for letter in arena.moves[q]}) <= 1


def test_warn_and_off_rules_are_no_part_of_the_arena() -> None:
    plain = compiled("q t a").arena
    watched = compiled("q t a", "G !t, enforce: warn", "G !t, enforce: log", "G !t, enforce: 'off'")
    assert watched.arena == plain
    assert set(watched.monitors) == {"r0", "r1"}


ERRORS = [
    ("q (o | t)", (), ("pay",), None),  # the register keeps the tool out: nothing was called
    ("q n i (o | t)", (), ("pay",), None),  # and the model out while a call waits
    ("q (q | t)", (), (), "two owners may write after q: q, t; make it one owner's turn in the behavior"),
    ("t q", (), (), "a behavior begins with a step of the user (the task), not with t"),
    ("(t | a) q", (), (), "a behavior begins with a step of the user (the task), not with a or t"),
    ("(q | t) a", (), (), "two owners may write at the start: q, t"),
    ("q | p", (), (), "at the start the user may write p or q: give the user one step at a position"),
    ("q t (q | p)", (), (), "after q t the user may write p or q"),
    ("q n i (o | r)", (), ("pay",), "after q n {chosen(pay)} i {call(pay)} the tool may write o or r"),
]


@pytest.mark.parametrize(("behavior", "rules", "tools", "message"), ERRORS, ids=[case[0] for case in ERRORS])
def test_turns_are_told_apart(
    behavior: str, rules: tuple[str, ...], tools: tuple[str, ...], message: str | None
) -> None:
    head = HEAD + '  p: {by: user, cue: "[P]"}\n  r: {by: tool, cue: "[R]"}\n'
    if message is None:
        compiled(behavior, *rules, tools=tools, head=head)
        return
    with pytest.raises(SpecError) as raised:
        compiled(behavior, *rules, tools=tools, head=head)
    assert message in str(raised.value)


def test_a_product_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PRODUCT_STATES", 12)
    with pytest.raises(TooLarge, match="more than 12 states"):
        compiled("q t{0,30} a")


# ---- the game

letter_names = st.lists(st.sampled_from("uvwxyz"), unique=True, max_size=3)


@st.composite
def arenas(draw: st.DrawFn) -> Arena:
    """Arbitrary arenas of one to seven states; letters carry the owner of the state they leave."""
    size = draw(st.integers(1, 7))
    owners: list[Owner | None] = []
    moves: list[dict[Letter, int]] = []
    for _ in range(size):
        owner = draw(st.sampled_from(list(Owner)))
        names = draw(letter_names)
        targets = st.integers(VIOLATED, size - 1)
        moves.append({Letter(frozenset({n + owner}), frozenset(), n + owner, owner): draw(targets) for n in names})
        owners.append(owner if names else None)
    accepting = draw(st.frozensets(st.integers(0, size - 1), max_size=2))
    propositions = tuple(name + owner for name in "uvwxyz" for owner in Owner)
    return Arena(propositions, draw(st.integers(0, size - 1)), tuple(owners), tuple(moves), accepting)


def minimax(arena: Arena) -> dict[int, int]:
    """In how many steps the model can force a good end, by bounded look-ahead with ever larger bounds."""

    @cache
    def value(state: int, steps: int) -> float:
        if state == VIOLATED:
            return math.inf
        if state in arena.accepting:
            return 0
        if steps == 0 or not arena.moves[state]:
            return math.inf
        behind = [1 + value(target, steps - 1) for target in arena.moves[state].values()]
        return min(behind) if arena.owner[state] == Owner.MODEL else max(behind)

    values = {state: value(state, len(arena)) for state in range(len(arena))}
    return {state: int(steps) for state, steps in values.items() if steps < math.inf}


games = settings(deadline=None, max_examples=250)


@games
@given(arenas())
def test_ranks_are_those_of_minimax(arena: Arena) -> None:
    solution = solve(arena)
    assert solution.rank == minimax(arena)
    assert solution.winning == frozenset(solution.rank)


@games
@given(arenas(), st.data())
def test_playing_down_the_ranks_ends_well(arena: Arena, data: st.DataObject) -> None:
    rank = solve(arena).rank
    if not rank:
        return
    state = data.draw(st.sampled_from(sorted(rank)))
    while state not in arena.accepting:
        if arena.owner[state] == Owner.MODEL:
            target = min((t for t in arena.moves[state].values() if t in rank), key=rank.__getitem__)
        else:
            target = data.draw(st.sampled_from(list(arena.moves[state].values())))
        assert rank[target] < rank[state]
        state = target


@games
@given(arenas())
def test_counterplay_is_a_legal_play_that_ends_lost(arena: Arena) -> None:
    solution = solve(arena)
    for start in set(range(len(arena))) - solution.winning:
        play, end = counterplay(arena, solution, start)
        state, visited = start, [start]
        for index, letter in enumerate(play):
            assert letter in arena.moves[state], "not a legal move"
            state = arena.moves[state][letter]
            assert state not in solution.winning
            assert state != VIOLATED or index == len(play) - 1
            visited.append(state)
        if state == VIOLATED:
            assert "violates" in end
        elif not arena.moves[state]:
            assert "no step is possible" in end
        else:
            assert visited.count(state) == 2
            assert "without an end" in end


@games
@given(arenas())
def test_counterplay_starts_at_the_start(arena: Arena) -> None:
    solution = solve(arena)
    if arena.initial not in solution.winning:
        assert counterplay(arena, solution) == counterplay(arena, solution, arena.initial)


def outcomes(arena: Arena, length: int) -> dict[tuple[Letter, ...], str]:
    """What becomes of every word that exists: open, accepting, violated."""
    found: dict[tuple[Letter, ...], str] = {}
    queue: list[tuple[tuple[Letter, ...], int]] = [((), arena.initial)]
    for word, state in queue:
        kind = "violated" if state == VIOLATED else "accepting" if state in arena.accepting else "open"
        found[word] = f"{kind} {None if state == VIOLATED else arena.owner[state]}"
        if state != VIOLATED and len(word) < length:
            queue += [((*word, letter), target) for letter, target in arena.moves[state].items()]
    return found


@settings(deadline=None, max_examples=100)
@given(arenas())
def test_merging_keeps_every_play(arena: Arena) -> None:
    small = merged(arena)
    assert outcomes(small, 5) == outcomes(arena, 5)
    assert len(small) <= len(arena)
    assert len(merged(small)) == len(small)
    assert (small.initial in solve(small).rank) == (arena.initial in solve(arena).rank)
    assert solve(small).rank.get(small.initial) == solve(arena).rank.get(arena.initial)


@settings(deadline=None, max_examples=60)
@given(arenas())
def test_no_two_merged_states_are_equal(arena: Arena) -> None:
    small = merged(arena)
    seen = [outcomes(replace(small, initial=q), 5) for q in range(len(small))]
    for one, two in combinations(seen if len(small) <= 5 else [], 2):
        assert one != two


def test_a_spec_that_needs_a_well_meaning_tool_is_lost_with_a_play() -> None:
    agent = compiled("q n i o a", "F ok(pay)")
    assert not agent.realizable
    play, end = counterplay(agent.arena, agent.solution)
    assert [letter.step for letter in play][:4] == ["q", "n", "i", "o"]
    assert "ok(pay)" not in play[3].true
    assert end
    assert compiled("q (n i o | t)* a", "F a").realizable


def test_live_letters_stay_in_the_winning_region() -> None:
    agent = compiled("q (n i o | t) a", "G !failed(pay)")
    assert agent.realizable
    live = live_letters(agent.arena, agent.solution.winning)
    assert {letter.step for letter in live} == {"q", "t", "a"}
    assert live_letters(agent.arena, frozenset()) == frozenset()
