"""Questions with known answers, from a seed: arithmetic for the calculator, facts for the lookup tool."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass

from agentspec.shipped import folder


@dataclass(frozen=True)
class Question:
    """``answer`` is right if it stands in what the agent answered (case and thousands commas aside)."""

    text: str
    answer: str
    tool: str

    def is_answered_by(self, text: str | None) -> bool:
        """Whether the text holds the answer as a whole word."""
        plain = (text or "").replace(",", "").lower()
        wanted = re.escape(self.answer.replace(",", "").lower())
        return re.search(rf"(?<![\w.]){wanted}(?!\w|\.\d)", plain) is not None


def questions(seed: int, count: int) -> list[Question]:
    """``count`` questions, arithmetic and lookup in turn."""
    draw = random.Random(seed)
    collection = json.loads((folder("tools") / "collection.json").read_text(encoding="utf-8"))
    facts = [(entry["title"], key, answer) for entry in collection["entries"] for key, answer in entry["facts"].items()]
    chosen = draw.sample(facts, min(count, len(facts)))
    found = []
    for i in range(count):
        if i % 2:
            title, key, answer = chosen[i]
            found.append(Question(collection["questions"][key].format(title=title), answer, "lookup"))
        else:
            found.append(_arithmetic(draw))
    return found


def _arithmetic(draw: random.Random) -> Question:
    a, b = draw.randint(12, 999), draw.randint(3, 99)
    templates = [
        (f"What is {a} + {b}?", a + b),
        (f"What is {a} - {b}?", a - b),
        (f"What is {a} * {b}?", a * b),
        (f"What is {a * b} / {b}?", a),
        (f"A box holds {b} pencils. How many pencils are in {a} boxes?", a * b),
        (f"Anna has {a} stamps and buys {b} more. How many has she now?", a + b),
        (f"A shop had {a} apples and sold {b}. How many are left?", a - b),
    ]
    text, value = draw.choice(templates)
    return Question(text, str(value), "calculator")
