"""A repaired copy of a file of prompt examples, beside it: NAME.fixed.EXT. The file itself is never written.

A copy of ours says so in its first line, with the sum of the rest; only what is still such a copy is replaced.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from agentspec.episode.examples_read import Line, Text
from agentspec.episode.examples_repair import Edit
from agentspec.errors import InvalidInput

_HEAD = re.compile(r"# repaired by agentspec validate-prompts --fix, sha256 of the rest: ([0-9a-f]{64})\n")


def edited(text: str, edits: Sequence[tuple[Edit, Line | None]]) -> str:
    """The text with edits, each with the line of the example before which or at which it stands (None: at the end)."""
    rows = text.split("\n")
    before: dict[int, list[str]] = {}
    gone: dict[int, list[str]] = {}
    skipped: set[int] = set()
    for edit, line in edits:
        if edit.kind == "insert":
            before.setdefault(edit.number, []).extend(edit.text.split("\n"))
            continue
        assert line is not None
        skipped |= set(range(line.number, line.number + max(len(line.rows), 1)))
        if edit.kind == "change":
            gone[line.number] = edit.text.split("\n")
    made: list[str] = []
    for number, row in enumerate(rows, start=1):
        made += before.pop(number, [])
        if number in skipped:
            made += gone.get(number, [])
        else:
            made.append(row)
    for number in sorted(before):
        made += before[number]
    whole = "\n".join(made)
    return whole if whole.endswith("\n") else f"{whole}\n"


def fixed_path(path: Path) -> Path:
    """Where the repaired copy of a file lies."""
    return path.with_name(f"{path.stem}.fixed{path.suffix}")


def write_fixed(path: Path, body: str, like: Text, *, headed: bool = True) -> Path:
    """Write a repaired copy with the line ends of the file it is of. Raises InvalidInput where another file is there.

    ``headed``: the form of the file has comments, so that the copy can say that it is one.
    """
    target = fixed_path(path)
    known = _known(target)
    if known is not None and known != body and not (headed and _is_ours(known)):
        raise InvalidInput(f"{target} exists and is no untouched copy of ours; move it away, or repair by hand")
    head = f"# repaired by agentspec validate-prompts --fix, sha256 of the rest: {_sum(body)}\n" if headed else ""
    whole = head + body
    data = (whole.replace("\n", "\r\n") if like.windows else whole).encode("utf-8", "surrogateescape")
    try:
        target.write_bytes((b"\xef\xbb\xbf" if like.mark else b"") + data)
    except OSError as problem:
        raise InvalidInput(f"{target} cannot be written: {problem.strerror or problem}") from None
    return target


def _known(target: Path) -> str | None:
    try:
        return target.read_bytes().decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n")
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise InvalidInput(f"{target} cannot be read: {problem.strerror or problem}") from None


def _is_ours(text: str) -> bool:
    found = _HEAD.match(text)
    return found is not None and found[1] == _sum(text[found.end() :])


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
