"""Few-shot pools: valid, distinct, as many as asked for or as the window holds, the same on every machine."""

from __future__ import annotations

import json
import logging
import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec import limits
from agentspec.api.agent import Agent
from agentspec.checking.compile import Compiled, compile_agent
from agentspec.checking.compile_session import CompiledSession
from agentspec.episode import pool as pool_module
from agentspec.episode import prompt_examples
from agentspec.episode.episode import Episode
from agentspec.episode.journal import Journal
from agentspec.episode.pool import choose, pool_of
from agentspec.episode.prompt_examples import findings, read_examples, read_transcripts
from agentspec.episode.render import render
from agentspec.episode.session import Session
from agentspec.episode.similar import Similar
from agentspec.episode.unguarded import UnguardedEpisode
from agentspec.errors import BudgetRefused, InvalidInput, SyntaxProblem, TooLarge
from agentspec.guard.budget import Budget
from agentspec.shipped import folder
from agentspec.spec.load import load, load_text
from agentspec.spec.model import By, Pick
from tests.laws.toy import ToyEngine

TEXT = """\
version: 1
name: pooled
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 20}}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 20}}
behavior: question thought{0,2} answer
limits: {max_tokens: 200, max_steps: 6, max_tool_calls: 0}
"""
TASKS = ["What is 2 + 2?", "Who wrote Hamlet?", "What is 48 * 17?", "Where is Peru?", "Who wrote Faust?", "Why?"]
BY: list[By] = ["order", "seed", "similarity"]
DECLARED = load_text(TEXT)
COMPILED = compile_agent(DECLARED)


def pooled(tasks: list[str], pick: Pick | None = None, agent: Compiled = COMPILED) -> Compiled:
    """The agent with an example for each task."""
    text = "---\n".join(f"[Question] {task}\n[Thought] so\n[Answer] yes {i}\n" for i, task in enumerate(tasks, start=1))
    return replace(agent, agent=replace(agent.agent, examples=text, examples_source="pool.txt", pick=pick))


# What is chosen -------------------------------------------------------------------------------------------------------

plain_tasks = st.lists(st.text("abc +?0é日", min_size=1, max_size=12).filter(str.strip), min_size=1, max_size=9)


@settings(max_examples=60, deadline=None)
@given(plain_tasks, st.integers(0, 12), st.sampled_from(BY), st.integers(-3, 2**70), st.text("abc日 0", max_size=9))
def test_the_chosen_are_valid_distinct_and_so_many(tasks: list[str], k: int, by: By, seed: int, task: str) -> None:
    tasks = [" ".join(one.split()) for one in tasks]
    agent = pooled(tasks, Pick(k, by))
    chosen = choose(agent, task, seed)
    assert len(chosen.numbers) == len(set(chosen.numbers)) == min(k, len(tasks))
    assert [one[0].content for one in chosen.examples] == [tasks[number - 1] for number in chosen.numbers]
    assert [one[-1].content for one in chosen.examples] == [f"yes {number}" for number in chosen.numbers]
    shown = "\n---\n".join("\n".join(line.text for line in one) for one in chosen.examples)
    assert not list(findings(agent, read_transcripts(agent.agent.spec, shown), "shown"))
    again = choose(pooled(tasks, Pick(k, by)), task, seed)
    assert again == chosen
    more = choose(agent, task, seed, k + 1).numbers
    kept = min(k, len(tasks))
    assert (more[len(more) - kept :] if by == "similarity" else more[:kept]) == chosen.numbers


def test_by_order_the_first_are_shown() -> None:
    assert choose(pooled(TASKS, Pick(2)), "Why?", 5).numbers == (1, 2)
    assert choose(pooled(TASKS), "Why?", 5, 4).numbers == (1, 2, 3, 4), "without 'pick:' a number means the first ones"
    assert choose(pooled(TASKS), "Why?", 5).numbers == (1, 2, 3, 4, 5, 6)


def test_by_seed_it_is_the_same_on_every_machine() -> None:
    """Written down here, so that another Python, or another hash seed, is found out."""
    agent = pooled([f"Task {i}" for i in range(40)], Pick(3, "seed"))
    assert choose(agent, "x", 0).numbers == choose(agent, "another task", 0).numbers == (38, 6, 34)
    assert choose(agent, "x", 1).numbers == (1, 32, 35)
    assert choose(agent, "x", -1).numbers == (37, 1, 13)


def test_by_seed_each_comes_as_often_as_the_others() -> None:
    """Of 3 out of 12, each of 3,000 seeds: chi squared with 11 degrees of freedom is below 31.3 in 999 of 1,000."""
    agent = pooled([f"Task {i}" for i in range(12)], Pick(3, "seed"))
    counts = [0] * 12
    for seed in range(3000):
        for number in choose(agent, "x", seed).numbers:
            counts[number - 1] += 1
    expected = 3000 * 3 / 12
    assert sum((count - expected) ** 2 / expected for count in counts) < 31.3


@pytest.mark.parametrize(
    ("task", "numbers"),
    [
        ("What is 5 * 6?", (1, 3)),
        ("Who wrote Don Quixote?", (2, 5)),  # Faust is the shorter
        ("who WROTE hamlet", (5, 2)),
        ("Where in Peru is Lima?", (1, 4)),
        ("日本", (2, 1)),  # like none: the first ones, of which the first comes last
    ],
)
def test_by_similarity_the_most_similar_comes_last(task: str, numbers: tuple[int, ...]) -> None:
    assert choose(pooled(TASKS, Pick(2, "similarity")), task, 0).numbers == numbers


def similarity(pool: list[str], one: str, other: str) -> float:
    """The cosine, by the definition."""

    def pieces(text: str) -> list[str]:
        text = "".join("0" if c.isdecimal() else c for c in text.casefold())
        while "00" in text:
            text = text.replace("00", "0")
        text = " " + " ".join(text.split()) + " "
        return [text[i] + text[i + 1] + text[i + 2] for i in range(len(text) - 2)]

    every = sorted({piece for text in pool for piece in pieces(text)})

    def vector(text: str) -> list[float]:
        own = pieces(text)
        return [
            (1 + math.log(own.count(piece))) * math.log(1 + len(pool) / sum(piece in pieces(t) for t in pool))
            if piece in own else 0.0
            for piece in every
        ]  # fmt: skip

    a, b = vector(one), vector(other)
    norm = math.sqrt(sum(x * x for x in a) * sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm else 0.0


words = st.lists(st.sampled_from(["Who", "who", "wrote", "12", "7", "+", "é", "Éa", "日本", "a  b"]), max_size=6)


@settings(max_examples=80, deadline=None)
@given(st.lists(words.map(" ".join), min_size=1, max_size=8), words.map(" ".join))
def test_similarity_is_that_of_the_definition(tasks: list[str], task: str) -> None:
    similar = Similar(tasks)
    scores = similar.scores(task)
    assert scores == pytest.approx([similarity(tasks, task, one) for one in tasks])
    ranked = similar.ranked(task)
    assert sorted(ranked) == list(range(len(tasks)))
    assert all((-scores[one], one) < (-scores[other], other) for one, other in pairwise(ranked))


def test_a_long_task_is_compared_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SIMILAR_LENGTH", 5)
    assert Similar(["bbbb aaaaa", "aaaaa bbbb"]).ranked("aaaaa" + "b" * 10**6) == [1, 0]


# Within the window ----------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 6), st.sampled_from(BY), st.integers(60, 900), st.integers(20, 400), st.booleans())
def test_as_many_are_shown_as_the_window_holds(k: int, by: By, window: int, tokens: int, guarded: bool) -> None:
    agent, engine = pooled(TASKS, Pick(k, by)), ToyEngine(window=window)
    kind = Episode if guarded else UnguardedEpisode
    episode = kind(agent, engine, {}, TASKS[2], budget=Budget(tokens, 6, 0))
    ranked = pool_of(agent).ranked(by, TASKS[2], 0)
    most = 0
    for count in range(1, k + 1):
        examples = [pool_of(agent).examples[number - 1] for number in ranked[:count]]
        left = window - len(render(agent, engine, examples, TASKS[2]))
        least = agent.guard.least()
        if left >= min(tokens, window // 2) and min(left, tokens) >= least.tokens:
            most = count
    assert set(episode.chosen.numbers) == set(ranked[:most])
    assert episode.chosen.asked == k
    if guarded:
        list(episode.steps())
        assert episode.result is not None
        assert episode.result.status in ("accepted", "refused")
        assert len(episode.prompt) + episode.result.usage.tokens <= window or episode.result.status == "refused"
        assert episode.result.status == "accepted" or not episode.chosen.numbers


def test_the_least_budget_fits_even_where_it_is_more_than_half_of_the_window() -> None:
    long = TEXT.replace('[Answer]", text: {max_chars: 20}', '[Answer]", text: {min_chars: 90, max_chars: 90}')
    agent = compile_agent(load_text(long))
    text = f"[Question] Why?\n[Answer] {'answer' * 15}\n"  # fewer tokens than the guard counts with
    agent = replace(agent, agent=replace(agent.agent, examples=text, examples_source="pool.txt", pick=Pick(1)))
    assert agent.guard_with(ToyEngine().spell).least().tokens > 60
    engine = ToyEngine()
    bare, full = (len(Episode(agent, engine, {}, "Why?", examples=count).prompt) for count in (0, 1))
    for window in range(bare, 2 * full + 200, 5):
        episode = Episode(agent, ToyEngine(window=window), {}, "Why?")
        list(episode.steps())
        assert episode.result is not None
        assert episode.result.status == "accepted" or not episode.chosen.numbers, window


def test_what_was_not_asked_for_by_number_is_not_left_out() -> None:
    episode = Episode(pooled(TASKS), ToyEngine(window=150), {}, "Why?")
    assert len(episode.chosen.numbers) == 6
    list(episode.steps())
    assert episode.result is not None
    assert (episode.result.status, episode.usage.steps) == ("refused", 0)
    assert "context window of 150 tokens is too small" in episode.result.reason
    episode = Episode(pooled(TASKS), ToyEngine(window=150), {}, "Why?", examples=6)
    list(episode.steps())
    assert episode.result is not None
    assert episode.result.status == "accepted"


def test_fewer_than_asked_for_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Journal("pooled", tmp_path) as journal:
        episode = Episode(pooled(TASKS, Pick(5, "similarity")), ToyEngine(window=180), {}, "Why?", journal=journal)
        with caplog.at_level(logging.WARNING, "agentspec.examples"):
            list(episode.steps())
    shown = episode.chosen.numbers
    assert 0 < len(shown) < 5
    assert shown[-1] == 6, "the most similar stays"
    assert caplog.messages == [f"{len(shown)} of the 5 examples asked for are in the prompt: {NO_MORE}"]
    head = json.loads(journal.path.read_text(encoding="utf-8").splitlines()[0])
    assert head["examples"] == list(shown)
    caplog.clear()
    assert choose(pooled(TASKS), "Why?", 0, 9).numbers == (1, 2, 3, 4, 5, 6)
    assert caplog.messages == ["6 of the 9 examples asked for are in the prompt: the agent has 6"]


NO_MORE = "the context window holds no more"


# Once for each agent --------------------------------------------------------------------------------------------------


def test_examples_are_validated_once_for_each_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    def counted(agent: Compiled) -> object:
        read.append(agent)
        return read_examples(agent)

    monkeypatch.setattr(pool_module, "read_examples", counted)
    agent = Agent(pooled(TASKS, Pick(2, "seed")).agent)
    for seed in range(4):
        assert agent.run("Why?", engine=ToyEngine(seed), seed=seed, trace=False).status == "accepted"
    agent.run_many(["Why?", "Who?"], engine=ToyEngine(), trace=False, examples=1)
    assert len(read) == 1


def test_no_example_is_shown_where_one_is_invalid() -> None:
    broken = replace(DECLARED, examples="[Question] a\n[Answer] b\n---\n[Question] c\n[Thought] d\n", pick=Pick(1))
    agent = Agent(replace(broken, examples_source="pool.txt"))
    for count in (None, 0, 1):
        with pytest.raises(SyntaxProblem, match=r"pool\.txt:5:1: prompt example: the episode may not end") as problem:
            agent.run("Why?", engine=ToyEngine(), examples=count)
        assert problem.value.location is not None
    with pytest.raises(SyntaxProblem):
        agent.check()


def test_a_pool_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POOL_EXAMPLES", 5)
    with pytest.raises(TooLarge, match=r"pool\.txt: 6 examples; a pool has 5 at most"):
        pool_of(pooled(TASKS))


# Prompts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", sorted(folder("agents").glob("*.yaml")), ids=lambda file: file.stem)
def test_without_a_number_prompts_are_as_ever(file: Path) -> None:
    """All examples in their order, in every style, sessions too; or the first so many, if asked for."""
    compiled, engine = compile_agent(load(str(file))), ToyEngine()
    kind = Session if isinstance(compiled, CompiledSession) else Episode
    every = [one for text, _ in compiled.agent.example_files for one in transcripts(compiled, text)]
    assert kind(compiled, engine, {}, "Why?").prompt == render(compiled, engine, every, "Why?")
    for count in range(3):
        prompt = kind(compiled, engine, {}, "Why?", examples=count).prompt
        assert prompt == render(compiled, engine, every[:count], "Why?")


def transcripts(compiled: Compiled, text: str) -> list[list[prompt_examples.Line]]:
    return [one.lines for one in read_transcripts(compiled.agent.spec, text)]


def test_both_arms_of_a_comparison_have_one_prompt() -> None:
    agent = pooled(TASKS, Pick(3, "similarity"))
    for window in (120, 170, 10**6):
        one = Episode(agent, ToyEngine(window=window), {}, "Who wrote Lear?")
        other = UnguardedEpisode(agent, ToyEngine(window=window), {}, "Who wrote Lear?")
        assert one.prompt == other.prompt


def test_a_session_keeps_the_examples_of_its_first_message() -> None:
    compiled = compile_agent(load("support"))
    agent = replace(compiled, agent=replace(compiled.agent, pick=Pick(1, "similarity")))
    one, other = (example[0].content for example in pool_of(agent).examples)
    engine = ToyEngine(1, "short", window=2500)
    session = Session(agent, engine, {}, other, messages=[one] * 20)
    list(session.steps())
    assert session.chosen.numbers == (2,)
    assert len(engine.sources) > 1, "the text was begun anew"
    anew = render(agent, engine, session.chosen.examples, one)
    assert session._prompt_from(5)[: len(anew)] == anew


# In a file ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.txt").write_text("[Question] one\n[Answer] 1\n---\n[Question] two\n[Answer] 2\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("[Question] three\n[Answer] 3\n", encoding="utf-8")
    return tmp_path


def declared(folder: Path, examples: str) -> Compiled:
    file = folder / "agent.yaml"
    file.write_text(f"{TEXT}examples: {examples}\n", encoding="utf-8")
    return compile_agent(load(str(file)))


@pytest.mark.parametrize(
    ("examples", "pick", "numbers"),
    [
        ("a.txt", None, (1, 2)),
        ("[b.txt, a.txt]", None, (1, 2, 3)),
        ("{file: a.txt}", None, (1, 2)),
        ("{file: [a.txt, b.txt], pick: 2}", Pick(2, "order"), (1, 2)),
        ("{file: [a.txt, b.txt], pick: 1, by: similarity}", Pick(1, "similarity"), (3,)),
        ("{file: a.txt, pick: 0}", Pick(0, "order"), ()),
        ("null", None, ()),
    ],
)
def test_the_forms_of_the_key(files: Path, examples: str, pick: Pick | None, numbers: tuple[int, ...]) -> None:
    agent = declared(files, examples)
    assert agent.agent.pick == pick
    assert choose(agent, "three", 0).numbers == numbers


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ("{file: a.txt, by: seed}", ":9:29: 'by' says which examples are picked"),
        ("{file: [a.txt, c.txt]}", ":9:26: "),
        ("[a.txt, c.txt]", ":9:19: "),
        ("[a.txt, a.txt]", ":9:19: the file 'a.txt' is there twice"),
        ("c.txt", ":9:11: "),
        ("{file: a.txt, pick: -1}", ":9:31: examples.pick: input should be greater than or equal to 0"),
        ("{file: a.txt, pick: 1, by: luck}", ":9:38: examples.by: input should be 'order', 'seed' or 'similarity'"),
        ("{pick: 1}", ":9:1: the key 'file' is missing"),
        ("[]", "should have at least 1 item"),
    ],
)
def test_what_is_wrong_with_the_key_is_told_with_its_place(files: Path, examples: str, message: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        declared(files, examples)
    assert message in str(problem.value)


def test_an_invalid_example_of_a_second_file_has_its_place_there(files: Path) -> None:
    (files / "b.txt").write_text("[Question] three\n[Thought] 3\n", encoding="utf-8")
    with pytest.raises(SyntaxProblem, match=r"b\.txt:2:1: prompt example: "):
        pool_of(declared(files, "[a.txt, b.txt]"))


def test_the_number_of_a_run_beats_that_of_the_file(files: Path) -> None:
    agent = Agent(declared(files, "{file: a.txt, pick: 1}").agent)
    prompts = []
    for count in (None, 0, 2):
        engine = ToyEngine()
        assert agent.run("Why?", engine=engine, trace=False, examples=count).status == "accepted"
        prompts.append(engine.sources[0].prompt)
    assert prompts[1] < prompts[0] < prompts[2]
    for wrong in (-1, 1.5, True, "2"):
        with pytest.raises(InvalidInput, match="examples is a whole number of 0 or more"):
            agent.run("Why?", engine=ToyEngine(), examples=wrong)


def test_a_run_that_cannot_end_is_refused_as_before() -> None:
    with pytest.raises(BudgetRefused):
        Agent(pooled(TASKS, Pick(2)).agent).run("Why?", engine=ToyEngine(), max_steps=1)
