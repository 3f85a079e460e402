"""What is wrong with a prompt example: where it stands, by which rule or constraint, and how to put it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from agentspec.episode.examples_repair import Edit
from agentspec.errors import Location, SyntaxProblem

Kind = Literal["segmentation", "behavior", "rule", "content", "history", "end", "limits", "file", "coverage"]
KINDS: dict[str, str] = {
    "segmentation": "What stands in an example is cut into steps, each of which begins with its cue.",
    "behavior": "A step comes where the behavior allows it.",
    "rule": "Every rule holds.",
    "content": "A step holds what its content, its choice, its pattern or its JSON Schema allows.",
    "history": "What a step quotes or must not repeat is decided by what was written before.",
    "end": "An example ends where an episode may.",
    "limits": "An example fits the agent's limits and the model's context window.",
    "file": "A file of examples can be read.",
    "coverage": "Every step, tool and rule is shown by some example.",
}
"""The kinds of findings, and what each of them is about."""


@dataclass(frozen=True)
class Finding:
    """What is wrong with an example: the example and step (from 1), where, why, and what would have been allowed.

    ``constraint`` is what the text does not keep to, in words. ``repair`` are the edits of the shortest repair that
    belong to it. A ``warning`` is no reason to refuse the example.
    """

    example: int
    step: int
    location: Location
    text: str
    problem: str
    rules: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    kind: Kind = "behavior"
    constraint: str = ""
    repair: tuple[Edit, ...] = ()
    warning: bool = False

    @property
    def message(self) -> str:
        """Why, and by which rules."""
        return f"{self.problem} (rule {', '.join(self.rules)})" if self.rules else self.problem

    def __str__(self) -> str:
        where = f"example {self.example}, step {self.step}: " if self.step else ""
        lead = "warning: " if self.warning else ""
        told = str(SyntaxProblem(f"{lead}{where}{self.message}", location=self.location))
        if self.constraint:
            told += f"\n    constraint: {self.constraint}"
        if self.allowed:
            told += f"\n    allowed: {', '.join(self.allowed)}"
        return told + "".join(f"\n    repair: {edit}" for edit in self.repair)

    def to_json(self) -> dict[str, Any]:
        """One entry of ``validate-prompts --json``."""
        return {
            "example": self.example,
            "step": self.step,
            "file": self.location.source,
            "line": self.location.line,
            "column": self.location.column,
            "text": self.text,
            "problem": self.problem,
            "rules": list(self.rules),
            "allowed": list(self.allowed),
            "kind": self.kind,
            "severity": "warning" if self.warning else "error",
            "constraint": self.constraint,
            "repair": [edit.to_json() for edit in self.repair],
        }
