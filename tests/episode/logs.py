"""Message logs for tests: random ones, and what they mean, told from the definitions and nothing of the project's."""

from __future__ import annotations

import json
import random
from typing import Any

Message = dict[str, Any]
TOOLS = ("pay", "look")


def conversation(rng: random.Random, most: int = 8) -> list[Message]:
    """Messages with texts, calls (parallel ones too), results in any order, old forms, contents of every kind."""
    messages: list[Message] = []
    waiting: list[tuple[str, str | None]] = []
    number = 0
    for _ in range(rng.randrange(1, most)):
        kind = rng.randrange(5)
        if kind == 0:
            messages.append({"role": rng.choice(("system", "developer")), "content": "Be good."})
        elif kind == 1:
            text = rng.choice(("hello", "please refund", ""))
            parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": "x"}}]
            messages.append({"role": "user", "content": rng.choice((text, parts))})
        elif kind == 2:
            messages.append({"role": "assistant", "content": rng.choice(("well", "", None))})
        elif kind == 3 and rng.random() < 0.2:
            tool = rng.choice(TOOLS)
            call = {"name": tool, "arguments": json.dumps({"amount": rng.randrange(200)})}
            messages.append({"role": "assistant", "content": None, "function_call": call})
            waiting.append((tool, None))
        elif kind == 3:
            calls = []
            for _ in range(rng.randrange(1, 4)):
                tool, number = rng.choice(TOOLS), number + 1
                arguments: Any = {"amount": rng.choice((5, 100, 100.5, "200", None, 1000))}
                arguments = arguments if rng.random() < 0.2 else json.dumps(arguments)
                function = {"name": tool, "arguments": arguments}
                calls.append({"id": f"c{number}", "type": "function", "function": function})
                waiting.append((tool, f"c{number}"))
            messages.append({"role": "assistant", "content": rng.choice((None, "", "so")), "tool_calls": calls})
        elif waiting:
            tool, key = waiting.pop(rng.randrange(len(waiting)) if rng.random() < 0.5 else 0)
            text = rng.choice(("yes", "fine", "Error: no", '{"error": "bad"}', '{"error": null}', "Errors are listed"))
            flag = {"is_error": True} if rng.random() < 0.2 else {}
            name = {"role": "function", "name": tool} if key is None else {"role": "tool", "tool_call_id": key}
            messages.append({**name, "content": text, **flag})
    return messages


def word_of(messages: list[Message]) -> list[tuple[set[str], int]]:
    """The true propositions at each position, and the message it stands in; for logs of `conversation` only."""
    tools = {
        call["id"]: call["function"]["name"] for message in messages for call in message.get("tool_calls") or []
    }  # fmt: skip
    word: list[tuple[set[str], int]] = []
    for i, message in enumerate(messages):
        role, content = message["role"], message.get("content")
        text = "".join(part.get("text", "") for part in content) if isinstance(content, list) else content or ""
        if role == "user":
            word.append(({"user", *(["refund"] if "refund" in text else [])}, i))
        elif role == "assistant":
            calls = [call["function"] for call in message.get("tool_calls") or []]
            calls += [message["function_call"]] if "function_call" in message else []
            if text or not calls:
                word.append(({"assistant"}, i))
            for call in calls:
                given = call["arguments"]
                amount = (json.loads(given) if isinstance(given, str) else given)["amount"]
                large = call["name"] == "pay" and isinstance(amount, int | float) and amount > 100
                name = call["name"]
                word.append(({"call", f"call({name})", f"chosen({name})", *(["large"] if large else [])}, i))
        elif role in ("tool", "function"):
            tool = message["name"] if role == "function" else tools[message["tool_call_id"]]
            failed = message.get("is_error") or text in ("Error: no", '{"error": "bad"}')
            approved = not failed and tool == "look" and text == "yes"
            held = {f"failed({tool})", "error"} if failed else {f"ok({tool})", *(["approved"] if approved else [])}
            word.append(({"result", *held}, i))
    return word
