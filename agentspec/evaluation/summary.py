"""What an evaluation found, setting by setting: scores with intervals, differences item by item, costs, violations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentspec.evaluation.evaluation import Evaluation, labels
from agentspec.evaluation.play import Line
from agentspec.evaluation.results import Key
from agentspec.evaluation.setting import Setting
from agentspec.evaluation.stats import Interval, bootstrap, interval, mcnemar

MEANS = ("tokens", "model_calls", "tool_calls", "seconds", "prompt_tokens")


@dataclass(frozen=True)
class Difference:
    """How much better a setting is than another, on the items both have; ``p`` is McNemar's where scores are 0 or 1."""

    to: str
    items: int
    mean: float
    interval: Interval
    p: float | None

    def to_json(self) -> dict[str, Any]:
        """Its fields; what is not a number is null."""
        return {
            "to": self.to, "items": self.items, "mean": _number(self.mean),
            "interval": [_number(end) for end in self.interval], "p": self.p,
        }  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One setting. ``score`` is the mean over all its results, whatever became of the run; ``means`` are an item's.

    Tokens and model calls count those of agents that handlers asked.
    """

    setting: Setting
    label: str
    items: int
    score: float
    interval: Interval
    score_anyway: float
    statuses: Mapping[str, int]
    malformed: int
    rules: Mapping[str, int]
    denied: int
    means: Mapping[str, float]
    difference: Difference | None
    faults: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """One entry of ``settings`` in ``summary.json``."""
        return {
            **self.setting.to_json(), "label": self.label, "items": self.items, "score": _number(self.score),
            "interval": [_number(end) for end in self.interval], "score_anyway": _number(self.score_anyway),
            "statuses": dict(self.statuses), "malformed": self.malformed, "rules": dict(self.rules),
            "denied": self.denied, **{name: _number(mean) for name, mean in self.means.items()},
            "difference": self.difference.to_json() if self.difference else None, "faults": list(self.faults),
        }  # fmt: skip


@dataclass(frozen=True)
class Summary:
    """All settings; ``missing`` counts the runs without a result so far."""

    evaluation: Evaluation
    rows: tuple[Row, ...]
    missing: int

    def to_json(self) -> dict[str, Any]:
        """``summary.json``, and what ``eval --json`` prints."""
        evaluation = self.evaluation
        return {
            **evaluation.config(),
            "source": evaluation.data.source,
            "items": len(evaluation.items),
            "unread": [str(fault).split("\n")[0] for fault in evaluation.data.faults],
            "missing": self.missing,
            "settings": [row.to_json() for row in self.rows],
        }


def summary(evaluation: Evaluation, lines: Mapping[Key, Line]) -> Summary:
    """The summary of the results there are of the evaluation's items and settings."""
    told = labels(evaluation.settings)
    found = {
        setting.key: [lines[item.id, setting.key] for item in evaluation.items if (item.id, setting.key) in lines]
        for setting in evaluation.settings
    }
    rows = []
    for setting in evaluation.settings:
        base = base_of(setting, evaluation.settings)
        difference = None
        if base.key != setting.key:
            difference = _difference(told[base.key], found[setting.key], found[base.key])
        rows.append(_row(setting, told[setting.key], found[setting.key], difference))
    missing = len(evaluation.items) * len(evaluation.settings) - sum(map(len, found.values()))
    return Summary(evaluation, tuple(rows), missing)


def base_of(setting: Setting, settings: Sequence[Setting]) -> Setting:
    """What a setting is compared with: the first arm of the same agent, else the first setting of all."""
    same = replace(setting, arm=settings[0].arm)
    return same if same in settings and same != setting else settings[0]


def _row(setting: Setting, label: str, lines: Sequence[Line], difference: Difference | None) -> Row:
    scores = [line.score for line in lines]
    faults = Counter(line.reason for line in lines if line.status in ("engine_fault", "refused"))
    faults += Counter(line.reason for line in lines if "the metric" in line.reason)
    return Row(
        setting,
        label,
        len(lines),
        _mean(scores),
        interval(scores),
        _mean([line.score_anyway for line in lines]),
        Counter(line.status for line in lines),
        sum(line.malformed for line in lines),
        Counter(rule for line in lines for rule in line.rules),
        sum(line.denied for line in lines),
        {name: _mean([line.usage[name] + line.usage.get(f"asked_{name}", 0) for line in lines]) for name in MEANS},
        difference,
        tuple(f"{many} times: {reason}" if many > 1 else f"once: {reason}" for reason, many in faults.most_common(5)),
    )


def _difference(to: str, lines: Sequence[Line], others: Sequence[Line]) -> Difference:
    base = {line.item: line.score for line in others}
    pairs = [(line.score, base[line.item]) for line in lines if line.item in base]
    mine, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    apart = [one - other for one, other in pairs]
    return Difference(to, len(pairs), _mean(apart), bootstrap(apart), mcnemar(mine, theirs))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else float("nan")


def _number(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
