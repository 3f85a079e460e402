"""What the text of a step means, by definition: nothing here asks agentspec.

A step is the mapping its author wrote, a predicate likewise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.laws.quoting import is_formatted, is_quotation
from tests.laws.values import Mapped, fulfils, is_valid, pattern, read_json
from tests.laws.written import CONTROLS, decoded, kind_of, options


def fault(
    step: Mapped,
    content: str,
    *,
    cues: Iterable[str] = (),
    said: Mapping[str, Sequence[str]] | None = None,
    tool: str | None = None,
    schema: Mapped | None = None,
) -> str | None:
    """Why a text is no content of a model's step as it stands in the transcript, or None.

    ``cues`` are all cues of the spec, ``said`` what was shown so far by step, ``schema`` the parameters of ``tool``.
    """
    kind, asked, text = kind_of(step), options(step), decoded(step, content)
    several = kind == "free" or (kind == "text" and asked["max_lines"] > 1)
    if CONTROLS.search(content.replace("\n", "") if several else content):
        return "control characters"
    if several:
        return _fault_of_lines(step, content, cues)
    if not content or content[0].isspace():
        return "begins with a blank" if content else "is empty"
    match kind:
        case "text":
            fine = asked["min_chars"] <= len(text) <= asked["max_chars"]
        case "choice":
            fine = content in step["choice"]
        case "regex":
            fine = pattern(asked["pattern"]).fullmatch(content) is not None and len(content) <= asked["max_chars"]
        case "span":
            quotable = [one for name in asked["of"] for one in (said or {}).get(name, ())]
            fine = is_quotation(content, quotable, asked["max_chars"])
        case "format":
            fine = is_formatted(step, content, said or {})
        case "json_schema":
            fine = is_valid(content, step["json_schema"])
        case _:
            fine = _is_of_tool(asked["tool"], content, tool, schema)
    return None if fine else f"is none of {kind} {asked}"


def _fault_of_lines(step: Mapped, content: str, cues: Iterable[str]) -> str | None:
    asked, text = options(step), decoded(step, content)
    if kind_of(step) == "free":
        if content.find(asked["until"]) != len(content) - len(asked["until"]):
            return "the delimiter stands at the end and nowhere else"
        if any(row.startswith(cue) for row in content.split("\n")[1:] for cue in cues):
            return "a line begins with a cue"
        return None if len(text) <= asked["max_chars"] else "too long"
    first, *later = content.split("\n")
    if not all(row.startswith("  ") for row in later):
        return "a later line is not indented"
    if [first, *(row[2:] for row in later)] != text.split("\n"):
        return "cannot be told from another text"
    if not text or text[0].isspace() or text[-1].isspace():
        return "begins or ends with a blank"
    if len(later) >= asked["max_lines"]:
        return "too many lines"
    return None if asked["min_chars"] <= len(text) <= asked["max_chars"] else "too long or too short"


def _is_of_tool(kind: str, content: str, tool: str | None, schema: Mapped | None) -> bool:
    if kind == "name":
        return content == tool
    if kind == "arguments":
        return is_valid(content, schema)
    try:
        call = read_json(content)
    except ValueError:
        return False
    shape = {"type": "object", "properties": {"name": {"const": tool}, "arguments": schema}}
    return list(call) == ["name", "arguments"] and is_valid(content, shape)


def arguments_of(step: Mapped, content: str) -> Any:
    """The arguments in a text that completes a call."""
    value = read_json(content)
    return value["arguments"] if step["tool"] == "call" else value


def true_of(document: Mapped, name: str, content: str, tool: str | None = None, *, ok: bool = True) -> frozenset[str]:
    """The declared propositions that hold at a step with this text; an observation that is not ``ok`` fulfils none."""
    step = document["steps"][name]
    found = set()
    for proposition, asked in document.get("propositions", {}).items():
        at = [asked["at"]] if isinstance(asked["at"], str) else asked["at"]
        if name not in at or asked.get("tool") not in (None, tool) or not ok:
            continue
        if "where" in asked:
            value = arguments_of(step, content) if "tool" in step else read_json(content)
            holds = fulfils(value, {"properties": asked["where"]})
        else:
            text = decoded(step, content)
            whole = "matches" in asked
            regex = pattern(asked["matches" if whole else "contains"])
            holds = (regex.fullmatch(text) if whole else regex.search(text)) is not None
        if holds:
            found.add(proposition)
    return frozenset(found)
