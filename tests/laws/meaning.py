"""What the text of a step means, by definition: Python's json, re and decimal on the author's own words.

Nothing here asks agentspec. A step is the mapping its author wrote, a predicate likewise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import jsonschema

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


# Patterns -----------------------------------------------------------------------------------------------------------


@cache
def pattern(dialect: str) -> re.Pattern[str]:
    """A pattern of the dialect as one of Python's: ``.`` is no line break at all, ``$`` the very end."""
    body = dialect.removeprefix("(?i)")
    found, inside, i = [], False, 0
    while i < len(body):
        two = body[i : i + 2]
        if two[0] == "\\":
            found.append(two)
            i += 2
            continue
        inside = (two[0] == "[" or inside) and two[0] != "]"
        plain = {".": "[^\n\x0b\x0c\r\x1c\x1d\x1e\x85\u2028\u2029]", "$": "\\Z"}
        found.append(two[0] if inside else plain.get(two[0], two[0]))
        i += 1
    return re.compile("".join(found), re.ASCII | (re.IGNORECASE if dialect.startswith("(?i)") else 0))


# JSON ---------------------------------------------------------------------------------------------------------------


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "law: no key stands twice"
    return dict(pairs)


def read_json(text: str) -> Any:
    """The value, numbers exact."""
    return json.loads(text, parse_float=Decimal, object_pairs_hook=unique)


def closed(schema: Any) -> Any:
    """The schema with every object closed, its numbers exact."""

    def visit(node: Any) -> Any:
        if isinstance(node, list):
            return [visit(item) for item in node]
        if not isinstance(node, dict):
            return node
        made = {key: value if key in ("const", "enum") else visit(value) for key, value in node.items()}
        return {**made, "additionalProperties": False} if made.get("type") == "object" else made

    return visit(json.loads(json.dumps(schema), parse_float=Decimal))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: a number is its value, and no number is a boolean."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | Decimal | float) and isinstance(other, int | Decimal | float):
        return exact(one) == exact(other)
    return type(one) is type(other) and bool(one == other)


def exact(value: Any) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: is_number(v) and exact(v) == exact(v).to_integral_value(),
    "number": is_number,
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_NUMERIC: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "minimum": lambda v, bound: v >= bound,
    "maximum": lambda v, bound: v <= bound,
    "exclusiveMinimum": lambda v, bound: v > bound,
    "exclusiveMaximum": lambda v, bound: v < bound,
    "multipleOf": lambda v, step: v % step == 0,
}


def fulfils(value: Any, condition: Mapped) -> bool:
    """Whether a value satisfies every keyword of a condition; a keyword implies the type it speaks of."""
    for key, asked in condition.items():
        if key == "const":
            fine = same(value, asked)
        elif key == "enum":
            fine = any(same(value, one) for one in asked)
        elif key == "type":
            fine = any(_TYPES[name](value) for name in ([asked] if isinstance(asked, str) else asked))
        elif key in _NUMERIC:
            fine = is_number(value) and _NUMERIC[key](exact(value), exact(asked))
        elif key == "pattern":
            fine = isinstance(value, str) and pattern(asked).search(value) is not None
        elif key in ("minLength", "maxLength"):
            fine = isinstance(value, str) and (len(value) >= asked if key == "minLength" else len(value) <= asked)
        else:
            assert key == "properties"
            fine = isinstance(value, dict) and all(k in value and fulfils(value[k], c) for k, c in asked.items())
        if not fine:
            return False
    return True


# Quotations ---------------------------------------------------------------------------------------------------------


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


# Formats ------------------------------------------------------------------------------------------------------------

_NUMBER = r"-?(0|[1-9][0-9]*)"


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


def quoted_in(inner: str) -> tuple[list[str], int]:
    """The steps that a span field names, and its length."""
    named = [one.strip() for one in inner.split(",")]
    return ([one for one in named if not one.isdigit()], int(named[-1]) if named[-1].isdigit() else 200)


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


# Steps --------------------------------------------------------------------------------------------------------------


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


def is_valid(text: str, schema: Any) -> bool:
    """Whether a text is JSON that is valid under a schema, its objects closed."""
    try:
        value = read_json(text)
    except ValueError:
        return False
    return jsonschema.Draft202012Validator(closed(schema)).is_valid(value)  # type: ignore[no-any-return]


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
