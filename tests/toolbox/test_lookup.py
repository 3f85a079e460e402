"""The small encyclopaedia: everything in it is found, and what is not in it is not."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentspec.content.tool_file import read_tool_file
from agentspec.errors import ToolError
from agentspec.shipped import folder
from agentspec.toolbox.importing import import_tool_file

lookup = import_tool_file(read_tool_file(folder("tools"), "lookup.py")).lookup
COLLECTION: dict[str, Any] = json.loads((folder("tools") / "collection.json").read_text(encoding="utf-8"))
ENTRIES: list[dict[str, Any]] = COLLECTION["entries"]
QUESTIONS: dict[str, str] = COLLECTION["questions"]
FACTS = [(entry, key, answer) for entry in ENTRIES for key, answer in entry["facts"].items()]


def test_the_collection_is_sound() -> None:
    titles = [entry["title"] for entry in ENTRIES]
    assert len(ENTRIES) >= 60
    assert len({title.casefold() for title in titles}) == len(titles)
    assert titles == sorted(titles, key=str.casefold)
    assert {key for _, key, _ in FACTS} == set(QUESTIONS)
    assert all(template.count("{title}") == 1 for template in QUESTIONS.values())
    for entry in ENTRIES:
        assert set(entry) == {"title", "text", "facts"}
        assert entry["facts"]
        assert entry["title"].casefold() in entry["text"].casefold()
        assert len(entry["text"]) <= 200
        assert "\n" not in entry["text"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["title"])
@pytest.mark.parametrize("shape", ["{}", "the {}?", "  {} "])
def test_every_title_is_found(entry: dict[str, Any], shape: str) -> None:
    for title in (entry["title"], entry["title"].upper(), entry["title"].lower()):
        assert lookup(shape.format(title)) == entry["text"]


@pytest.mark.parametrize(("entry", "key", "answer"), FACTS, ids=lambda value: value if isinstance(value, str) else "")
def test_every_question_is_answered(entry: dict[str, Any], key: str, answer: str) -> None:
    question = QUESTIONS[key].format(title=entry["title"])
    assert len(question) <= 60
    assert answer in entry["text"]
    assert lookup(question) == entry["text"]
    assert lookup(f"{key.replace('_', ' ')} {entry['title']}") == entry["text"]


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("capital France", "France"),
        ("Everest", "Mount Everest"),
        ("which country has the capital Oslo?", "Norway"),
        ("barometers", "mercury barometer"),
        ("spiders and their legs", "spider"),
        ("planet Mercury", "Mercury"),
        ("Moby Dick", "Moby-Dick"),
        ("x rays", "X-rays"),
        ("Roentgén", "X-rays"),
        ("Golden Gate Bridge", "Golden Gate Bridge"),
        ("Au", "gold"),
    ],
)
def test_queries(query: str, title: str) -> None:
    assert lookup(query) == next(entry["text"] for entry in ENTRIES if entry["title"] == title)


@pytest.mark.parametrize(
    "query", ["", "  ", "the", "what is it?", "Zamunda", "capital of Zamunda", "?!", "\ud800", "日本"]
)
def test_nothing_found(query: str) -> None:
    with pytest.raises(ToolError) as caught:
        lookup(query)
    assert caught.value.message == f"nothing found for '{query}'"


@given(st.text(max_size=60))
def test_any_query(query: str) -> None:
    with contextlib.suppress(ToolError):
        assert lookup(query) in {entry["text"] for entry in ENTRIES}
