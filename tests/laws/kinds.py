"""Random steps of every kind, as their author would write them."""

from __future__ import annotations

from random import Random
from typing import Any

PATTERNS: dict[str, list[str]] = {
    "yes": ["yes"], "(no|yes)( please)?": ["no", "yes please"], "a|ab|b": ["a", "ab", "b"], "[0-9]+": ["7", "42"],
    "[a-e]*": ["a", "abc"], "(?i)ok": ["OK", "ok", "oK"], "(?i)[k-s]+": ["KS", "ks", "osS"], "\\[Ans\\]": ["[Ans]"],
    ".": ["a", "é", "😀"], ".{3,}": ["abc", "wxyz"], "\\d": ["1"], "é+": ["é", "éé"], "[^a]*": ["b", "xyz"],
    "\\w+": ["word", "a_1"], "\\W": ["!", "é"], "x|": ["x"], "[ab]{2}": ["ab", "ba"], "\\s": ["a b"],
    "sunny|4|3\\.5": ["sunny", "4", "3.5"], "(a(b|c)?)+": ["abac", "a"],
}  # fmt: skip
"""Patterns of the dialect, each with texts in which it is found."""

SEARCHED = {
    **PATTERNS,
    "forged$|fine": ["forged", "fine"],
    "x{40}": ["x" * 40],
    "^a": ["a", "ab"],
    "b$": ["b", "ab"],
    "^x|y$": ["xy", "x1", "1y"],
    "^$": [""],
    "\\n": ["a\nb"],
}
"""Patterns to be searched for."""

OPTIONS = [
    "a", "ab", "b", "yes", "no", "yes please", "[Answer] x", "é", "😀 fine", '"', "\\", "{}", "one", "two", "answer",
    "0", "OK", "42",
]  # fmt: skip
_UNTIL = ["</think>", "done.", "]", "--", "答", "aa", "[Answer]"]
_TEMPLATES = [
    "{n:int}", "{n:number} of {m:int}", "{what:text(5)}", "({a:regex([a-e]+)}, {b:int})", "{{{n:int}}}",
    "{a:text(3)}-{b:text(3)}", "{w:regex((no|yes)( please)?)}.", "{c:choice(a|ab|b)}{d:bool}", "on {d:date}",
    "{w:word}: {t:text}",
]  # fmt: skip
_QUOTING = ['{claim:text(6)} "{quote:span(SOURCE)}"', "{quote:span(SOURCE, 9)}!", "<{q:span(SOURCE)}> {n:int}"]


def text(rng: Random) -> dict[str, Any]:
    most = rng.choice([1, 2, 3, 5, 8, 12, 30])
    return {"text": {"min_chars": rng.randint(1, min(most, 4)), "max_chars": most}}


def lines(rng: Random) -> dict[str, Any]:
    most = rng.choice([1, 3, 8, 12, 30])
    return {
        "text": {"min_chars": rng.randint(1, min(most, 5)), "max_chars": most, "max_lines": rng.choice([2, 2, 3, 5])}
    }


def choice(rng: Random) -> dict[str, Any]:
    return {"choice": rng.sample(OPTIONS, rng.randint(1, 5))}


def regex(rng: Random) -> dict[str, Any]:
    found = rng.choice([name for name in PATTERNS if name not in ("\\s",)])
    return {"regex": rng.choice([found, {"pattern": found, "max_chars": rng.choice([3, 8, 20])}])}


def free(rng: Random) -> dict[str, Any]:
    return {"free": {"until": rng.choice(_UNTIL), "max_chars": rng.choice([1, 5, 12, 30])}}


def json_schema(rng: Random) -> dict[str, Any]:
    return {"json_schema": rng.choice([value(rng, 1), parameters(rng), parameters(rng)])}


def format(rng: Random) -> dict[str, Any]:
    written: dict[str, Any] = {"template": rng.choice(_TEMPLATES)}
    if rng.random() < 0.4:
        low = rng.randint(1, 2)
        written |= {"repeat": f"{low}..{low + rng.randint(0, 2)}"}
        written |= {"separator": rng.choice(["; ", " ", "|"])} if rng.random() < 0.5 else {}
    return {"format": written if len(written) > 1 or rng.random() < 0.5 else written["template"]}


def quoting(rng: Random, sources: list[str]) -> dict[str, Any]:
    """A span, or a format with one."""
    if rng.random() < 0.25:
        return {"format": rng.choice(_QUOTING).replace("SOURCE", rng.choice(sources))}
    of = rng.choice([rng.choice(sources), rng.sample(sources, rng.randint(1, len(sources)))])
    return {
        "span": rng.choice([of if isinstance(of, str) else of[0], {"of": of, "max_chars": rng.choice([1, 3, 8, 30])}])
    }


def any_text(rng: Random) -> dict[str, Any]:
    """Any kind that needs neither tools nor options."""
    return rng.choice([text] * 8 + [lines] * 3 + [regex, free] * 2 + [json_schema, format, format])(rng)


# Schemas ------------------------------------------------------------------------------------------------------------


def parameters(rng: Random) -> dict[str, Any]:
    names = rng.sample(["a", "b", "key", "n", "größe", "x y"], rng.choice([0, 1, 1, 2, 3]))
    properties = {key: value(rng, 1) for key in names}
    required = [key for key in names if rng.random() < 0.6]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def value(rng: Random, depth: int) -> dict[str, Any]:
    low = rng.randint(0, 2)
    kinds: list[dict[str, Any]] = [
        {"type": "string", "maxLength": rng.randint(0, 6)},
        {"type": "string", "minLength": low, "maxLength": low + 3},
        {"type": "integer"},
        {"type": "integer", "minimum": 0},
        {"type": "integer", "minimum": rng.randint(-20, 5), "exclusiveMaximum": rng.randint(6, 120)},
        {"type": "number"},
        {"type": "number", "exclusiveMinimum": -0.5, "maximum": rng.choice([1, 99.5, 1000])},
        {"type": "boolean"},
        {"type": "null"},
        {
            "enum": rng.sample(
                ["red", "green", 1, 2.5, None, True, 'a"b', "日本", "a\nb", [1], "\u2028"], rng.randint(1, 4)
            )
        },
        {"const": rng.choice(["x", 3, False])},
        {"type": ["string", "integer"], "maxLength": 3},
        {"type": "string", "pattern": rng.choice(["^[a-c]+$", "[0-9]", "é"]), "maxLength": 5},
        {"type": "integer", "multipleOf": rng.choice([2, 5])},
    ]
    if depth:
        kinds += [
            {"type": "array", "items": value(rng, depth - 1), "maxItems": rng.randint(0, 3)},
            {"type": "array", "items": {"type": "boolean"}, "minItems": low, "maxItems": low + 1},
            {"anyOf": [value(rng, 0), value(rng, 0)]},
            {"type": "object", "properties": {"k": value(rng, 0), "l": value(rng, 0)}, "required": ["l"]},
        ]
    return rng.choice(kinds)


# Predicates ---------------------------------------------------------------------------------------------------------


def textual(rng: Random) -> dict[str, Any]:
    """``matches`` or ``contains``."""
    if rng.random() < 0.4:
        return {"matches": rng.choice(sorted(PATTERNS))}
    return {"contains": rng.choice([*sorted(SEARCHED), *["forged$|fine"] * 4])}


def where(rng: Random, schema: dict[str, Any]) -> dict[str, Any]:
    """A condition on some of the properties of an object's schema."""
    names = sorted(schema["properties"])
    return {
        name: condition(rng, schema["properties"][name])
        for name in rng.sample(names, rng.choice([1, 1, min(2, len(names))]))
    }


def condition(rng: Random, schema: dict[str, Any]) -> dict[str, Any]:
    """A condition that some value of the schema is likely to fulfil, and some other not."""
    if "anyOf" in schema:
        return condition(rng, rng.choice(schema["anyOf"]))
    values = schema.get("enum", [schema.get("const")])
    scalars = [one for one in values if not isinstance(one, list)]
    if "enum" in schema or "const" in schema:
        ways: list[dict[str, Any]] = [{"enum": rng.sample(scalars, rng.randint(1, len(scalars)))}] if scalars else [{}]
        return rng.choice([*ways, {"type": rng.choice(["string", "integer", "number", "null", "boolean"])}, {}])
    kind = rng.choice(schema["type"]) if isinstance(schema["type"], list) else schema["type"]
    bound = rng.choice([-1, 0, 3, 10, 99, 0.5, 100])
    numeric = [
        {"minimum": bound}, {"exclusiveMinimum": bound}, {"maximum": bound}, {"exclusiveMaximum": bound},
        {"const": bound}, {"minimum": 0, "maximum": bound + 7}, {"multipleOf": rng.choice([2, 3, 0.5])},
        {"type": "integer"}, {"enum": [0, bound, 7]},
    ]  # fmt: skip
    of_kind: dict[str, list[dict[str, Any]]] = {
        "string": [
            {"minLength": rng.randint(0, 3)}, {"maxLength": rng.randint(0, 3)},
            {"const": rng.choice(["", "a", '"', "é"])}, {"pattern": rng.choice(sorted(SEARCHED))},
            {"enum": ["a", "b", 1]},
        ],
        "integer": numeric,
        "number": numeric,
        "boolean": [{"const": True}, {"type": "boolean"}],
        "null": [{"const": None}],
        "array": [{"type": "array"}, {}],
        "object": [{"properties": {"k": {}}}, {"type": "object"}],
    }  # fmt: skip
    if kind == "object":
        of_kind["object"].append({"properties": {"l": condition(rng, schema["properties"]["l"])}})
    return rng.choice([*of_kind[kind], *of_kind[kind], {}])
