"""Prompt examples: episodes as text, each held against its agent's behavior, rules, contents and tools."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agentspec.checking.compile import Compiled
from agentspec.episode.examples_check import Examiner
from agentspec.episode.examples_finding import Finding
from agentspec.episode.examples_read import Line, Transcript, read_transcripts
from agentspec.errors import SyntaxProblem

__all__ = ["Finding", "Line", "Transcript", "findings", "read_examples", "read_transcripts"]


def read_examples(compiled: Compiled) -> list[list[Line]]:
    """The agent's prompt examples, each an episode of its own spec. Raises SyntaxProblem at the first that is not."""
    found: list[list[Line]] = []
    for text, source in compiled.agent.example_files:
        transcripts = read_transcripts(compiled.agent.spec, text)
        for finding in findings(compiled, transcripts, source):
            allowed = f"; allowed: {', '.join(finding.allowed)}" if finding.allowed else ""
            raise SyntaxProblem(f"prompt example: {finding.message}{allowed}", location=finding.location)
        found += [one.lines for one in transcripts]
    return found


def findings(compiled: Compiled, transcripts: Iterable[Transcript], source: str) -> Iterator[Finding]:
    """The first fault of each transcript that is no episode of its spec."""
    examiner = Examiner(compiled)
    for one in transcripts:
        finding = examiner.first(one, source)
        if finding is not None:
            yield finding
