"""Whether texts are a constraint's, asked again and again."""

from __future__ import annotations

from agentspec.content.constraint import Constraint
from agentspec.content.language import ALL, NOTHING, Language

ROWS = 20_000
"""States of the automaton of a text that are kept."""

STRETCH = 256
"""Characters read before it is looked whether the rest can matter."""

LONG = 100_000
"""Characters beyond which a text is not read by the table, which it might fill."""

_SURE = frozenset({ALL, NOTHING})


class TextTest:
    """Whether texts are a constraint's: its automaton as one table, filled as it is used."""

    def __init__(self, constraint: Constraint) -> None:
        self._constraint = constraint
        self._forget()

    def _forget(self) -> None:
        self.language = Language(self._constraint)
        self.rows: dict[int, _Row] = {}
        self._start = self.row(self.language.start)

    def row(self, state: int) -> _Row:
        """The row of a state."""
        if state not in self.rows:
            self.rows[state] = _Row(self, state)
        return self.rows[state]

    def __call__(self, text: str) -> bool:
        if len(text) > LONG:
            return self.language.accepts(text)
        row = self._start
        for at in range(0, len(text), STRETCH):
            for character in text[at : at + STRETCH]:
                row = row[character]
            if row.state in _SURE:
                break
        answer = self.language.accepts_at(row.state)
        if len(self.rows) > ROWS:
            self._forget()
        return answer


class _Row(dict[str, "_Row"]):
    """Where the characters seen so far lead from one state."""

    __slots__ = ("_test", "state")

    def __init__(self, test: TextTest, state: int) -> None:
        super().__init__()
        self._test, self.state = test, state

    def __missing__(self, character: str) -> _Row:
        self[character] = after = self._test.row(self._test.language.step(self.state, character))
        return after
