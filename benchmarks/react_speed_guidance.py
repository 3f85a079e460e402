"""The ReAct workload of react_speed.py by hand with guidance; react_speed.py runs it.

``gen`` up to the end of the line, ``select`` among the tools, ``json`` for the arguments; guidance keeps the model's
cache, and skips forwards for what only one token can continue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import guidance
from react_peer import Ask, Run, serve


def prepare(model: Any, tokenizer: Any, schemas: Mapping[str, Any]) -> Run:
    """How a task is done."""
    empty = guidance.models.Transformers(model, tokenizer, echo=False, enable_monitoring=False)
    roles = {"system": guidance.system, "user": guidance.user}

    def line(name: str, least: int) -> Any:
        return guidance.gen(name, regex=f"[^\n]{{{least},120}}", temperature=0.0) + "\n"

    def run(task: Mapping[str, Any], ask: Ask) -> list[str]:
        text, turns = empty, []
        for message in task["messages"]:
            with roles[message["role"]]():
                text += message["content"]
        with guidance.assistant():
            for _ in range(task["calls"]):
                text += "[Thought] " + line("thought", 40) + "[Action] " + guidance.select(list(schemas), name="tool")
                text += "\n[Action Input] "
                name = text["tool"]
                text += guidance.json("given", schema=schemas[name], temperature=0.0) + "\n"
                said = f"[Thought] {text['thought']}\n[Action] {name}\n[Action Input] {text['given']}\n"
                turns.append(said)
                text += ask(name, json.loads(text["given"]))
            text += "[Answer] " + line("answer", 1)
        turns.append(f"[Answer] {text['answer']}\n")
        return turns

    return run


if __name__ == "__main__":
    serve("guidance", prepare)
