"""Steps that code writes, and hostile code: it says anything at any moment, at its own steps and at the model's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

from agentspec.episode.moment import Moment, Said
from agentspec.errors import ToolError
from tests.laws import samples

if TYPE_CHECKING:
    from tests.laws.specs import RandomSpec

STEPS = ("vote", "memo")
"""The steps that handlers write."""

BROKEN: list[Any] = [None, 5, b"bytes", object(), Said(5), Said("x", object()), Said("x", float("nan"))]  # type: ignore[arg-type]
"""What no handler may give at a tool's step."""
ODD = [
    "[" * 5000, "9" * 6000, "\ud800", "\x00", "a\nb", "a\n  b", " a", "a ", "{}", "null", "NaN", "1e999", "true", "-0",
    '{"a":1,"a":2}', '{"a":' * 3000,
]  # fmt: skip


@dataclass
class Doing:
    """What a handler did at a step: ``ok`` with a text, ``error``, or ``proposed`` a text or None."""

    step: str
    outcome: str
    text: str | None = None


def behavior(rng: Random, body: str, texts: list[str]) -> str:
    """The behavior with one or two steps of handlers in it, mostly where they can be."""
    for name in rng.sample(STEPS, rng.randint(1, 2)):
        words = sorted({word for word in re.findall(r"[a-z_]+", body) if word in (*texts, "mood", "observation")})
        one = rng.choice(words) if words else None
        way = rng.randrange(10)
        if way < 5 and one is not None:
            inner = rng.choice([f"{one} {name}", f"{one} {name}", f"{one} {name}{{1,2}}", f"{name} {one}"])
            body = re.sub(rf"\b{one}\b", f"({inner})", body)
        elif way == 5:
            body = body.replace("action_input", f"{name} action_input")
        elif way == 6:
            body = f"({body}) {name}"
        elif way == 7:
            body = f"({rng.choice(texts)} {name})* {body}"
        else:
            body = f"{name} {body}"
    return body


def assign(rng: Random, steps: dict[str, dict[str, Any]]) -> None:
    """Give handlers to the steps that need one, and to some of the model's."""
    for name, step in steps.items():
        if name in STEPS:
            step |= {"handler": f"./h.py:{name}", **({"hidden": True} if rng.random() < 0.3 else {})}
        elif step["by"] == "model" and rng.random() < 0.6:
            step["handler"] = {"name": f"./h.py:{name}"}


def functions(spec: RandomSpec, done: list[Doing]) -> dict[str, Callable[..., Any]]:
    """The functions of all handlers of a spec; what they do is added to ``done``."""
    steps = spec.document["steps"]
    return {name: _function(spec, name, done) for name, step in steps.items() if "handler" in step}


def _function(spec: RandomSpec, name: str, done: list[Doing]) -> Callable[..., Any]:
    mine = spec.document["steps"][name]["by"] == "model"

    def function(moment: Moment, /) -> Any:
        assert moment.step == name
        rng = Random(f"{spec.tool_seed} {name} {len(done)}")
        return _proposal(rng, spec, moment, done) if mine else _said(rng, spec.temper, moment, done)

    return function


def _said(rng: Random, temper: str, moment: Moment, done: list[Doing]) -> Any:
    from tests.laws.specs import FORGED, WORDY

    ways = {"kind": "ok", "wordy": "ok", "failing": "failed", "broken": "error"}
    way = ways.get(temper) or rng.choice(["ok", "ok", "ok", "failed", "error"])
    text = rng.choice(WORDY if temper == "wordy" else FORGED)
    if way == "ok":
        clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if "\ud800" in text else text
        done.append(Doing(moment.step, "ok", clean))
        return rng.choice([text, Said(text), Said(text, {"a": [1, text]}), Said(text, 4.0)])
    done.append(Doing(moment.step, "error"))
    if way == "failed":
        raise ToolError(text)
    if rng.random() < 0.3:
        return rng.choice(BROKEN)
    raise rng.choice([ValueError, RuntimeError, KeyError, SystemExit, RecursionError])(text)


def _proposal(rng: Random, spec: RandomSpec, moment: Moment, done: list[Doing]) -> Any:
    text = rng.choice([_any, _fitting, _fitting, _fitting, _quoted])(rng, spec, moment)
    done.append(Doing(moment.step, "proposed", text))
    return text if text is None or rng.random() < 0.7 else Said(text, object())


def _any(rng: Random, _spec: RandomSpec, _moment: Moment) -> str | None:
    from tests.laws.specs import FORGED

    return rng.choice([None, None, *FORGED, *ODD])


def _fitting(rng: Random, spec: RandomSpec, moment: Moment) -> str | None:
    """A text that the step may hold, allowed now or not."""
    step: Mapping[str, Any] = spec.document["steps"][moment.step]
    if "span" in step or "span(" in str(step.get("format")):
        return rng.choice(["never", "nobody"]) if rng.random() < 0.4 else _quoted(rng, spec, moment)
    tool = rng.choice(sorted(spec.schemas)) if "tool" in step and spec.schemas else None
    if step.get("tool") == "arguments" and moment.steps[-1].tool is not None and rng.random() < 0.8:
        tool = moment.steps[-1].tool
    schema = spec.schemas[tool].parameters if tool is not None else None
    found = list(islice(samples.contents(spec.document, moment.step, rng, tool, schema), 3))
    return max(found, key=len, default=None) if rng.random() < 0.5 else (rng.choice(found) if found else None)


def _quoted(rng: Random, _spec: RandomSpec, moment: Moment) -> str | None:
    """Something that was written before, or words of it."""
    words = rng.choice(moment.steps).content[:200].split(" ")
    begin = rng.randrange(len(words))
    return " ".join(words[begin : begin + rng.randint(1, 3)])
