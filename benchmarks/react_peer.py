"""What the scripts of peers share: tasks come as lines of JSON, calls of tools and figures go back.

``react_speed.py`` is at the other end. It starts ``react_speed_outlines.py`` and ``react_speed_guidance.py`` in the
environments of their libraries, where agentspec is not; the tools run in its own process, the same for all.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

Ask = Callable[[str, Any], str]
"""The answer of a tool to arguments, as the line to put into the text."""
Run = Callable[[Mapping[str, Any], Ask], list[str]]
"""Does a task (``prompt``, ``messages``, ``calls``); what the model's turns hold, cues included."""


class Forwards:
    """Counts the forwards of a model and the tokens they take."""

    def __init__(self, model: Any) -> None:
        self.calls = self.tokens = 0
        forward = model.forward

        @functools.wraps(forward)
        def counted(*args: Any, **options: Any) -> Any:
            self.calls += 1
            ids = options["input_ids"] if "input_ids" in options else args[0]
            self.tokens += ids.shape[-1]
            return forward(*args, **options)

        model.forward = counted


def load(folder: str) -> tuple[Any, Any]:
    """Model and tokenizer, in float32."""
    import torch
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model.eval(), PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)


def serve(library: str, prepare: Callable[[Any, Any, Mapping[str, Any]], Run]) -> None:
    """Load the model, prepare, then do the tasks that come."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints

    def send(**said: Any) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    def ask(tool: str, arguments: Any) -> str:
        send(tool=tool, arguments=arguments)
        return str(json.loads(sys.stdin.readline()))

    opening = json.loads(sys.stdin.readline())
    model, tokenizer = load(opening["folder"])
    forwards = Forwards(model)
    began = time.perf_counter()
    run = prepare(model, tokenizer, opening["schemas"])
    names = (library, "torch", "transformers", *(["llguidance"] if library == "guidance" else ["outlines-core"]))
    send(versions={name: version(name) for name in names}, seconds=time.perf_counter() - began)
    for line in sys.stdin:
        task = json.loads(line)
        forwards.calls = forwards.tokens = 0
        began, worked = time.perf_counter(), time.process_time()
        turns = run(task, ask)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        send(turns=turns, seconds=seconds, worked=worked, calls=forwards.calls, encoded=forwards.tokens)
