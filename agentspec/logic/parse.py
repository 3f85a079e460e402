"""Text to formula: an operator-precedence parser with an explicit stack, so that no text can exhaust Python's.

The method is Floyd's ("Syntactic Analysis and Operator Precedence", JACM 1963). Operators and precedence are Spot's,
except that plain ``X`` is the strong next and ``N`` the weak one. From the tightest to the loosest (``PRECEDENCE``):

    ! X N F G Y Z O H     before their operand; X[!] is X
    U W R M S B           to the right: a U b S c is a U (b S c)
    &  |  xor             each looser than the one before; & and | join any number of operands
    -> <->                to the right: a -> b <-> c is a -> (b <-> c)

Bounded operators (``X[n]``, ``Y[n]``, ``F[a:b]``, ``G[a:b]``, ``O[a:b]``, ``H[a:b]``; without ``b`` there is no upper
bound) and compared counts such as ``count(f) >= n`` and ``count(f since g) < n`` are written out while parsing.
``count`` is a word of the language only before a parenthesis and ``since`` only inside a count: both may name
propositions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from agentspec import limits
from agentspec.errors import SyntaxProblem
from agentspec.logic.bounded import COMPARISONS, STEPS, count_compared, nodes_added, nodes_of_count, within
from agentspec.logic.formula import FALSE, TRUE, And, Atom, Formula, Last, Or
from agentspec.logic.show import LEVELS, PRECEDENCE, SYMBOLS
from agentspec.logic.source import SourceText, quoted

RESERVED: Final = frozenset({*"XFGNUWRMYZOHSB", "xor", "true", "false", "last", "end"})
"""Words that name no proposition."""

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<name>[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*)
      | (?P<number>[0-9]+)
      | (?P<comparison>(?:[<>]=?|==)(?![^\sA-Za-z0-9_()\[\]]))
      | (?P<sign><->|->|&&|\|\||[&|!~^()\[\]:])
      | (?P<unknown>[^\sA-Za-z0-9_()\[\]]+)""",
    re.VERBOSE,
)
_SAME_AS: Final = {"&&": "&", "||": "|", "~": "!", "^": "xor"}
_OPERATORS: Final = {symbol: node for node, symbol in SYMBOLS.items()}
_UNARY: Final = frozenset(PRECEDENCE[-1])
_BOUNDED: Final = tuple([SYMBOLS[node] for node in STEPS])
_CONSTANTS: Final[dict[str, Formula]] = {"true": TRUE, "1": TRUE, "false": FALSE, "0": FALSE, "last": Last()}
_NOTATIONS = """
    and:& or:| not:! implies:-> iff:<-> next:X always:G globally:G eventually:F finally:F until:U release:R releases:R
    yesterday:Y previously:Y once:O historically:H since:S
    =>:-> -->:-> -:-> <=>:<-> =:<-> ==:<-> <>:F /:& →:-> ↔:<-> ∧:& ∨:| ¬:! ⊕:xor □:G ◇:F ○:X
"""
_QUOTES = frozenset("\"'.`“”‘’")
"""What people write in names and around them, and no name here holds."""

_ELSEWHERE: Final = dict(pair.split(":") for pair in _NOTATIONS.split())
"""How words and signs of other notations are written here."""

_PREFIX_CHOICES = " ".join(PRECEDENCE[-1])
_INFIX_CHOICES = "& | -> <-> xor U W R M S B"


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


@dataclass(slots=True)
class _Pending:
    """An operator, or an open parenthesis (level 0), that waits for what stands to its right.

    The operands of the parenthesis after ``count`` are what is counted and, after ``since``, what resets it.
    """

    token: _Token
    level: int
    build: Callable[[tuple[Formula, ...]], Formula]
    arity: int
    counts: bool = False


def parse_formula(text: str, *, source: str = "<formula>", line: int = 1, column: int = 1) -> Formula:
    """The formula that ``text`` writes; ``source``, ``line`` and ``column`` say where the text starts.

    Raises SyntaxProblem, located at the offending token, if the text is no formula, is too long or too deeply nested.
    """
    place = SourceText(text, source, line, column)
    place.require_length()
    return _Parser(place).formula()


def _no_formula(operands: tuple[Formula, ...]) -> Formula:
    raise AssertionError(f"a parenthesis builds no formula: {operands}")


class _Parser:
    def __init__(self, place: SourceText) -> None:
        self._place = place
        self._tokens = [
            _Token(match.lastgroup or "", _SAME_AS.get(match[0], match[0]), match.start())
            for match in _TOKEN.finditer(place.text)
            if match.lastgroup != "blank"
        ]
        self._tokens.append(_Token("end", "", place.end))
        self._index = 0
        self._values: list[Formula] = []
        self._pending: list[_Pending] = []
        self._shared: dict[Formula, Formula] = {}
        self._added = 0

    def formula(self) -> Formula:
        """The whole text: operands and infix operators in turn."""
        while True:
            self._read_operand()
            while self._next().text == ")":
                self._close(self._take())
            if self._begins_reset():
                continue
            if self._next().kind == "end":
                break
            self._read_infix(self._take())
        self._reduce(0)
        if self._pending:
            opened = self._pending[-1].token.offset
            raise self._place.problem(opened, "'(' is never closed; expected ')' before the end")
        return self._values[0]

    # ---- tokens

    def _next(self) -> _Token:
        return self._tokens[self._index]

    def _take(self) -> _Token:
        token = self._tokens[self._index]
        if token.kind != "end":
            self._index += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._next().text == text
        self._index += found
        return found

    def _problem(self, token: _Token, expected: str, hint: str = "") -> SyntaxProblem:
        """The error for a token that cannot stand where it does."""
        if token.kind not in ("unknown", "comparison"):
            return self._expected(token, expected, hint)
        if token.text in _ELSEWHERE:
            hint = f"; write '{_ELSEWHERE[token.text]}'"
        elif token.kind == "comparison":
            hint = f"; only counts are compared, as in count(a) {token.text} 2"
        elif token.text.isalpha() or token.text in _QUOTES:
            hint = "; a name is a letter or '_', then letters of ASCII, digits, '_' and '-', and stands unquoted"
        else:
            hint = f"; valid: {_PREFIX_CHOICES} {_INFIX_CHOICES}"
        return self._place.problem(token.offset, f"unknown operator {quoted(token.text)}{hint}")

    def _expected(self, token: _Token, expected: str, hint: str = "") -> SyntaxProblem:
        found = "the end" if token.kind == "end" else quoted(self._written(token))
        return self._place.problem(token.offset, f"expected {expected}, found {found}{hint}")

    def _written(self, token: _Token) -> str:
        """The token as the author spelled it."""
        match = _TOKEN.match(self._place.text, token.offset)
        return match[0] if match else token.text

    # ---- operands

    def _read_operand(self) -> None:
        """Prefix operators and open parentheses, then one atom or constant."""
        while True:
            token = self._take()
            if token.text == "(":
                self._push(_Pending(token, 0, _no_formula, 0))
            elif token.text == "count" and self._next().text == "(":
                self._push(_Pending(self._take(), 0, _no_formula, 1, counts=True))
            elif token.text in _UNARY:
                self._push(_Pending(token, LEVELS[token.text], self._prefix(token), 1))
            elif token.text in _CONSTANTS:
                self._values.append(_CONSTANTS[token.text])
                return
            elif token.kind == "name" and token.text not in RESERVED:
                self._values.append(self._share(Atom(self._atom_name(token))))
                return
            else:
                raise self._no_operand(token)

    def _no_operand(self, token: _Token) -> SyntaxProblem:
        if len(self._tokens) == 1:
            return self._place.problem(0, "empty formula; expected a proposition, an operator or '('")
        if token.text == "end":
            message = "'end' is a reserved word, not a proposition; 'last' holds at the last step"
            return self._place.problem(token.offset, message)
        place = self._tokens.index(token)
        after = f" after {quoted(self._written(self._tokens[place - 1]))}" if place else ""
        hint = ""
        if token.text == "[":
            hint = f"; only {_these(_BOUNDED)} take bounds"
        elif token.kind == "name" and token.text in LEVELS:
            hint = f"; '{token.text}' is an operator and names no proposition"
        return self._problem(token, f"a formula{after}", hint)

    def _atom_name(self, token: _Token) -> str:
        """The name, with its argument if one follows as in ``call(pay)``."""
        if not self._accept("("):
            return token.text
        argument = self._take()
        if argument.kind != "name":
            hint = "; an operator may be missing before '('"
            raise self._problem(argument, f"one name inside '{token.text}(...)'", hint)
        said = [argument.text]
        while token.text == "empty" and self._accept(","):
            sign = "!" if self._accept("!") else ""
            if (name := self._take()).kind != "name":
                raise self._problem(name, "a tool, or a proposition with or without '!'")
            said.append(sign + name.text)
        if not self._accept(")"):
            raise self._problem(self._next(), f"')' after '{token.text}({', '.join(said)}'")
        return f"{token.text}({', '.join(said)})"

    # ---- operators

    def _read_infix(self, token: _Token) -> None:
        level = LEVELS.get(token.text, 0)
        if level == 0 or token.text in _UNARY:
            raise self._no_infix(token)
        self._reduce(level)
        node = _OPERATORS[token.text]
        if issubclass(node, And | Or):
            if self._pending and self._pending[-1].level == level:
                self._pending[-1].arity += 1
            else:
                self._push(_Pending(token, level, node, 2))
        else:
            self._push(_Pending(token, level, lambda operands: node(*operands), 2))

    def _no_infix(self, token: _Token) -> SyntaxProblem:
        before = self._tokens[self._index - 2]
        if token.text == "[":
            return self._problem(token, "an operator", f"; only {_these(_BOUNDED)} take bounds")
        hint = ""
        if token.kind == "name" and token.text.lower() in _ELSEWHERE:
            hint = f"; write '{_ELSEWHERE[token.text.lower()]}'"
        elif before.kind == "name" and before.text.lower() in _ELSEWHERE:
            hint = f"; '{before.text}' reads as a proposition, write '{_ELSEWHERE[before.text.lower()]}'"
        closing = "')'" if any(entry.level == 0 for entry in self._pending) else "the end"
        return self._problem(token, f"an operator ({_INFIX_CHOICES}) or {closing}", hint)

    def _close(self, token: _Token) -> None:
        self._reduce(0)
        if not self._pending:
            raise self._place.problem(token.offset, "unbalanced ')': no '(' is open")
        opened = self._pending.pop()
        if opened.counts:
            self._compare_count(opened)

    def _push(self, entry: _Pending) -> None:
        if len(self._pending) >= limits.FORMULA_DEPTH:
            raise self._place.problem(entry.token.offset, f"nested deeper than {limits.FORMULA_DEPTH} levels")
        self._pending.append(entry)

    def _reduce(self, level: int) -> None:
        """Build every pending operator that binds more tightly than ``level``."""
        while self._pending and self._pending[-1].level > level:
            entry = self._pending.pop()
            operands = tuple(self._values[-entry.arity :])
            del self._values[-entry.arity :]
            self._values.append(self._share(entry.build(operands)))

    def _share(self, formula: Formula) -> Formula:
        """One object for equal formulas, which makes later comparisons immediate."""
        return self._shared.setdefault(formula, formula)

    # ---- bounds

    def _prefix(self, token: _Token) -> Callable[[tuple[Formula, ...]], Formula]:
        """What a prefix operator, with its bounds if any, builds of its operand."""
        plain = _OPERATORS[token.text]
        if not self._accept("["):
            return lambda operands: plain(*operands)
        if token.text not in _BOUNDED:
            message = f"'{self._written(token)}' takes no bounds; only {_these(_BOUNDED)} do"
            raise self._place.problem(token.offset, message)
        if token.text in "XY":
            strong = token.text == "X" and self._accept("!")
            low = 1 if strong else self._bound("'!' or a number" if token.text == "X" else "a number")
            self._closing_bracket("']'")
            return lambda operands: self._within(token, operands[0], low, low)
        low = self._bound("a number")
        if not self._accept(":"):
            raise self._problem(self._next(), f"':' as in {token.text}[0:5]")
        if self._accept("]"):
            return lambda operands: self._within(token, operands[0], low, None)
        where = self._next()
        high = self._bound("a number or ']'")
        if high < low:
            message = f"empty bounds {token.text}[{low}:{high}]: {high} is less than {low}"
            raise self._place.problem(where.offset, message)
        self._closing_bracket("']'")
        return lambda operands: self._within(token, operands[0], low, high)

    def _bound(self, expected: str) -> int:
        token = self._take()
        if token.kind != "number":
            raise self._expected(token, expected)
        digits = token.text.lstrip("0") or "0"
        most = limits.FORMULA_BOUND
        if len(digits) > len(str(most)) or int(digits) > most:
            raise self._place.problem(token.offset, f"{quoted(token.text)} is too large; at most {most}")
        return int(digits)

    def _closing_bracket(self, expected: str) -> None:
        if not self._accept("]"):
            raise self._problem(self._next(), expected)

    def _within(self, token: _Token, operand: Formula, low: int, high: int | None) -> Formula:
        self._add(nodes_added(operand, low, high), token, "bounds")
        return within(_OPERATORS[token.text], operand, low, high, share=self._share)

    def _add(self, nodes: int, token: _Token, what: str) -> None:
        self._added += nodes
        if self._added > limits.FORMULA_ADDED:
            message = f"{what} up to this '{token.text}' add more than {limits.FORMULA_ADDED} nodes to the formula"
            raise self._place.problem(token.offset, f"{message}; use smaller numbers")

    # ---- counts

    def _begins_reset(self) -> bool:
        """Whether ``since`` is next and belongs to a count; it is then read."""
        if self._next().text != "since":
            return False
        opened = next((entry for entry in reversed(self._pending) if entry.level == 0), None)
        if opened is None or not opened.counts or opened.arity == 2:
            return False
        self._reduce(0)
        opened.arity = 2
        self._take()
        return True

    def _compare_count(self, opened: _Pending) -> None:
        """``>= n`` or the like, after the parenthesis of a count."""
        comparison = self._take()
        if comparison.text not in COMPARISONS:
            raise self._expected(comparison, f"a comparison ({' '.join(COMPARISONS)}) after 'count(...)'")
        number = self._bound(f"a number after '{comparison.text}'")
        reset = self._values.pop() if opened.arity == 2 else None
        counted = self._values.pop()
        self._add(nodes_of_count(counted, reset, number), comparison, "counts")
        self._values.append(count_compared(counted, reset, comparison.text, number, share=self._share))


def _these(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
