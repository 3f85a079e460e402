"""What a rule takes away from a model: the probability of a large payment, before a person approves it and after.

python examples/four_eyes.py
"""

from __future__ import annotations

import math

from agentspec.api.cursor import Cursor
from agentspec.checking.compile import compile_agent
from agentspec.decoding.walk import Walk
from agentspec.engines.models import open_engine
from agentspec.episode.prompt_examples import read_examples
from agentspec.episode.render import render
from agentspec.spec.load import load

TASK, INPUT = "Please pay order A18.", '[Action Input] {"order":"A18","amount":'
SEEN = [("I look up order A18.", "lookup_order", {"order": "A18"}, '{"order":"A18","total":250,"state":"open"}')]
ASKED = [("It is more than 100, so I ask.", "ask_human", {"order": "A18", "amount": 250}, "yes, A18 may be paid")]


def large(walk: Walk, digits: dict[int, str], number: str = "") -> tuple[float, float]:
    """How likely the digits written here come to more than 100: by the model alone (at least), and by the mask."""
    free = masked = 0.0
    for (mine, own), (token, digit) in zip([walk.score([t])[0] for t in digits], digits.items(), strict=True):
        deeper = (1.0, 1.0) if int(number + digit) > 100 else (0.0, 0.0)
        if deeper[0] == 0 and mine > -14 and number + digit != "0":  # rarer than one in a million is left out
            further = walk.clone()
            further.advance([token])
            deeper = large(further, digits, number + digit)
        free, masked = free + math.exp(own) * deeper[0], masked + math.exp(mine) * deeper[1]
    return free, masked


def main() -> None:
    engine, compiled = open_engine("smollm2-135m"), compile_agent(load("clerk"))
    prompt = render(compiled, engine, read_examples(compiled), TASK)
    digits = {engine.encode(digit)[0]: digit for digit in "0123456789"}
    for when, calls in (("before an approval", SEEN), ("after it", SEEN + ASKED)):
        cursor = Cursor(compiled)
        cursor.take("request", TASK)
        for *written, said in calls:
            for step, content in zip(("thought", "action", "action_input"), written, strict=True):
                cursor.take(step, content)
            cursor.observe(said)
        cursor.read("[Thought] I pay it.\n[Action] pay\n")
        walk = cursor.walk(engine, prompt + engine.encode(str(cursor).partition("\n")[2]))
        walk.advance(engine.encode(INPUT))
        alone, ours = large(walk, digits)
        print(f"{when}: over 100 with probability {alone:.4f} by the model alone, {ours:.4f} under the guard")
        for amount in ("84.5", "100", "101", "250", "9999"):
            scores = walk.score(engine.encode(f"{amount}}}\n"))
            ours, alone = (math.exp(sum(each)) for each in zip(*scores, strict=True))
            print(f"  {amount}: {alone:.2e} alone, {ours:.2e} under the guard")


if __name__ == "__main__":
    main()
