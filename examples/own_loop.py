"""The guard alone, without our models and our loop: it says what may come next, refuses the rest, and gives verdicts.

python examples/own_loop.py
"""

from __future__ import annotations

import json

import agentspec

SCRIPT = [
    ("answer", "816"),  # too early: nothing was asked of a tool yet
    ("thought", "I know this one."),
    ("thought", "No, I should calculate it."),  # the behavior wants an action after a thought
    ("action", "calculator"),
    ("action_input", '{"sum": "48 * 17"}'),  # the tool has no such argument
    ("action_input", '{"expression":"48 * 17"}'),
    ("thought", "Let me look it up as well."),  # nothing but an action can follow, and a rule forbids it by now
    ("answer", "48 * 17 is 816."),
]
"""What a model without any guard might write."""


def tool(arguments: str) -> str:
    left, right = json.loads(arguments)["expression"].split(" * ")
    return str(int(left) * int(right))


def main() -> None:
    cursor = agentspec.compile("react-zero").start()
    cursor.take("question", "What is 48 * 17?")
    for step, content in SCRIPT:
        try:
            letter = cursor.take(step, content)
        except agentspec.InvalidInput as problem:
            print(problem)  # a real loop would ask its model again, for one of cursor.allowed_steps
            continue
        if letter.completes_call:
            cursor.observe(tool(content))
    print(cursor, end="")
    print("may end:", cursor.may_end)
    for verdict in cursor.verdicts(ended=True):
        print(f"{verdict.rule}: {verdict.verdict}")


if __name__ == "__main__":
    main()
