"""Quotations: words taken verbatim from earlier texts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import accumulate

from agentspec.content import constraint as c
from agentspec.content.constraint import LINE, VISIBLE, And, Characters, Choice, Constraint, Literal, Quote, Substring
from agentspec.content.ranges import merged


def _one_of(ranges: c.Ranges) -> str:
    """The inside of a class of a regular expression."""
    return "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)


_NO_LINE = re.compile(f"[^{_one_of(LINE)}]")
_RUNS = re.compile(f"[{_one_of(VISIBLE)}]+|[^{_one_of(VISIBLE)}]+")


def bind(constraint: Constraint, texts: Mapping[str, Sequence[str]], order: Sequence[str] = ()) -> Constraint | None:
    """The constraint with each `Quote` replaced by what can be quoted from ``texts`` (by step); None where nothing can.

    A quotation is one or more whole words that stand one after another in one line of one of the texts. ``order`` are
    the steps that the texts are from, the last one last.
    """
    missing = False

    def combine(node: Constraint, parts: list[Constraint]) -> Constraint:
        nonlocal missing
        if not isinstance(node, Quote):
            return c.rebuilt(node, parts)
        found = quotable(node, texts, order)
        missing = missing or found is None
        return found or c.NO_TEXT

    bound = c.fold(constraint, combine)
    return None if missing else bound


def quotable(quote: Quote, texts: Mapping[str, Sequence[str]], order: Sequence[str] = ()) -> Constraint | None:
    """What can be quoted, or None where nothing can; arguments as for `bind`."""
    said = sources(quote, texts, order)
    chunks = _chunks(said, quote.max_chars)
    if not chunks or not any(_enough(line, quote) for text in said for line in _lines(text)):
        return None
    return And((Substring(chunks), any_quotation(quote)))


def is_run(chunks: Sequence[str], text: str) -> bool:
    """Whether a text is a `Substring` of the chunks: found in them from the edge of one to the edge of another."""
    whole, edges = _joined(tuple(chunks))
    at = whole.find(text)
    while at >= 0:
        if at in edges and at + len(text) in edges:
            return True
        at = whole.find(text, at + 1)
    return False


@lru_cache(maxsize=16)
def _joined(chunks: tuple[str, ...]) -> tuple[str, frozenset[int]]:
    return "".join(chunks), frozenset(accumulate(map(len, chunks), initial=0))


def sources(quote: Quote, texts: Mapping[str, Sequence[str]], order: Sequence[str] = ()) -> list[str]:
    """The texts that may be quoted from."""
    if not quote.latest:
        return [text for step in quote.of for text in texts.get(step, ())]
    last = next((step for step in reversed(order) if step in quote.of), None)
    return [] if last is None else [texts[last][-1]]


@lru_cache(maxsize=128)
def any_quotation(quote: Quote) -> Constraint:
    """Every text that a quotation could be: a line that neither begins nor ends with a blank."""
    visible = Characters(VISIBLE, 1, 1)
    if quote.max_chars == 1:
        return visible
    inner = c.Sequence((Characters(LINE, 0, quote.max_chars - 2), visible))
    some = c.Sequence((visible, Choice((Literal(""), inner))))
    return some if quote.min_words == 1 else And((some, _words_in(quote.min_words)))


def _words_in(least: int) -> Constraint:
    """The lines of so many words: runs of visible characters, each with a letter or digit."""
    line, letter = Characters(LINE, 0, None), Characters(_letters(), 1, 1)
    word = c.Sequence((line, letter, Characters(VISIBLE, 0, None), Characters(_blanks(), 1, 1)))
    return c.Sequence((c.Repeat(word, least - 1, least - 1), line, letter, line))


@cache
def _letters() -> c.Ranges:
    return merged((code, code) for code in range(0x110000) if chr(code).isalnum())


@cache
def _blanks() -> c.Ranges:
    return merged((code, code) for low, high in LINE for code in _outside(low, high))


def _outside(low: int, high: int) -> Iterable[int]:
    """The characters of a stretch that are not visible; there are few."""
    for first, last in c.ranges_without(*VISIBLE):
        yield from range(max(low, first), min(high, last) + 1)


def counted(text: str) -> int:
    """The words of a text: runs of visible characters, each with a letter or digit."""
    runs = "".join(char if c.within(ord(char), VISIBLE) else " " for char in text).split(" ")
    return sum(any(map(str.isalnum, run)) for run in runs)


def _enough(line: str, quote: Quote) -> bool:
    """Whether some quotation from a line is short enough and has enough words."""
    parts = _words(line)
    for start, part in enumerate(parts):
        text = ""
        for more in parts[start:] if not part.isspace() else ():
            text += more
            if len(text) > quote.max_chars:
                break
            if c.within(ord(more[0]), VISIBLE) and (quote.min_words == 1 or counted(text) >= quote.min_words):
                return True
    return False


def _chunks(texts: Iterable[str], max_chars: int) -> tuple[str, ...]:
    """Words, the marks around them and the blanks between, in order; a break no quotation can cross after each line.

    Empty where no word is short enough to be quoted.
    """
    chunks: list[str] = []
    shortest: float = math.inf
    for text in texts:
        more, least = _chunked(text)
        chunks += more
        shortest = min(shortest, least)
    return tuple(chunks) if shortest <= max_chars else ()


@lru_cache(maxsize=1024)
def _chunked(text: str) -> tuple[tuple[str, ...], float]:
    """The chunks of one text, and the length of its shortest word."""
    lines = [_words(line) for line in _lines(text)]
    shortest = min((len(word) for words in lines for word in words if not word.isspace()), default=math.inf)
    return tuple(chunk for words in lines for chunk in (*words, "\n")), shortest


@lru_cache(maxsize=1024)
def _lines(text: str) -> tuple[str, ...]:
    """The runs of characters that a line of text may hold."""
    return tuple(_NO_LINE.sub("\n", text).split("\n"))


@lru_cache(maxsize=4096)
def _words(line: str) -> tuple[str, ...]:
    """A line cut at blanks, each word parted from the marks before and behind it."""
    runs = _RUNS.findall(line)
    return tuple(part for run in runs for part in (_parted(run) if c.within(ord(run[0]), VISIBLE) else (run,)))


def _parted(word: str) -> Iterable[str]:
    inner = [i for i, char in enumerate(word) if char.isalnum()]
    if not inner:
        yield word
        return
    first, last = inner[0], inner[-1] + 1
    yield from (part for part in (word[:first], word[first:last], word[last:]) if part)
