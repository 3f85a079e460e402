"""Any text, any edit of a valid file, any value at any key: a declaration or InvalidInput, nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from agentspec.errors import InvalidInput
from agentspec.spec.load import load_text
from agentspec.spec.model import Declaration
from tests.spec.files import VALID


def loads_or_says_why(text: str) -> None:
    result: Declaration | InvalidInput
    try:
        result = load_text(text)
    except InvalidInput as problem:
        result = problem
    if isinstance(result, InvalidInput):
        assert result.message
        assert str(result)
        assert result.location is not None
        assert result.location.line >= 1
        assert result.location.column >= 1
    else:
        assert isinstance(result, Declaration)


@settings(deadline=None, max_examples=120)
@given(st.text(max_size=80))
@example("? a")
@example("a: |\n")
@example("'")
@example("%TAG ! tag:x,2000:\n--- !a\n")
@example("a: 0x")
@example("a: 1_000")
@example("a: 12:30:45")
@example("!!binary: a")
def test_any_text(text: str) -> None:
    loads_or_says_why(text)


INSERTS = [
    *"{}[]:,-?|>&*!%@`'\"#~ \n\t\r\\0",
    "\u2028",
    "\x85",
    "---\n",
    "...\n",
    "<<: ",
    "null",
    "1e5",
    "0o7",
    "2001-01-01",
    "\U0001f600",
    "\ufeff",
    "\n  ",
    "{1,2}",
    "G(",
    "- ",
    ": ",
    "!!set ",
    "question",
    "ltl",
]


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The valid file after a few cuts, insertions, swaps and doublings."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        size = draw(st.integers(0, 12))
        kind = draw(st.sampled_from(["cut", "insert", "replace", "double", "line"]))
        if kind == "cut":
            text = text[:place] + text[place + size :]
        elif kind == "double":
            text = text[:place] + text[place : place + size] + text[place:]
        elif kind == "line":
            lines = text.split("\n")
            at, to = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
            lines[at], lines[to] = lines[to], lines[at]
            text = "\n".join(lines)
        else:
            new = draw(st.sampled_from(INSERTS) | st.text(max_size=3))
            text = text[:place] + new + text[place + (1 if kind == "replace" else 0) :]
    return text


@settings(deadline=None, max_examples=250)
@given(mutations())
def test_mutated_files(text: str) -> None:
    loads_or_says_why(text)


@pytest.mark.long
@settings(deadline=None, max_examples=5_000)
@given(mutations())
def test_many_mutated_files(text: str) -> None:
    loads_or_says_why(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
PATHS = [
    ("version",), ("name",), ("semantics",), ("steps",), ("steps", "question"), ("steps", "thought", "text"),
    ("steps", "thought", "text", "max_chars"), ("steps", "answer", "choice"), ("steps", "input", "tool"), ("behavior",),
    ("rules",), ("rules", 0), ("rules", 0, "ltl"), ("rules", 1, "id"), ("tools",), ("limits",), ("limits", "timeout"),
    ("model",), ("instructions",), ("spec",), ("description",),
]  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(PATHS), VALUES)
def test_any_value_at_any_key(path: tuple[str | int, ...], value: object) -> None:
    """JSON is YAML: any JSON value in place of any part of a valid file."""
    document = YAML(typ="safe", pure=True).load(VALID)
    node = document
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    loads_or_says_why(json.dumps(document))
