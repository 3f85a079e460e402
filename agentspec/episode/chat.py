"""A chat in the style of a family of models: what stands between what the model, its tools and its user say.

The model's own chat template says how turns begin and end, and how tools are told: it is asked to write a conversation
of marks, and what stands between the marks is what an episode puts there. The calls themselves are of the style
(`spec.style`); where the template writes none like them, an answer goes by the template's words for the role `tool`, or
else as the user's words between ``<tool_response>`` and ``</tool_response>``.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agentspec.automata.letter import Owner
from agentspec.checking.compile import Compiled
from agentspec.engines.engine import Engine
from agentspec.episode.prompt_examples import Line
from agentspec.errors import EngineFault
from agentspec.spec.model import Step
from agentspec.spec.style import CALL_ID, STYLES, markers

Message = dict[str, Any]
_TAG = re.compile(r"</?[^<>\s]+>|\[/?[A-Z_]{3,}\]")


def is_native(compiled: Compiled) -> bool:
    """Whether the agent writes calls as a family of models does."""
    return compiled.agent.rendering.style in STYLES


@dataclass(frozen=True)
class Between:
    """What stands before and behind something said by a tool or user, as text of the template's."""

    before: str
    behind: str

    def safe(self, text: str) -> str:
        """The text with no tag in it that ends what is said: its first sign is written as an entity."""
        for tag in dict.fromkeys(_TAG.findall(self.behind)):
            text = text.replace(tag, f"&#{ord(tag[0])};{tag[1:]}")
        return text

    def written(self, text: str) -> str:
        """The text as it stands there: some templates write answers as JSON strings."""
        quoted = self.before.endswith('"') and self.behind.startswith('"')
        return json.dumps(text, ensure_ascii=False)[1:-1] if quoted else text


class Chat:
    """The parts of an agent's chats with a model. Raises EngineFault where its template does not serve."""

    def __init__(self, compiled: Compiled, engine: Engine, told: str, tools: str) -> None:
        """``told`` are the author's words to the model, ``tools`` the tools as text, where the template tells none."""
        self._compiled, self._engine = compiled, engine
        self._told, self._listed = told, tools
        self._mark = f"q{secrets.token_hex(8)}q"
        schemas = [
            {"name": one.name, "description": one.description.strip(), "parameters": dict(one.parameters)}
            for one in compiled.schemas.values()
        ]
        self._tools = [{"type": "function", "function": one} for one in schemas] if compiled.agent.tools else None
        dumped = json.dumps(schemas, ensure_ascii=False)
        if engine.read(dumped) != engine.encode(dumped):
            raise EngineFault("what is told of a tool holds the text of a special token")

    def prompt(self, examples: list[list[Line]], task: str, prefill: str) -> list[int]:
        """The tokens of a chat up to where the model is to write; examples are earlier turns."""
        tokens = self._head
        for example in examples:
            tokens = [*tokens, *self._example(example), *self._engine.read(self.of_user.before)]
        return [*tokens, *self._engine.encode(task), *self._engine.read(self._asked), *self._engine.encode(prefill)]

    def between(self, owner: Owner) -> Between:
        """What stands around the words of a tool or, after the first, of the user."""
        return self.of_tool if owner == Owner.TOOL else self.of_user

    # ------------------------------------------------------------------------------------------------------------------

    @property
    def _system(self) -> list[Message]:
        told = [self._told, *([self._listed] if self._tools and not self._told_by_template else [])]
        whole = "\n\n".join(filter(None, told))
        return [{"role": "system", "content": whole}] if whole else []

    @cached_property
    def _told_by_template(self) -> bool:
        """Whether the template tells the model of its tools."""
        asked = [self._said("user", "u")]
        return self._engine.template(asked, self._tools) != self._engine.template(asked)

    def _said(self, role: str, name: str) -> Message:
        return {"role": role, "content": self._mark + name}

    def _shape(self, messages: list[Message]) -> str:
        return self._engine.template(messages, self._tools if self._told_by_template else None)

    @cached_property
    def _opened(self) -> tuple[list[int], str]:
        """The tokens before the user's first words, and the text behind them."""
        system = [{**message, "content": f"{self._mark}s"} for message in self._system]
        before, found, behind = self._shape([*system, self._said("user", "u")]).partition(f"{self._mark}u")
        first, told, rest = before.partition(f"{self._mark}s")
        if not found or bool(told) != bool(system):
            raise EngineFault("the model's chat template leaves messages out")
        tokens = self._engine.read(first)
        if told:
            tokens = [*tokens, *self._engine.encode(self._system[0]["content"]), *self._engine.read(rest)]
        return tokens, behind

    @property
    def _head(self) -> list[int]:
        return self._opened[0]

    @property
    def _asked(self) -> str:
        return self._opened[1]

    @cached_property
    def of_user(self) -> Between:
        """What stands around the user's words behind the model's."""
        shape = self._shape([self._said("user", "u"), self._said("assistant", "a"), self._said("user", "v")])
        return self._within(shape, "a", "v")

    @cached_property
    def of_tool(self) -> Between:
        """What stands around a tool's answer behind the call."""
        called = self._called()
        if called is not None:
            return called
        try:
            shape = self._shape([self._said("user", "u"), self._said("assistant", "a"), self._said("tool", "t")])
            return self._within(shape, "a", "t")
        except EngineFault:
            user = self.of_user
            return Between(f"{user.before}<tool_response>\n", f"\n</tool_response>{user.behind}")

    def _called(self) -> Between | None:
        """As `of_tool`, where the template writes calls in the style; None where it does not."""
        step = next((one for one in self._compiled.agent.spec.steps.values() if one.tool == "call"), None)
        if step is None or not self._compiled.schemas:
            return None
        function = {"name": next(iter(self._compiled.schemas)), "arguments": {"x": f"{self._mark}a"}}
        call = {"id": CALL_ID, "type": "function", "function": function}
        answer = {**self._said("tool", "t"), "tool_call_id": CALL_ID, "name": function["name"]}
        try:
            shape = self._shape(
                [self._said("user", "u"), {"role": "assistant", "content": "", "tool_calls": [call]}, answer]
            )
            found = self._within(shape, "a", "t")
        except EngineFault:
            return None
        rest = f'"}}{step.call[2]}{step.closing}'
        return Between(found.before.removeprefix(rest), found.behind) if found.before.startswith(rest) else None

    def _within(self, shape: str, one: str, other: str) -> Between:
        before, said, behind = shape.partition(self._mark + other)
        _, wrote, between = before.partition(self._mark + one)
        if not said or not wrote:
            raise EngineFault("the model's chat template leaves messages out")
        return Between(between, behind)

    # ------------------------------------------------------------------------------------------------------------------

    def _example(self, example: list[Line]) -> list[int]:
        """The tokens of a worked episode, from the user's words to the model's last."""
        engine, steps = self._engine, self._compiled.agent.spec.steps
        tokens = [*engine.encode(example[0].content), *engine.read(self._asked)]
        for i, line in enumerate(example[1:], start=2):
            step = steps[line.step]
            if step.owner == Owner.MODEL:
                text = written(step, line.content)
                tokens += tokens_of(engine, text.rstrip("\n") if i == len(example) else text, markers([step]))
                continue
            around = self.between(step.owner)
            tokens += engine.read(around.before)
            tokens += engine.encode(around.written(around.safe(line.content))) + engine.read(around.behind)
        return tokens


def written(step: Step, content: str) -> str:
    """The text of a step of the model's as it writes it."""
    return f"{step.opening}{content}{step.closing}"


def tokens_of(engine: Engine, text: str, known: tuple[str, ...]) -> list[int]:
    """Tokens of a text of the model's: those of its markers that are special tokens are those."""
    special = {one: number for one in known if (number := engine.special(one)) is not None}
    if not special:
        return engine.encode(text)
    pieces = re.split(f"({'|'.join(map(re.escape, special))})", text)
    return [t for piece in pieces for t in ([special[piece]] if piece in special else engine.encode(piece))]


def spelling(compiled: Compiled, engine: Engine) -> Callable[[bytes], list[int]]:
    """Tokens that are just the bytes of a text of the model's, its markers the special tokens that they are."""
    known = markers(compiled.agent.spec.steps.values())
    special = {one.encode(): number for one in known if (number := engine.special(one)) is not None}
    if not special:
        return engine.spell
    between = re.compile(b"(" + b"|".join(map(re.escape, special)) + b")")

    def spell(data: bytes) -> list[int]:
        tokens: list[int] = []
        for piece in filter(None, between.split(data)):
            tokens += [special[piece]] if piece in special else engine.spell(piece)
        return tokens

    return spell
