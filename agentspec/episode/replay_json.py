"""One JSON text of messages, read so that the place of each message is known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_BLANK = re.compile(r"[ \t\r\n]*")
_read_string = json.decoder.scanstring  # type: ignore[attr-defined]  # there, and not in the stubs


@dataclass
class Conversation:
    """The messages of one conversation, the offset of each, and why it is none (``fault``)."""

    offset: int
    items: list[Any] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    name: str | None = None
    fault: str = ""


class Walk:
    """Reads the top levels of a JSON text itself, to know where each message begins; the rest is the decoder's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.conversations: list[Conversation] = []
        self._decoder = json.JSONDecoder()

    def top(self) -> None:
        """The whole text. Raises ValueError, after as many conversations as could be read."""
        at = self._blank(0)
        listed = self.text[at : at + 1] == "["
        end = self._conversations(at) if listed else self._object(at, Conversation(at))[1]
        if (end := self._blank(end)) < len(self.text):
            raise json.JSONDecodeError("Extra data", self.text, end)

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _value(self, at: int) -> tuple[Any, int]:
        return self._decoder.raw_decode(self.text, at)

    def _conversations(self, at: int) -> int:
        """A list of messages, or of conversations, by what its first element is."""
        inside = self._blank(at + 1)
        if self.text[inside : inside + 1] == "{":
            probe = Conversation(inside)
            known = len(self.conversations)
            item, _ = self._object(inside, probe)
            del self.conversations[known:]
            if "messages" not in item:
                return self._messages(at, Conversation(at))
        elif self.text[inside : inside + 1] != "[":
            return self._messages(at, Conversation(at))
        for start in self._elements(at):
            if self.text[start : start + 1] == "[":
                self._end = self._messages(start, Conversation(start))
                continue
            one = Conversation(start)
            item, self._end = self._object(start, one)
            if not isinstance(item, dict) or "messages" not in item:
                one.fault = 'no conversation: expected a list of messages, or {"messages": [...]}'
                self.conversations.append(one)
        return self._end

    def _messages(self, at: int, one: Conversation) -> int:
        self.conversations.append(one)
        for start in self._elements(at):
            item, self._end = self._value(start)
            one.items.append(item)
            one.offsets.append(start)
        return self._end

    def _elements(self, at: int) -> Iterator[int]:
        """Where each element of the list at ``at`` begins; the caller sets ``_end`` behind it, and finds the list's."""
        text = self.text
        start = self._blank(at + 1)
        if text[start : start + 1] == "]":
            self._end = start + 1
            return
        while True:
            yield start
            behind = self._blank(self._end)
            if text[behind : behind + 1] == "]":
                self._end = behind + 1
                return
            if text[behind : behind + 1] != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, behind)
            start = self._blank(behind + 1)

    def _object(self, at: int, one: Conversation) -> tuple[Any, int]:
        """The object at ``at``; its ``messages``, where they are a list, become the conversation."""
        text = self.text
        if text[at : at + 1] != "{":
            return self._value(at)
        found: dict[str, Any] = {}
        here = self._blank(at + 1)
        while text[here : here + 1] != "}":
            if text[here : here + 1] != '"':
                raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, here)
            key, behind = _read_string(text, here + 1)
            behind = self._blank(behind)
            if text[behind : behind + 1] != ":":
                raise json.JSONDecodeError("Expecting ':' delimiter", text, behind)
            start = self._blank(behind + 1)
            if key == "messages" and text[start : start + 1] == "[":
                end = self._messages(start, one)
                found[key] = one.items
            else:
                found[key], end = self._value(start)
            here = self._blank(end)
            if text[here : here + 1] == ",":
                here = self._blank(here + 1)
            elif text[here : here + 1] != "}":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, here)
        one.name = name_of(found)
        return found, here + 1


def name_of(found: dict[str, Any]) -> str | None:
    """What a conversation calls itself, if it does."""
    name = found.get("id", found.get("conversation_id"))
    return str(name)[:200] if isinstance(name, str | int) else None
