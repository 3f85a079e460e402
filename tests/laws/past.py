"""History rules by definition, on decoded values: what a call may hold after what was written before it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations, product
from random import Random
from typing import Any

from tests.laws.quoting import is_quotation

TOOLS: dict[str, dict[str, Any]] = {
    "pick": {"color": {"enum": ["red", "blue", "A-7"]}},
    "pay": {"amount": {"type": "number", "minimum": 0, "maximum": 3}, "to": {"type": "string", "maxLength": 14}},
    "order": {
        "tags": {"type": "array", "items": {"enum": ["a", "b", 1]}, "maxItems": 3},
        "deep": {
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": -1, "maximum": 2}},
            "required": [],
            "additionalProperties": False,
        },
    },
}
"""Tools with few arguments that are there or not, by their properties."""

SAID = ["", " \n", "A-7", "red", "pay 2.50 to Ann, please", "Ann and Bob\nwent on", "x", "blue blue", "null", "[]"]
RESULTS: list[Any] = [None, "", [], {}, 0, 2.5, "red", True, {"total": 1}, {"total": "2"}, {"total": 2.50},
                      {"total": None}, {"total": [1, 2]}, {"id": {"n": -1}}, {"total": 10**60}, {"total": 0.0}]  # fmt: skip
"""What tools may answer: empty, minimal, of the wrong kind, and now and then of use."""


def schema(tool: str) -> dict[str, Any]:
    return {"type": "object", "properties": TOOLS[tool], "required": [], "additionalProperties": False}


def candidates(tool: str) -> list[str]:
    """Texts that the schema of a tool may have, several for one value."""
    numbers = ["0", "0.0", "1", "1.0", "1.50", "2", "2.5", "2.50", "2.500", "3", "0.75"]
    words = ["", "A-7", "A", "Ann", "Ann,", "Ann, please", "pay 2.50", "to Ann", "o Ann", "Ann ", "red", "x", "went on"]
    lists = [list(some) for n in range(4) for some in product(["a", "b", 1], repeat=n)]
    members: dict[str, list[list[str]]] = {
        "pick": [[f'"color":"{one}"' for one in ("red", "blue", "A-7")]],
        "pay": [[f'"amount":{one}' for one in numbers], [f'"to":"{one}"' for one in words]],
        "order": [
            [f'"tags":{json.dumps(one, separators=(",", ":"))}' for one in lists],
            ['"deep":{}', *(f'"deep":{{"n":{one}}}' for one in (-1, 0, "-0", 1, 2))],
        ],
    }
    return ["{" + ",".join(filter(None, some)) + "}" for some in product(*[["", *one] for one in members[tool]])]


def value_of(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


def exact(value: Any) -> Any:
    return value_of(json.dumps(value))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: of one kind and equal, numbers by value."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


@dataclass
class Past:
    """What happened: ``("call", TOOL, arguments)``, ``("ok", TOOL, value)`` and ``("said", STEP, text)``, in order."""

    events: list[tuple[str, str, Any]] = field(default_factory=list)

    def calls(self, tool: str) -> list[Any]:
        return [value for kind, name, value in self.events if (kind, name) == ("call", tool)]

    def results(self, tool: str) -> list[Any]:
        return [value for kind, name, value in self.events if (kind, name) == ("ok", tool)]

    def said(self, steps: Sequence[str]) -> list[str]:
        return [value for kind, name, value in self.events if kind == "said" and name in steps]


@dataclass(frozen=True)
class Asked:
    """One rule about the calls of ``tool``: its YAML without id, and its parts for the definition below."""

    yaml: dict[str, Any]
    tool: str
    kind: str
    path: tuple[str, ...] = ()
    operator: str = ""
    source: tuple[str, str, str, tuple[str, ...]] = ("", "", "", ())
    of: tuple[str, ...] = ()
    which: str = "any"
    min_words: int = 1
    max_chars: int = 200


def at(value: Any, path: Sequence[str]) -> list[Any]:
    if not path:
        return [value]
    if path[0] == "*":
        return [found for one in value for found in at(one, path[1:])] if isinstance(value, list) else []
    return at(value[path[0]], path[1:]) if isinstance(value, dict) and path[0] in value else []


def fine(rule: Asked, arguments: Any, past: Past) -> bool:
    """Whether a call with these arguments keeps a rule."""
    match rule.kind:
        case "unique":
            return not any(same(arguments, one) for one in past.calls(rule.tool))
        case "unique value":
            return _is_new(rule, arguments, past)
        case "verbatim":
            return _is_verbatim(rule, arguments, past)
    truths = [_compare(one, rule.operator, other) for one in at(arguments, rule.path) for other in _others(rule, past)]
    if rule.kind == "deny":
        return truths != [] and all(truth is False for truth in truths)
    return any(truth is True for truth in truths)


def _is_new(rule: Asked, arguments: Any, past: Past) -> bool:
    path = rule.path[:-1] if rule.path[-1] == "*" else rule.path
    before = [found for one in past.calls(rule.tool) for found in at(one, path)]
    for mine in at(arguments, path):
        if not isinstance(mine, list):
            return not any(same(mine, one) for one in before if not isinstance(one, list))
        items = [item for one in before if isinstance(one, list) for item in one]
        if any(same(item, other) for item in mine for other in items):
            return False
        if path == rule.path and any(same(one, other) for one, other in permutations(mine, 2)):
            return False
    return True


def _is_verbatim(rule: Asked, arguments: Any, past: Past) -> bool:
    said = past.said(rule.of)
    if rule.which == "last":
        said = said[-1:]
    for mine in at(arguments, rule.path):
        texts = mine if isinstance(mine, list) else [mine]
        return all(
            isinstance(text, str)
            and is_quotation(text, said, rule.max_chars)
            and (rule.min_words == 1 or _words(text) >= rule.min_words)
            for text in texts
        )
    return False


def _words(text: str) -> int:
    return sum(any(char.isalnum() for char in word) for word in text.split())


def _others(rule: Asked, past: Past) -> list[Any]:
    which, of, tool, path = rule.source
    values = past.calls(tool) if of == "call" else past.results(tool)
    return [found for one in (values if which == "any" else values[-1:]) for found in at(exact_or_same(one), path)]


def exact_or_same(value: Any) -> Any:
    return json.loads(json.dumps(value, default=float), parse_float=Decimal, parse_int=Decimal)


def _compare(one: Any, operator: str, other: Any) -> bool | None:
    if type(one) is not type(other) or not isinstance(one, str | bool | Decimal | None):
        return None
    if isinstance(one, Decimal) and (abs(other) >= Decimal(10) ** 40):
        return None
    if operator in ("==", "!="):
        return bool(one == other) == (operator == "==")
    if not isinstance(one, Decimal):
        return None
    return bool({"<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator])


# Drawing --------------------------------------------------------------------------------------------------------------

_PATHS = {"pick": ["color"], "pay": ["amount", "to"], "order": ["deep.n", "tags"]}


def draw_rule(rng: Random, tool: str, sources: Sequence[str]) -> Asked:
    """A rule about the calls of a tool; ``sources`` are steps whose texts may be taken."""
    kind = rng.choice(["unique", "unique value", "verbatim", "deny", "require", "require"])
    path = rng.choice(_PATHS[tool])
    shown = f"args.{path}"
    if kind == "unique":
        return Asked({"unique": f"call({tool})"}, tool, kind)
    if kind == "unique value":
        shown += ".*" if path == "tags" and rng.random() < 0.5 else ""
        return Asked({"unique": shown, "when": f"call({tool})"}, tool, kind, tuple(shown.split(".")[1:]))
    if kind == "verbatim":
        path = {"pick": "color", "pay": "to", "order": "tags"}[tool]
        of = tuple(rng.sample(list(sources), rng.randint(1, len(sources))))
        which, words, most = rng.choice(["any", "last"]), rng.choice([1, 1, 2]), rng.choice([3, 12, 200])
        yaml = {"verbatim": f"args.{path}", "of": list(of), "which": which, "min_words": words, "max_chars": most}
        return Asked(
            {**yaml, "when": f"call({tool})"}, tool, kind, (path,), of=of, which=which, min_words=words, max_chars=most
        )
    which = rng.choice(["last", "last", "any"]) if kind == "require" else "last"
    of, other = rng.choice(["call", "result"]), rng.choice(sorted(TOOLS))
    inner = rng.choice(
        _PATHS[other] if of == "call" else ["total", "id.n", "", "total.*" if which == "any" else "total"]
    )
    operator = rng.choice(["==", "==", "!=", "<", "<=", ">", ">="])
    named = f"call({other})" if of == "call" else other
    condition = f"{shown} {operator} {which}({named}){'.' if inner else ''}{inner}"
    yaml = {"deny": f"call({tool})", "when": condition} if kind == "deny" else {
        "require": condition, "when": f"call({tool})"
    }  # fmt: skip
    source = (which, of, other, tuple(inner.split(".")) if inner else ())
    return Asked(yaml, tool, kind, tuple(path.split(".")), operator, source)


def draw_past(rng: Random, steps: Sequence[str], often: str = "pay") -> Past:
    """Some calls, one tool's more often, results and texts."""
    past = Past()
    for _ in range(rng.randint(0, 9)):
        tool = rng.choice([often, *sorted(TOOLS)])
        match rng.choice(["call", "ok", "said"]):
            case "call":
                past.events.append(("call", tool, value_of(rng.choice(candidates(tool)))))
            case "ok":
                past.events.append(("ok", tool, rng.choice(RESULTS)))
            case _:
                past.events.append(("said", rng.choice(list(steps)), rng.choice(SAID)))
    return past
