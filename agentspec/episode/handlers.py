"""The step handlers that are shipped, by the names under which a file asks for them; `spec.handler` types settings."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from agentspec.content.json_text import parse_object
from agentspec.episode.moment import Moment, Said
from agentspec.episode.transcript import printable
from agentspec.errors import ToolError, nearest

_PLAN = re.compile(r"#E([0-9]+) = ([A-Za-z_][\w-]*)\[(.*)\]", re.DOTALL)
_NUMBER = re.compile(r"\$?(?P<sign>-?)\$?(?P<whole>[0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.(?P<part>[0-9]+))?")
_VARIABLE = re.compile(r"#E([0-9]+)")


def vote(moment: Moment, /, *, samples: int, temperature: float) -> Said:
    """Ask an agent ``samples`` times, each with its own seed, and count (Wang et al. 2022, self-consistency).

    Answers are alike that differ in case, blanks, or the notation of a number. The text is the answer that came most
    often, the earlier one of equals, and how often: ``12 (3 of 5)``.
    """
    agent = moment.agents[0]
    answers = [moment.ask(agent, seed=moment.seed * samples + i, temperature=temperature).text for i in range(samples)]
    said = [answer.strip() for answer in answers if answer is not None and answer.strip()]
    if not said:
        raise ToolError(f"none of the {samples} runs of {agent} came to an answer")
    counts = Counter(map(alike, said))
    best, votes = counts.most_common(1)[0]
    text = next(answer for answer in said if alike(answer) == best)
    return Said(f"{text} ({votes} of {samples})", {"answer": text, "votes": votes, "of": samples, "answers": said})


def alike(answer: str) -> str:
    """What answers that count as the same have in common."""
    plain = " ".join(answer.casefold().split()).rstrip(".")
    number = _NUMBER.fullmatch(plain)
    if number is None:
        return plain
    whole, part = number["whole"].replace(",", "").lstrip("0") or "0", (number["part"] or "").rstrip("0")
    value = f"{whole}.{part}" if part else whole
    return value if value == "0" else f"{number['sign']}{value}"


def repeat(moment: Moment, /, *, of: list[str]) -> str | None:
    """What the latest of some steps said that did not fail: the answer of the agent or vote it is, or its text."""
    found = next((one for one in reversed(moment.steps) if one.step in of and not one.failed), None)
    if found is None:
        return None
    answer = found.value.get("answer") if isinstance(found.value, dict) else None
    return answer if isinstance(answer, str) else found.content


def confirm(moment: Moment, /, *, of: list[str], question: str) -> str:
    """Show some steps to the person at the terminal and ask; what is typed is the text. Nobody there: ToolError."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise ToolError("no, nobody is there to ask")
    shown = [f"  {one.content}" for one in moment.since(moment.step) if one.step in of]
    print(
        "\n".join(["", *map(printable, shown), f"{question} [yes/no, and why] "]), end="", file=sys.stderr, flush=True
    )
    said = sys.stdin.readline().strip()
    if not said:
        raise ToolError("no, nothing was said")
    return said


def delegate(moment: Moment, /, *, to: str | None, task: str | None) -> Said:
    """Hand the task to an agent. Raises ToolError where it comes to no answer."""
    name = moment.agents[0] if to is None else _content(moment, to)
    if name not in moment.agents:
        raise ToolError(f"no agent is called '{name}'{nearest(name, [*moment.agents])}")
    answer = moment.ask(name, None if task is None else _content(moment, task), seed=moment.seed)
    if answer.text is None:
        raise ToolError(f"{name} came to no answer ({answer.status})")
    return Said(answer.text, {"agent": name, "answer": answer.text})


def planned(moment: Moment, /, *, plan: list[str]) -> str | None:
    """The next call of a plan (Xu et al. 2023, ReWOO): at the step of the tool its name, at that of arguments these.

    A line of the plan is ``#E1 = tool[input]``; ``#E1`` in a later input stands for what the tool answered. The input
    is the one argument of the tool, or a JSON object. None where a call is referred to that failed or was not made, so
    that the model writes it.
    """
    lines = [_PLAN.fullmatch(one.content.strip()) for one in moment.steps if one.step in plan]
    answers = [
        i for i, one in enumerate(moment.steps) if one.tool is not None and (one.failed or one.value is not None)
    ]
    if len(answers) >= len(lines):
        return None
    found = lines[len(answers)]
    if found is None:
        return None
    begun = answers[-1] + 1 if answers else 0
    chosen = next((one.tool for one in reversed(moment.steps[begun:]) if one.tool is not None), None)
    if chosen is None:
        return found[2]
    told = {
        line[1]: moment.steps[i].content
        for line, i in zip(lines, answers, strict=False)
        if line is not None and not moment.steps[i].failed
    }
    if chosen != found[2] or any(number not in told for number in _VARIABLE.findall(found[3])):
        return None
    return _substituted(found[3], told)


def _substituted(text: str, told: Mapping[str, str]) -> str:
    """The input of a call with what its variables stand for: within the strings of JSON, or anywhere in a text."""

    def within(value: Any) -> Any:
        if isinstance(value, str):
            return _VARIABLE.sub(lambda one: told[one[1]], value)
        if isinstance(value, list):
            return [within(one) for one in value]
        return {name: within(one) for name, one in value.items()} if isinstance(value, dict) else value

    try:
        return json.dumps(within(parse_object(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return str(within(text))


def summary(moment: Moment, /, *, of: str, since: str, alpha: float) -> Said:
    """The results since the step ``since``, summed up by an agent or as they are (Crouse et al. 2023, PASS).

    Whichever has the higher log-probability here, each divided by ((5 + tokens) / 6) ** alpha (Wu et al. 2016).
    """
    plan = moment.latest(since)
    results = [one.content for one in moment.since(since) if one.step == of]
    raw = " ".join(f"{i}. {' '.join(text.split())}" for i, text in enumerate(results, start=1))
    if not raw:
        raise ToolError(f"there is nothing to sum up: no '{of}' since the last '{since}'")
    asked = f"Statements: {raw} Context: {moment.task}" + (f" Goal: {plan.content}" if plan else "")
    short = moment.ask(moment.agents[0], asked, seed=moment.seed).text
    if short is None:
        return Said(raw, {"kept": "results"})
    worth = {text: _normalised(*moment.weigh(text), alpha) for text in (short, raw)}
    kept = max((short, raw), key=worth.__getitem__)
    which = "summary" if kept == short else "results"
    return Said(kept, {"kept": which, "summary": worth[short], "results": worth[raw]})


def _normalised(logprob: float, tokens: int, alpha: float) -> float:
    penalty: float = ((5 + tokens) / 6) ** alpha
    return logprob / penalty


def _content(moment: Moment, step: str) -> str:
    found = moment.latest(step)
    if found is None:
        raise ToolError(f"there is no '{step}' yet")
    return found.content.strip()


HANDLERS: Mapping[str, Callable[..., str | Said | None]] = {
    "confirm": confirm, "delegate": delegate, "planned": planned, "repeat": repeat, "summary": summary, "vote": vote,
}  # fmt: skip
