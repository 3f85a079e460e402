"""What many traces came to, rule by rule: for ``--json``, and as a page of Markdown that anybody can read.

Logs are written by models, tools and users, so nothing of them is markup: in the page their text stands in code blocks
whose fence is longer than any in the text, names are escaped character by character, and what is not printable is
shown as its escape.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentspec.episode.replay import Replayer, RuleVerdict, TraceReport
from agentspec.episode.replay_read import Problem, Recorded
from agentspec.episode.transcript import printable
from agentspec.errors import nearest
from agentspec.logic.formula import atoms
from agentspec.spec.model import Rule

EXAMPLES = 3
"""Violations of a rule that are shown with the messages around them."""

AROUND = 2
"""Messages before and after the one that decided."""

HEADINGS = ("rule", "enforced", "traces", "satisfied", "violated", "undecided", "violated in", "first violation")

SHOWN = 400
"""Characters of a message that are shown."""

_PUNCTUATION = re.compile(r"([]!#$&()*+.:<>@[\\_`{|}~])")


@dataclass(frozen=True)
class Example:
    """A violation with the items around it: ``(place, text, whether it is the one that decided)``."""

    file: str
    verdict: RuleVerdict
    name: str | None
    items: tuple[tuple[str, str, bool], ...]


@dataclass
class RuleSummary:
    """How often a rule was satisfied, violated, undecided or not judged, and its first violations."""

    rule: Rule
    enforce: str
    satisfied: int = 0
    violated: int = 0
    undecided: int = 0
    not_judged: int = 0
    reason: str = ""
    never_true: tuple[str, ...] = ()
    examples: list[Example] = field(default_factory=list)

    @property
    def traces(self) -> int:
        """The traces on which the rule was judged."""
        return self.satisfied + self.violated + self.undecided

    @property
    def first(self) -> str | None:
        """Where it was first violated, as file:line."""
        return f"{self.examples[0].file}:{self.examples[0].verdict.line}" if self.examples else None

    def to_json(self) -> dict[str, Any]:
        """One entry of ``rules``."""
        first = self.examples[0] if self.examples else None
        return {
            "rule": self.rule.id,
            "enforce": self.enforce,
            "text": self.rule.text,
            "traces": self.traces,
            "satisfied": self.satisfied,
            "violated": self.violated,
            "undecided": self.undecided,
            "not_judged": self.not_judged,
            **({"not_judged_because": self.reason} if self.reason else {}),
            "first_violation": None
            if first is None
            else {"file": first.file, "line": first.verdict.line, "item": first.verdict.item},
            "never_true": list(self.never_true),
        }


@dataclass
class Summary:
    """All traces together. Feed it reports, then ``finish``."""

    name: str
    files: int = 0
    traces: int = 0
    items: int = 0
    steps: int = 0
    notes: int = 0
    problems: list[Problem] = field(default_factory=list)
    rules: dict[str, RuleSummary] = field(default_factory=dict)

    def add(self, replayer: Replayer, report: TraceReport) -> None:
        """Count one trace; one of which nothing could be read counts as a problem alone."""
        recorded = report.recorded
        if report.problem is not None:
            self.problems.append(report.problem)
            if not report.steps:
                return
        self.traces, self.items, self.steps = (
            self.traces + 1, self.items + len(recorded.items), self.steps + report.steps
        )  # fmt: skip
        self.notes += len(report.notes)
        for verdict in report.verdicts:
            one = self.rules.get(verdict.rule) or self._begin(replayer, report, verdict.rule)
            setattr(one, verdict.verdict, getattr(one, verdict.verdict) + 1)
            if verdict.verdict == "violated" and len(one.examples) < EXAMPLES:
                one.examples.append(Example(recorded.file, verdict, recorded.name, excerpt(recorded, verdict.item)))
        for name, reason in report.not_judged:
            one = self.rules.get(name) or self._begin(replayer, report, name)
            one.not_judged += 1
            one.reason = reason

    def _begin(self, replayer: Replayer, report: TraceReport, name: str) -> RuleSummary:
        tools = {letter.tool for letter in report.positions.letters if letter.tool is not None}
        rule = next(rule for rule in replayer.policy.rules(tools) if rule.id == name)
        made = self.rules[name] = RuleSummary(rule, "assume" if rule.assume else rule.enforce)
        return made

    def finish(self, replayer: Replayer) -> None:
        """Rules that no trace met are listed too, and which propositions of each were never true."""
        for rule in replayer.policy.rules():
            self.rules.setdefault(rule.id, RuleSummary(rule, "assume" if rule.assume else rule.enforce))
        order = [rule.id for rule in replayer.policy.rules()]
        place = {name: i for i, name in enumerate(order)}
        self.rules = dict(sorted(self.rules.items(), key=lambda item: (place.get(item[0], len(order)), item[0])))
        if self.traces:
            for one in self.rules.values():
                one.never_true = tuple(name for name in atoms(one.rule.formula) if name not in replayer.lettering.seen)

    def hints(self, replayer: Replayer) -> list[str]:
        """What an author may have meant otherwise: tools that rules name and no trace calls."""
        seen = sorted({name[5:-1] for name in replayer.lettering.seen if name.startswith("call(")})
        never = {name for one in self.rules.values() for name in one.never_true}
        named = {name[name.index("(") + 1 : -1] for name in never if "(" in name}
        named |= {one.tool for one in replayer.policy.spec.propositions if one.tool is not None and one.name in never}
        return [
            f"the tool '{tool}', which rules name, is called in no trace{nearest(tool, seen)}"
            for tool in sorted(named - set(seen))
        ]

    @property
    def status(self) -> str:
        """``violated`` (a ``block`` rule was), ``unreadable`` (something could not be read), or ``fine``."""
        if any(one.violated and one.enforce == "block" for one in self.rules.values()):
            return "violated"
        return "unreadable" if self.problems else "fine"

    @property
    def exit_code(self) -> int:
        """1: a ``block`` rule was violated; 2: not, but something could not be read; 0."""
        return {"violated": 1, "unreadable": 2, "fine": 0}[self.status]

    def to_json(self) -> dict[str, Any]:
        """The object of ``--json``, without its traces."""
        return {
            "schema_version": 1,
            "status": self.status,
            "spec": self.name,
            "rules": [one.to_json() for one in self.rules.values()],
            "usage": {
                "files": self.files, "traces": self.traces, "messages": self.items, "steps": self.steps,
                "notes": self.notes, "problems": len(self.problems),
            },
        }  # fmt: skip


def excerpt(recorded: Recorded, item: int | None) -> tuple[tuple[str, str, bool], ...]:
    """The items around one, each with its place and as one text."""
    if item is None:
        return ()
    around = range(max(0, item - AROUND), min(len(recorded.items), item + AROUND + 1))
    return tuple((place_of(recorded, here), item_text(recorded.items[here]), here == item) for here in around)


def place_of(recorded: Recorded, item: int) -> str:
    """How an item is called: ``messages[3], line 17``."""
    name = f"messages[{item}]" if recorded.kind == "messages" else f"record {item}"
    return f"{name}, line {recorded.places.line(item)}"


def item_text(item: Any) -> str:
    """A message or record as a short text: who, and what."""
    if not isinstance(item, dict):
        return _clipped(json.dumps(item, ensure_ascii=False))
    who = str(item.get("role") or item.get("step") or item.get("type") or "?")
    content = item.get("content")
    told = content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
    calls = item.get("tool_calls") if isinstance(item.get("tool_calls"), list) else []
    calls = [*(calls or []), *([{"function": item["function_call"]}] if item.get("function_call") else [])]
    for call in calls:
        inner = (call.get("function") or call) if isinstance(call, dict) else {}
        inner = inner if isinstance(inner, dict) else {}
        arguments = inner.get("arguments", "")
        shown = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        told += f"{' ' if told else ''}→ {inner.get('name')}({shown})"
    if item.get("tool") and not calls:
        who += f" ({item['tool']})"
    return _clipped(f"{who}: {told}")


def _clipped(text: str) -> str:
    shown = printable(text[: SHOWN + 1])
    return shown if len(text) <= SHOWN else f"{shown[:SHOWN]}… ({len(text)} characters)"


# Markdown -------------------------------------------------------------------------------------------------------------


def markdown(summary: Summary, hints: Iterable[str] = ()) -> str:
    """The page: what was looked at, a table of the rules, first violations with what stands around them, problems."""
    judged = [one for one in summary.rules.values() if one.violated]
    blocking = [one for one in judged if one.enforce == "block"]
    lines = [
        f"# Replay of {escape(summary.name)}",
        "",
        f"{_counted(summary.traces, 'trace')} in {_counted(summary.files, 'file')}, "
        f"{_counted(summary.items, 'message')}. "
        + (
            f"**{_counted(len(blocking), 'enforced rule')} would have been broken.**"
            if blocking
            else "No enforced rule was broken."
        )
        + (f" {_counted(len(summary.problems), 'problem')} in reading." if summary.problems else ""),
        "",
        f"| {' | '.join(HEADINGS)} |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
        *map(_row, summary.rules.values()),
        "",
    ]
    for one in summary.rules.values():
        about = one.rule.description or one.rule.sentence
        lines.append(f"- **{escape(one.rule.id)}**: {code(one.rule.text)}" + (f": {escape(about)}" if about else ""))
        if one.reason:
            lines.append(f"  - not judged on {_counted(one.not_judged, 'trace')}: {escape(one.reason)}")
    for hint in hints:
        lines += ["", f"Note: {escape(hint)}."]
    for one in judged:
        lines += ["", f"## {escape(one.rule.id)}: violated in {_counted(one.violated, 'trace')}"]
        for example in one.examples:
            lines += ["", *_example(example)]
        if one.violated > len(one.examples):
            lines += ["", f"And {one.violated - len(one.examples)} more."]
    if summary.problems:
        lines += ["", "## What could not be read", "", *(f"- {escape(str(problem))}" for problem in summary.problems)]
    return "\n".join(lines) + "\n"


def _row(one: RuleSummary) -> str:
    return f"| {' | '.join(map(escape, cells(one)))} |"


def cells(one: RuleSummary) -> tuple[str, ...]:
    """The row of a rule in a table with `HEADINGS`."""
    counts = map(str, (one.traces, one.satisfied, one.violated, one.undecided))
    return (one.rule.id, one.enforce, *counts, share(one), one.first or "")


def share(one: RuleSummary) -> str:
    """In how many of the traces on which it was judged a rule was violated, in per cent."""
    return f"{100 * one.violated / one.traces:.1f} %" if one.traces else "not judged" if one.not_judged else "-"


def _example(example: Example) -> list[str]:
    verdict = example.verdict
    when = "by the end of the log" if verdict.at_end else "at the message marked"
    called = f" ({escape(example.name)})" if example.name else ""
    body = [f"{'>' if decided else ' '} [{place}] {text}" for place, text, decided in example.items]
    return [f"{escape(f'{example.file}:{verdict.line}')}{called}, {when}:", "", *fenced(body)]


def fenced(body: Sequence[str]) -> list[str]:
    """Lines as a code block that nothing in them can end."""
    longest = max((len(run) for line in body for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *(part for line in body for part in line.split("\n")), fence]


def code(text: str) -> str:
    """A text as inline code."""
    shown = printable(text).replace("\n", " ")
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def escape(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    return _PUNCTUATION.sub(r"\\\1", printable(text).replace("\n", " "))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
