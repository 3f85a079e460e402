"""GBNF read as llama.cpp's guide describes it: a parser that is strict, and a recogniser of sets of stacks.

Refused is also what llama.cpp takes for something else than it says: an empty class, a count of 2000 and more, a count
of something that may be empty, left recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST = 2000
_TOKEN = re.compile(
    r'(?P<literal>"(?:[^"\\\n]|\\.)*")|(?P<set>\[(?:[^\]\\\n]|\\.)*\])|(?P<name>[a-zA-Z0-9-]+)'
    r"|(?P<count>[*+?]|\{\d+(?:,\d*)?\})|(?P<bar>\|)|(?P<open>\()|(?P<close>\))|(?P<any>\.)"
)
_ONE = re.compile(r'\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})|\\([nrt"\\\[\]-])|([^\\])', re.DOTALL)

Item = tuple[object, ...]
"""``("set", ranges, negated)``, ``("rule", name)`` or ``("times", item, minimum, maximum)``."""
Row = tuple[Item, ...]
Stack = tuple[Item, "Stack"] | None


@dataclass(frozen=True)
class Gbnf:
    """A grammar: each rule's alternatives."""

    rules: dict[str, list[Row]]

    def accepts(self, text: str) -> bool:
        """Whether the whole text is one of the grammar's."""
        stacks = self.start()
        for character in text:
            stacks = self.after(stacks, character)
            if not stacks:
                return False
        return None in stacks

    def texts(self, alphabet: str, most: int) -> set[str]:
        """All texts over the alphabet of at most so many characters."""
        found = set()
        todo = [("", self.start())]
        for text, stacks in todo:
            if None in stacks:
                found.add(text)
            if len(text) < most:
                todo += [(text + c, behind) for c in alphabet if (behind := self.after(stacks, c))]
        return found

    def start(self) -> set[Stack]:
        return self._open([(("rule", "root"), None)])

    def after(self, stacks: set[Stack], character: str) -> set[Stack]:
        """The stacks behind a character."""
        behind = []
        for stack in stacks:
            if stack is not None:
                (_, ranges, negated), rest = stack
                if any(low <= ord(character) <= high for low, high in ranges) != negated:
                    behind.append(rest)
        return self._open(behind)

    def _open(self, todo: list[Stack]) -> set[Stack]:
        """The stacks with a set of characters on top, or without anything, that others stand for."""
        seen: set[Stack] = set()
        found: set[Stack] = set()
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if stack is None or stack[0][0] == "set":
                found.add(stack)
                continue
            item, rest = stack
            if item[0] == "rule":
                for row in self.rules[item[1]]:
                    below = rest
                    for one in reversed(row):
                        below = (one, below)
                    todo.append(below)
                continue
            _, body, low, high = item
            if low == 0:
                todo.append(rest)
            if high != 0:
                again = ("times", body, max(low - 1, 0), None if high is None else high - 1)
                todo.append((body, rest if high == 1 else (again, rest)))
        return found


def parse(text: str) -> Gbnf:
    """The grammar. Raises ValueError where llama.cpp would refuse it or take it for another."""
    rules: dict[str, list[Row]] = {}
    for line in text.splitlines():
        head = re.match(r"([a-zA-Z0-9-]+) ::= ", line)
        if head is None or head[1] in rules:
            raise ValueError(f"no rule, or one more of the same name: {line!r}")
        rules[head[1]] = list(_rows(line[head.end() :], rules, head[1]))
    grammar = Gbnf(rules)
    _check(grammar)
    return grammar


def _rows(text: str, rules: dict[str, list[Row]], name: str) -> Iterator[Row]:
    row: list[Item] = []
    at = 0
    while at < len(text):
        if text[at] == " ":
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup in ("open", "close", "any"):
            raise ValueError(f"not understood at {text[at : at + 20]!r}")
        at = found.end()
        match found.lastgroup:
            case "literal":
                row.append(("row", tuple(("set", ((code, code),), False) for code in _codes(found[0][1:-1]))))
            case "set":
                row.append(_set(found[0][1:-1]))
            case "name":
                row.append(("rule", found[0]))
            case "bar":
                yield _flat(row, rules, name)
                row = []
            case "count":
                if not row or row[-1] == ("row", ()) or row[-1][0] == "times":
                    raise ValueError(f"nothing that can be counted before {found[0]!r}")
                row.append(_counted(row.pop(), found[0]))
    yield _flat(row, rules, name)


def _counted(item: Item, count: str) -> Item:
    low, high = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(count, (None, None))
    if low is None:
        least, _, most = count[1:-1].partition(",")
        low = int(least)
        high = (int(most) if most else None) if "," in count else low
    if max(low, high or 0) >= MOST or (high is not None and low > high):
        raise ValueError(f"a count that is not one: {count}")
    return ("times", item, low, high)


def _flat(row: list[Item], rules: dict[str, list[Row]], name: str) -> Row:
    """Literals become their characters; a counted one becomes a rule of its own."""
    found: list[Item] = []
    for item in row:
        if item[0] == "row":
            found += item[1]
        elif item[0] == "times" and item[1][0] == "row":
            inner = f"{name}_{len(rules)}"
            rules[inner] = [item[1][1]]
            found.append(("times", ("rule", inner), *item[2:]))
        else:
            found.append(item)
    return tuple(found)


def _codes(text: str) -> list[int]:
    codes, at = [], 0
    while at < len(text):
        found = _ONE.match(text, at)
        if found is None:
            raise ValueError(f"no such escape: {text[at : at + 10]!r}")
        hexadecimal = found[1] or found[2] or found[3]
        plain = {"n": "\n", "r": "\r", "t": "\t"}.get(found[4], found[4]) if found[4] else found[5]
        codes.append(int(hexadecimal, 16) if hexadecimal else ord(plain))
        at = found.end()
    return codes


def _set(text: str) -> Item:
    negated = text.startswith("^")
    ranges, at = [], int(negated)
    while at < len(text):
        low = _ONE.match(text, at)
        if low is None:
            raise ValueError(f"no such escape: {text[at : at + 10]!r}")
        at, high = low.end(), low
        if text[at : at + 1] == "-" and at + 1 < len(text):
            high = _ONE.match(text, at + 1)
            if high is None:
                raise ValueError(f"no such escape: {text[at : at + 10]!r}")
            at = high.end()
        ranges.append((_codes(low[0])[0], _codes(high[0])[0]))
    if not ranges or any(low > high for low, high in ranges):
        raise ValueError(f"an empty set: [{text}]")
    return ("set", tuple(ranges), negated)


def _check(grammar: Gbnf) -> None:
    """Raises ValueError for rules that are missing, left recursion, and counts of what may be empty."""
    named = {
        item[1] for rows in grammar.rules.values() for row in rows for item in map(_inner, row) if item[0] == "rule"
    }
    if missing := ({"root"} | named) - set(grammar.rules):
        raise ValueError(f"not defined: {missing}")
    empty: set[str] = set()

    def may_be_empty(item: Item) -> bool:
        return (item[0] == "rule" and item[1] in empty) or (
            item[0] == "times" and (item[2] == 0 or may_be_empty(item[1]))
        )

    while (
        new := {name for name, rows in grammar.rules.items() if any(all(map(may_be_empty, row)) for row in rows)}
        - empty
    ):
        empty |= new
    first: dict[str, set[str]] = {name: set() for name in grammar.rules}
    for name, rows in grammar.rules.items():
        for row in rows:
            for item in row:
                inner = _inner(item)
                if item[0] == "times" and may_be_empty(inner):
                    raise ValueError(f"a count of what may be empty in {name}")
                if inner[0] == "rule":
                    first[name].add(inner[1])
                if not may_be_empty(item):
                    break
    for name in first:
        reached = set(todo := list(first[name]))
        for one in todo:
            todo += first[one] - reached
            reached |= first[one]
        if name in reached:
            raise ValueError(f"left recursion in {name}")


def _inner(item: Item) -> Item:
    return item[1] if item[0] == "times" else item
