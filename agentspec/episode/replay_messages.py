"""Logs of messages in the form of OpenAI's chat API, read as moves: what the user said, the model said, called, got.

One message may be several moves: its text, then its calls in order (parallel ones too). ``system`` and ``developer``
messages are the prompt and no move. A result belongs to the oldest unanswered call of its id; the old form without ids
goes by name. Whether a result is a failure is nowhere said in such logs, hence a convention, the first that applies:
a flag (``is_error``, ``isError``, ``status: error``); text that is a JSON object with a true ``error``; text that
begins with the word Error. `Failure` can replace the last two by a pattern. Nobody can tell a tool's own error result
from a fault in such logs, so ``error`` holds wherever ``failed(T)`` does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from agentspec.content.language import Language
from agentspec.content.regex import parse_regex

MoveKind = Literal["user", "assistant", "call", "result"]
Failure = Callable[[str], bool]
"""Whether the text of a result is that of a failure."""

_PROMPT = frozenset({"system", "developer"})
_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})


class Move(NamedTuple):
    """One step of a log. ``at`` is the message it stands in; ``tool`` is known for calls and answers to them.

    ``arguments`` is as logged: JSON text, or a value. ``failed`` and ``error`` are about results.
    """

    kind: MoveKind
    at: int
    tool: str | None = None
    text: str = ""
    arguments: Any = None
    failed: bool = False
    error: bool = False


class Unreadable(Exception):
    """A message that is none: ``index`` says which, the message why."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index


def looks_failed(text: str) -> bool:
    """The convention for results that nobody flagged: a JSON object with a true ``error``, or text led by Error."""
    start = text.lstrip()
    if start[:1] == "{" and '"error"' in start:
        try:
            value = json.loads(start)
        except (ValueError, RecursionError):
            return False
        return isinstance(value, dict) and bool(value.get("error"))
    return start[:5].lower() == "error" and not start[5:6].isalpha()


def failed_if(pattern: str) -> Failure:
    """Failures are the results in which the pattern (of the project's dialect) is found. Raises SyntaxProblem."""
    return Language(parse_regex(pattern, source="--failed-if").search()).accepts


class Messages:
    """Reads the messages of one conversation; ``notes`` says what was odd in it, ``(message, what)``."""

    def __init__(self, failed: Failure = looks_failed) -> None:
        self.moves: list[Move] = []
        self.notes: list[tuple[int, str]] = []
        self._failed = failed
        self._open: dict[str, list[str]] = {}
        self._ids: dict[str, str] = {}

    def read(self, messages: list[Any]) -> list[Move]:
        """The moves of all messages. Raises Unreadable at the first that is none; ``moves`` then holds those before."""
        for index, message in enumerate(messages):
            self._message(index, message)
        for key, names in self._open.items():
            if names:
                what = f"the call {key!r} of {names[0]}" if key in self._ids else f"a call of {names[0]}"
                self._note(len(messages) - 1, f"{what} has no result")
        return self.moves

    def _note(self, index: int, what: str) -> None:
        self.notes.append((index, what))

    def _message(self, index: int, message: Any) -> None:
        if not isinstance(message, dict):
            raise Unreadable(index, f"a message is an object with a role, not {_short(message)}")
        role = message.get("role")
        content = message.get("content")
        text = content if isinstance(content, str) else self._text(index, role, content)
        if role == "user":
            if text is not None or not isinstance(content, list):
                self.moves.append(Move("user", index, None, text or ""))
        elif role == "assistant":
            self._assistant(index, message, text)
        elif role in ("tool", "function"):
            self._result(index, message, text or "")
        elif not isinstance(role, str) or role not in _PROMPT:
            known = "system, developer, user, assistant, tool, function"
            raise Unreadable(index, f"unknown role {_short(role)}; known: {known}")

    def _text(self, index: int, role: Any, content: Any) -> str | None:
        """The text of a content that is no string; calls and results among its parts become moves."""
        if content is None:
            return None
        if not isinstance(content, list):
            raise Unreadable(index, f"a content is a string, a list of parts or null, not {_short(content)}")
        texts: list[str] = []
        for part in content:
            named = part.get("type") if isinstance(part, dict) else None
            kind = named if isinstance(named, str) else ""
            if isinstance(part, str):
                texts.append(part)
            elif kind in _TEXT_PARTS and isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif kind == "refusal" and isinstance(part.get("refusal"), str):
                texts.append(part["refusal"])
            elif kind == "tool_result" and role == "user":
                inner = part.get("content")
                told = inner if isinstance(inner, str) else self._text(index, "tool", inner) or ""
                self._result(index, {**part, "tool_call_id": part.get("tool_use_id")}, told)
            elif kind == "tool_use" and role == "assistant":
                continue  # a call, read after the text
            elif isinstance(part, dict):
                self._note(index, f"a part of the type {_short(named)} is not read")
            else:
                raise Unreadable(index, f"a part of a content is a string or an object, not {_short(part)}")
        return "".join(texts) if texts else None

    def _assistant(self, index: int, message: dict[str, Any], text: str | None) -> None:
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list):
            raise Unreadable(index, f"tool_calls is a list, not {_short(calls)}")
        if isinstance(message.get("content"), list):
            calls = [*[part for part in message["content"] if _is_use(part)], *calls]
        old = message.get("function_call")
        if text is None and isinstance(message.get("refusal"), str):
            text = message["refusal"]
        if text or not (calls or old):
            self.moves.append(Move("assistant", index, None, text or ""))
        for call in calls:
            self._call(index, call)
        if old:
            self._call(index, {"function": old})

    def _call(self, index: int, call: Any) -> None:
        if not isinstance(call, dict):
            raise Unreadable(index, f"a tool call is an object, not {_short(call)}")
        inner = call.get("function") or call.get("custom") or call
        name = inner.get("name") if isinstance(inner, dict) else None
        if not isinstance(name, str) or not name:
            raise Unreadable(index, "a tool call without the name of a tool")
        arguments = inner.get("arguments", inner.get("args", inner.get("input")))
        key = call.get("id")
        if isinstance(key, str):
            if key in self._ids:
                self._note(index, f"the id {key[:60]!r} stands for two calls")
            self._ids[key] = name
        self._open.setdefault(key if isinstance(key, str) else f"function {name}", []).append(name)
        self.moves.append(Move("call", index, name, "", arguments))

    def _result(self, index: int, message: dict[str, Any], text: str) -> None:
        key, said = message.get("tool_call_id"), message.get("name")
        said = said if isinstance(said, str) and said else None
        waiting = self._open.get(key if isinstance(key, str) else f"function {said}")
        if not isinstance(key, str) and said is None:
            unanswered = [names for names in self._open.values() if names]
            waiting = unanswered[0] if len(unanswered) == 1 else None
        if waiting:
            name: str | None = waiting.pop(0)
        elif isinstance(key, str) and key in self._ids:
            name = self._ids[key]
            self._note(index, f"the call {key[:60]!r} is answered twice")
        else:
            name = said
            self._note(index, "a result that answers no call" + ("" if said else ", of an unknown tool"))
        if said is not None and name is not None and said != name:
            self._note(index, f"a result of {said!r} answers a call of {name!r}")
        flagged = bool(message.get("is_error") or message.get("isError")) or message.get("status") == "error"
        failed = flagged or self._failed(text)
        self.moves.append(Move("result", index, name, text, None, failed, failed))


def _is_use(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "tool_use"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
