"""Python functions as tools, rules over them, and a spec written in the program.

python examples/own_tools.py "How many screws are left?"
"""

from __future__ import annotations

import sys
from typing import Literal

import agentspec

SPEC = """\
version: 1
name: stock
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 80}}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 40}
  answer: {by: model, cue: "[Answer]", text: {max_chars: 80}}
behavior: question (thought action action_input observation){1,4} answer
rules:
  - {id: look-first, ltl: "!call(order) W ok(count)", description: nothing is ordered before it was counted}
  - {id: order-once, ltl: "G(ok(order) -> N G !chosen(order))"}
"""
SHELF = {"screws": 12, "nails": 250}


def count(item: Literal["screws", "nails"]) -> int:
    """Count what is left on the shelf.

    Args:
        item: what to count
    """
    return SHELF[item]


@agentspec.tool(timeout=5)
def order(item: Literal["screws", "nails"], amount: int) -> str:
    """Order more of an item.

    Args:
        item: what to order
        amount: how many
    """
    if not 0 < amount <= 1000:
        raise agentspec.ToolError("an order is of 1 to 1000 pieces")
    SHELF[item] += amount
    return f"{amount} {item} ordered"


if __name__ == "__main__":
    agent = agentspec.loads(SPEC, tools=[count, order])
    print(agent.check())
    print(agent.run(sys.argv[1] if len(sys.argv) > 1 else "How many screws are left?", trace=False))
