"""Rules of sessions without an end on logs of a part of one: against all continuations that are small lassos."""

from __future__ import annotations

import json
import random
from itertools import product
from pathlib import Path

import pytest

from agentspec.automata.letter import Letter
from agentspec.automata.monitor import Monitor
from agentspec.automata.translate import translate
from agentspec.episode.explain import explain_trace
from agentspec.episode.replay import Replayer
from agentspec.episode.replay_policy import load_policy
from agentspec.episode.replay_read import read_traces
from agentspec.episode.replay_sessions import SessionMonitor
from agentspec.logic.parse import parse_formula
from agentspec.logic.semantics import holds_on_lasso, holds_on_nothing
from tests.logic.test_explain import random_formula

VALUATIONS: list[set[str]] = [set(), {"a"}, {"b"}, {"a", "b"}]
LASSOS = [
    (list(stem), list(loop))
    for stem_length in range(3)
    for stem in product(VALUATIONS, repeat=stem_length)
    for loop_length in (1, 2)
    for loop in product(VALUATIONS, repeat=loop_length)
]


def told(monitor: SessionMonitor, prefix: list[set[str]]) -> str:
    state = monitor.initial
    for valuation in prefix:
        state = monitor.step(state, Letter(frozenset(valuation)))
    return "violated" if monitor.lost(state) else "satisfied" if monitor.settled(state) else "undecided"


FIXED = ["G(a -> F b)", "a U b", "G F a", "F a & G !a", "G(b -> O a)", "!b W a"]


@pytest.mark.parametrize("formulas", [4, pytest.param(100, marks=pytest.mark.long)])
def test_three_values_are_those_of_all_continuations(formulas: int) -> None:
    rng = random.Random(2)
    seen = {"violated": 0, "satisfied": 0, "undecided": 0}
    for formula in [*map(parse_formula, FIXED), *(random_formula(rng, rng.randrange(1, 6)) for _ in range(formulas))]:
        monitor = SessionMonitor(formula)
        for prefix in ([rng.choice(VALUATIONS) for _ in range(length)] for length in range(1, 4)):
            outcomes = {holds_on_lasso(formula, [*prefix, *stem], loop) for stem, loop in LASSOS}
            answer = told(monitor, prefix)
            seen[answer] += 1
            assert answer == ("undecided" if len(outcomes) == 2 else "satisfied" if True in outcomes else "violated"), (
                formula, prefix,
            )  # fmt: skip
    assert min(seen.values()) >= 2, seen


@pytest.mark.parametrize(
    ("text", "deaf"),
    [
        ("G(a -> F b)", True), ("!a W b", True), ("G a", False), ("G(a -> X b)", False), ("F(a & X a)", False),
        ("G(a -> N(!a W b))", True), ("G(b -> O a)", True), ("G(b -> Y a)", False), ("a U b", False),
    ],
)  # fmt: skip
def test_deaf_to_positions_at_which_nothing_holds(text: str, deaf: bool) -> None:
    assert SessionMonitor(parse_formula(text)).deaf == deaf


def test_a_view_may_see_no_more() -> None:
    """What the view sees may end: then it counts as a finite word, so neither F nor X is lost for good by that."""
    formula = parse_formula("X a")
    word = Monitor(translate(formula), sees=lambda letter: "skip" not in letter.true, nothing=holds_on_nothing(formula))
    monitor = SessionMonitor(formula, sees=lambda letter: "skip" not in letter.true, word=word)
    assert told(monitor, [{"b"}, {"skip"}]) == "undecided"
    assert told(monitor, [{"b"}, {"skip"}, {"b"}]) == "violated"
    assert told(monitor, [{"b"}, {"skip"}, {"a"}]) == "satisfied"
    weak = parse_formula("N !a")
    word = Monitor(translate(weak), sees=lambda letter: "skip" not in letter.true, nothing=holds_on_nothing(weak))
    assert told(SessionMonitor(weak, sees=lambda letter: "skip" not in letter.true, word=word), [{"b"}]) == "undecided"


def test_a_policy_of_sessions(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "version: 1\nname: p\nsemantics: infinite\nrules:\n"
        '  - {id: answered, ltl: "G(user -> F assistant)"}\n  - {id: not-twice, ltl: "G(user -> X !user)"}\n'
        '  - {id: once, ltl: "F assistant"}\n  - {id: lost, ltl: "F user & G !call"}\n', encoding="utf-8",
    )  # fmt: skip
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "pay"}}]}
    log = [{"role": "assistant", "content": "x"}, call, *[{"role": "user", "content": "x"}] * 2]
    (tmp_path / "log.json").write_text(json.dumps(log), encoding="utf-8")
    replayer = Replayer(load_policy(str(tmp_path / "p.yaml")))
    report = replayer.replay(next(read_traces(tmp_path / "log.json")))
    assert not report.ended
    assert [(verdict.rule, verdict.verdict, verdict.item) for verdict in report.verdicts] == [
        ("answered", "undecided", None), ("not-twice", "violated", 3), ("once", "satisfied", 0),
        ("lost", "violated", 1),
    ]  # fmt: skip
    sentences = {one.rule.id: one.sentences() for one in explain_trace(replayer, report)}
    assert sentences["not-twice"][-1] == "`X !user` does not hold at step 2: `user` holds at step 3"
    assert set(sentences) == {"not-twice", "lost"}
