"""A summary as Markdown."""

from __future__ import annotations

import math

from agentspec.evaluation.stats import Interval
from agentspec.evaluation.summary import Row, Summary

HEAD = ("", "score", "difference", "p", "accepted", "malformed", "rules broken", "denied", "unfinished", "faults")
COSTS = ("tokens", "model calls", "tool calls", "s")


def markdown(summary: Summary) -> str:
    """The report: what was run, a table of scores and violations, one of costs, and what went wrong."""
    evaluation = summary.evaluation
    config = evaluation.config()
    versions = ", ".join(f"{name} {number}" for name, number in config["versions"].items())
    limits = ", ".join(f"{name} {value}" for name, value in config["limits"].items() if value is not None)
    lines = [
        f"{len(evaluation.items)} items of {evaluation.data.source} ({evaluation.data.reader}), metric "
        f"{evaluation.player.metric.name}{f', {limits}' if limits else ''}; {_models(summary)}.",
        f"{versions}; data {config['data']['sha256'][:12]}; "
        + ", ".join(f"{name} {digest[:12]}" for name, digest in config["agents"].items())
        + ".",
        "",
    ]
    if summary.missing:
        lines += [f"{summary.missing} runs are still to come: these are the results so far.", ""]
    lines += [scores_table(summary), "", costs_table(summary), ""]
    lines += _notes(summary)
    return "\n".join(lines).rstrip("\n") + "\n"


def scores_table(summary: Summary) -> str:
    """A row a setting: score, difference to its base, endings and violations."""
    rows = [HEAD, tuple("---" if i == 0 else "---:" for i in range(len(HEAD)))]
    for row in summary.rows:
        rows.append((
            row.label, score(row), *_compared(row), str(row.statuses.get("accepted", 0)), str(row.malformed),
            _rules(row), str(row.denied), str(unfinished(row)), str(faults(row)),
        ))  # fmt: skip
    return _table(rows)


def costs_table(summary: Summary) -> str:
    """A row a setting: what an item took, on average, and the score of its words however the run ended."""
    rows = [("an item", *COSTS, "score, endings aside"), ("---", *["---:"] * (len(COSTS) + 1))]
    for row in summary.rows:
        means = row.means
        rows.append((
            row.label, _mean(means["tokens"], 0), _mean(means["model_calls"], 0), _mean(means["tool_calls"], 2),
            _mean(means["seconds"], 1), _share(row.score_anyway),
        ))  # fmt: skip
    return _table(rows)


def score(row: Row) -> str:
    """The score and its interval, in percent."""
    return f"{_share(row.score)} {_interval(row.interval)}"


def faults(row: Row) -> int:
    """The runs that could not be: refused, or ended by a fault."""
    return row.statuses.get("engine_fault", 0) + row.statuses.get("refused", 0)


def unfinished(row: Row) -> int:
    """The runs that did not end: a limit stopped them, or they wait for the user, as sessions do."""
    return row.statuses.get("stopped_limit", 0) + row.statuses.get("pending", 0)


def _compared(row: Row) -> tuple[str, str]:
    found = row.difference
    if found is None:
        return "", ""
    return f"{_share(found.mean, sign=True)} {_interval(found.interval, sign=True)}", _p(found.p)


def _rules(row: Row) -> str:
    return ", ".join(f"{rule} {many}" for rule, many in sorted(row.rules.items())) or "0"


def _notes(summary: Summary) -> list[str]:
    lines = [
        "Scores are means in percent over all items, whatever became of a run, with 95 % intervals (Wilson where each "
        "is right or wrong, else bootstrap). Differences are item by item to the first arm, with a paired bootstrap; p "
        "is McNemar's exact test.",
        "",
    ]
    unread = summary.evaluation.data.faults
    if unread:
        lines += [f"Not read: {len(unread)}, such as", *(f"- {str(one).splitlines()[0]}" for one in unread[:5]), ""]
    for row in summary.rows:
        lines += [f"- {row.label}: {said}" for said in row.faults]
    return lines


def _models(summary: Summary) -> str:
    models = dict.fromkeys(setting.model for setting in summary.evaluation.settings)
    return ", ".join(models)


def _table(rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)


def _share(value: float, *, sign: bool = False) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"


def _mean(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"


def _interval(ends: Interval, *, sign: bool = False) -> str:
    return f"[{_share(ends[0], sign=sign)}, {_share(ends[1], sign=sign)}]"


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
