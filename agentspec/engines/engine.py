"""What an engine offers: a tokenizer, matchers over it, a context window, and model states to decode from."""

from __future__ import annotations

from typing import Any, Protocol, TypedDict

from agentspec.decoding.matcher import Matcher
from agentspec.decoding.source import Source


class Message(TypedDict):
    """One message of a chat; ``content`` is data and never read for special tokens."""

    role: str
    content: str


class Engine(Protocol):
    """A language model made ready; holds no state of any episode."""

    @property
    def name(self) -> str:
        """The model as the user named it."""

    @property
    def window(self) -> int:
        """The most tokens a text may have."""

    @property
    def end_token(self) -> int:
        """The token by which the model ends."""

    def encode(self, text: str) -> list[int]:
        """Tokens of a text as data: nothing in it becomes a special token."""

    def decode(self, tokens: list[int]) -> bytes:
        """The bytes of ordinary tokens."""

    def spell(self, data: bytes) -> list[int]:
        """Ordinary tokens whose bytes joined are just these; at most one a byte. Raises EngineFault."""

    def render(self, messages: list[Message], prefill: str = "") -> list[int]:
        """The prompt of a chat, up to where the assistant's next message begins, and how it begins (data too)."""

    def render_text(self, text: str) -> list[int]:
        """The prompt as plain text, encoded as data; the tokenizer's begin token stands first where it adds one."""

    def template(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None) -> str:
        """The chat template's text up to where the assistant writes next. Raises EngineFault without a template."""

    def read(self, text: str) -> list[int]:
        """Tokens of a text that is the template's or ours: special tokens in it are themselves."""

    def special(self, text: str) -> int | None:
        """The special token that is written like a text; None where there is none."""

    def matcher(self, grammar: str) -> Matcher:
        """A fresh matcher for a grammar."""

    def open(self, prompt: list[int]) -> Source:
        """A model state after a prompt."""
