"""A small encyclopaedia for agents: the entries of ``collection.json``, found by the words they share with a query."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agentspec.errors import ToolError

_COLLECTION = Path(__file__).with_name("collection.json")
_TITLE_WEIGHT = 3
_FULL_TITLE = 4
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a about an and are by did do does for from had has have how in into is it its many me much of on tell that"
        " the their to was were what when where which who whom whose why with",
    )
)


@dataclass(frozen=True)
class _Entry:
    title: str
    text: str
    title_words: frozenset[str]
    words: frozenset[str]


def lookup(query: Annotated[str, Field(min_length=1, max_length=60)]) -> str:
    """Look up a fact about a country, river, mountain, element, planet, invention, book, building or animal.

    The entry that shares most words with the query wins, words of its title counting three times; case, accents and
    plurals make no difference. Equal scores go to the title that comes first in the alphabet. An entry is only taken
    if its whole title stands in the query, or more than half of the query's words stand in the entry.

    Args:
        query: a name or a short question, such as capital of France
    """
    wanted = _words(query)
    found = [entry for entry in _entries() if _fits(entry, wanted)]
    if not found:
        raise ToolError(f"nothing found for '{query}'")
    return min(found, key=lambda entry: (-_score(entry, wanted), entry.title)).text


def _fits(entry: _Entry, wanted: frozenset[str]) -> bool:
    return _names(entry, wanted) or 2 * len(wanted & entry.words) > len(wanted)


def _names(entry: _Entry, wanted: frozenset[str]) -> bool:
    return bool(wanted) and entry.title_words <= wanted


def _score(entry: _Entry, wanted: frozenset[str]) -> int:
    shared = len(wanted & entry.words) + (_TITLE_WEIGHT - 1) * len(wanted & entry.title_words)
    return shared + (_FULL_TITLE if _names(entry, wanted) else 0)


@cache
def _entries() -> tuple[_Entry, ...]:
    entries = json.loads(_COLLECTION.read_text(encoding="utf-8"))["entries"]
    return tuple(_entry(entry["title"], entry["text"], entry["facts"]) for entry in entries)


def _entry(title: str, text: str, facts: dict[str, str]) -> _Entry:
    title_words = _words(title)
    return _Entry(title, text, title_words, title_words | _words(text) | _words(" ".join(facts).replace("_", " ")))


def _words(text: str) -> frozenset[str]:
    """The words that matter, without case, accents and the ending of a plural."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    found = re.findall(r"[a-z0-9]+", plain.casefold())
    return frozenset(_singular(word) for word in found if word not in _COMMON)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
