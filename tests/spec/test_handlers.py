"""What a file says of handlers: what cannot be is named where it stands, with what may have been meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentspec.automata.letter import Owner
from agentspec.checking.compile import compile_agent
from agentspec.content.tool_schema import ToolSchema
from agentspec.errors import SpecError
from agentspec.spec.load import load, load_text

FILE = """\
version: 1
name: helped
steps:
  question: {{by: user, cue: "[Question]"{question}}}
  vote:
    by: tool
    cue: "[Vote]"
    {vote}
  answer: {{by: model, cue: "[Answer]", text: {{max_chars: 9}}{answer}}}
behavior: question vote answer
{more}
"""


def text(vote: str, *, question: str = "", answer: str = "", more: str = "") -> str:
    return FILE.format(vote=vote, question=question, answer=answer, more=more)


BAD = [
    ("handler: vot", "8:14: no handler is called 'vot'; did you mean 'vote'?"),
    (
        "handler: nothing",
        "8:14: no handler is called 'nothing'; valid: confirm, delegate, planned, repeat, summary, vote",
    ),
    ("handler: 3", "8:14: steps.vote.handler: input should be a mapping with keys among name, agents, with"),
    ("handler: {}", "8:5: the key 'name' is missing"),
    ("handler: ''", "8:14: steps.vote.handler.name: string should have at least 1 character"),
    ("handler: {name: vote, agent: cot}", "8:27: unknown key 'agent'; did you mean 'agents'?"),
    ("handler: {name: vote, agents: 3}", "8:35: steps.vote.handler.agents: input should be a valid list"),
    ("handler: vote", "8:14: the handler 'vote' asks 1 agent, not 0"),
    ("handler: {name: vote, agents: [cot, react]}", "the handler 'vote' asks 1 agent, not 2"),
    ("handler: {name: delegate, agents: []}", "the handler 'delegate' asks 1 to 20 agents, not 0"),
    ("handler: {name: repeat, agents: cot, with: {of: vote}}", "the handler 'repeat' asks 0 agents, not 1"),
    ("handler: {name: delegate, agents: [cot, react]}", "8:14: the handler 'delegate' has several agents"),
    ("handler: {name: vote, agents: cott}", "8:35: no file and no shipped agent is called 'cott'; did you mean 'cot'?"),
    ("handler: {name: ./h.py:f, agents: [cot, cott]}", "8:45: no file and no shipped agent is called 'cott'"),
    ("handler: {name: ./h.py:f, agents: [cot, cot]}", "two agents of './h.py:f' are called 'cot'"),
    ("handler: {name: vote, agents: cot, with: {sample: 3}}", "has no setting 'sample'; did you mean 'samples'?"),
    (
        "handler: {name: vote, agents: cot, with: {samples: 3.5}}",
        "8:56: the handler 'vote', 'samples': input should",
    ),
    ("handler: {name: vote, agents: cot, with: {samples: 51}}", "8:56: the handler 'vote', 'samples': input should"),
    (
        "handler: {name: vote, agents: cot, with: {samples: true}}",
        "8:56: the handler 'vote', 'samples': input should",
    ),
    ("handler: {name: vote, agents: cot, with: 3}", "8:46: steps.vote.handler.with: input should be"),
    ("handler: repeat", "8:14: the handler 'repeat' needs the setting 'of'"),
    (
        "handler: {name: repeat, with: {of: anser}}",
        "8:40: the handler 'repeat' names the unknown step 'anser'; did",
    ),
    ("handler: {name: repeat, with: {of: [vote, anser]}}", "8:47: the handler 'repeat' names the unknown step 'anser'"),
    ("handler: {name: planned, with: {plan: []}}", "8:43: the handler 'planned', 'plan': list should have at least 1"),
    ("handler: {name: planned, with: {plan: [answer, 3]}}", "8:52: the handler 'planned', 'plan.1': input should be"),
    ("handler: ./h.py", "8:14: the handler './h.py' names no function: write ./h.py:NAME"),
    ("handler: h.py:f", "8:14: the handler 'h.py:f' is a file, and a file begins with ./: write ./h.py:f"),
    ("handler: ../h.py:f", "8:14: the handler '../h.py:f' leads out of the folder"),
    ("handler: /h.py:f", "8:14: the handler '/h.py:f' is not a relative path"),
    ("handler: ./h.py:f\n    tool: name", "9:11: the tool writes 'vote': 'tool' is for the model's steps"),
    ("handler: ./h.py:f\n    hidden: maybe", "9:13: steps.vote.hidden: input should be a valid boolean"),
]


@pytest.mark.parametrize(("vote", "told"), BAD, ids=[vote for vote, _ in BAD])
def test_what_cannot_be_is_named_where_it_stands(vote: str, told: str) -> None:
    with pytest.raises(SpecError, match=re.escape(told)):
        load_text(text(vote))


def test_where_there_can_be_no_handler_and_nothing_hidden() -> None:
    fine = "handler: ./h.py:f"
    for file, told in [
        (text(fine, question=", handler: ./h.py:f"), "4:43: 'handler' is for steps of tools and of the model"),
        (text(fine, question=", hidden: true"), "4:43: 'hidden' is for steps of tools"),
        (text(fine, answer=", hidden: true"), "9:62: 'hidden' is for steps of tools"),
        (text(fine, more="semantics: infinite"), "8:5: a session ('semantics: infinite') has no steps with a handler"),
        (text(fine, more="propositions: {p: {at: vote, where: {a: {const: 1}}}}"), "'vote' holds none"),
    ]:
        with pytest.raises(SpecError, match=re.escape(told)):
            load_text(file)
    for style in ("hermes", "llama3", "mistral"):
        with pytest.raises(SpecError, match=f"'vote' is hidden: in the style {style} every turn is there to be read"):
            load_text(text("hidden: true", more=f"rendering: {{style: {style}}}"))
        assert load_text(text(fine, more=f"rendering: {{style: {style}}}")).spec.handlers


def test_a_handlers_file_lies_beside_the_agents_own(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "base.yaml").write_text(text("handler: ./h.py:f"), encoding="utf-8")
    own = tmp_path / "agent.yaml"
    own.write_text("version: 1\nname: own\nspec: specs/base.yaml\n", encoding="utf-8")
    with pytest.raises(
        SpecError, match=r"'\./h\.py:f' lies beside another file: declare 'vote' in the agent's own file"
    ):
        load(str(own))


TOOL = {"add": ToolSchema("add", "Adds.", {"type": "object", "properties": {}, "additionalProperties": False})}
CALLS = """\
version: 1
name: calls
steps:
  question: {by: user, cue: "[Question]"}
  vote: {by: tool, cue: "[Vote]", handler: ./h.py:f}
  action: {by: model, cue: "[Action]", tool: name}
  input: {by: model, cue: "[Input]", tool: arguments}
  result: {by: tool, cue: "[Result]"}
  answer: {by: model, cue: "[Answer]", choice: [done]}
behavior: BEHAVIOR
propositions: {big: {at: vote, contains: big}, small: {at: vote, contains: small}}
RULES
"""


def test_the_letters_of_a_step_of_code() -> None:
    made = compile_agent(load_text(CALLS.replace("BEHAVIOR", "question vote answer").replace("RULES", "")), TOOL)
    found = [letter for letter in made.alphabet.letters if letter.step == "vote"]
    assert {letter.true for letter in found} == {
        frozenset({"vote", *more}) for more in [(), ("big",), ("small",), ("big", "small"), ("error",)]
    }
    assert {(letter.owner, letter.tool, letter.completes_call) for letter in found} == {(Owner.TOOL, None, False)}


@pytest.mark.parametrize(
    ("behavior", "rules", "realizable"),
    [
        ("question vote answer", "", True),
        ("question action vote input result answer", "", False),
        ("question action input vote result answer", "", False),
        ("question action input result vote answer", "", True),
        ("question vote answer?", "rules: [{id: r, ltl: 'G(error -> X answer)'}]", True),
        ("question vote answer", "rules: [{id: r, ltl: 'G !error'}]", False),
        ("question vote answer", "rules: [{id: r, ltl: 'F big'}]", False),
        ("question vote answer?", "rules: [{id: r, ltl: 'G(big -> X answer) & G(small -> !X answer)'}]", False),
        ("question vote{2} answer", "rules: [{id: r, ltl: 'F big'}]", False),
        ("question answer vote?", "rules: [{id: r, ltl: 'G !error'}]", True),
        ("question answer vote", "rules: [{id: r, ltl: 'G !error'}]", False),
    ],
)
def test_code_is_the_adversary(behavior: str, rules: str, realizable: bool) -> None:
    text = CALLS.replace("BEHAVIOR", behavior).replace("RULES", rules)
    assert compile_agent(load_text(text), TOOL).realizable == realizable
