"""A step as its author wrote it: its kind, its options with their defaults, the steps it quotes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Mapped = Mapping[str, Any]

BREAKS = re.compile("\r\n|[\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
"""Whatever anybody counts as the end of a line."""

CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
KINDS = ("text", "choice", "regex", "json_schema", "tool", "span", "format", "free")
_DEFAULTS: dict[str, dict[str, Any]] = {
    "text": {"min_chars": 1, "max_chars": 200, "max_lines": 1},
    "regex": {"max_chars": 200},
    "span": {"max_chars": 200},
    "format": {"repeat": None, "separator": ", "},
    "free": {"max_chars": 1000},
}
_SHORT = {"regex": "pattern", "span": "of", "format": "template", "free": "until"}


def kind_of(step: Mapped) -> str:
    """The kind of a model's step."""
    return next((kind for kind in KINDS if kind in step), "")


def options(step: Mapped) -> dict[str, Any]:
    """What the author said of the step's kind, short forms and defaults written out."""
    kind = kind_of(step)
    said = step.get(kind, {})
    written = said if isinstance(said, Mapping) else {_SHORT.get(kind, kind): said}
    whole = {**_DEFAULTS.get(kind, {}), **written}
    if kind == "span" and isinstance(whole["of"], str):
        whole["of"] = [whole["of"]]
    return whole


def sources(step: Mapped) -> list[str]:
    """The steps that a step quotes from."""
    if kind_of(step) == "span":
        return list(options(step)["of"])
    if kind_of(step) == "format":
        return [
            one for name, inner in fields(options(step)["template"]) if name == "span" for one in quoted_in(inner)[0]
        ]
    return []


def decoded(step: Mapped, content: str) -> str:
    """What a model's text says: without the indentation of later lines, without the closing delimiter."""
    if kind_of(step) == "text" and options(step)["max_lines"] > 1:
        return content.replace("\n  ", "\n")
    if kind_of(step) == "free":
        return content.removesuffix(options(step)["until"])
    return content


def fields(template: str) -> list[tuple[str, str]]:
    """The parts of a template: ``("", text)``, or a field's type and what stands in its brackets."""
    parts: list[tuple[str, str]] = []
    plain, i = "", 0
    while i < len(template):
        if template[i : i + 2] in ("{{", "}}"):
            plain, i = plain + template[i], i + 2
        elif template[i] == "{":
            depth, end = 1, i
            while depth:
                end += 1
                depth += {"{": 1, "}": -1}.get(template[end], 0)
            parts.append(("", plain))
            plain = ""
            kind, _, inner = template[i + 1 : end].partition(":")[2].partition("(")
            parts.append((kind, inner.removesuffix(")")))
            i = end + 1
        else:
            plain, i = plain + template[i], i + 1
    return [part for part in [*parts, ("", plain)] if part != ("", "")]


def quoted_in(inner: str) -> tuple[list[str], int]:
    """The steps that a span field names, and its length."""
    named = [one.strip() for one in inner.split(",")]
    return ([one for one in named if not one.isdigit()], int(named[-1]) if named[-1].isdigit() else 200)
