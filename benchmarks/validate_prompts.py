"""``agentspec validate-prompts`` on 1,000 examples of 20 steps: seconds of the whole command, interpreter included.

    python benchmarks/validate_prompts.py [EXAMPLES]

The examples are made up by a fixed seed, for an agent like `react`, and for one whose answers quote. In every second
row each tenth example lacks a step, so that repairs are looked for as well. No model is loaded.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

WORDS = ("what", "is", "the", "capital", "of", "a", "country", "and", "how", "many", "eggs", "are", "in", "thirty")
AGENT = """\
version: 1
name: twenty
steps:
  question: {by: user, cue: "[Question]"}
  thought: {by: model, cue: "[Thought]", text: {max_chars: 160}}
  action: {by: model, cue: "[Action]", tool: name}
  action_input: {by: model, cue: "[Action Input]", tool: arguments}
  observation: {by: tool, cue: "[Observation]", max_tokens: 120}
  answer: {by: model, cue: "[Answer]", LAST}
  unknown: {by: model, cue: "[Unknown]", choice: [unknown]}
behavior: question (thought action action_input observation)* thought+ (answer | unknown)
rules:
  - {id: look-first, ltl: "!answer W observation"}
  - {id: thoughtful, ltl: "G(failed(lookup) -> X thought)"}
tools: [calculator, lookup]
limits: {max_tokens: 8000}
"""


def example(random: Random, broken: bool) -> str:
    """An episode of 20 steps: a question, four calls of four steps, two thoughts, an answer; ``broken``: one less."""
    rows = [f"[Question] {said(random)}?"]
    seen = ""
    for _ in range(4):
        rows.append(f"[Thought] {said(random)}.")
        if random.random() < 0.5:
            a, b = random.randrange(1000), random.randrange(1000)
            rows += ["[Action] calculator", f'[Action Input] {{"expression":"{a} + {b}"}}']
            seen = str(a + b)
        else:
            rows += ["[Action] lookup", f'[Action Input] {{"query":"{said(random)}"}}']
            seen = said(random)
        rows.append(f"[Observation] {seen}")
    rows += ["[Thought] So.", "[Thought] I know it now.", f"[Answer] {seen.split(' ')[0]}"]
    if broken:
        del rows[random.randrange(1, 16)]
    return "\n".join(filter(None, rows)) + "\n"


def said(random: Random) -> str:
    """Seven words."""
    return " ".join(random.choice(WORDS) for _ in range(7))


def main() -> None:
    """Make the files, run the command on each, print a table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    env = {**os.environ, "AGENTSPEC_CACHE": "off"}
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores; {count} examples")
    with tempfile.TemporaryDirectory() as folder:
        agent = Path(folder, "twenty.yaml")
        for last in ("text: {max_chars: 160}", "span: observation"):
            agent.write_text(AGENT.replace("LAST", last))
            for wrong in (0, 10):
                random = Random(0)
                text = "---\n".join(example(random, bool(wrong) and i % wrong == 0) for i in range(count))
                file = Path(folder, "examples.txt")
                file.write_text(text)
                command = [sys.executable, "-m", "agentspec", "validate-prompts", str(agent), str(file)]
                began = time.perf_counter()
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
                seconds = time.perf_counter() - began
                told = done.stdout.strip().split("\n")[-1]
                print(f"{seconds:6.2f} s  exit {done.returncode}  answers of {last.split(':')[0]}; {told}")


if __name__ == "__main__":
    main()
