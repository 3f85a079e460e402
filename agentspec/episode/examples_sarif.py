"""Findings about prompt examples as other programs read them: SARIF 2.1.0, and the workflow commands of GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentspec.episode.examples_finding import KINDS, Finding
from agentspec.episode.examples_repair import Edit
from agentspec.spec.model import Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Sequence[Finding], rules: Sequence[Rule], version: str) -> dict[str, Any]:
    """A SARIF log of one run (OASIS, 2020); each finding is a result of a kind, or of the agent's rule it breaks.

    Columns count characters. The edits of a repair are a fix.
    """
    described = [{"id": kind, "shortDescription": {"text": told}} for kind, told in KINDS.items()]
    described += [
        {"id": _of_rule(rule.id), "shortDescription": {"text": rule.description or rule.text or rule.id}}
        for rule in rules
    ]
    index = {one["id"]: i for i, one in enumerate(described)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "agentspec validate-prompts", "version": version, "rules": described}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, index) for finding in findings],
            }
        ],
    }


def _of_rule(rule: str) -> str:
    return f"rule/{rule}"


def _result(finding: Finding, index: dict[Any, int]) -> dict[str, Any]:
    name = next((_of_rule(rule) for rule in finding.rules if _of_rule(rule) in index), str(finding.kind))
    place = finding.location
    artifact = {"uri": _uri(place.source)}
    region = {"startLine": place.line, "startColumn": place.column}
    result: dict[str, Any] = {
        "ruleId": name,
        "ruleIndex": index[name],
        "level": "warning" if finding.warning else "error",
        "message": {"text": message(finding)},
        "locations": [{"physicalLocation": {"artifactLocation": artifact, "region": region}}],
    }
    replacements = [_replacement(edit) for edit in finding.repair if edit.rows or edit.kind == "insert"]
    if replacements and len(replacements) == len(finding.repair):
        change = {"artifactLocation": artifact, "replacements": replacements}
        result["fixes"] = [{"description": {"text": "; ".join(map(str, finding.repair))}, "artifactChanges": [change]}]
    return result


def _replacement(edit: Edit) -> dict[str, Any]:
    here = {"startLine": edit.number, "startColumn": 1, "endColumn": 1}
    if edit.kind == "insert":
        return {"deletedRegion": {**here, "endLine": edit.number}, "insertedContent": {"text": f"{edit.text}\n"}}
    whole = {**here, "endLine": edit.number + len(edit.rows)}
    if edit.kind == "delete":
        return {"deletedRegion": whole}
    return {"deletedRegion": whole, "insertedContent": {"text": f"{edit.text}\n"}}


def _uri(source: str) -> str:
    path = Path(source)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def message(finding: Finding) -> str:
    """All that is told of a finding, on lines."""
    where = f"example {finding.example}, step {finding.step}: " if finding.step else ""
    told = [f"{where}{finding.message}"]
    told += [f"constraint: {finding.constraint}"] if finding.constraint else []
    told += [f"allowed: {', '.join(finding.allowed)}"] if finding.allowed else []
    return "\n".join([*told, *(f"repair: {edit}" for edit in finding.repair)])


def annotation(finding: Finding) -> str:
    """A finding as a workflow command, by which GitHub shows it beside the line."""
    place = finding.location
    kind = "warning" if finding.warning else "error"
    title = f"{finding.kind}: {', '.join(finding.rules)}" if finding.rules else str(finding.kind)
    properties = f"file={_property(place.source)},line={place.line},col={place.column},title={_property(title)}"
    return f"::{kind} {properties}::{_escaped(message(finding))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
