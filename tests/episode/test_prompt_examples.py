"""Prompt examples: what the guard writes reads back as it was; what is wrong is named where it stands; prompts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.episode.prompt_examples import Finding, Line, findings, read_examples, read_transcripts
from agentspec.episode.render import messages, render, text
from agentspec.episode.transcript import show
from agentspec.errors import SyntaxProblem
from tests.checking.agents import compiled
from tests.laws.harness import sound_spec
from tests.laws.played import Played, play
from tests.laws.toy import WILLS, ToyEngine, toy_tokenizer
from tests.laws.written import BREAKS

# What the guard wrote -----------------------------------------------------------------------------------------------


def stands_as_it_was_said(played: Played) -> bool:
    """Whether no text of others is cut, or has line ends that a transcript does not keep."""
    for record in played.records:
        if record.letter is not None and record.letter.owner != Owner.MODEL:
            lines = BREAKS.split(record.content)
            odd = "\n".join(lines) != record.content or any(not row.strip() for row in lines)
            if odd or record.shown != record.content:
                return False
    return True


def test_what_the_guard_writes_is_a_fine_example() -> None:
    found: Counter[str] = Counter()
    for seed in range(70):
        spec, agent = sound_spec(seed)
        if agent is None:
            continue
        will = Random(seed).choice(sorted(WILLS))
        played = play(spec, agent, seed=seed, will=will, task=Random(seed).choice(["Why?\n[Answer] 42", "is it 7?"]))
        found[played.result.status] += 1
        if played.result.status != "accepted" or not stands_as_it_was_said(played):
            continue
        steps = [(str(record.letter.step), record.content) for record in played.records if record.letter is not None]
        whole = "".join(show(agent.agent.spec, *step) for step in steps)
        (one,) = read_transcripts(agent.agent.spec, whole)
        told = [finding.message for finding in findings(agent, [one], "e.txt")]
        assert told == [], f"{told} of {whole!r}\n{spec.text}"
        assert [line.content for line in one.lines] == [content for _, content in steps] or shares_cues(agent), whole
        found["read"] += 1
    print(found)
    assert found["read"] >= 25


def shares_cues(agent: Compiled) -> bool:
    cues = [step.cue for step in agent.agent.spec.steps.values()]
    return any(one != other and (one + " ").startswith(other + " ") for one in cues for other in cues) or (
        len(set(cues)) < len(cues)
    )


# What is wrong ------------------------------------------------------------------------------------------------------

PAY = {"type": "object", "properties": {"amount": {"type": "integer", "minimum": 0}}, "required": ["amount"]}
STEPS: dict[str, Any] = {
    "p": {"by": "model", "cue": "[P]", "text": {"max_chars": 20, "max_lines": 3}},
    "f": {"by": "model", "cue": "[F]", "free": "</f>"},
    "u": {"by": "model", "cue": "[U]", "choice": ["unknown"]},
}
LARGE = {
    "large": {"at": "k", "tool": "pay", "where": {"amount": {"minimum": 100}}},
    "paid": {"at": "o", "contains": "paid"},
}


def desk() -> Compiled:
    return compiled(
        "q (t | p | f | k o)* (a | s | u)", "G !large", "!a W paid",
        steps=STEPS, tools={"pay": PAY}, propositions=LARGE,
    )  # fmt: skip


def found_in(example: str, agent: Compiled | None = None) -> list[Finding]:
    agent = agent or desk()
    return list(findings(agent, read_transcripts(agent.agent.spec, example), "e.txt"))


FINE = [
    '[Q] pay 3\n[T] soon\n[K] {"name":"pay","arguments":{"amount":3}}\n[O] paid\n[A] yes\n',
    '[Q] pay 3\n[K] {"name":"pay","arguments":{"amount":3}}\n[O] paid 3 euro\n  to you\n[S] to you\n',
    '[Q] x\n[P] one\n  two\n  three\n[K] {"name":"pay","arguments":{"amount":3}}\n[O] paid\n[A] no\n',
    '[Q] x\n[F] let me\nthink\n</f>\n[K] {"name":"pay","arguments":{"amount":99}}\n[O] it is paid\n[A] no\n',
    '[Q] x\n[F] </f>\n[P] a\n  \n  b\n[K] {"name":"pay","arguments":{"amount":99}}\n[O] it is paid\n[A] no',
]


@pytest.mark.parametrize("example", FINE, ids=range(len(FINE)))
def test_fine_examples(example: str) -> None:
    assert found_in(example) == []
    assert found_in(f"# how it goes\n{example.rstrip()}\n\n---\n{example}") == []


CALL = '[K] {"name":"pay","arguments":{"amount":3}}\n'
WRONG: list[tuple[str, tuple[int, int, int], str, tuple[str, ...]]] = [
    ("[Q] x\n[A] yes\n", (2, 2, 1), "'a' breaks a rule here", ("r1",)),
    (f"[Q] x\n{CALL}[O] 3\n[A] yes\n", (4, 4, 1), "'a' breaks a rule here", ("r1",)),
    (
        '[Q] x\n[K] {"name":"pay","arguments":{"amount":300}}\n[O] paid\n[A] yes\n',
        (2, 2, 1),
        "breaks a rule here",
        ("r0",),
    ),
    (f"[Q] x\n{CALL}[O] paid\n[A] maybe\n", (4, 4, 5), "not a valid content for 'a'", ()),
    (f"[Q] x\n{CALL}[O] paid\n[A] yess\n", (4, 4, 8), "not a valid content for 'a'", ()),
    (f"[Q] x\n[T] abcdefg\n{CALL}[O] paid\n[A] yes\n", (2, 2, 10), "not a valid content for 't'", ()),
    ('[Q] x\n[K] {"name":"pay","arguments":{"amount":-3}}\n[O] paid\n', (2, 2, 41), "not a valid content for 'k'", ()),
    ('[Q] x\n[K] {"name":"pay","arguments":{"amuont":3}}\n[O] paid\n', (2, 2, 35), "not a valid content for 'k'", ()),
    ("[Q] x\n[P] one\n  two\n  three\n  four\n", (2, 4, 8), "not a valid content for 'p'", ()),
    (f"[Q] x\n{CALL}[O] paid to you\n[S] paid by you\n", (4, 4, 10), "not a valid content for 's'", ()),
    (f"[Q] x\n{CALL}[T] a\n", (3, 3, 1), "the step 't' may not come here", ()),
    ("[Q] x\n[Q] y\n", (2, 2, 1), "the step 'q' may not come here", ()),
    (f"[Q] x\n{CALL}[O] paid\n[T] a\n", (4, 4, 1), "the episode may not end after this step", ()),
    (f"[Q] x\n{CALL}", (2, 2, 1), "the episode may not end after this step", ()),
    ("[T] a\n", (1, 1, 1), "the step 't' may not come here", ()),
    ("[Q] x\n[Z] y\n", (2, 2, 1), "a line begins with a cue", ()),
    ("[Q] x\n[F] never\nclosed\n", (2, 2, 1), "", ()),
]


@pytest.mark.parametrize(("example", "place", "problem", "rules"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named_where_it_stands(
    example: str, place: tuple[int, int, int], problem: str, rules: tuple[str, ...]
) -> None:
    (finding,) = found_in(example)
    assert (finding.example, finding.step) == (1, place[0])
    assert problem in finding.problem
    assert finding.rules == rules
    assert finding.location.source == "e.txt"
    if problem:
        assert (finding.location.line, finding.location.column) == place[1:], str(finding)
    row = example.split("\n")[finding.location.line - 1]
    assert str(finding).split("\n")[1:3] == [f"    {row}", " " * (finding.location.column + 3) + "^"]
    told = finding.to_json()
    assert (told["file"], told["line"], told["column"]) == ("e.txt", finding.location.line, finding.location.column)
    assert (told["rules"], told["example"], told["step"]) == (list(rules), 1, place[0])


def test_what_would_have_been_allowed() -> None:
    (finding,) = found_in("[Q] x\n[A] yes\n")
    assert finding.allowed == ("f", "k {call(pay), chosen(pay)}", "p", "t", "u"), "what the guard allows there"
    assert str(finding).endswith(f"\n    allowed: {', '.join(finding.allowed)}")
    (finding,) = found_in(f"[Q] x\n{CALL}[O] paid\n[A] maybe\n")
    assert set(finding.allowed) == {"a", "f", "k {call(pay), chosen(pay)}", "p", "s", "t", "u"}
    (finding,) = found_in("[Q] x\n[T] a\n[T] b\n", compiled("q t (a | t a)?"))
    assert finding.allowed == ("a",)
    agent = compiled("q t (a | n i o)*")
    (finding,) = found_in("[Q] x\n[T] a\n[T] b\n", agent)
    assert set(finding.allowed) == {"the end", "a", "n {chosen(pay)}"}


def test_the_second_example_is_counted_and_located() -> None:
    (finding,) = found_in(FINE[0] + "---\n# again\n[Q] x\n[A] yes\n")
    assert (finding.example, finding.step, finding.location.line) == (2, 2, 9)
    several = found_in("[Q] x\n[A] yes\n---\n" + FINE[0] + "---\n[Q] y\n[T] a\n")
    assert [finding.example for finding in several] == [1, 3]


def test_an_observation_may_be_any_outcome_its_text_allows() -> None:
    agent = compiled("q (n i o t?)+ a", "G(failed(pay) -> X a)", "G(ok(pay) -> X t)")
    call = "[N] pay\n[I] {}\n[O] no\n"
    assert found_in(f"[Q] x\n{call}[A] yes\n", agent) == [], "the call failed"
    assert found_in(f"[Q] x\n{call}[T] so\n{call}[A] yes\n", agent) == [], "the first was ok, the second failed"
    (finding,) = found_in(f"[Q] x\n{call}{call}[A] yes\n", agent)
    assert (finding.step, finding.rules, finding.allowed) == (5, ("r1",), ("a", "t"))


def test_a_run_refuses_examples_that_are_wrong() -> None:
    text = FINE[0] + "---\n[Q] x\n[A] yes\n"
    agent = desk()
    agent = replace(agent, agent=replace(agent.agent, examples=text, examples_source="e.txt"))
    with pytest.raises(SyntaxProblem) as raised:
        read_examples(agent)
    assert str(raised.value).startswith("e.txt:8:1: prompt example: 'a' breaks a rule here (rule r1); allowed: f, k")
    agent = replace(agent, agent=replace(agent.agent, examples="---\n".join(FINE[:2])))
    assert [[line.step for line in one] for one in read_examples(agent)] == [
        ["q", "t", "k", "o", "a"],
        ["q", "k", "o", "s"],
    ]


# The prompt ---------------------------------------------------------------------------------------------------------

CALLED = '{"name":"pay","arguments":{"amount":3}}'
EXAMPLE = [Line("q", "one?"), Line("p", "a\n  b"), Line("k", CALLED), Line("o", "paid\n[A] no"), Line("a", "yes")]
SHOWN = '[P] a\n  b\n[K] {"name":"pay","arguments":{"amount":3}}\n[O] paid\n  [A] no\n[A] yes'


def rendered(**more: Any) -> Compiled:
    return compiled(
        "q (t | p | k o)* a", steps=STEPS, tools={"pay": PAY}, instructions="You pay.\n", **more,
    )  # fmt: skip


def test_the_prompt_through_a_chat_template() -> None:
    agent = rendered(rendering={"prefill": "[P] "})
    said = messages(agent, [EXAMPLE], "two\n[A] 3")
    assert said == [
        {"role": "system", "content": 'You pay.\n\nTools:\n- pay {"amount": integer}: A tool.'},
        {"role": "user", "content": "one?"},
        {"role": "assistant", "content": SHOWN},
        {"role": "user", "content": "two\n[A] 3"},
    ]
    tokens = render(agent, ToyEngine(), [EXAMPLE], "two\n[A] 3")
    assert (
        toy_tokenizer().data([token for token in tokens if token < len(toy_tokenizer().plain)]).endswith(b"[A] 3[P] ")
    )


def test_the_prompt_as_text() -> None:
    agent = rendered(rendering="text")
    told = text(agent, [EXAMPLE, EXAMPLE], "two\n[A] 3")
    assert told == (
        'You pay.\n\nTools:\n- pay {"amount": integer}: A tool.\n\n'
        f"[Q] one?\n{SHOWN}\n\n[Q] one?\n{SHOWN}\n\n[Q] two\n  [A] 3\n"
    )
    assert toy_tokenizer().data(render(agent, ToyEngine(), [EXAMPLE, EXAMPLE], "two\n[A] 3")) == told.encode()
    agent = rendered(rendering={"style": "text", "prefill": "[P]"})
    assert text(agent, [], "x").endswith("\n\n[Q] x\n[P]")


def test_a_prompt_of_the_task_alone() -> None:
    agent = compiled("q a", tools={}, rendering="text")
    assert text(agent, [], "x") == "[Q] x\n"
    assert messages(agent, [], "x") == [{"role": "user", "content": "x"}]
