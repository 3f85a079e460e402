"""Read the steps of a run while the model writes, and stop once enough was seen.

python examples/steps_as_they_come.py "What is the capital of Norway?"
"""

from __future__ import annotations

import sys

import agentspec


def main(task: str) -> None:
    agent = agentspec.load("react-zero")
    with agent.steps(task, max_tool_calls=2) as steps:
        for record in steps:
            print(f"{record.seconds:5.1f} s  {record.letter}: {record.shown}")
            if record.letter is not None and "ok(lookup)" in record.letter.true:
                break  # the run ends as cancelled; without this line it goes on to the answer
    print(steps.result)
    print(steps.result.to_json()["verdicts"])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "What is the capital of Norway?")
