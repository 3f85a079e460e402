"""What `check` reports: plays that show why a spec is lost, dead parts, budgets, notes."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from agentspec.automata.letter import Owner
from agentspec.checking.check import check
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.checking.play import Play
from agentspec.checking.stand_ins import stand_ins
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import InvalidInput, SpecError
from agentspec.logic.semantics import holds
from tests.checking.agents import compiled, declared
from tests.laws.played import compiled_of
from tests.laws.specs import spec_from
from tests.laws.words import TooMany, Word, WordGame, sign_of

DEEP = 6


def check_play(game: WordGame, play: Play) -> str:
    """A play of the game that the model cannot mend anywhere, by trying everything. Returns how it ends."""
    word: Word = ()
    for letter in play.letters:
        assert word == () or not game.good(word), "a play goes on only where it is not yet won"
        sign = sign_of(game, letter.true)
        possible = game.possible(word)
        assert sign in possible, f"{letter} exists after {[s.step for s in word]}"
        if possible[0].owner == Owner.MODEL:
            for other in possible:
                assert not may_win(game, (*word, other)), f"{sorted(other.true)} would have won"
        word = (*word, sign)
    assert not game.good(word)
    if "violates a rule" in play.end:
        assert not any(game.good(longer) for longer in longer_words(game, word)), "what is violated stays violated"
        return "violated"
    if "no step is possible" in play.end:
        assert not game.possible(word)
        return "dead end"
    assert play.end == "and so on without an end"
    return "loop"


def may_win(game: WordGame, word: Word) -> bool:
    try:
        return game.wins(DEEP, word)
    except TooMany:
        return False


def longer_words(game: WordGame, word: Word) -> list[Word]:
    """Some words that go on from here."""
    found = [word]
    for one in found:
        if len(found) > 60 or len(one) > len(word) + 3:
            break
        found += [(*one, letter) for letter in game.possible(one)]
    return found


def test_the_play_of_a_random_spec_that_is_lost_is_one_the_model_cannot_mend() -> None:
    found: Counter[str] = Counter()
    for seed in range(80):
        spec = spec_from(seed)
        try:
            agent = compiled_of(spec)
        except InvalidInput:  # not sound: other tests
            continue
        report = check(agent)
        assert report.realizable == agent.realizable
        if agent.realizable:
            assert report.witness is None
            continue
        assert (report.witness is None) == agent.contradictory
        if report.witness is not None:
            game = WordGame(spec, agent, 600)
            found[check_play(game, report.witness)] += 1
            broken = {rule.id for rule in agent.blocking if rule.id in report.witness.broken}
            assert set(report.witness.broken) == broken
            word = [letter.true for letter in report.witness.letters]
            for rule in agent.blocking:
                if rule.id in report.witness.broken:
                    assert not holds(rule.formula, word), f"{rule.text} is broken"
        else:
            game = WordGame(spec, agent, 600)
            assert not any(game.good(word) for word in longer_words(game, ())), "nothing is accepted"
            found["contradictory"] += 1
    print(found)
    assert found["violated"] + found["dead end"] >= 3
    assert found["contradictory"] >= 4


DEAD = "no step is possible there, and the episode may not end"
LOST: list[tuple[str, tuple[str, ...], list[str], str, tuple[str, ...]]] = [
    ("q n i o a", ("G !failed(pay)",), ["q", "n", "i", "o"], "which violates a rule", ("r0",)),
    ("q n i o a", ("F ok(pay)",), ["q", "n", "i", "o", "a"], DEAD, ()),
    ("q n i o s", (), ["q", "n", "i", "o"], DEAD, ()),
    ("q (n i o)+ a", ("!a W ok(pay)", "F n"), ["q", "n", "i", "o", "n"], "and so on without an end", ()),
    ("q k o t a", ("G(error -> X X t)", "F a"), ["q", "k", "o", "t", "a"], "which violates a rule", ("r0",)),
    ("q k o a", ("G(error -> X X true)",), ["q", "k", "o", "a"], DEAD, ()),
]


@pytest.mark.parametrize(
    ("behavior", "rules", "steps", "end", "broken"), LOST, ids=[f"{case[0]}, {case[1]}" for case in LOST]
)
def test_a_play_tells_who_does_what(
    behavior: str, rules: tuple[str, ...], steps: list[str], end: str, broken: tuple[str, ...]
) -> None:
    agent = compiled(behavior, *rules, steps={"t": {"by": "model", "cue": "[T]", "text": {}}})
    report = check(agent)
    play = report.witness
    assert play is not None
    assert [letter.step for letter in play.letters][: len(steps)] == steps
    assert end in play.end
    assert play.broken == broken
    assert report.problems == (str(agent.refusal()),)
    assert str(play) in report.problems[0]
    with pytest.raises(SpecError, match="not realizable: tools and users can force"):
        agent.guard  # noqa: B018
    told: dict[str, Any] = report.to_json()
    assert [step["step"] for step in told["witness"]["steps"]] == [letter.step for letter in play.letters]
    assert told["witness"]["steps"][0] == {"step": "q", "owner": "user", "tool": None, "true": []}
    assert (told["witness"]["end"], told["witness"]["rules"]) == (play.end, list(broken))
    assert (told["realizable"], told["guarantee"], told["least_budget"]) == (False, None, None)
    rows = play.lines()
    assert len(rows) == len(play.letters) + 1
    assert rows[0].split() == ["user", "q"]
    assert play.end in rows[-1]


def test_a_quotation_needs_a_way_out() -> None:
    """Results may hold nothing to quote."""
    lost = check(compiled("q k o s"))
    assert lost.witness is not None
    assert {"empty(s)"} <= lost.witness.letters[-1].true
    assert check(compiled("q k o (s | a)")).fine


def test_a_contradiction_has_no_play() -> None:
    report = check(compiled("q t a", "G !a"))
    assert not report.realizable
    assert report.witness is None
    assert "contradictory: no episode of the behavior satisfies the rules r0" in report.problems[0]
    assert "witness" not in report.to_json()


def reported(*args: Any, **more: Any) -> tuple[Compiled, list[str]]:
    agent = compiled(*args, **more)
    report = check(agent)
    return agent, [*report.problems, *report.warnings, *report.notes]


def test_dead_steps_and_propositions() -> None:
    steps = {"d": {"by": "model", "cue": "[D]", "choice": ["x"]}}
    held = {"fine": {"at": "a", "matches": "yes"}, "dead": {"at": "a", "matches": "maybe"}}
    agent, said = reported("q (t | d) a", "G !d", steps=steps, propositions=held)
    assert agent.dead_steps == ("d",)
    assert said == ["the step 'd' can never occur", "the proposition 'dead' can never hold"]


def test_limits_below_the_least_budget() -> None:
    agent, said = reported("q t a", limits={"max_tokens": 9})
    assert len(said) == 1
    below = "the limits (9 tokens, 40 steps, 8 tool calls) are below the least that surely suffices: "
    assert f"{below}{agent.guard.least()}" in said[0]
    _, said = reported("q t a", limits={"max_tokens": agent.guard.least().tokens})
    assert said == []


def test_notes() -> None:
    _, said = reported("q (t q)* a", limits={"timeout": 9})
    assert said == [
        "the user writes more than once; a run whose user stays silent ends 'pending'",
        "the time-out may stop a run before its end ('stopped_limit')",
    ]
    agent = declared(
        "q t a", rules=[{"id": "w", "ltl": "F t", "enforce": "warn"}, {"id": "o", "ltl": "F t", "enforce": "off"}]
    )
    assert agent.spec.rules[0].enforce == "warn"


def test_a_bare_spec_is_looked_at_with_tools_that_its_rules_name() -> None:
    def names(*rules: str, **more: Any) -> dict[str, ToolSchema]:
        return stand_ins(declared("q (n i o s)* a", *rules, **more).spec)

    assert list(names("G(call(pay) -> F ok(look))")) == ["look", "pay"]
    assert list(names("F empty(s) | F a")) == ["tool"], "empty(s) names a step"
    assert stand_ins(declared("q t a").spec) == {}
    where = {"amount": {"exclusiveMinimum": 100}, "to": {"const": "me"}, "fast": {"const": True}}
    found = names(propositions={"large": {"at": "i", "tool": "pay", "where": where}})
    assert {name: shape["type"] for name, shape in found["pay"].parameters["properties"].items()} == {
        "amount": "number", "to": "string", "fast": "boolean",
    }  # fmt: skip
    large = {"large": {"at": "i", "tool": "pay", "where": where}}
    agent = compile_agent(declared("q (n i o)* a", "G !large", propositions=large), found)
    assert agent.assumed_tools == ("pay",)
    assert "no tools are named; looked at with stand-ins for: pay" in check(agent).notes
