"""What can be quoted, and what a format holds, by definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import pairwise

from tests.laws.values import Mapped, pattern
from tests.laws.written import CONTROLS, fields, kind_of, options, quoted_in


def lines_of(text: str) -> list[str]:
    return CONTROLS.split(text)


def words_of(line: str) -> list[tuple[int, int]]:
    """Where words stand: runs without a blank, the marks before and behind the first and last letter apart."""
    found = []
    for run in re.finditer(r"\S+", line):
        inner = [i for i in range(*run.span()) if line[i].isalnum()]
        cuts = [run.start(), *([inner[0], inner[-1] + 1] if inner else []), run.end()]
        found += [(a, b) for a, b in pairwise(cuts) if a < b]
    return found


def is_quotation(text: str, said: Iterable[str], most: int) -> bool:
    """Whether a text is one or more words that stand one after another in one line of what was said."""
    if not 0 < len(text) <= most:
        return False
    for line in (line for whole in said for line in lines_of(whole)):
        at = line.find(text)
        while at >= 0:
            spans = words_of(line)
            if at in {a for a, _ in spans} and at + len(text) in {b for _, b in spans}:
                return True
            at = line.find(text, at + 1)
    return False


def can_quote(step: Mapped, said: Mapping[str, Sequence[str]]) -> bool:
    """Whether a step that quotes has a word to quote for each quotation that it needs."""
    if kind_of(step) == "span":
        asked = [(options(step)["of"], options(step)["max_chars"])]
    else:
        asked = [quoted_in(inner) for name, inner in fields(options(step)["template"]) if name == "span"]
    return all(
        any(
            b - a <= most
            for name in of
            for text in said.get(name, ())
            for row in lines_of(text)
            for a, b in words_of(row)
        )
        for of, most in asked
    )


# Formats --------------------------------------------------------------------------------------------------------------

_NUMBER = r"-?(0|[1-9][0-9]*)"


def _field_ends(kind: str, inner: str, content: str, start: int, said: Mapping[str, Sequence[str]]) -> set[int]:
    """Where a field that begins at ``start`` may end."""
    if kind == "":
        return {start + len(inner)} if content.startswith(inner, start) else set()
    return {end for end in range(start + 1, len(content) + 1) if _is_field(kind, inner, content[start:end], said)}


def _is_field(kind: str, inner: str, text: str, said: Mapping[str, Sequence[str]]) -> bool:
    match kind:
        case "span":
            of, most = quoted_in(inner)
            return is_quotation(text, [one for name in of for one in said.get(name, ())], most)
        case "text":
            return len(text) <= int(inner or 200) and not (text[0].isspace() or text[-1].isspace())
        case "word":
            return re.fullmatch("[A-Za-z0-9_-]{1,40}", text) is not None
        case "int":
            return re.fullmatch(_NUMBER, text) is not None and len(text.lstrip("-")) <= 15
        case "number":
            return re.fullmatch(rf"{_NUMBER}(\.[0-9]+)?", text) is not None and sum(map(str.isdigit, text)) <= 15
        case "bool":
            return text in ("yes", "no")
        case "choice":
            return text in inner.split("|")
        case "date":
            try:
                return re.fullmatch("[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}", text) is not None and bool(
                    date.fromisoformat(text)
                )
            except ValueError:
                return False
    assert kind == "regex"
    return pattern(inner).fullmatch(text) is not None and len(text) <= 200


def is_formatted(step: Mapped, content: str, said: Mapping[str, Sequence[str]]) -> bool:
    """Whether a line is a format's, read in every way there is."""
    asked = options(step)
    low, high = map(int, (asked["repeat"] or "1..1").split(".."))
    parts = fields(asked["template"])
    ends, fine = {0}, False
    for count in range(1, high + 1):
        if count > 1:
            ends = {end for start in ends for end in _field_ends("", asked["separator"], content, start, said)}
        for kind, inner in parts:
            ends = {end for start in ends for end in _field_ends(kind, inner, content, start, said)}
        fine = fine or (count >= low and len(content) in ends)
    return fine
