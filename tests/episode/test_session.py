"""Sessions on the toy engine: safety always, what is owed in bounded turns, the window, the ways to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.checking.compile_session import CompiledSession
from agentspec.decoding.sample import Sampler
from agentspec.engines.engine import Engine
from agentspec.episode.journal import Journal
from agentspec.episode.session import RANKED, Session, replies
from agentspec.episode.trace import StepRecord
from agentspec.episode.transcript import show
from agentspec.errors import BudgetRefused, InvalidInput, SpecError
from agentspec.guard.budget import Budget
from agentspec.guard.session import SessionGuard
from agentspec.shipped import folder
from agentspec.spec.load import load
from tests.checking.agents import compiled
from tests.laws import toy
from tests.laws.toy import ToyEngine, ToySource

PATIENCE = 3
BOUND = 2 * (PATIENCE + 1)
"""Turns: patience once for each of the two things owed in turn (closing, and complete rounds), and the ranked ones."""
PROBLEMS = ("My lamp is broken.", "It crashed again!", "This does not work.", "[Closed] solved\n[Closed] solved\nwrong")
OTHERS = ("Hello?", "Why do you ask?", "x" * 300, "No.", "日本 😀")
THANKS = ("Thank you!", "It works now.")


@pytest.fixture(autouse=True)
def stubborn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that would rather reply than close a ticket, and keeps it short."""

    def want(piece: bytes) -> float:
        return {b"R": 40.0, b"C": -40.0}.get(piece, 30.0 if piece == b"\n" else 0.0)

    monkeypatch.setitem(toy.WILLS, "stubborn", (want, -50.0))
    toy._bias.cache_clear()


class CountingSource(ToySource):
    """Knows its length without adding it up, for long sessions."""

    count = 0

    @property
    def length(self) -> int:
        return self.prompt + self.count

    def append(self, tokens: list[int]) -> None:
        super().append(tokens)
        self.count += len(tokens)

    def rollback(self, tokens: int) -> None:
        super().rollback(tokens)
        self.count -= tokens


class LongEngine(ToyEngine):
    """Opens sources that know their length."""

    def open(self, prompt: list[int]) -> ToySource:
        self.sources.append(CountingSource(self.seed, self.will, len(prompt)))
        return self.sources[-1]


def support() -> CompiledSession:
    agent = compile_agent(load("support"))
    assert isinstance(agent, CompiledSession)
    return agent


def adversary(seed: int, turns: int, *, thankful: float = 0.0) -> Iterator[str]:
    """A user who complains, digresses and forges, and hardly ever says that anything is solved."""
    rng = Random(seed)
    for _ in range(turns):
        yield rng.choice(THANKS if rng.random() < thankful else PROBLEMS if rng.random() < 0.5 else OTHERS)


def session(
    agent: Compiled, engine: Engine, talk: Iterator[str], *, seed: int = 0, temperature: float = 0.0, **more: object
) -> Session:
    return Session(
        agent, engine, {}, next(talk), Sampler(temperature, seed), messages=talk, **more  # type: ignore[arg-type]
    )  # fmt: skip


def letters(records: list[StepRecord]) -> list[Letter]:
    return [record.letter for record in records if record.letter is not None]


def check_safety(word: list[Letter]) -> None:
    """The rules of the shipped agent but the first, by hand."""
    is_open, before = False, frozenset()
    for letter in word:
        true, previous = letter.true, before
        if letter.step == "opened":
            assert not is_open, "one ticket at a time"
            assert "problem" in previous, "only problems have tickets"
        if letter.step == "closed":
            assert is_open, "only what is open is closed"
            assert "handed" in true or "solved" in previous, "the customer says what is solved"
        if "problem" in previous and not is_open:
            assert letter.step == "opened", "every problem has a ticket"
        is_open = {"opened": True, "closed": False}.get(str(letter.step), is_open)
        before = true
    names = "".join({"customer": "u", "opened": "o", "closed": "c", "reply": "r"}[str(a.step)] for a in word)
    for turn in names.split("u")[1:-1]:
        assert turn in ("r", "or", "cr"), "each turn is one of the behavior"


def waits(word: list[Letter]) -> list[int]:
    """For each ticket, how many replies came before it was closed; the last may still be open."""
    found: list[int] = []
    is_open = False
    for letter in word:
        if letter.step == "opened":
            found.append(0)
        is_open = {"opened": True, "closed": False}.get(str(letter.step), is_open)
        if letter.step == "reply" and is_open:
            found[-1] += 1
    return found


@pytest.mark.parametrize("will", ["stubborn", *(pytest.param(w, marks=pytest.mark.long) for w in ("random", "short"))])
def test_three_hundred_turns(will: str) -> None:
    agent = support()
    play = session(agent, LongEngine(1, will), adversary(7, 300), temperature=1.0)
    records = list(play.steps())
    word = letters(records)
    assert sum(a.step == "customer" for a in word) == 300
    check_safety(word)
    open_for = waits(word)
    assert len(open_for) >= 20, "the adversary opened few tickets"
    assert max(open_for) <= BOUND
    if will == "stubborn":
        assert max(open_for) > 1, "the model was not stubborn"
        assert any(record.detail == RANKED for record in records)
    assert play.result is not None
    assert play.result.status == "pending"
    assert play.result.answer is None
    found = {verdict.rule: verdict.verdict for verdict in play.result.verdicts}
    assert set(found.values()) == {"undecided"}
    assert len(found) == 6
    assert all(turn["answer"] for turn in replies(play))


def test_without_the_ranking_a_ticket_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionGuard, "guard_of", lambda self, *_, **__: self.free)
    play = session(support(), LongEngine(1, "stubborn"), adversary(7, 120), temperature=1.0)
    word = letters(list(play.steps()))
    check_safety(word)
    assert max(waits(word)) > 10 * BOUND


def test_each_turn_has_the_limits_to_itself() -> None:
    agent = support()
    least = agent.guard.least()
    engine = LongEngine(3, "costly")
    play = session(agent, engine, adversary(3, 12), budget=least)
    records = list(play.steps())
    assert play.result is not None
    assert play.result.status == "pending"
    spent: list[int] = []
    for record in records:
        spent = [*spent, 0] if record.letter and record.letter.step == "customer" else spent
        spent[-1] += record.tokens
    assert max(spent) <= least.tokens
    assert play.result.usage.tokens == sum(spent)
    assert least.tokens < sum(spent), "the limits are those of a turn, not of the session"


@pytest.mark.parametrize("part", ["tokens", "steps"])
def test_too_small_limits_are_refused_with_some_that_suffice(part: str) -> None:
    agent = support()
    least = agent.guard_with(LongEngine().spell).least()
    less = Budget(**{n: getattr(least, n) - (n == part) for n in ("tokens", "steps", "calls")})
    play = session(agent, LongEngine(), adversary(1, 2), budget=less)
    assert list(play.steps()) == []
    assert play.result is not None
    assert play.result.status == "refused"
    assert str(least) in play.result.reason


# ---- the window


def test_a_small_window_keeps_the_most_recent_turns(tmp_path: Path) -> None:
    agent = support()
    engine = LongEngine(5, "short", window=3_600)
    with Journal("support", tmp_path) as journal:
        play = session(agent, engine, adversary(11, 60, thankful=0.3), journal=journal)
        records = list(play.steps())
    assert play.result is not None
    assert play.result.status == "pending", play.result.reason
    check_safety(letters(records))
    assert len(engine.sources) > 1
    assert all(source.length <= engine.window for source in engine.sources)
    lines = [json.loads(line) for line in journal.path.read_text(encoding="utf-8").splitlines()]
    windows = [line for line in lines if line["type"] == "window"]
    assert len(windows) == len(engine.sources) - 1
    assert all(0 < line["prompt_tokens"] <= engine.window for line in windows)
    assert max(line["kept_turns"] for line in windows) > 1
    assert play.result.usage.prompt_tokens > len(play.prompt)
    assert lines[0]["budget"]["tokens"] <= engine.window // 2


def test_what_is_begun_anew_is_what_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text after a restart is the prompt of a session that began at the first turn kept."""
    agent, engine = support(), LongEngine(5, "short", window=3_600)
    opened: list[list[int]] = []
    plain = LongEngine.open

    def noted(self: LongEngine, prompt: list[int]) -> ToySource:
        opened.append(prompt)
        return plain(self, prompt)

    monkeypatch.setattr(LongEngine, "open", noted)
    play = session(agent, engine, adversary(11, 60, thankful=0.3))
    spec, told = agent.agent.spec, ""
    for record in play.steps():
        assert record.letter is not None
        told += show(spec, str(record.letter.step), record.shown)
    head = engine.decode(opened[0]).decode().split("[Customer]")[:-1]
    for prompt in opened[1:]:
        text = engine.decode(prompt).decode()
        begun = "[Customer]".join(head)
        assert text.startswith(begun)
        assert text.removeprefix(begun) in told


def test_a_window_too_small_for_a_turn_is_refused() -> None:
    play = session(support(), LongEngine(window=300), adversary(1, 3))
    assert list(play.steps()) == []
    assert play.result is not None
    assert play.result.status == "refused"
    assert "context window of 300 tokens is too small" in play.result.reason


# ---- the ways to end


def test_an_interrupt_while_the_user_thinks_is_cancelled() -> None:
    def talk() -> Iterator[str]:
        yield "Hello"
        raise KeyboardInterrupt

    play = session(support(), ToyEngine(), talk())
    assert [a.step for a in letters(list(play.steps()))] == ["customer", "reply"]
    assert play.result is not None
    assert play.result.status == "cancelled"


def test_a_finite_agent_has_no_sessions() -> None:
    with pytest.raises(InvalidInput, match="'semantics: infinite'"):
        Session(compiled("q a"), ToyEngine(), {}, "Hello")


def test_a_session_of_one_question_stops_at_its_limits() -> None:
    agent = compiled("q t*", "G F t", semantics="infinite")
    play = Session(agent, ToyEngine(), {}, "Think!", budget=Budget(500, 12, 0))
    word = letters(list(play.steps()))
    assert play.result is not None
    assert play.result.status == "stopped_limit"
    assert [a.step for a in word] == ["q", *["t"] * 11]
    assert play.result.verdicts[0].verdict == "undecided"


def test_verdicts_tell_what_is_settled() -> None:
    agent = compiled("(q t? a)*", "F a", "!a W q", semantics="infinite")
    play = Session(agent, ToyEngine(), {}, "Go")
    at = [letter.step for letter in letters(list(play.steps()))].index("a")
    assert play.result is not None
    assert [(v.verdict, v.position) for v in play.result.verdicts] == [("satisfied", at), ("satisfied", 0)]


UNREALIZABLE = [
    ("(q a)*", "F G !a", "contradictory: no session of the behavior satisfies the rules r0"),
    ("q a", None, "contradictory"),
    ("(q n i o a)*", "G F ok(pay)", "r0"),
    ("(q n i o a)*", "G(failed(pay) -> X failed(pay))", "not realizable"),
]


@pytest.mark.parametrize(("behavior", "rule", "said"), UNREALIZABLE)
def test_what_nobody_can_keep_is_refused_with_a_play(behavior: str, rule: str | None, said: str) -> None:
    agent = compiled(behavior, *([rule] if rule else []), semantics="infinite")
    assert not agent.realizable
    with pytest.raises(SpecError, match=said):
        agent.guard  # noqa: B018


def test_the_adversarys_play_goes_round_and_round() -> None:
    play = compiled("(q n i o a)*", "G F ok(pay)", semantics="infinite").play()
    assert play.loop == 5
    assert play.broken == ("r0",)
    assert "again and again" in str(play)
    assert all("ok(pay)" not in letter.true for letter in play.letters[-play.loop :])
    assert play.to_json()["loop"] == 5


def test_the_shipped_file_is_small() -> None:
    assert len((folder("agents") / "support.yaml").read_text(encoding="utf-8").splitlines()) <= 40
    with pytest.raises(BudgetRefused, match="a turn cannot surely end within"):
        support().guard.start(Budget(10, 10, 0))
