"""The ReAct workload of react_speed.py by hand with outlines; react_speed.py runs it.

A constrained ``generate`` for each step, the cues put in between. Outlines keeps no cache between calls, so the
transcript is sent again each time. Generators, and with them the index of each regex, are made once, before the tasks.
(One regex for all that is written until a tool answers would send it less often; its index was not done in minutes.)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import outlines
from outlines.types import JsonSchema, Regex, either
from outlines.types.dsl import Term
from react_peer import Ask, Run, serve

THOUGHT, LINE = "[^\n]{40,120}\n", "[^\n]{1,120}\n"
MOST = 200


def prepare(model: Any, tokenizer: Any, schemas: Mapping[str, Any]) -> Run:
    """How a task is done."""
    tokenizer.chat_template = None  # the prompt is rendered already
    wrapped = outlines.from_transformers(model, tokenizer)

    def generator(term: Term) -> Any:
        made = outlines.Generator(wrapped, term)
        return lambda text: made(text, max_new_tokens=MOST, do_sample=False)

    thought, line, tool = generator(Regex(THOUGHT)), generator(Regex(LINE)), generator(either(*schemas))
    inputs = {name: generator(JsonSchema(json.dumps(schema))) for name, schema in schemas.items()}

    def run(task: Mapping[str, Any], ask: Ask) -> list[str]:
        text, turns = task["prompt"], []
        for _ in range(task["calls"]):
            said = "[Thought] "
            said += thought(text + said) + "[Action] "
            name = tool(text + said)
            said += f"{name}\n[Action Input] "
            given = inputs[name](text + said)
            said += f"{given}\n"
            turns.append(said)
            text += said + ask(name, json.loads(given))
        turns.append("[Answer] " + line(text + "[Answer] "))
        return turns

    return run


if __name__ == "__main__":
    serve("outlines", prepare)
