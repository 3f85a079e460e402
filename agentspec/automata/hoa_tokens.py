"""The tokens of the Hanoi Omega-Automata format, one at a time, and the errors that point at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from agentspec.errors import SyntaxProblem, TooLarge
from agentspec.logic.source import SourceText, quoted


class Token(NamedTuple):
    """``kind`` is the name of its group in the pattern, or ``end`` after the last one."""

    kind: str
    text: str
    offset: int


_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n\f\v]+)
      | (?P<comment>/\*)
      | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
      | (?P<marker>--(?:BODY|END|ABORT)--)
      | (?P<header>[A-Za-z_][A-Za-z0-9_-]*:)
      | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<number>[0-9]+)
      | (?P<alias>@[A-Za-z0-9_-]+)
      | (?P<sign>[\[\](){}!&|])""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
START: Final = Token("", "", 0)


@dataclass
class Tokens:
    """The text read up to ``at``, and the token before that, which is looked at and not yet taken."""

    source: SourceText
    at: int = 0
    token: Token = START

    def advance(self) -> Token:
        """Takes the present token and looks at the next."""
        taken, text = self.token, self.source.text
        while self.at < len(text):
            found = _TOKEN.match(text, self.at)
            if found is None:
                what = "a text in quotes that does not end" if text[self.at] == '"' else "no sign of the format:"
                shown = "" if text[self.at] == '"' else f" {quoted(text[self.at])}"
                raise self.source.problem(self.at, f"{what}{shown}")
            start, self.at = self.at, found.end()
            kind = str(found.lastgroup)
            if kind == "comment":
                self._skip_comment(start)
            elif kind != "blank":
                self.token = Token(kind, found[0], start)
                return taken
        self.token = Token("end", "", len(text))
        return taken

    def _skip_comment(self, start: int) -> None:
        depth = 1
        while depth:
            edge = _COMMENT_EDGE.search(self.source.text, self.at)
            if edge is None:
                raise self.source.problem(start, "a comment that does not end")
            depth += 1 if edge[0] == "/*" else -1
            self.at = edge.end()

    def sees(self, sign: str) -> bool:
        """Whether the present token is this sign."""
        return self.token.kind == "sign" and self.token.text == sign

    def problem(self, message: str, token: Token | None = None) -> SyntaxProblem:
        return self.source.problem((token or self.token).offset, message)

    def too_large(self, message: str, token: Token | None = None) -> TooLarge:
        return TooLarge(message, location=self.source.location((token or self.token).offset))

    def wanted(self, what: str) -> SyntaxProblem:
        found = "the end of the text" if self.token.kind == "end" else quoted(self.token.text)
        return self.problem(f"expected {what}, found {found}")

    def take(self, kind: str, what: str) -> Token:
        """The present token, which must be of this kind; ``what`` says in the error what was expected."""
        if self.token.kind != kind:
            raise self.wanted(what)
        return self.advance()

    def takes(self, sign: str) -> bool:
        """Whether the present token is this sign; if so it is taken."""
        if self.sees(sign):
            self.advance()
            return True
        return False

    def take_sign(self, sign: str) -> None:
        if not self.takes(sign):
            raise self.wanted(f"'{sign}'")

    def number(self, what: str, below: int | None = None) -> int:
        """A number, ``below`` a bound where one is given."""
        token = self.take("number", what)
        if len(token.text) > 1 and token.text[0] == "0":
            raise self.problem(f"a number with needless zeros: {quoted(token.text)}", token)
        value = int(token.text) if len(token.text) <= 9 else 10**9
        if below is not None and value >= below:
            there = f"0 to {below - 1}" if below else "none"
            raise self.problem(f"{what} {quoted(token.text)} is not there; valid: {there}", token)
        return value

    def limited(self, things: str, limit: int) -> int:
        """How many things there are; TooLarge if they are more than ``limit``."""
        token = self.token
        count = self.number(f"the number of {things}")
        if count > limit:
            raise self.too_large(f"{quoted(token.text)} {things}; at most {limit} are read", token)
        return count

    def string(self) -> str:
        """A text in quotes, unquoted."""
        return re.sub(r"\\(.)", r"\1", self.take("string", "a text in quotes").text[1:-1], flags=re.DOTALL)
