"""Text to the alternatives of a regular expression, in one pass; the dialect is described in `regex`."""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, field

from agentspec import limits
from agentspec.content.constraint import (
    Characters,
    Constraint,
    Literal,
    Ranges,
    Repeat,
    Sequence,
    either,
)
from agentspec.content.ranges import folded, inverse, merged
from agentspec.errors import SyntaxProblem
from agentspec.logic.source import SourceText, quoted

_NAMED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_BLANK: Ranges = ((0x09, 0x0D), (0x20, 0x20))
_BREAKS: Ranges = ((0x0A, 0x0D), (0x1C, 0x1E), (0x85, 0x85), (0x2028, 0x2029))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _BLANK}
_UNREAD = {
    "b": r"the word boundary \b",
    "B": r"the word boundary \B",
    "A": r"the anchor \A is written ^ here;",
    "z": r"the anchor \z is written $ here;",
    "Z": r"the anchor \Z is written $ here;",
    "k": r"the back-reference \k",
    "g": r"the back-reference \g",
    "p": r"the Unicode property \p",
    "P": r"the Unicode property \P",
    "0": r"the octal escape \0 (write \x00)",
    **{digit: f"the back-reference \\{digit}" for digit in "123456789"},
}
_GROUPS = {
    "?=": "look-ahead (?=",
    "?!": "look-ahead (?!",
    "?<=": "look-behind (?<=",
    "?<!": "look-behind (?<!",
    "?P=": "the back-reference (?P=",
    "?P<": "a named group (?P<",
    "?<": "a named group (?<",
    "?'": "a named group (?'",
    "?>": "an atomic group (?>",
    "?#": "a comment (?#",
    "?(": "a conditional group (?(",
    "?|": "a branch reset (?|",
    "*": "a verb (*",
}


@dataclass(frozen=True, slots=True)
class Branch:
    """One of a pattern's outermost alternatives, and at which ends it is anchored."""

    body: Constraint
    at_start: bool
    at_end: bool


def branches(text: SourceText) -> tuple[Branch, ...]:
    """The outermost alternatives of the pattern. Raises SyntaxProblem at what cannot be read."""
    if len(text.text) > limits.PATTERN_LENGTH:
        raise text.problem(0, f"a pattern of {len(text.text)} characters; at most {limits.PATTERN_LENGTH} are read")
    return _Parser(text).branches()


@dataclass
class _Group:
    """What was read since an opening parenthesis (or the start): finished alternatives and the one under way."""

    offset: int
    done: list[tuple[list[Constraint], int]] = field(default_factory=list)
    items: list[Constraint] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)


class _Parser:
    """One pass with an explicit stack of groups: no pattern can exhaust Python's."""

    def __init__(self, text: SourceText) -> None:
        self.source = text
        self.text = text.text
        self.at = 0
        self.folds = False
        self.stack = [_Group(0)]
        self.ends: list[tuple[bool, bool]] = []
        self.start_anchor = self.end_anchor = False
        self.repeatable = False

    def problem(self, message: str, offset: int | None = None) -> SyntaxProblem:
        return self.source.problem(self.at if offset is None else offset, message)

    def peek(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def branches(self) -> tuple[Branch, ...]:
        if self.peek("(?i)"):
            self.folds, self.at = True, 4
        readers: dict[str, Callable[[], None]] = {
            "(": self.open, ")": self.close, "|": self.alternative, "^": self.anchor_start, "$": self.anchor_end,
            "*": self.quantifier, "+": self.quantifier, "?": self.quantifier, "{": self.quantifier,
        }  # fmt: skip
        while self.at < len(self.text):
            character = self.text[self.at]
            if self.end_anchor and character != "|":
                message = "'$' may stand only at the end of the pattern or of one of its outermost alternatives"
                raise self.problem(f"{message}; a dollar sign is written \\$", self.at - 1)
            readers.get(character, self.atom)()
        if len(self.stack) > 1:
            raise self.problem("this '(' is never closed", self.stack[-1].offset)
        self.alternative()
        group = self.stack[0]
        return tuple(Branch(joined(items), *ends) for (items, _), ends in zip(group.done, self.ends, strict=True))

    def add(self, item: Constraint, size: int) -> None:
        group = self.stack[-1]
        group.items.append(item)
        group.sizes.append(size)
        self.repeatable = True

    def alternative(self) -> None:
        group = self.stack[-1]
        group.done.append((group.items, sum(group.sizes)))
        group.items, group.sizes = [], []
        if len(self.stack) == 1:
            self.ends.append((self.start_anchor, self.end_anchor))
            self.start_anchor = self.end_anchor = False
        self.at += 1
        self.repeatable = False

    def open(self) -> None:
        offset = self.at
        for sign, name in _GROUPS.items():
            if self.peek(f"({sign}"):
                raise self.problem(f"{name} cannot be used here")
        if self.peek("(?") and not self.peek("(?:"):
            if self.peek("(?i)"):
                raise self.problem("(?i) may stand only at the very start of the pattern")
            raise self.problem("only (?: opens a group that way, and (?i) the pattern; other flags cannot be used here")
        if len(self.stack) > limits.PATTERN_DEPTH:
            raise self.problem(f"groups nested deeper than {limits.PATTERN_DEPTH}")
        self.stack.append(_Group(offset))
        self.at += 3 if self.peek("(?:") else 1
        self.repeatable = False

    def close(self) -> None:
        if len(self.stack) == 1:
            raise self.problem("this ')' closes no group; a parenthesis is written \\)")
        self.alternative()
        group = self.stack.pop()
        size = sum(size for _, size in group.done)
        self.add(either([joined(items) for items, _ in group.done]), max(size, 1))

    def anchor_start(self) -> None:
        if len(self.stack) > 1 or self.stack[0].items or self.start_anchor:
            message = "'^' may stand only at the start of the pattern or of one of its outermost alternatives"
            raise self.problem(f"{message}; a caret is written \\^")
        self.start_anchor = True
        self.at += 1

    def anchor_end(self) -> None:
        if len(self.stack) > 1:
            message = "'$' may stand only at the end of the pattern or of one of its outermost alternatives"
            raise self.problem(f"{message}; a dollar sign is written \\$")
        self.end_anchor = True
        self.at += 1
        self.repeatable = False

    # Quantifiers ----------------------------------------------------------------------------------------------------

    def quantifier(self) -> None:
        offset, sign = self.at, self.text[self.at]
        minimum, maximum = self.counts() if sign == "{" else {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        self.at += 1
        group = self.stack[-1]
        if not self.repeatable:
            shown = self.text[offset : self.at]
            if offset and self.text[offset - 1] in "*+?}" and group.items:
                raise self.problem(f"'{shown}' repeats a repetition; put it in a group", offset)
            raise self.problem(f"'{shown}' has nothing before it to repeat", offset)
        for follower, name in (("?", "lazy"), ("+", "possessive")):
            if self.peek(follower):
                raise self.problem(
                    f"the {name} quantifier '{self.text[offset : self.at + 1]}' cannot be used here", offset
                )
        self.repeatable = False
        body, size = group.items.pop(), group.sizes.pop()
        written = size * max(minimum if maximum is None else maximum, 1)
        if written > limits.PATTERN_SIZE:
            raise self.problem(
                f"with its counts written out this is larger than {limits.PATTERN_SIZE} characters", offset
            )
        if isinstance(body, Characters) and (body.minimum, body.maximum) == (1, 1):
            group.items.append(Characters(body.ranges, minimum, maximum))
        else:
            group.items.append(Repeat(body, minimum, maximum))
        group.sizes.append(written)

    def counts(self) -> tuple[int, int | None]:
        """``{m}``, ``{m,}`` or ``{m,n}``; leaves the place at the closing brace."""
        offset = self.at
        end = self.text.find("}", offset)
        low, comma, high = self.text[offset + 1 : end].partition(",") if end > 0 else ("", "", "")
        if not _is_number(low) or (high and not _is_number(high)):
            hint = f"; write {{0,{high}}}" if not low and _is_number(high) else ""
            raise self.problem(f"a count is written {{3}}, {{3,}} or {{3,5}}, and a brace \\{{{hint}", offset)
        for number in (low, high):
            if len(number.lstrip("0")) > 6 or int(number or 0) > limits.PATTERN_COUNT:
                raise self.problem(f"the count {number[:20]} is larger than {limits.PATTERN_COUNT}", offset)
        if high and int(high) < int(low):
            raise self.problem(f"{high} is less than {low}", offset)
        self.at = end
        return int(low), int(high) if high else None if comma else int(low)

    # Characters -----------------------------------------------------------------------------------------------------

    def atom(self) -> None:
        character = self.text[self.at]
        if character == "[":
            ranges = self.character_class()
        elif character == ".":
            ranges = inverse(_BREAKS)
            self.at += 1
        elif character in "]}":
            raise self.problem(f"'{character}' is written \\{character}")
        else:
            ranges = self.character()
        self.add(Characters(ranges, 1, 1), 1)

    def character(self) -> Ranges:
        """One character or escape, outside classes and in them, with its partner under ``(?i)``."""
        if self.peek("\\"):
            ranges = self.escape()
        else:
            if "\ud800" <= self.text[self.at] <= "\udfff":
                raise self.problem("a lone surrogate is no character")
            ranges = ((ord(self.text[self.at]), ord(self.text[self.at])),)
            self.at += 1
        return folded(ranges) if self.folds else ranges

    def escape(self) -> Ranges:
        offset = self.at
        letter = self.text[offset + 1 : offset + 2]
        self.at += 2
        if letter in ("x", "u"):
            return self.hexadecimal(offset, letter)
        if letter in _NAMED or (letter and letter in string.punctuation + " "):
            code = ord(_NAMED.get(letter, letter))
            return ((code, code),)
        if letter and letter.lower() in _CLASSES:
            return _CLASSES[letter] if letter.islower() else inverse(_CLASSES[letter.lower()])
        if letter in _UNREAD:
            raise self.problem(f"{_UNREAD[letter]} cannot be used here".replace("; cannot be used here", ""), offset)
        if not letter:
            raise self.problem("nothing follows this '\\'; a backslash is written \\\\", offset)
        known = "\\n \\t \\r \\f \\v \\xHH \\uHHHH \\u{H} \\d \\w \\s \\D \\W \\S, and any punctuation mark"
        raise self.problem(f"the escape {quoted(chr(92) + letter)} means nothing here; valid: {known}", offset)

    def hexadecimal(self, offset: int, letter: str) -> Ranges:
        if letter == "u" and self.peek("{"):
            end = self.text.find("}", self.at, self.at + 8)
            digits = self.text[self.at + 1 : end] if end > 0 else ""
            self.at = end + 1
        else:
            length = 2 if letter == "x" else 4
            digits = self.text[self.at : self.at + length]
            digits = digits if len(digits) == length else ""
            self.at += length
        if not digits or not all(digit in string.hexdigits for digit in digits):
            raise self.problem("a character is written \\x41, \\u00e9 or \\u{1F600}", offset)
        code = int(digits, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise self.problem(f"there is no character {digits}", offset)
        return ((code, code),)

    def character_class(self) -> Ranges:
        offset = self.at
        self.at += 1
        negated = self.peek("^")
        self.at += negated
        first = self.at
        found: list[tuple[int, int]] = []
        while not self.peek("]") or self.at == first:
            if self.at >= len(self.text):
                raise self.problem("this '[' is never closed; a bracket is written \\[", offset)
            if self.peek("]"):
                raise self.problem("a class without a character; a bracket in a class is written \\]", offset)
            if self.peek("[:") or self.peek("[.") or self.peek("[="):
                raise self.problem(f"POSIX classes such as {self.text[self.at : self.at + 2]}..] cannot be used here")
            found += self.member(first)
        self.at += 1
        ranges = inverse(merged(found)) if negated else merged(found)
        if not ranges:
            raise self.problem("this class holds no character", offset)
        return ranges

    def member(self, first: int) -> Ranges:
        """A character, an escape, or a range; ``-`` stands for itself at the ends alone."""
        offset = self.at
        last = self.text.startswith("]", offset + 1)
        if self.peek("-") and offset != first and not last and offset + 1 < len(self.text):
            raise self.problem("'-' in a class stands first, last, between two characters, or as \\-")
        low = self.character()
        if not self.peek("-") or self.text.startswith("]", self.at + 1) or self.at + 1 >= len(self.text):
            return low
        folds, self.folds = self.folds, False
        self.at = offset
        low = self.character()
        self.at += 1
        high = self.character()
        self.folds = folds
        shown = self.text[offset : self.at]
        if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
            raise self.problem(f"the range '{shown}' needs a single character at both ends", offset)
        if low[0][0] > high[0][0]:
            raise self.problem(f"the range '{shown}' runs backwards", offset)
        ranges = ((low[0][0], high[0][0]),)
        return folded(ranges) if folds else ranges


def _is_number(text: str) -> bool:
    return bool(text) and all(digit in string.digits for digit in text)


def joined(items: list[Constraint]) -> Constraint:
    """The items joined; single characters that follow one another become one literal."""
    parts: list[Constraint] = []
    for item in items:
        if isinstance(item, Characters) and (item.minimum, item.maximum) == (1, 1):
            (low, high), *more = item.ranges
            if low == high and not more:
                last = parts.pop() if parts else None
                if isinstance(last, Literal):
                    parts.append(Literal(last.text + chr(low)))
                else:
                    parts += [Literal(chr(low))] if last is None else [last, Literal(chr(low))]
                continue
        parts.append(item)
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts)) if parts else Literal("")
