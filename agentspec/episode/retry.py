"""Steps that were taken back: written, found to be what the rules do not allow, forgotten, and not to be written again.

Only where the guarantee is partial: what a function says of a step shows when it is whole. A step is tried at most
`guard.TRIES` times; each time the texts that failed are no texts of it any more, and their tokens are spent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from agentspec.automata.letter import Letter
from agentspec.checking.compile import Compiled, step_of
from agentspec.content.constraint import Constraint
from agentspec.content.language import Language
from agentspec.content.schema_validation import violation
from agentspec.guard.segment import Segment
from agentspec.spec.model import Step
from agentspec.spec.style import line_without


def invalid(step: Step, content: str) -> str | None:
    """Why the content of a step is not valid under its lenient schema; None where it is, or nothing is left open."""
    return violation(step.schema, content) if step.unenforced and step.schema is not None else None


class TakenBack(Exception):
    """A step turned out to be a letter that is not allowed: it is not recorded, and its text is to be forgotten."""

    def __init__(self, letter: Letter, content: str) -> None:
        super().__init__(str(letter))
        self.letter = letter
        self.content = content


@dataclass
class Failures:
    """The texts that failed at one position, by step and tool; ``tokens`` were spent on them."""

    compiled: Compiled
    tokens: int = 0
    _texts: dict[tuple[str | None, str | None], list[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._texts.values()))

    def __str__(self) -> str:
        """What was taken back; nothing is ''."""
        many = len(self)
        return f"{many} {'texts were' if many > 1 else 'text was'} taken back ({self.tokens} tokens)" if many else ""

    def add(self, failed: TakenBack, tokens: int) -> None:
        """One more that is not to be written again."""
        self.tokens += tokens
        self._texts.setdefault(_key(failed.letter), []).append(failed.content)

    def touch(self, letter: Letter) -> bool:
        """Whether some text of the letter's step failed."""
        return _key(letter) in self._texts

    def without(self, letter: Letter, line: Constraint) -> Constraint:
        """The texts of a letter but for those that failed."""
        if not self.touch(letter):
            return line
        return line_without(step_of(self.compiled.agent.spec.steps, letter), line, self._texts[_key(letter)])

    def left(self, plan: Segment, line: Callable[[Letter], Constraint]) -> Segment:
        """The plan without the letters at its start that have no text left; ``line`` gives the texts of one."""
        first = plan.nodes[0]
        kept = tuple(
            way
            for way in first.alternatives
            if not self.touch(way.letter)
            or not Language(line(way.letter)).is_empty(what=f"what is left of '{way.letter.step}'")
        )
        return Segment((replace(first, alternatives=kept), *plan.nodes[1:]))


def _key(letter: Letter) -> tuple[str | None, str | None]:
    return letter.step, letter.tool
