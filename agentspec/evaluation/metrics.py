"""Metrics: what share of an item a run got right, from 0 to 1.

``exact``, ``contains`` and ``f1`` compare texts as SQuAD's and HotpotQA's own scripts do: without case, punctuation,
articles and runs of blanks. ``numeric`` compares the last number of the answer. Where several answers will do, the best
counts.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import partial
from typing import Any

from agentspec.errors import InvalidInput, nearest
from agentspec.evaluation.calls import calls_match, check_expected
from agentspec.evaluation.items import Item, Said

Score = Callable[[Item, Said], float]
NAMES = ("exact", "contains", "numeric", "f1", "calls")

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_NUMBER = re.compile(
    r"""(?:(?<![\w.)])-)?                                             # a minus, not that of a range or a difference
    (?:(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?|\.\d+)
    (?:[eE][-+]?\d{1,4}(?!\w))?""",
    re.ASCII | re.VERBOSE,
)
_VERDICTS = {"yes", "no", "noanswer"}
_DIGITS = 400


@dataclass(frozen=True)
class Metric:
    """A score with its name, as it was asked for; ``check`` raises InvalidInput for what it cannot expect."""

    name: str
    score: Score
    check: Callable[[Any], None] = lambda _: None


def metric(name: str, *, tolerance: float = 0.0) -> Metric:
    """One of our own metrics. ``tolerance`` is how far ``numeric`` may be off. Raises InvalidInput for another name."""
    match name:
        case "exact":
            return Metric(name, partial(_best, exact), _check_texts)
        case "contains":
            return Metric(name, partial(_best, contains), _check_texts)
        case "f1":
            return Metric(name, partial(_best, f1), _check_texts)
        case "numeric":
            return Metric(name, partial(_best, partial(numeric, tolerance=tolerance)), _check_numbers)
        case "calls":
            return Metric(name, _calls, check_expected)
    raise InvalidInput(f"no metric is called '{name}'{nearest(name, [*NAMES, 'python:module.function'])}")


# ----------------------------------------------------------------------------------------------------------------------


def normalised(text: str) -> str:
    """Lower case, without punctuation, articles and runs of blanks."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(answer: str, expected: str) -> float:
    """1 where both are the same once they are normalised."""
    return float(normalised(answer) == normalised(expected))


def contains(answer: str, expected: str) -> float:
    """1 where the expected words stand in the answer, one after another."""
    words, wanted = normalised(answer).split(), normalised(expected).split()
    return float(bool(wanted) and any(words[i : i + len(wanted)] == wanted for i in range(len(words))))


def f1(answer: str, expected: str) -> float:
    """The harmonic mean of precision and recall of words. ``yes``, ``no`` and ``noanswer`` are right or wrong."""
    one, other = normalised(answer), normalised(expected)
    if one == other:
        return 1.0
    if one in _VERDICTS or other in _VERDICTS:
        return 0.0
    words, wanted = one.split(), other.split()
    common = sum((Counter(words) & Counter(wanted)).values())
    return 0.0 if common == 0 else 2 * common / (len(words) + len(wanted))


def numeric(answer: str, expected: str, *, tolerance: float = 0.0) -> float:
    """1 where the last numbers of both are at most ``tolerance`` apart."""
    one, other = last_number(answer), last_number(expected)
    if one is None or other is None:
        return 0.0
    if one == other:
        return 1.0
    with localcontext(Context(prec=2 * _DIGITS, traps=[])):
        return float(abs(one - other) <= Decimal(repr(tolerance)))


def last_number(text: str) -> Decimal | None:
    """The last number of a text: ``1,234.50``, ``-3``, ``2e5``; None where there is none, or one of too many digits."""
    found = _NUMBER.findall(text.replace("\N{MINUS SIGN}", "-"))
    if not found or len(found[-1]) > _DIGITS:
        return None
    return Decimal(found[-1].replace(",", ""))


# ----------------------------------------------------------------------------------------------------------------------


def accepted(expected: Any) -> Sequence[str]:
    """The texts any of which will do."""
    some = expected if isinstance(expected, list) else [expected]
    return [one if isinstance(one, str) else str(one) for one in some]


def _best(score: Callable[[str, str], float], item: Item, said: Said) -> float:
    if said.answer is None:
        return 0.0
    return max((score(said.answer, one) for one in accepted(item.expected)), default=0.0)


def _calls(item: Item, said: Said) -> float:
    return float(calls_match(said.calls, item.expected))


def _check_texts(expected: Any) -> None:
    some = expected if isinstance(expected, list) else [expected]
    if not some or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in some):
        raise InvalidInput("what is expected is a text, a number, or a list of texts any of which will do")


def _check_numbers(expected: Any) -> None:
    _check_texts(expected)
    for one in accepted(expected):
        if last_number(one) is None:
            raise InvalidInput(f"what is expected holds no number: {one[:60]!r}")
