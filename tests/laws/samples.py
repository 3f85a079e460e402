"""Sample texts of steps: from what a pattern, a schema or a bound suggests, kept where the definition says they fit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from random import Random
from typing import Any

from tests.laws.kinds import SEARCHED
from tests.laws.meaning import fault
from tests.laws.values import fulfils, is_number
from tests.laws.written import fields, kind_of, options

_LETTERS = [*"abcdefgknosxy0123456789 .!-", "é", "😀", "K", "O", "_", ":", '"', "\\"]
_STRINGS = ["", "a", "b", "ab", "abc", "é", '"', "\\", "x", "yes", "1", "[Answer]", "abcdef", "😀", "\n", "bb", "c4"]


def hints(document: Mapping[str, Any], name: str) -> list[str]:
    """Texts in which the patterns of a step's predicates are found."""
    found = []
    for asked in document.get("propositions", {}).values():
        if name in ([asked["at"]] if isinstance(asked["at"], str) else asked["at"]):
            found += SEARCHED.get(asked.get("matches", asked.get("contains", "")), [])
    return found


def texts(rng: Random, suggested: list[str]) -> str:
    """Any text: what is suggested, alone or among other letters."""
    parts = [rng.choice(suggested)] if suggested and rng.random() < 0.8 else []
    parts += [rng.choice(suggested)] if suggested and rng.random() < 0.4 else []
    parts += ["".join(rng.choices(_LETTERS, k=rng.choice([0, 1, 2, 5]))) for _ in range(rng.choice([0, 0, 1, 2]))]
    rng.shuffle(parts)
    return rng.choice(["", "", " "]).join(parts)


def contents(
    document: Mapping[str, Any],
    name: str,
    rng: Random,
    tool: str | None = None,
    schema: Mapping[str, Any] | None = None,
) -> Iterator[str]:
    """Contents of a model's step, without an end; nothing where luck finds none."""
    step = document["steps"][name]
    cues = [other["cue"] for other in document["steps"].values()]
    suggested = hints(document, name)
    misses = 0
    while misses < 400:
        content = _candidate(document, name, rng, suggested, tool, schema)
        if fault(step, content, cues=cues, tool=tool, schema=schema) is None:
            yield content
        else:
            misses += 1


def _candidate(
    document: Mapping[str, Any],
    name: str,
    rng: Random,
    suggested: list[str],
    tool: str | None,
    schema: Mapping[str, Any] | None,
) -> str:
    step = document["steps"][name]
    asked = options(step)
    match kind_of(step):
        case "choice":
            return str(rng.choice(step["choice"]))
        case "regex":
            return texts(rng, [*suggested, *SEARCHED[asked["pattern"]], *SEARCHED[asked["pattern"]]])
        case "text" if asked["max_lines"] > 1:
            return "\n".join(texts(rng, suggested) for _ in range(rng.choice([1, 1, 2, 3]))).replace("\n", "\n  ")
        case "text":
            return texts(rng, suggested)
        case "free":
            return "\n".join(texts(rng, suggested) for _ in range(rng.choice([1, 1, 2]))) + str(asked["until"])
        case "format":
            low, high = map(int, (asked["repeat"] or "1..1").split(".."))
            return str(asked["separator"]).join(
                "".join(_field(rng, *part, suggested) for part in fields(asked["template"]))
                for _ in range(rng.randint(low, high))
            )
        case "json_schema":
            return value(rng, step["json_schema"], _conditions(document, name, None))
    if step["tool"] == "name":
        return str(tool)
    assert schema is not None
    written = value(rng, schema, _conditions(document, name, tool))
    return written if step["tool"] == "arguments" else f'{{"name":{json.dumps(tool)},"arguments":{written}}}'


def _field(rng: Random, kind: str, inner: str, suggested: list[str]) -> str:
    if kind == "":
        return inner
    if kind in ("int", "number"):
        return number(rng, [], integer=kind == "int")
    if kind == "regex":
        return rng.choice(["a", "abc", "no", "yes please", "e"])
    if kind in ("choice", "bool"):
        return rng.choice(inner.split("|") if inner else ["yes", "no"])
    if kind == "date":
        return rng.choice(["2024-02-29", "1999-12-31", "2023-02-29"])
    return texts(rng, suggested) or "q"


# JSON ---------------------------------------------------------------------------------------------------------------


def _conditions(document: Mapping[str, Any], name: str, tool: str | None) -> list[Mapping[str, Any]]:
    """The conditions that predicates put on what a step holds."""
    return [
        {"properties": asked["where"]}
        for asked in document.get("propositions", {}).values()
        if "where" in asked and name in ([asked["at"]] if isinstance(asked["at"], str) else asked["at"])
        and asked.get("tool") == tool
    ]  # fmt: skip


def number(rng: Random, bounds: list[Any], *, integer: bool) -> str:
    """A number as JSON, often at or beside a bound; of several texts for one value, any."""
    near = Decimal(repr(rng.choice(bounds))) if bounds and rng.random() < 0.8 else Decimal(rng.randint(-120, 120))
    near += rng.choice([Decimal(0), Decimal(1), Decimal(-1), Decimal(7)] + ([] if integer else [Decimal("0.25")]))
    if integer:
        return str(int(near))
    return f"{near:f}" + (rng.choice(["", ".0", ".00", ".5"]) if near == near.to_integral_value() else "")


def value(rng: Random, schema: Mapping[str, Any], conditions: list[Mapping[str, Any]]) -> str:
    """Compact JSON that is likely to be valid under the schema, near what the conditions ask."""
    if "anyOf" in schema:
        return value(rng, rng.choice(schema["anyOf"]), conditions)
    if "enum" in schema or "const" in schema:
        return compact(rng.choice(schema.get("enum", [schema.get("const")])))
    kind = rng.choice(schema["type"]) if isinstance(schema["type"], list) else schema["type"]
    asked = [one for condition in conditions for one in _named(condition)]
    match kind:
        case "object":
            return _object(rng, schema, conditions)
        case "array":
            low, high = schema.get("minItems", 0), schema.get("maxItems", 8)
            return "[" + ",".join(value(rng, schema["items"], []) for _ in range(rng.randint(low, min(high, 3)))) + "]"
        case "integer" | "number":
            bounds = [bound for bound in [*asked, *_named(schema)] if is_number(bound)]
            return number(rng, bounds, integer=kind == "integer")
        case "boolean":
            return rng.choice(["true", "false"])
        case "null":
            return "null"
    patterns = [text for one in [*conditions, schema] for text in SEARCHED.get(one.get("pattern", ""), [])]
    strings = [*patterns, *(one for one in asked if isinstance(one, str))] * 3 + _STRINGS
    few = [one for one in strings if schema.get("minLength", 0) <= len(one) <= schema.get("maxLength", 200)]
    return compact(rng.choice(few or ["aaaa"]))


def _named(condition: Mapping[str, Any]) -> list[Any]:
    """The scalars a condition names."""
    found = []
    for one in condition.values():
        found += [inner for inner in (one if isinstance(one, list) else [one]) if not isinstance(inner, dict)]
    return found


def _object(rng: Random, schema: Mapping[str, Any], conditions: list[Mapping[str, Any]]) -> str:
    members = []
    for name, inner in schema.get("properties", {}).items():
        if name in schema.get("required", ()) or rng.random() < 0.6:
            asked = [c["properties"][name] for c in conditions if name in c.get("properties", {})]
            tries = [value(rng, inner, asked) for _ in range(4)]
            fine = [text for text in tries if asked and fulfils(json.loads(text), rng.choice(asked))]
            members.append(f"{compact(name)}:{rng.choice(fine or tries)}")
    return "{" + ",".join(members) + "}"


def compact(value: Any) -> str:
    """JSON as a model writes it: no blanks, escapes only where they must be."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return "".join(f"\\u{ord(c):04x}" if c in "\x7f\u2028\u2029" else c for c in text)
