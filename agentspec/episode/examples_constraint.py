"""What a text of a step has to be, in words, and what is wrong with one that is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter, Owner
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import Choice, Literal
from agentspec.content.json_text import compact, parse_object
from agentspec.content.schema_settings import JsonSchema
from agentspec.content.schema_validation import violation
from agentspec.episode.examples_json import trailing_comma
from agentspec.errors import nearest
from agentspec.spec.alphabet import call_frame
from agentspec.spec.history_plan import quotes_in
from agentspec.spec.model import Step


@dataclass(frozen=True)
class Told:
    """``constraint`` in words; ``problem`` with the text and where in it, where that can be said better than by the
    first character that cannot stand there. ``quoting``: it has to be a quotation."""

    constraint: str
    problem: str = ""
    offset: int | None = None
    quoting: bool = False


def told_of(compiled: Compiled, letters: Sequence[Letter], text: str) -> Told:
    """What the texts of some letters have to be, of which ``text`` is none."""
    steps = compiled.agent.spec.steps
    step = step_of(steps, letters[0])
    tools = list(dict.fromkeys(letter.tool for letter in letters if letter.tool is not None))
    if step.owner != Owner.MODEL:
        names = ", ".join(sorted({str(letter) for letter in letters}))
        return Told(f"what is said in '{step.name}' has to be one of: {names}")
    if step.tool == "name":
        return Told(f"the name of a tool: {', '.join(tools)}", f"no such tool{nearest(text, tools)}")
    if step.tool is not None:
        return _call(compiled, letters, step, tools, text)
    if step.kind == "json_schema" and step.schema is not None:
        return _json(f"the JSON Schema of '{step.name}'", step.schema, text, step.schema.bounds.separators)
    if isinstance(step.content, Choice) and step.kind == "choice":
        options = [option.text for option in step.content.options if isinstance(option, Literal)]
        shown = ", ".join(options[:20]) + (", …" if len(options) > 20 else "")
        return Told(f"one of: {shown}", f"no such choice{nearest(text, options)}")
    quotes = quotes_in(step.content) if step.content is not None else ()
    if quotes:
        sources = ", ".join(dict.fromkeys(name for quote in quotes for name in quote.of))
        last = "the last " if quotes[0].latest else ""
        words = f"at least {quotes[0].min_words} " if quotes[0].min_words > 1 else ""
        what = f"{words}whole words of one line of {last}{sources}, at most {quotes[0].max_chars} characters"
        return Told(f"a quotation: {what}", quoting=True)
    if step.until:
        missing = "" if step.until in text else f"the closing {step.until!r} is missing"
        return Told(f"free text of '{step.name}' up to its closing {step.until!r}", missing)
    place = f" ({step.location})" if step.location is not None else ""
    return Told(f"the {step.kind} of '{step.name}'{place}")


def _call(compiled: Compiled, letters: Sequence[Letter], step: Step, tools: list[str], text: str) -> Told:
    """What is wrong with the arguments of a call, or with a whole call."""
    letter = letters[0]
    if step.tool == "call":
        named = next((a for a in letters if text.startswith(call_frame(compiled.agent.spec, a)[0])), None)
        if named is None:
            prefix, suffix = call_frame(compiled.agent.spec, letter)
            form = f"{prefix}…{suffix}"
            return Told(f"a call, such as {form}, of one of the tools: {', '.join(tools)}")
        letter = named
    prefix, suffix = call_frame(compiled.agent.spec, letter)
    inner = text[len(prefix) :].removesuffix(suffix)
    told = _json(f"the parameters of the tool '{letter.tool}'", compiled.schemas[str(letter.tool)].parameters, inner)
    shifted = None if told.offset is None else told.offset + len(prefix)
    return Told(told.constraint, told.problem, shifted)


def _json(
    what: str, schema: JsonSchema | Mapping[str, Any], text: str, separators: tuple[str, str] = (",", ":")
) -> Told:
    constraint = f"{what}, as compact JSON"
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        comma = trailing_comma(text)
        if comma is not None:
            return Told(constraint, "a comma before a closing bracket is not JSON", comma)
        if problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated"):
            return Told(constraint, f"not JSON: {problem.msg}; the text is cut off")
        return Told(constraint, f"not JSON: {problem.msg}", problem.pos)
    except (ValueError, RecursionError) as problem:
        return Told(constraint, f"not JSON: {problem}")
    wrong = violation(schema, text)
    if wrong is not None:
        return Told(constraint, wrong)
    try:
        if isinstance(value, dict):
            parse_object(text)
        if compact(value, *separators) != text:
            return Told(constraint, "valid, but not written as the grammar writes it: compact, members in order")
    except (ValueError, TypeError, RecursionError) as problem:
        return Told(constraint, str(problem))
    return Told(constraint, "not what a predicate or a rule leaves of it")
