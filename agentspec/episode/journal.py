"""The journal of an episode: append-only JSON lines, each on disk before the next step begins."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import platformdirs

from agentspec.errors import EngineFault, InvalidInput


def trace_folder() -> Path:
    """``AGENTSPEC_TRACE_DIR``, else the user's state folder."""
    named = os.environ.get("AGENTSPEC_TRACE_DIR")
    try:
        return Path(named).expanduser() if named else Path(platformdirs.user_state_dir("agentspec")) / "traces"
    except RuntimeError:
        raise InvalidInput(f"AGENTSPEC_TRACE_DIR names no folder: {named!r}") from None


class Journal:
    """One trace file, named by agent and time, made at the first record.

    Raises EngineFault where it cannot be written (fail closed).
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        folder = folder or trace_folder()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        self.path = folder / f"{name}-{stamp}-{secrets.token_hex(3)}.jsonl"
        self._file: TextIO | None = None

    def write(self, record: dict[str, Any]) -> None:
        """Append one record and wait until it is on disk."""
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("x", encoding="utf-8")
            self._file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as problem:
            raise EngineFault(f"the trace {self.path} cannot be written: {problem.strerror or problem}") from problem

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
