"""Why a rule came out as it did on a recorded trace: the deciding subformula, the steps involved, plain sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from agentspec.automata.letter import Letter
from agentspec.episode.replay import Replayer, RuleVerdict, TraceReport
from agentspec.episode.replay_report import item_text, place_of
from agentspec.episode.transcript import printable
from agentspec.errors import InvalidInput, TooLarge, nearest
from agentspec.logic.explain import Explanation, explain
from agentspec.logic.show import show_formula
from agentspec.spec.model import Rule
from agentspec.spec.rule import sees

WHOLE = 24
"""Steps of a trace up to which all are shown; of longer ones those involved, with their neighbours."""

CLIPPED = 100


@dataclass(frozen=True)
class RuleExplanation:
    """One rule on one trace. ``positions`` are the trace's steps that the rule reads, in the explanation's order.

    ``explanation`` is None where there is nothing to explain by facts; ``why`` then says it.
    """

    rule: Rule
    verdict: RuleVerdict
    positions: tuple[int, ...]
    explanation: Explanation | None
    why: str = ""

    def sentences(self) -> list[str]:
        """The reasons in plain words; steps are numbered from 0 in the whole trace."""
        if self.explanation is None:
            return [self.why]
        return self.explanation.sentences(self.positions.__getitem__, noun="step")

    @property
    def marked(self) -> frozenset[int]:
        """The steps of the trace that facts are about."""
        return frozenset() if self.explanation is None else frozenset(
            self.positions[i] for i in self.explanation.positions
        )  # fmt: skip

    def to_json(self, report: TraceReport) -> dict[str, Any]:
        """One entry of ``rules``."""
        found, items = self.explanation, report.positions.items
        shape = {
            **self.verdict.to_json(report.recorded.kind),
            "text": self.rule.text,
            "formula": show_formula(self.rule.formula),
            "sentences": self.sentences(),
        }
        if found is None:
            return shape
        return {
            **shape,
            "culprit": show_formula(found.culprit),
            "culprit_position": self.positions[found.culprit_position],
            "needs_end": found.ends,
            "facts": [
                {
                    "position": self.positions[fact.position],
                    "item": items[self.positions[fact.position]],
                    "proposition": fact.proposition,
                    "holds": fact.holds,
                }
                for fact in found.facts
            ],
        }


def explain_trace(replayer: Replayer, report: TraceReport, only: Collection[str] = ()) -> list[RuleExplanation]:
    """The violated rules of a trace explained, or those asked for, whatever became of them.

    Raises InvalidInput for a rule that was not judged on this trace.
    """
    tools = {letter.tool for letter in report.positions.letters if letter.tool is not None}
    rules = {rule.id: rule for rule in replayer.policy.rules(tools)}
    verdicts = {verdict.rule: verdict for verdict in report.verdicts}
    hidden = dict(report.not_judged)
    for name in only:
        if name in hidden:
            raise InvalidInput(f"the rule '{name}' is not judged on this trace: it {hidden[name]}")
        if name not in verdicts and not any(one.partition("[")[0] == name for one in verdicts):
            raise InvalidInput(f"no rule is called '{name}'{nearest(name, list(verdicts))}")
    asked = [
        verdict
        for verdict in report.verdicts
        if (verdict.rule in only or verdict.rule.partition("[")[0] in only or not only)
        and (only or verdict.verdict == "violated")
    ]
    return [_explained(rules[verdict.rule], verdict, report) for verdict in asked]


def _explained(rule: Rule, verdict: RuleVerdict, report: TraceReport) -> RuleExplanation:
    letters = report.positions.letters
    if verdict.verdict == "undecided" or verdict.position is None:
        why = "the trace goes on, and what comes may still satisfy the rule or violate it"
        return RuleExplanation(rule, verdict, (), None, why if letters else "the trace holds no step")
    stop = len(letters) if report.ended else verdict.position + 1
    read = tuple(i for i in range(stop) if sees(rule.view, letters[i]))
    if not read:
        return RuleExplanation(rule, verdict, (), None, "the trace holds no step that the rule reads")
    try:
        found = explain(rule.formula, [letters[i].true for i in read])
    except TooLarge as problem:
        return RuleExplanation(rule, verdict, read, None, problem.message)
    if found.holds != (verdict.verdict == "satisfied"):
        why = f"after step {verdict.position} nothing that can follow changes it"
        return RuleExplanation(rule, verdict, read, None, why)
    return RuleExplanation(rule, verdict, read, found)


def lines(one: RuleExplanation, report: TraceReport) -> Iterator[str]:
    """An explanation as text: the verdict, the sentences, the trace with a marker at the steps involved."""
    verdict, found = one.verdict, one.explanation
    place = "" if verdict.item is None else f" at {place_of(report.recorded, verdict.item)}"
    when = " (by the end)" if verdict.at_end else ""
    yield f"rule {one.rule.id}: {verdict.verdict}{place}{when}"
    yield f"  {printable(one.rule.text)}"
    if one.rule.description:
        yield f"  {printable(one.rule.description)}"
    if found is not None and found.culprit != one.rule.formula:
        yield f"  decided by {show_formula(found.culprit)} at step {one.positions[found.culprit_position]}"
    for sentence in one.sentences():
        yield f"  - {sentence}"
    yield from _trace(one, report)


def _trace(one: RuleExplanation, report: TraceReport) -> Iterator[str]:
    letters, items = report.positions.letters, report.positions.items
    decisive = one.verdict.position
    wanted = one.marked | ({decisive} if decisive is not None else set())
    near = range(len(letters)) if len(letters) <= WHOLE else sorted(
        {i + d for i in wanted for d in (-1, 0, 1) if 0 <= i + d < len(letters)}
    )  # fmt: skip
    before = -1
    for i in near:
        if i > before + 1:
            yield f"      … {i - before - 1} steps"
        before = i
        mark = "►" if i in one.marked else "·" if i == decisive else " "
        told = item_text(report.recorded.items[items[i]]).replace("\n", " ")
        told = told if len(told) <= CLIPPED else f"{told[:CLIPPED]}…"
        yield f"  {mark} {i:>3}  {_named(letters[i])}  | {place_of(report.recorded, items[i])}: {told}"
    if near and before < len(letters) - 1:
        yield f"      … {len(letters) - 1 - before} steps"


def _named(letter: Letter) -> str:
    """The step, and what holds at it."""
    beside = sorted(letter.true - {letter.step or ""})
    held = f" {{{', '.join(beside)}}}" if beside else ""
    return printable(f"{letter.step or '(text)'}{held}")
