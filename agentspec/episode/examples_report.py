"""Files of prompt examples examined together: what ``agentspec validate-prompts`` tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from agentspec.checking.compile import Compiled
from agentspec.episode.examples_check import Examined, Examiner
from agentspec.episode.examples_cover import Coverage
from agentspec.episode.examples_finding import Finding
from agentspec.episode.examples_foreign import Foreign, Mapping
from agentspec.episode.examples_messages import SUFFIXES, as_messages, read_log, rewritten, uses_cues
from agentspec.episode.examples_read import SEPARATOR, Text, Transcript, read_file, read_transcripts, with_offsets
from agentspec.episode.examples_tokens import Counter, estimating
from agentspec.episode.examples_write import edited, write_fixed
from agentspec.errors import Location, SyntaxProblem


@dataclass
class Source:
    """One file of examples: ``path`` is None where the text is not a file's own."""

    name: str
    path: Path | None
    text: Text
    transcripts: list[Transcript]
    form: str
    faults: list[Finding] = field(default_factory=list)
    examined: list[Examined] = field(default_factory=list)


class Report:
    """Examines file after file."""

    def __init__(self, compiled: Compiled, mapping: Mapping | None = None, counter: Counter | None = None) -> None:
        self.compiled = compiled
        self.examiner = Examiner(compiled)
        self.coverage = Coverage(self.examiner.ground)
        self.sources: list[Source] = []
        self.more: list[Finding] = []
        self._mapping = mapping
        self._counter = counter or estimating(compiled)

    def add_text(self, text: str, name: str) -> None:
        """The agent's own examples."""
        path = Path(name)
        if path.is_file():
            self.add(path)
        else:
            self._examine(Source(name, None, Text(text), read_transcripts(self.compiled.agent.spec, text), "cues"))

    def add(self, path: Path) -> None:
        """The examples of a file. Raises InvalidInput where there is no file to read."""
        name = str(path)
        if path.suffix.lower() in SUFFIXES:
            with path_opened(path):
                transcripts, faults = read_log(self.compiled, path)
            self._examine(Source(name, path, Text(""), transcripts, "messages", faults))
            return
        try:
            text = read_file(path)
        except SyntaxProblem as problem:
            where = problem.location or Location(name, 1, 1)
            self.sources.append(Source(name, path, Text(""), [], "cues", [_of_file(where, problem.message)]))
            return
        if self._mapping is not None:
            transcripts = Foreign(self.compiled, self._mapping).read(text.text)
            self._examine(Source(name, path, text, with_offsets(transcripts, text), "foreign"))
            return
        transcripts = with_offsets(read_transcripts(self.compiled.agent.spec, text.text), text)
        self._examine(Source(name, path, text, transcripts, "cues"))

    def _examine(self, source: Source) -> None:
        self.sources.append(source)
        if not source.transcripts and not source.faults:
            source.faults.append(_of_file(Location(source.name, 1, 1), "the file holds no example"))
        for one in source.transcripts:
            found = self.examiner.examine(one, source.name)
            size = self._counter.finding(one, source.name)
            if size is not None and size.warning:
                found = replace(found, warnings=(*found.warnings, size))
            elif size is not None:
                found = replace(found, findings=(*found.findings, size))
            source.examined.append(found)
            if not found.findings:
                self.coverage.add(found.word)
            elif found.repair is not None:
                new = {id(line) for line in found.repair.inserted}
                pairs = zip(found.repair.word, found.repair.lines, strict=True)
                self.coverage.add_repaired(found.repair.word, [taken for taken, line in pairs if id(line) not in new])

    # What was found -----------------------------------------------------------------------------------------------

    @cached_property
    def _told(self) -> list[Finding]:
        found: list[Finding] = []
        for source in self.sources:
            found += source.faults
            for one in source.examined:
                found += sorted((*one.findings, *one.warnings), key=lambda finding: finding.step)
        return [*found, *self.more, *self.coverage.warnings()]

    def findings(self, *, strict: bool = False) -> list[Finding]:
        """What is wrong; ``strict``: what is only to be warned of as well."""
        return [replace(one, warning=False) for one in self._told if strict or not one.warning]

    def warnings(self) -> list[Finding]:
        """What is to be warned of."""
        return [one for one in self._told if one.warning]

    @property
    def examples(self) -> int:
        """How many examples were examined."""
        return sum(len(source.transcripts) for source in self.sources)

    @property
    def steps(self) -> int:
        """How many steps they have."""
        return sum(len(one.lines) for source in self.sources for one in source.transcripts)

    def to_json(self, *, strict: bool, covered: bool, unchecked: Sequence[str]) -> dict[str, Any]:
        """What ``--json`` prints."""
        findings = self.findings(strict=strict)
        shape = {
            "schema_version": 1,
            "agent": self.compiled.agent.name,
            "valid": not findings,
            "examples": self.examples,
            "steps": self.steps,
            "findings": [finding.to_json() for finding in findings],
            "warnings": [] if strict else [finding.to_json() for finding in self.warnings()],
            "not_checked": list(unchecked),
        }
        return {**shape, "coverage": self.coverage.to_json()} if covered else shape

    # Repaired copies ----------------------------------------------------------------------------------------------

    def fix(self) -> list[Path]:
        """Write the repaired copies of the files in which something can be repaired. Raises InvalidInput.

        What a foreign style holds is written with the cues of the agent, also where nothing is wrong with it.
        """
        return [made for source in self.sources if (made := self._fixed(source)) is not None]

    def _fixed(self, source: Source) -> Path | None:
        repairs = [(one, found.repair) for one, found in zip(source.transcripts, source.examined, strict=True)]
        if source.path is None or not source.transcripts:
            return None
        if source.form != "foreign" and not any(repair is not None for _, repair in repairs):
            return None
        spec = self.compiled.agent.spec
        if source.form == "messages":
            made = {}
            for one, repair in repairs:
                if repair is not None:
                    said = [
                        (taken.letter, line.content_at(spec.steps[str(taken.letter.step)]) or "")
                        for taken, line in zip(repair.word, repair.lines, strict=True)
                    ]
                    made[one.number] = as_messages(spec, said, cues=uses_cues(spec, one.lines))
            return write_fixed(source.path, rewritten(source.path, made), source.text, headed=False)
        if source.form == "foreign":
            episodes = [
                self._native(one, found) for one, found in zip(source.transcripts, source.examined, strict=True)
            ]
            return write_fixed(source.path, f"{SEPARATOR}\n".join(episodes), source.text)
        edits = [
            (edit, one.lines[edit.at] if edit.at < len(one.lines) else None)
            for one, repair in repairs
            if repair is not None
            for edit in repair.edits
        ]
        return write_fixed(source.path, edited(source.text.text, edits), source.text)

    def _native(self, transcript: Transcript, found: Examined) -> str:
        """An example of a foreign style with the agent's own cues, repaired where that is possible."""
        from agentspec.episode.transcript import show

        spec = self.compiled.agent.spec
        lines = transcript.lines if found.repair is None else found.repair.lines
        return "".join(
            f"# {line.content}\n" if line.fault else show(spec, line.step, line.content_at(spec.steps[line.step]) or "")
            for line in lines
        )


def _of_file(where: Location, problem: str) -> Finding:
    return Finding(0, 0, where, where.text or "", problem, kind="file")


def path_opened(path: Path) -> Any:
    """The file open. Raises InvalidInput where it cannot be."""
    from agentspec.errors import InvalidInput

    try:
        return path.open("rb")
    except OSError as problem:
        raise InvalidInput(f"{path}: {problem.strerror or problem}") from None
