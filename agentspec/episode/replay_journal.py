"""Journals of ours, read back: each step's record with its built-in propositions, and how the episode ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Owner
from agentspec.episode.observe import CUT
from agentspec.episode.replay_messages import Unreadable

BUILT_INS = ("chosen(", "call(", "ok(", "failed(", "empty(")


@dataclass(frozen=True)
class Noted:
    """One step of a journal: ``built_in`` and ``others`` are what held there, ``index`` its record's place.

    ``shown`` is what the model read of it, without the mark of a cut, ``value`` the structured result of a tool.
    """

    index: int
    step: str
    owner: Owner
    tool: str | None
    built_in: frozenset[str]
    content: str
    others: frozenset[str] = frozenset()
    shown: str = ""
    value: Any = None


@dataclass(frozen=True)
class Journaled:
    """The steps of a journal. ``status`` is how the episode ended, None where the journal breaks off."""

    steps: tuple[Noted, ...]
    status: str | None
    spec: str | None
    notes: tuple[tuple[int, str], ...]


def read_journal(records: Sequence[Any]) -> Journaled:
    """The steps among the records. Raises Unreadable at a record that is none of a journal's."""
    steps: list[Noted] = []
    notes: list[tuple[int, str]] = []
    status = spec = None
    for index, record in enumerate(records):
        kind = record["type"]
        if kind == "episode":
            spec = record.get("spec") if isinstance(record.get("spec"), str) else None
        elif kind == "result":
            status = str(record.get("status"))
        elif record.get("step") is None:
            notes.append((index, "text that is no step"))
        else:
            steps.append(_noted(index, record))
    if status is None:
        notes.append((max(len(records) - 1, 0), "the journal breaks off before a result"))
    return Journaled(tuple(steps), status, spec, tuple(notes))


def _noted(index: int, record: dict[str, Any]) -> Noted:
    step, tool, true, content = (record.get(key) for key in ("step", "tool", "true", "content"))
    if not isinstance(step, str) or not isinstance(content, str) or not isinstance(true, list):
        raise Unreadable(index, "a step's record needs 'step', 'true' and 'content'")
    if not all(isinstance(name, str) for name in true) or not isinstance(tool, str | None):
        raise Unreadable(index, "'true' is a list of names, 'tool' a name or null")
    try:
        owner = Owner(str(record.get("owner")))
    except ValueError:
        raise Unreadable(index, f"unknown owner {record.get('owner')!r}; known: model, tool, user") from None
    built_in = frozenset(name for name in true if name == "error" or name.startswith(BUILT_INS))
    shown = record.get("shown")
    value = record.get("value", None if content == "null" else content)
    return Noted(
        index, step, owner, tool, built_in, content, frozenset(true) - built_in - {step},
        shown.removesuffix(CUT) if isinstance(shown, str) else content, value,
    )  # fmt: skip
