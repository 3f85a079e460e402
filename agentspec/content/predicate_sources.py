"""What is known of a predicate's function without importing it: its file and what the lock file says of that."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentspec.content.predicate_ref import PredicateRef
from agentspec.content.tool_file import ToolFile, read_tool_file
from agentspec.content.tool_lock import LOCK_FILE, read_predicates
from agentspec.content.tool_sources import lock_command
from agentspec.errors import InvalidInput, nearest


@dataclass(frozen=True)
class PredicateSource:
    """A named function and its file, read once; ``fault`` says why it cannot be used, None if it can."""

    ref: PredicateRef
    file: ToolFile | None = None
    fault: str | None = None


def predicate_source(
    ref: PredicateRef, beside: Path | None, *, agent: Path | None = None, what: str = "predicate"
) -> PredicateSource:
    """What lies on this machine of a function in a file. Raises InvalidInput for a lock file that is broken."""
    what = f"{what} {ref.text}"
    if ref.file is None:
        return PredicateSource(
            ref, fault=f"{what}: its function is a program's: give it with agentspec.load(…, predicates={{…}})"
        )
    if beside is None:
        fault = f"{what}: this text lies in no folder, so there is no {ref.file} beside it; save it as a file"
        return PredicateSource(ref, fault=fault)
    try:
        file = read_tool_file(beside, ref.file)
    except InvalidInput as problem:
        return PredicateSource(ref, fault=f"{what}: {problem.message}")
    command, where = lock_command(beside, ref.file, agent), beside / LOCK_FILE
    if not where.exists():
        missing = f"{what} is not locked: there is no {where}; run {command}, which imports {ref.file}"
        return PredicateSource(ref, file, missing)
    locked = read_predicates(where)
    if ref.key not in locked:
        same = [key for key in locked if key.rpartition(":")[0] == ref.file]
        hint = nearest(ref.key, same)
        near = f"{hint.removeprefix('; ')} " if hint.endswith("?") else ""
        return PredicateSource(ref, file, f"{what} is not in {where}; {near}run {command}, which imports {ref.file}")
    if locked[ref.key] != file.sha256:
        changed = f"{where} is out of date: {ref.file} has changed since it was locked"
        return PredicateSource(ref, file, f"{what}: {changed}; run {command}, which imports it")
    return PredicateSource(ref, file)
