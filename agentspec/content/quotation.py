"""Quotations: words taken verbatim from earlier texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from agentspec.content import constraint as c
from agentspec.content.constraint import LINE, VISIBLE, And, Characters, Choice, Constraint, Literal, Quote, Substring


def bind(constraint: Constraint, texts: Mapping[str, Sequence[str]]) -> Constraint | None:
    """The constraint with each `Quote` replaced by what can be quoted from ``texts`` (by step); None where nothing can.

    A quotation is one or more whole words that stand one after another in one line of one of the texts.
    """
    missing = False

    def combine(node: Constraint, parts: list[Constraint]) -> Constraint:
        nonlocal missing
        if not isinstance(node, Quote):
            return c.rebuilt(node, parts)
        chunks = _chunks((text for step in node.of for text in texts.get(step, ())), node.max_chars)
        missing = missing or not chunks
        return And((Substring(chunks), any_quotation(node)))

    bound = c.fold(constraint, combine)
    return None if missing else bound


def any_quotation(quote: Quote) -> Constraint:
    """Every text that a quotation could be: a line that neither begins nor ends with a blank."""
    visible = Characters(VISIBLE, 1, 1)
    if quote.max_chars == 1:
        return visible
    inner = c.Sequence((Characters(LINE, 0, quote.max_chars - 2), visible))
    return c.Sequence((visible, Choice((Literal(""), inner))))


def _chunks(texts: Iterable[str], max_chars: int) -> tuple[str, ...]:
    """Words, the marks around them and the blanks between, in order; a break no quotation can cross after each line.

    Empty where no word is short enough to be quoted.
    """
    chunks: list[str] = []
    found = False
    for text in texts:
        for line in _lines(text):
            words = list(_words(line))
            found = found or any(not word.isspace() and len(word) <= max_chars for word in words)
            chunks += [*words, "\n"]
    return tuple(chunks) if found else ()


def _lines(text: str) -> Iterable[str]:
    """The runs of characters that a line of text may hold."""
    return "".join(char if c.within(ord(char), LINE) else "\n" for char in text).split("\n")


def _words(line: str) -> Iterable[str]:
    """A line cut at blanks, each word parted from the marks before and behind it."""
    start = 0
    while start < len(line):
        end = start
        blank = not c.within(ord(line[start]), VISIBLE)
        while end < len(line) and (not c.within(ord(line[end]), VISIBLE)) == blank:
            end += 1
        yield from [line[start:end]] if blank else _parted(line[start:end])
        start = end


def _parted(word: str) -> Iterable[str]:
    inner = [i for i, char in enumerate(word) if char.isalnum()]
    if not inner:
        yield word
        return
    first, last = inner[0], inner[-1] + 1
    yield from (part for part in (word[:first], word[first:last], word[last:]) if part)
