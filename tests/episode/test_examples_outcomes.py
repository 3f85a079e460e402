"""Outcomes that no transcript shows: an example is read as if every choice of them was followed by itself."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentspec.checking.compile import Compiled
from agentspec.episode.examples_check import Examiner
from agentspec.episode.examples_read import Line, read_transcripts
from agentspec.episode.examples_walk import Ground, Node
from tests.checking.agents import compiled

PAY = {"type": "object", "properties": {"to": {"enum": ["a", "b"]}}, "required": ["to"], "additionalProperties": False}
STEPS = {
    "e": {"by": "tool", "cue": "[E]"},
    "z": {"by": "model", "cue": "[Z]", "span": {"of": "o", "which": "last"}},
    "y": {"by": "model", "cue": "[Y]", "span": {"of": ["q", "o"], "max_chars": 6}},
}
AGENTS: dict[str, tuple[str, tuple[object, ...]]] = {
    "plain": ("q (k o | t)* (s | t)", ()),
    "quotes": ("q (k o | t)* (s | y | a | t)", ("!a W ok(pay)",)),
    "failures": ("q (k o | t)* (s | t)", ("G(failed(pay) -> X t)", "N(!failed(pay) W (failed(pay) & N F t))")),
    "the latest": ("q (k o | t)* (z | t)", ()),
    "once": ("q (k o | t)* (s | a)", ({"unique": "call(pay)"},)),
    "both": ("q (k o | t)* (y | z | t)", ({"unique": "call(pay)"}, "G(failed(pay) -> X t)")),
}


@cache
def agent(name: str) -> Compiled:
    behavior, rules = AGENTS[name]
    written = [{"id": f"r{i}", **(rule if isinstance(rule, dict) else {"ltl": rule})} for i, rule in enumerate(rules)]
    return compiled(
        behavior, steps=STEPS, tools={"pay": PAY}, rules=written, limits={"max_steps": 60, "max_tool_calls": 20}
    )


def ends_well(ground: Ground, lines: list[Line]) -> bool:
    """Whether some choice of outcomes makes the lines an episode: all of them, one by one."""
    nodes: list[Node] = [ground.start()]
    for line in lines:
        if line.fault:
            return False
        nodes = [
            after
            for node in nodes
            for letter, after in ground.read(node, line)
            if ground.is_kept(node, letter) and ground.fits(after)
        ]
    return any(map(ground.may_end, nodes))


CALLS = ['[K] {"name":"pay","arguments":{"to":"a"}}', '[K] {"name":"pay","arguments":{"to":"b"}}']
SAID = ["[O] one two", "[O] three", "[O] Error: two", "[O] Error: four", "[O]"]
ENDS = ["[S] two", "[S] three", "[S] four", "[Y] what", "[Y] three", "[Z] two", "[Z] three", "[A] yes", "[T] end"]


@pytest.mark.parametrize("name", AGENTS)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_choice_of_outcomes_is_missed(name: str, data: st.DataObject) -> None:
    made = agent(name)
    cues = [step.cue for step in made.agent.spec.steps.values()]
    call = st.tuples(st.sampled_from(CALLS), st.sampled_from(SAID))
    some = data.draw(st.lists(st.one_of(call, call, st.just(("[T] so",))), min_size=1, max_size=6))
    end = data.draw(st.sampled_from([row for row in ENDS if row.split(" ")[0] in cues]))
    rows = ["[Q] what", *(row for rows in some for row in rows), end]
    (one,) = read_transcripts(made.agent.spec, "\n".join(rows))
    assert (Examiner(made).first(one, "e") is None) == ends_well(Ground(made), one.lines), rows
