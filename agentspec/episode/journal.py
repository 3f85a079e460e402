"""The journal of an episode: append-only JSON lines, each on disk before the next step begins."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import time
from pathlib import Path
from types import TracebackType
from typing import Any

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
        self._file: io.FileIO | None = None
        self._whole = 0

    def write(self, record: dict[str, Any]) -> None:
        """Append one record and wait until it is on disk; a line that does not fit is taken back."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = io.FileIO(self.path, "x")
            written = 0
            while written < len(line):
                written += self._file.write(line[written:]) or 0
            os.fsync(self._file.fileno())
            self._whole += len(line)
        except OSError as problem:
            self._take_back()
            raise EngineFault(f"the trace {self.path} cannot be written: {problem.strerror or problem}") from problem

    def _take_back(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.truncate(self._whole)
                self._file.seek(self._whole)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
