"""Which tool files the user of this machine has allowed to run: their real paths and the sums of their text.

Only the user's own act puts a file here: ``agentspec tools lock``. A lock file that came with a download does not.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from agentspec import limits
from agentspec.content.tool_file import ToolFile, read_bounded
from agentspec.engines.lock import locked
from agentspec.errors import InvalidInput

_VERSION = 1


@dataclass(frozen=True)
class TrustStore:
    """``files``: the sum of each trusted file by its real path. ``fault``: why the store counts as empty, or ''."""

    path: Path
    files: Mapping[str, str]
    fault: str = ""

    def objection(self, file: ToolFile, command: str) -> str | None:
        """Why the file may not run, and that ``command`` would trust it; None for a trusted file."""
        known = self.files.get(str(file.path))
        if known == file.sha256:
            return None
        said = "is not trusted" if known is None else "has changed since you trusted it"
        fault = f" ({self.fault}: nothing in it counts)" if self.fault else ""
        return (
            f"{file.path} {said}{fault}; a lock file that came with it is no proof. Read it, and what it imports; then "
            f"run {command} to trust it as it is, or name it for one run with --tools"
        )


def store_path() -> Path:
    """``trusted.json`` in ``AGENTSPEC_STATE_DIR``, else in the user's state folder."""
    chosen = os.environ.get("AGENTSPEC_STATE_DIR")
    return Path(chosen or platformdirs.user_state_dir("agentspec")).expanduser().absolute() / "trusted.json"


def read_trust() -> TrustStore:
    """The store. Never raises: one that cannot be read trusts nothing, and says why."""
    path = store_path()
    if not path.exists():
        return TrustStore(path, {})
    try:
        content = json.loads(read_bounded(path, limits.TRUST_BYTES))
    except InvalidInput as problem:
        return TrustStore(path, {}, problem.message)
    except (ValueError, RecursionError) as problem:
        return TrustStore(path, {}, f"{path}: not JSON: {problem}")
    if not isinstance(content, dict) or set(content) != {"version", "files"} or content["version"] != _VERSION:
        return TrustStore(path, {}, f'{path}: expected {{"version": {_VERSION}, "files": {{…}}}}')
    files = content["files"]
    if not isinstance(files, dict) or not all(
        isinstance(sha256, str) and re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in files.values()
    ):
        return TrustStore(path, {}, f"{path}: 'files' must hold a SHA-256 for each path")
    return TrustStore(path, files)


def record_trust(files: Iterable[ToolFile]) -> TrustStore:
    """Trust these files as they were read, beside those trusted already. Returns the store as it was before.

    A store that could not be read is written anew. Raises InvalidInput where nothing can be written.
    """
    added = {str(file.path): file.sha256 for file in files}
    path = store_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path.with_name("trusted.lock"), waiting=lambda: None):
            before = read_trust()
            content = {"version": _VERSION, "files": dict(sorted({**before.files, **added}.items()))}
            replace_text(path, json.dumps(content, indent=1) + "\n", 0o600)
    except OSError as problem:
        reason = problem.strerror or problem
        raise InvalidInput(
            f"{path}: trust cannot be recorded: {reason}; AGENTSPEC_STATE_DIR names another folder"
        ) from problem
    return before


def replace_text(path: Path, text: str, mode: int = 0o666) -> None:
    """Write a file as a whole or not at all; ``mode`` is narrowed by the umask. Raises OSError."""
    beside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
