"""``agentspec`` as a process of its own: what it writes, how it ends, which traces remain."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PLAIN = [sys.executable, "-m", "agentspec"]
TOY = [sys.executable, str(Path(__file__).with_name("toy_run.py"))]
"""The same with a toy for a model."""

SHAPE = {"schema_version", "status", "answer", "guarantee", "verdicts", "usage", "trace_path"}
EXIT = {
    "accepted": {0}, "refused": {2, 3}, "stopped_rule": {1}, "pending": {1}, "stopped_limit": {3}, "engine_fault": {4},
    "cancelled": {130},
}  # fmt: skip
"""The exit codes that each status may come with."""

Trace = list[dict[str, Any]]


@dataclass(frozen=True)
class Done:
    """A process that has ended."""

    code: int
    out: str
    err: str

    @property
    def shape(self) -> dict[str, Any]:
        """The object on stdout, beside which nothing stands there; of ``run``, with all its keys."""
        shown: dict[str, Any] = json.loads(self.out)
        assert shown["schema_version"] == 1
        if "status" in shown:
            assert set(shown) >= SHAPE
            assert self.code in EXIT[shown["status"]], shown
        return shown

    def carets(self) -> list[tuple[int, int, str]]:
        """Line and column of each message with a place, whose caret stands under that column, and what stands there."""
        found = []
        lines = self.err.split("\n")
        for i, line in enumerate(lines):
            place = re.search(r"\S:(\d+):(\d+): ", line)
            if place is not None and i + 2 < len(lines) and lines[i + 2].strip() == "^":
                column = lines[i + 2].index("^")
                found.append((int(place[1]), int(place[2]), lines[i + 1][column:]))
        return found


class Place:
    """A folder to work in, with traces, trust and hub caches of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.trace_folder = folder / "traces"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("AGENTSPEC_", "HF_", "TOY_"))},
            "AGENTSPEC_TRACE_DIR": str(self.trace_folder),
            "AGENTSPEC_STATE_DIR": str(folder / "state"),
            "HF_HOME": str(folder / "hub"),
            "AGENTSPEC_MODEL": "no-model-is-wanted-here",
            "AGENTSPEC_CACHE": "off",
            "NO_COLOR": "1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        if "AGENTSPEC_CACHE_DIR" in os.environ:
            self.environment["AGENTSPEC_CACHE_DIR"] = os.environ["AGENTSPEC_CACHE_DIR"]

    def write(self, name: str, text: str | bytes) -> str:
        """A file; returns its name."""
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    def agentspec(self, *arguments: str, stdin: str | bytes = b"", program: list[str] = PLAIN, **more: str) -> Done:
        """Run it to its end. ``more`` is the environment's."""
        done = subprocess.run(
            [*program, *arguments],
            capture_output=True,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            cwd=self.folder,
            env={**self.environment, **more},
            timeout=120,
            check=False,
        )
        ended = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in ended.err, ended.err
        return ended

    def toy(self, *arguments: str, stdin: str | bytes = b"", **more: str) -> Done:
        """The same with a toy for a model."""
        return self.agentspec(*arguments, stdin=stdin, program=TOY, **more)

    def start(self, *arguments: str, program: list[str] = TOY, **more: str) -> subprocess.Popen[str]:
        """Start it with a toy for a model; who starts it ends it."""
        return subprocess.Popen(
            [*program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={**self.environment, **more},
            encoding="utf-8",
        )

    def shell(self, script: str, **more: str) -> Done:
        """Run a script of the shell's in which ``agentspec`` is the plain one and ``toy`` the other."""
        functions = "\n".join(
            f'{name}() {{ {" ".join(map(_quoted, program))} "$@"; }}'
            for name, program in (("agentspec", PLAIN), ("toy", TOY))
        )
        return self.agentspec("-c", f"{functions}\n{script}", program=["bash"], **more)

    def inside(self, *arguments: str, stdin: bytes = b"", toy: bool = False, **more: str) -> Done:
        """The plain one, or that with a toy for a model, in this process, which is quicker."""
        from agentspec.__main__ import main

        environment = {**self.environment, **more}
        code: object = 0
        with pytest.MonkeyPatch.context() as patch, _redirected(patch, stdin) as (out, err):
            patch.chdir(self.folder)
            for name in [name for name in os.environ if name not in environment]:
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["agentspec", *arguments])
            if toy:
                from tests.cli.toy_run import prepare

                prepare(patch.setattr)
            try:
                main()
            except SystemExit as ending:
                code = ending.code
            sys.stdout.flush()
            sys.stderr.flush()
            assert isinstance(code, int)
            return Done(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))

    def traces(self) -> list[Trace]:
        """The traces that were left, each line of which is whole."""
        return [read_trace(file) for file in sorted(self.trace_folder.glob("*"))]

    def trace(self) -> Trace:
        """The one trace that was left."""
        traces = self.traces()
        assert len(traces) == 1
        return traces[0]


@contextlib.contextmanager
def _redirected(patch: pytest.MonkeyPatch, stdin: bytes) -> Iterator[tuple[Path, Path]]:
    """Let the standard streams of this process lie in files, Python's and those beneath it."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as undo:
        files = [Path(folder) / name for name in ("in", "out", "err")]
        files[0].write_bytes(stdin)
        for number, (file, name) in enumerate(zip(files, ("stdin", "stdout", "stderr"), strict=True)):
            opened = os.open(file, os.O_RDWR | os.O_CREAT)
            undo.callback(os.close, opened)
            saved = os.dup(number)
            undo.callback(os.close, saved)
            undo.callback(os.dup2, saved, number)
            os.dup2(opened, number)
            stream = os.fdopen(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)
            patch.setattr(sys, name, stream)
        yield files[1], files[2]


def read_trace(file: Path) -> Trace:
    """The records of a trace: an episode, its steps by number, and one result at the end."""
    text = file.read_text(encoding="utf-8")
    assert text.endswith("\n"), text[-200:]
    records: Trace = [json.loads(line) for line in text.split("\n")[:-1]]
    kinds = [record["type"] for record in records]
    assert kinds == ["episode", *["step"] * (len(kinds) - 2), "result"]
    assert [record["index"] for record in records[1:-1]] == list(range(len(kinds) - 2))
    assert records[-1]["usage"]["steps"] == len(kinds) - 2
    return records


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
