"""Random agents that are hard to land: counters, long least lengths, branches of very different length, bad tools."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from agentspec.content.tool_schema import ToolSchema
from agentspec.toolbox.tool import Tool
from tests.laws import kinds
from tests.laws.rules import reaction, rule
from tests.laws.specs import FOCUSES, Call, RandomSpec, random_spec

TIMEOUT = 0.02


@dataclass(frozen=True)
class LandingSpec(RandomSpec):
    """``slow`` names tools that never answer in time."""

    slow: tuple[str, ...] = ()

    def tools(self) -> tuple[dict[str, Tool], list[Call]]:
        tools, calls = super().tools()
        for name in self.slow:
            tools[name] = Tool(self.schemas[name], _sleeping(name, calls), timeout=TIMEOUT)
        return tools, calls


def _sleeping(name: str, calls: list[Call]) -> Any:
    def function(**arguments: Any) -> str:
        calls.append(Call(name, arguments, "error"))
        time.sleep(3 * TIMEOUT)
        return "too late"

    return function


# Steps that are hard to end ------------------------------------------------------------------------------------------

LONG_CHOICE = "yes, " + "and so on, " * 8 + "for ever"
_COLOURS = {"enum": ["red", "blue"]}


def counter(rng: Random) -> dict[str, Any]:
    """Texts with counters: the least is long."""
    low = rng.randint(10, 60)
    return rng.choice([
        {"regex": "[a-z]{60,80}"}, {"regex": "([0-9]{2} ){20,30}end"}, {"regex": f"[é日😀]{{{low % 9 + 4},{low}}}"},
        {"text": {"min_chars": 60, "max_chars": rng.choice([60, 61, 90])}},
        {"text": {"min_chars": low, "max_chars": low + 40, "max_lines": rng.choice([2, 4])}},
        {"json_schema": array({"type": "boolean"}, 40, rng.choice([40, 45]))},
        {"json_schema": {"type": "string", "minLength": 60, "maxLength": rng.choice([60, 75])}},
        {"json_schema": array(_COLOURS, low, low + 3)},
        {"format": {"template": "{n:int}: {w:word}", "repeat": f"{rng.randint(8, 12)}..14", "separator": "; "}},
    ])  # fmt: skip


def uneven(rng: Random) -> dict[str, Any]:
    """Texts whose branches differ much in length: one token more may cost sixty."""
    return rng.choice([
        {"regex": "ok|because [a-z ]{40,60}[.]"}, {"regex": "(no|not [a-z]{30,40}, (if|unless [0-9]{20}))!"},
        {"choice": ["no", LONG_CHOICE]}, {"choice": ["y", "y" * 70, "n"]},
        {"json_schema": {"anyOf": [{"const": "no"}, array({"type": "integer", "minimum": 0, "maximum": 99}, 20, 25)]}},
        {"json_schema": {"anyOf": [{"type": "null"}, {"type": "string", "minLength": 50, "maxLength": 55}]}},
        {"format": "{a:choice(no|perhaps)} {b:regex(x|[a-z]{{40}})}"}, {"free": {"until": "</think>", "max_chars": 50}},
        {"format": {"template": "{c:choice(a|ab)}", "repeat": "1..40", "separator": "|"}},
    ])  # fmt: skip


def array(items: dict[str, Any], low: int, high: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": low, "maxItems": high}


def step(rng: Random) -> dict[str, Any]:
    return rng.choice([counter, uneven, uneven, kinds.text, kinds.any_text, kinds.choice])(rng)


def hard_parameter(rng: Random) -> dict[str, Any]:
    return rng.choice([
        {"type": "string", "minLength": 60, "maxLength": 64},
        {"type": "string", "pattern": "^[a-z]{60,80}$", "maxLength": 80},
        array({"type": "boolean"}, 40, 41), array(_COLOURS, 0, 30), {"type": "string", "maxLength": 80},
        {"anyOf": [{"const": 0}, {"type": "string", "minLength": 40, "maxLength": 44}]},
    ])  # fmt: skip


def tool(rng: Random, name: str) -> ToolSchema:
    parameters = kinds.parameters(rng)
    if rng.random() < 0.5:
        parameters["properties"]["hard"] = hard_parameter(rng)
        if rng.random() < 0.7:
            parameters["required"].append("hard")
    return ToolSchema(name, f"Does {name}.", parameters)


# Agents ---------------------------------------------------------------------------------------------------------------

_CALL = ("action action_input observation", "call observation")
_SHAPES = [
    "question {t}", "question {t} {u}", "question ({t} | {u} {v})", "question {t}* {u}", "question ({t} | {u}){1,4}",
    "question ({t} | {u} {u} {u} {u} {v})", "question {t}{2,12}", "question ({t}? {call})* {u}",
    "question ({call}){1,2} ({t} | {u})", "question ({t} | {call})* {u}", "question {t}? ({call})? {u}",
    "question ({call} ({t} | {u} {v}))+", "question ({t} {call} | {u}){1,3} {v}",
]  # fmt: skip
_ARBITRARY = [name for name in FOCUSES if name != "unanswered"]


def landing_spec(rng: Random) -> LandingSpec:
    """An agent of a plain shape with hard steps, or any random one some of whose steps were made hard."""
    made = _shaped(rng) if rng.random() < 0.6 else _hardened(rng)
    slow = tuple(made.schemas) if rng.random() < 0.02 else ()
    return LandingSpec(made.document, made.schemas, made.tool_seed, made.temper, slow)


def landing_spec_from(seed: int) -> LandingSpec:
    return landing_spec(Random(f"landing {seed}"))


def _shaped(rng: Random) -> RandomSpec:
    shape, call = rng.choice(_SHAPES), rng.choice(_CALL)
    t, u, v = rng.sample(["thought", "plan", "note", "answer"], 3)
    behavior = shape.replace("{t}", t).replace("{u}", u).replace("{v}", v).replace("{call}", call)
    used = [
        name
        for name in ("question", t, u, v, *call.split())
        if name in behavior.replace("(", " ( ").split() or name in behavior
    ]
    calling = call in behavior
    schemas = (
        {name: tool(rng, name) for name in rng.sample(["add", "adder", "find", "t-1"], rng.randint(1, 3))}
        if calling
        else {}
    )
    cued = rng.choice([lambda name: f"[{name.title()}]", lambda name: f"{name.replace('_', ' ').title()}:"])
    fixed: dict[str, dict[str, Any]] = {
        "question": {"by": "user"}, "action": {"by": "model", "tool": "name"}, "call": {"by": "model", "tool": "call"},
        "action_input": {"by": "model", "tool": "arguments"},
        "observation": {"by": "tool", "max_tokens": rng.choice([16, 17, 40, 200])},
    }  # fmt: skip
    steps = {name: {**(fixed.get(name) or {"by": "model", **step(rng)}), "cue": cued(name)} for name in used}
    document: dict[str, Any] = {"version": 1, "name": "landing", "steps": steps, "behavior": behavior}
    texts = [name for name in (t, u, v) if name in steps]
    declared = {
        f"p{i}": {"at": name, **kinds.textual(rng)}
        for i, name in enumerate(texts)
        if _is_text(steps[name]) and rng.random() < 0.2
    }
    if declared:
        document["propositions"] = declared
    rules = [rule(rng, i, used, list(schemas), document) for i in range(rng.choice([0, 0, 1, 1, 2]))]
    if schemas and rng.random() < 0.4:
        rules.append(reaction(rng, len(rules), texts, list(schemas), document))
    document |= {
        "rules": rules,
        "tools": list(schemas),
        "limits": {"max_tokens": 4000, "max_steps": 40, "max_tool_calls": 8},
    }
    temper = rng.choice(["kind", "failing", "broken", "mixed", "mixed", "wordy"])
    return RandomSpec(document, schemas, rng.randrange(10**9), temper)


def _is_text(step: dict[str, Any]) -> bool:
    return not {"tool", "span", "json_schema"} & set(step)


def _hardened(rng: Random) -> RandomSpec:
    """A random spec: some steps no predicate speaks of become hard, some tools ask for something hard too."""
    made = random_spec(rng, rng.choice(_ARBITRARY))
    document = json.loads(json.dumps(made.document))
    asked = [one["at"] for one in document.get("propositions", {}).values()]
    spoken = {name for at in asked for name in ([at] if isinstance(at, str) else at)}
    for name, declared in document["steps"].items():
        free = declared["by"] == "model" and "tool" not in declared and name != "quote" and name not in spoken
        if free and rng.random() < 0.5:
            document["steps"][name] = {"by": "model", "cue": declared["cue"], **rng.choice([counter, uneven])(rng)}
    schemas = dict(made.schemas)
    for name, schema in made.schemas.items():
        if rng.random() < 0.3:
            parameters = json.loads(json.dumps(schema.parameters))
            parameters["properties"]["hard"] = hard_parameter(rng)
            parameters["required"] = [*parameters.get("required", []), "hard"]
            schemas[name] = ToolSchema(name, schema.description, parameters)
    return replace(made, document=document, schemas=schemas)
